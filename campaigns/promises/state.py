"""What a promise may become."""

from __future__ import annotations

from enum import StrEnum


class PromiseState(StrEnum):
    """open until enough was paid, or its day plus grace has passed."""

    OPEN = "open"
    KEPT = "kept"
    PART_KEPT = "part_kept"
    BROKEN = "broken"
    CANCELLED = "cancelled"


_JUDGED = frozenset({PromiseState.OPEN, PromiseState.KEPT, PromiseState.PART_KEPT, PromiseState.BROKEN})
TRANSITIONS: dict[PromiseState, frozenset[PromiseState]] = {
    PromiseState.OPEN: frozenset(PromiseState),
    # a payment is reversed, or one that was made in time is posted late
    PromiseState.KEPT: _JUDGED,
    PromiseState.PART_KEPT: _JUDGED,
    PromiseState.BROKEN: _JUDGED,
    PromiseState.CANCELLED: frozenset({PromiseState.CANCELLED}),
}
