"""Which column of an unknown file probably means which field: by its header, by names other systems use, and by what stands in it."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from callcenter.core.eras import parse_date
from callcenter.core.errors import InvalidInput
from campaigns.imports.layout_definitions import definition
from campaigns.imports.layouts import KINDS, Field, normal_word
from campaigns.imports.samples import Column

SURE = 40  # a suggestion below this is none
_EXACT, _SYNONYM, _PART, _SIMILAR = 100, 92, 62, 60
# What the values of a type of field usually look like; another shape speaks against it.
_SHAPES: Mapping[str, frozenset[str]] = {
    "date": frozenset({"date", "number", "postal", "empty", "flag", "yen"}),
    "year": frozenset({"year", "empty", "number", "yen", "flag"}),
    "yen": frozenset({"yen", "empty", "flag", "number", "year"}),
    "phone": frozenset({"phone", "empty", "text"}),
    "integer": frozenset({"yen", "flag", "number", "empty", "year"}),
    "moment": frozenset({"date", "text", "empty", "number"}),
    "choice": frozenset({"flag", "text", "yen", "number", "empty", "kana", "year"}),
    "code": frozenset({"number", "text", "yen", "flag", "year", "date", "postal", "empty", "phone", "kana"}),
    "text": frozenset({"text", "kana", "address", "number", "yen", "flag", "empty", "phone", "postal", "year", "date"}),
}
# Levy year, base year, tax code and term in one: 2026 2026 010 01, as core systems put their keys together.
_KEY = re.compile(r"^(?:19|20)\d\d(?:19|20)\d{2}\d{3}\d{2,}$")
# A shape that says by itself what a column is, where no header does; in the order of the columns.
_TELLING: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "debts": {"kana": ("name_kana",), "phone": ("phone1", "phone2", "phone3"), "postal": ("postal_code",), "address": ("address",)},
    "payments": {},
    "attempts": {"phone": ("phone_text",)},
}


@lru_cache
def synonyms(kind: str) -> Mapping[str, frozenset[str]]:
    """Normalised other names of each field of a kind."""
    table = tomllib.loads(Path(__file__).with_name("synonyms.toml").read_text(encoding="utf-8"))[kind]
    return {name: frozenset(map(normal_word, words)) for name, words in table.items()}


@lru_cache
def joined(kind: str) -> Mapping[str, tuple[tuple[str, str], ...]]:
    """Pairs of normalised headers that together are one field of a kind."""
    table = tomllib.loads(Path(__file__).with_name("synonyms.toml").read_text(encoding="utf-8"))["joined"][kind]
    return {name: tuple((normal_word(first), normal_word(second)) for first, second in pairs) for name, pairs in table.items()}


def suggest_joins(kind: str, columns: Sequence[Column]) -> dict[str, tuple[int, int]]:
    """Field name → the two columns that make it up."""
    at = {normal_word(column.header): column.number for column in columns}
    found: dict[str, tuple[int, int]] = {}
    for name, pairs in joined(kind).items():
        for first, second in pairs:
            if first in at and second in at:
                found.setdefault(name, (at[first], at[second]))
    return found


def suggest_parts(kind: str, columns: Sequence[Column]) -> dict[str, tuple[int, int, int]]:
    """Field name → column and the characters in it that say the field, where a column is a key put together of several fields."""
    if kind == "attempts":
        return {}
    for column in columns:
        if column.samples and all(map(_KEY.match, column.samples)):
            width = min(map(len, column.samples))
            places = {"levy_year": (1, 4), "base_year": (5, 8), "tax_code": (9, 11), "term": (12, 15 if width >= 15 else width)}
            if width >= 50:  # the whole key of the standard interface: then the debtor's and the notice's number
                places |= {"debtor_no": (16, 30), "notice_no": (31, 50)}
            return {name: (column.number, *place) for name, place in places.items()}
    return {}


def header_score(field: Field, header: str, kind: str) -> float:
    """0 to 100: how well a header names a field."""
    word = normal_word(header)
    own = [normal_word(name) for name in field.headers]
    if word in own:
        return _EXACT
    others = synonyms(kind).get(field.name, frozenset())
    if word in others or word == field.name:
        return _SYNONYM
    if len(word) >= 3 and any(len(name) >= 3 and (name in word or word in name) for name in (*own, *others)):
        return _PART
    best = max((difflib.SequenceMatcher(None, word, name).ratio() for name in (*own, *others)), default=0.0)
    return _SIMILAR * best if best >= 0.8 else 0.0


def score(field: Field, column: Column, kind: str) -> float:
    """0 to 115: how probably a column is a field; its values decide where headers are alike, and rule out what they can't be."""
    named = header_score(field, column.header, kind)
    if not named:
        return 0.0
    if column.shape not in _SHAPES[field.type]:
        return named - 50
    return named + (15 if column.shape == field.type else 0) - (1 if column.shape == "empty" else 0)


def suggest(kind: str, columns: Sequence[Column]) -> dict[str, int]:
    """Field name → number of the column (from 1) that probably is it; each column at most once, the surest pairs first."""
    fields = definition(kind).fields
    pairs = [(score(field, column, kind), -order, -column.number, field.name) for order, field in enumerate(fields) for column in columns]
    found: dict[str, int] = {}
    for points, _, number, name in sorted(pairs, reverse=True):
        if points >= SURE and name not in found and -number not in found.values():
            found[name] = -number
    return found | _by_shape(kind, columns, found)


def _by_shape(kind: str, columns: Sequence[Column], found: Mapping[str, int]) -> dict[str, int]:
    """Columns nobody named but whose values speak for themselves."""
    more: dict[str, int] = {}
    for column in columns:
        if column.number in found.values() or not _is_unnamed(kind, column):
            continue
        names = _TELLING[kind].get(column.shape, ())
        name = next((name for name in names if name not in found and name not in more), None)
        if name is None and kind == "debts" and column.shape == "date":
            name = _day_field(column, {*found, *more})
        if name is not None:
            more[name] = column.number
    return more


def _is_unnamed(kind: str, column: Column) -> bool:
    """Whether the header is a mere position or empty, so that only the values can tell."""
    return not column.header or column.header == f"列{column.number}"


def _day_field(column: Column, taken: set[str]) -> str | None:
    """Days long past are births, the others ends of terms."""
    try:
        years = [day.year for day in map(parse_date, column.samples) if day is not None]
    except InvalidInput:
        return None
    name = "birth_date" if years and max(years) < 2010 else "due_on"
    return None if name in taken else name


def suggest_kind(columns: Sequence[Column]) -> str:
    """The kind of file whose fields these columns fit best; lists where nothing tells."""
    sums = {kind: _fit(kind, columns) for kind in KINDS}
    return max(sums, key=lambda kind: sums[kind])


def _fit(kind: str, columns: Sequence[Column]) -> float:
    fields = definition(kind).fields
    found = suggest(kind, columns)
    required = [field.name for field in fields if field.is_required]
    return sum(name in found for name in required) / len(required) + len(found) / 100


def suggest_codes(field: Field, values: Sequence[str]) -> dict[str, str]:
    """What the values found in a coded column probably mean: as the contract says, leading zeros aside; others stay open."""
    found: dict[str, str] = {}
    for value in values:
        word = normal_word(value)
        plain = word.lstrip("0") or "0"
        for candidate in (word, plain if word.isdigit() else word):
            if candidate in field.codes:
                found[value] = field.codes[candidate]
                break
    return found
