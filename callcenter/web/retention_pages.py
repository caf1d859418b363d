"""How long data is kept, with what would go now and what a change would make go: looked at first, then saved."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.models import AuditEvent, Office
from callcenter.auth.permissions import Action
from callcenter.core import retention
from callcenter.core.clock import local_day, utc_now
from callcenter.core.retention import KEY, MOST_DAYS, Kind, days_of
from callcenter.web.dependencies import Form, SignedIn, Tx, may
from callcenter.web.pages import page, shell_of, words_of
from dialer.recordings.retention import preview as recordings_due
from dialer.retention import KINDS

router = APIRouter()
Shaper = Annotated[SignedIn, may(Action.SHAPE_OFFICE)]
DONE = "retention.done"


@router.get("/retention")
def show_retention(request: Request, session: Tx, who: Shaper) -> Response:
    """Each kind: how long, how much would go tonight."""
    options = session.get_one(Office, who.office_id).options
    return _page(request, session, {kind.name: str(days_of(kind, options)) for kind in KINDS})


@router.post("/retention")
def change_retention(request: Request, session: Tx, who: Shaper, form: Form) -> Response:
    """With `preview` shows what the new times would make go tonight; without it saves them."""
    typed = {kind.name: str(form.get(kind.name, "")).strip()[:6] for kind in KINDS}
    wrong = [kind.name for kind in KINDS if _days(typed[kind.name], kind) is None]
    if wrong or form.get("preview") == "true":
        return _page(request, session, typed, wrong=wrong, is_preview=not wrong)
    office = session.get_one(Office, who.office_id, with_for_update=True)
    days = {kind.name: _days(typed[kind.name], kind) for kind in KINDS}
    office.options = {**office.options, KEY: days}
    session.flush()
    audit.record(session, "retention.changed", "office", who.office_id, who.user_id, who.address, days, utc_now())
    return RedirectResponse("/retention", 303)


def _days(text: str, kind: Kind) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) <= 4
    return int(text) if is_number and kind.least <= int(text) <= MOST_DAYS else None


def _page(
    request: Request, session: Session, typed: dict[str, str], *, wrong: list[str] | None = None, is_preview: bool = False
) -> Response:
    t, now, wrong = words_of(request), utc_now(), wrong or []
    rows: list[dict[str, Any]] = []
    for kind in KINDS:
        days = _days(typed[kind.name], kind)
        due = retention.preview(session, kind, now, days) if days is not None else retention.Due(0, None)
        error = t("retention.bad", low=kind.least, high=MOST_DAYS) if kind.name in wrong else ""
        oldest = None if due.oldest is None else local_day(due.oldest)
        shown = {"name": kind.name, "days": typed[kind.name], "least": kind.least, "usual": kind.days}
        rows.append(shown | {"count": due.count, "oldest": oldest, "error": error})
    last = session.scalars(select(AuditEvent).where(AuditEvent.action == DONE).order_by(AuditEvent.id.desc()).limit(5)).all()
    return page(
        request,
        "retention.html",
        shell_of(request, t("nav.retention")),
        422 if wrong else 200,
        rows=rows,
        wrong=wrong,
        is_preview=is_preview,
        most=MOST_DAYS,
        recordings=sum(row.count for row in recordings_due(session, now)),
        past=[
            {"at": event.at, "counts": [{"name": name, "count": count} for name, count in sorted(event.detail.items())]} for event in last
        ],
    )
