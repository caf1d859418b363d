"""What a promise may become, and what payments make of it: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class PromiseState(StrEnum):
    """open until it is kept, or its day plus grace (and the office's posting lag) has passed."""

    OPEN = "open"
    KEPT = "kept"
    PART_KEPT = "part_kept"
    BROKEN = "broken"
    CANCELLED = "cancelled"


_SETTLED = frozenset({PromiseState.OPEN, PromiseState.KEPT, PromiseState.PART_KEPT, PromiseState.BROKEN})
TRANSITIONS: dict[PromiseState, frozenset[PromiseState]] = {
    PromiseState.OPEN: frozenset(PromiseState),
    # a payment is reversed, or one that was made in time is posted late
    PromiseState.KEPT: _SETTLED,
    PromiseState.PART_KEPT: _SETTLED,
    PromiseState.BROKEN: _SETTLED,
    PromiseState.CANCELLED: frozenset({PromiseState.CANCELLED}),
}


@dataclass(frozen=True, slots=True)
class PromiseFacts:
    """A promise with what was paid from the day it was made to its day plus grace, in yen."""

    amount: int
    due_on: date
    grace_days: int
    threshold_percent: int
    paid: int


def judge(facts: PromiseFacts, today: date, posting_lag_days: int = 0) -> PromiseState:
    """What the payments make of a promise as of `today`.

    Kept as soon as the threshold is reached; broken or partly kept only once day, grace and posting lag have passed, because a
    payment in time may be posted later.
    """
    if facts.paid * 100 >= facts.amount * facts.threshold_percent and facts.paid > 0:
        return PromiseState.KEPT
    if today <= facts.due_on + timedelta(days=facts.grace_days + posting_lag_days):
        return PromiseState.OPEN
    return PromiseState.PART_KEPT if facts.paid > 0 else PromiseState.BROKEN
