"""TOML text to a layout, and what is wrong with it: each fault with its section, key and value, and what was expected.

A document says only how its files differ from the standard layout of their kind.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from callcenter.core.errors import InvalidInput
from campaigns.imports.date_styles import DATE_STYLES, YEAR_STYLES
from campaigns.imports.layout_definitions import definition
from campaigns.imports.layouts import DELIMITERS, ENCODINGS, KINDS, PLAIN, Field, Layout, Source, normal_word

MODES = ("full", "diff")
MAX_HEADER_ROW = 50
MAX_COLUMN = 1000
NAME = re.compile(r"^[^\s@/\\\"'<>&\x00-\x1f\x7f]{1,30}$")
_TOP = frozenset({"name", "kind", "title", "mode", "source", "fields"})
_SOURCE = frozenset({"encoding", "delimiter", "header_row", "sheet", "ignore", "skip"})
_ENTRY = frozenset({"headers", "column", "join", "separator", "part", "value", "default", "codes", "strict", "styles", "required"})


class _Faults:
    """What is wrong with a document, each with its place."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, place: str, wrong: str, expected: str) -> None:
        """Notes one fault: where, what is there, what was expected."""
        self.found.append(f"{place}: {wrong}。{expected}")

    def unknown_keys(self, place: str, table: Mapping[str, Any], known: Iterable[str]) -> None:
        """Notes keys that mean nothing, which are usually misspelt."""
        for key in table:
            if key not in known:
                self.add(place, f"{key} という項目はありません", f"使えるもの: {', '.join(sorted(known))}")

    def raise_any(self) -> None:
        """Raises InvalidInput with the first ten faults, if there are any."""
        if not self.found:
            return
        shown = " / ".join(self.found[:10])
        more = f" ほか {len(self.found) - 10} 件。" if len(self.found) > 10 else ""
        raise InvalidInput(
            f"レイアウトを読めません: {shown}{more}", hint="その箇所を直して、もう一度読み込んでください。", code="bad_layout"
        )


def _text(faults: _Faults, place: str, value: Any, *, longest: int = 200) -> str:
    if isinstance(value, str) and len(value) <= longest:
        return value
    faults.add(place, f"{value!r} は使えません", f"{longest} 文字までの文字列を書いてください")
    return ""


def _texts(faults: _Faults, place: str, value: Any) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if isinstance(values, list) and all(isinstance(each, str) and each.strip() for each in values):
        return tuple(values)
    faults.add(place, f"{value!r} は使えません", '見出しの一覧を書いてください(例: ["宛名番号", "宛名コード"])')
    return ()


def _number(faults: _Faults, place: str, value: Any, low: int, high: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    faults.add(place, f"{value!r} は使えません", f"{low} から {high} までの整数を書いてください")
    return low


def _one_of(faults: _Faults, place: str, value: Any, allowed: Iterable[str]) -> str:
    choices = tuple(allowed)
    if value in choices:
        return str(value)
    faults.add(place, f"{value!r} は使えません", f"使えるもの: {', '.join(choices)}")
    return choices[0]


def _join(faults: _Faults, place: str, value: Any) -> tuple[str | int, ...]:
    def fits(entry: object) -> bool:
        return bool(entry.strip()) if isinstance(entry, str) else isinstance(entry, int) and 1 <= entry <= MAX_COLUMN

    if isinstance(value, list) and 2 <= len(value) <= 10 and all(map(fits, value)):
        return tuple(value)
    faults.add(place, f"{value!r} は使えません", 'つなぐ列を 2 つ以上、見出しか列の番号で書いてください(例: ["氏", "名"])')
    return ()


def _part(faults: _Faults, place: str, value: Any) -> tuple[int, int] | None:
    is_pair = isinstance(value, list) and len(value) == 2 and all(isinstance(each, int) for each in value)
    if is_pair and 1 <= value[0] <= value[1] <= 1000:
        return (value[0], value[1])
    faults.add(place, f"{value!r} は使えません", "最初と最後の文字の位置を書いてください(例: [1, 4] は先頭の 4 文字)")
    return None


def _codes(faults: _Faults, place: str, value: Any, meanings: frozenset[str]) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(ours, str) for ours in value.values()):
        faults.add(place, f"{value!r} は使えません", 'ファイルの値 = 意味 の表を書いてください(例: { "01" = "1" })')
        return {}
    for theirs, ours in value.items():
        if meanings and ours not in meanings:
            faults.add(f"{place} の {theirs}", f"{ours!r} という意味はありません", f"使えるもの: {', '.join(sorted(meanings))}")
    return {normal_word(theirs): ours for theirs, ours in value.items()}


