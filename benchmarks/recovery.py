"""How long after a fault operators are free again: every process of a shift killed or cut off, and a minute of 503 from the carrier.

    python -m benchmarks.recovery [--repeats 1] [--fault NAME …] [--timeline FILE] [--json]

On a real Asterisk and SIPp, with PostgreSQL, Redis and the dialer's process of the run's own, two debtors talk and two phones ring when it
happens; two more wait to be called. From the moment at which what was killed is back (the process answers, the cable carries; the dialer
renews its lease, `start` seconds after its process was made) until, for each operator and call whose line Asterisk does not have any more:

    operators  the operator is free, or owes the result;
    calls      the call is closed, although no word of its end came;
    next       the next call of a free operator is on its way.

`start` is the whole time from the kill of a dialer to the next call (`benchmarks.recovery_start`).

What comes later by itself, as the end of a ring, counts from then on. Each repeat must be right, too (once dialled, each attempt with its
result, no channel left), or its figures do not count and the run fails. The limit is 5 s. A minute of 503: how many are tried in vain
while the dialer goes on, whether anybody is dialled twice or again too soon, for how long operators were not free, and how long until
people are reached once the carrier answers again. Needs what the telephony tests need; state is read every 50 ms.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import select

from benchmarks import recovery_start
from benchmarks.__main__ import lines
from benchmarks.recovery_503 import minute_of_503
from benchmarks.recovery_watch import LOOK_EVERY, Watch, moment_of, onlooker
from callcenter.core.db import transaction
from dialer.agents.models import AgentSession
from tests import servers
from tests.conftest import ROOT_VARIABLE
from tests.telephony.killing import FAULTS, kill_postgres, standing
from tests.telephony.rig import RigMissing
from tests.telephony.sipp import Behaviour
from tests.telephony.stand import RING_SECONDS, Stand
from tests.telephony.switch import SwitchedRig

LIMIT = 5.0
LONG = 15.0  # seconds for which what is slow to be missed is away, too
PATIENCE = 60.0
SET_UP_SECONDS = 30.0
MOST_SET_UPS = 5
TALKING, RINGING = Behaviour.ANSWERS, Behaviour.NO_ANSWER
Fault = Callable[[Stand], None]


def kill_dialer_for_long(stand: Stand) -> None:
    """Nobody hears that the phones stop ringing."""
    stand.end_dialer(signal.SIGKILL)
    time.sleep(RING_SECONDS + 1)
    stand.start_dialer()


def kill_asterisk_for_long(stand: Stand) -> None:
    stand.rig.kill_asterisk()
    time.sleep(LONG)
    stand.rig.start_asterisk()


EVERY: dict[str, Fault] = {
    **{fault.__name__: fault for fault in FAULTS},
    "kill_dialer_for_long": kill_dialer_for_long,
    "kill_asterisk_for_long": kill_asterisk_for_long,
    "kill_postgres_for_long": partial(kill_postgres, away=LONG),
}
ALL = [*EVERY, "minute_of_503", "start"]
QUICK = ("kill_dialer", "reset_the_cable")


class NotSetUp(Exception):
    """Two talks and two rings did not come about: nothing to measure."""


def set_up(stand: Stand) -> None:
    """Two talk, two ring, two wait to be called. Raises NotSetUp where a machine that is too busy lets a phone go unanswered before it."""
    stand.open_office([TALKING, TALKING, RINGING, RINGING, TALKING, TALKING])
    stand.be_dialled()
    end = time.monotonic() + SET_UP_SECONDS
    while stand.states() != Counter(talking=2, ringing=2):
        if time.monotonic() > end:
            with transaction(stand.office_id) as session:
                legs = session.execute(select(AgentSession.state, AgentSession.is_leg_up, AgentSession.leg_problem)).all()
            raise NotSetUp(f"{[tuple(leg) for leg in legs]}, calls {Counter(a.line_result for a in stand.attempts())}")
        time.sleep(LOOK_EVERY)


def clear_up(stand: Stand) -> None:
    """Nothing is left of a repeat that went wrong."""
    stand.end_dialer_if_any()
    stand.close_office()
    stand.rig.kill_asterisk()
    stand.rig.start_asterisk()


def one(stand: Stand, fault: Fault) -> Watch:
    """One fault and all that is to be said of it. Raises AssertionError when something is wrong afterwards."""
    set_up(stand)
    before = moment_of(stand, frozenset())
    known = {attempt: (agent, before.calls[attempt][1]) for agent, (_, attempt) in before.operators.items() if attempt is not None}
    renewed = stand.renewed()
    fault(stand)
    began = time.monotonic()
    if "kill_dialer" in getattr(fault, "__name__", ""):
        stand.wait(lambda: stand.renewed() != renewed, "the new process's first word")
    back = time.monotonic()
    with onlooker(stand) as carrier:
        watch = Watch(stand, carrier, known, back, start=back - began)
        while not watch.is_done:
            watch.look()
            if time.monotonic() - back > PATIENCE:
                raise AssertionError(f"not settled after {PATIENCE:.0f} s: {watch.timeline[-1]}")
            time.sleep(LOOK_EVERY)
    stand.wait(lambda: stand.hang_up_everybody() and stand.states() == Counter(wrap_up=4), "four results owed")
    stand.wait(lambda: stand.open_calls() == 0, "the end of every call")
    found = Counter((attempt.state, attempt.line_result) for attempt in stand.attempts())
    assert found == Counter({("wrap_up", "answered"): 4, ("closed", "no_answer"): 2}), found
    assert stand.invited() == [1] * 6, stand.invited()
    stand.close_office()
    stand.wait(lambda: stand.live_channels() == frozenset(), "the end of every channel")
    return watch


def figures(watches: list[Watch]) -> dict[str, Any]:
    """The spread over all operators and calls of all repeats, in seconds, against the limit."""
    found: dict[str, Any] = {"repeats": len(watches), "start": round(statistics.median(watch.start for watch in watches), 2)}
    for name in ("operators", "calls", "next"):
        values = sorted(value for watch in watches for value in getattr(watch, name).values())
        p95 = values[math.ceil(0.95 * len(values)) - 1]
        found[name] = {"p50": round(statistics.median(values), 2), "p95": round(p95, 2), "most": round(values[-1], 2)}
    most = max(found[name]["most"] for name in ("operators", "calls"))
    return found | {"most_of_limit": round(most / LIMIT, 3)}


@contextmanager
def place() -> Iterator[Stand]:
    """Servers and rig, gone afterwards."""
    root = servers.new_root()
    before = {name: os.environ.get(name) for name in (ROOT_VARIABLE, "CALLCENTER_DATA")}
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    os.environ |= {ROOT_VARIABLE: str(root), "CALLCENTER_DATA": str(root / "data")}
    try:
        with tempfile.TemporaryDirectory() as folder, standing(Path(folder), SwitchedRig) as stand:
            yield stand
    except (servers.MissingServer, RigMissing) as problem:
        raise RuntimeError(str(problem)) from problem
    finally:
        servers.stop_all(root)
        structlog.reset_defaults()
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def measure(
    repeats: int, names: list[str], *, has_minute: bool = True, has_start: bool = True, timeline: Path | None = None
) -> dict[str, Any]:
    """The figures by fault; `wrong` tells of repeats that were not right."""
    found: dict[str, Any] = {"limit_s": LIMIT, "ring_s": RING_SECONDS}
    told: list[str] = []
    for name in names:
        with place() as stand:  # a dialer looks after every office there is: not after those of other faults
            watches, wrong, again = repeated(stand, EVERY[name], repeats)
        found[name] = (figures(watches) if watches else {}) | {"set_up_again": again} | ({"wrong": wrong} if wrong else {})
        slowest = max(watches, key=lambda watch: max(watch.operators.values()), default=None)
        told += [json.dumps({"fault": name} | line) for line in (slowest.timeline if slowest else ())]
        print(name, json.dumps(found[name]), file=sys.stderr, flush=True)
    if has_minute:
        with place() as stand:
            found["minute_of_503"] = minute_of_503(stand)
    if has_start:
        with place() as stand:
            found["start"] = recovery_start.measure(stand, repeats)
    if timeline is not None:
        timeline.write_text("\n".join(told) + "\n", "utf-8")
    return found


def repeated(stand: Stand, fault: Fault, repeats: int) -> tuple[list[Watch], list[str], int]:
    """What was measured, what was wrong after a fault, and how often the stand had to be set up again."""
    watches: list[Watch] = []
    wrong: list[str] = []
    again = 0
    while len(watches) + len(wrong) < repeats:
        try:
            watches.append(one(stand, fault))
        except NotSetUp as problem:
            again += 1
            print(f"set up again: {problem}", file=sys.stderr, flush=True)
            clear_up(stand)
            if again > MOST_SET_UPS:
                raise RuntimeError("the machine is too busy") from problem
        except AssertionError as problem:
            wrong.append(str(problem))
            clear_up(stand)
    return watches, wrong, again


def run(quick: bool = True) -> dict[str, Any]:
    """Every fault and start ten times, and the minute of 503; quick: two faults once.

    Raises RuntimeError where Asterisk or SIPp is missing, or something was wrong afterwards.
    """
    found = measure(1, list(QUICK), has_minute=False, has_start=False) if quick else measure(10, list(EVERY))
    if wrong := wrong_in(found):
        raise RuntimeError("; ".join(wrong))
    return found


def wrong_in(found: dict[str, Any]) -> list[str]:
    """What was wrong after a fault, by its name."""
    return [f"{name}: {text}" for name, of in found.items() if isinstance(of, dict) for text in of.get("wrong", ())]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--fault", nargs="*", choices=ALL, default=ALL)
    parser.add_argument("--timeline", type=Path, help="a file for the states of the slowest repeat of each fault, a JSON line each")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    names = [name for name in given.fault if name in EVERY]
    others = {"has_minute": "minute_of_503" in given.fault, "has_start": "start" in given.fault}
    found = measure(given.repeats, names, timeline=given.timeline, **others)
    print(json.dumps({"recovery": found}) if given.json else "\n".join(lines(found)))
    return int(bool(wrong_in(found)))


if __name__ == "__main__":
    raise SystemExit(main())
