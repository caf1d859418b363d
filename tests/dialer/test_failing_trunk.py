"""A minute in which the carrier has no circuit for anybody: a few are tried in vain, the list is kept, and why is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from callcenter.core.db import transaction
from campaigns.attempts.codes import LineResult
from dialer.agents.queries import current_view
from dialer.pacing.standing import standing_of
from dialer.telephony.errors import CarrierRefused
from dialer.telephony.simulator.carrier import SimulatedCarrier
from dialer.telephony.simulator.town import Fate
from dialer.trunk import MOST_FAILURES, PAUSES
from tests.dialer.world import Hall

PEOPLE, LINES = 30, 8


@pytest.mark.parametrize("dial_mode", ["progressive", "predictive"])
def test_a_minute_without_circuits_leaves_the_list_whole(office_id: int, monkeypatch: pytest.MonkeyPatch, dial_mode: str) -> None:
    hall = Hall(office_id, ["0001"] * PEOPLE, operators=3, dial_mode=dial_mode)
    failing = Fate(LineResult.FAILED, 0.2)
    hall.dialer.start()
    with monkeypatch.context() as minute:
        minute.setattr("dialer.telephony.simulator.carrier.fate_of", lambda *_args, **_named: failing)
        hall.staff()
        hall.pass_time(60)
        tried = len(hall.attempts())
        assert MOST_FAILURES <= tried <= MOST_FAILURES + LINES + 60 / PAUSES[0]
        assert {(one.state, one.line_result) for one in hall.attempts()} == {("closed", "failed")}
        assert [hall.agent(index).state for index in range(3)] == ["ready"] * 3
        with transaction(office_id) as session:
            view = current_view(session, hall.user_ids[0], hall.clock.now())
            assert view is not None
            assert view.waiting_reason == "trunk_failing"
            assert standing_of(session, hall.campaign_id, hall.clock.now()).why == "trunk_failing"
    hall.pass_time(PAUSES[-1] + 8)
    assert {hall.agent(index).state for index in range(3)} == {"talking"}
    with transaction(office_id) as session:
        view = current_view(session, hall.user_ids[0], hall.clock.now())
        assert view is not None
        assert view.waiting_reason == ""
    assert len({one.debtor_id for one in hall.attempts()}) == len(hall.attempts())


def test_a_carrier_that_refuses_everybody_is_left_alone_too(office_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(office_id, ["0001"] * PEOPLE)
    hall.dialer.start()

    def refuse(*_: object) -> None:
        raise CarrierRefused("the account is closed", code="twilio_20005")

    monkeypatch.setattr(SimulatedCarrier, "_begin", refuse)
    hall.staff()
    hall.pass_time(30)
    assert MOST_FAILURES <= len(hall.attempts()) <= MOST_FAILURES + 4
    assert hall.agent().state == "ready"


def test_failed_attempts_leave_a_debtor_s_caps_alone(office_id: int) -> None:
    """Nobody's telephone rang: of the three calls a day none is used up."""
    hall = Hall(office_id, ["0008"], options={"retry": {"failed": {"minutes": 1, "soon": 50}}})
    hall.dialer.start()
    hall.staff()
    hall.pass_time(timedelta(minutes=6).total_seconds())
    assert len(hall.attempts()) > 3
    assert {one.line_result for one in hall.attempts()} == {"failed"}
