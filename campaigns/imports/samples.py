"""The head of a file as somebody who maps its columns sees it: how it is written, and what stands in each column."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from callcenter.core.errors import InvalidInput
from callcenter.core.money import parse_yen
from callcenter.core.phones import parse_phone
from campaigns.imports.date_styles import DATE_STYLES, YEAR_STYLES, date_styles_of, year_styles_of
from campaigns.imports.decoding import XLSX_MAGIC, decode
from campaigns.imports.layouts import DELIMITERS, PLAIN, Source, individual_number, refuse_forbidden
from campaigns.imports.sources import SPACES, delimiter_of, first_rows
from campaigns.imports.tables import RawTable, read_table

SAMPLE_BYTES = 1 << 20
SAMPLE_ROWS = 2_000
HEAD_ROWS = 12
FEW = 40  # distinct values of a coded column
_SHAPE_SAMPLE = 200
_KANA = re.compile(r"^[ァ-ヶｦ-ﾟ・ー\-\s　().（）,]+$")
_POSTAL = re.compile(r"^〒?\d{3}-?\d{4}$")
_ADDRESS = re.compile(r"(都|道|府|県|市|区|町|村|郡).*(丁目|番|号|\d)|^(東京都|北海道|大阪府|京都府)")
_DASHED = re.compile(r"^\(?0\d{1,4}[-()]{1,2}\d{1,4}-\d{3,4}$")
_NUMBER = re.compile(r"^\d+$")
_PLACES = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)


@dataclass(frozen=True)
class Column:
    """What stands in one column: the first different values, all different ones with their counts where they are few, and their shape.

    `shape`: empty, flag, year, date, phone, postal, yen, number, kana, address, text. `styles`: of days or years, commonest first.
    """

    number: int
    header: str
    filled: int
    samples: tuple[str, ...]
    values: tuple[tuple[str, int], ...]
    shape: str
    styles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """The first rows of a file, how the file is written, and its columns."""

    table: RawTable
    source: Source
    columns: tuple[Column, ...]
    has_more: bool

    @property
    def headers(self) -> tuple[str, ...]:
        """The columns' headers; 列1, 列2 and so on in a file without any."""
        return self.table.headers


def read_sample(path: Path, file_name: str, source: Source | None = None) -> Sample:
    """The first rows of a stored file; see `sample_of`. Of a CSV file only the head is read."""
    with path.open("rb") as file:
        data = file.read(SAMPLE_BYTES)
        has_more = bool(file.read(1))
    if data.startswith(XLSX_MAGIC):
        return sample_of(path.read_bytes(), file_name, source)
    if has_more:
        data = data[: data.rfind(b"\n") + 1] or data
    sample = sample_of(data, file_name, source)
    return replace(sample, has_more=True) if has_more else sample


def sample_of(data: bytes, file_name: str, source: Source | None = None) -> Sample:
    """The first rows of a file, read as `source` says; without one, encoding, delimiter and the row of the headers are found out.

    Raises InvalidInput for what is no table, and for 個人番号, named so or told by its check digits.
    """
    found = source or told_source(data, file_name)
    table = read_table(data, file_name, found)
    has_more = table.frame.height > SAMPLE_ROWS
    table = replace(table, frame=table.frame.head(SAMPLE_ROWS))
    refuse_forbidden(table.headers, file_name)
    columns = tuple(_column(table, index) for index in range(len(table.headers)))
    if any(is_individual_number(table.frame[f"c{column.number - 1}"].drop_nulls().to_list()) for column in columns):
        raise individual_number(file_name)
    return Sample(table, found, columns, has_more)


def told_source(data: bytes, file_name: str) -> Source:
    """How a file is written, as its first rows tell: encoding, delimiter, and which row holds the headers (0: none does)."""
    if data.startswith(XLSX_MAGIC):
        rows = [[cell or "" for cell in row] for row in _workbook_rows(data, file_name)]
        return Source(header_row=header_row_of(rows))
    decoded = decode(data, file_name)
    head = decoded.text[: 1 << 16]
    counts = [delimiter_of(line, PLAIN) for line in head.split("\n")[:HEAD_ROWS] if line.strip()]
    mark = max(set(counts), key=counts.count) if counts else ","
    name = next(key for key, value in DELIMITERS.items() if value == mark)
    rows = first_rows(head, mark, HEAD_ROWS)
    for row in rows:
        refuse_forbidden(row, file_name)
    return Source(decoded.encoding, name, header_row_of(rows))


