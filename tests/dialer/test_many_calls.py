"""Many automated calls at once: worked on together, with the same result for each as when it is worked on alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event, select, update

from callcenter.auth.models import Office
from callcenter.core.clock import ManualClock
from callcenter.core.db import get_engine, transaction
from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Attempt
from campaigns.compliance.models import ComplianceDecision
from campaigns.debtors.models import PhoneNumber
from campaigns.sync.models import SyncOutbox
from dialer.calls.models import CallEvent
from dialer.inbox import Inbox
from dialer.line import Line
from dialer.telephony.errors import CarrierUnreachable, HandoverUnknown
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.telephony.port import CarrierLimits
from dialer.telephony.simulator.carrier import SimulatedCarrier
from dialer.worker import Dialer, DialerSettings
from tests.dialer.world import MORNING, Hall

FATES = ("0002", "0003", "0004", "0010", "0011", "0012", "0013", "0001")


def robocalls(office_id: int, suffixes: list[str], calls_per_second: float = 50.0) -> Hall:
    """A hall that makes automated calls only, with a trunk of that speed."""
    hall = Hall(office_id, suffixes, operators=0, channel=Channel.AUTO_CALL, lines=100)
    limits = CarrierLimits(calls_per_second=calls_per_second, max_lines=100)
    settings = DialerSettings("node1", "+81300000000", limits, office_ids=(office_id,), round_seconds=5.0)
    hall.dialer = Dialer(hall.carrier, hall.clock, settings)
    hall.dialer.start()
    hall.clock.sleep(1.0)  # the trunk may take as many calls at once as in a second
    return hall


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Counts the transactions that are committed meanwhile."""
    count: Counter[str] = Counter()

    def note(_connection: object) -> None:
        count["commits"] += 1

    event.listen(get_engine(), "commit", note)
    try:
        yield count
    finally:
        event.remove(get_engine(), "commit", note)


def results(hall: Hall) -> list[tuple[object, ...]]:
    """What came of each number, with where its item stands and what is known of the call."""
    items = {item.id: (item.state, item.reason, item.channel, item.is_callback, item.tries) for item in hall.items()}
    with transaction(hall.office_id) as session:
        rows = session.execute(select(PhoneNumber.e164, Attempt).join(Attempt, Attempt.phone_id == PhoneNumber.id)).all()
    told = [
        (e164, one.state, one.line_result, one.party, one.outcome, one.robocall_path, one.talk_seconds, items[one.work_item_id])
        for e164, one in rows
        if one.work_item_id is not None
    ]
    return sorted(told)


def test_calls_made_together_come_to_what_they_come_to_one_by_one(office_id: int) -> None:
    with transaction(None) as session:
        other = Office(code="other", name="架空町", phone="+81300000001")
        session.add(other)
        session.flush()
    suffixes = [fate for fate in FATES for _ in range(4)]
    alone, together = robocalls(office_id, suffixes, calls_per_second=1.0), robocalls(other.id, suffixes)
    alone.pass_time(150)
    together.pass_time(150)
    assert len(results(together)) >= len(suffixes)
    assert results(together) == results(alone)
    with transaction(other.id) as session:
        told = {row.payload["attempt_id"]: row.payload["talk_seconds"] for row in session.scalars(select(SyncOutbox))}
    assert told == {attempt.id: attempt.talk_seconds for attempt in together.attempts() if attempt.state == "closed"}


def test_many_calls_take_few_transactions_and_each_rests_on_a_decision(office_id: int) -> None:
    hall = robocalls(office_id, ["0002"] * 50)
    with counted() as count:
        while len(hall.calls()) < 50:
            hall.dialer.step(0)
            hall.clock.sleep(0.1)
        hall.clock.sleep(30)
        hall.dialer.step(0)
    attempts = hall.attempts()
    assert [attempt.line_result for attempt in attempts] == ["busy"] * 50
    with transaction(office_id) as session:
        rows = session.execute(
            select(ComplianceDecision.attempt_id, ComplianceDecision.debtor_id).where(ComplianceDecision.is_allowed)
        ).all()
    assert sorted(rows) == sorted((attempt.id, attempt.debtor_id) for attempt in attempts)
    assert count["commits"] < 40


def test_two_who_share_a_number_are_not_called_together(office_id: int) -> None:
    hall = robocalls(office_id, ["0002"] * 2)
    with transaction(office_id) as session:
        session.execute(update(PhoneNumber).values(e164="+819012340003", original="+819012340003"))
    hall.dialer.step(0)
    assert len(hall.attempts()) == len(hall.calls()) == 1
    assert sorted(item.state for item in hall.items()) == ["claimed", "ready"]


def test_one_bad_case_does_not_hold_up_what_came_with_it(office_id: int) -> None:
    hall = robocalls(office_id, ["0011"] * 6)
    hall.dialer.step(0)
    assert len(hall.calls()) == 6
    bad = hall.attempts()[2].id
    with transaction(office_id) as session:
        session.execute(update(Attempt).where(Attempt.id == bad).values(script_version="default/unreadable"))
    for _ in range(10):
        hall.clock.sleep(1.0)
        hall.dialer.go_round(0)
    states = {attempt.id: attempt.state for attempt in hall.attempts() if attempt.work_item_id}
    assert [state for attempt_id, state in states.items() if attempt_id != bad] == ["closed"] * 5
    with transaction(office_id) as session:
        told = session.execute(select(CallEvent.call_id, CallEvent.event_key)).all()
    assert len(told) == len(set(told))


