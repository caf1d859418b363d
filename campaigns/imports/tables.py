"""Text or a workbook to a table of strings, one column per header, with the rows whose shape is wrong."""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time

import polars as pl
import python_calamine

from callcenter.core.errors import InvalidInput
from campaigns.imports.decoding import MARKER, SENTINEL, XLSX_MAGIC, decode, refuse_wrong_kind
from campaigns.imports.layouts import PLAIN, Source
from campaigns.imports.sources import is_rejected_file, positional_headers, read_head

MAX_BYTES = 1 << 30
MAX_WORKBOOK_BYTES = 512 << 20
MAX_WORKBOOK_RATIO = 200
_HEAD = 1 << 18


@dataclass(frozen=True)
class LostGlyph:
    """A glyph that could not be read: row and column of the file (both from 1; the header is row 1) and its bytes in hex."""

    row: int
    column: int
    bytes_hex: str


@dataclass(frozen=True)
class RawTable:
    """`frame` has columns c0, c1, … (strings, null for empty) and `row`, the row number as in the file with the header as 1.

    `ragged` maps the rows with another number of cells than the header, which are not in `frame`, to their cells.
    """

    headers: tuple[str, ...]
    frame: pl.DataFrame
    encoding: str
    ragged: dict[int, list[str]] = field(default_factory=dict)
    lost: tuple[LostGlyph, ...] = ()


def _too_large(file_name: str) -> InvalidInput:
    return InvalidInput(
        f"{file_name}: ファイルが大きすぎます。",
        hint="1 GB までの CSV、または展開後 512 MB までの .xlsx に分けてください。",
        code="too_large",
    )


def _named(width: int) -> list[str]:
    return [f"c{index}" for index in range(width)]


def _is_regular(body: bytes, width: int, delimiter: str) -> bool:
    """Whether every non-blank record has `width` cells, checked without reading cell by cell."""
    if not body.strip(b"\n"):
        return True
    if body.count(b'"') % 2:
        return False
    lines = pl.read_csv(body, has_header=False, schema={"line": pl.String}, separator="\x01", quote_char=None)["line"].drop_nulls()
    quoted = lines.filter(lines.str.contains('"', literal=True))
    if (quoted.str.count_matches('"', literal=True) % 2 == 1).any():  # a cell of several lines: look at the whole text
        text = pl.Series([body.decode()]).str.replace_all(r'"[^"]*"', "").item()
        return _is_regular(text.encode(), width, delimiter)
    plain = lines.filter(~lines.str.contains('"', literal=True))
    return all(
        (part.str.count_matches(delimiter, literal=True) == width - 1).all() for part in (plain, quoted.str.replace_all(r'"[^"]*"', ""))
    )


def _read_regular(body: bytes, width: int, delimiter: str, first_row: int) -> pl.DataFrame:
    header = delimiter.join(_named(width)).encode() + b"\n"  # says the width where the first row is blank
    frame = pl.read_csv(header + body, infer_schema=False, separator=delimiter)
    return frame.with_row_index("row", offset=first_row).with_columns(pl.col("row").cast(pl.Int64))


def _records(body: str, delimiter: str) -> Iterator[list[str]]:
    """Records cell by cell; with an unclosed quote somewhere each line is a record of its own, so that one bad row stays one."""
    if body.count('"') % 2 == 0:
        yield from csv.reader(io.StringIO(body, newline=""), delimiter=delimiter)
        return
    for line in body.split("\n"):
        if line.count('"') % 2:
            yield [line]
        else:
            yield from csv.reader([line], delimiter=delimiter) if line else [[]]


def _read_irregular(body: str, width: int, delimiter: str, first_row: int) -> tuple[pl.DataFrame, dict[int, list[str]]]:
    """Cell by cell, for files in which some rows have too many or too few cells; empty cells too many are let go."""
    good: list[list[str]] = []
    rows: list[int] = []
    ragged: dict[int, list[str]] = {}
    for number, cells in enumerate(_records(body, delimiter), start=first_row):
        while len(cells) > width and not cells[-1].strip():
            cells = cells[:-1]
        if len(cells) == width:
            good.append(cells)
            rows.append(number)
        elif any(cell.strip() for cell in cells):
            ragged[number] = cells
    frame = pl.DataFrame(good, schema=dict.fromkeys(_named(width), pl.String), orient="row")
    frame = frame.with_columns(pl.when(pl.all() == "").then(None).otherwise(pl.all()).name.keep())
    return frame.with_columns(pl.Series("row", rows, dtype=pl.Int64)), ragged


def _place_lost(frame: pl.DataFrame, width: int, lost: tuple[str, ...]) -> tuple[pl.DataFrame, tuple[LostGlyph, ...]]:
    """Turns sentinels into markers and says in which row and column each was."""
    names = _named(width)
    marked = frame.filter(pl.any_horizontal(pl.col(names).str.contains(SENTINEL, literal=True)))
    places: list[LostGlyph] = []
    waiting = iter(lost)
    for cells in marked.select("row", *names).iter_rows():
        for column, cell in enumerate(cells[1:], start=1):
            for _ in range((cell or "").count(SENTINEL)):
                places.append(LostGlyph(cells[0], column, next(waiting, "")))
    return frame.with_columns(pl.col(names).str.replace_all(SENTINEL, MARKER, literal=True)), tuple(places)


