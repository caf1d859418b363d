"""Lists: what is created, updated, unchanged, closed and refused, exactly."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput
from campaigns.debtors.models import Debt, Debtor, PhoneNumber
from campaigns.imports import reading
from campaigns.imports.models import ImportFile, Rejection
from campaigns.imports.service import register_upload, run_import
from tests.campaigns.import_files import DEBT, NOW, PAYMENT, counts, load, table

TWO = ({}, {"期別": "2", "納期限": "5080831", "通知書番号": "000000000002"})
OTHER = {"宛名番号": "0000000002", "氏名": "髙橋　太郎", "通知書番号": "000000000003", "電話番号1": "0422-00-1234（勤務先）"}


@pytest.fixture(autouse=True, params=[None, 300], ids=["whole", "parts"])
def part_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything holds for files read at once and for files read a row or two at a time."""
    if request.param:
        monkeypatch.setattr(reading, "PART_BYTES", request.param)


def state(office_id: int) -> list[tuple[str, int, str, int]]:
    """Debtor number, term, status and outstanding of all debts."""
    with transaction(office_id) as session:
        rows = session.execute(
            select(Debtor.debtor_no, Debt.term, Debt.status, Debt.outstanding)
            .join(Debt, Debt.debtor_id == Debtor.id)
            .order_by(Debtor.debtor_no, Debt.term)
        )
        return [tuple(row) for row in rows]  # type: ignore[misc]


def test_first_load_creates_everything(office_id: int) -> None:
    assert counts(load(office_id, "debts", table(DEBT, *TWO, OTHER))) == (3, 0, 0, 0, 0)
    with transaction(office_id) as session:
        debtor = session.scalars(select(Debtor).where(Debtor.debtor_no == "0000000002")).one()
        assert (debtor.name, debtor.name_key, debtor.kana_key) == ("髙橋　太郎", "高橋太郎", "カクウハナコ")
        phone = session.scalars(select(PhoneNumber).where(PhoneNumber.debtor_id == debtor.id)).one()
        assert (phone.e164, phone.line_type, phone.remark, phone.original) == ("+81422001234", "fixed", "勤務先", "0422-00-1234（勤務先）")
        debt = session.scalars(select(Debt).where(Debt.term == 2)).one()
        assert (debt.due_on, debt.vintage, debt.levy_year) == (date(2026, 8, 31), "current", 2026)


def test_same_file_changes_nothing(office_id: int) -> None:
    data = table(DEBT, *TWO, OTHER, {"期別": "x"})
    assert counts(load(office_id, "debts", data)) == (3, 0, 0, 1, 0)
    again = load(office_id, "debts", data)
    assert counts(again) == (0, 0, 3, 1, 0)
    assert again.rejected_file is not None


def test_same_rows_in_another_order_change_nothing(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, *TWO, OTHER))
    assert counts(load(office_id, "debts", table(DEBT, OTHER, *reversed(TWO), encoding="utf-8-sig"))) == (0, 0, 3, 0, 0)


def test_full_list_closes_what_it_no_longer_holds(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, *TWO, OTHER))
    assert counts(load(office_id, "debts", table(DEBT, TWO[0]))) == (0, 0, 1, 0, 2)
    assert [row[2] for row in state(office_id)] == ["open", "not_listed", "not_listed"]
    with transaction(office_id) as session:
        assert dict(session.execute(select(Debtor.debtor_no, Debtor.is_listed)).all()) == {"0000000001": True, "0000000002": False}
    assert counts(load(office_id, "debts", table(DEBT, *TWO, OTHER))) == (0, 2, 1, 0, 0)
    assert [row[2] for row in state(office_id)] == ["open", "open", "open"]


def test_diff_changes_only_what_is_there_and_deletes_by_flag(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, *TWO, OTHER))
    data = table(DEBT, TWO[1] | {"未納額": "15000", "収入済額": "5000"}, OTHER | {"削除フラグ": "1"})
    assert counts(load(office_id, "debts", data, mode="diff")) == (0, 2, 0, 0, 1)
    assert [row[2:] for row in state(office_id)] == [("open", 20000), ("open", 15000), ("not_listed", 20000)]


def test_a_refused_row_does_not_close_its_debt(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, *TWO, OTHER))
    assert counts(load(office_id, "debts", table(DEBT, TWO[0], TWO[1] | {"納期限": "2026-02-30"}, OTHER))) == (0, 0, 2, 1, 0)
    assert [row[2] for row in state(office_id)] == ["open"] * 3


def test_a_changed_phone_updates_the_rows_that_say_so(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, *TWO, OTHER))
    changed = {"電話番号1": "060-9000-0009"}
    assert counts(load(office_id, "debts", table(DEBT, TWO[0] | changed, TWO[1] | changed, OTHER))) == (0, 2, 1, 0, 0)
    with transaction(office_id) as session:
        listed = dict(session.execute(select(PhoneNumber.e164, PhoneNumber.is_listed)).all())
    assert listed == {"+816090000001": False, "+816090000009": True, "+81422001234": True}


