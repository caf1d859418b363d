"""The supervisor's list of calls that came in: what became of each, and the call-backs that nobody has made yet."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.core.clock import utc_now
from callcenter.core.errors import Conflict, NotFound
from callcenter.core.phones import format_national
from callcenter.web.dependencies import Once, SignedIn, Tx, may, once
from callcenter.web.pages import page, shell_of, words_of
from dialer.inbound.models import InboundCall

router = APIRouter(prefix="/incoming")
Supervisor = Annotated[SignedIn, may(Action.SEE_BOARD)]
DAYS, MOST = 7, 200


@router.get("")
def show_incoming(request: Request, session: Tx, who: Supervisor) -> HTMLResponse:
    """Call-backs that are owed, and the calls of the last week."""
    now = utc_now()
    owed = select(InboundCall).where(InboundCall.callback == "wanted", InboundCall.state == "ended").order_by(InboundCall.came_at)
    recent = select(InboundCall).where(InboundCall.came_at > now - timedelta(days=DAYS)).order_by(InboundCall.came_at.desc())
    calls = _lines(session, recent.limit(MOST))
    audit.record(session, "incoming.listed", "inbound_call", None, who.user_id, who.address, {"calls": len(calls)}, now)
    shell = shell_of(request, words_of(request)("incoming.page"))
    return page(request, "incoming.html", shell, owed=_lines(session, owed.limit(MOST)), calls=calls)


@router.post("/{call_id}/done")
def mark_done(session: Tx, who: Supervisor, done: Annotated[Once, once], call_id: int) -> Response:
    """Somebody has called back, or need not."""
    if not done.is_repeat:
        now = utc_now()
        call = session.scalar(select(InboundCall).where(InboundCall.id == call_id).with_for_update())
        if call is None:
            raise NotFound("その着信はありません。", code="no_call")
        if call.callback != "wanted":
            raise Conflict("この折り返しは、もう済んでいます。", hint="画面を最新にしてください。", code="callback_done")
        call.callback, call.handled_by, call.handled_at = "done", who.user_id, now
        audit.record(session, "incoming.handled", "inbound_call", call.id, who.user_id, who.address, None, now)
    return RedirectResponse("/incoming", 303)


def _lines(session: Session, wanted: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": call.id,
            "came_at": call.came_at,
            "number": format_national(call.caller) if call.caller else "",
            "persons": call.persons,
            "debtor_id": call.debtor_id,
            "waited": _waited(call),
            "result": call.result or "none",
            "callback": call.callback,
        }
        for call in session.scalars(wanted)
    ]


def _waited(call: InboundCall) -> int | None:
    until = call.answered_at or call.ended_at
    return None if until is None else max(0, round((until - call.came_at).total_seconds()))