def read_csv(data: bytes, file_name: str, source: Source = PLAIN) -> RawTable:
    """A CSV file (RFC 4180, CRLF or LF) as strings. Blank rows are left out but keep their number."""
    decoded = decode(data, file_name, source.encoding)
    head = read_head(decoded.text, source)
    headers, delimiter, first_row, body = head.headers, head.delimiter, head.first_row, decoded.text[head.size :]
    width = len(headers)
    ragged: dict[int, list[str]] = {}
    encoded = body.encode()
    if width > 1 and _is_regular(encoded, width, delimiter):
        frame = _read_regular(encoded, width, delimiter, first_row)
    else:
        frame, ragged = _read_irregular(body, width, delimiter, first_row)
    frame = frame.filter(~pl.all_horizontal(pl.col(_named(width)).is_null()))
    lost_glyphs: tuple[LostGlyph, ...] = ()
    if decoded.lost:
        frame, lost_glyphs = _place_lost(frame, width, decoded.lost)
        ragged = {row: [cell.replace(SENTINEL, MARKER) for cell in cells] for row, cells in ragged.items()}
    return RawTable(tuple(head.replace(SENTINEL, MARKER) for head in headers), frame, decoded.encoding, ragged, lost_glyphs)


def _refuse_bomb(data: bytes, file_name: str) -> None:
    """Refuses a workbook that would unpack to more than we take, by its directory first and then by what it really holds."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            total = sum(entry.file_size for entry in entries)
            if total > MAX_WORKBOOK_BYTES or total > MAX_WORKBOOK_RATIO * max(len(data), 1 << 16):
                raise _too_large(file_name)
            if "xl/workbook.xml" not in archive.namelist():
                raise InvalidInput(
                    f"{file_name}: Excel のファイルではありません。", hint="CSV または .xlsx で保存し直してください。", code="wrong_kind"
                )
            for entry in entries:  # a directory that understates a size ends here with a wrong check sum
                with archive.open(entry) as part:
                    while part.read(1 << 20):
                        pass
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zipfile.LargeZipFile, zlib.error) as problem:
        raise InvalidInput(
            f"{file_name}: 壊れているか、開けない Excel ファイルです。", hint="保存し直すか、CSV で書き出してください。", code="wrong_kind"
        ) from problem


def _cell_text(value: object) -> str:
    """A workbook's cell as the text a CSV would hold; whole numbers without a decimal point."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ") if value.time() != time() else value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def read_workbook(data: bytes, file_name: str, source: Source = PLAIN) -> RawTable:
    """One sheet of an .xlsx workbook, by default the first, as strings."""
    _refuse_bomb(data, file_name)
    try:
        workbook = python_calamine.load_workbook(io.BytesIO(data))
        sheet = workbook.get_sheet_by_name(source.sheet) if source.sheet else workbook.get_sheet_by_index(0)
        rows = [[_cell_text(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
    except python_calamine.WorksheetNotFound as problem:
        raise InvalidInput(
            f"{file_name}: シート {source.sheet} がありません。",
            hint="シートの名前か、レイアウトの sheet を直してください。",
            code="no_sheet",
        ) from problem
    except (python_calamine.CalamineError, python_calamine.ZipError, python_calamine.XmlError) as problem:
        raise InvalidInput(
            f"{file_name}: Excel ファイルを読めません。", hint="保存し直すか、CSV で書き出してください。", code="wrong_kind"
        ) from problem
    if rows and is_rejected_file(rows[0]):
        source = PLAIN
    skipped = source.header_row
    heads = rows[max(skipped, 1) - 1 :][:1]
    headers = [cell.strip() for cell in heads[0]] if heads else []
    while headers and not headers[-1]:
        headers.pop()
    if not headers:
        raise InvalidInput(f"{file_name}: 先頭のシートが空です。", hint="1 行目に見出しを置いてください。", code="empty_file")
    width = len(headers)
    if not skipped:
        headers = positional_headers(width)
    cells = [[cell or None for cell in row[:width]] for row in rows[skipped:]]
    frame = pl.DataFrame(cells, schema=dict.fromkeys(_named(width), pl.String), orient="row")
    frame = frame.with_row_index("row", offset=skipped + 1).with_columns(pl.col("row").cast(pl.Int64))
    return RawTable(tuple(headers), frame.filter(~pl.all_horizontal(pl.col(_named(width)).is_null())), "xlsx")


def read_table(data: bytes, file_name: str, source: Source = PLAIN) -> RawTable:
    """Any upload we take, told by its content and not by its name, written as `source` says.

    Raises InvalidInput: too large, empty, neither CSV nor workbook, undecidable encoding, or a workbook that is a bomb.
    """
    if len(data) > MAX_BYTES:
        raise _too_large(file_name)
    if data.startswith(XLSX_MAGIC):
        return read_workbook(data, file_name, source)
    return read_csv(data, file_name, source)


def read_header(data: bytes, file_name: str, source: Source = PLAIN) -> tuple[str, ...]:
    """The header of an upload, without reading all of a CSV file; raises as `read_table` does."""
    if len(data) > MAX_BYTES:
        raise _too_large(file_name)
    refuse_wrong_kind(data, file_name)
    if data.startswith(XLSX_MAGIC):
        return read_workbook(data, file_name, source).headers
    start = data[:_HEAD]
    if len(data) > _HEAD:
        start = start[: start.rfind(b"\n") + 1] or start
    return read_head(decode(start, file_name, source.encoding).text, source).headers
