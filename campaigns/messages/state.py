"""What messages and batches may become; one function moves a message, and only forwards."""

from __future__ import annotations

from enum import StrEnum


class MessageState(StrEnum):
    """A message's way: ready → claimed → handed_over → accepted → delivered."""

    READY = "ready"
    CLAIMED = "claimed"
    HANDED_OVER = "handed_over"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"


S = MessageState
_TOLD = frozenset({S.ACCEPTED, S.DELIVERED, S.UNDELIVERED, S.FAILED})
TRANSITIONS: dict[MessageState, frozenset[MessageState]] = {
    S.READY: frozenset({S.CLAIMED, S.WITHDRAWN, S.REFUSED}),
    S.CLAIMED: frozenset({S.READY, S.HANDED_OVER, S.WITHDRAWN, S.REFUSED}),
    # a claim whose worker died goes back: nothing has left; from here on only where the provider was certainly not reached
    S.HANDED_OVER: _TOLD | {S.READY, S.UNKNOWN},
    # back to ready only where its own worker, slow but not dead, says that it never sent it
    S.UNKNOWN: _TOLD | {S.READY},
    S.ACCEPTED: frozenset({S.DELIVERED, S.UNDELIVERED, S.FAILED}),
    S.UNDELIVERED: frozenset({S.DELIVERED}),  # a late receipt corrects an early one
    S.DELIVERED: frozenset(),
    S.FAILED: frozenset(),
    S.WITHDRAWN: frozenset(),
    S.REFUSED: frozenset(),
}
UNSETTLED = frozenset({S.READY, S.CLAIMED, S.HANDED_OVER, S.UNKNOWN})


class BatchState(StrEnum):
    """A batch's way: preparing → ready → releasing → done."""

    PREPARING = "preparing"
    READY = "ready"
    RELEASING = "releasing"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


B = BatchState
BATCH_TRANSITIONS: dict[BatchState, frozenset[BatchState]] = {
    B.PREPARING: frozenset({B.READY, B.DONE, B.CANCELLED}),
    B.READY: frozenset({B.RELEASING, B.PAUSED, B.DONE, B.CANCELLED}),
    # back to ready where the next window takes what this one left over
    B.RELEASING: frozenset({B.READY, B.PAUSED, B.DONE, B.CANCELLED}),
    B.PAUSED: frozenset({B.READY, B.RELEASING, B.DONE, B.CANCELLED}),
    B.DONE: frozenset(),
    B.CANCELLED: frozenset(),
}
OPEN_BATCHES = (B.READY.value, B.RELEASING.value)
LIVE_BATCHES = (B.PREPARING.value, B.READY.value, B.RELEASING.value, B.PAUSED.value)


def may_follow(present: MessageState, wanted: MessageState) -> bool:
    """Whether a message may go from one state to another; late and repeated news may not."""
    return wanted in TRANSITIONS[present]
