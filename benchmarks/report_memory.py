"""What the process that answers report pages holds, and the one that makes facts: with many persons as with a tenth of them.

    python -m benchmarks.report_memory pages OFFICE FIRST LAST | facts OFFICE FIRST LAST [--json]

`report_pages` runs both in processes of their own, over its town and over one of a tenth; `DATABASE_URL` says where. Pages are all of them
and contact rates per person by every cut, alone and crossed with the amount, then two of those at once. What counts is the most that the
process had over what it had before the first question; of the database the most that one of its processes had for itself.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from callcenter.app import create_app
from callcenter.auth.models import Role, User
from callcenter.auth.sessions import open_session
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from reports.cuts import Cut
from reports.facts.build import rebuild

DAYS = (5, 10, 50, 100)
PLAIN = "/reports/definitions"  # a page without figures


def pages(first: date, last: date) -> dict[str, str]:
    """Every page of the reports, and every kind of question about persons."""
    days = f"from={first}&to={last}"
    asked = {
        "report": f"/reports?{days}",
        "report by day": f"/reports?{days}&by=day",
        "report by channel, all": f"/reports?{days}&by=channel&channel=all",
        "values of definitions": f"/reports/definitions?{days}&values=1",
        "targets": "/reports/targets",
        "targets by week": "/reports/targets?cycle=weekly",
        "decisions": "/reports/decisions",
        "forecast": "/reports/forecast",
        "collection": "/reports/collection",
        "effect": "/reports/collection/effect",
        "pack": "/reports/pack",
        "calls": f"/reports/calls?{days}&by=hour&row=10",
        "arms": f"/reports/arms?{days}",
        "cross operator x amount": f"/reports/cross?{days}&by=operator&columns=amount",
    }
    for cut in Cut:
        asked[f"persons by {cut}"] = f"/reports/cross?{days}&by={cut}&columns=&metric=contact_rate_per_person"
        if cut is not Cut.AMOUNT:
            asked[f"persons by {cut} x amount"] = f"/reports/cross?{days}&by={cut}&columns=amount&metric=contact_rate_per_person"
    return asked


def held() -> tuple[int, int]:
    """Megabytes this process has, and the most it had since `forget_most`."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return int(lines["VmRSS"].split()[0]) // 1024, int(lines["VmHWM"].split()[0]) // 1024


def forget_most() -> None:
    """Begins the most anew (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


def signed_in(office_id: int) -> dict[str, str]:
    """The cookies of a supervisor's browser."""
    with transaction(office_id) as session:
        user = User(sign_in_name=f"bench-{os.getpid()}", display_name="bench", role=Role.SUPERVISOR)
        session.add(user)
        session.flush()
        token, _ = open_session(session, user, utc_now())
    return {"session": f"{office_id}.{token}"}


def ask_pages(office_id: int, first: date, last: date) -> dict[str, Any]:
    """Megabytes before the first question, the most over that, and the five questions that held the most."""
    app, cookies = create_app(), signed_in(office_id)
    client = TestClient(app, cookies=cookies)
    client.get(PLAIN)
    idle, each = held()[0], dict[str, int]()
    for name, address in pages(first, last).items():
        forget_most()
        assert client.get(address).status_code == 200, address
        each[name] = held()[1] - idle
    two = [address for name, address in pages(first, last).items() if name in ("persons by operator x amount", "persons by tax x amount")]
    forget_most()
    threads = [threading.Thread(target=TestClient(app, cookies=cookies).get, args=(address,)) for address in two]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    at_once = held()[1] - idle
    most = sorted(each.items(), key=lambda one: -one[1])
    return {"idle_mb": idle, "most_over_idle_mb": max(at_once, most[0][1]), "two_at_once_mb": at_once, "most": dict(most[:5])}


def make_facts(office_id: int, first: date, last: date) -> dict[str, Any]:
    """Megabytes held after so many days, and the most until then; all in one transaction, as when facts are made anew."""
    now, found, done = datetime.combine(last + timedelta(days=1), datetime.min.time(), UTC) + timedelta(days=1), {}, 0
    with transaction(office_id) as session:
        for days in (each for each in DAYS if each <= (last - first).days + 1):
            rebuild(session, first + timedelta(days=done), first + timedelta(days=days - 1), now)
            now_held, most = held()
            found[str(days)], done = {"held_mb": now_held, "most_mb": most}, days
    return {"after_days": found, "last_to_first": round(found[str(done)]["most_mb"] / found[str(DAYS[0])]["most_mb"], 3)}


@contextmanager
def watching(engine: Engine) -> Iterator[dict[str, int]]:
    """`most`: megabytes that one of the database's processes had for itself; 0 where they are not on this machine."""
    seen, done = {"most": 0}, threading.Event()

    def look() -> None:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not done.wait(0.05):
                pids = connection.scalars(text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")).all()
                for pid in pids:
                    try:
                        status = Path(f"/proc/{pid}/status").read_text()
                    except OSError:
                        continue
                    own = next((line.split()[1] for line in status.splitlines() if line.startswith("RssAnon:")), "0")
                    seen["most"] = max(seen["most"], int(own) // 1024)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def of_town(engine: Engine, office_id: int, first: date, last: date) -> dict[str, Any]:
    """Both processes over one town."""
    found: dict[str, Any] = {}
    for what in ("pages", "facts"):
        command = [sys.executable, "-m", "benchmarks.report_memory", what, str(office_id), f"{first}", f"{last}"]
        began = time.perf_counter()
        with watching(engine) as seen:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        took = {"database_process_mb": seen["most"], "took_s": round(time.perf_counter() - began, 1)}
        found[what] = json.loads(done.stdout.splitlines()[-1]) | took
    return found


def compared(full: dict[str, Any], tenth: dict[str, Any]) -> dict[str, Any]:
    """The town and the one of a tenth, and what the most of each process is to the other."""
    peaks = [town["pages"]["idle_mb"] + town["pages"]["most_over_idle_mb"] for town in (full, tenth)]
    makers = [max(each["most_mb"] for each in town["facts"]["after_days"].values()) for town in (full, tenth)]
    return {
        "full": full,
        "tenth": tenth,
        "pages_peak_to_tenth": round(peaks[0] / peaks[1], 3),
        "facts_peak_to_tenth": round(makers[0] / makers[1], 3),
    }


def main() -> None:
    """Prints one JSON document."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("what", choices=("pages", "facts"))
    options.add_argument("office", type=int)
    options.add_argument("first", type=date.fromisoformat)
    options.add_argument("last", type=date.fromisoformat)
    given = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    run = ask_pages if given.what == "pages" else make_facts
    print(json.dumps(run(given.office, given.first, given.last)))


if __name__ == "__main__":
    main()
