"""From the columns of a file to the text of each field, as a layout says: joined, cut, fixed; and rows that are no rows of the list."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from campaigns.imports.layouts import DELIMITERS, PLAIN, REJECTION_HEADERS, Binding, Source, column_name, normal_word

SPACES = " \t\u3000\xa0"
_REJECTION_WORDS = frozenset(map(normal_word, REJECTION_HEADERS))


@dataclass(frozen=True)
class Head:
    """What comes before the rows: the columns' names, the character between cells, the number of the first row after it, and its size."""

    headers: tuple[str, ...]
    delimiter: str
    first_row: int
    size: int


def is_rejected_file(headers: Sequence[str]) -> bool:
    """Whether this is one of our own files of rejected rows, corrected and loaded again."""
    return {normal_word(header) for header in headers} >= _REJECTION_WORDS


def delimiter_of(line: str, source: Source) -> str:
    """The character between cells: the one the layout names, else the one a line has most of outside quotes, else a comma."""
    if source.delimiter != "auto":
        return DELIMITERS[source.delimiter]
    plain = "".join(line.split('"')[::2])
    found = max(DELIMITERS.values(), key=plain.count)
    return found if plain.count(found) > plain.count(",") else ","


def _end_of_record(text: str, at: int) -> int:
    """Where the record that begins at `at` ends, line end included; it may hold line ends in quotes."""
    end = text.find("\n", at)
    while end >= 0 and text.count('"', at, end) % 2:
        end = text.find("\n", end + 1)
    return len(text) if end < 0 else end + 1


def _cells(record: str, delimiter: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([record.removesuffix("\n")], delimiter=delimiter), [])]


def read_head(text: str, source: Source) -> Head:
    """The head of a CSV text. A file of rejected rows is always written in our own way, whatever layout it came from."""
    first = text[: _end_of_record(text, 0)]
    if is_rejected_file(_cells(first, ",")):
        source = PLAIN
    start = end = 0
    for _ in range(max(source.header_row, 1)):
        start, end = end, _end_of_record(text, end)
    delimiter = delimiter_of(text[start:end], source)
    cells = _cells(text[start:end], delimiter)
    if source.header_row:
        return Head(tuple(cells), delimiter, source.header_row + 1, end)
    return Head(tuple(positional_headers(len(cells))), delimiter, 1, 0)


def first_rows(text: str, delimiter: str, count: int) -> list[list[str]]:
    """The first records of a CSV text, at most `count`."""
    rows: list[list[str]] = []
    at = 0
    while at < len(text) and len(rows) < count:
        end = _end_of_record(text, at)
        rows.append(_cells(text[at:end], delimiter))
        at = end
    return rows


def bound_cells(frame: pl.DataFrame, binding: Binding, has_neutral_cells: bool = False) -> pl.Series:
    """The trimmed text of one field for the rows of `frame` (columns c0, c1, …); null or empty where there is none.

    `has_neutral_cells`: cells may begin with an apostrophe that keeps spreadsheets from taking them for formulas.
    """
    if binding.value is not None and not binding.columns:
        return pl.Series([binding.value], dtype=pl.String).new_from_index(0, frame.height)
    parts = [frame[f"c{index}"].str.strip_chars(SPACES) for index in binding.columns]
    if has_neutral_cells:
        parts = [part.str.replace(r"^'([=+\-@\t])", "$1") for part in parts]
    cells = parts[0]
    if len(parts) > 1:
        named = [part.set(part == "", None).alias(str(index)) for index, part in enumerate(parts)]
        cells = pl.select(pl.concat_str(named, separator=binding.separator, ignore_nulls=True)).to_series()
    if binding.part is not None:
        first, last = binding.part
        cells = cells.str.slice(first - 1, last - first + 1).str.strip_chars(SPACES)
    return cells


def _skipping(headers: Sequence[str], source: Source) -> list[tuple[int, frozenset[str]]]:
    """Columns and the values there by which a row is skipped."""
    names = [(index, {normal_word(header), column_name(index + 1)}) for index, header in enumerate(headers)]
    return [(index, values) for word, values in source.skip.items() for index, words in names if word in words]


def without_skipped(frame: pl.DataFrame, headers: Sequence[str], source: Source) -> pl.DataFrame:
    """The rows that a layout does not skip."""
    for index, values in _skipping(headers, source):
        cells = frame[f"c{index}"].fill_null("")
        unwanted = [cell for cell in cells.unique() if normal_word(cell) in values]
        frame = frame.filter(~cells.is_in(unwanted))
    return frame


def is_skipped(cells: Sequence[str], headers: Sequence[str], source: Source) -> bool:
    """Whether a layout skips this one row, which may have too few cells."""
    return any(index < len(cells) and normal_word(cells[index]) in values for index, values in _skipping(headers, source))


def positional_headers(width: int) -> list[str]:
    """What the columns of a file without headers are called."""
    return [column_name(number) for number in range(1, width + 1)]
