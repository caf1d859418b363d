"""Files in every encoding give the same rows; rejected rows can be corrected and loaded again, for every kind of file."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest
import xlsxwriter
from sqlalchemy import select

from callcenter.core.db import transaction
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import Debt, Debtor, PhoneNumber
from campaigns.imports import reading
from campaigns.imports.models import Rejection
from campaigns.payments.models import Payment
from tests.campaigns.import_files import ATTEMPT, DEBT, NOW, PAYMENT, counts, load, table

VENDOR = "①㈱髙﨑～－∥纊Ⅷ№"
LIST = (
    {"氏名": VENDOR, "住所": '架空市"本町"1,2', "備考": "一行目\n二行目"},
    {"期別": "2", "通知書番号": "000000000002", "氏名": VENDOR},
    {"宛名番号": "0000000002", "期別": "x", "氏名": "ｶﾀｶﾅ"},
)
FORMS = ["cp932", "utf-8", "utf-8-sig", "xlsx"]


def written(form: str, line_end: bytes) -> bytes:
    """The list in one of its forms."""
    plain = table(DEBT, *LIST, encoding="utf-8")
    if form != "xlsx":
        return plain.replace(b"\r\n", line_end).decode().encode(form)
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet()
    for number, row in enumerate(csv.reader(io.StringIO(plain.decode(), newline=""))):
        sheet.write_row(number, 0, row)
    book.close()
    return out.getvalue()


def state(office_id: int) -> list[list[tuple[object, ...]]]:
    """What a list leaves behind."""
    with transaction(office_id) as session:
        found = [
            session.execute(select(Debtor.debtor_no, Debtor.name, Debtor.name_key, Debtor.address, Debtor.birth_date)),
            session.execute(select(PhoneNumber.original, PhoneNumber.e164, PhoneNumber.line_type)),
            session.execute(select(Debt.term, Debt.notice_no, Debt.due_on, Debt.outstanding, Debt.remark).order_by(Debt.term)),
            session.execute(select(Rejection.row_no, Rejection.column, Rejection.code, Rejection.original)),
        ]
        return [[tuple(row) for row in each] for each in found]


@pytest.mark.parametrize("part_bytes", [None, 300], ids=["whole", "parts"])
def test_every_form_gives_the_same(office_id: int, part_bytes: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list in CP932, UTF-8 with and without BOM, with CRLF and LF, and as a workbook: created once, unchanged ever after."""
    if part_bytes:
        monkeypatch.setattr(reading, "PART_BYTES", part_bytes)
    assert counts(load(office_id, "debts", written("cp932", b"\r\n"))) == (2, 0, 0, 1, 0)
    first = state(office_id)
    assert first[0][0][:3] == ("0000000001", VENDOR, first[0][0][2])
    for form in FORMS:
        for line_end in (b"\r\n", b"\n"):
            assert counts(load(office_id, "debts", written(form, line_end))) == (0, 0, 2, 1, 0), (form, line_end)
            assert state(office_id)[:3] == first[:3]


@pytest.mark.parametrize("form", FORMS)
def test_a_first_list_in_every_form(office_id: int, form: str) -> None:
    assert counts(load(office_id, "debts", written(form, b"\n"))) == (2, 0, 0, 1, 0)
    found = state(office_id)
    assert found[0] == [("0000000001", VENDOR, found[0][0][2], "架空市中央1-1", found[0][0][4])]
    assert found[2][0][4] == "一行目\n二行目"
    row_no, column, code, original = found[3][0]
    assert (column, code) == ("期別", "bad_integer")
    assert isinstance(original, list)
    assert (row_no, original[2]) == (4, "ｶﾀｶﾅ")


