"""What a promise may become; `campaigns.promises.moving` is the only place that moves one."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum


class PromiseState(StrEnum):
    """open until enough was paid, or its day plus grace has passed and the postings of those days are in."""

    OPEN = "open"
    KEPT = "kept"
    PART_KEPT = "part_kept"
    BROKEN = "broken"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


_S = PromiseState
# Money moves a promise between these in every direction: a payment is reversed, or one that was made in time is posted late.
JUDGED = frozenset({_S.OPEN, _S.KEPT, _S.PART_KEPT, _S.BROKEN})
TRANSITIONS: dict[PromiseState, frozenset[PromiseState]] = {
    _S.OPEN: JUDGED | {_S.CANCELLED, _S.SUPERSEDED},
    # cancelled: the result of the call was corrected, there never was a promise
    _S.KEPT: JUDGED | {_S.CANCELLED},
    _S.PART_KEPT: JUDGED | {_S.CANCELLED},
    _S.BROKEN: JUDGED | {_S.CANCELLED},
    # open: the promise that took its place turned out to be none
    _S.SUPERSEDED: frozenset({_S.OPEN, _S.CANCELLED}),
    _S.CANCELLED: frozenset(),
}
WAITING = "waiting"


def sources_of(state: PromiseState) -> list[str]:
    """The states a promise may come to `state` from."""
    return sorted(before.value for before, after in TRANSITIONS.items() if state in after)


def judge(
    *,
    amount: int,
    paid: int,
    due_on: date,
    grace_days: int,
    threshold_percent: int,
    today: date,
    lag_days: int = 0,
    complete_to: date | None = None,
) -> PromiseState:
    """The state a promise is in by what has been paid.

    Args:
        amount, paid: whole yen promised, and paid from the promise to its date plus grace.
        threshold_percent: share of the amount that counts as kept.
        lag_days: how long a posting may take (反映の遅れ): for so long nobody says "not kept".
        complete_to: the last day whose payments are known to be posted, if the office said so.

    Returns:
        kept as soon as enough is paid; after date plus grace part_kept or broken, but open while payments of those days may still be on
        their way; before that open.
    """
    if paid * 100 >= amount * threshold_percent:
        return _S.KEPT
    last = due_on + timedelta(days=grace_days)
    is_complete = complete_to is not None and complete_to >= last
    if today <= last or (not is_complete and today <= last + timedelta(days=lag_days)):
        return _S.OPEN
    return _S.PART_KEPT if paid > 0 else _S.BROKEN


def shown_state(state: str, due_on: date, grace_days: int, today: date) -> str:
    """The state for people: an open promise past its date plus grace waits for its payment to be posted (入金確認待ち)."""
    is_waiting = state == _S.OPEN and today > due_on + timedelta(days=grace_days)
    return WAITING if is_waiting else state
