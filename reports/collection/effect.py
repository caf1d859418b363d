"""Cost and effect as the founding office reckoned them: contract less administration saved, against the revenue of a better rate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.errors import InvalidInput
from callcenter.core.money import parse_yen
from reports.collection.models import CollectionEffect
from reports.words import Words

FIELDS: dict[str, Words] = {
    "contract_yen": Words("委託料(円)", "Contract (yen)"),
    "saved_yen": Words("減った事務費(円)", "Administration saved (yen)"),
    "assessed_yen": Words("調定額(円)", "Assessed (yen)"),
    "rate_before": Words("委託しない場合の収納率(%)", "Rate without (%)"),
    "rate_after": Words("委託した場合の収納率(%)", "Rate with (%)"),
}


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is compared; rates in per cent."""

    contract_yen: int
    saved_yen: int
    assessed_yen: int
    rate_before: Decimal
    rate_after: Decimal

    @property
    def cost(self) -> int:
        """Contract − administration saved."""
        return self.contract_yen - self.saved_yen

    @property
    def gain(self) -> int:
        """Assessed × (rate with − rate without), whole yen, rounded towards nought."""
        return int(self.assessed_yen * (self.rate_after - self.rate_before) / 100)

    @property
    def effect(self) -> int:
        """Gain − cost."""
        return self.gain - self.cost

    @property
    def break_even(self) -> Decimal | None:
        """By how many points the rate must rise to pay the cost; None without an assessment."""
        return Decimal(self.cost) * 100 / self.assessed_yen if self.assessed_yen else None

    @property
    def yen_per_yen(self) -> Decimal | None:
        """Revenue gained per yen of cost; None when there is no cost."""
        return Decimal(self.gain) / self.cost if self.cost > 0 else None


def read_inputs(given: dict[str, str]) -> tuple[Inputs | None, list[tuple[str, str]]]:
    """The inputs of a form, and what is wrong with them (field, message)."""
    errors: list[tuple[str, str]] = []
    yen = {name: _yen(name, given.get(name, ""), errors) for name in ("contract_yen", "saved_yen", "assessed_yen")}
    rates = {name: _rate(name, given.get(name, ""), errors) for name in ("rate_before", "rate_after")}
    if errors:
        return None, errors
    inputs = Inputs(yen["contract_yen"], yen["saved_yen"], yen["assessed_yen"], rates["rate_before"], rates["rate_after"])
    return inputs, []


def _yen(name: str, text: str, errors: list[tuple[str, str]]) -> int:
    try:
        value = parse_yen(text)
    except InvalidInput:
        value = None
    if value is None or not 0 <= value < 10**15:
        errors.append((name, f"{FIELDS[name].ja}: 0以上の円の額を入れてください。"))
        return 0
    return value


def _rate(name: str, text: str, errors: list[tuple[str, str]]) -> Decimal:
    try:
        value = Decimal(text.strip().removesuffix("%"))
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or not 0 <= value <= 100 or round(value, 2) != value:
        errors.append((name, f"{FIELDS[name].ja}: 0〜100の数を小数2桁までで入れてください。"))
        return Decimal(0)
    return value


def effect_of(session: Session, fiscal_year: int) -> CollectionEffect | None:
    """What was entered for a year."""
    return session.scalar(select(CollectionEffect).where(CollectionEffect.fiscal_year == fiscal_year))


def keep_effect(session: Session, fiscal_year: int, inputs: Inputs, note: str, user_id: int, now: datetime) -> CollectionEffect:
    """Keeps the inputs of a year, replacing those before."""
    row = effect_of(session, fiscal_year) or CollectionEffect(fiscal_year=fiscal_year)
    for name in FIELDS:
        setattr(row, name, getattr(inputs, name))
    row.note, row.updated_by, row.updated_at = note[:1000], user_id, now
    session.add(row)
    session.flush()
    return row
