"""What an import says it changes (or, rehearsed, would change): counts per field and examples with before and after."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from callcenter.core.db import transaction
from campaigns.imports.models import ImportFile
from tests.campaigns.import_files import ATTEMPT, DEBT, NOW, PAYMENT, load, table

SECOND = {"期別": "2", "納期限": "5080831", "通知書番号": "000000000002"}
OTHER = {"宛名番号": "0000000002", "氏名": "髙橋　太郎", "通知書番号": "000000000003", "電話番号1": "0422-00-1234"}
DEBT_KEY = {"debtor_no": "0000000001", "tax_code": "010", "levy_year": 2026, "base_year": 2026, "term": 1, "notice_no": "000000000001"}


def changes(office_id: int) -> dict[str, Any]:
    """Of the file that came in last."""
    with transaction(office_id) as session:
        return session.scalars(select(ImportFile.changes).order_by(ImportFile.id.desc()).limit(1)).one()


def test_a_first_list_shows_what_is_new(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}, SECOND, OTHER), is_dry_run=True)
    rehearsed = changes(office_id)
    assert [row["row"] for row in rehearsed["created"]] == [2, 3, 4]
    assert rehearsed["created"][0] == {
        "row": 2,
        "key": DEBT_KEY,
        "name": "架空　花子",
        "values": {"due_on": "2026-06-30", "outstanding": 20000, "status": "open"},
        "fields": [],
    }
    assert (rehearsed["fields"], rehearsed["updated"], rehearsed["closed"], rehearsed["debtors"]) == ({}, [], [], [])
    assert rehearsed["totals"] == {"debtors_created": 2, "debtors_updated": 0, "phones_added": 2, "phones_dropped": 0}
    load(office_id, "debts", table(DEBT, {}, SECOND, OTHER))
    assert changes(office_id) == rehearsed


def test_a_rehearsal_shows_before_and_after(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}, SECOND, OTHER))
    moved = {"住所": "架空市本町2-2", "電話番号1": "060-9000-0009"}
    paid = {"収入済額": "5000", "未納額": "15000"}
    third = {"期別": "3", "通知書番号": "000000000004"}
    data = table(DEBT, moved | paid, SECOND | moved, third | moved)
    load(office_id, "debts", data, is_dry_run=True)
    rehearsed = changes(office_id)
    assert rehearsed["fields"] == {"received": 1, "outstanding": 1, "address": 1, "phones": 1}
    assert rehearsed["updated"] == [
        {
            "row": 2,
            "key": DEBT_KEY,
            "name": "架空　花子",
            "values": {},
            "fields": [
                {"field": "received", "before": 0, "after": 5000},
                {"field": "outstanding", "before": 20000, "after": 15000},
            ],
        }
    ]
    assert [(row["row"], row["key"]["term"]) for row in rehearsed["created"]] == [(4, 3)]
    assert [(row["row"], row["key"]["debtor_no"], row["name"]) for row in rehearsed["closed"]] == [(None, "0000000002", "髙橋　太郎")]
    assert rehearsed["debtors"] == [
        {
            "row": None,
            "key": {"debtor_no": "0000000001"},
            "name": "架空　花子",
            "values": {},
            "fields": [
                {"field": "address", "before": "架空市中央1-1", "after": "架空市本町2-2"},
                {"field": "phones", "before": ["060-9000-0001"], "after": ["060-9000-0009"]},
            ],
        }
    ]
    assert rehearsed["totals"] == {"debtors_created": 0, "debtors_updated": 1, "phones_added": 1, "phones_dropped": 1}
    load(office_id, "debts", data)
    assert changes(office_id) == rehearsed


def test_a_debt_deleted_by_the_list_is_shown_with_its_row(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}, OTHER))
    load(office_id, "debts", table(DEBT, OTHER | {"削除フラグ": "1"}), mode="diff")
    assert [(row["row"], row["key"]["debtor_no"]) for row in changes(office_id)["closed"]] == [(2, "0000000002")]


def test_examples_stay_few(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, *({"期別": str(term), "通知書番号": str(term)} for term in range(1, 40))))
    found = changes(office_id)
    assert [row["key"]["term"] for row in found["created"]] == list(range(1, 21))


def test_payments_and_attempts_show_theirs(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}))
    load(office_id, "payments", table(PAYMENT, {"反映日": ""}, {"収納履歴番号": "P2", "宛名番号": "9"}), NOW + timedelta(days=4))
    found = changes(office_id)["created"]
    assert [(row["key"]["source_ref"], row["name"], row["values"]["status"]) for row in found] == [
        ("P1", "架空　花子", "matched"),
        ("P2", "", "unmatched"),
    ]
    load(office_id, "payments", table(PAYMENT, {}), NOW + timedelta(days=5))
    found = changes(office_id)
    assert found["fields"] == {"posted_on": 1}
    assert found["updated"][0]["fields"] == [{"field": "posted_on", "before": None, "after": "2026-11-04"}]
    load(office_id, "attempts", table(ATTEMPT, {}))
    assert changes(office_id)["created"][0]["key"] == {
        "debtor_no": "0000000001",
        "began_at": "2026-10-01T01:00:00+00:00",
        "channel": "operator_call",
        "operator": "op1",
    }
    load(office_id, "attempts", table(ATTEMPT, {"約束額": "10000", "備考": "x"}))
    found = changes(office_id)
    assert found["fields"] == {"note": 1, "promised_yen": 1}
    assert found["updated"][0]["fields"] == [
        {"field": "note", "before": "", "after": "x"},
        {"field": "promised_yen", "before": 20000, "after": 10000},
    ]
