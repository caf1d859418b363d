"""What simulated shifts found: a held-up dialer, a hang-up that did not get through, a clock that was set back, a small trunk."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from callcenter.core import faults
from callcenter.core.db import transaction
from campaigns.compliance.documents import to_document
from campaigns.compliance.models import ContactPolicyVersion
from campaigns.compliance.presets import municipality
from dialer.agents import preview
from dialer.agents import service as agents
from dialer.calls.service import request_hang_up
from dialer.telephony.errors import CarrierUnreachable
from dialer.telephony.events import CarrierEvent, EventKind
from tests.dialer.world import Hall


def test_a_permission_that_ended_while_the_dialer_was_held_up_is_not_acted_upon(office_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(office_id, ["0003"])
    hall.dialer.start()
    hall.staff()

    def hold_up(point: str) -> None:
        if point == "call.opened":
            hall.clock.sleep(80)

    monkeypatch.setenv(faults.SWITCH, "1")
    faults.listen(hold_up)
    try:
        hall.settle()
    finally:
        faults.listen(None)
    assert len(hall.carrier.calls) == 0
    assert [(attempt.line_result, attempt.handed_over_at) for attempt in hall.attempts()] == [("failed", None)]
    hall.pass_time(30)
    assert (hall.agent().attempt_id, hall.items()[0].state) == (None, "ready")


def test_nobody_listens_at_the_points_of_a_running_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(faults.SWITCH, raising=False)
    with pytest.raises(RuntimeError, match="for simulations only"):
        faults.listen(lambda _point: None)
    faults.passing("commit.after")


def test_a_hang_up_the_carrier_did_not_take_is_repeated(office_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(office_id, ["0001"])
    hall.dialer.start()
    hall.staff()
    hall.pass_time(2)
    hang_up, failures = hall.carrier.hang_up, [CarrierUnreachable("a moment away"), CarrierUnreachable("and again")]

    def fails_at_first(channel_id: str) -> None:
        if failures:
            raise failures.pop()
        hang_up(channel_id)

    monkeypatch.setattr(hall.carrier, "hang_up", fails_at_first)
    with transaction(office_id) as session:
        assert request_hang_up(session, hall.user_ids[0], hall.clock.now())
    hall.pass_time(11)
    assert failures == []
    assert hall.agent().state == "wrap_up"


def test_a_clock_that_is_set_back_does_not_stop_the_dialer_for_so_long(office_id: int) -> None:
    hall = Hall(office_id, ["0003"])
    hall.dialer.start()
    hall.pass_time(3)
    hall.clock.step(-timedelta(minutes=20))
    hall.staff()
    hall.pass_time(20)
    assert len(hall.calls()) == 1


def test_calls_that_operators_ask_for_stay_within_the_trunk(office_id: int) -> None:
    hall = Hall(office_id, ["0003", "0003", "0003"], operators=3, dial_mode="preview", lines=2)
    hall.dialer.start()
    hall.staff()
    hall.pass_time(1)
    for user_id in hall.user_ids:
        with transaction(office_id) as session:
            assert preview.request_next(session, user_id, hall.clock.now()) is not None
        with transaction(office_id) as session:
            assert preview.call_now(session, user_id, hall.clock.now())
    hall.pass_time(5)
    assert len(hall.carrier.calls) == 2


def test_a_telephone_whose_end_was_asked_for_in_vain_does_not_stay_up(office_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(office_id, operators=2)
    hall.dialer.start()
    hall.staff()
    hall.pass_time(2)
    close_leg, failures = hall.carrier.close_leg, [CarrierUnreachable("a moment away")]

    def fails_at_first(leg_id: str) -> None:
        if failures:
            raise failures.pop()
        close_leg(leg_id)

    monkeypatch.setattr(hall.carrier, "close_leg", fails_at_first)
    with transaction(office_id) as session:
        agents.sign_out(session, hall.user_ids[0], hall.clock.now())
    hall.pass_time(11)
    assert hall.carrier.live_channels() == {hall.agent(1).leg_channel}


def test_a_telephone_of_which_nobody_told_that_it_stands_is_not_called_a_second_time_beside(
    office_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hall = Hall(office_id)
    poll, lost = hall.carrier.poll, list[CarrierEvent]()

    def without_the_first(timeout: float) -> list[CarrierEvent]:
        told = list(poll(timeout))
        if not lost:
            lost.extend(event for event in told if event.kind is EventKind.LEG_UP)
        return [event for event in told if event not in lost]

    monkeypatch.setattr(hall.carrier, "poll", without_the_first)
    hall.dialer.start()
    hall.staff()
    hall.pass_time(60)
    assert lost
    assert hall.agent().is_leg_up
    assert hall.carrier.live_channels() == {hall.agent().leg_channel} != {lost[0].channel_id}


@pytest.mark.parametrize("minutes", [60, -60])
def test_who_is_at_work_when_the_clock_is_set_stays_at_work(office_id: int, minutes: int) -> None:
    hall = Hall(office_id, ["0001", "0004"], operators=3)
    hall.dialer.start()
    hall.staff()
    hall.pass_time(3)
    with transaction(office_id) as session:
        assert request_hang_up(session, hall.user_ids[0], hall.clock.now())
    hall.pass_time(20)
    assert [hall.agent(index).state for index in range(3)] == ["wrap_up", "ready", "ready"]
    seen_at = hall.agent(2).last_seen_at
    hall.clock.step(timedelta(minutes=minutes))
    step_without_pages(hall, 8)
    assert [hall.agent(index).state for index in range(3)] == ["wrap_up", "ready", "ready"]
    assert hall.agent(2).last_seen_at == seen_at + timedelta(minutes=minutes)
    step_without_pages(hall, 60)
    assert [hall.agent(index).state for index in range(3)] == ["wrap_up", "paused", "paused"]
    step_without_pages(hall, 60)
    assert hall.agent().state == "paused"


def step_without_pages(hall: Hall, seconds: int) -> None:
    """The dialer goes on, and nobody's page is open."""
    for _ in range(seconds):
        hall.clock.sleep(1)
        while hall.dialer.step(0):
            continue


def test_nobody_is_called_again_because_the_clock_was_set_forward(office_id: int) -> None:
    hall = Hall(office_id, ["0002"])
    with transaction(office_id) as session:
        document, now = to_document(replace(municipality(), max_per_day=3)), hall.clock.now()
        session.add(ContactPolicyVersion(version=1, document=document, is_active=True, created_at=now, activated_at=now))
    hall.dialer.start()
    hall.staff()
    hall.pass_time(20)
    assert [attempt.line_result for attempt in hall.attempts()] == ["busy"]
    hall.clock.step(timedelta(hours=1))
    hall.pass_time(60)
    assert [attempt.handed_over_at is None for attempt in hall.attempts()] == [False, True]
    assert len(hall.carrier.calls) == 1
    assert (hall.agent().state, hall.items()[0].state) == ("ready", "ready")


def test_a_page_that_was_seen_ahead_of_the_clock_is_seen_now(office_id: int) -> None:
    hall = Hall(office_id)
    hall.staff()
    hall.clock.step(-timedelta(hours=1))
    with transaction(office_id) as session:
        agents.heartbeat(session, hall.user_ids[0], hall.clock.now())
    assert hall.agent().last_seen_at == hall.clock.now()
