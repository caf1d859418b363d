"""The headline report against DuckDB's raw GROUP BY of the same attempts, and what keeping it ready costs.

    python -m benchmarks.report_headline [--full] [--json]

Both count attempts, contacts, promises and distinct persons by hour; ours adds operators' hours, promises due and kept, and the isolation
of offices. DuckDB reads the same rows from its own table, in memory. Both take turns, and each turn asserts that they counted the same.
Then: one day's facts built / the bare GROUP BY of that day with the same counts by the same keys, inserting attempts with the marking
triggers / without them, and the pages' own model. 100 days, 20 campaigns, 15 calls per operator hour.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
from sqlalchemy import Connection, Engine, text

from benchmarks.scratch import database
from callcenter.core.db import transaction
from callcenter.web.behind_links import Behind
from callcenter.web.report_filters import Filters
from callcenter.web.report_model import report_model
from reports.cuts import Cut
from reports.facts.build import build_day, rebuild
from reports.periods import Period
from reports.queries.headline import HeadlineQuery, headline

NOW = datetime(2026, 12, 1, tzinfo=UTC)
FIRST, LAST = date(2026, 8, 1), date(2026, 11, 8)
QUICK, FULL = 200_000, 10_000_000
PAIRS = 5
CALLS_EACH = 50_000  # 200 operators at the full size

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
INSERT INTO rule_set (office_id, name, version, document, created_at) SELECT :office, 'r', 1, '{}', now();
INSERT INTO campaign (office_id, name, rule_set_id, created_at)
SELECT :office, 'c' || n, (SELECT id FROM rule_set), now() FROM generate_series(1, 20) n;
INSERT INTO attempt (office_id, debtor_id, operator_id, campaign_id, channel, state, source, began_at, handed_over_at, line_result,
  party, outcome)
SELECT :office, 1 + n * 7919 % :people, 1 + k % :operators, (SELECT min(id) FROM campaign) + (k % :operators + d) % 20,
       'operator_call', 'closed', 'live', m.at, m.at,
       CASE WHEN k % 10 < 4 THEN 'answered' WHEN k % 10 < 9 THEN 'no_answer' ELSE 'failed' END,
       CASE k % 10 WHEN 0 THEN 'debtor' WHEN 1 THEN 'family' WHEN 2 THEN 'third_party' WHEN 3 THEN 'debtor' END,
       CASE WHEN k % 40 = 0 THEN 'promise_full' END
FROM generate_series(0, CAST(:attempts AS bigint) - 1) n
CROSS JOIN LATERAL (SELECT n / CAST(:attempts / 100 AS bigint) AS d, n % CAST(:attempts / 100 AS bigint) AS k) p
CROSS JOIN LATERAL (SELECT timestamptz '2026-08-01 00:00Z' + d * interval '1 day' + (k % 28800) * interval '1 second' AS at) m;
INSERT INTO promise (office_id, debtor_id, attempt_id, amount, made_on, made_at, due_on)
SELECT :office, debtor_id, id, 10000, began_at::date, began_at, began_at::date + 10 FROM attempt WHERE outcome IS NOT NULL AND id % 10 = 0;
INSERT INTO payment (office_id, source_ref, debtor_no, tax_code, levy_year, base_year, term, notice_no, debtor_id, paid_on, principal,
  status, recorded_at)
SELECT :office, id::text, 'x', '10', 2026, 2026, 1, '1', debtor_id, due_on, amount, 'matched', made_at FROM promise WHERE id % 3 > 0;
"""

