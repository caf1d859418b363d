"""The whole dialer at a hundred calls a second without media, against the bare AMI client at the same rate on the same Asterisk.

    python -m benchmarks.dialer_rate [--seconds 5] [--pairs 1] [--rate 100] [--json]

Both take turns. The bare client sends Originates at the rate and counts the ends. The dialer does all of its work: it claims each case,
asks the gate, puts attempt and call on record, commits, hands over, and writes what came of it. The far end (SIPp) is busy at once. Told
are the share of calls that ended as the far end says, how many were placed a second, and the processor time of this process a call; the
database's is its own. Needs what the telephony tests need.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from benchmarks.originate import at_rate
from benchmarks.scratch import database
from callcenter.auth.models import Office
from callcenter.core.clock import SystemClock, utc_now
from callcenter.core.db import transaction
from campaigns.attempts.codes import LineResult
from campaigns.debtors.models import Debt, Debtor, PhoneNumber
from campaigns.planning.service import create_campaign, set_status
from campaigns.planning.state import CampaignStatus
from campaigns.worklist.models import WorkItem
from dialer.calls.models import Call
from dialer.telephony.port import CarrierLimits
from dialer.worker import Dialer, DialerSettings
from tests.telephony.rig import CALLER_ID, Rig, RigMissing
from tests.telephony.sipp import Behaviour, number_of
from tests.telephony.test_main_job import open_always

LINES = 200
PATIENCE = 60.0


class Town:
    """An office with automated calls to make, and its dialer."""

    def __init__(self, rig: Rig, rate: int) -> None:
        now = utc_now()
        with transaction(None) as session:
            office = Office(code="bench", name="架空市", phone=CALLER_ID)
            session.add(office)
            session.flush()
            self.office_id = office.id
        open_always(self.office_id)
        with transaction(self.office_id) as session:
            campaign = create_campaign(session, "bench", now)
            set_status(session, campaign.id, CampaignStatus.RUNNING, now)
            self.campaign_id = campaign.id
        self.carrier = rig.carrier()
        limits = CarrierLimits(calls_per_second=rate, max_lines=LINES)
        self.dialer = Dialer(self.carrier, SystemClock(), DialerSettings("bench", CALLER_ID, limits))
        self._debtors = 0

    def queue(self, count: int) -> None:
        """So many people more to be called."""
        now = utc_now()
        with transaction(self.office_id) as session:
            for _ in range(count):
                self._add(session, self._debtors, now)
                self._debtors += 1

    def _add(self, session: Session, n: int, now: datetime) -> None:
        debtor = Debtor(debtor_no=f"{n:010d}", name="見本 佳代")
        session.add(debtor)
        session.flush()
        number = number_of(Behaviour.BUSY, n)
        session.add(PhoneNumber(debtor_id=debtor.id, original=number, e164=number, line_type="mobile"))
        due = now.date() - timedelta(days=90)
        terms = {"tax_code": "10", "levy_year": 2026, "base_year": 2026, "term": 1, "due_on": due, "assessed": 9_000, "outstanding": 9_000}
        session.add(Debt(debtor_id=debtor.id, notice_no=f"{n:08d}", **terms))
        moments = {"not_before": now, "created_at": now, "updated_at": now}
        session.add(WorkItem(campaign_id=self.campaign_id, debtor_id=debtor.id, channel="auto_call", **moments))

    def call_all(self, count: int) -> dict[str, float]:
        """Works until that many more calls are over, or nothing more comes of it."""
        with transaction(self.office_id) as session:
            before = session.scalar(select(func.coalesce(func.max(Call.id), 0))) or 0
        self.queue(count)
        began, cpu = time.monotonic(), time.process_time()
        next_look = began
        while time.monotonic() < began + PATIENCE:
            self.dialer.go_round(0.02)
            if time.monotonic() > next_look:
                next_look = time.monotonic() + 0.5
                self.dialer.notice(self.office_id, wishes=True)
                if self._ended(before) >= count:
                    break
        cpu = time.process_time() - cpu
        return self._figures(before, count, cpu)

    def _ended(self, before: int) -> int:
        with transaction(self.office_id) as session:
            return session.scalar(select(func.count()).where(Call.id > before, Call.state == "ended")) or 0

    def _figures(self, before: int, count: int, cpu: float) -> dict[str, float]:
        with transaction(self.office_id) as session:
            calls = session.execute(select(Call.placed_at, Call.line_result).where(Call.id > before).order_by(Call.placed_at)).all()
        clean = sum(call.line_result == LineResult.BUSY for call in calls)
        seconds = (calls[-1].placed_at - calls[0].placed_at).total_seconds() if len(calls) > 1 else 0.0
        return {
            "clean_share": clean / count,
            "calls_a_second": round((len(calls) - 1) / seconds, 1) if seconds else 0.0,
            "cpu_ms_a_call": round(1000 * cpu / count, 2),
        }


def measure(rate: int, seconds: float, pairs: int) -> dict[str, Any]:
    """The medians of both over some pairs of runs, and ours against the bare client's."""
    runs: dict[str, list[dict[str, float]]] = {"bare": [], "ours": []}
    count = int(rate * seconds)
    with database(), tempfile.TemporaryDirectory() as folder, Rig(Path(folder)) as rig:
        town = Town(rig, rate)
        town.dialer.start()
        if not town.carrier.wait_connected(10):
            raise RuntimeError("the carrier did not connect")
        try:
            town.call_all(rate // 4)  # everything has been used once
            for n in range(pairs):
                runs["bare"].append(at_rate(rig, rate, seconds, has_media=False, first=500_000 + n * count, is_ours=False))
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
        return measure(100, 3.0, 1) if quick else measure(100, 10.0, 3)
    except RigMissing as problem:
        raise RuntimeError(str(problem)) from problem


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    try:
        found = measure(given.rate, given.seconds, given.pairs)
    except RigMissing as missing:
        print(f"dialer_rate: NOT RUN: {missing}")
        return 1
    print(json.dumps({"dialer_rate": found}) if given.json else "\n".join(f"{name}: {value}" for name, value in found.items()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
