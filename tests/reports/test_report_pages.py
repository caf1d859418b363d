"""The report page and its files through HTTP: who sees what, what the address means, and that the file says what the page says."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select, update

from callcenter.api import reports as api
from callcenter.auth import audit
from callcenter.auth.models import Office, Role, User
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.web import cross_pages, report_pages
from reports.collection import effect
from reports.exports.pdf import page as paper
from reports.facts.build import rebuild
from reports.periods import Period
from reports.queries.headline import HeadlineQuery, headline
from tests.reports import world
from tests.reports.conftest import Browser

SEPTEMBER = "from=2026-09-01&to=2026-09-30"


@pytest.fixture
def town(office_id: int) -> None:
    with transaction(office_id) as session:
        clerk, campaign_id = world.operator(session, "sato"), world.campaign(session)
        for minute in range(40):
            person = world.debtor(session, ("10", "current"))
            party = "debtor" if minute % 4 == 0 else None
            moment = f"2026-09-07 09:{minute:02d}"
            world.attempt(session, person, moment, "answered" if party else "busy", party, operator_id=clerk, campaign_id=campaign_id)


def in_english(office_id: int) -> None:
    """Everybody of the office reads English from now on."""
    with transaction(office_id) as session:
        session.execute(update(User).values(lang="en"))


def test_the_page(browse: Callable[[Role], Browser], town: None) -> None:
    answer = browse(Role.SUPERVISOR).get(f"/reports?{SEPTEMBER}")
    assert answer.status_code == 200
    for words in ("架電の成果", "25.0", "10 / 40", "SATO (sato)", f"/reports/headline.csv?{SEPTEMBER.replace('&', '&amp;')}", "第1版"):
        assert words in answer.text


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.TAX_OFFICER, Role.AUDITOR])
def test_who_sees_single_operators(browse: Callable[[Role], Browser], town: None, role: Role) -> None:
    client = browse(role)
    assert "sato" in client.get(f"/reports?{SEPTEMBER}").text.lower()
    assert "sato" in client.get(f"/reports/headline.csv?{SEPTEMBER}&by=operator").text


def test_operators_see_the_team_only(browse: Callable[[Role], Browser], town: None) -> None:
    client = browse(Role.OPERATOR)
    answer = client.get(f"/reports?{SEPTEMBER}")
    assert answer.status_code == 200
    assert "sato" not in answer.text.lower()
    for kind in ("csv", "xlsx", "pdf"):
        assert client.get(f"/reports/headline.{kind}?{SEPTEMBER}&by=operator").status_code == 422


def test_administrators_and_strangers(browse: Callable[[Role], Browser], town: None) -> None:
    client = browse(Role.ADMINISTRATOR)
    assert client.get("/reports", accept="application/json").status_code == 403
    client.cookies.clear()
    assert client.get("/reports").status_code == 303


def test_the_file_says_what_the_page_says(browse: Callable[[Role], Browser], town: None) -> None:
    client = browse(Role.SUPERVISOR)
    answer = client.get(f"/reports/headline.csv?{SEPTEMBER}&by=tax&campaign={campaign_number()}")
    assert answer.headers["content-disposition"] == 'attachment; filename="headline-20260901-20260930-by-tax.csv"'
    heads, row = csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    assert (row[0], row[heads.index("架電件数")], row[heads.index("コンタクト率(架電あたり)")]) == ("10", "40", "0.25")
    assert "税目別" in client.get(f"/reports?{SEPTEMBER}&by=tax").text
    assert client.get(f"/reports/headline.xlsx?{SEPTEMBER}").content.startswith(b"PK")
    assert client.get(f"/reports/headline.pdf?{SEPTEMBER}").content.startswith(b"%PDF")


def test_a_file_says_of_what_and_as_of_when_it_is(browse: Callable[[Role], Browser], town: None, office_id: int) -> None:
    """On a campaign's file stood the period and the channel only: on the meeting's table it passed for the whole office."""
    client, asked = browse(Role.SUPERVISOR), f"{SEPTEMBER}&campaign={campaign_number()}"

    def today() -> str:
        return f"{utc_now().astimezone(world.TOKYO):%Y-%m-%d}"

    for address in (f"/reports/headline.xlsx?{asked}", f"/reports/cross.xlsx?{asked}&by=tax"):
        asked_on = today()
        book = CalamineWorkbook.from_filelike(io.BytesIO(client.get(address).content))
        said = book.get_sheet_by_index(0).to_python()[1][0]
        assert "第1期" in said
        assert re.search(f"({asked_on}|{today()}) [0-9:]+に集計", said), "midnight may have passed"
    with transaction(office_id) as session:
        found = headline(session, HeadlineQuery(Period(date(2026, 9, 1), date(2026, 9, 30)), campaign_id=campaign_number()), utc_now())
    assert "業務: 第1期" in paper(found, "ja")
    assert "campaign: 第1期, counted " in paper(found, "en")


def campaign_number() -> int:
    from callcenter.auth.offices import first_office
    from campaigns.planning.models import Campaign

    with transaction(None) as session:
        office = first_office(session)
    assert office is not None
    with transaction(office.id) as session:
        return session.scalars(select(Campaign.id)).one()


@pytest.mark.parametrize(
    "query",
    [
        "from=x",
        "from=2026-09-02&to=2026-09-01",
        "by=moon",
        "channel=fax",
        "campaign=9999",
        "campaign=%00",
        "from=9999-99-99",
        "to=0001-01-01",
    ],
)
def test_an_address_that_can_not_be_read(browse: Callable[[Role], Browser], town: None, query: str) -> None:
    client = browse(Role.SUPERVISOR)
    page = client.get(f"/reports?{query}")
    assert page.status_code == 422
    assert "架電の成果" in page.text
    assert client.get(f"/reports/headline.csv?{query}", accept="application/json").status_code == 422


def test_an_empty_period(browse: Callable[[Role], Browser]) -> None:
    answer = browse(Role.SUPERVISOR).get("/reports?from=2030-01-01&to=2030-01-31")
    assert answer.status_code == 200
    assert "この期間の架電はありません" in answer.text


def test_a_period_that_has_not_begun_says_so(browse: Callable[[Role], Browser]) -> None:
    client = browse(Role.SUPERVISOR)
    assert "まだ始まっていない期間です" in client.get("/reports?from=2199-01-01&to=2199-01-31").text
    assert "まだ始まっていない期間です" not in client.get("/reports?from=2026-01-01&to=2026-01-31").text


def test_dates_by_era_and_days_counted_late(browse: Callable[[Role], Browser], office_id: int) -> None:
    with transaction(office_id) as session:
        person = world.debtor(session, ("10", "current"))
        world.attempt(session, person, "2026-09-01 10:00")
        rebuild(session, date(2026, 9, 1), date(2026, 9, 30), world.at("2026-10-04 12:00"))
    client, asked = browse(Role.SUPERVISOR), "from=2026-09-01&to=2026-09-30&by=day&years=era"
    assert "翌日より後に数え直しました" not in client.get(f"/reports?{asked}").text, "the first counting is no second one, however late"
    with transaction(office_id) as session:
        rebuild(session, date(2026, 9, 1), date(2026, 9, 30), world.at("2026-10-05 12:00"))
    shown = client.get(f"/reports?{asked}").text
    assert "令和8年9月1日(火)〜令和8年9月30日(水)" in shown
    assert "R8.9.1</th>" in shown
    assert f"/reports/headline.csv?{asked.replace('&', '&amp;')}" in shown
    assert "うち30日は翌日より後に数え直しました（最後は10月5日(月) 12:00）" in shown
    assert "集計は" in shown
    assert "\r\nR8.9.1,1,0," in client.get(f"/reports/headline.csv?{asked}").content.decode("utf-8-sig")
    crossed = client.get(f"/reports/cross?{asked.replace('by=day', 'by=month')}&columns=week").text
    assert (">R8.9</th>" in crossed, ">R8.8.31</th>" in crossed) == (True, True)
    behind = client.get(f"/reports/calls?{asked}&columns=month&row=2026-09-01&column=2026-09").text
    assert "日: R8.9.1・月: R8.9・令和8年9月1日(火)〜令和8年9月30日(水)" in behind
    assert "日: x・令和8年9月1日(火)" in client.get(f"/reports/calls?{asked}&row=x").text
    assert client.get("/reports?years=lunar", accept="text/html").status_code == 422
    in_english(office_id)
    assert "Tue R8.9.1 – Wed R8.9.30" in client.get(f"/reports/calls?{asked}").text


def test_the_days_are_those_of_the_office_s_zone(browse: Callable[[Role], Browser], office_id: int) -> None:
    """An evening in New York is the next day's morning in Tokyo: page, file and API count it where the command line and the pack do."""
    with transaction(office_id) as session:
        session.get_one(Office, office_id).time_zone = "America/New_York"
        evening = datetime(2026, 9, 30, 23, 30, tzinfo=ZoneInfo("America/New_York"))
        world.attempt(session, world.debtor(session), evening)
        inputs = effect.Inputs(15_000_000, 6_000_000, 12_000_000_000, Decimal("98.1"), Decimal("98.3"))
        effect.keep_effect(session, 2026, inputs, "", world.operator(session, "who"), evening)
        audit.record(session, "open_data.exported", "open_data", None, None, "", {"from": "2026-08-01", "to": "2026-08-31"}, evening)
    client, asked = browse(Role.SUPERVISOR), "from=2026-09-30&to=2026-09-30"
    client.app.include_router(api.router)
    told = client.get(f"/api/v1/reports/headline?{asked}&by=hour").json()
    assert told["time_zone"] == "America/New_York"
    assert [(row["key"], row["attempts"]) for row in told["rows"]] == [("23", 1)]
    assert "\r\n2026-09-30,1,0," in client.get(f"/reports/headline.csv?{asked}&by=day").content.decode("utf-8-sig")
    assert "23時" in client.get(f"/reports?{asked}").text
    assert "9月30日(水) 23:30</td>" in client.get(f"/reports/calls?{asked}&metric=attempts").text
    assert "9月30日(水)に保存" in client.get("/reports/collection/effect?year=2026").text
    assert "9月30日(水) 23:30" in client.get("/reports/open-data").text


