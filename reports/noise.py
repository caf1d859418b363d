"""What is more than noise: a test of the difference of two rates, and how many of many tests may be believed."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, exp, lgamma, sqrt
from statistics import NormalDist

from callcenter.core.intervals import wilson

EXACT_BELOW = 400
"""Up to so many cases on both sides together, Fisher's exact test is worked out in whole numbers."""
LEAST_EXPECTED = 5
"""With fewer expected cases than this in any of the four cells the normal approximation says nothing (W. G. Cochran, 1954)."""
AS_LIKELY = 1 + 1e-7
"""Tables within this factor count as equally likely: logarithms are not exact."""
FALSE_SHARE = 0.05
"""Of the differences that are marked, at most this share is expected to be noise."""


def two_rates(hits: int, base: int, other_hits: int, other_base: int) -> float | None:
    """The two-sided probability that two rates differ as much by chance; None where one has no denominator.

    Source: Fisher's exact test (sum of the tables that are no likelier); the pooled two-proportion z-test for many cases on either side.
    """
    if base <= 0 or other_base <= 0 or not 0 <= hits <= base or not 0 <= other_hits <= other_base:
        return None
    if base + other_base <= EXACT_BELOW:
        return _fisher(hits, base, other_hits, other_base)
    pooled = (hits + other_hits) / (base + other_base)
    if min(base, other_base) * min(pooled, 1 - pooled) < LEAST_EXPECTED:
        return _fisher_of_many(hits, base, other_hits, other_base)
    spread = sqrt(pooled * (1 - pooled) * (1 / base + 1 / other_base))
    if spread == 0:
        return 1.0
    return 2 * (1 - NormalDist().cdf(abs(hits / base - other_hits / other_base) / spread))


def _fisher(hits: int, base: int, other_hits: int, other_base: int) -> float:
    """The exact test, in whole numbers."""
    all_hits = hits + other_hits
    ways = [
        comb(base, number) * comb(other_base, all_hits - number) for number in range(max(0, all_hits - other_base), min(base, all_hits) + 1)
    ]
    seen = comb(base, hits) * comb(other_base, other_hits)
    return sum(way for way in ways if way <= seen) / comb(base + other_base, all_hits)


def _fisher_of_many(hits: int, base: int, other_hits: int, other_base: int) -> float:
    """The exact test by logarithms, for a small side beside a large one: only tables near what is expected weigh anything."""
    all_hits, whole = hits + other_hits, base + other_base

    def chance(number: int) -> float:
        ways = _log_comb(base, number) + _log_comb(other_base, all_hits - number)
        return exp(ways - _log_comb(whole, all_hits))

    seen = chance(hits) * AS_LIKELY
    numbers = range(max(0, all_hits - other_base), min(base, all_hits) + 1)
    return min(1.0, sum(way for number in numbers if (way := chance(number)) <= seen))


def _log_comb(of: int, chosen: int) -> float:
    return lgamma(of + 1) - lgamma(chosen + 1) - lgamma(of - chosen + 1)


def difference_of_shares(hits: float, base: float, other_hits: float, other_base: float) -> tuple[float, float] | None:
    """The 95 % interval of the second share less the first; None where one has no denominator.

    Source: R. G. Newcombe, Interval estimation for the difference between independent proportions, 1998, method 10.
    """
    parts = []
    for over, under in ((hits, base), (other_hits, other_base)):
        n = round(under)
        interval = wilson(min(n, round(over)), n)
        if interval is None:
            return None
        share = over / under
        parts.append((share, share - min(share, interval.low), max(share, interval.high) - share))
    (first, first_down, first_up), (second, second_down, second_up) = parts
    difference = second - first
    return difference - sqrt(second_down**2 + first_up**2), difference + sqrt(second_up**2 + first_down**2)


def believed(chances: Sequence[float], share: float = FALSE_SHARE) -> list[bool]:
    """Which of many tests stand when at most `share` of those that stand may be false.

    Source: Y. Benjamini, Y. Hochberg, Controlling the false discovery rate, 1995.
    """
    ranked = sorted(range(len(chances)), key=lambda place: chances[place])
    last = max((rank for rank, place in enumerate(ranked, start=1) if chances[place] <= share * rank / len(chances)), default=0)
    stand = set(ranked[:last])
    return [place in stand for place in range(len(chances))]
