"""Pacing: talk minutes per operator hour and abandoned calls, ours against a plain newsvendor reference and what is usual.

    python -m benchmarks.pacing [--full] [--json]

The same simulated shifts for every policy (`benchmarks.pacing_world`, eight hours, cold start, fixed seeds); ours is the very function the
dialer asks. `share_of_reference` compares with a reference that keeps no budget and may end a day above the limit; ours may not:
`worst_day_percent` is the highest abandoned share of any day of any seed.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from benchmarks.pacing_policies import POLICIES
from benchmarks.pacing_world import World

QUICK_CELLS, QUICK_SEEDS = ((4, 0.3), (10, 0.3)), 1
FULL_CELLS, FULL_SEEDS = tuple((n, p) for n in (4, 10, 50) for p in (0.15, 0.3, 0.5)), 5
HOURS = 8.0


def cell(operators: int, p: float, seeds: int) -> dict[str, Any]:
    """One cell of the table: every policy over the same seeds."""
    found: dict[str, Any] = {}
    for name, make in POLICIES.items():
        days = [day for seed in range(1, seeds + 1) for day in World(operators, p, seed, hours=HOURS).run(make())]
        answers, abandoned = sum(day.answers for day in days), sum(day.abandoned for day in days)
        assert all(0 <= day.abandoned <= day.answers <= day.dialled and day.talk <= operators * HOURS * 3600 for day in days)
        found[name] = {
            "talk_minutes_an_hour": round(sum(day.talk for day in days) / 60 / (operators * HOURS * len(days)), 2),
            "abandoned_percent": round(100 * abandoned / answers, 2),
            "worst_day_percent": round(100 * max(day.rate for day in days), 2),
        }
    found["share_of_reference"] = round(found["ours"]["talk_minutes_an_hour"] / found["reference"]["talk_minutes_an_hour"], 3)
    return found


def run(quick: bool = True) -> dict[str, Any]:
    """The table."""
    cells, seeds = (QUICK_CELLS, QUICK_SEEDS) if quick else (FULL_CELLS, FULL_SEEDS)
    return {"seeds": seeds} | {f"{operators} operators, p {p}": cell(operators, p, seeds) for operators, p in cells}


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help=f"{len(FULL_CELLS)} cells, {FULL_SEEDS} seeds each")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = run(quick=not given.full)
    if given.json:
        print(json.dumps(found))
        return
    for name, figures in found.items():
        print(f"{name}: {figures}")


if __name__ == "__main__":
    main()
