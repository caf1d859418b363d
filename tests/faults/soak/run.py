"""One whole run: offices, processes, a time of killing, a time of calm, and the judgement. `make soak` calls this module."""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import text

from callcenter.core.db import dispose_engines, transaction
from callcenter.core.settings import get_settings
from callcenter.schema import migrate_if_needed
from tests.faults.soak.bugs import BUGS
from tests.faults.soak.checker import judge
from tests.faults.soak.cluster import Cluster, until
from tests.faults.soak.town import document, make_office
from tests.lines import whole_lines

# Shares of all requests or messages; `delay` and the like in seconds.
FAULTS: Mapping[str, Any] = {
    "limited": 0.03,
    "broken": 0.02,
    "broken_after": 0.02,
    "lost_after": 0.02,
    "hang_after": 0.005,
    "refused": 0.01,
    "delay": 0.03,
    "hang_seconds": 1.5,
    "undeliverable": 0.08,
    "repeated": 0.2,
    "reordered": 0.2,
    "dropped": 0.01,
    "replies": 0.05,
    "seconds": 3.0,
}
VICTIMS = {
    "work-batch-1": 8,
    "work-batch-2": 8,
    "work-default": 6,
    "web": 6,
    "schedule": 4,
    "provider": 4,
    "redis": 2,
    "flush": 2,
    "postgres": 2,
}
PAID_SHARE = 0.03
TIMEOUT = 1.0
LEAST_KILLS = 5


@dataclass
class Result:
    """What came of a run: what is wrong by office, and how it went."""

    wrong: dict[int, list[str]]
    offices: Sequence[int]
    planted: Mapping[int, str] = field(default_factory=dict)
    kills: Sequence[str] = ()
    seconds: float = 0.0
    states: Mapping[str, int] = field(default_factory=dict)


def run(
    seed: str,
    *,
    offices: int,
    messages: int,
    rate: float = 40.0,
    killing: float = 10.0,
    pause: tuple[float, float] = (0.2, 1.0),
    patience: float = 600.0,
    faults: Mapping[str, Any] = FAULTS,
    bugs: Sequence[str] = (),
) -> Result:
    """Sends `messages` messages in each of `offices` offices while everything is killed for `killing` seconds; then all comes to rest.

    Args:
        seed: of the faults and of who is killed when.
        bugs: one for each of the first offices; the others have none.
    """
    began = time.monotonic()
    rng = random.Random(seed)
    cluster = Cluster(dict(faults), seed)
    before = dict(os.environ)
    try:
        cluster.start_stores()
        os.environ.update(cluster.environment())
        get_settings.cache_clear()
        migrate_if_needed()
        described = document(rate, TIMEOUT)
        ids = [make_office(number, messages, described, number * messages) for number in range(offices)]
        paid = {office: _let_some_pay(office, max(1, int(messages * PAID_SHARE))) for office in ids}
        dispose_engines()
        cluster.plant(dict(zip(ids, bugs, strict=False)))
        cluster.start()
        _kill_for(cluster, rng, killing, pause)
        planted = dict(zip(ids, bugs, strict=False))
        problem = ""

        def is_over() -> bool:
            return not _left(cluster, ids[len(bugs) :]) and _is_seen(planted, judge(cluster.database_url, cluster.log, planted, paid))

        try:
            until(is_over, patience, "")
        except TimeoutError:
            problem = f"the run does not come to rest: {_left(cluster, ids[len(bugs) :])}"
        wrong = judge(cluster.database_url, cluster.log, ids, paid)
        if problem:
            wrong[ids[-1]].append(problem)
        keep = os.environ.get("SOAK_KEEP")
        if keep and any(wrong.values()):
            Path(keep).write_bytes(cluster.log.read_bytes())
        return Result(wrong, ids, planted, cluster.kills, time.monotonic() - began, _states(cluster))
    finally:
        dispose_engines()
        cluster.stop()
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)
        get_settings.cache_clear()


