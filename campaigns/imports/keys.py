"""Which keys of a file have been seen before, for files that are read part by part: a hash of 128 bits stands for a key."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

_SEEDS = (1_618_033, 2_718_281)
_GAP = "\x1f"


class SeenKeys:
    """The keys of the parts so far: 16 bytes each, whatever they say."""

    def __init__(self) -> None:
        self._parts: list[pl.DataFrame] = []

    def add(self, frame: pl.DataFrame, columns: Sequence[str]) -> tuple[pl.Series, pl.Series]:
        """Takes the keys in the columns of the next part.

        Returns:
            Two masks of its rows: where an earlier row of this part has the key, and where an earlier part has it.
        """
        key = pl.concat_str([pl.col(name).cast(pl.String).fill_null("") for name in columns], separator=_GAP)
        hashes = frame.select(a=key.hash(_SEEDS[0]), b=key.hash(_SEEDS[1]))
        within = ~hashes["a"].is_first_distinct()
        if within.any():
            within = ~hashes.select(pl.struct("a", "b").is_first_distinct()).to_series()
        known = [part.join(hashes, on="a", how="semi") for part in self._parts]
        again = pl.concat(known) if known else hashes.clear()
        self._parts.append(hashes.filter(~within))
        if not again.height:
            return within, pl.Series([False], dtype=pl.Boolean).new_from_index(0, frame.height)
        before = hashes.join(again.with_columns(seen=pl.lit(True)).unique(), on=["a", "b"], how="left", maintain_order="left")
        return within, before["seen"].fill_null(False)