def _flag(faults: _Faults, place: str, value: Any) -> bool:
    if not isinstance(value, bool):
        faults.add(place, f"{value!r} は使えません", "true か false を書いてください")
    return value is True


def _scalar(faults: _Faults, place: str, value: Any) -> str | None:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    faults.add(place, f"{value!r} は使えません", "文字列か整数を書いてください")
    return None


def _styles(faults: _Faults, place: str, value: Any, kind: str) -> tuple[str, ...]:
    known = {"date": DATE_STYLES, "year": YEAR_STYLES}.get(kind)
    if known is None:
        faults.add(place, "日付でも年度でもない項目には使えません", "この行を除いてください")
        return ()
    names = _texts(faults, place, value)
    return tuple(_one_of(faults, place, name, known) for name in names)


def _entry(faults: _Faults, name: str, table: Any, base: Field) -> Field:
    """A field as its document's entry says it, on the ground of what the kind defines."""
    place = f"[fields] の {name}"
    if not isinstance(table, dict):
        faults.add(place, f"{table!r} は使えません", '{ headers = ["見出し"] } のように書いてください')
        return base
    faults.unknown_keys(place, table, _ENTRY)
    found = base
    if places := [key for key in ("headers", "column", "join") if key in table]:
        if len(places) > 1:
            faults.add(place, f"{' と '.join(places)} は同時に使えません", "どれか一つにしてください")
        found = replace(
            found,
            headers=_texts(faults, f"{place}.headers", table["headers"]) if "headers" in table else (),
            column=_number(faults, f"{place}.column", table["column"], 1, MAX_COLUMN) if "column" in table else 0,
            join=_join(faults, f"{place}.join", table["join"]) if "join" in table else (),
        )
    if "separator" in table:
        found = replace(found, separator=_text(faults, f"{place}.separator", table["separator"], longest=5))
    if "part" in table:
        found = replace(found, part=_part(faults, f"{place}.part", table["part"]))
    if "value" in table:
        found = replace(found, value=_scalar(faults, f"{place}.value", table["value"]))
    if "default" in table:
        found = replace(found, default=_scalar(faults, f"{place}.default", table["default"]))
    if "codes" in table:
        meanings = frozenset(base.codes.values()) if base.type == "choice" else frozenset()
        found = replace(found, codes=_codes(faults, f"{place}.codes", table["codes"], meanings))
    if "styles" in table:
        found = replace(found, styles=_styles(faults, f"{place}.styles", table["styles"], base.type))
    if "strict" in table:
        found = replace(found, is_strict=_flag(faults, f"{place}.strict", table["strict"]))
    if "required" in table:
        is_required = _flag(faults, f"{place}.required", table["required"])
        if base.is_required and not is_required:
            faults.add(f"{place}.required", "必須の項目を任意にはできません", "この行を除いてください")
        found = replace(found, is_required=is_required)
    return found


