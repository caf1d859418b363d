"""Handing over, crash point by crash point: what a worker may still write, what comes back, and turns that all processes share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from math import ceil
from typing import Any

import pytest
from sqlalchemy import select

from callcenter.auth.models import Office
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from campaigns import jobs
from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Attempt
from campaigns.messages import batches, events, moving, rate
from campaigns.messages.accounting import Group, account
from campaigns.messages.handover import LEASE, Chunk, Item, begin, take_chunk
from campaigns.messages.models import Batch, Message
from campaigns.messages.release import record_answers, release_step
from campaigns.messages.senders.port import SenderError, SenderRefused, SendUnknown, SmsRequest, SmsStatus
from campaigns.messages.sending import LATE, Way
from campaigns.messages.settling import GIVE_UP_AFTER, settle_messages
from campaigns.messages.state import BatchState, MessageState
from campaigns.planning.service import set_status
from campaigns.planning.state import CampaignStatus
from campaigns.worklist.budget import hold
from tests.campaigns.test_batches import running
from tests.campaigns.test_messages import OPENING, Prepared, Provider, prepared
from tests.campaigns.town import Town

__all__ = ["prepared"]
TAKEN = SmsStatus("id", MessageState.ACCEPTED, "queued")


def claimed(prepared: Prepared, limit: int = 10) -> Chunk:
    """A chunk that was claimed and of which nothing was begun."""
    with prepared.open() as session:
        moving.advance_batches(session, OPENING)
        return take_chunk(session, Provider(), "", 0.0, OPENING, limit)


def begun(prepared: Prepared, chunk: Chunk, later: timedelta = timedelta()) -> set[int]:
    with prepared.open() as session:
        return begin(session, [item.message_id for item in chunk.items], chunk.token, OPENING + later)


def taken(prepared: Prepared, limit: int = 10) -> Chunk:
    """A chunk that is on record as handed over, and not sent yet."""
    chunk = claimed(prepared, limit)
    assert begun(prepared, chunk) == {item.message_id for item in chunk.items}
    return chunk


def recorded(prepared: Prepared, chunk: Chunk, answer: SmsStatus | SenderError | None, later: timedelta = timedelta()) -> tuple[int, int]:
    with prepared.open() as session:
        return record_answers(session, chunk.token, [(item, answer) for item in chunk.items], OPENING + later)


def swept(prepared: Prepared) -> int:
    with prepared.open() as session:
        return events.sweep_messages(session, OPENING + LEASE)


def test_a_slow_worker_may_still_say_that_it_never_sent(prepared: Prepared) -> None:
    chunk = taken(prepared)
    assert swept(prepared) == 5
    assert prepared.states() == {"unknown": 5}
    assert recorded(prepared, chunk, None) == (0, 5)
    assert prepared.states() == {"ready": 5}
    with prepared.open() as session:
        assert session.scalars(select(Attempt)).all() == []


def test_a_claim_whose_worker_died_before_it_began_comes_back_as_if_nothing_had_been(prepared: Prepared) -> None:
    chunk = claimed(prepared)
    assert prepared.states() == {"claimed": 5}
    assert swept(prepared) == 5
    assert prepared.states() == {"ready": 5}
    with prepared.open() as session:
        assert session.scalars(select(Attempt)).all() == []
        assert set(session.execute(select(Message.claim_token, Message.lease_until, Message.handed_over_at)).all()) == {(None, None, None)}
    assert begun(prepared, chunk) == set()  # slow, not dead: it must not send any more
    assert len(taken(prepared).items) == 5  # and others may


def test_a_claim_is_begun_once_and_by_its_holder_only(prepared: Prepared) -> None:
    chunk = claimed(prepared)
    assert begun(prepared, Chunk("another", chunk.items)) == set()
    assert len(begun(prepared, chunk)) == 5
    assert begun(prepared, chunk) == set()


@pytest.mark.parametrize("stop", ["batch", "campaign"])
def test_a_claim_is_not_begun_in_what_was_stopped_meanwhile_and_goes_back(prepared: Prepared, stop: str) -> None:
    chunk = claimed(prepared, 2)
    with prepared.open() as session:
        if stop == "batch":
            moving.set_batch_state(session, prepared.batch.batch or 0, BatchState.PAUSED, OPENING)
        else:
            set_status(session, prepared.campaign_id, CampaignStatus.PAUSED, OPENING)
    assert begun(prepared, chunk) == set()
    assert recorded(prepared, chunk, None) == (0, 2)
    assert prepared.states() == {"ready": 5}


def test_a_claim_that_ends_in_a_cancelled_batch_is_withdrawn(prepared: Prepared) -> None:
    claimed(prepared, 2)
    with prepared.open() as session:
        moving.set_batch_state(session, prepared.batch.batch or 0, BatchState.CANCELLED, OPENING)
    assert swept(prepared) == 2
    assert prepared.states() == {"withdrawn": 5}


def turns(per_second: float, segments: int, delays: Mapping[int, float], count: int) -> list[float]:
    """When messages are sent that were due at the rate's distance, some of them only asked for later."""
    way, now, told = Way(per_second), 0.0, []
    for number in range(count):
        due = 10 + number * segments / per_second
        now = max(now, due) + delays.get(number, 0.0)
        at = way.turn(Item(number, 1, SmsRequest("1-x", "+819000000000", "x"), segments, 0.0), due, now)
        assert at is not None
        told.append(at)
    return told


