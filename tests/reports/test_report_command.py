"""`callcenter report headline`: what goes to standard output, to files, and what wrong use answers."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from callcenter.cli import run
from callcenter.core.db import transaction
from reports.exports.pdf import FONT_CSS, needed_faces
from tests.reports import world

SEPTEMBER = ["report", "headline", "--from", "2026-09-01", "--to", "2026-09-30"]


@pytest.fixture
def town(office_id: int) -> int:
    with transaction(office_id) as session:
        clerk, first = world.operator(session, "=cmd|'/c calc'!A1"), world.campaign(session, "第1期")
        for hour in ("09", "10"):
            person = world.debtor(session, ("10", "current"))
            world.attempt(session, person, f"2026-09-01 {hour}:00", "answered", "debtor", operator_id=clerk, campaign_id=first)
            world.attempt(session, person, f"2026-09-01 {hour}:30", "busy", operator_id=clerk)
    return office_id


def test_json(town: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*SEPTEMBER, "--by", "hour", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document) == {"from", "to", "time_zone", "definitions", "rows"}
    assert [(row["key"], row["attempts"], row["contact_rate_per_call"]) for row in document["rows"]] == [("09", 2, 0.5), ("10", 2, 0.5)]
    assert run([*SEPTEMBER, "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert (row["key"], row["attempts"], row["persons_attempted"], row["attempts_per_operator_hour"]) == (None, 4, 2, None)


def test_any_style_of_date(town: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "headline", "--from", "令和8年9月1日", "--to", "R8.9.30", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["from"], document["to"]) == ("2026-09-01", "2026-09-30")


def test_one_campaign(town: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*SEPTEMBER, "--campaign", "第1期", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["attempts"] == 2


def test_csv_has_a_mark_and_no_formulas(town: int, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run([*SEPTEMBER, "--by", "operator", "--format", "csv"]) == 0
    data = capfdbinary.readouterr().out
    assert data.startswith(b"\xef\xbb\xbf")
    heads, row = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    assert row[0] == "'=CMD|'/C CALC'!A1 (=cmd|'/c calc'!A1)"
    assert row[heads.index("架電件数")] == "4"
    assert row[heads.index("コンタクト率(架電あたり)")] == "0.5"
    assert row[heads.index("履行率")] == ""


def test_xlsx(town: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.xlsx"
    assert run([*SEPTEMBER, "--by", "operator", "--format", "xlsx", "--output", str(path)]) == 0
    assert capsys.readouterr().out == ""
    book = CalamineWorkbook.from_path(path)
    rows = book.get_sheet_by_name("架電の成果").to_python()
    assert rows[3][:2] == ["オペレーター", "架電件数"]
    assert rows[4][:2] == ["=CMD|'/C CALC'!A1 (=cmd|'/c calc'!A1)", 4.0]
    assert book.get_sheet_by_name("定義").to_python()[1][0] == "架電件数"
    assert list(tmp_path.iterdir()) == [path]


def test_pdf(town: int, tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    assert run([*SEPTEMBER, "--by", "hour", "--format", "pdf", "--output", str(path)]) == 0
    assert path.read_bytes().startswith(b"%PDF-")
    assert 1 <= len(needed_faces(FONT_CSS, "架電の成果 2026")) <= 8


def test_lines_for_people(town: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*SEPTEMBER, "--by", "channel"]) == 0
    assert "電話催告\t4\t2" in capsys.readouterr().out
    for by in ("operator", "team", "cycle"):
        assert run(["report", "headline", "--from", "2090-01-01", "--to", "2090-01-31", "--by", by]) == 0
        assert capsys.readouterr().out.endswith("この期間の架電はありません。割るものがない率は – です。\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["report", "headline", "--from", "2026-09-31", "--to", "2026-10-01"], "--from: '2026-09-31' is not a date"),
        (["report", "headline", "--from", "yesterday", "--to", "2026-10-01"], "--from: 'yesterday'"),
        (["report", "headline", "--from", "2026-09-02", "--to", "2026-09-01"], "--from 2026-09-02 is after --to 2026-09-01"),
        (["report", "headline", "--from", "", "--to", "2026-09-01"], "--from: a date is missing"),
        (["report", "headline", "--from", "9999-12-31", "--to", "9999-12-31"], "out of range"),
        (["report", "headline", "--to", "2026-09-01"], "--from"),
        (["report", "tomorrow", "--from", "2026-09-01", "--to", "2026-09-01"], "Expected one of: headline"),
        ([*SEPTEMBER, "--by", "moon"], "Expected one of: hour, weekday, day"),
        ([*SEPTEMBER, "--channel", "fax"], "Expected one of: sms, auto_call"),
        ([*SEPTEMBER, "--format", "doc"], "Expected one of: json, csv"),
        ([*SEPTEMBER, "--campaign", "第9期"], "--campaign: There is no campaign '第9期'"),
        ([*SEPTEMBER, "--format", "csv", "--json"], "both want standard output"),
    ],
)
def test_wrong_use(
    town: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.setenv("CALLCENTER_LANG", "en")
    assert run(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert words in printed.err


def test_a_folder_that_is_not_there(town: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*SEPTEMBER, "--json", "--output", str(tmp_path / "no" / "report.json")]) == 1
    assert capsys.readouterr().out == ""
