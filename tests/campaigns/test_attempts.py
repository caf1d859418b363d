"""Attempts on PostgreSQL: each result moves the work, the number, the promise and the outbox as it should."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.errors import Conflict, InvalidInput, NotFound
from callcenter.core.live import LiveEvent
from campaigns.attempts.codes import Channel, LineResult, Outcome, Party
from campaigns.attempts.models import Attempt, Escalation
from campaigns.attempts.phones import pick_phone
from campaigns.attempts.rules import PromiseTerms
from campaigns.attempts.service import open_attempt, record_line_result, record_outcome
from campaigns.debtors.models import Debtor, PhoneNumber, Suppression
from campaigns.planning.explain import explain
from campaigns.planning.service import plan
from campaigns.promises.models import Promise
from campaigns.sync.models import SyncOutbox
from campaigns.worklist.claim import claim
from campaigns.worklist.fill import fill
from campaigns.worklist.models import WorkItem
from tests.campaigns.town import LANDLINE, NOW, TODAY, Town


@pytest.fixture
def called(session: Session, town: Town) -> tuple[Debtor, WorkItem, Attempt]:
    """A debtor with landline and mobile whose operator call was answered and verified."""
    debtor = town.debtor(landline=True)
    town.attempt(debtor, Channel.OPERATOR_CALL, NOW - timedelta(days=20), "answered", party="family")
    item, attempt = call(session, town, debtor)
    answer(session, attempt)
    return debtor, item, attempt


def call(session: Session, town: Town, debtor: Debtor, now: datetime = NOW) -> tuple[WorkItem, Attempt]:
    campaign = town.campaign(f"campaign {debtor.debtor_no}")
    plan(session, campaign.id, now)
    fill(session, campaign.id, now)
    (item,) = claim(session, campaign.id, Channel.OPERATOR_CALL, 1, "test", now)
    phone = pick_phone(session, debtor.id, Channel.OPERATOR_CALL, now - timedelta(days=30))
    return item, open_attempt(session, item, phone, now, Channel.OPERATOR_CALL)


def answer(session: Session, attempt: Attempt, now: datetime = NOW) -> None:
    record_line_result(session, attempt.id, LineResult.ANSWERED, now, answered_at=now - timedelta(seconds=90))
    attempt.verified_at = now
    session.flush()


def record(session: Session, attempt: Attempt, party: Party, outcome: Outcome, **fields: Any) -> Attempt:
    return record_outcome(session, attempt.id, party, outcome, now=fields.pop("now", NOW + timedelta(minutes=2)), **fields)


def test_an_answered_operator_call_waits_in_wrap_up(session: Session, called: tuple[Debtor, WorkItem, Attempt]) -> None:
    _, item, attempt = called
    assert (attempt.state, attempt.line_result, attempt.talk_seconds, item.state, item.tries) == (
        "wrap_up",
        "answered",
        90,
        "claimed",
        1,
    )


def test_a_promise(session: Session, called: tuple[Debtor, WorkItem, Attempt]) -> None:
    _debtor, item, attempt = called
    terms = PromiseTerms(38_500, TODAY + timedelta(days=7))
    record(session, attempt, Party.DEBTOR, Outcome.PROMISE_FULL, promise=terms, note=" 給料日のあと ")
    promise = session.scalars(select(Promise)).one()
    assert (promise.amount, promise.due_on, promise.kind, promise.attempt_id) == (38_500, terms.due_on, "full", attempt.id)
    session.refresh(item)
    assert (item.state, item.reason, attempt.state, attempt.note) == ("done", "promise_full", "closed", "給料日のあと")
    told = session.scalars(select(SyncOutbox)).one()
    assert told.key == f"attempt:{attempt.id}"
    assert told.payload["promise_amount"] == 38_500
    assert {"call", "board"} <= set(session.scalars(select(LiveEvent.topic)))
    phone = session.get_one(PhoneNumber, (attempt.office_id, attempt.phone_id))
    assert phone.status == "works"


def test_the_same_result_twice_is_a_no_op_and_another_a_conflict(session: Session, called: tuple[Debtor, WorkItem, Attempt]) -> None:
    *_, attempt = called
    terms = PromiseTerms(38_500, TODAY + timedelta(days=7))
    for _ in range(2):
        record(session, attempt, Party.DEBTOR, Outcome.PROMISE_FULL, promise=terms)
    assert len(session.scalars(select(Promise)).all()) == len(session.scalars(select(SyncOutbox)).all()) == 1
    with pytest.raises(Conflict):
        record(session, attempt, Party.DEBTOR, Outcome.PROMISE_FULL, promise=PromiseTerms(1, terms.due_on))
    with pytest.raises(Conflict):
        record(session, attempt, Party.DEBTOR, Outcome.REFUSES)


def test_a_bad_result_changes_nothing(session: Session, called: tuple[Debtor, WorkItem, Attempt]) -> None:
    *_, attempt = called
    with pytest.raises(InvalidInput):
        record(session, attempt, Party.FAMILY, Outcome.PROMISE_FULL, promise=PromiseTerms(1, TODAY))
    assert attempt.state == "wrap_up"
    assert session.scalars(select(SyncOutbox)).all() == []
    with pytest.raises(NotFound):
        record_outcome(session, 999_999, Party.DEBTOR, Outcome.REFUSES, now=NOW)


def test_paid_already_waits_fourteen_days_and_withdraws_other_work(
    session: Session, town: Town, called: tuple[Debtor, WorkItem, Attempt]
) -> None:
    debtor, _, attempt = called
    other = town.campaign("other")
    plan(session, other.id, NOW)
    fill(session, other.id, NOW)
    record(session, attempt, Party.DEBTOR, Outcome.CLAIMS_PAID)
    row = session.scalars(select(Suppression).where(Suppression.debtor_id == debtor.id)).one()
    assert (row.reason, row.channel, row.ends_at) == ("payment_claimed", None, NOW + timedelta(minutes=2, days=14))
    withdrawn = session.scalars(select(WorkItem).where(WorkItem.campaign_id == other.id).execution_options(populate_existing=True)).one()
    assert (withdrawn.state, withdrawn.reason) == ("withdrawn", "claims_paid")


def test_a_wrong_number_is_disabled_everywhere_and_another_is_tried(
    session: Session, town: Town, called: tuple[Debtor, WorkItem, Attempt]
) -> None:
    debtor, item, attempt = called
    neighbour = town.debtor(mobile=False, landline=True)
    record(session, attempt, Party.WRONG_NUMBER, Outcome.NO_RESULT)
    statuses = session.scalars(select(PhoneNumber.status).where(PhoneNumber.e164 == LANDLINE)).all()
    assert statuses == ["wrong_person", "wrong_person"]
    assert pick_phone(session, neighbour.id, Channel.OPERATOR_CALL, NOW) is None
    other = pick_phone(session, debtor.id, Channel.OPERATOR_CALL, NOW)
    assert other is not None
    assert other.line_type == "mobile"
    session.refresh(item)
    assert item.state == "ready"
    assert item.not_before > NOW


def test_a_wrong_number_that_was_the_last_ends_the_work(session: Session, town: Town) -> None:
    debtor = town.debtor(mobile=False, landline=True)
    item, attempt = call(session, town, debtor)
    answer(session, attempt)
    record(session, attempt, Party.WRONG_NUMBER, Outcome.NO_RESULT)
    session.refresh(item)
    assert (item.state, item.reason) == ("done", "no_usable_number")


def test_a_stop_request_bars_the_telephone_channels(session: Session, called: tuple[Debtor, WorkItem, Attempt]) -> None:
    debtor, _, attempt = called
    record(session, attempt, Party.DEBTOR, Outcome.STOP_NUMBER)
    rows = session.scalars(select(Suppression).where(Suppression.debtor_id == debtor.id)).all()
    assert sorted((row.reason, row.channel) for row in rows) == [
        ("stop_request", "auto_call"),
        ("stop_request", "operator_call"),
        ("stop_request", "sms"),
    ]


def test_a_callback_is_reserved_for_its_time(session: Session, called: tuple[Debtor, WorkItem, Attempt]) -> None:
    debtor, item, attempt = called
    at = NOW + timedelta(hours=5)
    record(session, attempt, Party.DEBTOR, Outcome.CALLBACK_PROMISED, callback_at=at)
    session.refresh(item)
    assert (item.state, item.is_callback, item.not_before, item.priority) == ("ready", True, at, 0)
    wish = session.scalars(select(Suppression).where(Suppression.debtor_id == debtor.id)).one()
    assert (wish.reason, wish.ends_at) == ("wished_time", at)


def test_whoever_presses_the_key_for_a_call_back_is_called_back_though_they_were_just_spoken_to(
    session: Session, called: tuple[Debtor, WorkItem, Attempt]
) -> None:
    debtor, item, attempt = called
    attempt.channel = item.channel = "auto_call"
    asked_at = NOW + timedelta(minutes=2)
    due = asked_at + timedelta(minutes=10)
    record(session, attempt, Party.DEBTOR_UNVERIFIED, Outcome.CALLBACK_PROMISED, now=asked_at)
    session.refresh(item)
    assert (item.state, item.channel, item.is_callback, item.not_before) == ("ready", "operator_call", True, due)
    gate = explain(session, debtor.debtor_no, None, due + timedelta(minutes=1), "en")["gate"]
    assert gate["operator_call"]["allowed"]
    assert not gate["auto_call"]["allowed"], "the wish is for a person's call"


def test_a_callback_outside_the_hours_is_refused_with_the_next_time(session: Session, called: tuple[Debtor, WorkItem, Attempt]) -> None:
    *_, attempt = called
    with pytest.raises(InvalidInput, match="2026-11-19 09:00"):
        record(session, attempt, Party.DEBTOR, Outcome.CALLBACK_PROMISED, callback_at=NOW.replace(hour=22))


@pytest.mark.parametrize(
    ("outcome", "reason", "suppression"),
    [
        (Outcome.INSTALMENT_TO_OFFICER, "instalment", "officer_hold"),
        (Outcome.HARDSHIP, "hardship", None),
        (Outcome.REFUSES, "refusal", None),
        (Outcome.DISPUTES_ASSESSMENT, "dispute", "officer_hold"),
        (Outcome.VULNERABLE, "vulnerable", "vulnerable"),
        (Outcome.COMPLAINT, "complaint", "complaint"),
        (Outcome.DEATH_MOVE_ABSENCE, "whereabouts", "deceased_moved"),
    ],
)
def test_what_is_for_tax_officers_reaches_them(
    session: Session, called: tuple[Debtor, WorkItem, Attempt], outcome: Outcome, reason: str, suppression: str | None
) -> None:
    *_, attempt = called
    record(session, attempt, Party.DEBTOR, outcome, note="x")
    escalation = session.scalars(select(Escalation)).one()
    assert (escalation.reason, escalation.state, escalation.attempt_id) == (reason, "open", attempt.id)
    assert [row.reason for row in session.scalars(select(Suppression))] == ([suppression] if suppression else [])


def test_escalating_by_hand_adds_to_the_result(session: Session, called: tuple[Debtor, WorkItem, Attempt]) -> None:
    *_, attempt = called
    record(session, attempt, Party.DEBTOR, Outcome.REISSUE_SLIP, escalate="large")
    assert session.scalars(select(Escalation.reason)).all() == ["large"]


@pytest.mark.parametrize("line_result", [r for r in LineResult if r is not LineResult.ANSWERED])
def test_without_an_answer_the_machine_closes_and_tries_again(session: Session, town: Town, line_result: LineResult) -> None:
    debtor = town.debtor(mobile=False, landline=True)
    town.phone(debtor, "+81312345679", "fixed", position=2)
    item, attempt = call(session, town, debtor)
    record_line_result(session, attempt.id, line_result, NOW)
    record_line_result(session, attempt.id, line_result, NOW)
    session.refresh(item)
    assert (attempt.state, attempt.party, attempt.outcome) == ("closed", "nobody", "no_result")
    assert (item.state, item.reason) == ("ready", f"after_{line_result}")
    assert item.not_before > NOW
    assert (attempt.handed_over_at is None) == (line_result is LineResult.FAILED)
    assert len(session.scalars(select(SyncOutbox)).all()) == 1


def test_a_number_not_in_use_is_dead_at_once(session: Session, town: Town) -> None:
    debtor = town.debtor(mobile=False, landline=True)
    item, attempt = call(session, town, debtor)
    record_line_result(session, attempt.id, LineResult.UNOBTAINABLE, NOW)
    session.refresh(item)
    assert session.scalars(select(PhoneNumber.status)).all() == ["dead"]
    assert (item.state, item.reason) == ("done", "no_usable_number")


def test_a_robocall_answered_without_a_key_closes_with_an_unknown_listener(session: Session, town: Town) -> None:
    debtor = town.debtor()
    attempt = open_attempt(session, None, None, NOW, Channel.AUTO_CALL, debtor_id=debtor.id)
    record_line_result(session, attempt.id, LineResult.ANSWERED, NOW)
    assert (attempt.state, attempt.party, attempt.outcome) == ("closed", "unknown", "no_result")


def test_a_robocalls_key_is_recorded_while_the_call_is_up(session: Session, town: Town) -> None:
    debtor = town.debtor()
    attempt = open_attempt(session, None, None, NOW, Channel.AUTO_CALL, debtor_id=debtor.id)
    record(session, attempt, Party.UNKNOWN, Outcome.CLAIMS_PAID, line_result=LineResult.ANSWERED)
    record_line_result(session, attempt.id, LineResult.ANSWERED, NOW)
    assert (attempt.line_result, attempt.outcome, attempt.state) == ("answered", "claims_paid", "closed")


def test_an_item_withdrawn_in_mid_call_stays_withdrawn(session: Session, called: tuple[Debtor, WorkItem, Attempt]) -> None:
    _, item, attempt = called
    item.state = "withdrawn"
    session.flush()
    record(session, attempt, Party.DEBTOR, Outcome.INTERRUPTED)
    session.refresh(item)
    assert item.state == "withdrawn"


def test_a_call_back_may_be_kept_for_one_operator(session: Session, called: tuple[Debtor, WorkItem, Attempt]) -> None:
    _, item, attempt = called
    record(session, attempt, Party.DEBTOR, Outcome.CALLBACK_PROMISED, callback_at=NOW + timedelta(days=1), callback_user_id=7)
    session.refresh(item)
    assert (item.state, item.is_callback, item.user_id) == ("ready", True, 7)
