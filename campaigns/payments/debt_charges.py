"""What a debt bears besides its principal on a day: late charge (延滞金) and demand fee (督促手数料), after what was paid of them.

The charge the core system fixed goes before ours. Where it fixed none, it is worked out from the due date over every part payment that is
known with its day; part payments that only the list's 収入済額 tells of have no day and bear no charge here (`has_unknown_parts`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.db import office_of
from callcenter.core.errors import InvalidInput
from campaigns.debtors.models import Debt
from campaigns.payments.charges import LateCharge, PartPayment, Rounding, late_charge

_PAID = text("""
SELECT p.debt_id, p.paid_on, p.is_listed,
       CASE WHEN p.is_listed THEN p.principal - x.back ELSE coalesce(a.principal, 0) END AS principal,
       p.late_charge - x.back_charge AS late_charge, p.demand_fee - x.back_fee AS demand_fee
FROM payment p
LEFT JOIN allocation a ON a.office_id = :office AND a.payment_id = p.id AND a.debt_id = p.debt_id
LEFT JOIN payment r ON r.office_id = :office AND r.source_ref = p.source_ref AND r.is_reversal
CROSS JOIN LATERAL (SELECT CASE WHEN r.id IS NULL THEN 0 ELSE least(r.principal, p.principal) END AS back,
                           CASE WHEN r.id IS NULL THEN 0 ELSE least(r.late_charge, p.late_charge) END AS back_charge,
                           CASE WHEN r.id IS NULL THEN 0 ELSE least(r.demand_fee, p.demand_fee) END AS back_fee) x
WHERE p.office_id = :office AND p.debt_id = ANY(CAST(:debts AS bigint[])) AND NOT p.is_reversal AND p.status = 'matched'
ORDER BY p.paid_on, p.id
""")


@dataclass(frozen=True, slots=True)
class DebtCharge:
    """Yen still to be paid of charge and fee if the rest is paid on `as_of`.

    `is_fixed`: the core system fixed the charge. `working` is ours, None where it is fixed or a year's rate is unknown (`is_unknown`).
    `paid_charge` has been paid of it already.
    """

    charge: int
    fee: int
    as_of: date
    is_fixed: bool
    is_unknown: bool
    has_unknown_parts: bool
    paid_charge: int
    working: LateCharge | None


@dataclass(frozen=True, slots=True)
class _Paid:
    """A payment of one debt net of what was taken back; `is_listed`: the list's amounts hold it."""

    paid_on: date
    is_listed: bool
    principal: int
    late_charge: int
    demand_fee: int


def rounding_of(session: Session) -> Rounding:
    """How the office drops fractions of a yen: `rounding` in its options."""
    return rounding_in(session.scalars(select(Office.options).where(Office.id == office_of(session))).one())


def rounding_in(options: Mapping[str, Any]) -> Rounding:
    """The same from options read already."""
    return Rounding(options.get("rounding", Rounding.SEGMENT))


def change_rounding(session: Session, rounding: str) -> None:
    """Changes how the office drops fractions of a yen. Raises InvalidInput for an unknown way."""
    if rounding not in list(Rounding):
        raise InvalidInput(f"rounding can't be '{rounding[:20]}'.", hint="Expected segment or phase.", code="bad_rounding")
    office = session.scalars(select(Office).where(Office.id == office_of(session)).with_for_update()).one()
    office.options = {**office.options, "rounding": rounding}
    session.flush()


def charges_of(session: Session, debts: Sequence[Debt], as_of: date, rounding: Rounding | None = None) -> dict[int, DebtCharge]:
    """Charge and fee of each debt, by its id; `rounding` is the office's own unless given."""
    if not debts:
        return {}
    rounding = rounding or rounding_of(session)
    paid: dict[int, list[_Paid]] = defaultdict(list)
    for debt_id, *fields in session.execute(_PAID, {"office": office_of(session), "debts": [debt.id for debt in debts]}):
        paid[debt_id].append(_Paid(*fields))
    return {debt.id: _charge(debt, paid[debt.id], as_of, rounding) for debt in debts}


def _charge(debt: Debt, paid: Sequence[_Paid], as_of: date, rounding: Rounding) -> DebtCharge:
    since_list = [part for part in paid if not part.is_listed]
    fee = max(debt.demand_fee - sum(part.demand_fee for part in since_list), 0)
    if debt.late_charge:
        paid_charge = sum(part.late_charge for part in since_list)
        rest = max(debt.late_charge - paid_charge, 0)
        return DebtCharge(rest, fee, as_of, True, False, False, paid_charge, None)
    has_unknown_parts = debt.received > sum(part.principal for part in paid)
    paid_charge = sum(part.late_charge for part in paid)
    owed_then = debt.outstanding + sum(part.principal for part in paid if part.paid_on > debt.due_on)
    parts = [PartPayment(part.paid_on, part.principal) for part in paid if debt.due_on < part.paid_on <= as_of]
    try:
        working = late_charge(owed_then, debt.due_on, as_of, rounding, parts)
    except InvalidInput:
        return DebtCharge(0, fee, as_of, False, True, has_unknown_parts, paid_charge, None)
    rest = max(working.charge - paid_charge, 0)
    return DebtCharge(rest, fee, as_of, False, False, has_unknown_parts, paid_charge, working)
