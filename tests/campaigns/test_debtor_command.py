"""`callcenter debtor find|show` as a person at the terminal uses it."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from callcenter.auth.models import AuditEvent
from callcenter.cli import run
from callcenter.core.db import transaction
from tests.campaigns.import_files import DEBT, load, table

OTHER = {"宛名番号": "0000000002", "氏名": "髙橋　太郎", "氏名カナ": "ﾀｶﾊｼ ﾀﾛｳ", "通知書番号": "000000000003"}


@pytest.fixture
def town(office_id: int) -> int:
    load(office_id, "debts", table(DEBT, {}, {"期別": "2", "通知書番号": "000000000002"}, OTHER))
    return office_id


def answered(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert run([*words, "--json"]) == 0
    document: dict[str, object] = json.loads(capsys.readouterr().out)
    return document


def test_found_by_name_and_by_number(town: int, capsys: pytest.CaptureFixture[str]) -> None:
    for words in ("高橋", "たかはし", "太郎", "000000000003"):
        found = answered(capsys, "debtor", "find", words)
        assert [row["debtor_no"] for row in found["debtors"]] == ["0000000002"]  # type: ignore[attr-defined]
    assert answered(capsys, "debtor", "find", "いない人") == {"debtors": [], "has_more": False, "is_cut": False}
    assert run(["debtor", "find", "いない人"]) == 0
    assert capsys.readouterr().out == "該当する人はいません。\n"
    with transaction(town) as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.action == "debtor.searched")).all()
    assert {event.address for event in events} == {"terminal"}
    assert "高橋" not in str([event.detail for event in events])


def test_shown_with_what_is_owed(town: int, capsys: pytest.CaptureFixture[str]) -> None:
    told = answered(capsys, "debtor", "show", "1")
    assert (told["debtor_no"], told["name"]) == ("0000000001", "架空　花子")
    assert [(tax["tax_code"], tax["outstanding"], len(tax["terms"])) for tax in told["taxes"]] == [("010", 40_000, 2)]  # type: ignore[attr-defined]
    assert [phone["number"] for phone in told["phones"]] == ["060-9000-0001"]  # type: ignore[attr-defined]
    assert run(["debtor", "show", "0000000001"]) == 0
    out = capsys.readouterr().out
    for words in ("架空　花子", "市県民税", "060-9000-0001\t携帯\t未確認\t名簿", "名簿に載った"):
        assert words in out
    with transaction(town) as session:
        assert session.scalars(select(AuditEvent.address).where(AuditEvent.action == "debtor.viewed")).all() == ["terminal"] * 2


@pytest.mark.parametrize(("words", "status"), [(["show", "99"], 1), (["show", " "], 1), (["find", " "], 2), (["find"], 2)])
def test_wrong_use_says_so(town: int, capsys: pytest.CaptureFixture[str], words: list[str], status: int) -> None:
    assert run(["debtor", *words]) == status
    assert capsys.readouterr().err
