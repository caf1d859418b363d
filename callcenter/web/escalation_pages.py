"""The tax officers' desk: cases handed over to them, with everything known; accepted, given back, decided; and what they ask for."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi import Form as Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.core.clock import utc_now
from callcenter.core.eras import parse_date
from callcenter.core.errors import InvalidInput, NotFound
from callcenter.web import officer_model as model
from callcenter.web.dependencies import Once, SignedIn, Tx, may, once
from callcenter.web.pages import lang_of, page, shell_of, words_of
from callcenter.web.supervisor_pages import back
from campaigns.attempts.models import Escalation
from campaigns.officers import cases, desk, requests
from campaigns.officers.models import OfficerRequest

router = APIRouter()
Officer = Annotated[SignedIn, may(Action.DECIDE_ESCALATIONS)]
Done = Annotated[Once, once]
Word = Annotated[str, Field(max_length=40)]
Words = Annotated[str, Field(max_length=4_000)]


@router.get("/escalations")
def list_escalations(
    request: Request,
    session: Tx,
    who: Officer,
    view: Annotated[str, Query(max_length=20)] = "",
    reason: Annotated[str, Query(max_length=40)] = "",
    days: Annotated[str, Query(max_length=4)] = "",
    page_no: int = 1,
) -> Response:
    """Cases, the longest waiting first."""
    now, page_no = utc_now(), min(max(page_no, 1), 10_000)
    narrowing = model.read_narrowing(view, reason, days)
    rows, total = desk.list_cases(session, narrowing, who.user_id, now, start=(page_no - 1) * desk.PAGE)
    audit.record(session, "escalation.listed", "escalation", None, who.user_id, who.address, {"rows": len(rows)}, now)
    shell = shell_of(request, words_of(request)("nav.handovers"))
    counts = desk.count_views(session, who.user_id, now)
    return page(
        request, "escalations.html", shell, **model.list_model(session, rows, counts, narrowing, page_no, total, lang_of(request), now)
    )


@router.get("/escalations/workload")
def show_workload(request: Request, session: Tx, who: Officer) -> Response:
    """Who has how many, and what came and went by week."""
    now = utc_now()
    shell = shell_of(request, words_of(request)("cases.workload"))
    return page(request, "escalation_load.html", shell, **model.load_model(session, lang_of(request), now))


@router.get("/escalations/requests")
def list_requests(request: Request, session: Tx, who: Officer) -> Response:
    """What was asked of the contractor's supervisor, and the answers."""
    now = utc_now()
    rows = requests.list_requests(session)
    audit.record(session, "request.listed", "officer_request", None, who.user_id, who.address, {"rows": len(rows)}, now)
    shell = shell_of(request, words_of(request)("cases.requests"))
    return page(request, "officer_requests.html", shell, rows=model.request_models(rows, lang_of(request), now))


@router.get("/escalations/{escalation_id}")
def show_case(request: Request, session: Tx, who: Officer, escalation_id: int) -> Response:
    """One case with everything known of its debtor."""
    now = utc_now()
    case = _require_case(session, escalation_id)
    audit.record(session, "escalation.viewed", "debtor", case.debtor_id, who.user_id, who.address, {"case": case.id}, now)
    shell = shell_of(request, words_of(request)("nav.handovers"))
    return page(request, "escalation.html", shell, **model.case_model(session, case, who, lang_of(request), now))


@router.post("/escalations/{escalation_id}")
def move_case(
    request: Request,
    session: Tx,
    who: Officer,
    done: Done,
    escalation_id: int,
    decision: Word = "",
    reason: Word = "",
    choice: Word = "",
    until: Word = "",
    note: Words = "",
) -> Response:
    """Accepts a case (or takes it over), lays it back, returns it to the supervisor, or decides it."""
    now = utc_now()
    case = _require_case(session, escalation_id)
    if not done.is_repeat:
        if decision == "accepted":
            cases.accept(session, case.id, who.user_id, now)
        elif decision == "open":
            cases.lay_back(session, case.id, who.user_id, now)
        elif decision == "returned":
            cases.give_back(session, case.id, reason, note, who.user_id, now)
        elif decision == "decided":
            cases.decide(session, case.id, choice, note, read_day(until, "hold_until_unreadable"), who.user_id, now)
        else:
            raise InvalidInput("操作を選んでください。", code="bad_decision")
        told = {"case": case.id, "reason": reason or choice}
        audit.record(session, f"escalation.{decision}", "debtor", case.debtor_id, who.user_id, who.address, told, now)
    return back(request, f"/escalations/{escalation_id}")


@router.post("/escalations/{escalation_id}/requests")
def ask(
    request: Request,
    session: Tx,
    who: Officer,
    done: Done,
    escalation_id: int,
    kind: Word = "",
    body: Words = "",
    due_on: Word = "",
) -> Response:
    """Asks the contractor's supervisor for something."""
    now = utc_now()
    case = _require_case(session, escalation_id)
    if not done.is_repeat:
        row = requests.ask(session, case.debtor_id, kind, body, read_day(due_on, "bad_date"), who.user_id, now, case_id=case.id)
        audit.record(session, "request.made", "debtor", case.debtor_id, who.user_id, who.address, {"request": row.id, "kind": kind}, now)
    return back(request, f"/escalations/{escalation_id}")


@router.post("/escalations/requests/{request_id}/withdraw")
def withdraw(request: Request, session: Tx, who: Officer, done: Done, request_id: int) -> Response:
    """Takes a request back."""
    now = utc_now()
    found = session.scalar(select(OfficerRequest.debtor_id).where(OfficerRequest.id == request_id))
    if not done.is_repeat:
        requests.withdraw(session, request_id, now)
        audit.record(session, "request.withdrawn", "debtor", found, who.user_id, who.address, {"request": request_id}, now)
    return back(request, "/escalations/requests")


def read_day(typed: str, code: str) -> date | None:
    """A day as typed, era styles too; empty is none. Raises InvalidInput with `code`."""
    try:
        return parse_date(typed)
    except InvalidInput as problem:
        raise InvalidInput("日付を読めません。", hint="例: 2026-12-31、R8.12.31", code=code) from problem


def _require_case(session: Session, escalation_id: int) -> Escalation:
    case = session.scalar(select(Escalation).where(Escalation.id == escalation_id))
    if case is None:
        raise NotFound("その引き継ぎはありません。", code="no_escalation")
    return case
