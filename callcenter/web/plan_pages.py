"""Instalment plans (分納) for tax officers: the list, entering one with a proposed schedule, and how it is kept. Operators only learn that
there is one; decisions are the officers' alone."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Form as Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.auth.permissions import may as is_allowed
from callcenter.core.clock import local_day, utc_now
from callcenter.core.eras import parse_date
from callcenter.core.errors import AppError, Conflict, InvalidInput, NotFound
from callcenter.core.money import parse_yen
from callcenter.web.dependencies import Form, Once, SignedIn, Tx, may, once
from callcenter.web.pages import leads_to, page, shell_of, words_of
from callcenter.web.plan_model import PAGE, list_model, new_model, plan_model, read_choice
from campaigns.debtors.models import Debtor
from campaigns.officers.cases import decide_by_plan
from campaigns.promises import plans
from campaigns.promises.schedule import MOST_INSTALMENTS, Line, Remainder, month_later, propose

router = APIRouter()
Reader = Annotated[SignedIn, may(Action.SEE_PLANS)]
Officer = Annotated[SignedIn, may(Action.DECIDE_PLANS)]
USUAL_COUNT = 6


@router.get("/plans")
def list_plans(request: Request, session: Tx, who: Reader, page_no: int = 1) -> Response:
    """Plans, those in trouble first."""
    state, due = read_choice(request.query_params)
    today, page_no = local_day(utc_now()), min(max(page_no, 1), 10_000)
    before = today + timedelta(days=7) if due else None
    rows, total = plans.list_plans(session, state=state, due_before=before, start=(page_no - 1) * PAGE, count=PAGE)
    audit.record(session, "plan.listed", "instalment_plan", None, who.user_id, who.address, {"rows": len(rows)}, utc_now())
    model = list_model(rows, plans.count_plans(session, today), (state, due), page_no, total, words_of(request))
    may_decide = is_allowed(who.role, Action.DECIDE_PLANS)
    return page(request, "plans.html", shell_of(request, words_of(request)("nav.plans")), may_decide=may_decide, today=today, **model)


@router.get("/plans/new")
def ask_debtor(request: Request, who: Officer) -> Response:
    """For whom."""
    return _ask(request)


@router.post("/plans/find")
def find_debtor(request: Request, session: Tx, who: Officer, debtor_no: Annotated[str, Field(max_length=40)] = "") -> Response:
    """Leads to the form of the debtor with that number."""
    found = session.scalar(select(Debtor.id).where(Debtor.debtor_no == debtor_no.strip()))
    audit.record(session, "debtor.searched", "debtor", found, who.user_id, who.address, {"is_found": found is not None}, utc_now())
    if found is None:
        return _ask(request, debtor_no, words_of(request)("plans.no_debtor"))
    return RedirectResponse(f"/plans/new/{found}", 303)


@router.get("/plans/new/{debtor_id}")
def show_new(request: Request, session: Tx, who: Officer, debtor_id: int) -> Response:
    """What the debtor owes, and a schedule as usual to begin with."""
    today = local_day(utc_now())
    return _new_page(request, session, who, debtor_id, {"count": str(USUAL_COUNT), "first_due": _end_of_next_month(today).isoformat()})


@router.post("/plans/new/{debtor_id}")
def show_proposal(request: Request, session: Tx, who: Officer, form: Form, debtor_id: int) -> Response:
    """The schedule spread anew by what was asked for; nothing is saved."""
    told = {name: str(form.get(name) or "")[:20] for name in ("total", "count", "first_due", "remainder", "agreed_on")}
    return _new_page(request, session, who, debtor_id, told)


@router.post("/plans/enter")
def enter(request: Request, session: Tx, who: Officer, done: Annotated[Once, once], form: Form) -> Response:
    """Enters the plan."""
    debtor_id = _number(str(form.get("debtor_id") or ""))
    if done.is_repeat:
        return leads_to(request, "/plans")
    now = utc_now()
    dues, amounts = ([str(value)[:20] for value in form.getlist(name)] for name in ("due_on", "amount"))
    try:
        lines = _lines(dues, amounts)
        agreed_on = parse_date(str(form.get("agreed_on") or "")) or local_day(now)
        _require_debtor(session, debtor_id)
        plan = plans.enter(session, debtor_id, agreed_on, lines, now, user_id=who.user_id)
    except (InvalidInput, Conflict) as problem:
        if request.headers.get("hx-request") == "true":
            raise
        told = {"agreed_on": str(form.get("agreed_on") or "")[:20]}
        return _new_page(request, session, who, debtor_id, told, list(zip(dues, amounts, strict=False)), problem)
    decided = decide_by_plan(session, debtor_id, who.user_id, now)
    detail = {"plan": plan.id, "instalments": len(lines), "cases": len(decided)}
    audit.record(session, "plan.entered", "debtor", debtor_id, who.user_id, who.address, detail, now)
    return leads_to(request, f"/plans/{plan.id}")


@router.get("/plans/{plan_id}")
def show_plan(request: Request, session: Tx, who: Reader, plan_id: int) -> Response:
    """One plan with its schedule and what became of each instalment."""
    plan, debtor, decided_by, schedule = plans.plan_of(session, plan_id)
    now = utc_now()
    audit.record(session, "plan.viewed", "debtor", debtor.id, who.user_id, who.address, {"plan": plan.id}, now)
    model = plan_model(session, plan, debtor, decided_by, schedule, local_day(now))
    may_end = plan.state != "ended" and is_allowed(who.role, Action.DECIDE_PLANS)
    return page(request, "plan.html", shell_of(request, words_of(request)("nav.plans")), may_end=may_end, **model)


@router.post("/plans/{plan_id}/end")
def end(request: Request, session: Tx, who: Officer, done: Annotated[Once, once], plan_id: int) -> Response:
    """Ends a plan: contact is no longer held back by it."""
    if not done.is_repeat:
        now = utc_now()
        plan = plans.end(session, plan_id, now, user_id=who.user_id)
        audit.record(session, "plan.ended", "debtor", plan.debtor_id, who.user_id, who.address, {"plan": plan_id}, now)
    return leads_to(request, f"/plans/{plan_id}")


def _ask(request: Request, debtor_no: str = "", error: str = "") -> Response:
    shell = shell_of(request, words_of(request)("nav.plans"))
    return page(request, "plan_for.html", shell, 404 if error else 200, debtor_no=debtor_no, error=error)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 18 else 0


def _end_of_next_month(today: date) -> date:
    return month_later(today, 1, 31)


def _require_debtor(session: Session, debtor_id: int) -> Debtor:
    debtor = session.scalar(select(Debtor).where(Debtor.id == debtor_id))
    if debtor is None:
        raise NotFound("その対象者はいません。", code="no_debtor")
    return debtor


def _lines(dues: list[str], amounts: list[str]) -> list[Line]:
    """The schedule as typed; a row left empty is none."""
    if len(dues) != len(amounts) or len(dues) > MOST_INSTALMENTS:
        raise InvalidInput("分割の回数が範囲にありません。", hint=f"{MOST_INSTALMENTS}回までにしてください。", code="count")
    lines = []
    for number, (due, amount) in enumerate(zip(dues, amounts, strict=True), start=1):
        day, yen = _read(due, parse_date, f"due_{number}", number), _read(amount, parse_yen, f"amount_{number}", number)
        if day is None and yen is None:
            continue
        if day is None or not yen:
            raise InvalidInput(f"{number}回目の期日と金額をそろえてください。", code=f"due_{number}" if day is None else f"amount_{number}")
        lines.append(Line(day, yen))
    return lines


def _read(text: str, reader: Any, code: str, number: int) -> Any:
    try:
        return reader(text)
    except InvalidInput as problem:
        raise InvalidInput(f"{number}回目: {problem.message}", hint=problem.hint, code=code) from problem


def _new_page(
    request: Request,
    session: Session,
    who: SignedIn,
    debtor_id: int,
    told: dict[str, str],
    rows: list[tuple[str, str]] | None = None,
    problem: AppError | None = None,
) -> Response:
    debtor, now = _require_debtor(session, debtor_id), utc_now()
    audit.record(session, "debtor.viewed", "debtor", debtor.id, who.user_id, who.address, {"page": "plan"}, now)
    model = new_model(session, debtor, told, local_day(now))
    if rows is None:
        try:
            total, count = parse_yen(told.get("total") or str(model["total"])) or 0, _number(told.get("count") or str(USUAL_COUNT))
            first = parse_date(told.get("first_due") or "") or _end_of_next_month(local_day(now))
            remainder = Remainder.LAST if told.get("remainder") == "last" else Remainder.FIRST
            rows = [(line.due_on.isoformat(), f"{line.amount:,}") for line in propose(total, count, first, remainder=remainder)]
            model |= {"total": total, "count": count, "first_due": first.isoformat(), "remainder": remainder.value}
        except InvalidInput as refusal:
            rows, problem = [], None if debtor_owes_nothing(model) else refusal
    errors = [] if problem is None else [{"field_id": problem.code, "message": str(problem)}]
    shell = shell_of(request, words_of(request)("nav.plans"))
    return page(request, "plan_new.html", shell, problem.status if problem else 200, rows=rows, errors=errors, **model)


def debtor_owes_nothing(model: dict[str, Any]) -> bool:
    """Whether there is nothing to spread."""
    return not model["owed"]["total"]
