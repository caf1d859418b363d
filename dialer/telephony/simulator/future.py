"""What will happen on the simulated lines, in the order of time."""

from __future__ import annotations

import heapq
import itertools
from datetime import datetime, timedelta

from callcenter.core.clock import Clock
from campaigns.attempts.codes import LineResult
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.telephony.simulator.town import CAUSES


class Future:
    """A heap of events that are not due yet."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._order = itertools.count()
        self._due: list[tuple[datetime, int, CarrierEvent]] = []

    def plan(
        self,
        channel_id: str,
        kind: EventKind,
        seconds: float,
        *,
        line_result: LineResult | None = None,
        digit: str | None = None,
        node: str | None = None,
        step: int = 0,
    ) -> None:
        """Something will happen to a channel so many seconds from now."""
        at = self._clock.now() + timedelta(seconds=seconds)
        cause, sip_code = CAUSES[line_result] if line_result else (None, None)
        count = self.number()
        key = f"{channel_id}:{kind}:{step or count}" if step or kind is EventKind.DIGIT else f"{channel_id}:{kind}"
        event = CarrierEvent(kind, channel_id, at, key, line_result, cause, sip_code, digit, node, step)
        heapq.heappush(self._due, (at, count, event))

    def tell(self, event: CarrierEvent) -> None:
        """An event as it is, at its own time."""
        heapq.heappush(self._due, (event.at, self.number(), event))

    def number(self) -> int:
        """A number that was not given before."""
        return next(self._order)

    def forget(self, channel_id: str, *, but: EventKind | None = None) -> None:
        """What was to happen to a channel does not any more."""
        self._due = [entry for entry in self._due if entry[2].channel_id != channel_id or entry[2].kind is but]
        heapq.heapify(self._due)

    def clear(self) -> None:
        """Nothing that was planned happens."""
        self._due.clear()

    def expects(self, channel_id: str, kind: EventKind) -> bool:
        """Whether this is still to happen to the channel, or to be taken."""
        return any(event.channel_id == channel_id and event.kind is kind for _, _, event in self._due)

    def is_due(self, channel_id: str, kind: EventKind) -> bool:
        """Whether this has happened to the channel, and nobody has taken it yet."""
        now = self._clock.now()
        return any(at <= now and event.channel_id == channel_id and event.kind is kind for at, _, event in self._due)

    def take(self) -> CarrierEvent | None:
        """The next event that is due; None while none is."""
        return heapq.heappop(self._due)[2] if self._due and self._due[0][0] <= self._clock.now() else None

    def next_at(self) -> datetime | None:
        """When something happens next."""
        return self._due[0][0] if self._due else None
