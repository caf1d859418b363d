"""Instalments (分納): proposing dates and amounts, and telling by the payments which were kept (履行監視). Pure; whole yen."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from callcenter.core.errors import InvalidInput

MOST_INSTALMENTS = 60


class PlanState(StrEnum):
    """good_standing until too much is overdue; completed when all is paid; ended by an officer."""

    GOOD_STANDING = "good_standing"
    BROKEN = "broken"
    COMPLETED = "completed"
    ENDED = "ended"


class InstalmentState(StrEnum):
    """due, paid in its time, late (paid after it), missed (its time is over)."""

    DUE = "due"
    PAID = "paid"
    LATE = "late"
    MISSED = "missed"


_P = PlanState
# Payments, late postings and reversals move a plan between the first three; only an officer ends one, for good.
TRANSITIONS: dict[PlanState, frozenset[PlanState]] = {
    _P.GOOD_STANDING: frozenset({_P.BROKEN, _P.COMPLETED, _P.ENDED}),
    _P.BROKEN: frozenset({_P.GOOD_STANDING, _P.COMPLETED, _P.ENDED}),
    _P.COMPLETED: frozenset({_P.GOOD_STANDING, _P.BROKEN, _P.ENDED}),
    _P.ENDED: frozenset(),
}
LIVE = (PlanState.GOOD_STANDING, PlanState.BROKEN)


class Remainder(StrEnum):
    """Which instalment takes what does not divide."""

    FIRST = "first"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class Line:
    """One instalment as agreed."""

    due_on: date
    amount: int


@dataclass(frozen=True, slots=True)
class Money:
    """A payment of the debtor, net of what was taken back."""

    paid_on: date
    yen: int


@dataclass(frozen=True, slots=True)
class Rule:
    """Grace days, the lag of postings, the day to which postings are known to be complete, and how many misses are borne."""

    grace_days: int = 7
    lag_days: int = 0
    complete_to: date | None = None
    allowed_misses: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a plan stands: state of each instalment and yen that fell to it, and what follows for the plan.

    `missed` counts instalments that were not paid in time, `overdue` those of them that still are not.
    """

    states: tuple[InstalmentState, ...]
    paid: tuple[int, ...]
    missed: int
    overdue: int
    next_due_on: date | None
    state: PlanState


def month_later(day: date, months: int, wanted: int) -> date:
    """The day `wanted` of the month `months` after that of `day`, or the month's last day where it has none."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(wanted, calendar.monthrange(year, month + 1)[1]))


def propose(total: int, count: int, first_due: date, *, remainder: Remainder = Remainder.FIRST, unit: int = 1_000) -> list[Line]:
    """Spreads `total` yen over `count` monthly instalments: even ones in whole `unit` yen, what is left in the first or the last.

    Raises:
        InvalidInput: no yen, no instalments, more than 60 of them, or more of them than yen.
    """
    if total <= 0:
        raise InvalidInput("分割する金額がありません。", hint="1円以上の金額を入れてください。", code="total")
    if not 1 <= count <= MOST_INSTALMENTS or count > total:
        raise InvalidInput("分割の回数が範囲にありません。", hint=f"1から{MOST_INSTALMENTS}までの回数にしてください。", code="count")
    even = total // count
    even -= even % unit if even >= unit else 0
    amounts = [even] * count
    amounts[0 if remainder is Remainder.FIRST else -1] += total - even * count
    return [Line(month_later(first_due, number, first_due.day), amount) for number, amount in enumerate(amounts)]


def check_lines(lines: Sequence[Line], agreed_on: date) -> None:
    """Refuses a schedule that can't be.

    Raises:
        InvalidInput: empty or too long, an amount that is not positive, a date before the agreement or not after the one before.
    """
    if not lines or len(lines) > MOST_INSTALMENTS:
        raise InvalidInput("分割の回数が範囲にありません。", hint=f"1から{MOST_INSTALMENTS}までの回数にしてください。", code="count")
    before = agreed_on - timedelta(days=1)
    for number, line in enumerate(lines, start=1):
        if line.amount <= 0:
            raise InvalidInput(f"{number}回目の金額がありません。", hint="1円以上の金額を入れてください。", code=f"amount_{number}")
        if line.due_on <= before:
            hint = "約束の日以降の日付にしてください。" if number == 1 else "前の回より後の日付にしてください。"
            raise InvalidInput(f"{number}回目の期日が早すぎます。", hint=hint, code=f"due_{number}")
        before = line.due_on


def stand(lines: Sequence[Line], money: Sequence[Money], rule: Rule, today: date) -> Standing:
    """Where a plan stands by what has been paid since it was agreed.

    Money falls to the instalments in their order. One whose time (day plus grace) passed is missed, unless payments of those days may
    still be on their way. The plan is broken while more than the allowed number is overdue; catching up mends it.
    """
    states, shares = [], []
    owed, next_due = 0, None
    for line in lines:
        before, owed = owed, owed + line.amount
        shares.append(min(max(sum(part.yen for part in money) - before, 0), line.amount))
        last = line.due_on + timedelta(days=rule.grace_days)
        settled_on = _settled_on(money, owed)
        if settled_on is not None:
            states.append(InstalmentState.PAID if settled_on <= last else InstalmentState.LATE)
            continue
        next_due = next_due or line.due_on
        is_complete = rule.complete_to is not None and rule.complete_to >= last
        is_over = today > last and (is_complete or today > last + timedelta(days=rule.lag_days))
        states.append(InstalmentState.MISSED if is_over else InstalmentState.DUE)
    overdue = states.count(InstalmentState.MISSED)
    state = PlanState.COMPLETED if next_due is None else PlanState.BROKEN if overdue > rule.allowed_misses else PlanState.GOOD_STANDING
    return Standing(tuple(states), tuple(shares), overdue + states.count(InstalmentState.LATE), overdue, next_due, state)


def _settled_on(money: Sequence[Money], owed: int) -> date | None:
    """The day on which so much had been paid."""
    paid = 0
    for part in sorted(money, key=lambda part: part.paid_on):
        paid += part.yen
        if paid >= owed:
            return part.paid_on
    return None