@pytest.mark.parametrize(
    ("kind", "base", "good", "bad", "wrong", "right"),
    [
        ("debts", DEBT, {}, {"期別": "2", "納期限": "2026-02-30", "備考": " =余白 ", "氏名": "○邊"}, "2026-02-30", "2026-02-28"),
        ("payments", PAYMENT, {}, {"収納履歴番号": "P2", "収納額": "-5"}, ",-5,", ",5,"),
        ("attempts", ATTEMPT, {}, {"実施日時": "2026-10-02 10:00:00", "手段": "狼煙", "備考": "+81"}, "狼煙", "訪問"),
    ],
)
def test_rejected_rows_are_the_original_ones_and_can_be_loaded_again(
    office_id: int, kind: str, base: dict[str, str], good: dict[str, str], bad: dict[str, str], wrong: str, right: str
) -> None:
    """Cell for cell, spaces and markers of unreadable glyphs included; corrected, the row is taken and the others stay."""
    if kind != "debts":
        load(office_id, "debts", table(DEBT, {}))
    data = table(base, good, bad).replace("○".encode("cp932"), b"\xf0\x41")
    result = load(office_id, kind, data, NOW + timedelta(days=5))
    assert counts(result) == (1, 0, 0, 1, 0)
    assert result.rejected_file is not None
    raw = Path(result.rejected_file).read_text(encoding="utf-8-sig")
    (told,) = csv.DictReader(io.StringIO(raw, newline=""))
    assert (told.pop("行番号"), bool(told.pop("列")), bool(told.pop("理由"))) == ("3", True, True)
    expected = {name: cell.replace("○", "〓") for name, cell in (base | bad).items()}
    assert {name: cell.removeprefix("'") for name, cell in told.items()} == expected
    corrected = raw.replace("'-5", "-5").replace(wrong, right).encode("utf-8-sig")
    assert counts(load(office_id, kind, corrected, NOW + timedelta(days=6))) == (1, 0, 0, 0, 0)
    with transaction(office_id) as session:
        model = {"debts": Debt, "payments": Payment, "attempts": Attempt}[kind]
        assert len(session.scalars(select(model)).all()) == 2
    assert counts(load(office_id, kind, corrected, NOW + timedelta(days=7))) == (0, 0, 1, 0, 0)
    again = load(office_id, kind, data, NOW + timedelta(days=8))
    assert (again.created, again.rejected) == (0, 1)


@pytest.mark.parametrize("part_bytes", [None, 300], ids=["whole", "parts"])
def test_rows_refused_by_the_server_come_back_as_they_were(office_id: int, part_bytes: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts of unknown debtors are refused after their part has long been read."""
    if part_bytes:
        monkeypatch.setattr(reading, "PART_BYTES", part_bytes)
    load(office_id, "debts", table(DEBT, {}))
    rows = [{"宛名番号": str(number), "実施日時": f"2026-10-{number:02d} 10:00:00"} for number in range(1, 9)]
    result = load(office_id, "attempts", table(ATTEMPT, *rows, {}))
    assert counts(result) == (1, 0, 0, 8, 0)
    assert result.rejected_file is not None
    told = list(csv.DictReader(io.StringIO(Path(result.rejected_file).read_text(encoding="utf-8-sig"), newline="")))
    assert [row["宛名番号"] for row in told] == [str(number) for number in range(1, 9)]
    assert [row["行番号"] for row in told] == [str(number) for number in range(2, 10)]


def test_a_key_is_taken_once_in_a_file_of_many_parts(office_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PART_BYTES", 300)
    rows = [{"期別": str(number), "通知書番号": str(number)} for number in range(1, 9)]
    result = load(office_id, "debts", table(DEBT, *rows, rows[0], rows[5]))
    assert counts(result) == (8, 0, 0, 2, 0)
    with transaction(office_id) as session:
        refused = session.execute(select(Rejection.row_no, Rejection.code).order_by(Rejection.row_no)).all()
    assert [tuple(row) for row in refused] == [(10, "duplicate"), (11, "duplicate")]


def test_without_the_right_to_rest_triggers_foreign_keys_work_as_ever(office_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from campaigns.debtors import first_load

    monkeypatch.setattr(first_load, "_MAY_REST", "SELECT false")
    assert counts(load(office_id, "debts", written("cp932", b"\r\n"))) == (2, 0, 0, 1, 0)
