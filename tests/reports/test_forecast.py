"""Half hours counted from real rows, and the page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import polars as pl
import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from callcenter.auth.models import Role
from callcenter.commands.sampling.debts import installments
from callcenter.commands.sampling.draws import Draws
from callcenter.commands.sampling.history import attempts
from callcenter.commands.sampling.people import debtors
from callcenter.core.clock import local_day, utc_now
from callcenter.core.db import transaction
from campaigns.attempts.models import Attempt
from campaigns.worklist.models import WorkItem
from reports import jobs
from reports.forecasts.counting import KEPT_DAYS, count_days, history_of, promised_callbacks
from reports.forecasts.method import COVERED, backtest, calls_per_operator
from tests.reports import world
from tests.reports.conftest import Browser

NOW = datetime.fromisoformat("2026-09-10T12:00:00+09:00")


def test_half_hours_are_counted_by_the_office_s_clock(session: Session) -> None:
    clerks, person = [world.operator(session, name) for name in ("sato", "ito")], world.debtor(session)
    for minute, clerk in ((0, 0), (29, 1), (30, 0), (59, 0)):
        world.attempt(session, person, f"2026-09-09 09:{minute:02d}", operator_id=clerks[clerk])
    world.attempt(session, person, "2026-09-09 09:10", "failed", operator_id=clerks[0])
    world.attempt(session, person, "2026-09-09 09:11", "answered", None, is_inbound=True, handed_over_at=None)
    world.attempt(session, person, "2026-09-09 23:59", channel="auto_call")
    world.attempt(session, person, "2026-09-10 09:00", operator_id=clerks[0])  # today is not over
    assert count_days(session, NOW) == KEPT_DAYS
    assert history_of(session).days == {date(2026, 9, 9): {18: (2, 2, 1), 19: (2, 1, 0)}}
    world.attempt(session, person, "2026-09-09 09:12", operator_id=clerks[0])
    assert count_days(session, NOW) == 3
    assert history_of(session).days[date(2026, 9, 9)][18] == (3, 2, 1)
    assert count_days(session, NOW + timedelta(days=400), most=5) == 5
    assert history_of(session).days == {}


def test_on_the_sample_town_the_forecast_is_no_worse_than_last_week(session: Session) -> None:
    as_of = date(2026, 9, 10)
    draws = Draws(42)
    people = debtors(draws, 3000, as_of)
    rows = attempts(draws, people, installments(draws, people, as_of), as_of)
    calls = rows.filter(pl.col("channel") == "operator_call").select("began", "operator", "line_result")
    clerks = {name: world.operator(session, name) for name in sorted(set(calls["operator"]))}
    shared = {"debtor_id": world.debtor(session), "channel": "operator_call", "state": "closed", "source": "imported"}
    times = [(began.replace(tzinfo=world.TOKYO), clerks[name], line) for began, name, line in calls.iter_rows()]
    session.execute(insert(Attempt), [shared | {"began_at": at, "operator_id": who, "line_result": line} for at, who, line in times])
    while count_days(session, NOW, most=40) > 3:
        pass
    found = backtest(history_of(session), calls_per_operator)
    assert found is not None
    assert found.half_hours > 200
    assert found.error <= found.naive_error
    assert found.coverage is not None
    assert found.coverage >= COVERED - 0.1


def test_promised_call_backs_stand_in_their_half_hour(session: Session) -> None:
    campaign_id = world.campaign(session)
    for hour in (10, 10, 15):
        item = WorkItem(campaign_id=campaign_id, debtor_id=world.debtor(session), channel="operator_call", is_callback=True)
        item.not_before = world.at(f"2026-09-11 {hour}:30")
        item.created_at = item.updated_at = NOW
        world.add(session, item)
    assert promised_callbacks(session, date(2026, 9, 11)) == {21: 2, 31: 1}
    assert promised_callbacks(session, date(2026, 9, 12)) == {}


def test_the_page(browse: Callable[[Role], Browser], office_id: int) -> None:
    client = browse(Role.SUPERVISOR)
    assert "見込むための記録がまだありません" in client.get("/reports/forecast").text
    with transaction(office_id) as session:
        clerk, person, today = world.operator(session, "sato"), world.debtor(session), local_day(utc_now())
        for number in range(1, 18):
            for slot in range(3):
                world.attempt(session, person, f"{today - timedelta(days=number)} {9 + slot:02d}:05", operator_id=clerk)
    while jobs.count_half_hours(office_id) > 3:
        pass
    shown = client.get("/reports/forecast?operators=4")
    assert shown.status_code == 200
    for words in ("架電できる件数", "9:00–", "先週", "whisker"):
        assert words in shown.text


@pytest.mark.parametrize("query", ["operators=0", "operators=x", "day=x", "day=2000-01-01"])
def test_what_can_not_be_read_is_said(browse: Callable[[Role], Browser], query: str) -> None:
    assert browse(Role.AUDITOR).get(f"/reports/forecast?{query}").status_code == 422
