"""Planning against the database's own speed: a plan / a bare INSERT … SELECT CASE into the same table; a re-plan / counting only.

    python -m benchmarks.plan_debtors [--full] [--json]

The bare statement reads one flat table that already holds every fact, runs as the owner without row-level security, and writes into the
same table with the same keys, indexes and foreign keys. Ours joins debts, numbers, promises, history and suppressions first. Both take
turns; each turn asserts that both wrote the same rows. The rules are twenty in the form in which the editor stores them, reasons and all.
Counting only is our own dry run. A re-plan is that of the next night, after a day of the product's own kind for 2 % of the debtors: calls
and messages with their results, payments, a list with new amounts and new people, promises, numbers found dead, holds (`NIGHT`). Each is
followed by a plan for everybody, which must find nothing to change, and is told as a share of the first plan, too. Growth is the time at
ten times the debtors.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

from benchmarks.scratch import database
from callcenter.core.db import transaction
from campaigns.planning.models import Campaign
from campaigns.planning.rulesets import add_rule_set, rules_of
from campaigns.planning.service import PlanResult, create_campaign, plan, plan_values
from campaigns.segmentation.compile import decided_sql, table_sql
from campaigns.segmentation.documents import read_rule_set
from campaigns.segmentation.query import Compiled


def _is(attribute: str, is_set: bool = True) -> dict[str, Any]:
    return {"attribute": attribute, "op": "is", "value": is_set}


def _test(attribute: str, op: str, value: object, **params: object) -> dict[str, Any]:
    return {"attribute": attribute, "op": op, "value": value} | ({"params": params} if params else {})


def _rule(code: str, channel: str, when: object, priority: int = 5) -> dict[str, Any]:
    return {"code": code, "channel": channel, "reasons": [code], "priority": priority, "when": when}


# Twenty rules as the editor stores them: holds and suppressions, amounts and ages, numbers, history with and without parameters.
DOCUMENT: dict[str, Any] = {
    "schema": 2,
    "rules": [
        *(_rule(name, "none", _is(name)) for name in ("do_not_contact", "is_stopped", "has_collection_grace", "is_seized", "has_plan")),
        *(_rule(name, "none", _is(name)) for name in ("payment_claimed", "is_vulnerable", "has_open_promise")),
        _rule("with_officer", "tax_officer", _is("with_officer"), 3),
        _rule("large", "tax_officer", _test("outstanding", ">=", 500_000), 2),
        _rule("old", "tax_officer", _test("oldest_days", ">=", 730), 4),
        _rule("refusing", "tax_officer", {"any": [_test("refusals", ">=", 1), _test("broken_promises", ">=", 2)]}, 3),
        _rule("no_number", "visit", _is("has_usable_phone", False)),
        _rule("broken", "operator_call", _test("broken_promises", ">=", 1), 2),
        _rule("failing", "visit", {"all": [_test("failed_calls", ">=", 3), _test("outstanding", ">=", 30_000)]}, 4),
        _rule("just_called", "none", {"all": [_test("attempts", ">=", 2, days=7), _test("days_since_attempt", "<=", 2)]}),
        _rule("reached", "operator_call", _test("contact_count", ">=", 1), 4),
        _rule("first_sms", "sms", {"all": [_is("has_mobile"), _test("sms_count", "=", 0), _test("auto_call_count", "=", 0)]}),
        _rule(
            "auto",
            "auto_call",
            {"all": [_test("attempts", ">=", 1, channel="sms", days=60), _test("days_since_payment", "is empty", True)]},
        ),
        _rule("rest", "operator_call", "always"),
    ],
}

AS_OF = datetime(2026, 11, 18, 1, 0, tzinfo=UTC)
QUICK, FULL = 50_000, 1_000_000
PAIRS = 5

TOWN = """
INSERT INTO debtor (office_id, debtor_no, name) SELECT :office, lpad(n::text, 10, '0'), 'x' FROM generate_series(1, :people) n;
INSERT INTO debt (office_id, debtor_id, tax_code, levy_year, base_year, term, notice_no, due_on, assessed, outstanding, hold, vintage)
SELECT :office, d.id, '10', 2026, 2026, t, d.id || '-' || t, date '2026-11-18' - (60 + (d.id * 37 + t * 11) % 700)::int,
  y.yen, y.yen, CASE WHEN d.id % 23 = 0 THEN 1 + d.id % 6 ELSE 0 END, 'current'