def _is_seen(planted: Mapping[int, str], wrong: Mapping[int, Sequence[str]]) -> bool:
    """Whether the checker tells of every bug what is to be told; an office that is not through yet looks like one that never will be."""
    expected = {office: BUGS[bug][1] for office, bug in planted.items()}
    return all(any(line.startswith(told) for line in wrong[office]) for office, told in expected.items() if told != "not final")


def _let_some_pay(office: int, count: int) -> set[int]:
    """Some have paid after the batch was prepared: theirs must never go out. Returns the debtors."""
    with transaction(office) as session:
        chosen = text("SELECT debtor_id FROM message ORDER BY md5(reference) LIMIT :count")
        paid = set(session.scalars(chosen, {"count": count}))
        settle = text("UPDATE debt SET status = 'settled', outstanding = 0, received = assessed WHERE debtor_id = ANY(:paid)")
        session.execute(settle, {"paid": list(paid)})
    return paid


def _kill_for(cluster: Cluster, rng: random.Random, seconds: float, pause: tuple[float, float]) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(cluster.kills) < LEAST_KILLS:  # a slow machine needs longer for one
        time.sleep(rng.uniform(*pause))
        cluster.kill(rng.choices([*VICTIMS], [*VICTIMS.values()])[0])


def _left(cluster: Cluster, offices: Sequence[int]) -> dict[str, int]:
    """What is still to be done: messages on their way, reports unprocessed or still to come, batches open; empty when all is at rest."""
    to_come = _reports_left(cluster.log, set(offices))  # first: what was posted by now is in the rows that are read then
    try:
        with psycopg.connect(cluster.database_url, connect_timeout=5) as connection:
            counted = connection.execute(
                """
                SELECT 'messages ' || state, count(*) FROM message WHERE office_id = ANY(%(offices)s)
                  AND state IN ('ready', 'claimed', 'handed_over', 'unknown', 'accepted') GROUP BY state
                UNION ALL SELECT 'reports unprocessed', count(*) FROM message_inbox
                  WHERE office_id = ANY(%(offices)s) AND processed_at IS NULL
                UNION ALL SELECT 'batches ' || state, count(*) FROM batch
                  WHERE office_id = ANY(%(offices)s) AND state <> 'done' GROUP BY state
                """,
                {"offices": list(offices)},
            ).fetchall()
    except psycopg.OperationalError:
        return {"database": 1}
    left = {str(name): int(count) for name, count in counted}
    left["reports to come"] = to_come
    return {name: count for name, count in left.items() if count}


def _reports_left(log: Path, offices: set[int]) -> int:
    """Reports and replies that the provider has still to post."""
    wanted, done = set(), set()
    for line in whole_lines(log):
        row = json.loads(line)
        if int((row.get("reference") or row["key"]).partition("-")[0]) not in offices:
            continue
        if row["what"] == "request":
            wanted |= set(row["posts"])
        else:
            done.add(row["key"])
    return len(wanted - done)


def _states(cluster: Cluster) -> dict[str, int]:
    with psycopg.connect(cluster.database_url) as connection:
        return dict(connection.execute("SELECT state, count(*) FROM message GROUP BY state ORDER BY state").fetchall())


def main() -> int:
    """The long soak; 1 when something does not add up."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--messages", type=int, default=20_000)
    options.add_argument("--offices", type=int, default=1)
    options.add_argument("--seconds", type=float, default=300.0, help="of killing")
    options.add_argument("--rate", type=float, default=100.0, help="segments a second")
    options.add_argument("--seed", default=str(random.SystemRandom().randrange(10**6)))
    given = options.parse_args()
    print(f"seed {given.seed}", file=sys.stderr)
    result = run(
        given.seed,
        offices=given.offices,
        messages=given.messages,
        rate=given.rate,
        killing=given.seconds,
        pause=(0.5, 3.0),
        patience=3600.0,
    )
    print(json.dumps({"seconds": round(result.seconds), "kills": len(result.kills), "states": result.states}, ensure_ascii=False))
    for office, lines in result.wrong.items():
        for line in lines[:50]:
            print(f"office {office}: {line}")
    return int(any(result.wrong.values()))


if __name__ == "__main__":
    sys.exit(main())
