"""Any upload we take to tables of strings: the whole of it, its header, or part by part, so that its size does not matter."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import polars as pl

from campaigns.imports.decoding import (
    MARKER,
    SENTINEL,
    XLSX_MAGIC,
    decode,
    decode_part,
    encoding_of,
    no_text,
    refuse_unreadable,
    refuse_wrong_kind,
)
from campaigns.imports.layouts import PLAIN, Source
from campaigns.imports.raw import LostGlyph, RawTable, named, too_large
from campaigns.imports.records import pieces, read_records
from campaigns.imports.sources import Head, read_head
from campaigns.imports.workbooks import read_workbook

__all__ = ["LostGlyph", "RawTable", "read_header", "read_parts", "read_table"]

MAX_BYTES = 1 << 30
PART_BYTES = 8 << 20
_WORKBOOK_PART = 50_000
_HEAD = 1 << 18
_SCAN = 1 << 20


def _place_lost(frame: pl.DataFrame, width: int, lost: tuple[str, ...]) -> tuple[pl.DataFrame, tuple[LostGlyph, ...]]:
    """Turns sentinels into markers and says in which row and column each was."""
    names = named(width)
    marked = frame.filter(pl.any_horizontal(pl.col(names).str.contains(SENTINEL, literal=True)))
    places: list[LostGlyph] = []
    waiting = iter(lost)
    for cells in marked.select("row", *names).iter_rows():
        for column, cell in enumerate(cells[1:], start=1):
            for _ in range((cell or "").count(SENTINEL)):
                places.append(LostGlyph(cells[0], column, next(waiting, "")))
    return frame.with_columns(pl.col(names).str.replace_all(SENTINEL, MARKER, literal=True)), tuple(places)


def _csv_parts(file: BinaryIO, size: int, file_name: str, source: Source) -> Iterator[RawTable]:
    """A CSV file (RFC 4180, CRLF or LF) in parts of about `size` bytes. Blank rows are left out but keep their number."""
    encoding = encoding_of(iter(lambda: file.read(_SCAN), b""), source.encoding)
    file.seek(0)
    head: Head | None = None
    row = end = lost = characters = 0
    for data in pieces(file, size):
        end += len(data)
        if b"\x00" in data:
            raise no_text(file_name)
        decoded = decode_part(data, encoding)
        lost, characters = lost + len(decoded.lost), characters + len(decoded.text)
        body = decoded.encoded
        if head is None:
            head = read_head(decoded.text, source)
            row, body = head.first_row, body[len(decoded.text[: head.size].encode()) :]
        frame, ragged, row = read_records(body, len(head.headers), head.delimiter, row)
        places: tuple[LostGlyph, ...] = ()
        if decoded.lost:
            frame, places = _place_lost(frame, len(head.headers), decoded.lost)
            ragged = {number: [cell.replace(SENTINEL, MARKER) for cell in cells] for number, cells in ragged.items()}
        headers = tuple(cell.replace(SENTINEL, MARKER) for cell in head.headers)
        yield RawTable(headers, frame, encoding, ragged, places, end)
    refuse_unreadable(lost, characters, file_name)


def read_parts(path: Path, file_name: str, source: Source = PLAIN, *, size: int = PART_BYTES) -> Iterator[RawTable]:
    """A stored upload part by part, with the same headers in each; at least one part.

    Raises InvalidInput as `read_table` does; that a file is in no encoding we know may be told only at its end.
    """
    if path.stat().st_size > MAX_BYTES:
        raise too_large(file_name)
    with path.open("rb") as file:
        start = file.read(_HEAD)
        refuse_wrong_kind(start, file_name)
        file.seek(0)
        if not start.startswith(XLSX_MAGIC):
            yield from _csv_parts(file, size, file_name, source)
            return
        table = read_workbook(file.read(), file_name, source)
    for at in range(0, max(table.frame.height, 1), _WORKBOOK_PART):
        yield RawTable(table.headers, table.frame.slice(at, _WORKBOOK_PART), table.encoding)


def read_table(data: bytes, file_name: str, source: Source = PLAIN) -> RawTable:
    """Any upload we take, told by its content and not by its name, written as `source` says.

    Raises InvalidInput: too large, empty, neither CSV nor workbook, undecidable encoding, or a workbook that is a bomb.
    """
    if len(data) > MAX_BYTES:
        raise too_large(file_name)
    refuse_wrong_kind(data, file_name)
    if data.startswith(XLSX_MAGIC):
        return read_workbook(data, file_name, source)
    (table,) = _csv_parts(io.BytesIO(data), len(data) + 1, file_name, source)
    return table


def read_header(path: Path, file_name: str, source: Source = PLAIN) -> tuple[str, ...]:
    """The header of a file, without reading all of a CSV file; raises as `read_table` does."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise too_large(file_name)
    with path.open("rb") as file:
        start = file.read(_HEAD)
    refuse_wrong_kind(start, file_name)
    if start.startswith(XLSX_MAGIC):
        return read_workbook(path.read_bytes(), file_name, source).headers
    if size > _HEAD:
        start = start[: start.rfind(b"\n") + 1] or start
    return read_head(decode(start, file_name, source.encoding).text, source).headers
