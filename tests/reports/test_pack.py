"""The meeting's pack: the figures on it, its files, its commentary, the command and the monthly job."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from callcenter.auth.models import Role
from callcenter.cli import run
from callcenter.core.clock import utc_now
from callcenter.core.errors import InvalidInput
from callcenter.core.settings import Settings
from reports import jobs
from reports.collection.models import CollectionTotal
from reports.pack.content import gather, last_of
from reports.pack.document import document_html, document_model, pack_pdf
from reports.pack.notes import LONGEST, keep_notes, notes_of
from reports.pack.workbook import pack_xlsx
from reports.periods import read_month
from tests.reports import world
from tests.reports.conftest import Browser

SEPTEMBER = date(2026, 9, 1)
NOW = datetime.fromisoformat("2026-10-05T12:00:00+09:00")


@pytest.fixture
def town(session: Session) -> None:
    clerk, campaign_id = world.operator(session, "sato"), world.campaign(session)
    for number in range(60):
        person = world.debtor(session, ("10", "current"))
        line, party = ("answered", "debtor") if number % 3 == 0 else ("busy", None)
        outcome = "promise_full" if number % 6 == 0 else None
        more = {"operator_id": clerk, "campaign_id": campaign_id, "outcome": outcome}
        world.attempt(session, person, f"2026-09-{1 + number % 5:02d} {9 + number % 8:02d}:10", line, party, **more)
        world.attempt(session, person, f"2026-08-{3 + number % 5:02d} 10:10", "busy", None, operator_id=clerk)


def test_the_pack_has_the_month_s_figures_beside_the_month_before(session: Session, town: None) -> None:
    keep_notes(
        session,
        SEPTEMBER,
        {"summary": "接触が増えた。", "decisions": "夕方に掛ける\r\n担当: 堀"},
        world.operator(session, "hori"),
        utc_now(),
    )
    pack = gather(session, SEPTEMBER, NOW)
    model = document_model(pack)
    assert pack.is_complete
    assert (pack.month_figures.attempts, pack.before.attempts, pack.year_before.attempts) == (60, 60, 0)
    rate = next(tile for tile in model["tiles"] if tile["name"] == "コンタクト率")
    assert (rate["value"], rate["base"], rate["before"], rate["year_before"]) == ("33.3%", "20 ÷ 60", "+33.3pt", "–")
    assert rate["sure"] == "95%の範囲 22.7–45.9%"
    assert [bar["n"] for bar in model["day_bars"]] == [12] * 5 + [0] * 25, "a day without calls has its place"
    assert (model["title"], model["as_of"]) == ("令和8年（2026年）9月 戦略会議資料", "令和8年（2026年）10月5日12時00分現在")
    assert [row["label"] for row in model["campaigns"]["rows"]] == ["第1期"]
    assert [row.key for row in pack.by_month][-2:] == ["2026-08", "2026-09"]
    data = pack_pdf(pack)
    assert data.startswith(b"%PDF")
    book = zipfile.ZipFile(io.BytesIO(pack_xlsx(pack)))
    assert sum(name.startswith("xl/tables/") for name in book.namelist()) == 11
    words = book.read("xl/sharedStrings.xml").decode()
    assert "今月のまとめ" in words
    assert "接触が増えた。" in words
    sheets = [book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
    formulas = [found for sheet in sheets for found in re.findall(r"<f>([^<]*)</f><v>([^<]*)</v>", sheet)]
    assert ("SUBTOTAL(109,T_1[架電件数])", "120") in formulas, "what comes out stands beside each formula"
    named = re.compile(r"T_\d+\[")  # other programs than Excel read no column without its table
    assert formulas
    assert all(len(named.findall(formula)) == formula.count("SUBTOTAL") + formula.count("[#This Row]") for formula, _ in formulas)
    assert all('orientation="landscape"' in sheet and 'fitToHeight="0"' in sheet for sheet in sheets)


def test_a_month_that_is_empty_or_under_way(session: Session) -> None:
    pack = gather(session, date(2026, 10, 1), NOW)
    assert not pack.is_complete
    assert {tile["value"] for tile in document_model(pack)["tiles"]} == {"0", "–"}
    assert pack_pdf(pack).startswith(b"%PDF")
    assert pack_xlsx(pack).startswith(b"PK")
    with pytest.raises(InvalidInput):
        gather(session, date(2026, 11, 1), NOW)
    for text in ("2026", "x", "2026-13"):
        with pytest.raises(InvalidInput):
            read_month(text)
    assert last_of(date(2028, 2, 1)) == date(2028, 2, 29)


def test_a_month_under_way_is_compared_with_the_same_days_and_awaits_no_promise_of_later_days(session: Session) -> None:
    person = world.debtor(session, ("10", "current"))
    _, call, _ = (world.attempt(session, person, f"{day} 10:00") for day in ("2026-09-03", "2026-09-20", "2026-10-02"))
    for due in (date(2026, 10, 1), date(2026, 10, 20)):
        world.promise(session, person, "2026-09-20 10:00", due, 1000, attempt_id=call, grace_days=0)
    pack = gather(session, date(2026, 10, 1), NOW)
    assert (pack.month_figures.attempts, pack.before.attempts, pack.month_figures.promises_due) == (1, 1, 1)
    model = document_model(pack)
    assert (model["before"], len(model["day_bars"])) == (("前月同日", "前年同日"), 5)


def test_few_cases_stand_back_and_what_can_t_be_is_a_dash(session: Session) -> None:
    person = world.debtor(session, ("10", "current"))
    world.attempt(session, person, "2026-09-03 10:00", "answered", "debtor")
    world.attempt(session, person, "2026-09-03 11:00", None, None, channel="sms")
    campaigns = [world.campaign(session, f"業務{number:02d}") for number in range(11)]
    for campaign_id in campaigns:
        world.attempt(session, person, "2026-09-04 10:00", campaign_id=campaign_id)
    model = document_model(gather(session, SEPTEMBER, NOW))
    call, sms = model["channels"]["rows"]
    assert (call["cells"][2], sms["cells"][2]) == ({"text": "8.3%", "is_few": True}, {"text": "–", "is_few": False})
    assert model["week_rates"] is None, "no week has enough calls for a point"
    assert (len(model["campaigns"]["rows"]), model["campaigns"]["rest"]) == (
        9,
        "架電件数の多い9業務。ほかの3業務はExcelの表にあります。",
    )


def test_notes_are_kept_and_too_long_ones_refused(session: Session) -> None:
    who = world.operator(session, "hori")
    keep_notes(session, SEPTEMBER, {"summary": " 一 "}, who, utc_now())
    keep_notes(session, SEPTEMBER, {"summary": "二", "calls": ""}, who, utc_now())
    assert notes_of(session, SEPTEMBER)["summary"] == "二"
    with pytest.raises(InvalidInput):
        keep_notes(session, SEPTEMBER, {"calls": "あ" * (LONGEST + 1)}, who, utc_now())


def test_the_page_and_its_files(browse: Callable[[Role], Browser]) -> None:
    client = browse(Role.AUDITOR)
    shown = client.get("/reports/pack?month=2026-09")
    assert shown.status_code == 200
    assert "決定事項" in shown.text
    assert "readonly" in shown.text
    assert client.get("/reports/pack/month.xlsx?month=2026-09").content.startswith(b"PK")
    for month in ("x", "2999-01"):
        assert client.get(f"/reports/pack?month={month}", accept="application/json").status_code == 422


def test_last_month_s_pack_is_dropped_once(office_id: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "get_settings", lambda: Settings(data=tmp_path))
    assert jobs.drop_pack(office_id) == 2
    files = sorted(path.suffix for path in (tmp_path / "packs" / "test").iterdir())
    assert files == [".pdf", ".xlsx"]
    assert jobs.drop_pack(office_id) == 0


def test_the_command(office_id: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    days = ["report", "pack", "--from", "2026-09-01", "--to", "2026-09-30"]
    assert run([*days, "--output", str(tmp_path / "p.xlsx"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["month"] == "2026-09"
    assert (tmp_path / "p.xlsx").read_bytes().startswith(b"PK")
    assert run(days) == 2
    assert run(["report", "pack", "--from", "2026-08-30", "--to", "2026-09-02", "--output", str(tmp_path / "q.pdf")]) == 2


def test_the_last_day_of_a_month_is_no_end_of_it(session: Session) -> None:
    pack = gather(session, SEPTEMBER, datetime.fromisoformat("2026-09-30T18:00:00+09:00"))
    assert not pack.is_complete
    assert pack.rolls[0][-1] == date(2026, 8, 1)
    assert gather(session, SEPTEMBER, NOW).rolls[0][-1] == SEPTEMBER


def test_april_and_may_show_the_old_year_s_closing(session: Session) -> None:
    for year, month, received in ((2025, date(2026, 3, 1), 970), (2025, date(2026, 4, 1), 983), (2026, date(2026, 4, 1), 20)):
        total = CollectionTotal(fiscal_year=year, month=month, tax_code="市税", vintage="current", assessed=1000, received=received)
        total.updated_at = NOW
        world.add(session, total)
    pack = gather(session, date(2026, 4, 1), NOW)
    assert pack.collected is not None
    assert pack.closing is not None
    assert [float(one.whole["total"].this.rate or 0) for one in (pack.collected, pack.closing)] == [2.0, 98.3]
    page = document_html(pack)
    assert "旧年度の締め" in page
    assert page.index("令和8年度、令和8年（2026年）4月末") < page.index("令和7年度、令和8年（2026年）4月末")
    assert len(re.findall(r"<p[ >]", page)) == page.count("</p>"), "every paragraph is closed"
    assert "旧年度収納(2026年4月末)" in zipfile.ZipFile(io.BytesIO(pack_xlsx(pack))).read("xl/workbook.xml").decode()
    assert gather(session, date(2026, 6, 1), NOW).closing is None