FROM debtor d CROSS JOIN generate_series(1, 3) t CROSS JOIN LATERAL (SELECT (2000 + (d.id * 7919 + t * 104729) % 200000)::bigint AS yen) y
WHERE t <= 2 OR d.id % 2 = 0;
INSERT INTO phone_number (office_id, debtor_id, position, original, e164, line_type, status)
SELECT :office, d.id, 1, '0' || d.id, '+8190' || lpad(d.id::text, 8, '0'), CASE WHEN d.id % 3 = 0 THEN 'fixed' ELSE 'mobile' END,
  CASE WHEN d.id % 17 = 0 THEN 'dead' ELSE 'unverified' END FROM debtor d WHERE d.id % 11 <> 0;
INSERT INTO attempt (office_id, debtor_id, channel, state, source, began_at, handed_over_at, line_result, party)
SELECT :office, d.id, (ARRAY['sms','auto_call','operator_call'])[1 + (d.id / 7 % 3)], 'closed', 'live', m.at, m.at,
  CASE WHEN d.id % 5 = 0 THEN 'answered' ELSE 'no_answer' END, CASE WHEN d.id % 5 = 0 THEN 'family' ELSE 'nobody' END
FROM debtor d CROSS JOIN LATERAL (SELECT timestamptz '2026-11-01' + (d.id % 12) * interval '1 day' AS at) m WHERE d.id % 2 = 0;
INSERT INTO promise (office_id, debtor_id, amount, made_on, made_at, due_on, state)
SELECT :office, id, 1000, date '2026-11-01', timestamptz '2026-11-01', date '2026-11-25',
  CASE WHEN id % 40 = 0 THEN 'broken' ELSE 'open' END
FROM debtor WHERE id % 20 = 0;
INSERT INTO suppression (office_id, debtor_id, reason, starts_at)
SELECT :office, id, 'payment_claimed', timestamptz '2026-11-10' FROM debtor WHERE id % 50 = 0;
"""
# What happens to twenty in a thousand between two nights. `part` of a debtor is a number from 0 to 999, another one each night.
NIGHT = """
CREATE TEMPORARY TABLE today ON COMMIT DROP AS SELECT id, (id * 7919 + :turn * 104729) % 1000 AS part FROM debtor
  WHERE (id * 7919 + :turn * 104729) % 1000 < 20;
INSERT INTO attempt (office_id, debtor_id, channel, state, source, began_at, handed_over_at)
SELECT :office, id, CASE WHEN part < 4 THEN 'sms' WHEN part < 6 THEN 'auto_call' ELSE 'operator_call' END, 'open', 'live', :at, :at
FROM today WHERE part < 9;
UPDATE attempt a SET state = 'closed', line_result = CASE WHEN a.debtor_id % 4 = 0 THEN 'answered' ELSE 'no_answer' END,
  party = CASE WHEN a.debtor_id % 4 = 0 THEN 'debtor' ELSE 'nobody' END
FROM today t WHERE a.debtor_id = t.id AND a.state = 'open';
INSERT INTO payment (office_id, source_ref, debtor_no, tax_code, levy_year, base_year, term, notice_no, debtor_id, debt_id, paid_on,
  principal, status, recorded_at)
SELECT :office, 'n' || :turn || '-' || d.id, lpad(d.debtor_id::text, 10, '0'), '10', 2026, 2026, d.term, d.notice_no, d.debtor_id, d.id,
  CAST(:at AS date), d.outstanding, 'matched', :at