CONTACT = "line_result = 'answered' AND party IN ('debtor','debtor_unverified','family','company_contact','agent')"
RIGHT = "line_result = 'answered' AND party IN ('debtor','company_contact','agent')"
PROMISE = "outcome IN ('promise_full', 'promise_part')"
COUNTED = "channel = 'operator_call' AND handed_over_at IS NOT NULL AND line_result IS DISTINCT FROM 'failed'"
COUNTS = f"""
count(*) AS attempts, count(*) FILTER (WHERE {CONTACT}) AS contacts, count(*) FILTER (WHERE {PROMISE}) AS promises,
count(DISTINCT debtor_id) AS persons, count(DISTINCT debtor_id) FILTER (WHERE {CONTACT}) AS reached,
count(DISTINCT debtor_id) FILTER (WHERE {RIGHT}) AS in_person
"""
HOUR = "extract(hour FROM began_at AT TIME ZONE 'Asia/Tokyo')::integer"
RAW = f"SELECT hour, {COUNTS} FROM attempt WHERE began_at >= $1 AND began_at < $2 AND {COUNTED} GROUP BY 1 ORDER BY 1"
RAW_WITHOUT_PERSONS = RAW.replace(COUNTS, COUNTS.partition(", count(DISTINCT")[0].partition("count(DISTINCT")[0].rstrip(",\n "))
BARE_DAY = f"""
SELECT campaign_id, channel, {HOUR} AS hour, operator_id, {COUNTS} FROM attempt
WHERE office_id = :office AND began_at >= :start AND began_at < :end AND {COUNTED}
GROUP BY GROUPING SETS ((channel), (channel, campaign_id), (channel, 3), (channel, campaign_id, 3), (channel, operator_id),
  (channel, campaign_id, operator_id))
"""
EXPORT = f"""
COPY (SELECT debtor_id, began_at AT TIME ZONE 'UTC' AS began_at, {HOUR} AS hour, channel,
  handed_over_at AT TIME ZONE 'UTC' AS handed_over_at, line_result, party, outcome FROM attempt) TO STDOUT (FORMAT csv, HEADER)
"""
INSERT = """
INSERT INTO attempt (office_id, debtor_id, channel, state, source, began_at, handed_over_at, line_result)
VALUES (:office, :debtor, 'operator_call', 'closed', 'live', :at, :at, 'no_answer')
"""
PAGE_QUERIES = 20


def settle_town(engine: Engine, attempts: int, town: str = TOWN) -> int:
    """Makes the office with its history; returns its id."""
    from callcenter.auth.models import Office

    with transaction(None) as session:
        office = Office(code="bench", name="bench")
        session.add(office)
        session.flush()
        office_id = office.id
    values = {"office": office_id, "attempts": attempts, "people": attempts // 10, "operators": max(4, attempts // CALLS_EACH)}
    for statement in town.strip().removesuffix(";").split(";\n"):
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))  # ten million foreign keys that hold anyway
            connection.execute(text(statement), values)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return office_id


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and result."""
    began = time.perf_counter()
    result = action()
    return time.perf_counter() - began, result


def duck_of(engine: Engine) -> duckdb.DuckDBPyConnection:
    """DuckDB with the same attempts in a table of its own."""
    duck = duckdb.connect()
    duck.execute("SET threads = 2")
    with tempfile.NamedTemporaryFile(suffix=".csv") as out, engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(EXPORT) as copy:
            for part in copy:
                out.write(part)
        out.flush()
        duck.execute(f"CREATE TABLE attempt AS SELECT * FROM read_csv('{out.name}', header = true)")
    return duck


def compare(duck: duckdb.DuckDBPyConnection, office_id: int, period: Period) -> dict[str, float]:
    """Medians of both and of their ratio over `PAIRS` turns; asserts that they counted the same."""
    bounds = [moment.replace(tzinfo=None) for moment in period.bounds]

    def ours() -> list[tuple[Any, ...]]:
        with transaction(office_id) as session:
            rows = headline(session, HeadlineQuery(period, Cut.HOUR), NOW).rows
        found = [(int(row.key or 0), row.figures) for row in rows if row.figures.attempts]
        return [
            (key, f.attempts, f.contacts, f.promises, f.persons_attempted, f.persons_contacted, f.persons_right_party) for key, f in found
        ]

    def total() -> None:
        with transaction(office_id) as session:
            headline(session, HeadlineQuery(period), NOW)

    turns = []
    for turn in range(PAIRS + 1):
        (mine, counted), (peer, expected) = timed(ours), timed(lambda: duck.execute(RAW, bounds).fetchall())
        assert counted == expected, "the report and the raw GROUP BY disagree"
        plain, _ = timed(lambda: duck.execute(RAW_WITHOUT_PERSONS, bounds).fetchall())
        one_row, _ = timed(total)
        if turn:
            turns.append((mine, peer, plain, one_row))
    return {
        "report_ms": milliseconds(turn[0] for turn in turns),
        "duckdb_ms": milliseconds(turn[1] for turn in turns),
        "duckdb_without_persons_ms": milliseconds(turn[2] for turn in turns),
        "total_ms": milliseconds(turn[3] for turn in turns),
        "ratio": median_of(turn[0] / turn[1] for turn in turns),
        "ratio_low": round(min(turn[0] / turn[1] for turn in turns), 3),
        "ratio_high": round(max(turn[0] / turn[1] for turn in turns), 3),
        "ratio_to_duckdb_without_persons": median_of(turn[0] / turn[2] for turn in turns),
    }


def milliseconds(seconds: Any) -> float:
    """Their median in milliseconds."""
    return round(1000 * statistics.median(seconds), 2)


def median_of(ratios: Any) -> float:
    """The median, to three places."""
    return round(statistics.median(ratios), 3)


def day_built(engine: Engine, office_id: int, day: date) -> dict[str, float]:
    """One day's facts made anew / the bare GROUP BY of its rows by the same keys."""
    start, end = Period(day, day).bounds

    def ours() -> None:
        with transaction(office_id) as session:
            build_day(session, day, NOW)

    def bare() -> None:
        with engine.connect() as connection:
            connection.execute(text(BARE_DAY), {"office": office_id, "start": start, "end": end}).all()

    pairs = [(timed(ours)[0], timed(bare)[0]) for _ in range(PAIRS)]
    return {
        "build_ms": milliseconds(mine for mine, _ in pairs),
        "bare_ms": milliseconds(peer for _, peer in pairs),
        "ratio": median_of(mine / peer for mine, peer in pairs),
    }


