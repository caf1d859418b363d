"""Control charts, and whether a figure moved after a decision: pure, over points in order of time.

A point is compared with what was usual before it, never with itself: its limits come from the `BASELINE` points before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise
from math import sqrt
from statistics import fmean, variance

from callcenter.core.intervals import Z_95
from reports.charts import FEW
from reports.noise import difference_of_shares

BASELINE = 24
LEAST_BASELINE = 8
RUN = 8
LEAST_SIDE = 5
"""So many periods with calls there must be before a decision and after it."""
SIGMAS = 3.0
XMR_FACTOR = 2.66
MOVING_RANGE = 1.128


class Rule(StrEnum):
    """Why a point is no noise.

    OUTSIDE: beyond three sigma (W. A. Shewhart, Economic control of quality of manufactured product, 1931).
    RUN: the eighth in a row on one side of what was usual before the eight (Western Electric, Statistical quality control handbook, 1956).
    """

    OUTSIDE = "outside"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Point:
    """A figure of one period: `n` is the denominator of a share; what is no share has `n` 0."""

    first: date
    value: float | None
    n: float = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What is usual."""

    center: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Judged:
    """A point with its limits; None where there is too little before it, or in it."""

    point: Point
    limits: Limits | None
    rules: tuple[Rule, ...] = ()


def judge(points: Sequence[Point], *, is_share: bool, since: date = date.min) -> list[Judged]:
    """Every point from `since` on with its limits and the rules it breaks; those before it only say what was usual."""
    judged: list[Judged] = []
    usable = [point for point in points if point.first < since and _says_something(point, is_share=is_share)]
    was_run = _is_run(usable, is_share=is_share)
    for point in points:
        if point.first < since:
            continue
        if not _says_something(point, is_share=is_share):
            judged.append(Judged(point, None))
            continue
        limits = limits_for(point, usable[-BASELINE:], is_share=is_share)
        usable.append(point)
        is_run = _is_run(usable, is_share=is_share)
        rules = []
        if limits is not None and point.value is not None and not limits.low <= point.value <= limits.high:
            rules.append(Rule.OUTSIDE)
        if is_run and not was_run:
            rules.append(Rule.RUN)
        was_run = is_run
        judged.append(Judged(point, limits, tuple(rules)))
    return judged


def limits_for(point: Point, before: Sequence[Point], *, is_share: bool) -> Limits | None:
    """The limits of a point from those before it; None when these are too few or never differ."""
    if len(before) < LEAST_BASELINE:
        return None
    return _share_limits(point, before) if is_share else _value_limits(before)


def _share_limits(point: Point, before: Sequence[Point]) -> Limits | None:
    """Laney's p′ chart: the p chart's limits, widened by how much more than chance shares vary from period to period; never narrowed.

    Source: D. B. Laney, Improved control charts for attributes, Quality Engineering 14, 2002.
    """
    center = _mean_share(before)
    if not 0 < center < 1:
        return None
    half = SIGMAS * sqrt(center * (1 - center) / point.n) * _beyond_chance(before, center)
    return Limits(center, max(0.0, center - half), min(1.0, center + half))


def _value_limits(before: Sequence[Point]) -> Limits | None:
    """The XmR chart: the mean ± 2.66 mean moving ranges.

    Source: W. A. Shewhart; D. J. Wheeler, Understanding variation, 1993.
    """
    values = [point.value or 0.0 for point in before]
    half = XMR_FACTOR * fmean([abs(second - first) for first, second in pairwise(values)])
    center = fmean(values)
    return Limits(center, max(0.0, center - half), center + half) if half else None


def _says_something(point: Point, *, is_share: bool) -> bool:
    return point.value is not None and (not is_share or point.n >= FEW)


def _mean_share(points: Sequence[Point]) -> float:
    whole = sum(point.n for point in points)
    return sum((point.value or 0.0) * point.n for point in points) / whole if whole else 0.0


def _beyond_chance(points: Sequence[Point], center: float) -> float:
    """By how much shares vary more than chance alone lets them, from their moving ranges; at least 1."""
    if len(points) < 2 or not 0 < center < 1:
        return 1.0
    spread = center * (1 - center)
    scores = [((point.value or 0.0) - center) / sqrt(spread / point.n) for point in points]
    return max(1.0, fmean([abs(second - first) for first, second in pairwise(scores)]) / MOVING_RANGE)


def _is_run(usable: Sequence[Point], *, is_share: bool) -> bool:
    """Whether the last RUN points stand on one side of what was usual before them."""
    run, before = usable[-RUN:], usable[:-RUN][-BASELINE:]
    if len(run) < RUN or len(before) < LEAST_BASELINE:
        return False
    center = _mean_share(before) if is_share else fmean([point.value or 0.0 for point in before])
    values = [point.value or 0.0 for point in run]
    is_one_sided = min(values) > center or max(values) < center
    return is_one_sided and limits_for(run[0], before, is_share=is_share) is not None


@dataclass(frozen=True, slots=True)
class Change:
    """A figure before and after: the difference and its 95 % interval."""

    before: float
    after: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        """After − before."""
        return self.after - self.before

    @property
    def is_more_than_noise(self) -> bool:
        """Whether the interval leaves nought out."""
        return self.low > 0 or self.high < 0


def change(before: Sequence[Point], after: Sequence[Point], *, is_share: bool) -> Change | None:
    """The change between two spans of periods; None when one has fewer than LEAST_SIDE periods that count, or nothing to divide by.

    It says what happened after, not because of what.
    """
    sides = [[point for point in side if point.value is not None and (point.n > 0 or not is_share)] for side in (before, after)]
    if min(len(side) for side in sides) < LEAST_SIDE:
        return None
    return _share_change(*sides) if is_share else _value_change(*sides)


def _share_change(before: Sequence[Point], after: Sequence[Point]) -> Change | None:
    """Newcombe's interval, whose cases count for less where days differ by more than chance."""
    shares, counts = [], []
    for side in (before, after):
        share = _mean_share(side)
        n = max(1, round(sum(point.n for point in side) / _beyond_chance(side, share) ** 2))
        shares.append(share)
        counts += [share * n, n]
    bounds = difference_of_shares(*counts)
    return None if bounds is None else Change(shares[0], shares[1], *bounds)


def _value_change(before: Sequence[Point], after: Sequence[Point]) -> Change:
    """Welch's interval for the difference of two means.

    Source: B. L. Welch, The generalization of Student's problem, Biometrika 34, 1947.
    """
    first, second = ([point.value or 0.0 for point in side] for side in (before, after))
    spreads = [variance(side) / len(side) for side in (first, second)]
    error = sqrt(sum(spreads))
    under = sum(spread**2 / (len(side) - 1) for spread, side in zip(spreads, (first, second), strict=True))
    half = error * student(error**4 / under) if under else 0.0
    difference = fmean(second) - fmean(first)
    return Change(fmean(first), fmean(second), difference - half, difference + half)


def student(freedom: float, z: float = Z_95) -> float:
    """The quantile of Student's t at which the normal distribution has `z`, for 4 degrees of freedom and more (to 0.3 %).

    Source: M. Abramowitz, I. Stegun, Handbook of mathematical functions, 26.7.5.
    """
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return sum(term / freedom**power for power, term in enumerate(terms))
