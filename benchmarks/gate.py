"""The gate's speed: sets per second against its facts query alone, and one decision at call time against a bare SELECT by key.

    python -m benchmarks.gate [--full] [--json]

Sets: everybody of a town with histories, shared numbers and households is asked for a call, 5,000 at a time, by this one process; the peer
runs the same query for the same people and only fetches its rows. Both take turns, and both must have seen everybody; a plain recount of
some reasons by SQL must agree. One decision: locks, facts, decision and its record, in a transaction of its own as the dialer does it, for
people drawn at random; the peer reads the debtor's row by its key.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

from sqlalchemy import Engine, text

from benchmarks.plan_debtors import settle_town
from benchmarks.scratch import database
from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel
from campaigns.compliance import gate
from campaigns.compliance.facts import facts_statement, facts_values
from campaigns.compliance.policy import ContactPolicy

NOW = datetime(2026, 11, 18, 1, 0, tzinfo=UTC)  # a Wednesday, 10:00 in Japan
QUICK, FULL = 40_000, 1_000_000
PAIRS = 5
SINGLES = 2_000
CALL = Channel.OPERATOR_CALL

HISTORY = """
UPDATE debtor SET household_no = (id / 3)::text WHERE id % 4 = 0;
INSERT INTO attempt (office_id, debtor_id, channel, state, source, phone_id, began_at, handed_over_at, line_result, party)
SELECT :office, d.id, (ARRAY['sms','auto_call','operator_call'])[1 + ((d.id + n) % 3)], 'closed', 'live', p.id, m.at, m.at,
  CASE WHEN (d.id + n) % 6 = 0 THEN 'answered' WHEN (d.id + n) % 97 = 0 THEN 'abandoned' ELSE 'no_answer' END,
  CASE WHEN (d.id + n) % 12 = 0 THEN 'debtor' ELSE 'nobody' END
FROM debtor d JOIN phone_number p ON p.debtor_id = d.id CROSS JOIN generate_series(1, 3) n
CROSS JOIN LATERAL (SELECT timestamptz '2026-11-18 00:30+00' - ((d.id * 13 + n * 31) % 500) * interval '1 hour' AS at) m
WHERE d.id % 3 <> 0;
UPDATE phone_number SET e164 = '+81300000001' WHERE debtor_id % 1000 = 7;
INSERT INTO contact_wish (office_id, debtor_id, is_only, opens, closes, created_at)
SELECT :office, id, id % 2 = 0, time '09:00', time '12:00', timestamptz '2026-11-01' FROM debtor WHERE id % 60 = 0;
"""


def run(quick: bool = True) -> dict[str, Any]:
    """Measures; rates are decisions a second, ratios are medians of pairs with their range."""
    people = QUICK if quick else FULL
    with database() as engine:
        office_id, _ = settle_town(engine, people)
        _add_history(engine, office_id)
        with transaction(office_id) as session:
            ids = list(session.scalars(text("SELECT id FROM debtor ORDER BY id")))
            policy = gate.load_policy(session)
        sets = [_sets(office_id, ids, policy) for _ in range(PAIRS)]
        _recount(office_id, ids, policy)
        single = _single(office_id, ids, policy)
    rates = [people / ours for ours, _ in sets]
    return {
        "debtors": people,
        "decisions_per_second": statistics.median(rates),
        "facts_per_second": statistics.median(people / bare for _, bare in sets),
        "set_ratio": _spread([ours / bare for ours, bare in sets]),
        **single,
    }


def _add_history(engine: Engine, office_id: int) -> None:
    with engine.begin() as connection:
        for statement in HISTORY.strip().removesuffix(";").split(";\n"):
            connection.execute(text(statement), {"office": office_id})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _sets(office_id: int, ids: list[int], policy: ContactPolicy) -> tuple[float, float]:
    """Seconds for everybody's decision, and for the rows of the query behind it."""
    everybody = dict.fromkeys(ids)
    seen = [0, 0]

    def ours() -> None:
        with transaction(office_id) as session:
            seen[0] = len(gate.check_set(session, everybody, CALL, NOW, policy))

    def bare() -> None:
        statement = facts_statement(numbers=policy.asks_numbers, households=policy.asks_households)
        with transaction(office_id) as session:
            seen[1] = sum(
                len(session.execute(statement, facts_values(session, part, CALL, policy, NOW)).all()) for part in gate.in_parts(everybody)
            )

    seconds = _timed(ours), _timed(bare)
    assert seen == [len(ids), len(ids)], seen
    return seconds


