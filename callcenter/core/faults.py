"""Named points between two steps, at which a simulation may stop, delay or fail what runs.

In a running system nothing listens and a point costs one comparison. Only a process that says so by `CALLCENTER_SIMULATION=1` may listen.
"""

from __future__ import annotations

import os
from collections.abc import Callable

Listener = Callable[[str], None]
SWITCH = "CALLCENTER_SIMULATION"

POINTS = frozenset(
    {
        "commit.before",
        "commit.after",
        "lease.renewed",
        "claim.taken",
        "gate.answered",
        "attempt.opened",
        "call.opened",
        "hand_over.begins",
        "hand_over.done",
        "hand_over.failed",
        "event.received",
        "event.noted",
        "event.applied",
        "hang_up.begins",
        "line_result.noted",
        "outcome.recorded",
        "wrap_up.begun",
        "wrap_up.finished",
        "operator.released",
        "resync.done",
        "reap.done",
    }
)

_listener: Listener | None = None


def passing(point: str) -> None:
    """Says that the work has come to this point of `POINTS`; what the listener raises is what happens there."""
    if _listener is not None:
        _listener(point)


def listen(listener: Listener | None) -> None:
    """Sets who decides what happens at the points; None: nobody.

    Raises:
        RuntimeError: this process was not started for a simulation.
    """
    global _listener
    if listener is not None and os.environ.get(SWITCH) != "1":
        raise RuntimeError(f"faults are for simulations only: set {SWITCH}=1")
    _listener = listener