@pytest.mark.parametrize(("per_second", "segments"), [(100.0, 1), (100.0, 3), (10.0, 2), (3.0, 2), (1.5, 1), (1.0, 1), (0.5, 2)])
def test_no_second_has_more_than_the_number_takes_whatever_was_missed(per_second: float, segments: int) -> None:
    told = turns(per_second, segments, {0: 0.5, 40: 1.5, 60: 0.3}, 200)
    span = ceil(per_second) / per_second
    within = max(sum(first <= moment < first + span - 1e-9 for moment in told) for first in told)
    assert (within - 1) * segments < ceil(per_second)  # the last one of a second has begun before it is full
    assert told[-1] - told[0] <= 199 * segments / per_second + 1.5


def test_a_short_delay_is_made_up_for_and_a_long_one_is_lost() -> None:
    assert turns(100.0, 1, {40: 0.5}, 200)[-1] == pytest.approx(10 + 199 / 100)
    late = Item(1, 1, SmsRequest("1-x", "+819000000000", "x"), 1, 0.0)
    assert Way(100.0).turn(late, 20.0, 20.0 + LATE + 1) is None
    assert Way().turn(late, 20.0, 30.0) == 20.0


def test_nobody_puts_back_what_is_not_theirs(prepared: Prepared) -> None:
    chunk = taken(prepared)
    stranger = Chunk("another", chunk.items)
    assert recorded(prepared, stranger, None) == (0, 0)
    assert recorded(prepared, stranger, SenderRefused("no", code="invalid_number")) == (0, 0)
    assert prepared.states() == {"handed_over": 5}
    assert recorded(prepared, chunk, TAKEN) == (5, 0)
    assert recorded(prepared, chunk, None) == (0, 0)
    assert prepared.states() == {"accepted": 5}


def test_a_callback_that_comes_before_a_lost_answer_stands(prepared: Prepared) -> None:
    chunk = taken(prepared)
    with prepared.open() as session:
        for item in chunk.items:
            assert events.record_by_reference(session, item.request.reference, TAKEN, f"{item.message_id}:cb", OPENING)
    assert recorded(prepared, chunk, SendUnknown("timeout")) == (5, 0)
    assert recorded(prepared, chunk, SenderRefused("no", code="invalid_number")) == (0, 0)
    assert prepared.states() == {"accepted": 5}


def test_what_the_provider_did_not_know_and_tells_after_all_counts(prepared: Prepared) -> None:
    chunk = taken(prepared)
    swept(prepared)
    assert settle_messages(prepared.open, Provider(name="fake"), OPENING + GIVE_UP_AFTER) == 5
    assert prepared.states() == {"failed": 5}
    with prepared.open() as session:
        for item in chunk.items:
            status = SmsStatus("id", MessageState.DELIVERED)
            assert events.record_by_reference(session, item.request.reference, status, f"{item.message_id}:late", OPENING)
        told = account(session, moving.find_batch(session, prepared.batch.batch or 0))
        assert (told.adds_up, told.count(Group.SENT)) == (True, 5)
        assert set(session.execute(select(Attempt.line_result, Attempt.handed_over_at)).all()) == {(None, OPENING)}


def test_what_comes_back_into_a_cancelled_batch_is_withdrawn(prepared: Prepared) -> None:
    chunk = taken(prepared, 2)
    with prepared.open() as session:
        assert prepared.batch.batch is not None
        moving.set_batch_state(session, prepared.batch.batch, BatchState.CANCELLED, OPENING)
    assert recorded(prepared, chunk, None) == (0, 2)
    assert prepared.states() == {"withdrawn": 5}
    with prepared.open() as session:
        assert set(session.scalars(select(Message.reason))) == {"batch_cancelled"}


def test_an_account_that_is_refused_after_a_batch_was_cancelled_changes_nothing_else(prepared: Prepared) -> None:
    chunk = taken(prepared)
    with prepared.open() as session:
        assert prepared.batch.batch is not None
        moving.set_batch_state(session, prepared.batch.batch, BatchState.CANCELLED, OPENING)
    assert recorded(prepared, chunk, SenderRefused("suspended", code="account_suspended", is_account=True)) == (0, 5)
    assert prepared.batch_state() == "cancelled"


