"""Everything rules may ask about a debtor, by name, and the FROM part that a choice of it needs."""

from __future__ import annotations

from collections.abc import Iterable

from campaigns.segmentation.conditions import Ref
from campaigns.segmentation.cycle_attributes import CYCLES, EXPERIMENTS
from campaigns.segmentation.debt_attributes import DEBTS, MONEY
from campaigns.segmentation.history_attributes import HISTORY, REACTED
from campaigns.segmentation.kinds import Attribute, Kind
from campaigns.segmentation.person_attributes import HOLDS, PERSON, PHONE_NUMBERS
from campaigns.segmentation.query import Ask, Compiled, Joins
from campaigns.segmentation.sources import OWED

__all__ = ["ATTRIBUTES", "Attribute", "FactsQuery", "Kind", "plain_refs"]

ATTRIBUTES: dict[str, Attribute] = {
    attribute.name: attribute for attribute in (*DEBTS, *PERSON, *HOLDS, *PHONE_NUMBERS, *HISTORY, *REACTED, *MONEY, *CYCLES, *EXPERIMENTS)
}


class FactsQuery:
    """Expressions for attributes, and the joins they need: `FROM debtor d …` for every listed debtor who owes."""

    def __init__(self, into: Compiled) -> None:
        self.joins = Joins(into)
        self.joins.require(OWED)
        self._known: dict[Ref, str] = {}

    def expression(self, ref: Ref) -> str:
        """The value of an attribute as SQL."""
        if ref not in self._known:
            self._known[ref] = ATTRIBUTES[ref.name].sql(Ask(self.joins, dict(ref.params)))
        return self._known[ref]

    def from_sql(self, *, for_one: bool = False, span: tuple[str, str] | None = None, some: str = "", more: str = "") -> str:
        """FROM and WHERE; limited as in `Joins.sql`, with `more` as a further join."""
        joins = self.joins.sql(for_one=for_one, span=span, some=some) + (f"\n{more}" if more else "")
        only = " AND d.id = :debtor" if for_one else f" AND d.id >= {span[0]} AND d.id < {span[1]}" if span else ""
        only = f" AND d.id = ANY({some})" if some else only
        return f"FROM debtor d\n{joins}\nWHERE d.office_id = :office AND d.is_listed{only}"


def plain_refs(names: Iterable[str] = ATTRIBUTES) -> list[Ref]:
    """The attributes of these names that have a value without any parameter."""
    return [Ref(name) for name in names if ATTRIBUTES[name].is_askable]
