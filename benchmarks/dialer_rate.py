"""The whole dialer at a rate of calls, against the bare AMI client at the same rate on the same Asterisk.

    python -m benchmarks.dialer_rate [--seconds 5] [--pairs 1] [--json]

Twice: a hundred calls a second without media (the far end, SIPp, is busy at once), and twenty a second with a prompt that is played and a
key that is pressed. Both take turns. The bare client sends Originates at the rate and counts the ends. The dialer does all of its work: it
claims each case, asks the gate, puts attempt and call on record, commits, hands over, and writes what came of it. Told are the share of
calls that ended as the far end says, how many did a second from the first call's begin to the last one's end, the processor time of this
process a call (the database's is its own), and the statements and transactions a call. Needs what the telephony tests need.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import event, func, select

from benchmarks.__main__ import lines
from benchmarks.calling import add_person, open_office
from benchmarks.originate import at_rate
from benchmarks.scratch import database
from callcenter.core.clock import SystemClock
from callcenter.core.db import get_engine, transaction
from campaigns.attempts.codes import LineResult
from dialer.calls.models import Call
from dialer.telephony.port import CarrierLimits
from dialer.telephony.robocall import RobocallPlan
from dialer.worker import Dialer, DialerSettings
from tests.telephony.captures import write_sound
from tests.telephony.rig import CALLER_ID, Rig, RigMissing
from tests.telephony.sipp import Behaviour, number_of

LINES = 200
PATIENCE = 60.0


@dataclass(frozen=True)
class Load:
    """A rate of calls to people who all behave alike, and what each call must come to."""

    name: str
    rate: int
    behaviour: Behaviour
    line_result: LineResult
    keys: str = ""


LOADS = (
    Load("without media", 100, Behaviour.BUSY, LineResult.BUSY),
    Load("with prompt and key", 20, Behaviour.PRESSES_1, LineResult.ANSWERED, "1"),
)


class Town:
    """An office with automated calls to make, and its dialer."""

    def __init__(self, rig: Rig, load: Load) -> None:
        self.load, self._rig = load, rig
        self.office_id, self.campaign_id = open_office(f"bench{load.rate}")
        self.carrier = rig.carrier()
        limits = CarrierLimits(calls_per_second=load.rate, max_lines=LINES)
        settings = DialerSettings("bench", CALLER_ID, limits, office_ids=(self.office_id,), prepare_prompts=self._prepare)
        self.dialer = Dialer(self.carrier, SystemClock(), settings)
        self._debtors = 0

    def _prepare(self, robocall: RobocallPlan) -> None:
        """Short sounds under the names of the script's prompts."""
        for node in robocall.spoken():
            write_sound(self._rig.home / f"sounds/{node.sound}.wav", 1.2 if node.keys else 0.3)

    def queue(self, count: int) -> None:
        """So many people more to be called."""
        with transaction(self.office_id) as session:
            for _ in range(count):
                add_person(session, self.campaign_id, self._debtors, number_of(self.load.behaviour, self._debtors), "auto_call")
                self._debtors += 1

    def call_all(self, count: int) -> dict[str, float]:
        """Works until that many more calls are over, or nothing more comes of it."""
        with transaction(self.office_id) as session:
            before = session.scalar(select(func.coalesce(func.max(Call.id), 0))) or 0
        self.queue(count)
        began = time.monotonic()
        next_look = began
        with counted() as asked:
            cpu = time.process_time()
            while time.monotonic() < began + PATIENCE:
                self.dialer.go_round(0.02)
                if time.monotonic() > next_look:
                    next_look = time.monotonic() + 0.5
                    self.dialer.notice(self.office_id, wishes=True)
                    if self._ended(before) >= count:
                        break
            cpu = time.process_time() - cpu
        return self._figures(before, count, cpu) | {f"{what}_a_call": round(number / count, 2) for what, number in asked.items()}

    def _ended(self, before: int) -> int:
        with transaction(self.office_id) as session:
            return session.scalar(select(func.count()).where(Call.id > before, Call.state == "ended")) or 0

    def _figures(self, before: int, count: int, cpu: float) -> dict[str, float]:
        with transaction(self.office_id) as session:
            columns = Call.placed_at, Call.ended_at, Call.line_result, Call.digits
            calls = session.execute(select(*columns).where(Call.id > before).order_by(Call.placed_at, Call.id)).all()
        clean = [call for call in calls if (call.line_result, call.digits) == (self.load.line_result, self.load.keys) and call.ended_at]
        took = (max(call.ended_at for call in clean) - calls[0].placed_at).total_seconds() if clean else 0.0
        return {
            "clean_share": len(clean) / count,
            "calls_a_second": round(len(clean) / took, 1) if took else 0.0,
            "cpu_ms_a_call": round(1000 * cpu / count, 2),
        }


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Counts statements and transactions meanwhile."""
    count = Counter(statements=0, transactions=0)

    def statement(*_: object) -> None:
        count["statements"] += 1

    def commit(*_: object) -> None:
        count["transactions"] += 1

    engine = get_engine()
    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", commit)
    try:
        yield count
    finally:
        event.remove(engine, "before_cursor_execute", statement)
        event.remove(engine, "commit", commit)


def measure(seconds: float, pairs: int) -> dict[str, Any]:
    """Each load by both."""
    with database(), tempfile.TemporaryDirectory() as folder, Rig(Path(folder)) as rig:
        return {load.name: _compare(rig, load, seconds, pairs) for load in LOADS}


def _compare(rig: Rig, load: Load, seconds: float, pairs: int) -> dict[str, Any]:
    """The medians of both over some pairs of runs, and ours against the bare client's."""
    runs: dict[str, list[dict[str, float]]] = {"bare": [], "ours": []}
    count = int(load.rate * seconds)
    town = Town(rig, load)
    town.dialer.start()
    if not town.carrier.wait_connected(10):
        raise RuntimeError("the carrier did not connect")
    try:
        town.call_all(load.rate // 4)  # everything has been used once
        for n in range(pairs):
            first = 500_000 + n * count
            runs["bare"].append(at_rate(rig, load.rate, seconds, has_media=bool(load.keys), first=first, is_ours=False))
            runs["ours"].append(town.call_all(count))
    finally:
        town.dialer.stop()
    found: dict[str, Any] = {who: {key: statistics.median(run[key] for run in of) for key in of[0]} for who, of in runs.items()}
    ours, bare = found["ours"], found["bare"]
    found["clean_ratio"] = round(ours["clean_share"] / max(bare["clean_share"], 1e-9), 3)
    found["rate_ratio"] = round(ours["calls_a_second"] / max(bare["calls_a_second"], 1e-9), 3)
    found["added_cpu_ms_a_call"] = round(ours["cpu_ms_a_call"] - bare["cpu_ms_a_call"], 2)
    return found


def run(quick: bool = True) -> dict[str, Any]:
    """The figures over 3 seconds of calls, or the medians of three times 10. Raises RuntimeError where Asterisk or SIPp is missing."""
    try:
        return measure(3.0, 1) if quick else measure(10.0, 3)
    except RigMissing as problem:
        raise RuntimeError(str(problem)) from problem


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    try:
        found = measure(given.seconds, given.pairs)
    except RigMissing as missing:
        print(f"dialer_rate: NOT RUN: {missing}")
        return 1
    print(json.dumps({"dialer_rate": found}) if given.json else "\n".join(lines(found)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
