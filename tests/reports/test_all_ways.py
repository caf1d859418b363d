"""One question asked in every way (command line, API, CSV, workbook, table of two cuts, the calls behind it) has one answer.

In an office in New York: calls at midnights, on a leap day, at the fiscal year's end and where clocks were put forward, amended later;
beside another office with the same names and codes.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.api import reports as api
from callcenter.auth.models import Office, Role, User
from callcenter.cli import run
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from campaigns.attempts.models import Attempt
from campaigns.planning.models import Campaign
from reports.cuts import Cut
from reports.facts.build import rebuild
from reports.metrics import BY_CODE, HEADLINE
from reports.periods import Period
from reports.queries.behind import Cell, calls_behind
from reports.queries.headline import HeadlineQuery
from tests.reports import world
from tests.reports.conftest import Browser

ZONE = ZoneInfo("America/New_York")
FIRST, LAST = date(2024, 2, 28), date(2024, 4, 1)
MOMENTS = ("2024-02-28 00:00", "2024-02-29 23:59:59", "2024-03-01 00:00", "2024-03-10 03:30", "2024-03-31 23:59:59", "2024-04-01 00:00")
ENDS = (
    ("answered", "debtor", "promise_full"),
    ("answered", "family", "promise_part"),
    ("busy", None, None),
    ("abandoned", None, None),
    ("answered", "third_party", None),
)
CUTS = (Cut.HOUR, Cut.DAY, Cut.OPERATOR, Cut.CAMPAIGN, Cut.TAX, Cut.TRY)
CROSSED = ("attempts", "contact_rate_per_person", "kept_rate")
CODES = [metric.code for metric in HEADLINE]
Told = dict[str, list[float | None]]


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def town(session: Session) -> None:
    """Seven people, called at most of the moments; promises with grace and thresholds, kept in part, paid back in whole or in part."""
    clerks = [world.operator(session, name) for name in ("sato", "ito")]
    campaigns = (world.campaign(session, "第1期"), world.campaign(session, "第2期"), None)
    people = [world.debtor(session, ("10", "current"), ("30", "carried_over")) for _ in range(6)] + [world.debtor(session)]
    for number, person in enumerate(people):
        for place, began in enumerate(map(local, MOMENTS)):
            line, party, outcome = ENDS[(number * 3 + place) % 5]
            more = {"outcome": outcome, "operator_id": clerks[number % 2], "campaign_id": campaigns[place % 3], "talk_seconds": 30 * place}
            call = world.attempt(session, person, began, line, party, **more) if (number + place) % 3 else None
            if call and outcome:
                row = {"attempt_id": call, "grace_days": place, "threshold_percent": 100 - 50 * (number % 2)}
                made = f"{began.astimezone(world.TOKYO):%Y-%m-%d %H:%M}"
                world.promise(session, person, made, began.date() + timedelta(days=2), 1000, **row)
        paid = world.payment(session, person, date(2024, 3, 2), 999 if number % 2 else 499, late_charge=1)
        if number in (1, 2, 3):
            back = {1: 999, 2: 0, 3: 600}[number]
            more = {"source_ref": paid, "is_reversal": True, "status": "reversal", "late_charge": min(back, 1)}
            world.payment(session, person, date(2024, 3, 20), back, **more)
    night = [f"{local(text).astimezone(world.TOKYO):%Y-%m-%d %H:%M}" for text in ("2024-03-31 22:30", "2024-04-01 02:00")]
    world.spans(session, clerks[0], ("ready", night[0], night[1]), campaign_id=campaigns[0])


def amend(session: Session) -> None:
    """Days later: a result is corrected, a campaign finished and renamed, an operator has left under another name."""
    call = session.scalars(select(Attempt).where(Attempt.line_result == "busy").order_by(Attempt.id).limit(1)).one()
    call.line_result, call.party, call.outcome = "answered", "debtor", "promise_full"
    campaign = session.scalars(select(Campaign).where(Campaign.name == "第1期")).one()
    campaign.name, campaign.status = "第1期(旧)", "finished"
    clerk = session.scalars(select(User).where(User.sign_in_name == "sato")).one()
    clerk.display_name, clerk.is_enabled = "=佐藤", False


def by_command(cut: Cut, capsys: pytest.CaptureFixture[str]) -> Told:
    capsys.readouterr()
    assert run(["report", "headline", "--from", str(FIRST), "--to", str(LAST), "--channel", "all", "--by", str(cut), "--json"]) == 0
    return {row["key"]: [row[code] for code in CODES] for row in json.loads(capsys.readouterr().out)["rows"]}


def lines_of(data: bytes) -> list[list[float | None]]:
    """The numbers of a CSV file without its heads and labels."""
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))[1:]
    return [[float(cell) if cell else None for cell in row[1:]] for row in rows]


def agree(client: Browser, session: Session, cut: Cut, told: Told) -> None:
    asked = f"from={FIRST}&to={LAST}&by={cut}&channel=all"
    rows = client.get(f"/api/v1/reports/headline?{asked}").json()["rows"]
    assert {row["key"]: [row[code] for code in CODES] for row in rows} == told
    assert lines_of(client.get(f"/reports/headline.csv?{asked}").content) == list(told.values())
    book = CalamineWorkbook.from_filelike(io.BytesIO(client.get(f"/reports/headline.xlsx?{asked}").content))
    cells = [[None if cell == "" else cell for cell in row[1:]] for row in book.get_sheet_by_index(0).to_python()[4:]]
    assert cells == [[None if value is None else pytest.approx(value) for value in row] for row in told.values()]
    for code in CROSSED:
        crossed = [row[-1] for row in lines_of(client.get(f"/reports/cross.csv?{asked}&columns=&metric={code}").content)[:-1]]
        mine = [row[CODES.index(code)] for row in told.values()]
        assert list(filter(None, crossed)) == list(filter(None, mine)), code  # hours without a call have no row there
    query = HeadlineQuery(Period(FIRST, LAST, ZONE), cut, "all")
    for key, row in told.items():
        assert len(calls_behind(session, query, BY_CODE["attempts"], Cell(row=key), utc_now())[0]) == row[0], key


def test_every_way_says_the_same(office_id: int, browse: Callable[[Role], Browser], capsys: pytest.CaptureFixture[str]) -> None:
    with transaction(None) as session:
        session.get_one(Office, office_id).time_zone = ZONE.key
        other = Office(code="other", name="他", time_zone=ZONE.key)
        session.add(other)
        session.flush()
        offices = office_id, other.id
    for each in offices:
        with transaction(each) as session:
            town(session)
    client = browse(Role.SUPERVISOR)
    client.app.include_router(api.router)
    sums = []
    for is_amended in (False, True):
        for cut in CUTS:
            told = by_command(cut, capsys)
            with transaction(office_id) as session:
                agree(client, session, cut, told)
            sums.append((cut, sum(row[0] or 0 for row in told.values())))
        if not is_amended:
            with transaction(office_id) as session:
                rebuild(session, FIRST, LAST, utc_now())
                amend(session)
    assert {count for cut, count in sums if cut is not Cut.TAX} == {28}, "the other office's calls are its own"
