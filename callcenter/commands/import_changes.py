"""What a rehearsed import would change, as lines for people: which fields how often, and examples with before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from campaigns.imports.layout_definitions import in_order

EXAMPLES = 5


def lines_of(changes: Mapping[str, Any], closed: int, open_debts: int) -> list[str]:
    """Lines for the terminal out of `ImportFile.changes`.

    Args:
        closed: debts that would be closed.
        open_debts: debts that are open now.
    """
    return [*_closing(closed, open_debts), *_fields(changes), *_examples(changes)]


def _closing(closed: int, open_debts: int) -> Iterator[str]:
    if closed and open_debts:
        yield f"would close {closed:,} of {open_debts:,} open debts ({100 * closed / open_debts:.1f} %)"


def _fields(changes: Mapping[str, Any]) -> Iterator[str]:
    counts = sorted(changes.get("fields", {}).items(), key=lambda pair: -pair[1])
    if counts:
        yield "fields that change: " + ", ".join(f"{name} {count:,}" for name, count in counts)
    if totals := [f"{name.replace('_', ' ')} {count:,}" for name, count in changes.get("totals", {}).items() if count]:
        yield ", ".join(totals)


def _examples(changes: Mapping[str, Any]) -> Iterator[str]:
    for kind in ("updated", "debtors", "closed", "created"):
        found = changes.get(kind, [])
        if found:
            yield f"{kind} (the first {min(EXAMPLES, len(found))}):"
        for each in found[:EXAMPLES]:
            row = f"row {each['row']}: " if each["row"] is not None else ""
            key = " ".join(f"{name}={each['key'][name]}" for name in in_order(each["key"]))
            changed = "; ".join(f"{entry['field']} {_value(entry['before'])} -> {_value(entry['after'])}" for entry in each["fields"])
            values = " ".join(f"{name}={_value(each['values'][name])}" for name in in_order(each["values"]))
            yield f"  {row}{key}" + (f": {changed or values}" if changed or values else "")


def _value(value: Any) -> str:
    if value is None or value == "":
        return "(empty)"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
