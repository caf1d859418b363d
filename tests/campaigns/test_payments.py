"""Payments: each reference once, set against its debt, reversed, kept when unmatched; and contact history beside them."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import func, select

from callcenter.auth.models import User
from callcenter.core.db import transaction
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import Debt, Debtor, PhoneNumber
from campaigns.payments.models import Allocation, Payment
from campaigns.promises.models import Promise
from campaigns.promises.settle import judge, settle
from tests.campaigns.import_files import ATTEMPT, DEBT, NOW, PAYMENT, counts, load, table

LATER = NOW + timedelta(days=5)


def debt_of(office_id: int) -> tuple[int, int, str, int]:
    with transaction(office_id) as session:
        debt = session.scalars(select(Debt)).one()
        return debt.outstanding, debt.received, debt.status, debt.refund_candidate


def payment_states(office_id: int) -> list[tuple[str, bool, str, int]]:
    with transaction(office_id) as session:
        rows = session.scalars(select(Payment).order_by(Payment.id))
        return [(row.source_ref, row.is_reversal, row.status, row.refund) for row in rows]


def test_a_payment_counts_once(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}))
    data = table(PAYMENT, {"収納額": "5000"})
    assert counts(load(office_id, "payments", data, LATER)) == (1, 0, 0, 0, 0)
    assert debt_of(office_id) == (15000, 5000, "open", 0)
    assert counts(load(office_id, "payments", data, LATER)) == (0, 0, 1, 0, 0)
    assert debt_of(office_id) == (15000, 5000, "open", 0)


def test_a_settled_debtor_leaves_the_list_and_overpayment_is_flagged(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}))
    assert counts(load(office_id, "payments", table(PAYMENT, {}, {"収納履歴番号": "P2", "収納額": "3000"}), LATER)) == (2, 0, 0, 0, 0)
    assert debt_of(office_id) == (0, 20000, "settled", 3000)
    assert payment_states(office_id) == [("P1", False, "matched", 0), ("P2", False, "matched", 3000)]
    with transaction(office_id) as session:
        assert not session.scalars(select(Debtor.is_listed)).one()


def test_a_reversal_undoes_its_payment(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}))
    load(office_id, "payments", table(PAYMENT, {}), LATER)
    reversal = table(PAYMENT, {"取消区分": "1", "反映日": "2026-11-05"})
    assert counts(load(office_id, "payments", reversal, LATER)) == (1, 0, 0, 0, 0)
    assert debt_of(office_id) == (20000, 0, "open", 0)
    assert counts(load(office_id, "payments", reversal, LATER)) == (0, 0, 1, 0, 0)
    assert [state[2] for state in payment_states(office_id)] == ["reversed", "reversal"]
    with transaction(office_id) as session:
        assert session.scalar(select(func.sum(Allocation.principal))) == 0
        assert session.scalars(select(Debtor.is_listed)).one()


def test_payment_and_reversal_in_one_file_and_in_the_wrong_order(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}))
    load(office_id, "payments", table(PAYMENT, {"取消区分": "1"}, {}), LATER)
    assert debt_of(office_id) == (20000, 0, "open", 0)
    load(office_id, "payments", table(PAYMENT, {"収納履歴番号": "P7", "取消区分": "1"}), LATER)
    load(office_id, "payments", table(PAYMENT, {"収納履歴番号": "P7"}), LATER)
    assert debt_of(office_id) == (20000, 0, "open", 0)


def test_an_unknown_debt_is_kept_as_unmatched(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}))
    rows = ({"収納履歴番号": "A", "宛名番号": "0000000099"}, {"収納履歴番号": "B", "期別": "4"})
    assert counts(load(office_id, "payments", table(PAYMENT, *rows), LATER)) == (2, 0, 0, 0, 0)
    assert [state[2] for state in payment_states(office_id)] == ["unmatched", "unmatched"]


def test_a_known_reference_with_other_contents_is_refused(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}))
    load(office_id, "payments", table(PAYMENT, {"反映日": ""}), LATER)
    assert counts(load(office_id, "payments", table(PAYMENT, {"収納額": "1"}), LATER)) == (0, 0, 0, 1, 0)
    assert counts(load(office_id, "payments", table(PAYMENT, {}), LATER)) == (0, 1, 0, 0, 0)


def test_what_a_dated_list_already_holds_is_not_set_against_it_again(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {"調定額": "30000", "収入済額": "10000"}), as_of=date(2026, 11, 1))
    past = {"収納額": "10000", "納付日": "2026-09-20", "反映日": "2026-10-01"}
    load(office_id, "payments", table(PAYMENT, past), LATER)
    assert debt_of(office_id) == (20000, 10000, "open", 0)


def test_history_becomes_attempts_promises_and_operators_once(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}))
    rows = (
        {},
        {"実施日時": "R8.10.2 9:05", "手段": "自動電話", "担当者": "", "回線結果": "発信失敗(設備)", "応対者": "", "交渉結果": ""},
        {"実施日時": "2026/10/3 13:00", "宛名番号": "0000000099"},
        {"実施日時": "2026-10-04 13:00", "回線結果": "なんだか"},
    )
    data = table(ATTEMPT, *rows)
    assert counts(load(office_id, "attempts", data)) == (2, 0, 0, 2, 0)
    assert counts(load(office_id, "attempts", data)) == (0, 0, 2, 2, 0)
    changed = table(ATTEMPT, {"交渉結果": "納付約束(一部)", "約束額": "5000"}, rows[1])
    assert counts(load(office_id, "attempts", changed)) == (0, 1, 1, 0, 0)
    with transaction(office_id) as session:
        attempts = session.scalars(select(Attempt).order_by(Attempt.began_at)).all()
        assert [(a.channel, a.line_result, a.party, a.source, a.talk_seconds) for a in attempts] == [
            ("operator_call", "answered", "debtor", "imported", 90),
            ("auto_call", "failed", None, "imported", 90),
        ]
        assert attempts[0].began_at.isoformat() == "2026-10-01T01:00:00+00:00"
        assert [a.handed_over_at is None for a in attempts] == [False, True]
        promise = session.scalars(select(Promise)).one()
        assert (promise.amount, promise.kind, promise.made_on, promise.due_on, promise.state) == (
            5000,
            "part",
            date(2026, 10, 1),
            date(2026, 10, 10),
            "broken",
        )
        assert session.scalars(select(User.sign_in_name)).all() == ["op1"]
        assert session.scalars(select(PhoneNumber.status)).one() == "works"


def test_a_late_posting_turns_a_broken_promise_into_a_kept_one(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}))
    load(office_id, "attempts", table(ATTEMPT, {}))
    with transaction(office_id) as session:
        assert session.scalars(select(Promise.state)).one() == "broken"
    load(office_id, "payments", table(PAYMENT, {"納付日": "2026-10-17"}), LATER)
    with transaction(office_id) as session:
        promise = session.scalars(select(Promise)).one()
        assert (promise.state, promise.paid) == ("kept", 20000)
        assert settle(session, today=date(2026, 12, 1), now=LATER) == 0


def test_the_rule_of_promises() -> None:
    facts = {"amount": 10000, "due_on": date(2026, 10, 10), "grace_days": 7, "threshold_percent": 100}
    assert judge(paid=10000, today=date(2026, 10, 1), **facts) == "kept"  # type: ignore[arg-type]
    assert judge(paid=9999, today=date(2026, 10, 17), **facts) == "open"  # type: ignore[arg-type]
    assert judge(paid=9999, today=date(2026, 10, 18), **facts) == "part_kept"  # type: ignore[arg-type]
    assert judge(paid=0, today=date(2026, 10, 18), **facts) == "broken"  # type: ignore[arg-type]
