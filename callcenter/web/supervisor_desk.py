"""The supervisor's desk beside the board: what the tax officers ask for and returned, and what needs a hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter
from fastapi import Form as Field
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.core.clock import utc_now
from callcenter.web import desk_model as model
from callcenter.web.dependencies import Once, SignedIn, Tx, may, once
from callcenter.web.pages import lang_of, page, shell_of, words_of
from callcenter.web.supervisor_pages import back
from campaigns.attempts.models import Escalation
from campaigns.officers import cases, requests
from campaigns.officers.models import OfficerRequest

router = APIRouter()
Supervisor = Annotated[SignedIn, may(Action.SEE_BOARD)]
Done = Annotated[Once, once]
Words = Annotated[str, Field(max_length=4_000)]
DESK = "/supervisor/desk"
REPLIED_SINCE = timedelta(days=7)


@router.get("/supervisor/desk")
def show_desk(request: Request, session: Tx, who: Supervisor) -> Response:
    """Everything that waits for the supervisor's hand."""
    now = utc_now()
    found = model.desk_model(session, lang_of(request), now)
    shown = {"requests": len(found["asked"]), "returned": len(found["returned"])}
    audit.record(session, "desk.viewed", "office", None, who.user_id, who.address, shown, now)
    return page(request, "supervisor_desk.html", shell_of(request, words_of(request)("nav.desk")), **found)


@router.post("/supervisor/desk/requests/{request_id}")
def answer_request(
    request: Request,
    session: Tx,
    who: Supervisor,
    done: Done,
    request_id: int,
    state: Annotated[str, Field(max_length=10)] = "",
    reply: Words = "",
) -> Response:
    """Answers the officers: in hand, done, or declined."""
    now = utc_now()
    debtor_id = session.scalar(select(OfficerRequest.debtor_id).where(OfficerRequest.id == request_id))
    if not done.is_repeat:
        requests.answer(session, request_id, state, reply, who.user_id, now)
        told = {"request": request_id, "state": state}
        audit.record(session, "request.answered", "debtor", debtor_id, who.user_id, who.address, told, now)
    return back(request, DESK)


@router.post("/supervisor/desk/returned/{escalation_id}")
def take_case(request: Request, session: Tx, who: Supervisor, done: Done, escalation_id: int, note: Words = "") -> Response:
    """Takes a returned case up."""
    now = utc_now()
    debtor_id = session.scalar(select(Escalation.debtor_id).where(Escalation.id == escalation_id))
    if not done.is_repeat:
        cases.take(session, escalation_id, note, who.user_id, now)
        audit.record(session, "escalation.taken", "debtor", debtor_id, who.user_id, who.address, {"case": escalation_id}, now)
    return back(request, DESK)
