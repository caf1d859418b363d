"""A whole simulated day: never more lines than operators, nobody twice, and the report tells what the carrier's own log tells."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from callcenter.core.db import transaction
from campaigns.attempts.codes import CONTACT_PARTIES, PROMISE_OUTCOMES, RIGHT_PARTIES, Channel, LineResult, Party
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import PhoneNumber
from campaigns.planning.service import create_campaign, set_status
from campaigns.planning.state import CampaignStatus
from campaigns.promises.models import Promise
from dialer.agents.models import AgentSession, AgentStateSpan
from dialer.calls.models import Call
from dialer.telephony.simulator.day import DayPlan, SimulatedDay
from reports.cuts import Cut
from reports.periods import read_period
from reports.queries.headline import HeadlineQuery, headline
from tests.dialer.world import JST, MORNING, add_debtor, add_work

pytestmark = pytest.mark.slow

OPERATORS = 3


def make_town(office_id: int, people: int, robocalls: int = 0, **campaign: str) -> int:
    """A running campaign with work for `people` debtors, of whom the last `robocalls` are called automatically."""
    with transaction(office_id) as session:
        made = create_campaign(session, "11月", MORNING, **campaign)  # type: ignore[arg-type]
        set_status(session, made.id, CampaignStatus.RUNNING, MORNING)
        debtors = [add_debtor(session, n) for n in range(1, people + 1)]
        session.flush()
        ids = [debtor.id for debtor in debtors]
        split = people - robocalls
        add_work(session, made.id, ids[:split], Channel.OPERATOR_CALL)
        add_work(session, made.id, ids[split:], Channel.AUTO_CALL)
        return made.id


def plan_of(office_id: int, campaign_id: int, hours: float, seed: int = 3) -> DayPlan:
    return DayPlan(office_id, campaign_id, MORNING, MORNING + timedelta(hours=hours), operators=OPERATORS, seed=seed)


def lines_of(day: SimulatedDay) -> list[str]:
    """Voice legs of calls under way, by the carrier's own account."""
    return [call.leg_id for call in day.carrier.calls.values() if call.ended_at is None and call.leg_id is not None]


def test_a_day_of_operators_and_robocalls(office_id: int) -> None:
    campaign_id = make_town(office_id, 100, robocalls=40)
    most: list[int] = []

    def watch() -> None:
        legs = lines_of(day)
        assert len(legs) == len(set(legs)) <= OPERATORS
        most.append(len(legs))

    day = SimulatedDay(plan_of(office_id, campaign_id, 1), watch=watch)
    report = day.run()
    assert max(most) == OPERATORS
    assert report.operator_calls > 30
    assert report.robocalls >= 36
    assert_log_and_database_agree(day)
    assert_nothing_is_left_open(office_id)
    assert_nobody_was_called_too_often(day)


def assert_log_and_database_agree(day: SimulatedDay) -> None:
    """The carrier's log, call by call, against the attempts on record."""
    with transaction(day.plan.office_id) as session:
        rows = session.execute(
            select(Call.channel_id, Attempt).join(Attempt, (Attempt.office_id == Call.office_id) & (Attempt.id == Call.attempt_id))
        ).all()
        promises = session.scalar(select(func.count()).select_from(Promise))
    recorded = {row[0]: row[1] for row in rows}
    assert set(recorded) == set(day.carrier.calls)
    for channel, call in day.carrier.calls.items():
        attempt, truth = recorded[channel], call.line_result
        assert attempt.line_result == truth
        if truth is LineResult.ANSWERED and not call.is_robocall:
            heard = attempt.party if call.fate.party is Party.DEBTOR and attempt.verified_at is None else call.fate.party
            assert attempt.party == heard
        if call.is_robocall and call.digits:
            assert attempt.robocall_keys == call.digits
    made = [attempt for attempt in recorded.values() if attempt.outcome in PROMISE_OUTCOMES]
    assert len(made) == promises
    assert all(attempt.party in RIGHT_PARTIES for attempt in made)


def assert_nothing_is_left_open(office_id: int) -> None:
    with transaction(office_id) as session:
        assert session.scalar(select(func.count()).where(Call.state != "ended")) == 0
        assert session.scalar(select(func.count()).where(Attempt.state != "closed")) == 0
        assert session.scalar(select(func.count()).where(AgentSession.state != "ended")) == 0
        assert session.scalar(select(func.count()).where(AgentStateSpan.ended_at.is_(None))) == 0


def assert_nobody_was_called_too_often(day: SimulatedDay) -> None:
    """One attempt a day and person, unless they asked to be called back; equipment failures reached nobody."""
    reached = Counter(call.number for call in day.carrier.calls.values() if call.line_result is not LineResult.FAILED)
    with transaction(day.plan.office_id) as session:
        asked = set(
            session.scalars(
                select(PhoneNumber.e164)
                .join(Attempt, (Attempt.office_id == PhoneNumber.office_id) & (Attempt.phone_id == PhoneNumber.id))
                .where(Attempt.outcome.in_(("callback_promised", "interrupted")))
            )
        )
    assert [number for number, count in reached.items() if count > 1 and number not in asked] == []


def test_the_report_tells_what_the_carrier_and_the_operators_tell(office_id: int) -> None:
    """Counted from their own accounts: the report, cut by nothing and by hour, has the very same figures."""
    campaign_id = make_town(office_id, 60)
    day = SimulatedDay(plan_of(office_id, campaign_id, 1, seed=11))
    day.run()
    period = read_period("2026-11-18", "2026-11-18")
    query = HeadlineQuery(period, campaign_id=campaign_id)
    with transaction(office_id) as session:
        (row,) = headline(session, query, day.clock.now()).rows
        by_hour = headline(session, replace(query, cut=Cut.HOUR), day.clock.now()).rows
    made = [call for call in day.carrier.calls.values() if call.line_result is not LineResult.FAILED]
    parties = [party for party, _ in day.operators.diary.values()]
    assert row.figures.attempts == len(made) > 30
    assert row.figures.persons_attempted == len({call.number for call in made})
    assert row.figures.contacts == sum(party in CONTACT_PARTIES for party in parties) > 5
    assert row.figures.right_party_contacts == sum(party in RIGHT_PARTIES for party in parties)
    assert row.figures.promises == sum(outcome in PROMISE_OUTCOMES for _, outcome in day.operators.diary.values())
    hours = Counter(f"{call.placed_at.astimezone(JST):%H}" for call in made)
    assert {cut.key: cut.figures.attempts for cut in by_hour if cut.figures.attempts} == dict(hours)


def test_a_preview_day(office_id: int) -> None:
    campaign_id = make_town(office_id, 12, dial_mode="preview")
    day = SimulatedDay(plan_of(office_id, campaign_id, 1))
    report = day.run()
    assert report.operator_calls >= 10
    assert_log_and_database_agree(day)
    assert_nothing_is_left_open(office_id)
