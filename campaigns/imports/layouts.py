"""Layouts: which column of a file means which field, how a file is written, and how its values are read. Data (TOML), not code.

Here is what a layout is and how it finds its columns. `layout_reading` reads TOML documents, `layout_documents` has the built-in ones and
writes them, `office_layouts` keeps each office's own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from callcenter.core.errors import InvalidInput

KINDS = ("debts", "payments", "attempts")
TYPES = frozenset({"code", "text", "date", "year", "yen", "phone", "integer", "choice", "moment"})
STANDARD = "standard"
ENCODINGS = ("auto", "cp932", "utf-8")
DELIMITERS: Mapping[str, str] = {"comma": ",", "tab": "\t", "semicolon": ";", "pipe": "|"}
# Columns that a file of rejected rows carries beside the original ones; ignored when it is loaded again.
REJECTION_HEADERS = ("行番号", "列", "理由")
# 個人番号 must not be held by a call center (番号法); a header containing one of these refuses the file.
FORBIDDEN_HEADERS = ("個人番号", "マイナンバー")


@dataclass(frozen=True)
class Source:
    """How a file is written, apart from its columns.

    `encoding` and `delimiter`: auto, or a name of `ENCODINGS` and `DELIMITERS`. `header_row`: the row (from 1) that holds the headers, 0
    for a file without any, whose columns are then called 列1, 列2 and so on. `sheet`: of a workbook, empty for the first. `ignore`: headers
    (normalised) that mean nothing, whatever field would take them. `skip`: normalised header (or 列n) → normalised values; rows that have
    one of them are no rows of the list (totals, outdated versions), and are not counted.
    """

    encoding: str = "auto"
    delimiter: str = "auto"
    header_row: int = 1
    sheet: str = ""
    ignore: frozenset[str] = frozenset()
    skip: Mapping[str, frozenset[str]] = field(default_factory=dict)


PLAIN = Source()


@dataclass(frozen=True)
class Field:
    """One field: where its text stands in a file, how it is read, and what is allowed.

    Its text comes from the one column whose header is among `headers`, from the column number `column` (from 1), or from the columns
    `join` (headers or numbers) with `separator` between them; of it only the characters `part` (first and last, from 1), if given. Where a
    file has no such column, every row says `value`, if given. `codes` maps a file's value (normalised) to ours; other values are refused
    for choices and where the table `is_strict`, and kept elsewhere. `styles` are names of `date_styles`; empty for all unambiguous ones.
    `bounds` are the least and greatest integer. `default` is for empty cells.
    """

    name: str
    headers: tuple[str, ...]
    type: str
    is_required: bool = False
    max_length: int = 0
    codes: Mapping[str, str] = field(default_factory=dict)
    bounds: tuple[int, int] = (0, 2**31 - 1)
    default: str | None = None
    column: int = 0
    join: tuple[str | int, ...] = ()
    separator: str = ""
    part: tuple[int, int] | None = None
    value: str | None = None
    is_strict: bool = False
    styles: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What people call the column: for messages and files of rejected rows."""
        if self.join:
            return "・".join(column_name(entry) for entry in self.join)
        if self.column:
            return column_name(self.column)
        return self.headers[0] if self.headers else self.name


@dataclass(frozen=True)
class Layout:
    """The fields of one kind of file, in order, the fields whose values together must be unique in it, and how such files are written.

    `mode`: full or diff where files of this layout are always that, else empty. `version`: of an office's own, 0 for built-in ones.
    """

    name: str
    kind: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    source: Source = PLAIN
    mode: str = ""
    title: str = ""
    version: int = 0

    def field(self, name: str) -> Field:
        """The field called `name`; KeyError when the layout has none."""
        for found in self.fields:
            if found.name == name:
                return found
        raise KeyError(name)

    @property
    def reference(self) -> str:
        """Name and version, for instance 東町@3; a file remembers it, so that it is always read the way it was received."""
        return f"{self.name}@{self.version}" if self.version else self.name


@dataclass(frozen=True)
class Binding:
    """Where one field's text stands in one file: columns (from 0) joined by `separator`, of it `part`; or `value` in each row."""

    columns: tuple[int, ...] = ()
    separator: str = ""
    part: tuple[int, int] | None = None
    value: str | None = None