def test_it_opens_on_the_month_before_until_this_one_has_a_day(
    browse: Callable[[Role], Browser], office_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, said = browse(Role.SUPERVISOR), "先月の数字です"
    september, october = "2026年9月1日(火)〜2026年9月30日(水)", "2026年10月1日(木)〜2026年10月{}"

    def called(*moments: str) -> None:
        with transaction(office_id) as session:
            for moment in moments:
                world.attempt(session, world.debtor(session), moment)

    def opened(moment: str, page: str = "/reports") -> str:
        for module in (report_pages, cross_pages):
            monkeypatch.setattr(module, "utc_now", lambda: world.at(moment))
        answer = client.get(page)
        assert answer.status_code == 200
        return answer.text

    page = opened("2026-10-01 10:00")
    assert (october.format("1日(木)") in page, said in page) == (True, False), "a new office has no month before"
    called("2026-09-07 10:00", "2026-10-01 00:10")
    for moment in ("2026-10-01 00:20", "2026-10-01 23:50"):
        page = opened(moment)
        assert (september in page, said in page) == (True, True)
    for path in ("/reports/cross", "/reports/definitions"):
        assert said in opened("2026-10-01 10:00", path)
    assert said not in opened("2026-10-01 10:00", "/reports?from=2026-10-01")
    page = opened("2026-10-02 00:10")
    assert (october.format("2日(金)") in page, said in page) == (True, False)
    page = opened("2026-11-02 10:00")
    assert (october.format("31日(土)") in page, said in page) == (True, True), "nobody calls on a Sunday the first"
    in_english(office_id)
    assert "last month&#39;s figures" in opened("2026-11-02 10:00")