def test_once_the_carrier_is_gone_the_rest_of_the_group_is_not_tried(office_id: int) -> None:
    hall = robocalls(office_id, ["0002"] * 6)
    hall.carrier.fail_next(CarrierUnreachable("gone"))
    hall.dialer.step(0)
    assert not hall.carrier.calls
    assert [(attempt.line_result, attempt.handed_over_at) for attempt in hall.attempts()] == [("failed", None)] * 6
    hall.pass_time(11 * 60)
    assert Counter(attempt.line_result for attempt in hall.attempts()) >= Counter(failed=6, busy=6)


def test_a_hand_over_nobody_knows_of_stops_none_of_the_others(office_id: int) -> None:
    hall = robocalls(office_id, ["0002"] * 4)
    hall.carrier.fail_next(HandoverUnknown("lost"))
    hall.dialer.step(0)
    assert len(hall.carrier.calls) == 4
    hall.pass_time(30)
    assert [attempt.line_result for attempt in hall.attempts()] == ["busy"] * 4


def test_what_was_gathered_is_on_record_when_the_dialer_stops(office_id: int) -> None:
    hall = robocalls(office_id, ["0002"] * 4)
    hall.dialer.step(0)
    hall.clock.sleep(0.05)
    hall.dialer.step(0)
    hall.clock.sleep(5)
    hall.dialer.stop()
    assert [attempt.line_result for attempt in hall.attempts()] == ["busy"] * 4


@pytest.fixture
def line() -> Line:
    """A trunk of a hundred calls a second with two automated calls under way."""
    clock = ManualClock(MORNING)
    line = Line(SimulatedCarrier(clock), clock, "node1", CarrierLimits(calls_per_second=100, max_lines=100), "+81300000000")
    line.unhurried |= {"robocall-1", "robocall-2"}
    return line


def told(channel_id: str, kind: EventKind, live: frozenset[str] = frozenset()) -> CarrierEvent:
    return CarrierEvent(kind, channel_id, MORNING, f"{channel_id}:{kind}", live=live)


def test_what_is_told_of_automated_calls_waits_a_moment_and_an_answer_for_an_operator_does_not(line: Line) -> None:
    inbox = Inbox(line)
    inbox.add([told("robocall-1", EventKind.PLACED)])
    assert [one.channel_id for one in inbox.take()] == ["robocall-1"]  # after a quiet time at once
    inbox.add([told("robocall-1", EventKind.RINGING), told("operator", EventKind.ANSWERED), told("robocall-2", EventKind.ENDED)])
    assert [one.channel_id for one in inbox.first] == ["operator"]
    assert inbox.take() == []
    assert inbox.next_at() == MORNING + timedelta(seconds=0.1)
    line.clock.sleep(0.1)
    assert [one.channel_id for one in inbox.take()] == ["robocall-1", "robocall-2"]


def test_a_listener_who_wants_an_operator_is_not_kept_waiting_nor_told_out_of_order(line: Line) -> None:
    inbox = Inbox(line)
    inbox.add([told("robocall-1", EventKind.ANSWERED), told("robocall-2", EventKind.ANSWERED), told("robocall-1", EventKind.TRANSFER)])
    inbox.add([told("robocall-1", EventKind.ENDED)])
    assert [(one.channel_id, one.kind) for one in inbox.first] == [
        ("robocall-1", EventKind.ANSWERED),
        ("robocall-1", EventKind.TRANSFER),
        ("robocall-1", EventKind.ENDED),
    ]
    assert [one.channel_id for one in inbox.take(all_now=True)] == ["robocall-2"]


def test_a_new_connection_s_list_comes_after_all_that_was_told_before(line: Line) -> None:
    inbox = Inbox(line)
    inbox.add([told("robocall-1", EventKind.ENDED), told("", EventKind.RESYNC, frozenset({"robocall-2"}))])
    assert [one.kind for one in inbox.first] == [EventKind.ENDED, EventKind.RESYNC]


def test_gathering_ends_also_when_the_clock_is_set_back(line: Line) -> None:
    inbox = Inbox(line)
    inbox.add([told("robocall-1", EventKind.PLACED)])
    assert inbox.take()
    inbox.add([told("robocall-1", EventKind.ENDED)])
    line.clock = ManualClock(MORNING - timedelta(hours=1))
    assert inbox.take()


def test_a_carrier_that_forgets_what_it_told_is_asked_again_only_once_that_is_on_record(
    office_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hall = robocalls(office_id, ["0002", "0010"] * 4)
    given: set[str] = set()
    poll = hall.carrier.poll

    def forgets(timeout: float) -> Sequence[CarrierEvent]:
        with transaction(office_id) as session:
            assert given <= set(session.scalars(select(CallEvent.event_key)))
        found = poll(timeout)
        given.update(one.key for one in found if one.channel_id)
        return found

    monkeypatch.setattr(hall.carrier, "poll", forgets)
    monkeypatch.setattr(hall.carrier, "keeps_until_polled", True)
    hall.pass_time(40)
    assert len(given) > 8
    assert {attempt.state for attempt in hall.attempts()} == {"closed"}
