"""Payments' pages: what is unmatched and why, assigned by hand and taken back, refund candidates as a file; each view on record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from callcenter.auth.models import AuditEvent, Role
from callcenter.core.db import advisory_lock, transaction
from callcenter.web.payment_model import figures
from campaigns.debtors.models import Debt
from campaigns.payments.models import Payment
from campaigns.payments.queries import PaymentQuality
from tests.callcenter.conftest import Person
from tests.campaigns.import_files import DEBT, PAYMENT, load, table

OTHER_NOTICE = {"通知書番号": "999", "収納額": "12000"}


@pytest.fixture
def supervisor(office_id: int, person: Callable[..., Person]) -> Person:
    load(office_id, "debts", table(DEBT, {}))
    rows = (
        OTHER_NOTICE,
        {"宛名番号": "0000000099", "収納履歴番号": "P2", "反映日": "2026-11-20"},
        {"収納履歴番号": "P3", "取消区分": "1", "税目コード": "020"},
    )
    load(office_id, "payments", table(PAYMENT, *rows))
    return person(Role.SUPERVISOR)


def one(office_id: int, reference: str = "P1") -> Payment:
    with transaction(office_id) as session:
        return session.scalars(select(Payment).where(Payment.source_ref == reference, ~Payment.is_reversal)).one()


def trail(office_id: int) -> list[str]:
    with transaction(office_id) as session:
        return list(session.scalars(select(AuditEvent.action).where(AuditEvent.action.like("payment.%")).order_by(AuditEvent.id)))


def test_the_list_says_why_and_narrows_by_its_address(office_id: int, supervisor: Person) -> None:
    page = supervisor.get("/payments").text
    for words in ("宛名番号の対象者がいない", "その期別の滞納がない", "取消の元の入金がない", "P1", "P2", "P3"):
        assert words in page
    only = supervisor.get("/payments?why=debtor").text
    assert ("P2" in only, "収納履歴 P1" in only) == (True, False)
    assert "条件に合う入金はありません" in supervisor.get("/payments?why=debt&tax=020").text
    assert "収納履歴 P1" in supervisor.get("/payments?why=nonsense&days=x&page_no=-3").text
    assert trail(office_id).count("payment.listed") == 4
    assert "Nobody has that number" not in page


def test_assigning_by_hand_and_taking_it_back(office_id: int, supervisor: Person) -> None:
    payment = one(office_id)
    page = supervisor.get(f"/payments/{payment.id}").text
    assert "候補の滞納" in page
    with transaction(office_id) as session:
        debt_id = session.scalars(select(Debt.id)).one()
    assert f'value="{debt_id}"' in page
    assert supervisor.post(f"/payments/{payment.id}/assign", {"debt_id": debt_id}).status_code in (204, 303)
    assert supervisor.post(f"/payments/{payment.id}/assign", {"debt_id": debt_id}).status_code == 409
    with transaction(office_id) as session:
        debt = session.scalars(select(Debt)).one()
        assert (debt.outstanding, debt.received) == (8_000, 12_000)
    held = one(office_id)
    assert (held.status, held.assigned_by) == ("matched", supervisor.user_id)
    assert "収納履歴 P1" in supervisor.get("/payments/assigned").text
    assert supervisor.post(f"/payments/{payment.id}/release").status_code in (204, 303)
    assert supervisor.post(f"/payments/{payment.id}/release").status_code == 409
    with transaction(office_id) as session:
        debt = session.scalars(select(Debt)).one()
        assert (debt.outstanding, debt.received, debt.listed_outstanding) == (20_000, 0, None)
    assert one(office_id).status == "unmatched"
    assert [action for action in trail(office_id) if action not in ("payment.viewed", "payment.listed")] == [
        "payment.assigned",
        "payment.released",
    ]


def test_four_fields_find_the_debt_or_say_what_is_wrong(office_id: int, supervisor: Person) -> None:
    payment = one(office_id, "P2")
    href = f"/payments/{payment.id}/find"
    good = {"debtor_no": "0000000001", "tax_code": "010", "levy_year": "令和8", "term": "1"}
    found = supervisor.post(href, good)
    assert (found.status_code, "checked" in found.text, "架空" in found.text) == (200, True, True)
    for change, words in (
        ({"debtor_no": "42"}, "その宛名番号の対象者はいません"),
        ({"term": "7"}, "その期別の滞納はありません"),
        ({"term": "x"}, "賦課年度と期別を入れてください"),
        ({"levy_year": "abc"}, "年度として読めません"),
    ):
        answer = supervisor.post(href, good | change)
        assert answer.status_code == 422
        assert words in answer.text


def test_what_can_not_be_assigned_is_refused_in_words(office_id: int, supervisor: Person) -> None:
    payment = one(office_id)
    assert supervisor.post(f"/payments/{payment.id}/assign", {"debt_id": "0"}).status_code == 422
    assert supervisor.post(f"/payments/{payment.id}/assign", {}).status_code == 422
    assert supervisor.post(f"/payments/{payment.id}/assign", {"debt_id": "999999"}).status_code == 404
    with transaction(office_id) as session:
        reversal = session.scalars(select(Payment.id).where(Payment.is_reversal)).one()
        debt_id = session.scalars(select(Debt.id)).one()
    assert supervisor.post(f"/payments/{reversal}/assign", {"debt_id": debt_id}).status_code == 409
    with transaction(office_id) as session:
        advisory_lock(session, "import")
        busy = supervisor.post(f"/payments/{payment.id}/assign", {"debt_id": debt_id})
        assert busy.status_code == 409
        assert "取込中" in busy.text


def test_refund_candidates_as_a_file(office_id: int, supervisor: Person, person: Callable[..., Person]) -> None:
    load(office_id, "payments", table(PAYMENT, {"収納履歴番号": "=P9", "収納額": "23000"}))
    assert "3,000" in supervisor.get("/payments/refunds").text
    answer = supervisor.get("/payments/refunds.csv")
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("収納履歴番号,宛名番号")
    assert lines[1:] == ["'=P9,0000000001,010,2026,2026,1,000000000001,2026-11-02,2026-11-04,23000,3000"]
    assert "payment.exported" in trail(office_id)
    assert supervisor.get("/payments/refunds.csv?tax=999").content.decode("utf-8-sig").count("\n") == 1
    assert person(Role.AUDITOR).get("/payments/refunds").status_code == 200
    assert person(Role.OPERATOR).get("/payments").status_code == 403


def test_the_files_page(supervisor: Person) -> None:
    page = supervisor.get("/payments/files").text
    assert "payments.csv" in page
    assert "指定なし" in page


def test_a_file_taken_this_morning_is_of_today_also_where_it_is_still_yesterday_in_utc() -> None:
    state = PaymentQuality(0, 0, 0, 0, 0, None, 0, 0, 0, 0, None, datetime(2026, 11, 17, 20, tzinfo=UTC), None)
    assert figures(state, date(2026, 11, 18), lambda _, **told: str(told.get("days")), "ja")[-1]["note"] == "0"
