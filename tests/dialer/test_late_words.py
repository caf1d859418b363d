"""The carrier's own word on a call that was taken for lost comes after all: the record says what the line did."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from callcenter.core.db import transaction
from campaigns.attempts.codes import LineResult
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import PhoneNumber
from dialer.calls.models import CallEvent
from dialer.calls.service import apply_event
from dialer.telephony.events import CarrierEvent, EventKind
from tests.dialer.world import Hall


@pytest.fixture
def lost(office_id: int) -> Hall:
    """One call was ringing when the carrier died; nobody told how it ended."""
    hall = Hall(office_id, ["0003"])
    hall.dialer.start()
    hall.staff()
    hall.pass_time(3)
    hall.carrier.drop(calls_survive=False)
    hall.pass_time(2)
    hall.carrier.connect()
    hall.pass_time(2)
    assert [(one.state, one.line_result) for one in hall.attempts()] == [("closed", "no_answer")]
    return hall


def tell(hall: Hall, line_result: LineResult, key: str = "late") -> None:
    call = hall.calls()[0]
    with transaction(hall.office_id) as session:
        now = hall.clock.now()
        apply_event(session, CarrierEvent(EventKind.ENDED, call.channel_id, now, key, line_result=line_result), now)


@pytest.mark.parametrize("line_result", [LineResult.BUSY, LineResult.REJECTED, LineResult.FAILED, LineResult.ANSWERED])
def test_what_the_line_did_takes_the_place_of_the_guess(lost: Hall, line_result: LineResult) -> None:
    again = lost.items()[0].not_before
    tell(lost, line_result)
    tell(lost, LineResult.UNREACHABLE, key="and another")  # the first word stays
    assert [one.line_result for one in lost.attempts()] == [line_result]
    assert [one.line_result for one in lost.calls()] == [line_result]
    assert lost.items()[0].not_before == again
    with transaction(lost.office_id) as session:
        ends = session.scalars(select(CallEvent.detail["line_result"].astext).where(CallEvent.kind == "ended").order_by(CallEvent.id))
        assert list(ends) == ["no_answer", line_result, "unreachable"]  # what was thought, and what was told
    assert lost.agent().attempt_id is None


def test_a_number_that_does_not_exist_is_known_for_it(lost: Hall) -> None:
    tell(lost, LineResult.UNOBTAINABLE)
    with transaction(lost.office_id) as session:
        assert session.scalars(select(PhoneNumber.status)).all() == ["dead"]


def test_what_a_person_recorded_is_left_alone(lost: Hall) -> None:
    with transaction(lost.office_id) as session:
        session.execute(update(Attempt).values(outcome="paid_claimed", party="debtor", line_result="answered"))
    tell(lost, LineResult.BUSY)
    assert [one.line_result for one in lost.attempts()] == ["answered"]
