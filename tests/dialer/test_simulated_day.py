"""A whole simulated day: never more lines than operators, nobody twice, and the report tells what the carrier's own log tells."""

from __future__ import annotations

from collections import Counter
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
from tests.dialer.world import MORNING, add_debtor, add_work

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
    campaign_id = make_town(office_id, 150, robocalls=50)
    most: list[int] = []

    def watch() -> None:
        legs = lines_of(day)
        assert len(legs) == len(set(legs)) <= OPERATORS
        most.append(len(legs))

    day = SimulatedDay(plan_of(office_id, campaign_id, 2), watch=watch)
    report = day.run()
    assert max(most) == OPERATORS
    assert report.operator_calls > 60
    assert report.robocalls >= 45
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
    recorded = dict(row.tuple() for row in rows)
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


def test_contact_rate_is_near_the_published_one(office_id: int) -> None:
    campaign_id = make_town(office_id, 400)
    day = SimulatedDay(plan_of(office_id, campaign_id, 8, seed=11))
    day.run()
    with transaction(office_id) as session:
        attempts = list(session.scalars(select(Attempt).where(Attempt.line_result != "failed")))
        assert session.scalar(select(func.count()).select_from(PhoneNumber)) == 400
    contacts = [a for a in attempts if a.line_result == "answered" and a.party in CONTACT_PARTIES]
    assert len(attempts) > 150
    assert len(contacts) / len(attempts) == pytest.approx(0.31, abs=0.08)


def test_the_same_seed_tells_the_same_day(office_id: int, clean_database: None) -> None:
    campaign_id = make_town(office_id, 60)
    first = SimulatedDay(plan_of(office_id, campaign_id, 1, seed=5))
    first.run()
    other = SimulatedDay(plan_of(office_id, campaign_id, 1, seed=5))
    assert [call.fate for call in first.carrier.calls.values()]
    for call in first.carrier.calls.values():
        from dialer.telephony.simulator.town import TownBehaviour, fate_of

        assert fate_of(call.number, 1, call.placed_at, TownBehaviour(), 5, is_scripted=False) == call.fate
    assert other.plan == first.plan


def test_a_preview_day(office_id: int) -> None:
    campaign_id = make_town(office_id, 30, dial_mode="preview")
    day = SimulatedDay(plan_of(office_id, campaign_id, 1))
    report = day.run()
    assert report.operator_calls > 15
    assert_log_and_database_agree(day)
    assert_nothing_is_left_open(office_id)
