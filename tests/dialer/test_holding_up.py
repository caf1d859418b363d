"""What simulated shifts found: a held-up dialer, a hang-up that did not get through, a clock that was set back, a small trunk."""

from __future__ import annotations

from datetime import timedelta

import pytest

from callcenter.core import faults
from callcenter.core.db import transaction
from dialer.agents import preview
from dialer.calls.service import request_hang_up
from dialer.telephony.errors import CarrierUnreachable
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
    hall.clock._now -= timedelta(minutes=20)  # the manual clock only goes forward by itself
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