def _source(faults: _Faults, table: Any) -> Source:
    if not isinstance(table, dict):
        faults.add("[source]", f"{table!r} は使えません", "表として書いてください")
        return PLAIN
    faults.unknown_keys("[source]", table, _SOURCE)
    skip = table.get("skip", {})
    if not isinstance(skip, dict):
        faults.add("[source].skip", f"{skip!r} は使えません", '見出し = [値] の表を書いてください(例: { "最新フラグ" = ["0"] })')
        skip = {}
    skipped = {}
    for header, values in skip.items():
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            faults.add(f"[source].skip の {header}", f"{values!r} は使えません", '値の一覧を書いてください(例: ["0"])')
            continue
        skipped[normal_word(header)] = frozenset(map(normal_word, values))
    return Source(
        _one_of(faults, "[source].encoding", table.get("encoding", "auto"), ENCODINGS),
        _one_of(faults, "[source].delimiter", table.get("delimiter", "auto"), ("auto", *DELIMITERS)),
        _number(faults, "[source].header_row", table.get("header_row", 1), 0, MAX_HEADER_ROW),
        _text(faults, "[source].sheet", table.get("sheet", "")),
        frozenset(map(normal_word, _texts(faults, "[source].ignore", table.get("ignore", [])))),
        skipped,
    )


def parsed_toml(toml: str) -> dict[str, Any]:
    """The plain data of TOML text. Raises InvalidInput (bad_layout) with the line."""
    try:
        return tomllib.loads(toml)
    except tomllib.TOMLDecodeError as problem:
        raise InvalidInput(
            f"レイアウトを読めません: TOML の書き方が正しくありません({problem})。", hint="その行を直してください。", code="bad_layout"
        ) from problem


def is_name(name: str) -> bool:
    """Whether a layout may be called so; the kinds' names and auto mean something else where a layout is named."""
    return NAME.match(name) is not None and name not in (*KINDS, "auto")


def read_layout(toml: str, *, is_draft: bool = False) -> Layout:
    """A layout out of TOML text.

    Args:
        is_draft: it is still being made, so that required fields may have no column yet and are then not required.

    Raises InvalidInput (code bad_layout) naming each place, what stands there and what was expected.
    """
    table, faults = parsed_toml(toml), _Faults()
    faults.unknown_keys("先頭", table, _TOP)
    name, kind = table.get("name"), table.get("kind")
    if not isinstance(name, str) or not is_name(name):
        faults.add("name", f"{name!r} は使えません", "空白と @ / などの記号のない 30 文字までの名前を書いてください")
    if kind not in KINDS:
        faults.add("kind", f"{kind!r} は使えません", f"使えるもの: {', '.join(KINDS)}")
        faults.raise_any()
    base = definition(str(kind))
    entries = table.get("fields", {})
    if not isinstance(entries, dict):
        faults.add("[fields]", f"{entries!r} は使えません", "項目ごとの表を書いてください")
        entries = {}
    faults.unknown_keys("[fields]", entries, [entry.name for entry in base.fields])
    fields = tuple(_entry(faults, entry.name, entries[entry.name], entry) if entry.name in entries else entry for entry in base.fields)
    source = _source(faults, table.get("source", {}))
    mode = _one_of(faults, "mode", table["mode"], MODES) if table.get("mode") else ""
    title = _text(faults, "title", table.get("title", ""))
    if is_draft:
        fields = tuple(entry if _has_place(entry, source) else replace(entry, is_required=False) for entry in fields)
    _check_whole(faults, source, fields)
    faults.raise_any()
    return Layout(str(name), str(kind), fields, base.key, source, mode, title)


def _has_place(entry: Field, source: Source) -> bool:
    """Whether any file could have a text for this field."""
    return bool(entry.column or entry.join or (entry.headers and source.header_row) or entry.value is not None)


def _check_whole(faults: _Faults, source: Source, fields: tuple[Field, ...]) -> None:
    """What only the whole document shows: required fields that no file of it could ever have."""
    for entry in fields:
        if entry.is_required and not _has_place(entry, source):
            faults.add(
                f"[fields] の {entry.name}", "必須の項目ですが、列がありません", "headers、column、join、value のどれかを書いてください"
            )
        if source.header_row == 0 and any(isinstance(part, str) for part in entry.join):
            faults.add(f"[fields] の {entry.name}.join", "見出しのない様式では見出しを使えません", "列の番号を書いてください")
