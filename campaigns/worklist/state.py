"""What a work item may become."""

from __future__ import annotations

from enum import StrEnum


class WorkState(StrEnum):
    """ready waits; claimed is somebody's until the lease ends; done and withdrawn are final."""

    READY = "ready"
    CLAIMED = "claimed"
    DONE = "done"
    WITHDRAWN = "withdrawn"


TRANSITIONS: dict[WorkState, frozenset[WorkState]] = {
    WorkState.READY: frozenset({WorkState.CLAIMED, WorkState.DONE, WorkState.WITHDRAWN}),
    # back to ready: refused by the gate, no answer, a call-back, or a lease that ran out
    WorkState.CLAIMED: frozenset({WorkState.READY, WorkState.DONE, WorkState.WITHDRAWN}),
    WorkState.DONE: frozenset(),
    WorkState.WITHDRAWN: frozenset(),
}
LIVE = frozenset({WorkState.READY, WorkState.CLAIMED})
