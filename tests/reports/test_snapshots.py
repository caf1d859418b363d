"""Answers about a large list: counted once, kept for a moment with their moment, counted again while somebody looks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.auth.models import Role
from callcenter.core.db import transaction
from reports import jobs, snapshots
from reports.collection import ageing
from reports.periods import Period
from reports.queries.headline import HeadlineQuery
from reports.queries.measures import measured
from reports.queries.patterns import list_counts
from reports.questions import COUNTERS, ages_of, list_counts_of, measures_of, rolls_of
from tests.reports import world
from tests.reports.conftest import Browser

NOW = world.at("2026-09-20 12:00")
QUERY = HeadlineQuery(Period(date(2026, 9, 1), date(2026, 9, 20)))


@pytest.fixture
def large(session: Session, monkeypatch: pytest.MonkeyPatch) -> int:
    """A list that counts as large from two persons on; one of them owes and has promised."""
    monkeypatch.setattr(snapshots, "LARGE", 2)
    person, clerk = world.debtor(session, ("10", "current")), world.operator(session, "abe")
    world.debtor(session)
    call = world.attempt(session, person, "2026-09-01 10:00", "answered", "debtor", outcome="promise_full", operator_id=clerk)
    world.promise(session, person, "2026-09-01 10:00", date(2026, 9, 10), 5000, attempt_id=call, grace_days=0)
    return person


def test_a_snapshot_says_what_the_raw_rows_said_at_its_moment(session: Session, large: int) -> None:
    for ask in (list_counts_of, measures_of):
        first, later = ask(session, QUERY, NOW), ask(session, QUERY, NOW + timedelta(seconds=30))
        assert first == later
        assert later[1] == NOW
    assert list_counts_of(session, QUERY, NOW)[0] == list_counts(session, QUERY, NOW)
    assert measures_of(session, QUERY, NOW)[0] == measured(session, QUERY, NOW)
    assert ages_of(session, NOW.date(), NOW)[0] == ageing.ages(session, NOW.date())
    months, rows = ageing.rolls(session, NOW.date(), "Asia/Tokyo")
    for _ in range(2):
        assert rolls_of(session, NOW.date(), "Asia/Tokyo", NOW) == (months, rows, NOW)


def test_it_is_as_of_its_moment_and_too_old_a_one_is_not_shown(session: Session, large: int) -> None:
    assert list_counts_of(session, QUERY, NOW)[0]["kept"] == 0
    world.payment(session, large, date(2026, 9, 5), 5000)
    soon, old = NOW + snapshots.LONGEST, NOW + snapshots.LONGEST + timedelta(seconds=1)
    counted, as_of = list_counts_of(session, QUERY, soon)
    assert (counted["kept"], as_of) == (0, NOW)
    counted, as_of = list_counts_of(session, QUERY, old)
    assert (counted["kept"], as_of) == (1, old)


def test_the_worker_counts_again_what_somebody_looks_at(session: Session, large: int) -> None:
    list_counts_of(session, QUERY, NOW)
    world.payment(session, large, date(2026, 9, 5), 5000)
    assert snapshots.count_again(session, COUNTERS, NOW + timedelta(seconds=10)) == 0
    minute = NOW + timedelta(seconds=60)
    assert snapshots.count_again(session, COUNTERS, minute) == 1
    counted, as_of = list_counts_of(session, QUERY, minute + timedelta(seconds=10))
    assert (counted["kept"], as_of) == (1, minute)
    assert snapshots.count_again(session, COUNTERS, NOW + timedelta(hours=1)) == 0, "nobody looked for a while"
    snapshots.count_again(session, COUNTERS, NOW + timedelta(days=2))
    assert session.scalar(text("SELECT count(*) FROM report_snapshot")) == 0


def test_another_day_is_another_question(session: Session, large: int) -> None:
    early = world.at("2026-09-05 12:00")
    assert list_counts_of(session, QUERY, early)[0]["due"] == 0
    assert list_counts_of(session, QUERY, NOW)[0]["due"] == 1


def test_a_short_list_is_counted_each_time(session: Session) -> None:
    world.debtor(session)
    assert list_counts_of(session, QUERY, NOW)[0]["listed"] == 1
    world.debtor(session)
    assert list_counts_of(session, QUERY, NOW) == (list_counts(session, QUERY, NOW), NOW)
    assert session.scalar(text("SELECT count(*) FROM report_snapshot")) == 0


def test_pages_say_as_of_when(browse: Callable[[Role], Browser], office_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "LARGE", 1)
    with transaction(office_id) as session:
        world.debtor(session, ("10", "current"))
    client = browse(Role.SUPERVISOR)
    for address in ("/reports", "/reports/collection", "/reports/definitions?values=1"):
        assert "現在です" not in client.get(address).text
        assert "現在です" in client.get(address).text
    with transaction(office_id) as session:
        session.execute(text("UPDATE report_snapshot SET as_of = as_of - interval '1 minute'"))
    assert jobs.refresh_snapshots(office_id) == 4
