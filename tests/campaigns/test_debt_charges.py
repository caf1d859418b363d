"""What a debt bears on a day, over the payments that are known: part payments re-base, what was paid of fee and charge is gone."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from callcenter.auth.models import Office
from callcenter.core.db import transaction
from campaigns.debtors.case import read_debts
from campaigns.debtors.models import Debt
from campaigns.payments.charges import PartPayment, Rounding, late_charge
from campaigns.payments.debt_charges import DebtCharge, charges_of
from tests.campaigns.import_files import DEBT, PAYMENT, load, table

DUE, AS_OF = date(2025, 6, 2), date(2026, 11, 20)
OWED = {"調定額": "200000", "未納額": "200000", "納期限": "2025-06-02", "督促手数料": "100"}


def charge(office_id: int, as_of: date = AS_OF) -> DebtCharge:
    with transaction(office_id) as session:
        debts = session.scalars(select(Debt)).all()
        return charges_of(session, debts, as_of)[debts[0].id]


def test_part_payments_rebase_from_their_day(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, OWED), as_of=date(2026, 11, 1))
    rows = (
        {"収納額": "60500", "納付日": "2025-12-01", "督促手数料収納額": "100"},
        {"収納額": "50000", "納付日": "2026-03-01", "収納履歴番号": "P2", "延滞金収納額": "1500"},
    )
    load(office_id, "payments", table(PAYMENT, *rows))
    found = charge(office_id)
    plain = late_charge(200_000, DUE, AS_OF, part_payments=[PartPayment(date(2025, 12, 1), 60_500), PartPayment(date(2026, 3, 1), 50_000)])
    assert found.working == plain
    assert (found.charge, found.paid_charge, found.fee) == (plain.charge - 1_500, 1_500, 0)
    assert not found.is_fixed
    assert not found.has_unknown_parts
    before = charge(office_id, date(2026, 2, 1)).working  # as of a day before the second payment only the first counts
    assert before == late_charge(200_000, DUE, date(2026, 2, 1), part_payments=[PartPayment(date(2025, 12, 1), 60_500)])
    back = rows[0] | {"取消区分": "1", "収納額": "60500", "反映日": "2026-11-10"}
    load(office_id, "payments", table(PAYMENT, back))
    found = charge(office_id)
    assert found.working == late_charge(200_000, DUE, AS_OF, part_payments=[PartPayment(date(2026, 3, 1), 50_000)])
    assert found.fee == 100


def test_payments_the_list_holds_bear_their_charge_too(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, OWED | {"収入済額": "50000", "未納額": "150000"}), as_of=date(2026, 11, 1))
    assert charge(office_id).has_unknown_parts
    load(office_id, "payments", table(PAYMENT, {"収納額": "50000", "納付日": "2026-03-01", "反映日": "2026-03-10"}))
    found = charge(office_id)
    assert found.working == late_charge(200_000, DUE, AS_OF, part_payments=[PartPayment(date(2026, 3, 1), 50_000)])
    assert not found.has_unknown_parts


def test_a_fixed_charge_goes_before_ours_and_falls_by_what_is_paid(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, OWED | {"延滞金": "9900"}), as_of=date(2026, 11, 1))
    assert (charge(office_id).charge, charge(office_id).is_fixed, charge(office_id).working) == (9_900, True, None)
    load(office_id, "payments", table(PAYMENT, {"収納額": "0", "延滞金収納額": "4000"}))
    assert charge(office_id).charge == 5_900
    load(office_id, "debts", table(DEBT, OWED | {"延滞金": "5900"}), as_of=date(2026, 11, 6))  # the next list has counted it
    assert charge(office_id).charge == 5_900


def test_the_case_rounds_as_the_office_does_and_says_what_it_does_not_know(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, OWED), as_of=date(2026, 11, 1))
    with transaction(office_id) as session:
        session.scalars(select(Office)).one().options = {"rounding": "phase"}
    with transaction(office_id) as session:
        debtor_id = session.scalars(select(Debt.debtor_id)).one()
        told = read_debts(session, debtor_id, AS_OF)
        assert told.charge == late_charge(200_000, DUE, AS_OF, Rounding.PHASE).charge
        assert (told.unknown_charges, told.unknown_parts, told.fee) == (0, 0, 100)
        assert read_debts(session, debtor_id, date(2027, 1, 5)).unknown_charges == 1
