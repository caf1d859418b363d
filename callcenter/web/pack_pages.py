"""The strategy meeting's pack: its commentary, and the month as PDF and workbook."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.models import Office
from callcenter.auth.permissions import Action
from callcenter.auth.permissions import may as is_allowed
from callcenter.core.clock import local_day, utc_now
from callcenter.core.errors import InvalidInput
from callcenter.web.dependencies import Form, Once, SignedIn, Tx, may, once
from callcenter.web.pages import lang_of, page, shell_of, words_of
from reports.exports.files import MEDIA_TYPES
from reports.pack.content import gather, last_of
from reports.pack.document import pack_pdf
from reports.pack.notes import LONGEST, SECTIONS, keep_notes, notes_of
from reports.pack.workbook import pack_xlsx
from reports.periods import read_month

router = APIRouter(prefix="/reports/pack")
Reader = Annotated[SignedIn, may(Action.SEE_REPORTS)]
Keeper = Annotated[SignedIn, may(Action.IMPORT_FILES)]


def _today(session: Session, who: SignedIn) -> date:
    return local_day(utc_now(), ZoneInfo(session.get_one(Office, who.office_id).time_zone))


def _month(session: Session, who: SignedIn, text: str) -> date:
    """The month asked for; without one the last that is over."""
    today = _today(session, who)
    month = read_month(text) if text else (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    if month > today:
        raise InvalidInput("まだ始まっていない月です。", hint=f"{today:%Y-%m}までの月を選んでください。", code="future_month")
    return month


@router.get("")
def show_pack(request: Request, session: Tx, who: Reader, month: str = "") -> Response:
    """The commentary of a month, and the files made of it."""
    lang = lang_of(request)
    first = _month(session, who, month)
    notes = notes_of(session, first)
    model = {
        "month": f"{first:%Y-%m}",
        "is_part": last_of(first) >= _today(session, who),
        "longest": LONGEST,
        "may_keep": is_allowed(who.role, Action.IMPORT_FILES),
        "sections": [{"name": name, "label": words.in_language(lang), "text": notes[name]} for name, words in SECTIONS.items()],
    }
    return page(request, "pack.html", shell_of(request, words_of(request)("pack.title")), page=model)


@router.post("/notes")
def keep(session: Tx, who: Keeper, form: Form, done: Annotated[Once, once]) -> Response:
    """Keeps the commentary."""
    first = _month(session, who, str(form.get("month", "")))
    if not done.is_repeat:
        keep_notes(session, first, {name: str(form.get(name, "")) for name in SECTIONS}, who.user_id, utc_now())
        audit.record(session, "pack.notes_kept", "pack", None, who.user_id, who.address, {"month": f"{first:%Y-%m}"}, utc_now())
    return RedirectResponse(f"/reports/pack?month={first:%Y-%m}", 303)


@router.get("/month.pdf")
def download_pdf(session: Tx, who: Reader, month: str = "") -> Response:
    """The pack for paper and screen."""
    pack = gather(session, _month(session, who, month), utc_now())
    return _file(pack_pdf(pack), pack.month, "pdf")


@router.get("/month.xlsx")
def download_xlsx(session: Tx, who: Reader, month: str = "") -> Response:
    """The pack's tables."""
    pack = gather(session, _month(session, who, month), utc_now())
    return _file(pack_xlsx(pack), pack.month, "xlsx")


def _file(data: bytes, month: date, kind: str) -> Response:
    return Response(
        data, media_type=MEDIA_TYPES[kind], headers={"Content-Disposition": f'attachment; filename="pack-{month:%Y-%m}.{kind}"'}
    )
