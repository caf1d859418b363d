"""One taxpayer over all taxes and terms: what was assessed, paid and is owed, with the late charge as fixed or as of a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.debtors.case import DebtLine, read_debts
from campaigns.debtors.models import Debt

MOST_CLOSED = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One installment; yen. `charge` of an open one is the core system's where it has fixed one, else that of a payment on the day."""

    id: int
    tax_code: str
    tax_name: str
    levy_year: int
    base_year: int
    term: int
    notice_no: str
    due_on: date
    assessed: int
    received: int
    outstanding: int
    fee: int
    charge: int
    is_charge_fixed: bool
    is_carried: bool
    hold: int
    demand_sent_on: date | None
    status: str
    refund: int
    remark: str

    @property
    def total(self) -> int:
        """未納額, 督促手数料 and 延滞金 together."""
        return self.outstanding + self.fee + self.charge


@dataclass(frozen=True, slots=True)
class Sums:
    """Over some lines; yen."""

    count: int
    assessed: int
    received: int
    outstanding: int
    fee: int
    charge: int
    total: int

    @classmethod
    def of(cls, lines: Iterable[Line]) -> Sums:
        """Adds them up."""
        some = list(lines)
        return cls(
            len(some),
            *(sum(getattr(line, name) for line in some) for name in ("assessed", "received", "outstanding", "fee", "charge", "total")),
        )


@dataclass(frozen=True, slots=True)
class Tax:
    """The open terms of one tax, the oldest due first."""

    code: str
    name: str
    lines: Sequence[Line]
    sums: Sums


@dataclass(frozen=True, slots=True)
class Account:
    """Open terms by tax, and the closed ones (paid or no longer listed), the newest first.

    `unknown_charges` of the open ones have no published rate, `unknown_parts` were paid in part on days nobody told.
    """

    as_of: date
    taxes: Sequence[Tax]
    sums: Sums
    closed: Sequence[Line]
    unknown_charges: int
    unknown_parts: int

    @property
    def has_computed_charges(self) -> bool:
        """Whether a charge is not fixed yet."""
        return any(line.charge and not line.is_charge_fixed for tax in self.taxes for line in tax.lines)


def read_account(session: Session, debtor_id: int, as_of: date) -> Account:
    """Everything a debtor owes or owed, with fees and charges as left if paid on `as_of`."""
    charged = read_debts(session, debtor_id, as_of)
    charges = {line.id: line for line in charged.lines}
    rows = session.scalars(select(Debt).where(Debt.debtor_id == debtor_id).order_by(Debt.due_on, Debt.term, Debt.id)).all()
    lines = [_line(row, charges.get(row.id)) for row in rows]
    still_open = sorted((line for line in lines if line.status == "open"), key=lambda line: line.tax_code)
    taxes = []
    for code, group in groupby(still_open, key=lambda line: line.tax_code):
        of_tax = list(group)
        taxes.append(Tax(code, of_tax[0].tax_name, of_tax, Sums.of(of_tax)))
    closed = [line for line in reversed(lines) if line.status != "open"]
    return Account(as_of, taxes, Sums.of(still_open), closed[:MOST_CLOSED], charged.unknown_charges, charged.unknown_parts)


def _line(row: Debt, charged: DebtLine | None) -> Line:
    return Line(
        id=row.id,
        tax_code=row.tax_code,
        tax_name=row.tax_name or row.tax_code,
        levy_year=row.levy_year,
        base_year=row.base_year,
        term=row.term,
        notice_no=row.notice_no,
        due_on=row.due_on,
        assessed=row.assessed,
        received=row.received,
        outstanding=row.outstanding,
        fee=row.demand_fee if charged is None else charged.fee,
        charge=row.late_charge if charged is None else charged.charge,
        is_charge_fixed=charged is None or charged.is_charge_fixed,
        is_carried=row.vintage == "carried_over",
        hold=row.hold,
        demand_sent_on=row.demand_sent_on,
        status=row.status,
        refund=row.refund_candidate,
        remark=row.remark,
    )