def test_another_way_of_writing_a_number_keeps_what_is_known_of_it(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}))
    with transaction(office_id) as session:
        session.scalars(select(PhoneNumber)).one().status = "dead"
    assert counts(load(office_id, "debts", table(DEBT, {"電話番号1": "０６０－９０００－０００１"}))) == (0, 0, 1, 0, 0)
    with transaction(office_id) as session:
        assert session.scalars(select(PhoneNumber)).one().status == "dead"


def test_absent_columns_leave_what_is_known(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}))
    assert counts(load(office_id, "debts", table(DEBT, {}, without=("住所", "生年月日", "電話番号1", "電話番号2")))) == (0, 0, 1, 0, 0)
    with transaction(office_id) as session:
        debtor = session.scalars(select(Debtor)).one()
        assert debtor.address == "架空市中央1-1"
        assert session.scalars(select(PhoneNumber)).one().is_listed


def test_rejected_rows_say_why_and_can_be_loaded_again(office_id: int) -> None:
    bad = {"調定額": "30000", "備考": "=1+1", "通知書番号": "9", "電話番号1": "+81-60-9000-0001"}
    result = load(office_id, "debts", table(DEBT, *TWO, OTHER, TWO[0], bad))
    assert counts(result) == (3, 0, 0, 2, 0)
    assert result.rejected_file is not None
    raw = Path(result.rejected_file).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(raw.splitlines()))
    assert [(row["行番号"], row["列"]) for row in rows] == [
        ("5", "宛名番号、税目コード、賦課年度、相当年度、期別、通知書番号"),
        ("6", "未納額"),
    ]
    assert rows[1]["備考"] == "'=1+1"
    assert rows[1]["電話番号1"] == "'+81-60-9000-0001"
    corrected = raw.replace("30000", "20000").encode("utf-8-sig")
    assert counts(load(office_id, "debts", corrected)) == (1, 0, 1, 0, 0)
    with transaction(office_id) as session:
        assert session.scalars(select(Debt.remark).where(Debt.notice_no == "9")).one() == "=1+1"
        assert session.scalar(select(func.count()).select_from(Rejection)) == 2
        assert session.scalar(select(func.count()).select_from(Debt).where(Debt.status == "open")) == 4


def test_rehearsal_changes_nothing(office_id: int) -> None:
    assert counts(load(office_id, "debts", table(DEBT, *TWO, OTHER), is_dry_run=True)) == (3, 0, 0, 0, 0)
    assert state(office_id) == []
    assert counts(load(office_id, "debts", table(DEBT, *TWO, OTHER))) == (3, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b" \r\n", "empty_file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "wrong_kind"),
        (bytes(range(256)) * 9, "wrong_kind"),
        (b"%PDF-1.7", "wrong_kind"),
        (b"PK\x03\x04 broken", "wrong_kind"),
        ("宛名番号,氏名\r\n1,あ\r\n".encode("cp932"), "missing_columns"),
        (table(DEBT | {"個人 番号": "123456789012"}, {}), "individual_number"),
        (table(DEBT | {"マイナンバー": ""}, {}, encoding="utf-8"), "individual_number"),
    ],
)
def test_files_refused_as_a_whole_leave_no_trace(office_id: int, data: bytes, code: str) -> None:
    from callcenter.core.settings import get_settings

    folder = get_settings().data_dir / "imports"
    before = set(folder.rglob("*.upload"))
    with pytest.raises(InvalidInput) as refusal, transaction(office_id) as session:
        register_upload(session, "debts", "x.csv", data, now=NOW)
    assert refusal.value.code == code
    assert refusal.value.hint
    assert set(folder.rglob("*.upload")) == before
    with transaction(office_id) as session:
        assert session.scalar(select(func.count()).select_from(ImportFile)) == 0


def test_an_unreadable_glyph_is_kept_as_a_marker_and_noted(office_id: int) -> None:
    data = table(DEBT, {"氏名": "○邊"}).replace("○".encode("cp932"), b"\xf0\x41")
    assert counts(load(office_id, "debts", data)) == (1, 0, 0, 0, 0)
    with transaction(office_id) as session:
        assert session.scalars(select(Debtor.name)).one() == "〓邊"
        assert session.scalars(select(ImportFile.notes)).one() == [{"row": 2, "column": "氏名", "bytes": "f041"}]


def test_payments_posted_after_the_list_stay_set_against_it(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, *TWO), as_of=date(2026, 11, 1))
    load(office_id, "payments", table(PAYMENT, {}), NOW + timedelta(days=4))
    stale = table(DEBT, *TWO, OTHER)
    assert counts(load(office_id, "debts", stale, NOW + timedelta(days=5), as_of=date(2026, 11, 2)))[0] == 1
    assert [row[2:] for row in state(office_id)] == [("settled", 0), ("open", 20000), ("open", 20000)]


def test_running_twice_imports_once(office_id: int) -> None:
    with transaction(office_id) as session:
        row = register_upload(session, "debts", "x.csv", table(DEBT, *TWO), now=NOW, is_queued=False)
    first = run_import(office_id, row.id, now=NOW)
    assert run_import(office_id, row.id, now=NOW + timedelta(hours=1)) == first
