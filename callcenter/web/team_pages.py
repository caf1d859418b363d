"""A supervisor's words to the team on the operator's page, and putting them away as read."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from callcenter.auth.permissions import Action
from callcenter.core.clock import utc_now
from callcenter.web.dependencies import Once, SignedIn, Tx, may, once
from callcenter.web.pages import fragment, shell_of
from dialer.supervising import messages

router = APIRouter()
Operator = Annotated[SignedIn, may(Action.TAKE_CALLS)]


@router.get("/operator/team")
def show_messages(request: Request, session: Tx, who: Operator) -> HTMLResponse:
    """What this operator has not put away yet."""
    found = messages.unread(session, who.user_id, utc_now())
    rows = [{"id": told.message.id, "body": told.message.body, "author": told.author, "at": told.message.created_at} for told in found]
    return fragment(request, "operator/team.html", shell=shell_of(request, ""), rows=rows)


@router.post("/operator/team/{message_id}/seen")
def put_away(request: Request, session: Tx, who: Operator, done: Annotated[Once, once], message_id: int) -> Response:
    """Puts one away; the live event refetches the rest."""
    if not done.is_repeat:
        messages.see(session, message_id, who.user_id, utc_now())
    return Response(status_code=204)
