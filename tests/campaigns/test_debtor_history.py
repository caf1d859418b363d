"""What lists change of known debtors is kept for each of them, and nothing else is."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from callcenter.core.db import transaction
from campaigns.debtors.models import Debt, Debtor, DebtorChange, PhoneNumber, SearchPending
from tests.campaigns.import_files import DEBT, load, table

SECOND = {"期別": "2", "納期限": "5080831", "通知書番号": "000000000002"}
OTHER = {"宛名番号": "0000000002", "氏名": "髙橋　太郎", "通知書番号": "000000000003", "電話番号1": "0422-00-1234"}


def changes(office_id: int, debtor_no: str = "0000000001") -> list[dict[str, Any]]:
    with transaction(office_id) as session:
        rows = session.scalars(
            select(DebtorChange.changes)
            .join(Debtor, (Debtor.office_id == DebtorChange.office_id) & (Debtor.id == DebtorChange.debtor_id))
            .where(Debtor.debtor_no == debtor_no)
            .order_by(DebtorChange.import_id)
        )
        return list(rows)


def test_a_first_list_and_the_same_again_change_nobody(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}, SECOND, OTHER))
    load(office_id, "debts", table(DEBT, OTHER, SECOND, {}))
    with transaction(office_id) as session:
        assert session.scalar(select(func.count()).select_from(DebtorChange)) == 0


def test_each_change_is_kept_with_what_was_before(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}, SECOND, OTHER))
    moved = {"住所": "架空市本町2-2", "電話番号1": "060-9000-0009"}
    third = {"期別": "3", "通知書番号": "000000000004"}
    load(office_id, "debts", table(DEBT, moved | {"収入済額": "5000", "未納額": "15000"}, SECOND | moved, third | moved))
    with transaction(office_id) as session:
        debts = {debt.term: debt.id for debt in session.scalars(select(Debt).where(Debt.notice_no != "000000000003"))}
        phones = {phone.original: phone.id for phone in session.scalars(select(PhoneNumber))}
    assert changes(office_id) == [
        {
            "debtor": {"address": ["架空市中央1-1", "架空市本町2-2"]},
            "debts": [{"id": debts[1], "received": [0, 5000], "outstanding": [20000, 15000]}],
            "added": [debts[3]],
            "phones": {"added": [phones["060-9000-0009"]], "gone": [phones["060-9000-0001"]]},
        }
    ]
    assert [change["debts"][0]["status"] for change in changes(office_id, "0000000002")] == [["open", "not_listed"]]
    load(office_id, "debts", table(DEBT, moved | {"収入済額": "5000", "未納額": "15000"}, SECOND | moved, third | moved, OTHER))
    assert [change["debts"][0]["status"] for change in changes(office_id, "0000000002")] == [["open", "not_listed"], ["not_listed", "open"]]


def test_fees_and_charges_of_every_night_are_no_change(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}))
    load(office_id, "debts", table(DEBT, {"延滞金": "300", "備考": "x"}))
    assert changes(office_id) == []


def test_who_is_renamed_waits_to_be_listed_anew(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}, OTHER))
    load(office_id, "debts", table(DEBT, {"氏名": "架空　花代"}, OTHER))
    with transaction(office_id) as session:
        waiting = session.scalars(select(Debtor.debtor_no).join(SearchPending, SearchPending.debtor_id == Debtor.id)).all()
    assert waiting == ["0000000001"]
    assert changes(office_id)[0]["debtor"] == {"name": ["架空　花子", "架空　花代"]}


def test_a_new_debtor_of_a_later_list_is_no_change(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}))
    load(office_id, "debts", table(DEBT, {}, OTHER))
    assert changes(office_id, "0000000002") == []
