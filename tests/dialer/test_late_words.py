"""The carrier's own word on a call that was taken for lost comes after all: the record says what the line did."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from sqlalchemy import select, update

from callcenter.core.db import transaction
from campaigns.attempts.codes import PARTY_JA, LineResult, Party
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import PhoneNumber
from campaigns.sync.connectors.csv_drop import deliver
from dialer.calls.models import CallEvent
from dialer.calls.service import apply_event, apply_events
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


def drop(hall: Hall, folder: Path) -> list[dict[str, str]]:
    """What the core system finds in the folder's next file: number of the debtor, telephone, result."""
    with transaction(hall.office_id) as session:
        dropped = deliver(session, folder, hall.clock.now())
    if dropped.path is None:
        return []
    with dropped.path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("line_result", "words"),
    [(LineResult.BUSY, ("話し中", PARTY_JA[Party.NOBODY])), (LineResult.ANSWERED, ("応答", PARTY_JA[Party.UNKNOWN]))],
)
def test_the_core_system_is_told_what_the_line_did_also_when_it_has_fetched_the_guess(
    lost: Hall, tmp_path: Path, line_result: LineResult, words: tuple[str, str]
) -> None:
    (guess,) = drop(lost, tmp_path)
    assert guess["回線結果"] == "呼出のみ(無応答)"
    assert drop(lost, tmp_path) == []
    tell(lost, line_result)
    tell(lost, LineResult.UNREACHABLE, key="and another")
    (corrected,) = drop(lost, tmp_path)
    assert (corrected["回線結果"], corrected["応対者"]) == words
    same = ("宛名番号", "実施日時", "電話番号")
    assert [corrected[name] for name in same] == [guess[name] for name in same]
    assert drop(lost, tmp_path) == []


def test_a_guess_that_no_core_system_has_fetched_is_not_told_at_all(lost: Hall, tmp_path: Path) -> None:
    tell(lost, LineResult.BUSY)
    assert [row["回線結果"] for row in drop(lost, tmp_path)] == ["話し中"]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_correction_in_the_breath_of_the_guess_is_told_once(office_id: int, tmp_path: Path) -> None:
    """Events of automated calls are taken together: the end and what takes its place in one transaction."""
    hall = Hall(office_id, ["0003"])
    hall.dialer.start()
    hall.staff()
    hall.pass_time(3)
    channel, now = hall.calls()[0].channel_id, hall.clock.now()
    told = [(None, "lost"), (LineResult.BUSY, "ended")]
    events = [CarrierEvent(EventKind.ENDED, channel, now, f"{channel}:{key}", line_result=result) for result, key in told]
    with transaction(office_id) as session:
        apply_events(session, events, now)
    assert [row["回線結果"] for row in drop(hall, tmp_path)] == ["話し中"]
