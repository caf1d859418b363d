"""The headline report against PostgreSQL's own speed: the report / a raw GROUP BY with count(DISTINCT) over the same table.

    python -m benchmarks.report_headline [--full] [--json]

The raw statement counts what it can say in one GROUP BY (attempts, contacts, persons, promises by hour), as the owner without row-level
security; ours adds operators' hours, promises due and kept, and the isolation of offices. Both take turns, and each turn asserts that
both counted the same. 100 days; 15 calls per operator hour.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Engine, text

from benchmarks.scratch import database
from callcenter.core.db import transaction
from reports.cuts import Cut
from reports.periods import Period
from reports.queries.headline import HeadlineQuery, headline

NOW = datetime(2026, 12, 1, tzinfo=UTC)
FIRST, LAST = date(2026, 8, 1), date(2026, 11, 8)
QUICK, FULL = 200_000, 10_000_000
PAIRS = 5
CALLS_EACH = 9_000  # 15 calls an hour, 6 hours a day, 100 days

TOWN = """
INSERT INTO debtor (office_id, debtor_no, name) SELECT :office, lpad(n::text, 10, '0'), 'x' FROM generate_series(1, :people) n;
INSERT INTO app_user (office_id, sign_in_name, display_name, role)
SELECT :office, 'op' || n, 'op' || n, 'operator' FROM generate_series(1, :operators) n;
INSERT INTO agent_session (office_id, user_id, state, state_since, leg_id, signed_in_at, last_seen_at, ended_at)
SELECT :office, u.id, 'ended', d + interval '8 hours', u.id || '-' || d, d, d + interval '8 hours', d + interval '8 hours'
FROM app_user u, generate_series(timestamptz '2026-08-01 00:00Z', timestamptz '2026-11-07 00:00Z', interval '1 day') d;
INSERT INTO agent_state_span (office_id, agent_session_id, user_id, state, began_at, ended_at)
SELECT :office, g.id, g.user_id, CASE h % 4 WHEN 3 THEN 'paused' ELSE 'ready' END, g.signed_in_at + h * interval '1 hour',
       g.signed_in_at + (h + 1) * interval '1 hour'
FROM agent_session g, generate_series(0, 7) h;
INSERT INTO attempt (office_id, debtor_id, operator_id, channel, state, source, began_at, handed_over_at, line_result, party, outcome)
SELECT :office, 1 + n * 7919 % :people, 1 + n % :operators, 'operator_call', 'closed', 'live', m.at, m.at,
       CASE WHEN n % 10 < 4 THEN 'answered' WHEN n % 10 < 9 THEN 'no_answer' ELSE 'failed' END,
       CASE n % 10 WHEN 0 THEN 'debtor' WHEN 1 THEN 'family' WHEN 2 THEN 'third_party' WHEN 3 THEN 'debtor' END,
       CASE WHEN n % 40 = 0 THEN 'promise_full' END
FROM generate_series(1, :attempts) n
CROSS JOIN LATERAL (
  SELECT timestamptz '2026-08-01 00:00Z' + (n % 100) * interval '1 day' + (n / 100 % 28800) * interval '1 second' AS at) m;
INSERT INTO promise (office_id, debtor_id, attempt_id, amount, made_on, made_at, due_on)
SELECT :office, debtor_id, id, 10000, began_at::date, began_at, began_at::date + 10 FROM attempt WHERE outcome IS NOT NULL AND id % 10 = 0;
INSERT INTO payment (office_id, source_ref, debtor_no, tax_code, levy_year, base_year, term, notice_no, debtor_id, paid_on, principal,
  status, recorded_at)
SELECT :office, id::text, 'x', '10', 2026, 2026, 1, '1', debtor_id, due_on, amount, 'matched', made_at FROM promise WHERE id % 3 > 0;
"""

RAW = """
SELECT lpad(extract(hour FROM began_at AT TIME ZONE 'Asia/Tokyo')::integer::text, 2, '0') AS hour, count(*) AS attempts,
       count(*) FILTER (WHERE line_result = 'answered' AND party IN ('debtor','debtor_unverified','family','company_contact','agent')),
       count(DISTINCT debtor_id), count(*) FILTER (WHERE outcome IN ('promise_full', 'promise_part'))
FROM attempt WHERE began_at >= :start AND began_at < :end AND channel = 'operator_call' AND handed_over_at IS NOT NULL
  AND line_result IS DISTINCT FROM 'failed'
GROUP BY 1 ORDER BY 1
"""


def settle_town(engine: Engine, attempts: int) -> int:
    """Makes the office with its history; returns its id."""
    from callcenter.auth.models import Office

    with transaction(None) as session:
        office = Office(code="bench", name="bench")
        session.add(office)
        session.flush()
        office_id = office.id
    values = {"office": office_id, "attempts": attempts, "people": attempts // 10, "operators": attempts // CALLS_EACH}
    for statement in TOWN.strip().removesuffix(";").split(";\n"):
        with engine.begin() as connection:
            connection.execute(text(statement), values)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return office_id


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and result."""
    began = time.perf_counter()
    result = action()
    return time.perf_counter() - began, result


def compare(engine: Engine, office_id: int, period: Period) -> dict[str, float]:
    """Medians of both and of their ratio over `PAIRS` turns; asserts that they counted the same."""
    start, end = period.bounds

    def ours() -> list[tuple[Any, ...]]:
        with transaction(office_id) as session:
            rows = headline(session, HeadlineQuery(period, Cut.HOUR), NOW).rows
        return [
            (row.key, row.figures.attempts, row.figures.contacts, row.figures.persons_attempted, row.figures.promises)
            for row in rows
            if row.figures.attempts
        ]

    def raw() -> list[tuple[Any, ...]]:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(RAW), {"start": start, "end": end})]

    pairs = []
    for turn in range(PAIRS + 1):
        (mine, counted), (peer, expected) = timed(ours), timed(raw)
        assert counted == expected, "the report and the raw GROUP BY disagree"
        if turn:
            pairs.append((mine, peer))
    ratios = sorted(mine / peer for mine, peer in pairs)
    return {
        "report_ms": round(1000 * statistics.median(mine for mine, _ in pairs), 2),
        "raw_group_by_ms": round(1000 * statistics.median(peer for _, peer in pairs), 2),
        "ratio": round(statistics.median(ratios), 3),
        "ratio_low": round(ratios[0], 3),
        "ratio_high": round(ratios[-1], 3),
    }


def run(quick: bool = True) -> dict[str, Any]:
    """The figures for all 100 days and for one day."""
    attempts = QUICK if quick else FULL
    with database() as engine:
        office_id = settle_town(engine, attempts)
        return {
            "name": "report_headline",
            "attempts": attempts,
            "peer": "PostgreSQL raw GROUP BY with count(DISTINCT)",
            "all_days": compare(engine, office_id, Period(FIRST, LAST)),
            "one_day": compare(engine, office_id, Period(date(2026, 9, 15), date(2026, 9, 15))),
        }


def main() -> None:
    """Prints the figures."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--full", action="store_true", help=f"{FULL:,} attempts instead of {QUICK:,}")
    options.add_argument("--json", action="store_true", help="one JSON document")
    chosen = options.parse_args()
    found = run(quick=not chosen.full)
    if chosen.json:
        print(json.dumps(found))
        return
    for part in ("all_days", "one_day"):
        print(f"{part}: {found[part]}")


if __name__ == "__main__":
    main()
