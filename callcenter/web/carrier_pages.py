"""Telephone and message carriers, for administrators: what is set, and a button that tries it without calling anybody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.core.clock import SystemClock, utc_now
from callcenter.core.errors import AppError
from callcenter.core.settings import Settings, get_settings
from callcenter.web.dependencies import SignedIn, Tx, may
from callcenter.web.pages import lang_of, page, shell_of, words_of
from callcenter.web.problems import told
from dialer.telephony.port import CheckLine
from dialer.telephony.registry import build_carrier

router = APIRouter()
Shaper = Annotated[SignedIn, may(Action.SHAPE_OFFICE)]
NEEDED = {
    "simulator": (),
    "asterisk": ("ami_host", "ami_port", "ami_user", "ami_secret", "trunk", "softphone_url"),
    "twilio": ("twilio_account_sid", "twilio_auth_token", "public_url"),
}
SECRET = frozenset({"ami_secret", "twilio_auth_token"})


@router.get("/carriers")
def show_carriers(request: Request, session: Tx, who: Shaper) -> Response:
    """What is set; secrets only as set or not."""
    return _page(request, None)


@router.post("/carriers/test")
def test_carrier(request: Request, session: Tx, who: Shaper) -> Response:
    """Connects to the carrier, asks it what it can do, and says so line by line; nobody is called."""
    settings = get_settings()
    try:
        lines = check(settings)
    except AppError as problem:
        lines = [CheckLine("settings", False, " ".join(told(problem, lang_of(request))).strip())]
    _note(session, who, settings, lines)
    return _page(request, lines)


def check(settings: Settings) -> Sequence[CheckLine]:
    """The carrier's own account of itself. Raises AppError for settings that can't work."""
    carrier = build_carrier(settings, SystemClock())
    try:
        return carrier.check()
    finally:
        carrier.close()


def _note(session: Session, who: SignedIn, settings: Settings, lines: Sequence[CheckLine]) -> None:
    detail = {"carrier": settings.carrier, "is_ok": all(line.is_ok for line in lines)}
    audit.record(session, "carrier.tested", "office", who.office_id, who.user_id, who.address, detail, utc_now())


def _page(request: Request, lines: Sequence[CheckLine] | None) -> Response:
    t, settings = words_of(request), get_settings()
    rows: list[dict[str, Any]] = [
        {"name": f"CALLCENTER_{name.upper()}", "value": _shown(settings, name), "is_secret": name in SECRET}
        for name in ("caller_id", "lines", "calls_per_second", *NEEDED[settings.carrier])
    ]
    return page(
        request,
        "carriers.html",
        shell_of(request, t("nav.carriers")),
        carrier={"name": settings.carrier, "word": t(f"carriers.{settings.carrier}"), "is_real": settings.carrier != "simulator"},
        rows=rows,
        lines=lines,
        is_whole=lines is not None and all(line.is_ok for line in lines),
    )


def _shown(settings: Settings, name: str) -> str:
    """A setting's value; of a secret only whether there is one, as `set` or nothing."""
    value = getattr(settings, name)
    if name in SECRET:
        return "set" if value.get_secret_value() else ""
    return str(value)
