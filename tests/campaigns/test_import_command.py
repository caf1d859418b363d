"""`callcenter import` and `callcenter sample` as other programs use them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from callcenter.cli import run
from callcenter.core.db import transaction
from tests.campaigns.import_files import DEBT, PAYMENT, table

KEYS = ["file", "layout", "mode", "dry_run", "rows", "created", "updated", "unchanged", "closed", "rejected", "rejected_file"]


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object], str]:
    """Exit status, the JSON document and what was said beside it."""
    status = run([*arguments, "--json"])
    out, err = capsys.readouterr()
    return status, json.loads(out) if out else {}, err


def test_the_documents_of_an_import(office_id: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "list.csv", tmp_path / "bad.csv"
    good.write_bytes(table(DEBT, {}, {"期別": "2"}))
    bad.write_bytes(table(DEBT, {}, {"期別": "2", "納期限": "x"}))
    status, document, _ = command(capsys, "import", "debts", str(good), "--dry-run")
    assert (status, list(document), document["created"], document["dry_run"]) == (0, KEYS, 2, True)
    status, document, _ = command(capsys, "import", "debts", str(good), "--as-of", "R8.11.1")
    assert (status, document["file"], document["mode"], document["created"], document["rejected_file"]) == (0, "list.csv", "full", 2, None)
    status, document, told = command(capsys, "import", "debts", str(bad))
    assert (status, document["unchanged"], document["rejected"], document["closed"]) == (3, 1, 1, 0)
    assert Path(str(document["rejected_file"])).is_file()
    assert "1 行を取り込めませんでした" in told
    assert run(["import", "debts", str(good)]) == 0
    assert "2 行 = 新規 0 + 更新 0 + 変更なし 2 + 取り込めず 0。完了にした案件 0" in capsys.readouterr().out


def test_characters_that_could_not_be_read_are_told(office_id: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, name = tmp_path / "list.csv", "架空　花子".encode("cp932")
    file.write_bytes(table(DEBT, {}, encoding="cp932").replace(name, b"\xf0\x40" + name))
    assert run(["import", "debts", str(file)]) == 0
    told = capsys.readouterr().out
    assert "読めない文字(〓 として残しました): 氏名 1" in told
    assert "  2 行目: 氏名: バイト f040" in told


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("import", "letters", "x.csv"), 2, "no kind of file"),
        (("import", "debts", "x.csv", "--mode", "half"), 2, "no mode"),
        (("import", "debts", "x.csv", "--as-of", "soon"), 2, "no date"),
        (("import", "debts"), 2, ""),
        (("import", "debts", "nowhere.csv"), 1, "nowhere.csv"),
        (("import", "debts", "x.csv", "--layout", "other"), 2, "standard"),
        (("sample", "x", "--debtors", "0"), 2, "5,000,000"),
        (("sample", "x", "--debtors", "5", "--encoding", "ebcdic"), 2, "cp932"),
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
    monkeypatch.setenv("CALLCENTER_LANG", "en")
    assert run(list(arguments)) == status
    assert words in capsys.readouterr().err


def test_wrong_files(office_id: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for data, words in (
        (b"", "空"),
        (b"\x89PNG\r\n\x1a\n", "画像"),
        (table(PAYMENT, {}), "必要な列がありません"),
        (table(DEBT | {"個人番号": "1"}, {}), "個人番号"),
    ):
        path = tmp_path / "x.csv"
        path.write_bytes(data)
        status, document, told = command(capsys, "import", "debts", str(path))
        assert (status, document) == (1, {})
        assert "x.csv" in told
        assert words in told


def test_sample_prints_its_manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, manifest, _ = command(capsys, "sample", str(tmp_path / "demo"), "--debtors", "20", "--seed", "4", "--encoding", "cp932")
    assert (status, manifest) == (0, json.loads((tmp_path / "demo" / "manifest.json").read_text(encoding="utf-8")))
    assert (tmp_path / "demo" / "debts.csv").read_bytes().decode("cp932").startswith("宛名番号,")


def test_a_list_that_closes_much_of_what_is_open_is_confirmed_by_its_number(
    office_id: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, part, few = tmp_path / "whole.csv", tmp_path / "part.csv", tmp_path / "few.csv"
    whole.write_bytes(table(DEBT, *({"通知書番号": f"{n:08d}"} for n in range(600))))
    part.write_bytes(table(DEBT, *({"通知書番号": f"{n:08d}"} for n in range(470))))
    few.write_bytes(table(DEBT, *({"通知書番号": f"{n:08d}"} for n in range(375))))
    assert command(capsys, "import", "debts", str(whole))[0] == 0
    status, document, told = command(capsys, "import", "debts", str(part))
    assert (status, document) == (1, {})
    assert all(word in told for word in ("600", "130", "21.7", "--confirm-closing 130", "--mode diff"))
    with transaction(office_id) as session:
        assert session.scalar(text("SELECT count(*) FROM debt WHERE status = 'open'")) == 600
    assert command(capsys, "import", "debts", str(part), "--confirm-closing", "129")[0] == 1
    assert command(capsys, "import", "debts", str(part), "--dry-run")[1]["closed"] == 130
    assert command(capsys, "import", "debts", str(part), "--confirm-closing", "130")[1]["closed"] == 130
    assert command(capsys, "import", "debts", str(few))[1]["closed"] == 95  # few enough to look through
    assert command(capsys, "import", "debts", str(few), "--confirm-closing", "-1")[0] == 2


def test_a_part_of_a_list_in_diff_mode_closes_nothing(office_id: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole, part = tmp_path / "whole.csv", tmp_path / "part.csv"
    whole.write_bytes(table(DEBT, *({"通知書番号": f"{n:08d}"} for n in range(300))))
    part.write_bytes(table(DEBT, {"通知書番号": f"{1:08d}"}))
    assert command(capsys, "import", "debts", str(whole))[0] == 0
    assert command(capsys, "import", "debts", str(part), "--mode", "diff")[0] == 0
