"""What is seen of a shift after a fault, again and again: who is free, which calls are closed, what Asterisk has up."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from callcenter.core.db import transaction
from callcenter.core.errors import StoreUnavailable
from dialer.agents.models import AgentSession
from dialer.agents.state import ON_LINE
from dialer.calls.models import Call
from dialer.telephony.asterisk.carrier import AsteriskCarrier
from tests.telephony.stand import Stand

LOOK_EVERY = 0.05


@dataclass(frozen=True, slots=True)
class Moment:
    """What the database says of operators (state and attempt) and of calls (state, by attempt), and the channels Asterisk has."""

    operators: dict[int, tuple[str, int | None]]
    calls: dict[int, tuple[str, str]]
    live: frozenset[str]


@dataclass
class Watch:
    """Looks again and again and writes down when what was seen to be over was settled; moments in seconds since `back`."""

    stand: Stand
    carrier: AsteriskCarrier
    known: dict[int, tuple[int, str]]  # attempts under way at the fault: operator and channel
    back: float
    start: float
    dead_at: dict[int, float] = field(default_factory=dict)
    operators: dict[int, float] = field(default_factory=dict)
    calls: dict[int, float] = field(default_factory=dict)
    free_at: dict[int, float] = field(default_factory=dict)
    next: dict[int, float] = field(default_factory=dict)
    timeline: list[dict[str, Any]] = field(default_factory=list)

    def look(self) -> None:
        """One look; a store that is away meanwhile is no answer."""
        live = self.carrier.live_channels()
        try:
            found = moment_of(self.stand, live or frozenset())
        except (SQLAlchemyError, StoreUnavailable):
            return
        now = max(0.0, time.monotonic() - self.back)
        self._note(now, found)
        for attempt, (operator, channel) in self.known.items():
            if channel not in found.live:
                self.dead_at.setdefault(attempt, now if live is not None else 0.0)
            if attempt not in self.dead_at:
                continue
            state, of = found.operators[operator]
            if state not in ON_LINE or of != attempt:
                self.operators.setdefault(attempt, now - self.dead_at[attempt])
            if found.calls[attempt][0] == "ended":
                self.calls.setdefault(attempt, now - self.dead_at[attempt])
        for operator, (state, attempt_id) in found.operators.items():
            if state == "ready":
                self.free_at.setdefault(operator, now)
            is_new = attempt_id is not None and attempt_id not in self.known
            if is_new and found.calls.get(attempt_id or 0, ("placing", ""))[0] != "placing":
                self.next.setdefault(operator, now - self.free_at.get(operator, self.freed(operator)))

    def freed(self, operator: int) -> float:
        """When an operator whom nobody saw free was, at the earliest: at the end of their line."""
        return min((self.dead_at.get(attempt, 0.0) for attempt, (whose, _) in self.known.items() if whose == operator), default=0.0)

    def _note(self, now: float, found: Moment) -> None:
        states = {
            "operators": dict(sorted(Counter(state for state, _ in found.operators.values()).items())),
            "calls": dict(sorted(Counter(state for state, _ in found.calls.values()).items())),
            "channels": len(found.live),
        }
        if not self.timeline or {key: self.timeline[-1][key] for key in states} != states:
            self.timeline.append({"seconds": round(now, 2)} | states)

    @property
    def is_done(self) -> bool:
        """Everything that the fault ended is settled, and whoever was free has a next call."""
        rings = [attempt for attempt in self.known if attempt in self.operators and attempt in self.calls]
        return len(rings) >= 2 and set(self.dead_at) <= set(rings) and len(self.next) >= 2


def moment_of(stand: Stand, live: frozenset[str]) -> Moment:
    with transaction(stand.office_id) as session:
        agents = session.execute(select(AgentSession.id, AgentSession.state, AgentSession.attempt_id)).all()
        calls = session.execute(select(Call.attempt_id, Call.state, Call.channel_id)).all()
    return Moment(
        {agent: (state, attempt) for agent, state, attempt in agents},
        {attempt: (state, channel) for attempt, state, channel in calls},
        live,
    )


@contextmanager
def onlooker(stand: Stand) -> Iterator[AsteriskCarrier]:
    """A connection of our own to Asterisk, past the cable."""
    carrier = stand.rig.carrier()
    carrier.connect()
    try:
        if not carrier.wait_connected(20):
            raise RuntimeError("Asterisk does not answer")
        yield carrier
    finally:
        carrier.close()