FROM today t JOIN debt d ON d.debtor_id = t.id AND d.term = 1 WHERE part BETWEEN 9 AND 12;
UPDATE debt d SET outstanding = 0, received = assessed, status = 'settled', closed_at = :at FROM today t
WHERE d.debtor_id = t.id AND d.term = 1 AND part BETWEEN 9 AND 12;
UPDATE debt d SET outstanding = outstanding + 9000, assessed = assessed + 9000 FROM today t
WHERE d.debtor_id = t.id AND d.status = 'open' AND part IN (13, 14);
INSERT INTO debt (office_id, debtor_id, tax_code, levy_year, base_year, term, notice_no, due_on, assessed, outstanding, vintage)
SELECT :office, id, '20', 2026, 2026, 9, id || '-n' || :turn, CAST(:at AS date) - 20, 30000, 30000, 'current' FROM today WHERE part = 15;
INSERT INTO promise (office_id, debtor_id, amount, made_on, made_at, due_on, state)
SELECT :office, id, 1000, CAST(:at AS date), :at, CAST(:at AS date) + 14, 'open' FROM today WHERE part = 16;
UPDATE phone_number p SET status = 'dead' FROM today t WHERE p.debtor_id = t.id AND part = 17;
INSERT INTO suppression (office_id, debtor_id, reason, starts_at) SELECT :office, id, 'payment_claimed', :at FROM today WHERE part = 18;
INSERT INTO debtor (office_id, debtor_no, name)
SELECT :office, 'n' || :turn || '-' || id, 'x' FROM today WHERE part = 19 ORDER BY id;
INSERT INTO debt (office_id, debtor_id, tax_code, levy_year, base_year, term, notice_no, due_on, assessed, outstanding, vintage)
SELECT :office, id, '10', 2026, 2026, 1, 'n' || id, CAST(:at AS date) - 70, 40000, 40000, 'current'
FROM debtor WHERE debtor_no LIKE 'n' || :turn || '-%'
"""
FIELDS = "debtor_id, channel, reason_codes, rule_code, priority, arm, propensity"
CHECKSUM = f"SELECT count(*), sum(hashtextextended(({FIELDS})::text, 0)) FROM channel_assignment"


def settle_town(engine: Engine, people: int) -> tuple[int, int]:
    """Makes the town and a campaign; returns the ids of office and campaign."""
    from callcenter.auth.models import Office

    with transaction(None) as session:
        office = Office(code="bench", name="bench")
        session.add(office)
        session.flush()
        office_id = office.id
    with engine.begin() as connection:
        for statement in TOWN.strip().removesuffix(";").split(";\n"):
            connection.execute(text(statement), {"office": office_id, "people": people})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    with transaction(office_id) as session:
        add_rule_set(session, "bench", read_rule_set(DOCUMENT), AS_OF, is_active=True)
        return office_id, create_campaign(session, "bench", AS_OF, rule_set="bench").id


def flatten(connection: Connection, office_id: int, campaign_id: int) -> str:
    """Puts every fact into one flat table and returns the bare statement that assigns from it."""
    with transaction(office_id) as session:
        campaign = session.get_one(Campaign, (office_id, campaign_id))
        values, rules = plan_values(session, campaign, AS_OF, AS_OF), rules_of(session, campaign.rule_set_id)
    for table, make in (("decided", decided_sql), ("outcome", table_sql)):
        compiled = Compiled()
        connection.execute(text(f"CREATE TABLE {table} AS {make(rules, compiled)}"), compiled.values | values)
    for table in ("decided", "outcome"):
        connection.execute(text(f"ALTER TABLE {table} OWNER TO CURRENT_USER"))
        connection.execute(text(f"ANALYZE {table}"))
    cases = {
        column: "CASE place "
        + " ".join(
            f"WHEN {row.place} THEN {_literal(getattr(row, column))}"
            for row in connection.execute(text("SELECT * FROM outcome WHERE drawn = 0 ORDER BY place"))
        )
        + " END"
        for column in ("channel", "reason_codes", "rule_code", "priority")
    }
    return f"""INSERT INTO channel_assignment (office_id, campaign_id, {FIELDS}, rule_set_id, as_of, assigned_at)
        SELECT {office_id}, {campaign_id}, debtor_id, {cases["channel"]}, {cases["reason_codes"]}, {cases["rule_code"]},
          {cases["priority"]}, 'all', 1, {campaign.rule_set_id}, '{AS_OF.isoformat()}', '{AS_OF.isoformat()}' FROM decided"""


def _literal(value: object) -> str:
    if isinstance(value, list):
        return f"'{{{','.join(value)}}}'::varchar[]"
    return str(value) if isinstance(value, int) else f"'{value}'"


def _timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def run(quick: bool = True) -> dict[str, Any]:
    """Measures; times in seconds are medians, ratios are medians of pairs with their range."""
    people = QUICK if quick else FULL
    small, found = _measure(people // 10), _measure(people)
    growth = {name: found[f"{name}_seconds"] / small[f"{name}_seconds"] for name in ("plan", "replan", "count")}
    return {"debtors": people, **found, "growth_at_10x": growth}


def _measure(people: int) -> dict[str, Any]:
    with database() as engine:
        office_id, campaign_id = settle_town(engine, people)
        with engine.begin() as connection:
            bare_sql = flatten(connection, office_id, campaign_id)
        first = [_first_plan(engine, office_id, campaign_id, bare_sql, people) for _ in range(PAIRS)]
        again = [_plan_again(engine, office_id, campaign_id, people, turn) for turn in range(PAIRS)]
    plan_seconds, replan_seconds = (statistics.median(ours for ours, *_ in turns) for turns in (first, again))
    return {
        "plan_seconds": plan_seconds,
        "bare_seconds": statistics.median(bare for _, bare in first),
        "plan_ratio": _spread([ours / bare for ours, bare in first]),
        "replan_seconds": replan_seconds,
        "count_seconds": statistics.median(count for _, count, *_ in again),
        "replan_ratio": _spread([ours / count for ours, count, *_ in again]),
        "replan_of_first_plan": _spread([ours / plan_seconds for ours, *_ in again]),
        "replan_concerned": _spread([concerned for *_, concerned in again]),
        "unchanged_seconds": statistics.median(same for _, _, same, _ in again),
    }


def _spread(ratios: list[float]) -> dict[str, float]:
    return {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)}


def _first_plan(engine: Engine, office_id: int, campaign_id: int, bare_sql: str, people: int) -> tuple[float, float]:
    def bare() -> None:
        with engine.begin() as connection:
            connection.execute(text(bare_sql))

    seconds = []
    sums = []
    for action in (lambda: _plan(office_id, campaign_id), bare):
        with engine.begin() as connection:
            connection.execute(text("TRUNCATE channel_assignment, plan_basis"))
        seconds.append(_timed(action))
        with engine.begin() as connection:
            sums.append(tuple(connection.execute(text(CHECKSUM)).one()))
    assert sums[0] == sums[1], sums
    assert sums[0][0] == people
    return seconds[0], seconds[1]


def _plan_again(engine: Engine, office_id: int, campaign_id: int, people: int, turn: int) -> tuple[float, float, float, float]:
    """The plan of a night after its day, counting only, and a plan with nothing changed; and for which part it decided anew."""
    night = AS_OF + timedelta(days=turn + 1)
    _plan(office_id, campaign_id, night - timedelta(days=1), everybody=True)
    with engine.begin() as connection:
        for statement in NIGHT.strip().split(";\n"):
            values = {"office": office_id, "turn": turn, "at": night - timedelta(hours=12)}
            connection.execute(text(statement), {name: value for name, value in values.items() if f":{name}" in statement})
    results: list[PlanResult] = []
    ours = _timed(lambda: results.append(_plan(office_id, campaign_id, night)))
    count = _timed(lambda: results.append(_plan(office_id, campaign_id, night, dry_run=True)))
    same = _timed(lambda: results.append(_plan(office_id, campaign_id, night)))
    checked = _plan(office_id, campaign_id, night, everybody=True)
    continued, counted, unchanged = results
    assert continued.concerned is not None, "the plan did not go on from the one before"
    assert 0.015 * people < continued.concerned < 0.2 * people, continued.concerned
    assert continued.changed > 0.005 * people, continued.changed
    assert (unchanged.changed, checked.changed, checked.removed) == (0, 0, 0), checked
    assert continued.channels == counted.channels == checked.channels
    assert continued.reasons == counted.reasons == checked.reasons
    return ours, count, same, continued.concerned / people


def _plan(office_id: int, campaign_id: int, as_of: datetime = AS_OF, *, dry_run: bool = False, everybody: bool | None = None) -> PlanResult:
    with transaction(office_id) as session:
        return plan(session, campaign_id, as_of, dry_run=dry_run, everybody=everybody)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = run(quick=not given.full)
    if given.json:
        print(json.dumps({"plan_debtors": found}))
    else:
        print(
            f"plan_debtors: {found['debtors']:,} debtors: plan {found['plan_seconds']:.2f} s, bare INSERT…SELECT CASE "
            f"{found['bare_seconds']:.2f} s, ratio {found['plan_ratio']['median']:.2f}x "
            f"({found['plan_ratio']['min']:.2f}–{found['plan_ratio']['max']:.2f}); 2 % changed {found['replan_seconds']:.2f} s, counting "
            f"only {found['count_seconds']:.2f} s, ratio {found['replan_ratio']['median']:.2f}x, "
            f"{found['replan_of_first_plan']['median']:.1%} of the first plan ({found['replan_concerned']['median']:.1%} decided anew); "
            f"unchanged {found['unchanged_seconds']:.2f} s; "
            f"at ten times the debtors {found['growth_at_10x']['plan']:.1f}x the time, re-plan {found['growth_at_10x']['replan']:.1f}x"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
