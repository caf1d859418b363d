"""A workbook to a table of strings."""

from __future__ import annotations

import io
import zipfile
import zlib
from datetime import date, datetime, time

import polars as pl
import python_calamine

from callcenter.core.errors import InvalidInput
from campaigns.imports.layouts import PLAIN, Source
from campaigns.imports.raw import RawTable, named, too_large, without_blank
from campaigns.imports.sources import is_rejected_file, positional_headers

MAX_WORKBOOK_BYTES = 512 << 20
MAX_WORKBOOK_RATIO = 200


def _refuse_bomb(data: bytes, file_name: str) -> None:
    """Refuses a workbook that would unpack to more than we take, by its directory first and then by what it really holds."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            total = sum(entry.file_size for entry in entries)
            if total > MAX_WORKBOOK_BYTES or total > MAX_WORKBOOK_RATIO * max(len(data), 1 << 16):
                raise too_large(file_name)
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
    frame = pl.DataFrame(cells, schema=dict.fromkeys(named(width), pl.String), orient="row")
    frame = frame.with_row_index("row", offset=skipped + 1).with_columns(pl.col("row").cast(pl.Int64))
    return RawTable(tuple(headers), without_blank(frame), "xlsx")
