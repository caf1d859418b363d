"""Settings from the environment, each with a default that works on a newcomer's machine."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from callcenter.core.errors import InvalidInput


class Settings(BaseSettings):
    """Everything that differs between installations; read once per process.

    `DATABASE_URL` and `REDIS_URL` unset mean the embedded PostgreSQL and Valkey of the data folder.
    """

    model_config = SettingsConfigDict(env_prefix="CALLCENTER_", extra="ignore", populate_by_name=True)

    data: Path = Path("var")
    database_url: SecretStr | None = Field(default=None, validation_alias="DATABASE_URL")
    redis_url: SecretStr | None = Field(default=None, validation_alias="REDIS_URL")
    office: str = ""
    lang: Literal["ja", "en"] = "ja"
    log_level: str = "INFO"

    host: str = "127.0.0.1"
    port: int = Field(default=8400, ge=1, le=65535)
    public_url: str = ""
    cookie_secure: bool = False
    trusted_proxy: str = ""
    upload_max_mb: int = 512
    close_warning_percent: int = Field(default=20, ge=0, le=100)
    secret_key: SecretStr = SecretStr("")
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    oidc_label: str = ""

    carrier: Literal["simulator", "asterisk", "twilio"] = "simulator"
    caller_id: str = "+81300000000"
    lines: int = 8
    calls_per_second: float = 5.0
    dial_ip_phones: bool = True

    ami_host: str = "127.0.0.1"
    ami_port: int = 5038
    ami_user: str = "callcenter"
    ami_secret: SecretStr = SecretStr("")
    trunk: str = "carrier"
    softphone_url: str = Field(default="", pattern=r"^(|wss?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._/-]*)?)$")
    sounds: Path = Path("/var/lib/asterisk/sounds/callcenter")
    recording_spool: Path = Path("/dev/shm/callcenter")  # noqa: S108 - memory on purpose: no plain sound on a disk

    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_secret: SecretStr = SecretStr("")
    mail_from: str = "callcenter@localhost"
    pack_mail_to: str = ""

    sms_sender: Literal["simulator", "twilio", "gateway"] = "simulator"
    sms_gateway: Path | None = None
    sms_gateway_url: str = ""
    sms_gateway_user: str = ""
    sms_gateway_secret: SecretStr = SecretStr("")
    sms_gateway_callback_secret: SecretStr = SecretStr("")
    sms_gateway_from: str = ""
    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = SecretStr("")
    twilio_base_url: str = ""
    twilio_messaging_service: str = ""
    twilio_from: str = ""

    @property
    def data_dir(self) -> Path:
        """The data folder as an absolute path, made on first use."""
        path = self.data.expanduser().resolve()
        path.mkdir(parents=True, exist_ok=True)
        return path


@lru_cache
def get_settings() -> Settings:
    """The process's settings; `get_settings.cache_clear()` reads the environment anew.

    Raises:
        InvalidInput: a variable can't be read; says which and what was expected.
    """
    try:
        return Settings()
    except ValidationError as problem:
        raise InvalidInput(" ".join(map(describe, problem.errors()))) from None  # the values may be secret


def describe(error: ErrorDetails) -> str:
    """One sentence about a variable that can't be read, without its value."""
    name = str(error["loc"][0])
    return f"{name if name.isupper() else f'CALLCENTER_{name.upper()}'} is not usable: {error['msg']}."
