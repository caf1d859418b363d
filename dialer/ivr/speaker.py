"""Sounds made beside the dialer's work: to speak takes seconds the first time, in which a debtor who answers would find nobody."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from callcenter.core.errors import AppError
from dialer.telephony.robocall import RobocallPlan

Prepare = Callable[[RobocallPlan], None]


class Speaker:
    """One thread that makes the sounds of plans, for a carrier that plays files.

    Args:
        prepare: makes a plan's sounds where they are missing; raises AppError or OSError when it can't.
    """

    def __init__(self, prepare: Prepare) -> None:
        self.prepare = prepare
        self._threads = ThreadPoolExecutor(1, "words")  # it has no thread before there is something to say

    def make(self, plan: RobocallPlan) -> Future[None]:
        """Has a plan's sounds made after those asked for before; the result raises what `prepare` raised."""
        return self._threads.submit(self.prepare, plan)

    def make_some_time(self, plans: Sequence[RobocallPlan]) -> None:
        """Has these made one by one, each after what was asked for meanwhile; what can't be made now is made when it is needed."""
        if plans:
            self._threads.submit(self._make_first, plans)

    def _make_first(self, plans: Sequence[RobocallPlan]) -> None:
        with contextlib.suppress(AppError, OSError, RuntimeError):  # the last: this process ends
            self.prepare(plans[0])
            self.make_some_time(plans[1:])
