"""Instalment plans (分納): entered and ended by tax officers, mirrored from a file, watched by `monitoring`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from callcenter.core.clock import local_day
from callcenter.core.errors import Conflict, InvalidInput, NotFound
from callcenter.core.live import publish
from campaigns.debtors.models import Debtor
from campaigns.promises.models import Instalment, InstalmentPlan
from campaigns.promises.monitoring import monitor
from campaigns.promises.schedule import LIVE, TRANSITIONS, Line, PlanState, check_lines
from campaigns.promises.terms import load_terms
from campaigns.worklist.withdraw import withdraw_for_debtors

AT_PLAN = "instalment_plan"
LONGEST_AGO = timedelta(days=3 * 366)


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A plan in the list."""

    plan: InstalmentPlan
    debtor_no: str
    instalments: int


def enter(
    session: Session,
    debtor_id: int,
    agreed_on: date,
    lines: Sequence[Line],
    now: datetime,
    *,
    user_id: int | None,
    source: str = "officer",
    source_ref: str = "",
) -> InstalmentPlan:
    """Enters a plan that a tax officer decided; the debtor's queued work is withdrawn, and what was paid since the agreement counts.

    Raises:
        InvalidInput: a schedule that can't be, or an agreement in the future or years ago.
        Conflict: the debtor has a plan already.
    """
    today = local_day(now)
    if not today - LONGEST_AGO <= agreed_on <= today:
        raise InvalidInput("約束の日が正しくありません。", hint="今日までの日付を入れてください。", code="agreed_on")
    check_lines(lines, agreed_on)
    if session.scalar(select(InstalmentPlan.id).where(InstalmentPlan.debtor_id == debtor_id, InstalmentPlan.state.in_(LIVE)).limit(1)):
        raise Conflict("この対象者には分納計画があります。", hint="先に今の計画を終了してください。", code="has_plan")
    terms = load_terms(session)
    plan = InstalmentPlan(
        debtor_id=debtor_id,
        source=source,
        source_ref=source_ref,
        agreed_on=agreed_on,
        total=sum(line.amount for line in lines),
        next_due_on=lines[0].due_on,
        grace_days=terms.plan_grace_days,
        allowed_misses=terms.plan_allowed_misses,
        decided_by=user_id,
        updated_at=now,
    )
    session.add(plan)
    session.flush()
    session.add_all(
        Instalment(plan_id=plan.id, number=number, due_on=line.due_on, amount=line.amount) for number, line in enumerate(lines, start=1)
    )
    session.flush()
    withdraw_for_debtors(session, [debtor_id], AT_PLAN, now)
    monitor(session, today=today, now=now, debtor_ids=[debtor_id])
    session.refresh(plan)
    publish(session, "queue")
    return plan


def end(session: Session, plan_id: int, now: datetime, *, user_id: int | None) -> InstalmentPlan:
    """Ends a plan by an officer's decision; contact is held back by it no longer.

    Raises:
        NotFound: no such plan.  Conflict: it is over already.
    """
    plan = session.scalar(select(InstalmentPlan).where(InstalmentPlan.id == plan_id).with_for_update())
    if plan is None:
        raise NotFound("その分納計画はありません。", code="no_plan")
    if PlanState.ENDED not in TRANSITIONS[PlanState(plan.state)]:
        raise Conflict("この分納計画は終了しています。", hint="一覧を最新にしてください。", code="plan_over")
    plan.state, plan.ended_by, plan.ended_at, plan.updated_at = PlanState.ENDED.value, user_id, now, now
    session.flush()
    return plan


def plan_of(session: Session, plan_id: int) -> tuple[InstalmentPlan, Debtor, str, list[Instalment]]:
    """A plan with its debtor, the name of who decided it, and its schedule. Raises NotFound."""
    found = session.execute(
        select(InstalmentPlan, Debtor, User.display_name)
        .join(Debtor, (Debtor.office_id == InstalmentPlan.office_id) & (Debtor.id == InstalmentPlan.debtor_id))
        .outerjoin(User, (User.office_id == InstalmentPlan.office_id) & (User.id == InstalmentPlan.decided_by))
        .where(InstalmentPlan.id == plan_id)
    ).one_or_none()
    if found is None:
        raise NotFound("その分納計画はありません。", code="no_plan")
    schedule = session.scalars(select(Instalment).where(Instalment.plan_id == plan_id).order_by(Instalment.number))
    return found[0], found[1], found[2] or "", list(schedule)


def has_plan(session: Session, debtor_id: int) -> bool:
    """Whether a debtor keeps a plan; all that operators may know of it."""
    query = select(InstalmentPlan.id).where(InstalmentPlan.debtor_id == debtor_id, InstalmentPlan.state.in_(LIVE)).limit(1)
    return session.scalar(query) is not None


def count_plans(session: Session, today: date) -> dict[str, int]:
    """Plans by state, and `due_soon`: those whose next instalment is due within a week."""
    found = {state.value: 0 for state in PlanState}
    for state, count in session.execute(select(InstalmentPlan.state, func.count()).group_by(InstalmentPlan.state)):
        found[state] = count
    soon = select(func.count()).where(InstalmentPlan.state.in_(LIVE), InstalmentPlan.next_due_on.between(today, today + timedelta(days=7)))
    return found | {"due_soon": session.scalar(soon) or 0}


def list_plans(
    session: Session, *, state: str = "", due_before: date | None = None, start: int = 0, count: int = 50
) -> tuple[list[PlanRow], int]:
    """Plans, broken ones and those due soonest first, and how many there are in all."""
    which: list[ColumnElement[bool]] = [InstalmentPlan.state == state] if state else [InstalmentPlan.state.in_(LIVE)]
    if due_before is not None:
        which.append(or_(InstalmentPlan.next_due_on.is_(None), InstalmentPlan.next_due_on <= due_before))
    size = select(func.count()).where(Instalment.office_id == InstalmentPlan.office_id, Instalment.plan_id == InstalmentPlan.id)
    rows = session.execute(
        select(InstalmentPlan, Debtor.debtor_no, size.scalar_subquery())
        .join(Debtor, (Debtor.office_id == InstalmentPlan.office_id) & (Debtor.id == InstalmentPlan.debtor_id))
        .where(*which)
        .order_by((InstalmentPlan.state == "broken").desc(), InstalmentPlan.next_due_on, InstalmentPlan.id)
        .offset(start)
        .limit(count)
    )
    total = session.scalar(select(func.count()).select_from(InstalmentPlan).where(*which)) or 0
    return [PlanRow(plan, number, instalments) for plan, number, instalments in rows], total
