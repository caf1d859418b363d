"""What happens at the named points: the process is killed, held up, or told that the database or the carrier is gone."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from datetime import timedelta

from sqlalchemy.exc import OperationalError

from dialer.telephony.errors import CarrierUnreachable, HandoverUnknown
from tests.simulation.network import Network
from tests.simulation.plan import PlannedFault, ShiftPlan
from tests.simulation.world import World


class Killed(BaseException):
    """`kill -9`: nothing of the process goes on; unwinds as the end of a process would be seen from outside."""


def lost_connection() -> OperationalError:
    """What SQLAlchemy raises when the database goes away."""
    return OperationalError("simulated", None, Exception("the connection is lost"))


class Faults:
    """The listener of a shift; counts every point it hears of. What another thread of the process does is none of the shift's."""

    def __init__(self, world: World, network: Network, plan: ShiftPlan) -> None:
        self._world, self._network = world, network
        self._planned: dict[str, dict[int, PlannedFault]] = defaultdict(dict)
        for fault in plan.faults:
            self._planned[fault.point][fault.passage] = fault
        self.passed: Counter[str] = Counter()
        self.happened: Counter[tuple[str, str]] = Counter()
        self.commits = 0
        self.is_database_away = False
        self.is_over = False
        self._is_held_up = False
        self._thread = threading.get_ident()

    def __call__(self, point: str) -> None:
        if threading.get_ident() != self._thread:
            return
        self.passed[point] += 1
        if point == "commit.after":
            self.commits += 1
        if self.is_over or self._is_held_up:
            return
        if self.is_database_away and point == "commit.before":
            raise lost_connection()
        fault = self._planned[point].get(self.passed[point])
        if fault is not None:
            self._happen(fault)

    def _happen(self, fault: PlannedFault) -> None:
        self.happened[(fault.point, fault.kind)] += 1
        if fault.kind == "delay":
            self._network.note("held_up", detail=f"{fault.point} {fault.seconds}")
            self._is_held_up = True
            try:
                self._world.pass_to(self._world.now + timedelta(seconds=fault.seconds))
            finally:
                self._is_held_up = False
            return
        if fault.kind == "kill":
            self._network.note("killed", detail=fault.point)
            raise Killed(fault.point)
        self._network.note("failed", detail=fault.point)
        if fault.point in ("hand_over.begins", "hang_up.begins"):
            raise CarrierUnreachable("simulated")
        raise HandoverUnknown("simulated") if fault.point == "hand_over.done" else lost_connection()
