"""True time, what will happen in it, and the machine's clock, which may be stepped."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta

Deed = Callable[[], None]


class World:
    """True time only moves forward; deeds happen when their time comes, in the order in which they were planned."""

    def __init__(self, start: datetime) -> None:
        self.now = start
        self.offset = timedelta(0)
        self._agenda: list[tuple[datetime, int, Deed]] = []
        self._order = itertools.count()

    def machine_now(self) -> datetime:
        """What the machine's clock says."""
        return self.now + self.offset

    def later(self, seconds: float, deed: Deed) -> None:
        """Plans a deed."""
        heapq.heappush(self._agenda, (self.now + timedelta(seconds=seconds), next(self._order), deed))

    def at(self, moment: datetime, deed: Deed) -> None:
        """Plans a deed for a moment of true time."""
        heapq.heappush(self._agenda, (moment, next(self._order), deed))

    def next_at(self) -> datetime | None:
        """When the next deed is due."""
        return self._agenda[0][0] if self._agenda else None

    def pass_to(self, moment: datetime) -> None:
        """Lets time pass; may be called by a deed that takes time itself."""
        while self._agenda and self._agenda[0][0] <= moment:
            at, _, deed = heapq.heappop(self._agenda)
            self.now = max(self.now, at)
            deed()
        self.now = max(self.now, moment)


class MachineClock:
    """The clock of one process: sleeping makes the process busy until then, others go on."""

    def __init__(self, world: World, skew: timedelta = timedelta(0)) -> None:
        self._world, self._skew = world, skew
        self.busy_until = world.now

    def now(self) -> datetime:
        return self._world.machine_now() + self._skew

    def sleep(self, seconds: float) -> None:
        self.busy_until = self._world.now + timedelta(seconds=max(0.0, seconds))

    def elapsed(self) -> float:
        return self._world.now.timestamp()

    def true(self, moment: datetime) -> datetime:
        """The true time at which this clock will show a moment, if nobody steps it."""
        return self._world.now + (moment - self.now())