def normal_word(text: str) -> str:
    """A header or code value without differences of width and spaces."""
    return "".join(unicodedata.normalize("NFKC", text).split()).lower()


def column_name(entry: str | int) -> str:
    """A header, or what a column without one is called: 列3."""
    return f"列{entry}" if isinstance(entry, int) else entry


def refuse_forbidden(headers: Sequence[str], file_name: str) -> None:
    """Raises InvalidInput when a header names the individual number (個人番号)."""
    words = [normal_word(word) for word in FORBIDDEN_HEADERS]
    for header in headers:
        if any(word in normal_word(header) for word in words):
            raise individual_number(file_name)


def individual_number(file_name: str) -> InvalidInput:
    """The refusal of a file that holds 個人番号."""
    return InvalidInput(
        f"{file_name}: 個人番号の列があるため、このファイルは受け取れません(何も保存していません)。",
        hint="個人番号(マイナンバー)の列を除いて、もう一度書き出してください。",
        code="individual_number",
    )


def match_headers(layout: Layout, headers: Sequence[str], file_name: str) -> dict[str, Binding]:
    """Where the fields stand in a file with these headers, compared without width and spaces: field name → binding.

    Unknown columns are ignored. Raises InvalidInput for 個人番号, missing required columns and columns that appear twice.
    """
    refuse_forbidden(headers, file_name)
    found: dict[str, Binding] = {}
    missing, doubled = [], []
    positions = _positions(layout, headers)
    for entry in layout.fields:
        bound = _bind(entry, positions, len(headers))
        if bound is None:
            doubled.append(entry.label)
        elif bound.columns or bound.value is not None:
            found[entry.name] = bound
        elif entry.is_required:
            missing.append(entry.label)
    if missing:
        raise InvalidInput(
            f"{file_name}: 必要な列がありません: {'、'.join(missing)}",
            hint=f"{_header_hint(layout)}列の呼び名が違うファイルは、画面の「様式」で対応を決めると読めます。",
            code="missing_columns",
        )
    if doubled:
        raise InvalidInput(
            f"{file_name}: 同じ列が二つあります: {'、'.join(doubled)}", hint="どちらかの列を除いてください。", code="doubled_columns"
        )
    return found


def _header_hint(layout: Layout) -> str:
    row = layout.source.header_row
    return f"{row} 行目が見出しかを確かめてください。" if row else "この様式に見出しの行はありません。"


def _positions(layout: Layout, headers: Sequence[str]) -> dict[str, list[int]]:
    """Normalised header → its columns, without those the layout ignores."""
    positions: dict[str, list[int]] = {}
    for index, header in enumerate(headers):
        word = normal_word(header)
        if word not in layout.source.ignore:
            positions.setdefault(word, []).append(index)
    return positions


def _bind(entry: Field, positions: Mapping[str, list[int]], width: int) -> Binding | None:
    """Where one field stands; an empty binding when it is not in the file, None when two columns claim it."""
    if entry.join:
        each = [_columns_of(part, positions, width) for part in entry.join]
        if any(len(columns) > 1 for columns in each):
            return None
        columns = [column for found in each for column in found] if all(each) else []
    elif entry.column:
        columns = _columns_of(entry.column, positions, width)
    else:
        columns = [index for header in entry.headers for index in positions.get(normal_word(header), [])]
        if len(columns) > 1:
            return None
    if columns:
        return Binding(tuple(columns), entry.separator, entry.part)
    return Binding(value=entry.value)


def _columns_of(entry: str | int, positions: Mapping[str, list[int]], width: int) -> list[int]:
    if isinstance(entry, int):
        return [entry - 1] if entry <= width else []
    return positions.get(normal_word(entry), [])


def unused_columns(layout: Layout, headers: Sequence[str]) -> list[str]:
    """Headers that no field takes and the layout does not name as ignored either."""
    bound = match_headers(layout, headers, "")
    taken = {column for binding in bound.values() for column in binding.columns}
    known = layout.source.ignore | layout.source.skip.keys() | {normal_word(name) for name in REJECTION_HEADERS}
    return [header for index, header in enumerate(headers) if index not in taken and normal_word(header) not in known]
