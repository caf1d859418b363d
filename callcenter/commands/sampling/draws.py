"""Random columns decided by a seed alone: SplitMix64 on whole columns, the same on every machine and version."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import polars as pl

_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def _u64(value: int) -> pl.Expr:
    return pl.lit(value % (1 << 64), dtype=pl.UInt64)


def _mixed(column: pl.Expr, shift: int) -> pl.Expr:
    return column ^ (column // _u64(1 << shift))


class Draws:
    """Columns of draws; each `what` is a stream of its own, so that adding one changes no other."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def bits(self, size: int, what: str) -> pl.Series:
        """`size` numbers of 64 random bits."""
        start = int.from_bytes(hashlib.sha256(f"{self.seed}:{what}".encode()).digest()[:8], "big")
        counted = pl.select(z=pl.int_range(1, size + 1, dtype=pl.UInt64) * _u64(_GOLDEN) + _u64(start))
        once = counted.select(z=_mixed(pl.col("z"), 30) * _u64(_FIRST))
        twice = once.select(z=_mixed(pl.col("z"), 27) * _u64(_SECOND))
        return twice.select(z=_mixed(pl.col("z"), 31))["z"]

    def below(self, size: int, what: str, bound: int) -> pl.Series:
        """Whole numbers from 0 to `bound` − 1."""
        return (self.bits(size, what) % bound).cast(pl.Int64)

    def share(self, size: int, what: str) -> pl.Series:
        """Numbers from 0 to 1."""
        return (self.bits(size, what) // 2048).cast(pl.Float64) / float(1 << 53)

    def chance(self, size: int, what: str, probability: float) -> pl.Series:
        """True with `probability`."""
        return self.share(size, what) < probability

    def weighted(self, size: int, what: str, weights: Sequence[float]) -> pl.Series:
        """Indexes into `weights`, drawn in proportion to them."""
        drawn = self.share(size, what) * sum(weights)
        index = pl.Series([0], dtype=pl.Int64).new_from_index(0, size)
        edge = 0.0
        for weight in weights[:-1]:
            edge += weight
            index = index + (drawn >= edge).cast(pl.Int64)
        return index

    def pick(self, size: int, what: str, values: Sequence[str], weights: Sequence[float] | None = None) -> pl.Series:
        """Values drawn from a list, in proportion to `weights` where given."""
        index = self.below(size, what, len(values)) if weights is None else self.weighted(size, what, weights)
        return pl.Series(list(values), dtype=pl.String).gather(index)


def days_of(numbers: pl.Series) -> pl.Expr:
    """Numbers as spans of days."""
    return pl.duration(days=pl.lit(numbers))


def padded(numbers: pl.Series, width: int) -> pl.Series:
    """Numbers as digits with leading zeros."""
    return numbers.cast(pl.String).str.zfill(width)
