"""`callcenter telephony check|render`: whether calls could be made, and the configuration of an Asterisk that makes them."""

from __future__ import annotations

from pathlib import Path

import typer

from callcenter.commands.runtime import put, say
from callcenter.core.clock import SystemClock
from callcenter.core.errors import AppError, InvalidInput
from callcenter.core.settings import get_settings
from dialer.telephony.asterisk.render import AsteriskPlan, PhonePlan, TrunkPlan, write
from dialer.telephony.registry import build_carrier

app = typer.Typer(help="The connection to the telephone network.", no_args_is_help=True)


@app.command("check")
def check(as_json: bool = typer.Option(False, "--json", help="One JSON document.")) -> None:
    """Tries the configured carrier without calling anybody; exit status 1 if something is wrong."""
    settings = get_settings()
    carrier = build_carrier(settings, SystemClock())
    try:
        lines = carrier.check()
    finally:
        carrier.close()
    rows = [{"name": line.name, "ok": line.is_ok, "detail": line.detail, "hint": line.hint} for line in lines]
    put(
        {"carrier": settings.carrier, "checks": rows},
        as_json_document=as_json,
        lines=lambda: [f"{'ok  ' if line.is_ok else 'FAIL'} {line.name}: {line.detail} {line.hint}".rstrip() for line in lines],
    )
    if not all(line.is_ok for line in lines):
        raise typer.Exit(1)


@app.command("render")
def render(
    folder: Path = typer.Argument(help="Where the files go, for instance /etc/asterisk."),
    trunk_host: str = typer.Option(..., help="The telephone company's SIP server."),
    trunk_port: int = typer.Option(5060, min=1, max=65535),
    trunk_user: str = typer.Option("", help="For a trunk that is registered to."),
    trunk_secret_file: Path | None = typer.Option(None, help="A file with the trunk's secret."),
    trunk_qualify: int = typer.Option(
        30, min=0, max=3600, help="Seconds between two looks at whether the trunk is there (OPTIONS); 0 for one that does not answer them."
    ),
    phone: list[str] = typer.Option([], help="A desk telephone that registers, NAME:FILE with its secret in FILE; repeatable."),
    tls_certificate: str = typer.Option(
        "", help="Lets browsers' phones connect to Asterisk itself by wss on port 8089; not needed behind a proxy."
    ),
    tls_key: str = typer.Option("", help="The certificate's key, where it is in a file of its own."),
    external_address: str = typer.Option("", help="The public address, where Asterisk is behind NAT."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Writes Asterisk's configuration files from the settings (CALLCENTER_AMI_*, CALLCENTER_TRUNK)."""
    settings = get_settings()
    secret = _secret(trunk_secret_file) if trunk_secret_file else ""
    plan = AsteriskPlan(
        trunk=TrunkPlan(settings.trunk, trunk_host, trunk_port, trunk_user, secret, qualify_seconds=trunk_qualify),
        ami_secret=settings.ami_secret.get_secret_value(),
        ami_user=settings.ami_user,
        ami_port=settings.ami_port,
        external_address=external_address,
        tls_certificate=tls_certificate,
        tls_key=tls_key or tls_certificate,
        recording_spool=str(settings.recording_spool),
        sounds=str(settings.sounds),
        phones=tuple(_phone(text) for text in phone),
    )
    try:
        written = [str(path) for path in write(plan, folder)]
    except OSError as problem:
        raise AppError(f"{folder} can't be written ({problem.strerror}).", hint="Choose a folder you may write to.") from problem
    put({"written": written}, as_json_document=as_json, lines=lambda: written)
    say("Files with secrets are readable by their owner only: give them to the user Asterisk runs as.")


def _phone(text: str) -> PhonePlan:
    name, separator, path = text.partition(":")
    if not separator:
        raise InvalidInput("A phone is written NAME:FILE.", hint="FILE holds its secret.", code="usage")
    return PhonePlan(name, secret=_secret(Path(path)))


def _secret(path: Path) -> str:
    try:
        secret = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise InvalidInput(f"The secret in {path} can't be read.", hint="Expected a text file with one line.") from problem
    if not secret:
        raise InvalidInput(f"The secret in {path} is empty.")
    return secret
