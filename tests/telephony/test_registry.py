"""Carriers by name, and the commands around them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from callcenter.commands.telephony import app
from callcenter.core.clock import ManualClock
from callcenter.core.errors import InvalidInput
from callcenter.core.settings import Settings, get_settings
from dialer.telephony.asterisk.render import FILES
from dialer.telephony.registry import build_carrier, build_recordings
from tests.telephony.fake_ami import FakeAmi, refusal

CLOCK = ManualClock(datetime(2026, 4, 1, tzinfo=UTC))
COMPLETE = {
    "ami_secret": SecretStr("s"),
    "twilio_account_sid": "AC1",
    "twilio_auth_token": SecretStr("t"),
    "public_url": "https://calls.example.jp",
}


@pytest.mark.parametrize("name", ["simulator", "asterisk", "twilio"])
def test_every_carrier_can_be_built(name: str) -> None:
    carrier = build_carrier(Settings(carrier=name, **COMPLETE), CLOCK)  # type: ignore[arg-type]
    assert carrier.name == name
    carrier.close()


@pytest.mark.parametrize(("name", "holds"), [("simulator", False), ("asterisk", False), ("twilio", True)])
def test_only_a_carrier_that_holds_recordings_is_asked_for_them(name: str, holds: bool) -> None:
    assert (build_recordings(Settings(carrier=name, **COMPLETE)) is not None) == holds  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "missing", "hint"),
    [
        ("asterisk", {"ami_secret": SecretStr("")}, "CALLCENTER_AMI_SECRET"),
        ("twilio", {"twilio_account_sid": ""}, "CALLCENTER_TWILIO_ACCOUNT_SID"),
        ("twilio", {"public_url": ""}, "CALLCENTER_PUBLIC_URL"),
    ],
)
def test_missing_settings_are_named(name: str, missing: dict[str, object], hint: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        build_carrier(Settings(carrier=name, **{**COMPLETE, **missing}), CLOCK)  # type: ignore[arg-type]
    assert hint in refused.value.hint


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in {"CARRIER": "asterisk", "AMI_SECRET": "s3cret", "TRUNK": "ntt"}.items():
        monkeypatch.setenv(f"CALLCENTER_{name}", value)
    get_settings.cache_clear()
    yield monkeypatch
    get_settings.cache_clear()


def test_check_of_an_unreachable_asterisk_is_one_line_and_no_traceback(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CALLCENTER_AMI_PORT", "1")
    done = CliRunner().invoke(app, ["check"])
    assert done.exit_code == 1
    assert done.stdout.startswith("FAIL connection: 127.0.0.1:1")
    assert len(done.stdout.splitlines()) == 1


def test_check_of_a_wrong_secret_as_json(environment: pytest.MonkeyPatch) -> None:
    with FakeAmi() as server:
        server.answers["Login"] = refusal("Authentication failed")
        environment.setenv("CALLCENTER_AMI_PORT", str(server.port))
        done = CliRunner().invoke(app, ["check", "--json"])
    document = json.loads(done.stdout)
    assert done.exit_code == 1
    assert [(line["name"], line["ok"]) for line in document["checks"]] == [("connection", True), ("login", False)]
    assert "s3cret" not in done.output


def test_render_writes_the_files(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("phone-secret\n")
    phone = f"op-1:{tmp_path}/secret"
    done = CliRunner().invoke(app, ["render", str(tmp_path / "etc"), "--trunk-host", "192.0.2.7", "--trunk-qualify", "0", "--phone", phone])
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "etc").iterdir()) == sorted(FILES)
    pjsip = (tmp_path / "etc/pjsip.conf").read_text()
    assert "[ntt]" in pjsip
    assert "qualify_frequency = 0" in pjsip
    assert "[op-1-auth]" in pjsip
    assert "webrtc" not in pjsip, "a desk telephone: those of browsers are made at sign-in"
    assert "secret = s3cret" in (tmp_path / "etc/manager.conf").read_text()


@pytest.mark.parametrize("phone", ["op-1", "op-1:/nowhere/secret", "op 1:SECRET"])
def test_render_refuses_a_wrong_phone_and_writes_nothing(environment: pytest.MonkeyPatch, tmp_path: Path, phone: str) -> None:
    (tmp_path / "secret").write_text("x")
    given = phone.replace("SECRET", str(tmp_path / "secret"))
    done = CliRunner().invoke(app, ["render", str(tmp_path / "etc"), "--trunk-host", "192.0.2.7", "--phone", given])
    assert isinstance(done.exception, InvalidInput)
    assert not (tmp_path / "etc").exists()
