"""What the carrier told and is not on record yet, each channel's events in their order.

Where an operator may wait for it, it is taken at once and by itself. What is told of automated calls under way waits a moment on a trunk
that makes many calls a second, and is taken together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from dialer.line import GATHER_SECONDS, Line
from dialer.telephony.events import CarrierEvent, EventKind

MOST_TOGETHER = 200
UNHURRIED = frozenset(
    {
        EventKind.PLACED,
        EventKind.RINGING,
        EventKind.ANSWERED,
        EventKind.MACHINE,
        EventKind.DIGIT,
        EventKind.PROMPT_DONE,
        EventKind.NODE,
        EventKind.ENDED,
    }
)


class Inbox:
    """Events to be put on record: `first` one by one, then those that may be taken together."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.first: deque[CarrierEvent] = deque()
        self._others: deque[CarrierEvent] = deque()
        self._due_at = line.clock.now()

    def add(self, events: Iterable[CarrierEvent]) -> None:
        """Takes what the carrier tells."""
        for event in events:
            self._line.hear(event)
            if event.kind is EventKind.PROGRESS:
                continue
            if event.kind is EventKind.RESYNC:
                self.hasten()
            if event.channel_id in self._line.unhurried and event.kind in UNHURRIED:
                self._others.append(event)
                continue
            if event.channel_id in self._line.unhurried:  # an operator has a part in it from now on
                self._line.unhurried.discard(event.channel_id)
                self._hasten_channel(event.channel_id)
            self.first.append(event)

    def hasten(self, events: Sequence[CarrierEvent] = ()) -> None:
        """These, and all that wait, are taken one by one."""
        self.first.extend(events)
        self.first.extend(self._others)
        self._others.clear()

    def patience(self, timeout: float) -> float:
        """How long the carrier may be listened to before something is due."""
        if self.first or not self._others:
            return 0.0 if self.first else timeout
        return max(0.0, min(timeout, (self._due_at - self._line.clock.now()).total_seconds()))

    def take(self, *, all_now: bool = False) -> list[CarrierEvent]:
        """What is to be taken together now; nothing while more is gathered."""
        now, wait = self._line.clock.now(), timedelta(seconds=GATHER_SECONDS)
        may_wait = self._line.makes_many and not self._line.carrier.keeps_until_polled
        is_gathering = may_wait and len(self._others) < MOST_TOGETHER and now < self._due_at <= now + wait
        if not self._others or (is_gathering and not all_now):
            return []
        self._due_at = now + wait
        return [self._others.popleft() for _ in range(min(len(self._others), MOST_TOGETHER))]

    def next_at(self) -> datetime | None:
        """When something is due; for virtual time."""
        return self._due_at if self._others else None

    def _hasten_channel(self, channel_id: str) -> None:
        self.first.extend(event for event in self._others if event.channel_id == channel_id)
        self._others = deque(event for event in self._others if event.channel_id != channel_id)