def inserts(engine: Engine, office_id: int, count: int) -> dict[str, float]:
    """Attempts a second, one commit each, on a day that is over and marked each time / with the triggers off."""
    values = {"office": office_id, "debtor": 1, "at": NOW - timedelta(days=40)}

    def off(connection: Connection, state: str) -> None:
        with connection.begin():
            connection.execute(text(f"ALTER TABLE attempt {state} TRIGGER mark_fact_attempt_insert"))

    pairs = []
    with engine.connect() as connection:
        connection.commit()
        for _ in range(PAIRS):
            mine = _inserted(connection, values, count)
            off(connection, "DISABLE")
            pairs.append((mine, _inserted(connection, values, count)))
            off(connection, "ENABLE")
    return {
        "per_second": round(count / statistics.median(mine for mine, _ in pairs)),
        "rate": median_of(peer / mine for mine, peer in pairs),
    }


def _inserted(connection: Connection, values: dict[str, Any], count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        with connection.begin():
            connection.execute(text(INSERT), values)
    return time.perf_counter() - began


def page(office_id: int, period: Period) -> dict[str, float]:
    """Milliseconds of the report page's whole model."""
    query = HeadlineQuery(period)

    def one() -> None:
        with transaction(office_id) as session:
            report_model(session, query, NOW, "ja", sees_individuals=True, links=Behind(Filters(query), is_allowed=True))

    times = sorted(timed(one)[0] for _ in range(PAGE_QUERIES))
    return {"p50_ms": milliseconds(times), "p95_ms": round(1000 * times[int(PAGE_QUERIES * 0.95) - 1], 2)}


def run(quick: bool = True) -> dict[str, Any]:
    """The figures for all 100 days and for one day."""
    attempts = QUICK if quick else FULL
    whole, one = Period(FIRST, LAST), Period(date(2026, 9, 15), date(2026, 9, 15))
    with database() as engine:
        office_id = settle_town(engine, attempts)
        duck = duck_of(engine)
        with transaction(office_id) as session:
            seconds, days = timed(lambda: rebuild(session, FIRST - timedelta(days=1), NOW.date(), NOW))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE fact"))
        return {
            "name": "report_headline",
            "attempts": attempts,
            "peer": "DuckDB raw GROUP BY with count(DISTINCT), in memory, two threads",
            "build_all_days_s": round(seconds, 2),
            "days": days,
            "all_days": compare(duck, office_id, whole),
            "one_day": compare(duck, office_id, one),
            "day_built": day_built(engine, office_id, one.first),
            "page": page(office_id, whole),
            "inserts": inserts(engine, office_id, 200 if quick else 2000),
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
    for part, figures in found.items():
        print(f"{part}: {figures}")


if __name__ == "__main__":
    main()
