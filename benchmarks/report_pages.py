"""Every page of the reports, as the server answers it, over 100 days and 20 campaigns.

    python -m benchmarks.report_pages [--attempts N] [--full] [--keep] [--only NAME] [--memory] [--json]

Each page is asked through the whole application, signed in, again and again; what counts is its 95th percentile. Pages stand on facts and
are to take 100 ms; those that count the raw rows anew (a cut that no fact can answer, the arms of an experiment) 3 s. Beside them: the
headline against DuckDB's raw GROUP BY, one day's facts against the bare GROUP BY, all days' facts, and at the full size the memory that
pages and facts take, beside that of a town of a tenth (`report_memory`; --memory asks for nothing else). With --keep the towns stay for the
next run of the same day.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Engine, select, text
from starlette.testclient import TestClient

from benchmarks import report_memory
from benchmarks.report_headline import TOWN, compare, day_built, duck_of, median_of, milliseconds, settle_town, timed
from benchmarks.scratch import database
from callcenter.app import create_app
from callcenter.auth.models import Role, User
from callcenter.auth.sessions import open_session
from callcenter.core.clock import local_day, utc_now
from callcenter.core.db import transaction
from reports.control.checking import check
from reports.facts.build import rebuild, refresh
from reports.forecasts.counting import count_days
from reports.periods import Period

QUICK, FULL = 60_000, 10_000_000
TIMES = 20
PLAIN = "/reports/definitions"  # a page without figures: how fast the machine is just now
PAGE_MS, FREE_MS = 100.0, 3000.0
AWAY = 40  # the big day, so many days before those that the pages show
MORE = """
INSERT INTO phone_number (office_id, debtor_id, position, original, e164) SELECT office_id, id, 1, '0' || id, '+81' || id FROM debtor
WHERE id % 10 > 0;
INSERT INTO debt (office_id, debtor_id, tax_code, levy_year, base_year, term, notice_no, due_on, outstanding, assessed)
SELECT office_id, id, CASE id % 3 WHEN 0 THEN '10' ELSE '30' END, 2026, 2026, 1, id::text, date '{first}' - 30, 10000 + id % 90000, 200000
FROM debtor;
INSERT INTO experiment_enrolment (office_id, experiment, debtor_id, arm, propensity, entered_at)
SELECT office_id, 'bench', id, CASE id % 5 WHEN 0 THEN 'wait' ELSE 'phone' END, 0.5, timestamptz '{first} 00:00Z'
  + (id % 60) * interval '1 day'
FROM debtor WHERE id % 4 = 0
"""


BIG_DAY = """
INSERT INTO attempt (office_id, debtor_id, operator_id, campaign_id, channel, state, source, began_at, handed_over_at, line_result,
  party, outcome)
SELECT :office, (SELECT min(id) FROM debtor) + n * 7919 % :people, (SELECT min(id) FROM app_user) + n % :operators,
       (SELECT min(id) FROM campaign) + n % 20, 'operator_call', 'closed', 'live', m.at, m.at,
       CASE WHEN n % 10 < 4 THEN 'answered' WHEN n % 10 < 9 THEN 'no_answer' ELSE 'failed' END,
       CASE n % 10 WHEN 0 THEN 'debtor' WHEN 1 THEN 'family' WHEN 2 THEN 'third_party' WHEN 3 THEN 'debtor' END,
       CASE WHEN n % 40 = 0 THEN 'promise_full' END
FROM generate_series(1, 100000) n
CROSS JOIN LATERAL (SELECT timestamptz '{day} 00:00Z' + (n % 28800) * interval '1 second' AS at) m
"""
"""A day of 100,000 attempts, whatever the size of the rest: facts of a small day say little about what counting costs."""


def addresses(first: date, last: date) -> dict[str, tuple[str, float]]:
    """Each page's address and what it may take in milliseconds."""
    days = f"from={first}&to={last}"
    return {
        "report": (f"/reports?{days}", PAGE_MS),
        "report by day": (f"/reports?{days}&by=day", PAGE_MS),
        "report by channel, all": (f"/reports?{days}&by=channel&channel=all", PAGE_MS),
        "definitions": (f"/reports/definitions?{days}", PAGE_MS),
        "values of definitions": (f"/reports/definitions?{days}&values=1", FREE_MS),
        "targets": ("/reports/targets", PAGE_MS),
        "targets by week": ("/reports/targets?cycle=weekly", PAGE_MS),
        "decisions": ("/reports/decisions", PAGE_MS),
        "forecast": ("/reports/forecast", PAGE_MS),
        "collection": ("/reports/collection", PAGE_MS),
        "effect": ("/reports/collection/effect", PAGE_MS),
        "pack": ("/reports/pack", PAGE_MS),
        "calls": (f"/reports/calls?{days}&by=hour&row=10", PAGE_MS),
        "cross hour x weekday": (f"/reports/cross?{days}&by=hour&columns=weekday", FREE_MS),
        "cross operator x amount": (f"/reports/cross?{days}&by=operator&columns=amount", FREE_MS),
        "arms": (f"/reports/arms?{days}", FREE_MS),
    }


def settle(engine: Engine, attempts: int, first: date) -> int:
    """The headline's town, moved to the last 100 days, with a list, numbers and an experiment; the office of one that was kept."""
    with engine.connect() as connection:
        if (kept := connection.scalar(text("SELECT id FROM office WHERE code = 'bench'"))) is not None:
            return int(kept)
    town = TOWN.replace("2026-08-01", f"{first}").replace("2026-11-07", f"{first + timedelta(days=98)}")
    big = BIG_DAY.format(day=first - timedelta(days=AWAY))
    return settle_town(engine, attempts, f"{town.strip()}\n{MORE.format(first=first).strip()};\n{big.strip()};")


