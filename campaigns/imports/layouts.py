"""Layouts: which header of a file means which field, and how its values are read. Data (TOML), not code.

The folder beside this module holds the built-in ones; an office's own come as TOML text of the same shape.
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callcenter.core.errors import InvalidInput
from campaigns.attempts.codes import CHANNEL_JA, LINE_RESULT_JA, OUTCOME_JA, PARTY_JA

KINDS = ("debts", "payments", "attempts")
TYPES = frozenset({"code", "text", "date", "year", "yen", "phone", "integer", "choice", "moment"})
STANDARD = "standard"
# Columns that a file of rejected rows carries beside the original ones; ignored when it is loaded again.
REJECTION_HEADERS = ("行番号", "列", "理由")
# 個人番号 must not be held by a call center (番号法); a header containing one of these refuses the file.
FORBIDDEN_HEADERS = ("個人番号", "マイナンバー")
_FOLDER = Path(__file__).with_name("layouts")
_LABELS: dict[str, Mapping[Any, str]] = {
    "channel": CHANNEL_JA,
    "line_result": LINE_RESULT_JA,
    "party": PARTY_JA,
    "outcome": OUTCOME_JA,
}


@dataclass(frozen=True)
class Field:
    """One field: its possible headers, how its values are read, and what is allowed.

    `codes` maps a file's value (normalised) to ours; `bounds` are the least and greatest integer.
    """

    name: str
    headers: tuple[str, ...]
    type: str
    is_required: bool = False
    max_length: int = 0
    codes: Mapping[str, str] = field(default_factory=dict)
    bounds: tuple[int, int] = (0, 2**31 - 1)
    default: str | None = None


@dataclass(frozen=True)
class Layout:
    """The fields of one kind of file, in order, and the fields whose values together must be unique in it."""

    name: str
    kind: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]

    def field(self, name: str) -> Field:
        """The field called `name`; KeyError when the layout has none."""
        for found in self.fields:
            if found.name == name:
                return found
        raise KeyError(name)


def normal_word(text: str) -> str:
    """A header or code value without differences of width and spaces."""
    return "".join(unicodedata.normalize("NFKC", text).split()).lower()


def _label_codes(labels: Mapping[Any, str]) -> dict[str, str]:
    """Labels, and labels without their bracketed part where that is still unique."""
    codes = {normal_word(label): str(key) for key, label in labels.items()}
    short: dict[str, list[str]] = {}
    for label, key in codes.items():
        short.setdefault(label.split("(")[0], []).append(key)
    return {label: keys[0] for label, keys in short.items() if len(keys) == 1} | codes


def _read_field(name: str, table: dict[str, Any]) -> Field:
    kind = table.get("type", "text")
    if kind not in TYPES:
        raise InvalidInput(f"レイアウトの項目 {name} の type が不明です: {kind}", hint="使えるもの: " + ", ".join(sorted(TYPES)))
    codes = _label_codes(_LABELS[table["labels"]]) if "labels" in table else {}
    codes |= {normal_word(value): ours for value, ours in table.get("codes", {}).items()}
    low, high = table.get("range", (0, 2**31 - 1))
    headers = tuple(table["headers"])
    return Field(name, headers, kind, bool(table.get("required")), int(table.get("max", 0)), codes, (low, high), table.get("default"))


def read_layout(toml: str) -> Layout:
    """A layout out of TOML text.

    Raises InvalidInput when it is no TOML, lacks a part or names an unknown type.
    """
    try:
        table = tomllib.loads(toml)
        fields = tuple(_read_field(name, entry) for name, entry in table["fields"].items())
        return Layout(table["name"], table["kind"], fields, tuple(table["key"]))
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as problem:
        raise InvalidInput("レイアウトを読めません。", hint="name、kind、key、[fields] のある TOML が必要です。") from problem


def load_layout(kind: str, name: str | None = None) -> Layout:
    """The built-in layout `name` (default: the standard one) for files of `kind`.

    Raises InvalidInput naming the layouts there are.
    """
    if kind not in KINDS:
        raise InvalidInput(f"ファイルの種類 {kind} はありません。", hint="debts、payments、attempts のいずれかです。")
    wanted = STANDARD if name in (None, "", kind) else name
    known = {}
    for path in sorted(_FOLDER.glob("*.toml")):
        layout = read_layout(path.read_text(encoding="utf-8"))
        if layout.kind == kind:
            known[layout.name] = layout
    if wanted not in known:
        raise InvalidInput(f"{kind} のレイアウト {wanted} はありません。", hint="使えるもの: " + ", ".join(known), code="unknown_layout")
    return known[wanted]


def refuse_forbidden(headers: Sequence[str], file_name: str) -> None:
    """Raises InvalidInput when a header names the individual number (個人番号)."""
    words = [normal_word(word) for word in FORBIDDEN_HEADERS]
    for header in headers:
        if any(word in normal_word(header) for word in words):
            raise InvalidInput(
                f"{file_name}: 個人番号の列があるため、このファイルは受け取れません(何も保存していません)。",
                hint="個人番号(マイナンバー)の列を除いて、もう一度書き出してください。",
                code="individual_number",
            )


def match_headers(layout: Layout, headers: Sequence[str], file_name: str) -> dict[str, int]:
    """Which column holds which field, after normalising width and spaces: field name → column index.

    Unknown columns are ignored. Raises InvalidInput for 個人番号, missing required columns and columns that appear twice.
    """
    refuse_forbidden(headers, file_name)
    positions: dict[str, list[int]] = {}
    for index, header in enumerate(headers):
        positions.setdefault(normal_word(header), []).append(index)
    found: dict[str, int] = {}
    missing, doubled = [], []
    for entry in layout.fields:
        columns = [index for header in entry.headers for index in positions.get(normal_word(header), [])]
        if len(columns) > 1:
            doubled.append(entry.headers[0])
        elif columns:
            found[entry.name] = columns[0]
        elif entry.is_required:
            missing.append(entry.headers[0])
    if missing:
        raise InvalidInput(
            f"{file_name}: 必要な列がありません: {'、'.join(missing)}",
            hint=f"1 行目を見出しにしてください。{layout.kind} の必須の列: "
            + "、".join(entry.headers[0] for entry in layout.fields if entry.is_required),
            code="missing_columns",
        )
    if doubled:
        raise InvalidInput(
            f"{file_name}: 同じ列が二つあります: {'、'.join(doubled)}", hint="どちらかの列を除いてください。", code="doubled_columns"
        )
    return found