def test_turns_follow_each_other_and_stay_in_the_past_for_nobody(office_id: int) -> None:
    with transaction(office_id) as session:
        first = rate.reserve(session, "p:1", 50, 100.0, OPENING)
        second = rate.reserve(session, "p:1", 10, 100.0, OPENING)
        other = rate.reserve(session, "p:2", 10, 100.0, OPENING)
        later = rate.reserve(session, "p:1", 10, 100.0, OPENING + timedelta(minutes=1))
    assert (first, second - first, other, later) == (OPENING, timedelta(seconds=0.5), OPENING, OPENING + timedelta(minutes=1))


def test_turns_that_others_have_taken_far_ahead_are_waited_for(prepared: Prepared) -> None:
    with prepared.open() as session:
        moving.advance_batches(session, OPENING)
        rate.reserve(session, "fake:", 600, 100.0, OPENING)
        chunk = take_chunk(session, Provider(), "", 100.0, OPENING, 10)
        assert (chunk.items, chunk.is_waiting_for_turns) == ((), True)
        chunk = take_chunk(session, Provider(), "", 100.0, OPENING + timedelta(seconds=3), 10)
        assert [round(item.offset, 2) for item in chunk.items] == [0.0, 0.01, 0.02, 0.03, 0.04]
        assert 0 <= chunk.starts_in <= 3.0  # less what taking them took


def test_whom_somebody_else_holds_is_left_for_a_moment(prepared: Prepared) -> None:
    with prepared.open() as other:
        hold(other, prepared.campaign_id, prepared.debtors[:2])
        assert len(taken(prepared).items) == 3
    assert prepared.states() == {"handed_over": 3, "ready": 2}
    with prepared.open() as session:
        assert len(take_chunk(session, Provider(), "", 0.0, OPENING, 10).items) == 0
        assert len(take_chunk(session, Provider(), "", 0.0, OPENING + timedelta(seconds=5), 10).items) == 2


def ordered(office_id: int) -> int:
    """A batch that was ordered on a page and that nobody works on yet."""
    with transaction(office_id) as session:
        campaign = running(session, Town(session), 5)
        return batches.order_batch(session, campaign.id, Channel.SMS, utc_now(), utc_now()).id


def told(office_id: int, batch_id: int) -> dict[str, Any]:
    with transaction(office_id) as session:
        batch = moving.find_batch(session, batch_id)
        return {name: getattr(batch, name) for name in ("state", "prepared", "progress", "progress_total", "state_reason", "approved_at")}


def test_an_ordered_batch_tells_how_far_it_is_and_waits_for_its_release(office_id: int) -> None:
    number = ordered(office_id)
    for _ in range(2):  # a job that runs twice changes nothing
        jobs.prepare_ordered(office_id, number)
    assert told(office_id, number) == {
        "state": "ready",
        "prepared": 5,
        "progress": 5,
        "progress_total": 5,
        "state_reason": "",
        "approved_at": None,
    }


def test_an_order_whose_worker_died_is_taken_up_by_the_sweeper(office_id: int) -> None:
    number = ordered(office_id)
    jobs.sweep_batches(office_id)
    assert told(office_id, number)["state"] == "preparing"
    with transaction(office_id) as session:
        session.get_one(Batch, (office_id, number)).heartbeat_at = utc_now() - batches.LOST_AFTER
    jobs.sweep_batches(office_id)
    assert told(office_id, number)["state"] == "ready"


def test_a_batch_cancelled_while_it_is_prepared_leaves_nothing(office_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    number = ordered(office_id)
    tell = jobs.tell_progress

    def cancelled(session: Any, batch_id: int, done: int, total: int, now: Any) -> None:
        if done:
            with transaction(office_id) as other:
                moving.set_batch_state(other, batch_id, BatchState.CANCELLED, now)
        tell(session, batch_id, done, total, now)

    monkeypatch.setattr(jobs, "tell_progress", cancelled)
    jobs.prepare_ordered(office_id, number)
    assert told(office_id, number)["state"] == "cancelled"
    with transaction(office_id) as session:
        assert session.scalars(select(Message)).all() == []


def test_what_can_not_be_prepared_says_why(office_id: int) -> None:
    number = ordered(office_id)
    with transaction(office_id) as session:
        session.scalars(select(Office)).one().phone = ""
    jobs.prepare_ordered(office_id, number)
    assert (told(office_id, number)["state"], told(office_id, number)["state_reason"]) == ("cancelled", "no_callback_number")


def test_a_step_takes_no_more_than_asked(prepared: Prepared) -> None:
    step = release_step(prepared.open, Provider(), OPENING, limit=2)
    assert (step.sent, step.segments, step.has_more) == (2, 2, True)
