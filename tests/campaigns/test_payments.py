"""Payments: each reference once, set against its debt, reversed, kept when unmatched; and contact history beside them."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from callcenter.core.db import transaction
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import Debt, Debtor, PhoneNumber
from campaigns.messages.models import Batch, Message
from campaigns.payments.models import Allocation, Payment
from campaigns.planning.service import create_campaign
from campaigns.promises.models import Promise
from campaigns.promises.settle import settle
from campaigns.worklist.models import WorkItem
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
        assert session.scalar(select(func.count()).select_from(Allocation)) == 0
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


def test_a_part_of_a_payment_taken_back(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}))
    load(office_id, "payments", table(PAYMENT, {"収納額": "8000", "延滞金収納額": "300"}), LATER)
    back = table(PAYMENT, {"取消区分": "1", "収納額": "3000", "反映日": "2026-11-05"})
    assert counts(load(office_id, "payments", back, LATER)) == (1, 0, 0, 0, 0)
    assert debt_of(office_id) == (15000, 5000, "open", 0)
    with transaction(office_id) as session:
        payment, reversal = session.scalars(select(Payment).order_by(Payment.id)).all()
        assert (payment.status, payment.reversed, reversal.status) == ("matched", 3000, "reversal")
        assert session.scalars(select(Allocation)).one().late_charge == 300


def test_a_reversal_lowers_the_refund_of_another_payment(office_id: int) -> None:
    """Two payments of 15,000 for 20,000: once the first bounces, the second is no overpayment any more."""
    load(office_id, "debts", table(DEBT, {}))
    paid = ({"収納額": "15000"}, {"収納額": "15000", "収納履歴番号": "P2", "納付日": "2026-11-03"})
    load(office_id, "payments", table(PAYMENT, *paid), LATER)
    assert debt_of(office_id) == (0, 20000, "settled", 10000)
    load(office_id, "payments", table(PAYMENT, {"収納額": "15000", "取消区分": "1"}), LATER)
    assert debt_of(office_id) == (5000, 15000, "open", 0)


def test_payments_before_their_list_are_matched_by_it(office_id: int) -> None:
    load(office_id, "payments", table(PAYMENT, {"収納額": "5000"}))
    assert payment_states(office_id)[0][2] == "unmatched"
    load(office_id, "debts", table(DEBT, {}), as_of=date(2026, 11, 4))
    assert debt_of(office_id) == (15000, 5000, "open", 0)
    assert payment_states(office_id) == [("P1", False, "matched", 0)]


def test_a_payment_the_list_held_reversed_after_the_list(office_id: int) -> None:
    paid = {"調定額": "20000", "収入済額": "5000", "未納額": "15000"}
    load(office_id, "debts", table(DEBT, paid), as_of=date(2026, 11, 1))
    rows = ({"収納額": "5000", "反映日": "2026-10-20"}, {"収納額": "5000", "反映日": "2026-11-03", "取消区分": "1"})
    load(office_id, "payments", table(PAYMENT, rows[0]), LATER)
    assert debt_of(office_id) == (15000, 5000, "open", 0)
    load(office_id, "payments", table(PAYMENT, rows[1]), LATER)
    assert debt_of(office_id) == (20000, 0, "open", 0)
    same_again = table(DEBT, paid | {"備考": "x"})
    load(office_id, "debts", same_again, as_of=date(2026, 11, 2))  # still before the reversal was posted
    assert debt_of(office_id) == (20000, 0, "open", 0)


def test_a_debt_gone_from_the_list_for_a_payment_that_is_then_reversed(office_id: int) -> None:
    other = {"期別": "2"}
    load(office_id, "debts", table(DEBT, {}, other), as_of=date(2026, 11, 1))
    load(office_id, "debts", table(DEBT, other), as_of=date(2026, 11, 10))
    back = {"取消区分": "1", "反映日": "2026-11-15"}
    for rows in (back, {"反映日": "2026-11-05"}):
        load(office_id, "payments", table(PAYMENT, rows), LATER)
    with transaction(office_id) as session:
        debt = session.scalars(select(Debt).where(Debt.term == 1)).one()
        assert (debt.outstanding, debt.status, debt.closed_at) == (20000, "open", None)


def test_a_payment_stops_what_was_queued_and_a_reversal_brings_the_debtor_back(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}, {"宛名番号": "0000000002", "通知書番号": "2"}))
    with transaction(office_id) as session:
        people = session.scalars(select(Debtor).order_by(Debtor.debtor_no)).all()
        first, second = (queued(session, person.id) for person in people)
    load(office_id, "payments", table(PAYMENT, {"収納額": "5000"}), LATER)
    assert waiting(office_id) == [(first[0], "withdrawn", "part_paid"), (first[1], "ready", ""), *((i, "ready", "") for i in second)]
    load(office_id, "payments", table(PAYMENT, {"収納額": "15000", "収納履歴番号": "P2"}), LATER)
    assert waiting(office_id)[1] == (first[1], "withdrawn", "paid")
    load(office_id, "payments", table(PAYMENT, {"収納額": "15000", "収納履歴番号": "P2", "取消区分": "1"}), LATER)
    with transaction(office_id) as session:
        assert session.scalars(select(Debtor.is_listed).order_by(Debtor.debtor_no)).all() == [True, True]
        assert session.scalar(select(func.count()).where(Message.state == "ready")) == 1


def queued(session: Session, debtor_id: int) -> tuple[int, int]:
    """An item, a call-back in another campaign and a message; the ids of the items."""
    items = []
    for name in ("a", "b"):
        campaign = create_campaign(session, f"{name}{debtor_id}", NOW)
        item = WorkItem(campaign_id=campaign.id, debtor_id=debtor_id, channel="operator_call", is_callback=name == "b")
        item.not_before = item.created_at = item.updated_at = NOW
        session.add(item)
        session.flush()
        items.append(item.id)
    batch = Batch(campaign_id=campaign.id, channel="sms", state="ready", as_of=NOW, created_at=NOW)
    session.add(batch)
    session.flush()
    message = Message(batch_id=batch.id, debtor_id=debtor_id, phone_id=1, e164="+819012345678", body="x", reference=f"m{debtor_id}")
    message.updated_at = NOW
    session.add(message)
    session.flush()
    return items[0], items[1]


def waiting(office_id: int) -> list[tuple[int, str, str]]:
    with transaction(office_id) as session:
        return [(item.id, item.state, item.reason) for item in session.scalars(select(WorkItem).order_by(WorkItem.id))]


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
