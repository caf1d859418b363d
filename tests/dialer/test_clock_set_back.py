"""A clock that is set back by an hour in mid-campaign: what is counted goes on being counted, nobody waits for the hour to pass."""

from __future__ import annotations

from datetime import timedelta

from callcenter.core.db import transaction
from dialer.agents.models import AgentSession
from dialer.pacing.ledger import Ledger
from dialer.pacing.pacer import Pacer
from dialer.stepping import make_up_for
from tests.dialer.history import add_history
from tests.dialer.world import MORNING, Hall

HOUR = timedelta(hours=1)
NOON = MORNING + timedelta(hours=3)


def test_abandoned_calls_count_at_once(office_id: int) -> None:
    hall = Hall(office_id, [], operators=0)
    ledger = Ledger(hall.campaign_id)
    with transaction(office_id) as session:
        assert ledger.budget(session, 0.03, NOON, 0.0).answers_today == 0
    add_history(office_id, hall.campaign_id, 5, 0, NOON - HOUR, abandoned=2)
    with transaction(office_id) as session:
        budget = ledger.budget(session, 0.03, NOON - HOUR, 0.0)
    assert (budget.answers_today, budget.abandoned_today) == (5, 2)


def test_pacing_learns_on(office_id: int) -> None:
    hall = Hall(office_id, [], operators=0)
    pacer = Pacer(hall.campaign_id, 0.03)
    with transaction(office_id) as session:
        assert pacer.odds(session, NOON, (), (), ()) is None
        pacer.learn(session, NOON - HOUR - timedelta(minutes=10))  # the clock was set back
    add_history(office_id, hall.campaign_id, 20, 20, NOON - HOUR)
    with transaction(office_id) as session:
        assert pacer.odds(session, NOON - HOUR + timedelta(minutes=5), (), (), ()) is not None


def test_a_phone_that_is_down_is_as_long_down_as_before(office_id: int) -> None:
    hall = Hall(office_id, [])
    hall.dialer.start()
    hall.staff()
    hall.pass_time(1)
    down = hall.clock.now()
    with transaction(office_id) as session:
        agent = session.get_one(AgentSession, (office_id, hall.agent().id))
        agent.leg_down_at, agent.is_leg_up = down, False
        session.flush()
        make_up_for(session, "node1", -HOUR, down - HOUR)
    assert hall.agent().leg_down_at == down - HOUR
