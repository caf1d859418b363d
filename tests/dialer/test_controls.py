"""What operators ask of a line, with the real worker and database and the simulated carrier, in virtual time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from callcenter.auth.models import Role, User
from callcenter.core.db import transaction
from callcenter.core.errors import Conflict, InvalidInput
from campaigns.attempts.models import Attempt, Escalation
from dialer.agents import phones
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.calls.models import Call
from dialer.calls.service import request_hang_up
from dialer.controls import service as controls
from dialer.controls.models import Consultation, LineOrder
from dialer.controls.queries import LineView, line_view
from dialer.controls.state import ALLOWED_IN, Talk, Verb, may_ask
from dialer.telephony.errors import CarrierRefused
from tests.dialer.world import Hall

TALKS = "0001"  # answers after a moment and stays


@pytest.fixture
def hall(office_id: int) -> Hall:
    made = Hall(office_id, [TALKS])
    with transaction(office_id) as session:
        session.add(User(sign_in_name="officer", display_name="戸田", role=Role.TAX_OFFICER, phone_address="officer1"))
    made.dialer.start()
    made.staff()
    made.pass_time(2)
    assert made.agent().state == "talking"
    return made


def ask(hall: Hall, verb: Verb) -> None:
    with transaction(hall.office_id) as session:
        controls.ask(session, hall.user_ids[0], hall.calls()[-1].attempt_id, verb, hall.clock.now())
    hall.settle()


def consult(hall: Hall) -> None:
    with transaction(hall.office_id) as session:
        officer_id = controls.officers(session)[0][0]
        controls.consult(session, hall.user_ids[0], hall.calls()[-1].attempt_id, officer_id, "instalment", hall.clock.now())
    hall.settle()


def line(hall: Hall) -> LineView:
    with transaction(hall.office_id) as session:
        return line_view(session, hall.agent().id, hall.calls()[-1].id)


def test_hold_and_mute_are_shown_once_they_hold_and_end_with_the_call(hall: Hall) -> None:
    ask(hall, Verb.HOLD)
    ask(hall, Verb.MUTE)
    assert line(hall).held_at == hall.clock.now()
    assert line(hall).is_muted
    ask(hall, Verb.RESUME)
    assert line(hall).held_at is None
    with transaction(hall.office_id) as session:
        assert request_hang_up(session, hall.user_ids[0], hall.clock.now())
    hall.pass_time(6)
    assert (hall.agent().state, hall.agent().is_muted) == ("wrap_up", False)  # nobody begins the next conversation muted


def test_what_the_carrier_refuses_is_told_and_changes_nothing(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(channel_id: str) -> None:
        raise CarrierRefused("no", code="not_supported")

    monkeypatch.setattr(hall.carrier, "hold", refuse)
    ask(hall, Verb.HOLD)
    assert (line(hall).held_at, line(hall).problem) == (None, "not_supported")
    with transaction(hall.office_id) as session:
        later = line_view(session, hall.agent().id, hall.calls()[-1].id, hall.clock.now())
    assert later.problem == "", "a wish of before is not told for ever"
    consult(hall)
    assert (line(hall).talk, line(hall).ending) == (None, "refused")


def test_an_order_is_taken_once_even_if_the_dialer_dies_over_it(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def die(channel_id: str, keys: str, room: str) -> None:
        done.append(keys)
        raise KeyboardInterrupt

    monkeypatch.setattr(hall.carrier, "send_keys", die)
    with transaction(hall.office_id) as session:
        controls.send_keys(session, hall.user_ids[0], hall.calls()[-1].attempt_id, "12#", hall.clock.now())
    with pytest.raises(KeyboardInterrupt):
        hall.settle()
    hall.new_dialer().start()
    hall.pass_time(6)
    assert done == ["12#"]
    with transaction(hall.office_id) as session:
        assert session.scalars(select(LineOrder.argument)).all() == [""]


def test_an_officer_takes_over_and_the_operator_writes_it_down(hall: Hall) -> None:
    consult(hall)
    assert (line(hall).talk, line(hall).held_at is not None) == (Talk.CALLING, True)
    with pytest.raises(Conflict):
        ask(hall, Verb.HAND_OVER)  # nobody is given to a telephone that rings
    hall.pass_time(4)
    assert line(hall).talk is Talk.TALKING
    ask(hall, Verb.HAND_OVER)
    assert hall.agent().state == "wrap_up"
    attempt, call = hall.attempts()[0], hall.calls()[0]
    assert (attempt.state, attempt.line_result, call.state, call.held_at) == ("wrap_up", "answered", "bridged", None)
    with transaction(hall.office_id) as session:
        assert session.scalars(select(Escalation.reason)).all() == ["instalment"]
        assert not request_hang_up(session, hall.user_ids[0], hall.clock.now())  # it is the officer's line now
    hall.carrier.hang_up(call.channel_id)
    hall.pass_time(6)
    assert (hall.calls()[0].state, hall.agent().state, hall.attempts()[0].state) == ("ended", "wrap_up", "wrap_up")
    with transaction(hall.office_id) as session:
        assert session.scalars(select(Consultation.ending)).all() == ["handed_over"]
        assert session.scalars(select(Attempt.talk_seconds)).one() >= 4


def test_a_call_that_ends_frees_the_officer(hall: Hall) -> None:
    consult(hall)
    hall.pass_time(4)
    hall.carrier.hang_up(hall.calls()[0].channel_id)
    hall.pass_time(6)
    with transaction(hall.office_id) as session:
        talk = session.scalars(select(Consultation)).one()
    assert (talk.state, talk.ending) == ("ended", "call_over")
    assert talk.channel_id not in (hall.carrier.live_channels() or ())


def test_a_leg_that_breaks_in_mid_call_comes_back_in_the_same_room(hall: Hall) -> None:
    before = hall.agent()
    hall.carrier.close_leg(before.leg_channel)
    hall.pass_time(8)
    after = hall.agent()
    assert (after.state, after.is_leg_up, after.leg_id) == ("talking", True, before.leg_id)
    assert after.leg_channel != before.leg_channel
    assert hall.calls()[0].state == "bridged"


def test_nobody_waits_for_a_telephone_that_does_not_come_back(hall: Hall) -> None:
    hall.carrier.refuses_legs = True
    hall.carrier.close_leg(hall.agent().leg_channel)
    hall.pass_time(60)
    assert (hall.calls()[0].state, hall.agent().state) == ("ended", "wrap_up")


def test_a_browsers_telephone_is_called_only_when_its_page_says_so(office_id: int) -> None:
    hall = Hall(office_id, [])
    hall.dialer.start()
    made: list[str] = []
    hall.carrier.make_phone = lambda login: made.append(login.name)  # type: ignore[method-assign]
    with transaction(office_id) as session:
        session.execute(update(User).values(phone_address=""))
        agent = phones.begin(session, hall.user_ids[0], hall.clock.now(), has_softphone=True)
        assert (agent.leg_kind, agent.state) == ("browser", "paused")
        phones.may_register(session, agent, "secret")
    hall.pass_time(6)
    assert made == [phones.phone_name(office_id, hall.user_ids[0])]
    assert not hall.agent().is_leg_up
    with transaction(office_id) as session:
        phones.call_me(session, agents.require_live(session, hall.user_ids[0]), hall.clock.now())
    hall.pass_time(6)
    first = hall.agent()
    assert first.is_leg_up
    with transaction(office_id) as session:
        phones.call_me(session, agents.require_live(session, hall.user_ids[0]), hall.clock.now())  # the page lost its end
    hall.pass_time(6)
    assert hall.agent().is_leg_up
    assert hall.agent().leg_channel != first.leg_channel
    assert first.leg_channel not in (hall.carrier.live_channels() or ())


def test_the_telephone_is_chosen_before_calls_and_remembered(hall: Hall) -> None:
    with transaction(hall.office_id) as session, pytest.raises(Conflict):
        phones.choose(session, hall.user_ids[0], "browser", hall.clock.now(), has_softphone=True)
    with transaction(hall.office_id) as session, pytest.raises(InvalidInput):
        phones.choose(session, hall.user_ids[0], "browser", hall.clock.now(), has_softphone=False)
    hall.carrier.hang_up(hall.calls()[0].channel_id)
    hall.pass_time(6)
    with transaction(hall.office_id) as session:
        session.execute(update(AgentSession).values(state="paused", attempt_id=None))
        session.execute(update(Call).values(ended_at=hall.clock.now() - timedelta(seconds=1)))
    with transaction(hall.office_id) as session:
        assert phones.usual_kind(session, hall.user_ids[0], has_softphone=True) == "desk"
        phones.choose(session, hall.user_ids[0], "browser", hall.clock.now(), has_softphone=True)
    with transaction(hall.office_id) as session:
        assert phones.usual_kind(session, hall.user_ids[0], has_softphone=True) == "browser"
        assert phones.usual_kind(session, hall.user_ids[0], has_softphone=False) == "desk"


def test_each_verb_has_its_moments() -> None:
    assert set(ALLOWED_IN) == set(Verb)
    assert not any(may_ask(verb, talk) for verb in Verb for talk in (Talk.HANDED_OVER, Talk.ENDED))
    assert [talk for talk in (None, *Talk) if may_ask(Verb.HAND_OVER, talk)] == [Talk.TALKING, Talk.JOINED]
