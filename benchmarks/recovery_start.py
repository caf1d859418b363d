"""How soon a dialer that was killed calls again: from the kill to the INVITE of a person to be called, while four operators are free.

Nothing is left out: the end of the old process, the new one's start (Python, imports, the database), its connection to Asterisk. Once with
a new process started at once, twice as `callcenter up` does it, whose supervisor has to miss the old one first: without a spare
(`by_up_cold`), and by the spare that waits beside a dialer which has run for a minute.
"""

from __future__ import annotations

import os
import signal
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import select

from callcenter.core.db import transaction
from callcenter.supervise import CALM_SECONDS, Child, Supervisor
from dialer.calls.models import DialerLease
from tests.telephony.sipp import Behaviour
from tests.telephony.stand import DIALER, PHONES, Stand

PATIENCE = 120.0
LOOK_EVERY = 0.02
Restart = Callable[[], float]  # when it was killed


def measure(stand: Stand, repeats: int) -> dict[str, Any]:
    """Seconds by the way it is started again. Raises AssertionError where nobody was called, or somebody twice."""
    stand.open_office([])
    found = {}
    for name, running in (("alone", alone), ("by_up_cold", partial(by_up, is_warm=False)), ("by_up", partial(by_up, is_warm=True))):
        with running(stand) as kill_and_restart:
            values = sorted(once(stand, kill_and_restart) for _ in range(repeats))
        found[name] = {"repeats": repeats, "p50": round(statistics.median(values), 2), "most": round(values[-1], 2)}
    assert stand.invited() == [1] * len(stand.debtors), "somebody was called twice"
    stand.close_office()
    return found | {"load": round(os.getloadavg()[0], 1)}


def once(stand: Stand, kill_and_restart: Restart) -> float:
    """One kill; until the far end has the call of a person who came onto the list at that moment."""
    stand.wait(lambda: stand.states() == Counter(ready=len(PHONES)) and stand.open_calls() == 0, "four free operators")
    stand.wait(lambda: is_at_work(stand), "a dialer at work")
    stand.let_rounds_pass(2)
    began = kill_and_restart()
    number = stand.add_person(Behaviour.BUSY)
    while "invited" not in stand.rig.far_end().get(number, []):
        assert time.monotonic() - began < PATIENCE, "nobody was called"
        time.sleep(LOOK_EVERY)
    return time.monotonic() - began


def is_at_work(stand: Stand) -> bool:
    """Whether a dialer holds the campaign."""
    with transaction(stand.office_id) as session:
        return session.scalars(select(DialerLease.id)).first() is not None


@contextmanager
def alone(stand: Stand) -> Iterator[Restart]:
    """`callcenter dial`, started again by whoever killed it."""

    def restart() -> float:
        began = time.monotonic()
        stand.end_dialer(signal.SIGKILL)
        stand.start_dialer("callcenter.cli")
        return began

    stand.start_dialer("callcenter.cli")
    try:
        yield restart
    finally:
        stand.end_dialer_if_any()


@contextmanager
def by_up(stand: Stand, *, is_warm: bool) -> Iterator[Restart]:
    """The supervisor of `callcenter up` with the dialer as its child, which had run for a while."""
    child = Child("dialer", DIALER, spare_arguments=(*DIALER, "--when-told") if is_warm else ())

    def kill() -> float:
        stand.wait(has_run_for_a_while, "a spare that waits")
        assert child.process is not None
        began = time.monotonic()
        child.process.kill()
        return began

    def has_run_for_a_while() -> bool:
        child.started_at -= CALM_SECONDS
        child.spare_started_at -= CALM_SECONDS
        return not is_warm or is_waiting(child)

    with patch.dict(os.environ, stand.settings), Supervisor([child], stand.folder / "up") as supervisor:
        thread = threading.Thread(target=supervisor.run)  # its children end with it
        thread.start()
        try:
            yield kill
        finally:
            supervisor.stopping.set()
            thread.join()


def is_waiting(child: Child) -> bool:
    """Whether the spare reads from its standard input (system call 0 of file 0, as the kernel tells of it)."""
    return child.spare is not None and Path(f"/proc/{child.spare.pid}/syscall").read_text().startswith("0 0x0 ")
