"""`callcenter layout` as an administrator uses it, and `import --layout` with what it kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from callcenter.auth.models import AuditEvent
from callcenter.cli import run
from callcenter.core.db import transaction
from tests.campaigns.import_files import DEBT, table

OWN = 'name = "東町"\nkind = "debts"\n[fields]\ndebtor_no = { headers = ["納税者ID"] }\n'
FILE = {("納税者ID" if name == "宛名番号" else name): value for name, value in DEBT.items()}


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, object, str]:
    """Exit status, the JSON document and what was said beside it."""
    status = run([*arguments, "--json"])
    out, err = capsys.readouterr()
    return status, json.loads(out) if out else None, err


def test_a_layout_is_kept_listed_shown_and_used(office_id: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document, sample = tmp_path / "own.toml", tmp_path / "list.csv"
    document.write_text(OWN, encoding="utf-8")
    sample.write_bytes(table(FILE, {}))
    status, told, _ = called(capsys, "layout", "add", str(document))
    assert (status, told) == (0, {"kind": "debts", "name": "東町", "version": 1, "is_new": True})
    assert called(capsys, "layout", "add", str(document))[1] == {"kind": "debts", "name": "東町", "version": 1, "is_new": False}
    status, listed, _ = called(capsys, "layout", "list")
    assert isinstance(listed, list)
    assert [(line["kind"], line["name"], line["is_own"]) for line in listed][:2] == [("debts", "東町", True), ("debts", "standard", False)]
    status, shown, _ = called(capsys, "layout", "show", "東町")
    assert isinstance(shown, dict)
    assert shown["fields"][0] | {"codes": {}} == {
        "field": "debtor_no", "type": "code", "required": True, "from": "納税者ID", "styles": [], "codes": {},
    }  # fmt: skip
    status, result, _ = called(capsys, "import", "debts", str(sample), "--layout", "東町")
    assert isinstance(result, dict)
    assert (status, result["layout"], result["created"]) == (0, "東町", 1)
    assert run(["layout", "export", "東町"]) == 0
    assert capsys.readouterr().out == OWN
    with transaction(office_id) as session:
        assert session.scalars(select(AuditEvent.action).where(AuditEvent.subject_type == "import_layout")).all() == ["layout.saved"]


def test_the_layout_s_mode_holds_and_the_layout_is_told(office_id: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document, sample = tmp_path / "own.toml", tmp_path / "list.csv"
    document.write_text(OWN.replace("[fields]", 'mode = "diff"\n[fields]'), encoding="utf-8")
    sample.write_bytes(table(FILE, {}))
    assert run(["layout", "add", str(document)]) == 0
    capsys.readouterr()
    for arguments, mode in (((), "diff"), (("--mode", "full"), "full")):
        status, result, _ = called(capsys, "import", "debts", str(sample), "--layout", "auto", "--dry-run", *arguments)
        assert isinstance(result, dict)
        assert (status, result["layout"], result["mode"]) == (0, "東町", mode)
    sample.write_bytes(table(DEBT, {}))
    status, result, _ = called(capsys, "import", "debts", str(sample), "--layout", "auto")
    assert isinstance(result, dict)
    assert (result["layout"], result["mode"]) == ("standard", "full")


def test_a_rehearsal_tells_what_would_change(office_id: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_bytes(table(DEBT, {}, {"期別": "2"}))
    second.write_bytes(table(DEBT, {"収入済額": "5000", "未納額": "15000", "住所": ""}))
    assert run(["import", "debts", str(first)]) == 0
    assert run(["import", "debts", str(second), "--dry-run"]) == 0
    out = capsys.readouterr().out
    for words in (
        "完了になる案件 1 / 未完了 2(50.0 %)",
        "変わる項目: ",
        "宛名番号=0000000001 税目コード=010 賦課年度=2026",
        "未納額 20000 -> 15000",
        "住所 架空市中央1-1 -> (空)",
        "完了にする案件(はじめの 1 件):",
    ):
        assert words in out


def test_a_built_in_layout_is_taken_out_to_begin_with(office_id: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, told = called(capsys, "layout", "export", "standard")
    assert (status, "--kind debts|payments|attempts" in told) == (2, True)
    status, document, _ = called(capsys, "layout", "export", "standard", "--kind", "payments")
    assert isinstance(document, dict)
    path = tmp_path / "p.toml"
    path.write_text(str(document["document"]).replace("standard", "写し"), encoding="utf-8")
    assert called(capsys, "layout", "add", str(path))[0] == 0


def test_a_sample_is_checked_without_being_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document, good, bad = tmp_path / "own.toml", tmp_path / "good.csv", tmp_path / "bad.csv"
    document.write_text(OWN, encoding="utf-8")
    good.write_bytes(table(FILE | {"余分": "x"}, {}))
    bad.write_bytes(table(FILE, {}, {"期別": "2", "納期限": "x"}, {"期別": "3", "納期限": "y"}))
    status, told, _ = called(capsys, "layout", "check", str(document), str(good))
    assert isinstance(told, dict)
    assert (status, told["rows"], told["rejected"], told["unused_columns"], told["encoding"]) == (0, 1, 0, ["余分"], "cp932")
    status, told, said = called(capsys, "layout", "check", str(document), str(bad))
    assert isinstance(told, dict)
    assert (status, [(each["column"], each["code"], each["rows"], each["first_row"]) for each in told["problems"]]) == (
        3,
        [("納期限", "bad_date", 2, 3)],
    )
    assert "2 行は取り込めません" in said
    assert run(["layout", "check", str(document), str(bad)]) == 3
    assert "納期限: 日付として読めません" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("show", "nowhere"), 2, "standard"),
        (("show", "standard", "--kind", "letters"), 2, "payments"),
        (("add", "nowhere.toml"), 1, "nowhere.toml"),
        (("add", "bad.toml"), 1, "half"),
        (("add", "cp932.toml"), 1, "UTF-8"),
        (("check", "own.toml", "nowhere.csv"), 1, "nowhere.csv"),
        (("check", "own.toml", "other.csv"), 1, "納税者ID"),
        (("check", "own.toml", "number.csv"), 1, "個人番号"),
        (("check", "own.toml"), 2, ""),
    ],
)
def test_wrong_use(
    office_id: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    status: int,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.toml").write_text(OWN, encoding="utf-8")
    Path("bad.toml").write_text(OWN.replace("[fields]", 'mode = "half"\n[fields]'), encoding="utf-8")
    Path("cp932.toml").write_bytes(OWN.encode("cp932"))
    Path("other.csv").write_bytes(table(DEBT, {}))
    Path("number.csv").write_bytes(table(FILE | {"個人番号": "1"}, {}))
    assert run(["layout", *arguments]) == status
    assert words in capsys.readouterr().err
