"""A dialer whose words for the line are made when a test lets them be."""

from __future__ import annotations

import threading
from collections.abc import Callable

from dialer.telephony.port import CarrierLimits
from dialer.telephony.robocall import RobocallPlan
from dialer.worker import Dialer, DialerSettings
from tests.dialer.world import Hall
from tests.servers import wait_for


class Words:
    """Takes the place of a hall's dialer by one that needs sounds, and begins it.

    Attributes:
        may: they are made from here on.
        problems: what the next ones fail with, the last first.
        made: the words that were made, in order.
    """

    def __init__(self, hall: Hall) -> None:
        self.hall, self.may = hall, threading.Event()
        self.problems, self.made = list[Exception](), list[str]()
        limits = CarrierLimits(calls_per_second=50, max_lines=hall.lines)
        settings = DialerSettings("node1", "+81300000000", limits, round_seconds=5.0, prepare_prompts=self.make)
        hall.dialer = Dialer(hall.carrier, hall.clock, settings)
        hall.dialer.start()

    def make(self, plan: RobocallPlan) -> None:
        """What the dialer's thread for words does."""
        assert self.may.wait(60)
        if self.problems:
            raise self.problems.pop()
        self.made += [node.text for node in plan.nodes]

    def until(self, is_so: Callable[[], bool]) -> None:
        """Rounds of the dialer, in which little time passes by its clock but while nothing happens."""

        def is_so_by_now() -> bool:
            self.hall.pass_time(0.2)
            return is_so()

        wait_for(is_so_by_now, "what waits for words")