def signed_in(office_id: int) -> TestClient:
    """A supervisor's browser."""
    with transaction(office_id) as session:
        user = session.scalar(select(User).where(User.sign_in_name == "bench"))
        if user is None:
            user = User(sign_in_name="bench", display_name="bench", role=Role.SUPERVISOR)
            session.add(user)
            session.flush()
        token, _ = open_session(session, user, utc_now())
    return TestClient(create_app(), cookies={"session": f"{office_id}.{token}"})


def asked(client: TestClient, address: str, limit: float, times: int = TIMES) -> dict[str, float | bool]:
    """Median and 95th percentile of one page, and its ratio to a page without figures asked in turn; asserts that it is one."""
    seen, ratios = [], []
    for number in range(times + 1):
        took, answer = timed(lambda: client.get(address))
        assert answer.status_code == 200, f"{address}: {answer.status_code}"
        plain, _ = timed(lambda: client.get(PLAIN))
        if number:
            seen.append(took)
            ratios.append(took / plain)
        if took > 2:  # a page that slow says enough after a few times
            times = min(times, 5)
        if number >= times:
            break
    ranked = sorted(seen)
    p95 = round(1000 * ranked[max(0, round(len(ranked) * 0.95) - 1)], 1)
    return {"p50_ms": milliseconds(seen), "p95_ms": p95, "to_plain": median_of(ratios), "limit_ms": limit, "is_kept": p95 <= limit}


def memory(attempts: int, first: date, last: date, *, is_kept: bool) -> dict[str, Any]:
    """What the processes hold over the town of that many attempts."""
    with town(attempts, first, is_kept=is_kept) as (engine, office_id):
        with transaction(office_id) as session:
            refresh(session, utc_now(), most=1000)
        return report_memory.of_town(engine, office_id, first, last)


@contextmanager
def town(attempts: int, first: date, *, is_kept: bool) -> Iterator[tuple[Engine, int]]:
    """The town in a database of its own, and its office."""
    with database(f"bench_pages_{attempts}_{local_day(utc_now()):%Y%m%d}" if is_kept else "") as engine:
        yield engine, settle(engine, attempts, first)


def run(quick: bool = True, attempts: int = 0, *, is_kept: bool = False, only: str = "") -> dict[str, Any]:
    """All figures at one size; `attempts` instead of the usual one, `only` the pages whose name has it, `is_kept` leaves the town."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    today = local_day(utc_now())
    first, last = today - timedelta(days=100), today - timedelta(days=1)
    now = datetime.combine(today, datetime.min.time(), UTC)
    attempts = attempts or (QUICK if quick else FULL)
    began = time.perf_counter()
    with town(attempts, first, is_kept=is_kept) as (engine, office_id):
        settled, duck = time.perf_counter() - began, duck_of(engine)
        with transaction(office_id) as session:
            built, days = timed(lambda: rebuild(session, first - timedelta(days=1), last, now))
        with transaction(office_id) as session:
            refresh(session, utc_now(), most=1000)  # the big day stands before those counted above, where pages compare with
            count_days(session, utc_now())
            check(session, utc_now())
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
        client, began = signed_in(office_id), time.perf_counter()
        pages = {}
        for name, (address, limit) in addresses(first, last).items():
            if only not in name:
                continue
            pages[name] = asked(client, address, limit, 7 if quick else TIMES)
            print(f"{name:28s} {pages[name]}", file=sys.stderr, flush=True)
        found = {
            "name": "report_pages",
            "attempts": attempts,
            "settled_s": round(settled, 1),
            "pages": pages,
            "missed": [name for name, page in pages.items() if not page["is_kept"]],
            "pages_s": round(time.perf_counter() - began, 1),
            "build_all_days_s": round(built, 2),
            "days": days,
            "headline": compare(duck, office_id, Period(first, last)),
            "day_built": day_built(engine, office_id, first - timedelta(days=AWAY)),
        }
        duck.close()
        if only or quick:
            return found
        full = report_memory.of_town(engine, office_id, first, last)
    return found | {"memory": report_memory.compared(full, memory(attempts // 10, first, last, is_kept=is_kept))}


def run_memory(quick: bool, attempts: int, *, is_kept: bool) -> dict[str, Any]:
    """The memory alone."""
    attempts, last = attempts or (QUICK if quick else FULL), local_day(utc_now()) - timedelta(days=1)
    towns = [memory(size, last - timedelta(days=99), last, is_kept=is_kept) for size in (attempts, attempts // 10)]
    return {"name": "report_pages", "attempts": attempts, "memory": report_memory.compared(*towns)}


def main() -> None:
    """Prints the figures."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--attempts", type=int, default=0, help=f"instead of {QUICK:,}")
    options.add_argument("--full", action="store_true", help=f"{FULL:,} attempts")
    options.add_argument("--keep", action="store_true", help="leave the town for the next run")
    options.add_argument("--only", default="", help="only pages with this in their name")
    options.add_argument("--memory", action="store_true", help="only what the processes hold")
    options.add_argument("--json", action="store_true", help="one JSON document")
    chosen = options.parse_args()
    if chosen.memory:
        found = run_memory(not chosen.full, chosen.attempts, is_kept=chosen.keep)
    else:
        found = run(quick=not chosen.full, attempts=chosen.attempts, is_kept=chosen.keep, only=chosen.only)
    if chosen.json:
        print(json.dumps(found))
        return
    for part, figures in found.items():
        if part == "pages":
            for name, page in figures.items():
                print(f"{name:28s} {page}")
        else:
            print(f"{part}: {figures}")


if __name__ == "__main__":
    main()
