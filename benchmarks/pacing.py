"""Pacing: talk minutes per operator hour and abandoned calls, ours against a plain newsvendor reference, an oracle, and what is usual.

    python -m benchmarks.pacing [--full] [--json]

The same simulated shifts for every policy (`benchmarks.pacing_world`, eight hours, cold start, fixed seeds); ours is the very function the
dialer asks. `share_of_reference` compares with a reference that keeps no budget and may end a day above the limit; ours may not:
`worst_day_percent` is the highest abandoned share of any day of any seed, and the run fails where ours is above its limit.
`share_of_oracle` compares with the reference where every dialled number is answered, which is what knowing the answers is worth.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from benchmarks.pacing_policies import POLICIES, Ours, Reference
from benchmarks.pacing_world import Day, Policy, World

HOURS = 8.0
QUICK = ((4, 0.3, 1), (10, 0.3, 1))
FULL = tuple((n, p, {4: 12, 10: 5, 50: 2, 200: 1}[n]) for n in (4, 10, 50, 200) for p in (0.15, 0.3, 0.5))
WEEKS = ((4, 3), (10, 3), (50, 2), (200, 1))  # operators, seeds: five days on end, p = 0.3
SWINGS = ((10, 2), (50, 1))  # operators, seeds: p between 0.18 and 0.42 and back within two hours
Chance = float | Callable[[float], float]


def swinging(now: float) -> float:
    """An answer rate that swings by 40 % over two hours."""
    return 0.3 * (1 + 0.4 * math.sin(2 * math.pi * now / 7200.0))


def figures(days: list[Day], operators: int) -> dict[str, float]:
    """What some days of one policy came to."""
    answers, abandoned = sum(day.answers for day in days), sum(day.abandoned for day in days)
    assert all(0 <= day.abandoned <= day.answers <= day.dialled and day.talk <= operators * HOURS * 3600 for day in days)
    return {
        "talk_minutes_an_hour": round(sum(day.talk for day in days) / 60 / (operators * HOURS * len(days)), 2),
        "abandoned_percent": round(100 * abandoned / answers, 2),
        "worst_day_percent": round(100 * max(day.rate for day in days), 2),
    }


def shifts(make: Callable[[], Policy], operators: int, p: Chance, seeds: int, days: int = 1) -> list[Day]:
    """Every seed's days, each seed with a policy of its own."""
    return [day for seed in range(1, seeds + 1) for day in World(operators, p, seed, days=days, hours=HOURS).run(make())]


def cell(operators: int, p: Chance, seeds: int) -> dict[str, Any]:
    """One cell of the table: every policy over the same seeds."""
    found: dict[str, Any] = {name: figures(shifts(make, operators, p, seeds), operators) for name, make in POLICIES.items()}
    found["oracle"] = figures(shifts(Reference, operators, 1.0, seeds), operators)
    ours = found["ours"]
    assert ours["worst_day_percent"] <= 3.0, ours
    for name in ("reference", "oracle"):
        found[f"share_of_{name}"] = round(ours["talk_minutes_an_hour"] / found[name]["talk_minutes_an_hour"], 3)
    return found


def week(operators: int, seeds: int) -> dict[str, float]:
    """Ours over five days on end: no day and no seed above the limit."""
    found = figures(shifts(Ours, operators, 0.3, seeds, days=5), operators)
    assert found["worst_day_percent"] <= 3.0, found
    return found


def low_limit() -> dict[str, float]:
    """Ours with a limit of 1 %."""
    found = figures(shifts(lambda: Ours(0.01), 10, 0.3, 2), 10)
    assert found["worst_day_percent"] <= 1.0, found
    return found


def parts(quick: bool) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """The parts of the table by name, none worked out yet."""
    for n, p, seeds in QUICK if quick else FULL:
        yield f"{n} operators, p {p}, {seeds} seeds", partial(cell, n, p, seeds)
    if quick:
        return
    for n, seeds in SWINGS:
        yield f"{n} operators, p swinging, {seeds} seeds", partial(cell, n, swinging, seeds)
    for n, seeds in WEEKS:
        yield f"{n} operators, five days, {seeds} seeds", partial(week, n, seeds)
    yield "10 operators, p 0.3, limit 1 %, 2 seeds", low_limit


def run(quick: bool = True) -> dict[str, Any]:
    """The table; each part is told on standard error as soon as it is there."""
    found: dict[str, Any] = {}
    for name, part in parts(quick):
        found[name] = part()
        print(f"{name}: {found[name]}", file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help=f"{len(FULL)} cells, five days, a swinging answer rate")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = run(quick=not given.full)
    if given.json:
        print(json.dumps(found))
        return
    for name, figures_of in found.items():
        print(f"{name}: {figures_of}")


if __name__ == "__main__":
    main()
