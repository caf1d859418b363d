"""Visits for tax officers: rounds by district, their sheet for paper, and how each stop went."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi import Form as Field
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.core.clock import local_day, utc_now
from callcenter.core.errors import InvalidInput
from callcenter.web import visit_model as model
from callcenter.web.dependencies import Form, Once, SignedIn, Tx, may, once
from callcenter.web.escalation_pages import read_day
from callcenter.web.pages import lang_of, leads_to, page, shell_of, words_of
from callcenter.web.supervisor_pages import back
from callcenter.web.visit_sheet import sheet_pdf
from campaigns.visits import pack, reports, service
from campaigns.visits.models import VisitStop

router = APIRouter()
Officer = Annotated[SignedIn, may(Action.MAKE_VISITS)]
Done = Annotated[Once, once]
Word = Annotated[str, Field(max_length=100)]


@router.get("/visits")
def list_rounds(request: Request, session: Tx, who: Officer) -> Response:
    """Rounds, those under way and ahead first."""
    shell = shell_of(request, words_of(request)("nav.visits"))
    return page(request, "visits.html", shell, **model.rounds_model(session, lang_of(request)))


@router.get("/visits/new")
def show_new(
    request: Request,
    session: Tx,
    who: Officer,
    district: Annotated[str, Query(max_length=200)] = "",
    also: Annotated[tuple[str, ...], Query(max_length=12)] = (),
    day: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """Who is to be visited, by district; of one district everybody, with what the gate says of that day."""
    now = utc_now()
    found = model.new_model(session, who, district, also, day, lang_of(request), now)
    shown = {"rows": len(found["people"])}
    audit.record(session, "visit.candidates_listed", "visit_round", None, who.user_id, who.address, shown, now)
    return page(request, "visit_new.html", shell_of(request, words_of(request)("visits.new")), **found)


@router.post("/visits")
def plan(
    request: Request,
    session: Tx,
    who: Officer,
    done: Done,
    form: Form,
    officer_id: Annotated[int, Field()] = 0,
    visit_on: Word = "",
    title: Word = "",
) -> Response:
    """Makes a round of those chosen."""
    now = utc_now()
    if done.is_repeat:
        return leads_to(request, "/visits")
    chosen = [int(str(value)) for value in form.getlist("debtor_id") if str(value).isdecimal() and len(str(value)) < 18]
    day = read_day(visit_on, "bad_date") or local_day(now)
    planned = service.plan_round(session, officer_id, day, chosen, title, who.user_id, now)
    told = {"stops": len(chosen) - len(planned.refused), "refused": len(planned.refused)}
    audit.record(session, "visit.planned", "visit_round", planned.round.id, who.user_id, who.address, told, now)
    return leads_to(request, f"/visits/{planned.round.id}")


@router.post("/visits/reports/{report_id}")
def settle(request: Request, session: Tx, who: Officer, done: Done, report_id: int, decision: Word = "") -> Response:
    """Decides about what came back and did not fit."""
    now = utc_now()
    if decision not in ("record", "drop"):
        raise InvalidInput("記録するか、取り下げるかを選んでください。", code="bad_decision")
    if done.is_repeat:
        return back(request, "/visits")
    row = reports.settle(session, report_id, decision == "record", who.user_id, now)
    round_id, debtor_id = session.execute(select(VisitStop.round_id, VisitStop.debtor_id).where(VisitStop.id == row.stop_id)).one()
    audit.record(session, f"visit.report_{row.state}", "debtor", debtor_id, who.user_id, who.address, {"report": report_id}, now)
    return back(request, f"/visits/{round_id}")


@router.get("/visits/{round_id}")
def show_round(request: Request, session: Tx, who: Officer, round_id: int) -> Response:
    """One round: its stops on a map and in their order, and what was reported."""
    now = utc_now()
    found = service.require_round(session, round_id)
    shown = model.round_model(session, found, who, lang_of(request), now)
    for row in shown["stops"]:
        audit.record(session, "debtor.viewed", "debtor", row["debtor_id"], who.user_id, who.address, {"page": "visit"}, now)
    return page(request, "visit_round.html", shell_of(request, words_of(request)("nav.visits")), **shown)


@router.get("/visits/{round_id}/sheet.pdf")
def download_sheet(request: Request, session: Tx, who: Officer, round_id: int) -> Response:
    """The round for paper, A4."""
    now = utc_now()
    found = service.require_round(session, round_id)
    sheet = model.sheet_model(session, found, now)
    for row in sheet["stops"]:
        audit.record(session, "debtor.viewed", "debtor", row["debtor_id"], who.user_id, who.address, {"page": "visit_sheet"}, now)
    name = f"visit-{found.visit_on.isoformat()}-{found.id}.pdf"
    return Response(
        sheet_pdf(sheet),
        media_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


@router.post("/visits/{round_id}/set-out")
def set_out(request: Request, session: Tx, who: Officer, done: Done, round_id: int) -> Response:
    """Sets out: the gate is asked about each stop, on record; then the round is there for the telephone."""
    now = utc_now()
    service.require_own_round(session, round_id, who.user_id)
    if not done.is_repeat:
        service.set_out(session, round_id, now)
        audit.record(session, "visit.set_out", "visit_round", round_id, who.user_id, who.address, None, now)
    return leads_to(request, f"/visits/phone#{round_id}")


@router.post("/visits/{round_id}/end")
def end(request: Request, session: Tx, who: Officer, done: Done, round_id: int, state: Word = "") -> Response:
    """Ends a round or calls it off; its key ends with it."""
    now = utc_now()
    if not done.is_repeat:
        service.end_round(session, round_id, state, now)
        pack.end_passes(session, round_id, now)
        audit.record(session, f"visit.{state}", "visit_round", round_id, who.user_id, who.address, None, now)
    return back(request, f"/visits/{round_id}")


@router.post("/visits/{round_id}/stops/{stop_id}/drop")
def drop(request: Request, session: Tx, who: Officer, done: Done, round_id: int, stop_id: int) -> Response:
    """Takes a stop out of a round."""
    now = utc_now()
    if not done.is_repeat:
        stop = service.drop_stop(session, stop_id)
        audit.record(session, "visit.stop_dropped", "debtor", stop.debtor_id, who.user_id, who.address, {"round": round_id}, now)
    return back(request, f"/visits/{round_id}")
