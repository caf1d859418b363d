"""`make soak`: shift after shift, each judged; `SEED=n` replays one and shows its log.

python -m tests.simulation.soak --seconds 600          as many seeds as fit, from a random one on
python -m tests.simulation.soak --seed 25              this one, with everything that happened
python -m tests.simulation.soak --first 1 --count 200  these
python -m tests.simulation.soak --first 1 --count 99 --twice  each two times: the same seed must be the same shift
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import Counter

import psycopg

from callcenter.core.settings import get_settings
from tests import servers
from tests.conftest import in_database, migrate
from tests.simulation import bugs
from tests.simulation.database import simulation_url
from tests.simulation.judging import difference, judge


def main() -> int:
    """Runs the seeds asked for; 1 when a rule was broken."""
    parser = argparse.ArgumentParser(
        prog="make soak", description="Whole shifts of the dialer with faults, judged by an independent checker."
    )
    parser.add_argument("--seed", type=int, help="replay this one and show its log")
    parser.add_argument("--first", type=int, default=random.randrange(1_000, 1_000_000_000), help="without it somewhere new")
    parser.add_argument("--count", type=int, default=0, help="how many seeds; without it as many as fit into --seconds")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--twice", action="store_true", help="run each seed a second time and compare")
    asked = parser.parse_args()
    name = bugs.wished()
    root = servers.new_root()
    os.environ["CALLCENTER_DATA"] = str(root / "data")
    try:
        url = servers.shared(root, "postgres", servers.start_postgres)
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute("CREATE DATABASE soak")
        url = in_database(url, "soak")
        migrate(url)
        os.environ["DATABASE_URL"] = simulation_url(url)
        get_settings.cache_clear()
        with psycopg.connect(url, autocommit=True) as eyes, bugs.planted(name):
            return _run(asked, eyes)
    finally:
        servers.stop_all(root)


def _run(asked: argparse.Namespace, eyes: psycopg.Connection) -> int:
    first, count = (asked.seed, 1) if asked.seed is not None else (asked.first, asked.count)
    began, done, broken = time.monotonic(), 0, 0
    rules: Counter[str] = Counter()
    while (done < count) if count else (time.monotonic() - began < asked.seconds):
        judged = judge(first + done, eyes)
        if asked.seed is not None:
            print("\n".join(judged.result.log.told()))
        if judged.violations:
            broken += 1
            rules.update({one.rule for one in judged.violations})
            print(judged.told, flush=True)
        if asked.twice and (parts := difference(judged, judge(first + done, eyes))):
            broken += 1
            rules["replay"] += 1
            print(f"seed {first + done} was another shift the second time", *parts, sep="\n", flush=True)
        done += 1
    print(
        f"seeds {first}..{first + done - 1}: {done} shifts in {time.monotonic() - began:.0f} s, {broken} broke a rule {dict(rules) or ''}"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
