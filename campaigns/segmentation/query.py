"""Putting together one SELECT over everything that rules ask about: each table is read once, with just the columns that are asked for.

A source is a sub-select with a row per debtor; its text holds `{columns}` for what is asked for and `{one}` for the limit to one debtor.
Sources that differ in any value are different ones. Every value is a bound parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any as Json

AS_OF_DAY = "CAST(:as_of_day AS date)"
ZONE = "'Asia/Tokyo'"


@dataclass
class Compiled:
    """SQL text with its bound values."""

    sql: str = ""
    values: dict[str, Json] = field(default_factory=dict)

    def bind(self, value: Json) -> str:
        """Notes a value and returns its placeholder, the same one for the same value."""
        for name, known in self.values.items():
            if type(known) is type(value) and known == value:
                return f":{name}"
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f":{name}"


class Joins:
    """The sources asked for so far."""

    def __init__(self, into: Compiled) -> None:
        self.into = into
        self._columns: dict[str, dict[str, str]] = {}
        self._raw: dict[str, str] = {}

    def column(self, source: str, aggregate: str) -> str:
        """A column of a source, as an expression of the outer query."""
        columns = self._columns.setdefault(source, {})
        name = columns.setdefault(aggregate, f"c{len(columns)}")
        return f"j{list(self._columns).index(source)}.{name}"

    def require(self, source: str) -> None:
        """Joins a source though nothing of it is asked for; the first one must have a row for the debtor."""
        self._columns.setdefault(source, {})

    def add_raw(self, name: str, join: str) -> None:
        """A join as it stands."""
        self._raw[name] = join

    def asked(self) -> dict[str, list[str]]:
        """The texts of all sources, with what is asked of each; joins as they stand are asked nothing."""
        return {source: list(columns) for source, columns in self._columns.items()} | {join: [] for join in self._raw.values()}

    def sql(self, *, for_one: bool = False, span: tuple[str, str] | None = None, some: str = "") -> str:
        """The joins; the first source is one that a debtor must be in.

        Args:
            for_one: limits them to the debtor `:debtor`.
            span: limits them to debtors from one id (an expression) up to, but not including, another.
            some: limits them to debtors in this array (an expression).
        """
        joins = []
        for number, (source, columns) in enumerate(self._columns.items()):
            listed = ", ".join(f"{aggregate} AS {name}" for aggregate, name in columns.items())
            inner = source.replace("{columns}", f"debtor_id, {listed}" if listed else "debtor_id")
            joins.append(f"{'' if number == 0 else 'LEFT '}JOIN ({inner}) j{number} ON j{number}.debtor_id = d.id")
        one = " AND debtor_id = :debtor" if for_one else ""
        if span is not None:
            one = f" AND debtor_id >= {span[0]} AND debtor_id < {span[1]}"
        if some:
            one = f" AND debtor_id = ANY({some})"
        household = "household_no = (SELECT household_no FROM debtor WHERE office_id = :office AND id = :debtor)" if for_one else "true"
        if some:
            # an array, not IN: whoever looks up some of a million does not read the million's numbers to join them
            theirs = f"SELECT household_no FROM debtor WHERE office_id = :office AND id = ANY({some}) AND household_no <> ''"  # noqa: S608
            household = f"household_no = ANY(ARRAY({theirs}))"
        return "\n".join((*joins, *self._raw.values())).replace("{one}", one).replace("{household}", household)


class Ask:
    """What an attribute's SQL is made with: the joins, and the parameters a rule gave."""

    def __init__(self, joins: Joins, params: Mapping[str, int | str]) -> None:
        self.joins, self.params = joins, params

    def bind(self, value: Json, kind: str) -> str:
        """A value as an expression."""
        return f"CAST({self.joins.into.bind(value)} AS {kind})"

    def word(self, name: str) -> str:
        """A parameter that must be there, as text."""
        return self.bind(self.params[name], "text")

    def number(self, name: str) -> str:
        """A parameter that must be there, as a number."""
        return self.bind(self.params[name], "integer")

    def day_before(self, name: str) -> str:
        """The day that lies the parameter's number of days before the plan's."""
        return f"{AS_OF_DAY} - {self.number(name)}"

    def moment_before(self, name: str) -> str:
        """The begin of that day."""
        return f"CAST({self.day_before(name)} AS timestamp) AT TIME ZONE {ZONE}"

    def given(self, **columns: str) -> list[str]:
        """A condition for each of the named parameters that was given: the column has that word."""
        return [f"{column} = {self.word(name)}" for name, column in columns.items() if name in self.params]

    def column(self, source: str, aggregate: str, *conditions: str) -> str:
        """A column of a source, over the rows for which the conditions hold."""
        return self.joins.column(source, aggregate + (f" FILTER (WHERE {' AND '.join(conditions)})" if conditions else ""))

    def count(self, source: str, *conditions: str) -> str:
        """The number of rows of a source for which the conditions hold."""
        return f"coalesce({self.column(source, 'count(*)', *conditions)}, 0)"
