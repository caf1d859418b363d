"""What all readers of files give: cells as strings, one column per header."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from callcenter.core.errors import InvalidInput


@dataclass(frozen=True)
class LostGlyph:
    """A glyph that could not be read: row and column of the file (both from 1; the header is row 1) and its bytes in hex."""

    row: int
    column: int
    bytes_hex: str


@dataclass(frozen=True)
class RawTable:
    """A file or a part of one.

    `frame` has columns c0, c1, … (strings, null for empty) and `row`, the row number as in the file with the header as 1. `ragged` maps
    the rows with another number of cells than the header, which are not in `frame`, to their cells. `end`: how many bytes of the file
    have been read with this part, 0 where that is not known.
    """

    headers: tuple[str, ...]
    frame: pl.DataFrame
    encoding: str
    ragged: dict[int, list[str]] = field(default_factory=dict)
    lost: tuple[LostGlyph, ...] = ()
    end: int = 0


def named(width: int) -> list[str]:
    """The frame's columns: c0, c1, …"""
    return [f"c{index}" for index in range(width)]


def without_blank(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows that have a cell."""
    return frame.filter(~pl.all_horizontal(pl.all().exclude("row").is_null()))


def too_large(file_name: str) -> InvalidInput:
    """The refusal of a file that is larger than we take."""
    return InvalidInput(
        f"{file_name}: ファイルが大きすぎます。",
        hint="1 GB までの CSV、または展開後 512 MB までの .xlsx に分けてください。",
        code="too_large",
    )