def _recount(office_id: int, ids: list[int], policy: ContactPolicy) -> None:
    """Some reasons counted again by plain SQL."""
    with transaction(office_id) as session:
        counts = gate.count_reasons(gate.check_set(session, dict.fromkeys(ids), CALL, NOW, policy).values())
        held = session.scalar(text("SELECT count(DISTINCT debtor_id) FROM debt WHERE status = 'open' AND hold BETWEEN 1 AND 5"))
    told = sum(count for reason, count in counts.items() if reason.startswith("hold_"))
    assert told == held, (told, held)
    assert len(counts) > 8, counts


def _single(office_id: int, ids: list[int], policy: ContactPolicy) -> dict[str, Any]:
    """Milliseconds of one decision with its record, of one without, and of the debtor's row by its key."""
    chance = Random(7)
    chosen = [chance.choice(ids) for _ in range(SINGLES)]
    by_key = text("SELECT * FROM debtor WHERE office_id = :office AND id = :id")
    always = replace(policy, name="bench")
    spent: dict[str, list[float]] = {"decision": [], "undecided": [], "by_key": []}
    for debtor in chosen[:50] + chosen:
        with transaction(office_id) as session:
            spent["by_key"].append(_timed(lambda: session.execute(by_key, {"office": office_id, "id": debtor}).one()))  # noqa: B023
        with transaction(office_id) as session:
            spent["undecided"].append(_timed(lambda: gate.check_set(session, {debtor: None}, CALL, NOW, always)))  # noqa: B023
        with transaction(office_id) as session:
            spent["decision"].append(_timed(lambda: gate.check(session, debtor, CALL, NOW, policy=always)))  # noqa: B023
    found = {name: _quantiles(seconds[50:]) for name, seconds in spent.items()}
    return {
        "one_decision_ms": found["decision"],
        "one_decision_unrecorded_ms": found["undecided"],
        "row_by_key_ms": found["by_key"],
        "one_decision_ratio_p99": found["decision"]["p99"] / found["by_key"]["p99"],
        "one_decision_ratio_p50": found["decision"]["p50"] / found["by_key"]["p50"],
    }


def _quantiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {"p50": 1000 * ordered[len(ordered) // 2], "p99": 1000 * ordered[int(len(ordered) * 0.99)]}


def _timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _spread(ratios: list[float]) -> dict[str, float]:
    return {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = run(quick=not given.full)
    if given.json:
        print(json.dumps({"gate": found}))
    else:
        one, bare, ratio = found["one_decision_ms"], found["row_by_key_ms"], found["set_ratio"]
        print(
            f"gate: {found['debtors']:,} debtors: {found['decisions_per_second']:,.0f} decisions/s, facts alone "
            f"{found['facts_per_second']:,.0f}/s, ratio {ratio['median']:.2f}x ({ratio['min']:.2f}–{ratio['max']:.2f}); "
            f"one decision p50 {one['p50']:.2f} ms, p99 {one['p99']:.2f} ms (unrecorded "
            f"{found['one_decision_unrecorded_ms']['p99']:.2f}), row by key p50 {bare['p50']:.2f} ms, p99 {bare['p99']:.2f} ms, "
            f"ratio p50 {found['one_decision_ratio_p50']:.1f}x, p99 {found['one_decision_ratio_p99']:.1f}x"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