def _workbook_rows(data: bytes, file_name: str) -> list[tuple[str | None, ...]]:
    table = read_table(data, file_name, Source(header_row=0))
    names = [f"c{index}" for index in range(len(table.headers))]
    return list(table.frame.select(names).head(HEAD_ROWS).iter_rows())


def header_row_of(rows: Sequence[Sequence[str]]) -> int:
    """Which of the first rows (from 1) holds the headers: the first as wide as the list, all words and no values; 0 when none does."""
    width = max((sum(bool(cell.strip()) for cell in row) for row in rows), default=0)
    for number, row in enumerate(rows, start=1):
        cells = [cell.strip() for cell in row]
        named = [cell for cell in cells if cell]
        if len(named) < max(1, 0.7 * width):
            continue
        if any(_is_value(cell) for cell in named) or len(set(named)) < 0.7 * len(named):
            return 0
        return number
    return 1


def _is_value(cell: str) -> bool:
    """Whether a cell looks like a row's and not like a header: a number, day, amount or phone number."""
    plain = unicodedata.normalize("NFKC", cell)
    return bool(re.match(r"^[¥\\]?[\d,./:\-]+円?$", plain)) or bool(date_styles_of([plain]))


def _column(table: RawTable, index: int) -> Column:
    cells = table.frame[f"c{index}"].str.strip_chars(SPACES)
    filled = cells.filter(cells.is_not_null() & (cells != ""))
    distinct = filled.unique(maintain_order=True)
    values: tuple[tuple[str, int], ...] = ()
    if 0 < len(distinct) <= FEW:
        counts = filled.value_counts(sort=True, name="n")
        values = tuple((str(value), int(count)) for value, count in counts.iter_rows())
    shape, styles = shape_of(distinct.head(_SHAPE_SAMPLE).to_list())
    return Column(index + 1, table.headers[index], len(filled), tuple(distinct.head(3).to_list()), values, shape, styles)


def shape_of(values: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """What most of these different values look like, and the styles where they are days or years."""
    if not values:
        return "empty", ()
    plain = [unicodedata.normalize("NFKC", value).strip() for value in values]
    if len(values) <= 3 and all(value in ("0", "1", "2", "9", "", "有", "無", "Y", "N") for value in plain):
        return "flag", ()
    days = [name for name in date_styles_of(values) if not DATE_STYLES[name].is_explicit]
    years = [name for name in year_styles_of(values) if not YEAR_STYLES[name].is_explicit]
    tests: dict[str, Callable[[], bool]] = {
        "year": lambda: bool(years) and _share(plain, lambda value: len(value) <= 7 and bool(year_styles_of([value]))) > 0.8,
        "date": lambda: bool(days) and _share(plain, lambda value: not value.strip("0-/.") or bool(date_styles_of([value]))) > 0.8,
        "postal": lambda: _share(plain, lambda value: bool(_POSTAL.match(value))) > 0.8,
        "phone": lambda: _share(plain, _is_phone) > 0.6,
        "number": lambda: _share(plain, lambda value: bool(_NUMBER.match(value)) and (len(value) > 9 or value.startswith("0"))) > 0.6,
        "yen": lambda: _share(plain, _is_yen) > 0.8,
        "kana": lambda: _share(list(values), lambda value: bool(_KANA.match(value))) > 0.8,
        "address": lambda: _share(plain, lambda value: bool(_ADDRESS.search(value))) > 0.5,
    }
    shape = next((name for name, fits in tests.items() if fits()), "text")
    return shape, tuple(days if shape == "date" else years if shape == "year" else ())


def _share(values: Sequence[str], fits: Callable[[str], bool]) -> float:
    return sum(map(fits, values)) / len(values)


def _is_phone(value: str) -> bool:
    phone = parse_phone(value)
    return bool(_DASHED.match(value)) or (phone is not None and phone.e164 is not None)


def _is_yen(value: str) -> bool:
    try:
        return parse_yen(value) is not None
    except InvalidInput:
        return False


def is_individual_number(values: Sequence[str]) -> bool:
    """Whether these cells are 個人番号: at least five different ones, nine in ten with twelve digits of which the last one checks."""
    plain = {unicodedata.normalize("NFKC", value).strip().replace("-", "").replace(" ", "") for value in values[:_SHAPE_SAMPLE]} - {""}
    if len(plain) < 5:
        return False
    return _share(sorted(plain), lambda value: len(value) == 12 and _NUMBER.match(value) is not None and _has_check_digit(value)) >= 0.9


def _has_check_digit(digits: str) -> bool:
    rest = sum(int(digit) * weight for digit, weight in zip(digits[:11], _PLACES, strict=True)) % 11
    return int(digits[11]) == (0 if rest <= 1 else 11 - rest)
