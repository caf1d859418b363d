"""Two dialers of one office: each leaves the other's calls and operators alone for as long as the other lives."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from threading import Timer

import pytest
from sqlalchemy import select

from callcenter.core.db import transaction
from callcenter.core.errors import Conflict
from campaigns.planning.service import set_status
from campaigns.planning.state import CampaignStatus
from dialer.agents import phones
from dialer.calls.models import DialerLease
from dialer.legs import phones_to_make
from dialer.pacing.standing import standing_of
from dialer.sharing import WakeUp
from dialer.telephony.simulator.carrier import SimulatedCarrier
from dialer.worker import Dialer, DialerSettings
from tests.dialer.world import Hall

STAYS = "0001"


def second_dialer(hall: Hall) -> Dialer:
    made = Dialer(SimulatedCarrier(hall.clock, seed=8), hall.clock, DialerSettings("node2", "+81300000000", round_seconds=5.0))
    made.start()
    return made


def work(hall: Hall, other: Dialer, seconds: int) -> None:
    """Both dialers work side by side."""
    for _ in range(seconds):
        hall.clock.move_to(hall.clock.now() + timedelta(seconds=1))
        hall.settle()
        while other.step(0):
            continue


def change(hall: Hall, status: CampaignStatus) -> None:
    with transaction(hall.office_id) as session:
        set_status(session, hall.campaign_id, status, hall.clock.now())


def test_a_dialer_whose_campaign_pauses_or_ends_in_mid_call_is_not_taken_for_dead(office_id: int) -> None:
    hall = Hall(office_id, [STAYS])
    hall.dialer.start()
    hall.staff()
    other = second_dialer(hall)
    work(hall, other, 3)
    assert hall.agent().state == "talking"
    for status in (CampaignStatus.PAUSED, CampaignStatus.FINISHED):
        change(hall, status)
        work(hall, other, 25)
        assert (hall.agent().state, hall.agent().is_leg_up, hall.calls()[0].ended_at) == ("talking", True, None)
        with transaction(office_id) as session:
            assert standing_of(session, hall.campaign_id, hall.clock.now()).why == ""
    with transaction(office_id) as session:
        assert session.scalars(select(DialerLease)).all() == []


def test_a_browsers_phone_is_taken_by_one_of_two_dialers(office_id: int) -> None:
    hall = Hall(office_id, [])
    with transaction(office_id) as session:
        agent = phones.begin(session, hall.user_ids[0], hall.clock.now(), has_softphone=True)
        agent.leg_kind = phones.BROWSER
        phones.may_register(session, agent, "secret")
    with transaction(office_id) as one, transaction(office_id) as two:
        assert len(phones_to_make(one, "node1")) == 1
        assert phones_to_make(two, "node2") == []
    assert hall.agent().leg_node == "node1"


def test_a_name_is_free_once_whoever_had_it_is_gone(database_url: str) -> None:
    with WakeUp(database_url, "once"), pytest.raises(Conflict):
        WakeUp(database_url, "once").__enter__()
    with ExitStack() as dying:
        dying.enter_context(WakeUp(database_url, "once"))
        gone = Timer(0.3, dying.close)
        gone.start()
        with WakeUp(database_url, "once", patience=60.0):
            gone.join()
