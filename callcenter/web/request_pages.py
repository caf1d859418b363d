"""What debtors asked for in calls (payment slips, direct debit forms, changes of address), until somebody has seen to it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.core.clock import utc_now
from callcenter.web import phrases
from callcenter.web.dependencies import Once, SignedIn, Tx, may, once
from callcenter.web.pages import lang_of, page, shell_of, words_of
from campaigns.attempts import asked

router = APIRouter(prefix="/requests")
Clerk = Annotated[SignedIn, may(Action.EDIT_DEBTORS)]
KINDS: dict[str, tuple[str, str]] = {
    asked.SLIP: ("納付書を送る", "Send a payment slip"),
    asked.DIRECT_DEBIT: ("口座振替の申込書を送る", "Send the direct debit form"),
    asked.ADDRESS_CHANGE: ("住所の変更", "Change of address"),
}


@router.get("")
def list_requests(request: Request, session: Tx, who: Clerk) -> HTMLResponse:
    """The open ones, oldest first, and those seen to lately."""
    now = utc_now()
    waiting, done = (_rows(session, lang_of(request), is_open=is_open) for is_open in (True, False))
    audit.record(session, "request.listed", "service_request", None, who.user_id, who.address, {"rows": len(waiting)}, now)
    return page(request, "requests.html", shell_of(request, words_of(request)("requests.title")), waiting=waiting, done=done)


@router.post("/{request_id}/done")
def mark_done(session: Tx, who: Clerk, done: Annotated[Once, once], request_id: int) -> Response:
    """Somebody has seen to it."""
    if not done.is_repeat:
        now = utc_now()
        row = asked.settle(session, request_id, who.user_id, now)
        audit.record(session, "request.done", "debtor", row.debtor_id, who.user_id, who.address, {"request": row.id, "kind": row.kind}, now)
    return RedirectResponse("/requests", 303)


def _rows(session: Session, lang: str, *, is_open: bool) -> list[dict[str, Any]]:
    return [
        {
            "id": row.id,
            "at": row.created_at,
            "kind": phrases.pick(lang, KINDS[row.kind]),
            "detail": row.detail,
            "debtor_id": row.debtor_id,
            "debtor_no": debtor_no,
            "name": name,
            "operator": operator or "",
            "done_at": row.done_at,
        }
        for row, debtor_no, name, operator in asked.list_requests(session, is_open=is_open)
    ]
