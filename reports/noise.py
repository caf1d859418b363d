"""What is more than noise: tests of differences between rates and between means, and how many of many tests may be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, sqrt
from statistics import NormalDist

from reports.charts import Interval, wilson

EXACT_BELOW = 400
"""Up to so many cases on both sides together, Fisher's exact test is worked out; above it the normal approximation serves."""
FALSE_SHARE = 0.05
"""Of the differences that are marked, at most this share is expected to be noise."""


def two_rates(hits: int, base: int, other_hits: int, other_base: int) -> float | None:
    """The two-sided probability that two rates differ as much by chance; None where one has no denominator.

    Source: Fisher's exact test (sum of the tables that are no likelier); the pooled two-proportion z-test for many cases.
    """
    if base <= 0 or other_base <= 0 or not 0 <= hits <= base or not 0 <= other_hits <= other_base:
        return None
    if base + other_base <= EXACT_BELOW:
        return _fisher(hits, base, other_hits, other_base)
    pooled = (hits + other_hits) / (base + other_base)
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


def believed(chances: Sequence[float], share: float = FALSE_SHARE) -> list[bool]:
    """Which of many tests stand when at most `share` of those that stand may be false.

    Source: Y. Benjamini, Y. Hochberg, Controlling the false discovery rate, 1995.
    """
    ranked = sorted(range(len(chances)), key=lambda place: chances[place])
    last = max((rank for rank, place in enumerate(ranked, start=1) if chances[place] <= share * rank / len(chances)), default=0)
    stand = set(ranked[:last])
    return [place in stand for place in range(len(chances))]


@dataclass(frozen=True, slots=True)
class Difference:
    """One value less another, with the bounds between which the true difference lies with 95 %."""

    value: float
    interval: Interval

    @property
    def is_real(self) -> bool:
        """Whether no difference at all is out of the question."""
        return self.interval.low > 0 or self.interval.high < 0


def difference_of_rates(hits: int, base: int, other_hits: int, other_base: int) -> Difference | None:
    """The first rate less the second; None where one has no denominator.

    Source: R. G. Newcombe, Interval estimation for the difference between independent proportions, method 10, 1998.
    """
    one, two = wilson(hits, base), wilson(other_hits, other_base)
    if one is None or two is None:
        return None
    first, second = hits / base, other_hits / other_base
    low = (first - second) - sqrt((first - one.low) ** 2 + (two.high - second) ** 2)
    high = (first - second) + sqrt((one.high - first) ** 2 + (second - two.low) ** 2)
    return Difference(first - second, Interval(low, high))


def difference_of_means(
    total: float, squares: float, base: int, other_total: float, other_squares: float, other_base: int
) -> Difference | None:
    """The first mean less the second, from sums and sums of squares; None with fewer than two cases on a side.

    Source: B. L. Welch, 1947, with the normal distribution, which at the hundreds of cases of an arm is the same.
    """
    if base < 2 or other_base < 2:
        return None
    first, second = total / base, other_total / other_base
    spread = max(0.0, squares - total * first) / (base - 1) / base
    spread += max(0.0, other_squares - other_total * second) / (other_base - 1) / other_base
    half = NormalDist().inv_cdf(0.975) * sqrt(spread)
    return Difference(first - second, Interval(first - second - half, first - second + half))
