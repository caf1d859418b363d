"""The officers' lists: cases by state, reason and age, and who has how many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session, aliased

from callcenter.auth.models import Role, User
from callcenter.core.clock import local_day
from callcenter.core.db import office_of
from campaigns.attempts.models import Escalation
from campaigns.debtors.models import Debt, Debtor
from campaigns.officers.state import WITH_OFFICERS, CaseState
from campaigns.promises.models import InstalmentPlan

PAGE = 50
OLD_DAYS = 7
VIEWS = ("waiting", "mine", "with_officers", "returned", "over")
OVER = (CaseState.DECIDED, CaseState.TAKEN)


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Which cases: a view of `VIEWS`, a reason of handing over ("": any), and how many days old at least."""

    view: str = "waiting"
    reason: str = ""
    days: int = 0


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case in the list; yen of unpaid tax over all open terms."""

    case: Escalation
    debtor_no: str
    name: str
    owed: int
    officer: str
    handed_over_by: str
    plan_state: str

    def days(self, today: date) -> int:
        """How many days ago it was handed over."""
        return (today - local_day(self.case.created_at)).days


@dataclass(frozen=True, slots=True)
class Load:
    """One officer's cases; `officer` "" is nobody's. `oldest` is when the oldest of those open was handed over."""

    officer: str
    open: int
    old: int
    oldest: datetime | None
    decided: int
    returned: int


@dataclass(frozen=True, slots=True)
class Week:
    """From `monday` on: cases handed over, and those decided or returned."""

    monday: date
    came: int
    went: int


def _conditions(narrowing: Narrowing, user_id: int, now: datetime) -> list[ColumnElement[bool]]:
    by_view: dict[str, ColumnElement[bool]] = {
        "waiting": Escalation.state == CaseState.OPEN,
        "mine": (Escalation.state == CaseState.ACCEPTED) & (Escalation.accepted_by == user_id),
        "with_officers": Escalation.state.in_(WITH_OFFICERS),
        "returned": Escalation.state == CaseState.RETURNED,
        "over": Escalation.state.in_(OVER),
    }
    which = [by_view[narrowing.view]]
    if narrowing.reason:
        which.append(Escalation.reason == narrowing.reason)
    if narrowing.days:
        which.append(Escalation.created_at <= now - timedelta(days=narrowing.days))
    return which


def list_cases(
    session: Session, narrowing: Narrowing, user_id: int, now: datetime, *, start: int = 0, count: int = PAGE
) -> tuple[list[CaseRow], int]:
    """Cases, the longest waiting first (those that are over: the newest first), and how many there are in all."""
    which = _conditions(narrowing, user_id, now)
    officer, handed = aliased(User), aliased(User)
    owed = select(func.coalesce(func.sum(Debt.outstanding), 0)).where(
        Debt.office_id == Escalation.office_id, Debt.debtor_id == Escalation.debtor_id, Debt.status == "open"
    )
    plan = (
        select(InstalmentPlan.state)
        .where(InstalmentPlan.office_id == Escalation.office_id, InstalmentPlan.debtor_id == Escalation.debtor_id)
        .order_by(InstalmentPlan.id.desc())
        .limit(1)
    )
    order = (
        (Escalation.decided_at.desc(), Escalation.id.desc())
        if narrowing.view in ("over", "returned")
        else (Escalation.created_at, Escalation.id)
    )
    rows = session.execute(
        select(
            Escalation,
            Debtor.debtor_no,
            Debtor.name,
            owed.scalar_subquery(),
            officer.display_name,
            handed.display_name,
            plan.scalar_subquery(),
        )
        .join(Debtor, (Debtor.office_id == Escalation.office_id) & (Debtor.id == Escalation.debtor_id))
        .outerjoin(officer, (officer.office_id == Escalation.office_id) & (officer.id == Escalation.accepted_by))
        .outerjoin(handed, (handed.office_id == Escalation.office_id) & (handed.id == Escalation.created_by))
        .where(*which)
        .order_by(*order)
        .offset(start)
        .limit(count)
    )
    total = session.scalar(select(func.count()).select_from(Escalation).where(*which)) or 0
    return [
        CaseRow(case, number, name, int(yen), with_whom or "", by or "", state or "")
        for case, number, name, yen, with_whom, by, state in rows
    ], total


def count_views(session: Session, user_id: int, now: datetime) -> dict[str, int]:
    """How many cases each view has."""
    counts = {}
    for view in VIEWS:
        which = _conditions(Narrowing(view), user_id, now)
        counts[view] = session.scalar(select(func.count()).select_from(Escalation).where(*which)) or 0
    return counts


def workload(session: Session, now: datetime, *, days: int = 30) -> list[Load]:
    """Nobody's cases, then each officer's: those open now, and those decided or returned in the last `days`."""
    since, old = now - timedelta(days=days), now - timedelta(days=OLD_DAYS)
    is_open = Escalation.state.in_(WITH_OFFICERS)
    kept = select(
        Escalation.accepted_by,
        func.count().filter(is_open),
        func.count().filter(is_open, Escalation.created_at <= old),
        func.min(Escalation.created_at).filter(is_open),
    ).group_by(Escalation.accepted_by)
    held = {row[0]: row[1:] for row in session.execute(kept)}
    # A case that was returned and taken up since counts as returned, too.
    gone = (
        select(
            Escalation.decided_by,
            func.count().filter(Escalation.state == CaseState.DECIDED),
            func.count().filter(Escalation.state.in_((CaseState.RETURNED, CaseState.TAKEN))),
        )
        .where(Escalation.decided_at >= since)
        .group_by(Escalation.decided_by)
    )
    done = {row[0]: row[1:] for row in session.execute(gone)}
    officers = session.execute(
        select(User.id, User.display_name, User.is_enabled).where(User.role == Role.TAX_OFFICER).order_by(User.display_name, User.id)
    )
    nobody = held.get(None, (0, 0, None))
    loads = [Load("", nobody[0], nobody[1], nobody[2], 0, 0)]
    for user_id, name, is_enabled in officers:
        mine, finished = held.get(user_id, (0, 0, None)), done.get(user_id, (0, 0))
        if is_enabled or mine[0]:
            loads.append(Load(name, mine[0], mine[1], mine[2], finished[0], finished[1]))
    return loads


_WEEKS = text("""
SELECT w.monday::date AS monday,
  (SELECT count(*) FROM escalation e WHERE e.office_id = :office AND e.created_at >= (w.monday AT TIME ZONE 'Asia/Tokyo')
     AND e.created_at < ((w.monday + interval '7 days') AT TIME ZONE 'Asia/Tokyo')) AS came,
  (SELECT count(*) FROM escalation e WHERE e.office_id = :office AND e.state IN ('decided', 'returned', 'taken')
     AND e.decided_at >= (w.monday AT TIME ZONE 'Asia/Tokyo')
     AND e.decided_at < ((w.monday + interval '7 days') AT TIME ZONE 'Asia/Tokyo')) AS went
FROM generate_series(CAST(:first AS timestamp), CAST(:last AS timestamp), interval '7 days') w (monday) ORDER BY 1
""")


def weeks(session: Session, now: datetime, count: int = 8) -> Sequence[Week]:
    """The last weeks up to this one."""
    today = local_day(now)
    last = today - timedelta(days=today.weekday())
    given = {"office": office_of(session), "first": last - timedelta(weeks=count - 1), "last": last}
    return [Week(row.monday, row.came, row.went) for row in session.execute(_WEEKS, given)]
