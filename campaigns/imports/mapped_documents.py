"""What was chosen on the screen for the columns of a sample file, as a layout's document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from callcenter.core.errors import InvalidInput
from campaigns.imports.layout_definitions import definition
from campaigns.imports.layout_documents import write_document
from campaigns.imports.layout_reading import read_layout
from campaigns.imports.layouts import Field, column_name, match_headers, normal_word
from campaigns.imports.mapping import Choice, Choices

_PLACES = ("headers", "column", "join")


def document_of_choices(kind: str, choices: Choices, headers: Sequence[str], base: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The layout's document. Columns are named by their headers where those are unique, else by their numbers; columns not chosen are
    ignored. Entries of `base` (another version's document) are kept where they mean the very same columns of this file.
    """
    names = _names(headers, choices.header_row)
    entries = {entry.name: _document_entry(entry, choices.fields.get(entry.name, Choice()), names) for entry in definition(kind).fields}
    if base:
        entries = _kept(base, entries, headers)
    used = {number for choice in choices.fields.values() for number in (choice.column, choice.join)} | {choices.skip_column}
    ignored = [name for number, name in names.items() if number not in used and isinstance(name, str)]
    skip = {}
    if choices.skip_column in names and choices.skip_value:
        skip = {column_name(names[choices.skip_column]): [choices.skip_value]}
    return {
        "name": choices.name,
        "kind": kind,
        "title": choices.title,
        "mode": choices.mode,
        "source": {
            "encoding": choices.encoding,
            "delimiter": choices.delimiter,
            "header_row": choices.header_row,
            "ignore": ignored,
            "skip": skip,
        },
        "fields": entries,
    }


def _names(headers: Sequence[str], header_row: int) -> dict[int, str | int]:
    """Column number → the header that means it and no other column, or the number itself."""
    words = Counter(map(normal_word, headers))
    return {
        number: header if header_row and words[normal_word(header)] == 1 and header.strip() else number
        for number, header in enumerate(headers, start=1)
    }


def _document_entry(entry: Field, choice: Choice, names: Mapping[int, str | int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    columns = [names[number] for number in (choice.column, choice.join) if number in names]
    if len(columns) > 1:
        found |= {"join": columns} | ({"separator": choice.separator} if choice.separator else {})
    elif columns and isinstance(columns[0], int):
        found["column"] = columns[0]
    else:
        found["headers"] = columns
    if columns and choice.first:
        found["part"] = [choice.first, max(choice.first, choice.last)]
    if choice.value:
        found["value"] = choice.value
    if choice.style and entry.type in ("date", "year"):
        found["styles"] = [choice.style]
    codes = {theirs: ours for theirs, ours in choice.codes.items() if ours}
    if columns and (codes or (entry.type == "choice" and choice.codes)):
        found["codes"] = codes
    return found


def _kept(base: Mapping[str, Any], entries: dict[str, dict[str, Any]], headers: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Takes over an earlier entry (several accepted headers, defaults, strictness) where it finds the same columns of this file."""
    try:
        before = match_headers(read_layout(write_document(base)), headers, "")
        now = match_headers(read_layout(write_document({**base, "fields": entries})), headers, "")
    except InvalidInput:
        return entries
    kept = {}
    for name, entry in entries.items():
        old = base.get("fields", {}).get(name, {})
        is_same = name in before and bool(before[name].columns) and before[name] == now.get(name)
        places = {key: old[key] for key in _PLACES if key in old} if is_same else {}
        rest = {key: value for key, value in entry.items() if not places or key not in _PLACES}
        kept[name] = places | rest | {key: old[key] for key in ("default", "strict", "required") if key in old}
    return kept
