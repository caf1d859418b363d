"""The standard layout of each kind of file: the contract's headers, and with them what fields a kind has and how each is read."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from campaigns.attempts.codes import CHANNEL_JA, LINE_RESULT_JA, OUTCOME_JA, PARTY_JA
from campaigns.imports.layouts import KINDS, TYPES, Field, Layout, normal_word

FOLDER = Path(__file__).with_name("layouts")
_KEYS = frozenset({"headers", "type", "required", "max", "range", "labels", "codes", "default"})
_LABELS: dict[str, Mapping[Any, str]] = {
    "channel": CHANNEL_JA,
    "line_result": LINE_RESULT_JA,
    "party": PARTY_JA,
    "outcome": OUTCOME_JA,
}


def _label_codes(labels: Mapping[Any, str]) -> dict[str, str]:
    """Labels, and labels without their bracketed part where that is still unique."""
    codes = {normal_word(label): str(key) for key, label in labels.items()}
    short: dict[str, list[str]] = {}
    for label, key in codes.items():
        short.setdefault(label.split("(")[0], []).append(key)
    return {label: keys[0] for label, keys in short.items() if len(keys) == 1} | codes


def _definition_field(name: str, table: Mapping[str, Any]) -> Field:
    if table["type"] not in TYPES or not table.keys() <= _KEYS:
        raise ValueError(f"{name} is not defined well")
    codes = _label_codes(_LABELS[table["labels"]]) if "labels" in table else {}
    codes |= {normal_word(value): ours for value, ours in table.get("codes", {}).items()}
    low, high = table.get("range", (0, 2**31 - 1))
    required, longest = bool(table.get("required")), int(table.get("max", 0))
    return Field(name, tuple(table["headers"]), table["type"], required, longest, codes, (low, high), table.get("default"))


@lru_cache
def definition(kind: str) -> Layout:
    """The standard layout of a kind, which defines its fields."""
    table = tomllib.loads((FOLDER / f"{kind}.toml").read_text(encoding="utf-8"))
    fields = tuple(_definition_field(name, entry) for name, entry in table["fields"].items())
    return Layout(table["name"], table["kind"], fields, tuple(table["key"]))


@lru_cache
def _field_order() -> Mapping[str, int]:
    names = dict.fromkeys(field.name for kind in KINDS for field in definition(kind).fields)
    return {name: index for index, name in enumerate(names)}


def in_order(names: Iterable[str]) -> list[str]:
    """Names of fields in the order of a row; unknown ones last."""
    order = _field_order()
    return sorted(names, key=lambda name: order.get(name, len(order)))
