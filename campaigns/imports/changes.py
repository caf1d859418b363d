"""The parts of `ImportFile.changes`: examples of rows with what was there before and what is there after."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import RowMapping

EXAMPLES = 20  # of a kind


def was(table: str, columns: Iterable[str]) -> str:
    """Select list of what is there before: each column of `table` as was_column."""
    return ", ".join(f"{table}.{name} AS was_{name}" for name in columns)


def plain(value: Any) -> Any:
    """A value as JSON holds it."""
    return value.isoformat() if isinstance(value, date) else value


def example(row: RowMapping, key: Iterable[str], values: Iterable[str] = ()) -> dict[str, Any]:
    """An example out of a row of a result that has `name`, perhaps `row`, and the columns of `key` and `values`."""
    return {
        "row": row.get("row"),
        "key": {name: plain(row[name]) for name in key},
        "name": row["name"] or "",
        "values": {name: plain(row[name]) for name in values},
        "fields": [],
    }


def changed_fields(row: RowMapping, columns: Iterable[str]) -> list[dict[str, Any]]:
    """Which of the columns differ between was_column and is_column."""
    return [
        {"field": name, "before": plain(row[f"was_{name}"]), "after": plain(row[f"is_{name}"])}
        for name in columns
        if row[f"was_{name}"] != row[f"is_{name}"]
    ]
