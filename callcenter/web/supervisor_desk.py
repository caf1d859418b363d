"""The supervisor's desk beside the board: what the tax officers ask for and returned, and what needs a hand."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi import Form as Field
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.core.clock import day_bounds, local_day, utc_now
from callcenter.core.errors import InvalidInput
from callcenter.web import desk_model as model
from callcenter.web.dependencies import Once, SignedIn, Tx, may, once
from callcenter.web.pages import lang_of, page, shell_of, words_of
from callcenter.web.supervisor_pages import back
from campaigns.attempts.models import Escalation
from campaigns.officers import cases, requests
from campaigns.officers.models import OfficerRequest
from campaigns.worklist import callbacks
from dialer.agents import overdue
from dialer.supervising import messages
from reports.queries import todo

router = APIRouter()
Supervisor = Annotated[SignedIn, may(Action.SEE_BOARD)]
Done = Annotated[Once, once]
Words = Annotated[str, Field(max_length=4_000)]
DESK = "/supervisor/desk"
PAGE = 100


@router.get("/supervisor/desk")
def show_desk(request: Request, session: Tx, who: Supervisor) -> Response:
    """Everything that waits for the supervisor's hand."""
    now = utc_now()
    found = model.desk_model(session, lang_of(request), now)
    shown = {"requests": len(found["asked"]), "returned": len(found["returned"]), "overdue": len(found["overdue"])}
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


@router.post("/supervisor/desk/callbacks/{item_id}")
def give_callback(
    request: Request, session: Tx, who: Supervisor, done: Done, item_id: int, user_id: Annotated[str, Field(max_length=18)] = ""
) -> Response:
    """Gives a call-back to another operator, or to whoever is free."""
    now = utc_now()
    if user_id and not user_id.isdecimal():
        raise InvalidInput("オペレーターを選んでください。", code="callback_operator")
    if not done.is_repeat:
        item = callbacks.reassign(session, item_id, int(user_id) if user_id else None, now)
        told = {"item": item_id, "to": item.user_id}
        audit.record(session, "callback.reassigned", "debtor", item.debtor_id, who.user_id, who.address, told, now)
    return back(request, DESK)


@router.post("/supervisor/desk/overdue/{attempt_id}")
def write_result(
    request: Request,
    session: Tx,
    who: Supervisor,
    done: Done,
    attempt_id: int,
    outcome: Annotated[str, Field(max_length=40)] = "",
    note: Words = "",
) -> Response:
    """Writes a result that its operator did not write in time."""
    now = utc_now()
    if not done.is_repeat:
        row = overdue.write(session, attempt_id, outcome, note, now, who.user_id)
        told = {"attempt_id": attempt_id, "party": row.party, "outcome": row.outcome, "operator_id": row.operator_id}
        audit.record(session, "attempt.recorded_for", "debtor", row.debtor_id, who.user_id, who.address, told, now)
    return back(request, DESK)


@router.post("/supervisor/desk/messages")
def tell_team(request: Request, session: Tx, who: Supervisor, done: Done, body: Words = "", hours: Annotated[int, Field()] = 0) -> Response:
    """Tells all operators something."""
    now = utc_now()
    if not done.is_repeat:
        row = messages.post(session, who.user_id, body, hours, now)
        audit.record(session, "team.told", "team_message", row.id, who.user_id, who.address, {"hours": hours}, now)
    return back(request, DESK)


@router.post("/supervisor/desk/messages/{message_id}/end")
def take_message_back(request: Request, session: Tx, who: Supervisor, done: Done, message_id: int) -> Response:
    """Takes a message off the operators' pages."""
    now = utc_now()
    if not done.is_repeat:
        messages.take_back(session, message_id, now)
        audit.record(session, "team.taken_back", "team_message", message_id, who.user_id, who.address, None, now)
    return back(request, DESK)


@router.get("/supervisor/refused")
def show_refused(
    request: Request,
    session: Tx,
    who: Supervisor,
    reason: Annotated[str, Query(max_length=40)] = "",
    channel: Annotated[str, Query(max_length=20)] = "",
    page_no: int = 1,
) -> Response:
    """Whom the gate refused today for one reason: the people behind a number of the board."""
    now, page_no = utc_now(), min(max(page_no, 1), 10_000)
    start, _ = day_bounds(local_day(now), local_day(now))
    rows = todo.refused_today(session, reason, channel, start, now, skip=(page_no - 1) * PAGE, count=PAGE + 1)
    detail = {"page": "refused", "count": min(len(rows), PAGE), "reason": reason, "channel": channel}
    audit.record(session, "debtor.listed", "office", None, who.user_id, who.address, detail, now)
    shell = shell_of(request, words_of(request)("desk.refused"))
    return page(request, "supervisor_refused.html", shell, **model.refused_model(rows, reason, channel, page_no, PAGE, lang_of(request)))
