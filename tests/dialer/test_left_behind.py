"""What is left behind when the carrier or a dialer is away: lines are neither given up too early nor left standing."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update

from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from dialer import reaping
from dialer.agents.models import AgentStateSpan
from dialer.calls.models import Call, CallEvent, DialerLease
from dialer.calls.service import request_hang_up
from dialer.controls.models import LineOrder
from dialer.retention import forget_old
from tests.dialer.world import MORNING, Hall


def talking(office_id: int) -> Hall:
    """An operator who talks with a debtor."""
    hall = Hall(office_id, ["0001"])
    hall.dialer.start()
    hall.staff()
    hall.pass_time(20)
    assert (hall.agent().state, hall.calls()[0].state) == ("talking", "bridged")
    return hall


def test_a_line_given_up_while_the_carrier_was_away_is_ended_when_it_is_back(office_id: int) -> None:
    hall = talking(office_id)
    channel = hall.calls()[0].channel_id
    hall.carrier.drop()
    with transaction(office_id) as session:
        assert request_hang_up(session, hall.user_ids[0], hall.clock.now())
    hall.pass_time(reaping.SETTLE_AFTER.total_seconds() + 10)
    assert (hall.agent().state, hall.calls()[0].state) == ("wrap_up", "ended")
    hall.carrier.connect()
    assert channel in (hall.carrier.live_channels() or ())
    hall.pass_time(0.1)
    assert channel not in (hall.carrier.live_channels() or ())
    assert len(hall.calls()) == 1


def test_calls_of_a_dialer_that_seems_gone_stand_while_nobody_can_tell(office_id: int) -> None:
    """A dialer that was held up beyond its lease may be alive, and so may its calls: only the carrier's list says that they are over."""
    hall = talking(office_id)
    with transaction(office_id) as session:
        session.execute(update(DialerLease).values(lease_until=hall.clock.now() - timedelta(seconds=1)))
    for live, expected in ((None, "bridged"), (frozenset({hall.calls()[0].channel_id}), "bridged"), (frozenset[str](), "ended")):
        with transaction(office_id) as session:
            reaping.tidy(session, "another", "simulator", live, hall.clock.now())
        assert hall.calls()[0].state == expected


def test_who_went_home_without_signing_out_is_signed_out(office_id: int) -> None:
    hall = Hall(office_id)
    hall.dialer.start()
    hall.staff()
    hall.pass_time(5)
    for later, expected in ((timedelta(minutes=5), "paused"), (timedelta(minutes=100), "paused"), (timedelta(minutes=20), "ended")):
        hall.clock.move_to(hall.clock.now() + later)
        hall.dialer.step_reap()
        assert hall.agent().state == expected
    with transaction(office_id) as session:
        assert session.scalars(select(AgentStateSpan.id).where(AgentStateSpan.ended_at.is_(None))).all() == []


def test_steps_of_calls_and_orders_go_when_their_time_is_over_and_the_calls_stay(office_id: int) -> None:
    hall = Hall(office_id, ["0002"])
    hall.dialer.start()
    hall.staff()
    hall.pass_time(20)
    old, now = MORNING - timedelta(days=3000), hall.clock.now()
    with transaction(office_id) as session:
        (call,) = session.scalars(select(Call)).all()
        session.execute(update(CallEvent).values(at=old))
        session.add(CallEvent(call_id=call.id, event_key="new", kind="ringing", at=utc_now()))
        for at in (old, utc_now()):
            session.add(LineOrder(agent_session_id=hall.agent().id, call_id=call.id, verb="mute", asked_at=at, taken_at=now))
    gone = forget_old(office_id)
    assert (gone["call_events"] >= 1, gone["line_orders"]) == (True, 1)
    with transaction(office_id) as session:
        assert session.scalars(select(CallEvent.event_key)).all() == ["new"]
        assert len(session.scalars(select(LineOrder.id)).all()) == 1
        assert session.scalars(select(Call.id)).all() == [call.id]
