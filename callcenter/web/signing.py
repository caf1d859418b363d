"""Signed values for people who are not signed in yet: the sign-in form's token and the mark of a known device."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from itsdangerous import BadSignature, URLSafeTimedSerializer

from callcenter.core.settings import get_settings

FORM_SECONDS = 2 * 3600
STEP_SECONDS = 10 * 60
DEVICE_SECONDS = 180 * 86400


@lru_cache
def _key_of(configured: str, data: Path) -> str:
    """The configured key, else one of the data folder, made on first use by whichever process comes first."""
    if configured:
        return configured
    path = data / "web-secret"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip() or configured
    with os.fdopen(handle, "w") as file:
        key = secrets.token_urlsafe(48)
        file.write(key)
    return key


def _serializer(purpose: str) -> URLSafeTimedSerializer:
    settings = get_settings()
    return URLSafeTimedSerializer(_key_of(settings.secret_key.get_secret_value(), settings.data_dir), salt=f"callcenter.{purpose}")


def form_token(visit: str) -> str:
    """The token of a sign-in form shown to the browser that holds the cookie value `visit`."""
    return _serializer("form").dumps(visit)


def is_form_token(token: str, visit: str) -> bool:
    """Whether `token` was made for `visit` within the last two hours."""
    try:
        held = _serializer("form").loads(token, max_age=FORM_SECONDS)
    except BadSignature:
        return False
    return bool(visit) and secrets.compare_digest(str(held), visit)


def step_token(visit: str, office_id: int, user_id: int) -> str:
    """Says that this user gave the right password in the browser that holds `visit`; good for ten minutes."""
    return _serializer("step").dumps([visit, office_id, user_id])


def step_of(token: str, visit: str) -> tuple[int, int] | None:
    """Office and user of a `step_token` made for `visit`, else None."""
    try:
        held, office_id, user_id = _serializer("step").loads(token, max_age=STEP_SECONDS)
    except (BadSignature, ValueError, TypeError):
        return None
    return (office_id, user_id) if visit and secrets.compare_digest(str(held), visit) else None


def seal_key() -> bytes:
    """256 bits that seal what the database alone must not tell; other ones as soon as the secret key is another."""
    settings = get_settings()
    key = _key_of(settings.secret_key.get_secret_value(), settings.data_dir)
    return hmac.new(key.encode(), b"callcenter.seal:1", hashlib.sha256).digest()


def seal(content: dict[str, Any]) -> str:
    """What a browser keeps for us for ten minutes without being able to read it."""
    return Fernet(base64.urlsafe_b64encode(seal_key())).encrypt(json.dumps(content).encode()).decode("ascii")


def unseal(sealed: str) -> dict[str, Any] | None:
    """What was sealed less than ten minutes ago, else None."""
    try:
        opened = Fernet(base64.urlsafe_b64encode(seal_key())).decrypt(sealed.encode(), ttl=STEP_SECONDS)
    except InvalidToken:
        return None
    content: dict[str, Any] = json.loads(opened)
    return content


def phone_password(office_id: int, agent_session_id: int, leg_id: str) -> str:
    """What a browser's phone registers with: of this sign-in only, the same after a reload, kept nowhere."""
    settings = get_settings()
    key = _key_of(settings.secret_key.get_secret_value(), settings.data_dir)
    text = f"callcenter.phone:{office_id}:{agent_session_id}:{leg_id}"
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def device_token(office_id: int, user_id: int) -> str:
    """A mark for a browser on which that user has signed in."""
    return _serializer("device").dumps([office_id, user_id, secrets.token_urlsafe(12)])


def device_of(token: str, office_id: int, user_id: int | None) -> str | None:
    """The device's own name if the mark is of this user, else None."""
    try:
        office, user, name = _serializer("device").loads(token, max_age=DEVICE_SECONDS)
    except (BadSignature, ValueError, TypeError):
        return None
    return str(name) if (office, user) == (office_id, user_id) else None
