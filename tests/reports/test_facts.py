"""Facts follow what happens to past days: corrections, reversals, late records, operators still at work."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from callcenter.core.db import transaction
from campaigns.attempts.models import Attempt
from dialer.agents.models import AgentSession, AgentStateSpan
from reports.cuts import Cut
from reports.facts.build import rebuild, refresh
from reports.facts.read import Cover, cover
from reports.figures import Figures
from reports.periods import Period, months_of
from reports.queries import headline as headlines
from reports.queries.headline import HeadlineQuery, headline
from tests.reports import world
from tests.reports.world import at

NOW = at("2026-10-31 12:00")
DAY, TOKYO = date(2026, 9, 1), "Asia/Tokyo"
SEPTEMBER = Period(date(2026, 9, 1), date(2026, 9, 30))


def only(session: Session, period: Period = SEPTEMBER, **more: object) -> Figures:
    return headline(session, HeadlineQuery(period, **more), NOW).rows[0].figures  # type: ignore[arg-type]


def standing(session: Session, first: date = SEPTEMBER.first, last: date = SEPTEMBER.last) -> tuple[int, int, int]:
    """Months, days and spans of raw days of a period."""
    found = cover(session, first, last, TOKYO)
    return len(found.months), len(found.days), len(found.gaps)


@pytest.fixture
def september(session: Session) -> dict[str, int]:
    """A month with a call that made a promise, all of it built."""
    person, clerk = world.debtor(session, ("10", "current")), world.operator(session, "abe")
    call = world.attempt(session, person, "2026-09-01 10:00", "answered", "debtor", outcome="promise_full", operator_id=clerk)
    world.promise(session, person, "2026-09-01 10:00", date(2026, 9, 10), 5000, attempt_id=call, grace_days=0)
    world.spans(session, clerk, ("ready", "2026-09-01 09:00", "2026-09-01 11:00"))
    rebuild(session, SEPTEMBER.first, SEPTEMBER.last, NOW)
    assert standing(session) == (1, 0, 0)
    return {"person": person, "clerk": clerk, "call": call}


def test_a_month_that_stands_is_one_row(session: Session, september: dict[str, int]) -> None:
    found = only(session)
    assert (found.attempts, found.promises, found.promises_due, found.operator_hours) == (1, 1, 1, 2.0)


def test_an_amended_result_flows_through(session: Session, september: dict[str, int]) -> None:
    session.get_one(Attempt, (session.info["office_id"], september["call"])).outcome = "refuses"
    session.flush()
    assert standing(session) == (0, 29, 1), "its day is counted from the raw rows until it is built again"
    assert only(session).promises == 0
    assert refresh(session, NOW) > 0
    assert standing(session) == (1, 0, 0)
    assert only(session).promises == 0


def test_a_payment_and_its_reversal_flow_through(session: Session, september: dict[str, int]) -> None:
    reference = world.payment(session, september["person"], date(2026, 9, 5), 5000)
    assert only(session).promises_kept == 1
    refresh(session, NOW)
    assert (only(session).promises_kept, standing(session)) == (1, (1, 0, 0))
    world.payment(session, september["person"], date(2026, 9, 5), 5000, source_ref=reference, is_reversal=True, status="reversal")
    assert only(session).promises_kept == 0
    refresh(session, NOW)
    assert (only(session).promises_kept, standing(session)) == (0, (1, 0, 0))


def test_a_call_given_to_another_operator_takes_its_promise_along(session: Session, september: dict[str, int]) -> None:
    other = world.operator(session, "ito")
    session.get_one(Attempt, (session.info["office_id"], september["call"])).operator_id = other
    session.flush()
    for _ in range(2):
        rows = {row.key: row.figures for row in headline(session, HeadlineQuery(SEPTEMBER, Cut.OPERATOR), NOW).rows}
        assert (rows["ito"].attempts, rows["ito"].promises_due) == (1, 1)
        assert (rows["abe"].attempts, rows["abe"].operator_hours) == (0, 2.0)
        refresh(session, NOW)


def test_a_late_record_and_a_removed_one(session: Session, september: dict[str, int]) -> None:
    late = world.attempt(session, september["person"], "2026-09-03 10:00", "no_answer")
    assert only(session).attempts == 2
    refresh(session, NOW)
    session.execute(text("DELETE FROM attempt WHERE id = :id"), {"id": late})
    assert only(session).attempts == 1
    assert only(session).persons_attempted == 1


def test_an_operator_who_never_signed_out_leaves_the_days_to_the_raw_rows(session: Session) -> None:
    clerk = world.operator(session, "abe")
    world.spans(session, clerk, ("ready", "2026-09-29 09:00", None))
    rebuild(session, SEPTEMBER.first, SEPTEMBER.last, NOW)
    assert standing(session) == (0, 28, 1)
    assert only(session, Period(date(2026, 9, 30), date(2026, 9, 30))).operator_hours == 24.0
    span = session.query(AgentStateSpan).one()
    span.ended_at = session.query(AgentSession).one().ended_at = at("2026-09-29 17:00")
    session.flush()
    refresh(session, NOW)
    assert standing(session) == (1, 0, 0)
    assert only(session).operator_hours == 8.0


def test_another_time_zone_makes_facts_void(session: Session, september: dict[str, int]) -> None:
    assert cover(session, DAY, DAY, "Asia/Seoul").gaps == ((DAY, DAY),)


def test_today_is_never_built(session: Session) -> None:
    now = session.execute(text("SELECT now()")).scalar_one()
    person = world.debtor(session, ("10", "current"))
    world.attempt(session, person, now, "no_answer")
    world.attempt(session, person, now - timedelta(days=2), "no_answer")
    refresh(session, now + timedelta(days=3))
    today = now.astimezone(Period(DAY, DAY).zone).date()
    assert standing(session, today - timedelta(days=2), today) == (0, 2, 1)
    assert headline(session, HeadlineQuery(Period(today - timedelta(days=2), today)), now).rows[0].figures.attempts == 2


def test_a_turn_builds_the_newest_days_first_and_the_next_goes_on(session: Session) -> None:
    person = world.debtor(session, ("10", "current"))
    world.attempt(session, person, "2026-09-01 10:00")
    world.attempt(session, person, "2026-10-30 10:00")
    assert refresh(session, NOW, most=5) == 5
    assert standing(session, date(2026, 10, 26), date(2026, 10, 30)) == (0, 5, 0)
    while refresh(session, NOW, most=20):
        pass
    assert standing(session) == (1, 0, 0)


def test_two_offices_do_not_share_facts(session: Session, september: dict[str, int]) -> None:
    assert session.scalar(text("SELECT count(DISTINCT office_id) FROM fact")) == 1


def test_a_period_is_cut_at_the_ends_of_months() -> None:
    parts = months_of(Period(date(2026, 1, 31), date(2026, 3, 1)))
    assert parts == [
        (date(2026, 1, 31), date(2026, 1, 31)),
        (date(2026, 2, 1), date(2026, 2, 28)),
        (date(2026, 3, 1), date(2026, 3, 1)),
    ]


def test_a_sign_in_that_goes_on_over_midnight_is_counted_when_it_ends(session: Session) -> None:
    """Its hours belong to every campaign it is called for, also after midnight: until it ends its days are left to the raw rows."""
    clerk, early, late = world.operator(session, "abe"), world.campaign(session, "朝"), world.campaign(session, "夜")
    person = world.debtor(session, ("10", "current"))
    world.attempt(session, person, "2026-09-01 23:00", operator_id=clerk, campaign_id=early)
    world.spans(session, clerk, ("ready", "2026-09-01 22:00", "2026-09-01 23:30"), ("paused", "2026-09-01 23:30", None))
    session.execute(text("UPDATE agent_state_span SET ended_at = :at WHERE ended_at IS NULL"), {"at": at("2026-09-02 00:05")})
    agent = session.scalars(select(AgentSession)).one()
    resting = AgentStateSpan(agent_session_id=agent.id, user_id=clerk, state="ready", began_at=at("2026-09-02 00:05"))
    world.add(session, resting)
    rebuild(session, DAY, DAY, at("2026-09-02 00:30"))
    world.attempt(session, person, "2026-09-02 01:00", operator_id=clerk, campaign_id=late)
    resting.ended_at = agent.ended_at = at("2026-09-02 02:00")
    session.flush()
    first = Period(DAY, DAY)
    expected = [only(session, first, campaign_id=number, until=at("2026-09-30 00:00")).operator_hours for number in (early, late)]
    assert expected == [1.5, 1.5]
    assert [only(session, first, campaign_id=number).operator_hours for number in (early, late)] == expected
    rebuild(session, DAY, DAY, NOW)
    assert standing(session, DAY, DAY) == (0, 1, 0)
    assert [only(session, first, campaign_id=number).operator_hours for number in (early, late)] == expected


def test_a_page_that_is_made_while_days_are_counted_again_misses_none(office_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """More days changed at once than a turn counts, just after the page looked up what stands: a day of them vanished from its figures."""
    with transaction(office_id) as session:
        person = world.debtor(session)
        for day in range(1, 31):
            world.attempt(session, person, f"2026-09-{day:02d} 10:00")
        rebuild(session, SEPTEMBER.first, SEPTEMBER.last, NOW)

    def then_counted_again(*given: Any, **more: Any) -> Cover:
        found = cover(*given, **more)
        with transaction(office_id) as other:
            other.execute(text("UPDATE attempt SET talk_seconds = 1"))
        with transaction(office_id) as other:
            refresh(other, at("2026-10-01 12:00"), most=1)
        return found

    monkeypatch.setattr(headlines, "cover", then_counted_again)
    with transaction(office_id) as session:
        assert only(session).attempts == 30
    monkeypatch.setattr(headlines, "cover", cover)
    with transaction(office_id) as session:
        assert standing(session) == (0, 1, 1)
        assert only(session).attempts == 30
        assert refresh(session, at("2026-10-01 12:00"), most=100) == 29
        assert standing(session) == (1, 0, 0)
