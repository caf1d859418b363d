"""Pieces of a CSV file that end with a record, and their cells."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO

import polars as pl
from polars.exceptions import ComputeError

from campaigns.imports.raw import named

# A cell of several lines in quotes is never longer: a quote that has not been closed by then never will be.
LONGEST_QUOTED = 1 << 20


def pieces(file: BinaryIO, size: int) -> Iterator[bytes]:
    """The bytes of a CSV file in pieces of about `size`, each ending with a record, the last one as the file ends.

    Line ends and quotes are the same bytes in UTF-8 and CP932. A piece in which a quote is opened and never closed ends with its line.
    """
    rest = b""
    while True:
        part = file.read(size)
        is_last = len(part) < size
        if part.endswith(b"\r"):
            part += file.read(1)
        rest += part
        cut = len(rest) if is_last else _end_of_records(rest)
        if cut:
            yield rest[:cut]
            rest = rest[cut:]
        if is_last:
            return


def _end_of_records(data: bytes) -> int:
    """Where the last whole record of `data` ends; 0 when there is none yet."""
    end = last = data.rfind(b"\n") + 1
    is_open = data.count(b'"', 0, end) % 2 == 1
    while is_open and end and last - end < LONGEST_QUOTED:
        before = data.rfind(b"\n", 0, end - 1) + 1
        is_open ^= data.count(b'"', before, end) % 2 == 1
        end = before
    return last if is_open and len(data) > LONGEST_QUOTED else 0 if is_open else end


def read_records(body: bytes, width: int, delimiter: str, first_row: int) -> tuple[pl.DataFrame, dict[int, list[str]], int]:
    """The records of a text in UTF-8, of which blank ones are left out but have their number.

    Returns:
        Those with `width` cells as a frame (c0, c1, …, row), the cells of the others by row, and the next row's number.
    """
    if width > 1 and (found := _read_regular(body, width, delimiter, first_row)) is not None:
        return found[0], {}, found[1]
    body = body.replace(b"\r\n", b"\n")
    frame, ragged, row = _read_irregular(body.decode(), width, delimiter, first_row)
    return frame.filter(_is_filled(width)), ragged, row


def _is_filled(width: int) -> pl.Expr:
    return ~pl.all_horizontal(pl.col(named(width)).is_null())


def _read_regular(body: bytes, width: int, delimiter: str, first_row: int) -> tuple[pl.DataFrame, int] | None:
    """All at once, when every record that is not blank has `width` cells; None otherwise."""
    if body.count(b'"') % 2:
        return None
    header = delimiter.join(named(width)).encode() + b"\n"  # says the width where the first row is blank
    try:
        frame = pl.read_csv(header + body, infer_schema=False, separator=delimiter)
    except ComputeError:  # a record with too many cells
        return None
    is_filled = frame.select(_is_filled(width)).to_series() if frame.height else pl.Series([], dtype=pl.Boolean)
    numbered = frame.with_columns(row=pl.int_range(first_row, first_row + frame.height, dtype=pl.Int64))
    inside = frame.select(pl.sum_horizontal(pl.all().str.count_matches(delimiter, literal=True).sum())).item() if b'"' in body else 0
    # None is too long, so none is too short either when there are as many delimiters as there must be.
    is_full = not frame.height or body.count(delimiter.encode()) - inside == (width - 1) * frame.height
    if is_filled.all():
        return (numbered, first_row + frame.height) if is_full else None
    if is_full or _is_regular(body.replace(b"\r\n", b"\n"), width, delimiter):
        return numbered.filter(is_filled), first_row + frame.height
    return None


def _is_regular(body: bytes, width: int, delimiter: str) -> bool:
    """The same line by line, for texts with blank lines."""
    lines = pl.read_csv(body, has_header=False, schema={"line": pl.String}, separator="\x01", quote_char=None)["line"].drop_nulls()
    quoted = lines.filter(lines.str.contains('"', literal=True))
    if (quoted.str.count_matches('"', literal=True) % 2 == 1).any():  # a cell of several lines: look at the whole text
        text = pl.Series([body.decode()]).str.replace_all(r'"[^"]*"', "").item()
        return _is_regular(text.encode(), width, delimiter)
    plain = lines.filter(~lines.str.contains('"', literal=True))
    return all(
        (part.str.count_matches(delimiter, literal=True) == width - 1).all() for part in (plain, quoted.str.replace_all(r'"[^"]*"', ""))
    )


def _records(body: str, delimiter: str) -> Iterator[list[str]]:
    """Records cell by cell; with an unclosed quote somewhere each line is a record of its own, so that one bad row stays one."""
    if body.count('"') % 2 == 0:
        yield from csv.reader(io.StringIO(body, newline=""), delimiter=delimiter)
        return
    for line in body.removesuffix("\n").split("\n"):
        if line.count('"') % 2:
            yield [line]
        else:
            yield from csv.reader([line], delimiter=delimiter) if line else [[]]


def _read_irregular(body: str, width: int, delimiter: str, first_row: int) -> tuple[pl.DataFrame, dict[int, list[str]], int]:
    """Cell by cell, for texts in which some rows have too many or too few cells; empty cells too many are let go."""
    good: list[list[str]] = []
    rows: list[int] = []
    ragged: dict[int, list[str]] = {}
    number = first_row - 1
    for number, cells in enumerate(_records(body, delimiter), start=first_row):
        while len(cells) > width and not cells[-1].strip():
            cells = cells[:-1]
        if len(cells) == width:
            good.append(cells)
            rows.append(number)
        elif any(cell.strip() for cell in cells):
            ragged[number] = cells
    frame = pl.DataFrame(good, schema=dict.fromkeys(named(width), pl.String), orient="row")
    frame = frame.with_columns(pl.when(pl.all() == "").then(None).otherwise(pl.all()).name.keep())
    return frame.with_columns(pl.Series("row", rows, dtype=pl.Int64)), ragged, number + 1
