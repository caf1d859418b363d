"""How sure a share is, from how many cases it was counted."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Interval:
    """Bounds of a rate."""

    low: float
    high: float


def wilson(over: int, under: int, z: float = Z_95) -> Interval | None:
    """The Wilson score interval of over ÷ under (95 % by default); None without a denominator.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    """
    if under <= 0 or not 0 <= over <= under:
        return None
    share, square = over / under, z * z
    middle = (share + square / (2 * under)) / (1 + square / under)
    half = z / (1 + square / under) * sqrt(share * (1 - share) / under + square / (4 * under * under))
    return Interval(max(0.0, middle - half), min(1.0, middle + half))
