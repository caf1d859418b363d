"""What a rehearsed import would change, as lines for people: which fields how often, and examples with before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from callcenter.commands.language import chosen_language, pick, words
from campaigns.imports.layout_definitions import definition, in_order
from campaigns.imports.layouts import KINDS

EXAMPLES = 5
_HEADS: Mapping[str, tuple[str, str]] = {
    "updated": ("変わる案件", "updated"),
    "debtors": ("変わる対象者", "debtors"),
    "closed": ("完了にする案件", "closed"),
    "created": ("新しい案件", "created"),
}
_TOTALS: Mapping[str, tuple[str, str]] = {
    "debtors_created": ("新しい対象者", "debtors created"),
    "debtors_updated": ("変わる対象者", "debtors updated"),
    "phones_added": ("増える電話番号", "phones added"),
    "phones_dropped": ("なくなる電話番号", "phones dropped"),
}
_FIELDS: Mapping[str, str] = {"phones": "電話番号", "status": "状態", "is_deleted": "削除", "kind": "個人法人区分"} | {
    field.name: field.headers[0] for kind in KINDS for field in definition(kind).fields
}
_STATUSES: Mapping[str, str] = {"open": "未納", "settled": "完納", "not_listed": "名簿にない"}


def lines_of(changes: Mapping[str, Any], closed: int, open_debts: int) -> list[str]:
    """Lines for the terminal out of `ImportFile.changes`.

    Args:
        closed: debts that would be closed.
        open_debts: debts that are open now.
    """
    return [*_closing(closed, open_debts), *_fields(changes), *_examples(changes)]


def unreadable_lines(notes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which characters of a file could not be read: how many in each column, and the first of them with their bytes.

    Args:
        notes: `ImportFile.notes`.
    """
    if not notes:
        return []
    columns = ", ".join(f"{column} {count:,}" for column, count in Counter(note["column"] for note in notes).items())
    first = [words(f"  row {note['row']}: {note['column']}: bytes {note['bytes']}") for note in notes[:EXAMPLES]]
    return [words(f"characters that could not be read, kept as 〓: {columns}"), *first]


def _closing(closed: int, open_debts: int) -> Iterator[str]:
    if closed and open_debts:
        yield words(f"would close {closed:,} of {open_debts:,} open debts ({100 * closed / open_debts:.1f} %)")


def _fields(changes: Mapping[str, Any]) -> Iterator[str]:
    counts = sorted(changes.get("fields", {}).items(), key=lambda pair: -pair[1])
    if counts:
        yield words("fields that change: ") + ", ".join(f"{_field(name)} {count:,}" for name, count in counts)
    if totals := [f"{pick(chosen_language(), *_TOTALS[name])} {count:,}" for name, count in changes.get("totals", {}).items() if count]:
        yield ", ".join(totals)


def _examples(changes: Mapping[str, Any]) -> Iterator[str]:
    for kind in ("updated", "debtors", "closed", "created"):
        found = changes.get(kind, [])
        if found:
            head, shown = pick(chosen_language(), *_HEADS[kind]), min(EXAMPLES, len(found))
            yield head + pick(chosen_language(), f"(はじめの {shown} 件):", f" (the first {shown}):")
        for each in found[:EXAMPLES]:
            row = words(f"row {each['row']}: ") if each["row"] is not None else ""
            key = " ".join(f"{_field(name)}={each['key'][name]}" for name in in_order(each["key"]))
            changed = "; ".join(
                f"{_field(entry['field'])} {_value(entry['before'])} -> {_value(entry['after'])}" for entry in each["fields"]
            )
            values = " ".join(f"{_field(name)}={_value(each['values'][name])}" for name in in_order(each["values"]))
            yield f"  {row}{key}" + (f": {changed or values}" if changed or values else "")


def _field(name: str) -> str:
    """A field as its column is called in the standard layout, or in English by our own name."""
    return pick(chosen_language(), _FIELDS.get(name, name), name)


def _value(value: Any) -> str:
    if value is None or value == "":
        return words("(empty)")
    if isinstance(value, list):
        return ",".join(map(str, value))
    return pick(chosen_language(), _STATUSES.get(str(value), str(value)), str(value))
