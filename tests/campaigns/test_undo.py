"""A result that is taken back leaves nothing behind, whatever it was; and what somebody has gone on from stays."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from callcenter.auth.models import Role, User
from callcenter.core.errors import Conflict
from campaigns.attempts import undo
from campaigns.attempts.codes import PROMISE_OUTCOMES, Channel, LineResult, Outcome, Party
from campaigns.attempts.models import Attempt, Draft, Escalation
from campaigns.attempts.rules import OUTCOMES_OF, PromiseTerms
from campaigns.attempts.service import open_attempt, record_line_result, record_outcome
from campaigns.debtors.models import PhoneNumber
from campaigns.planning.service import plan
from campaigns.promises import service as promises
from campaigns.promises.models import Promise
from campaigns.sync.models import SyncAck, SyncOutbox
from campaigns.worklist.claim import claim
from campaigns.worklist.fill import fill
from campaigns.worklist.models import WorkItem
from tests.campaigns.town import NOW, TODAY, Town

LATER = NOW + timedelta(minutes=2)
SEEN = """
SELECT (SELECT jsonb_agg(jsonb_build_array(id, state, reason, not_before, priority, is_callback, user_id, claim_token) ORDER BY id) FROM work_item),
 (SELECT jsonb_agg(jsonb_build_array(id, status) ORDER BY id) FROM phone_number),
 (SELECT jsonb_agg(jsonb_build_array(reason, channel) ORDER BY id) FROM suppression WHERE lifted_at IS NULL),
 (SELECT count(*) FROM escalation), (SELECT count(*) FROM sync_outbox),
 (SELECT jsonb_agg(jsonb_build_array(id, amount, state) ORDER BY id) FROM promise WHERE state <> 'cancelled'),
 (SELECT jsonb_agg(jsonb_build_array(field, value) ORDER BY field) FROM draft),
 (SELECT jsonb_agg(jsonb_build_array(id, party, outcome, line_result, note, recorded_at) ORDER BY id) FROM attempt)
"""  # noqa: E501


@pytest.fixture
def called(session: Session, town: Town) -> tuple[Attempt, int]:
    """A verified conversation in wrap-up of an operator who has typed a note; another household has the number; an old promise is open."""
    debtor, other = town.debtor(landline=True), town.debtor(landline=True)
    user = User(sign_in_name="saeki", display_name="佐伯", role=Role.OPERATOR, password_hash="-")
    session.add(user)
    session.flush()
    same = session.scalars(select(PhoneNumber).where(PhoneNumber.debtor_id == debtor.id).order_by(PhoneNumber.id)).first()
    assert same is not None
    session.execute(update(PhoneNumber).where(PhoneNumber.debtor_id == other.id, PhoneNumber.line_type == "fixed").values(e164=same.e164))
    town.attempt(debtor, Channel.OPERATOR_CALL, NOW - timedelta(days=20), "answered", party="family")
    campaign = town.campaign("campaign")
    plan(session, campaign.id, NOW)
    fill(session, campaign.id, NOW)
    items = claim(session, campaign.id, Channel.OPERATOR_CALL, 2, "test", NOW)
    item = next(item for item in items if item.debtor_id == debtor.id)
    attempt = open_attempt(session, item, same, NOW, Channel.OPERATOR_CALL, operator_id=user.id)
    promises.make(session, debtor.id, 5_000, TODAY + timedelta(days=1), NOW)
    record_line_result(session, attempt.id, LineResult.ANSWERED, NOW, answered_at=NOW - timedelta(seconds=90))
    attempt.verified_at = NOW
    session.add(Draft(user_id=user.id, attempt_id=attempt.id, field="memo", value="25日のあと", saved_at=NOW))
    session.flush()
    return attempt, user.id


def seen(session: Session) -> list[Any]:
    session.flush()
    session.expire_all()
    return list(session.execute(text(SEEN)).one())


def record(session: Session, attempt: Attempt, user_id: int, party: Party, outcome: Outcome, now: datetime = LATER) -> None:
    before = undo.look(session, attempt.id)
    terms = PromiseTerms(38_500, TODAY + timedelta(days=7)) if outcome in PROMISE_OUTCOMES else None
    moment = NOW + timedelta(days=1) if outcome is Outcome.CALLBACK_PROMISED else None
    line = LineResult.MACHINE if party is Party.NOBODY else None
    record_outcome(
        session,
        attempt.id,
        party,
        outcome,
        promise=terms,
        callback_at=moment,
        escalate="refusal",
        line_result=line,
        now=now,
        user_id=user_id,
    )
    undo.keep(session, attempt.id, user_id, before, now)


@pytest.mark.parametrize("party", [Party.DEBTOR, Party.WRONG_NUMBER, Party.FAMILY, Party.NOBODY])
def test_whatever_the_result_was_nothing_of_it_is_left(session: Session, called: tuple[Attempt, int], party: Party) -> None:
    attempt, user_id = called
    for outcome in sorted(OUTCOMES_OF[party]):
        before, savepoint = seen(session), session.begin_nested()
        record(session, attempt, user_id, party, outcome)
        assert seen(session) != before
        undo.undo(session, attempt.id, user_id, LATER + timedelta(seconds=9), is_line_up=False)
        assert seen(session) == before, outcome
        assert (attempt.state, attempt.undone_count) == ("wrap_up", 1)
        record(session, attempt, user_id, party, outcome, LATER + timedelta(seconds=20))
        assert attempt.state == "closed"
        savepoint.rollback()


def test_it_is_too_late_after_the_time_or_when_somebody_has_gone_on_from_it(session: Session, called: tuple[Attempt, int]) -> None:
    attempt, user_id = called
    record(session, attempt, user_id, Party.DEBTOR, Outcome.REFUSES)
    with pytest.raises(Conflict, match="取り消せる時間"):
        undo.undo(session, attempt.id, user_id, LATER + timedelta(seconds=13), is_line_up=False)
    session.execute(update(Escalation).values(state="accepted"))
    savepoint = session.begin_nested()
    with pytest.raises(Conflict):
        undo.undo(session, attempt.id, user_id, LATER, is_line_up=False)
    savepoint.rollback()
    assert attempt.state == "closed"
    session.execute(update(Escalation).values(state="open"))
    session.execute(
        update(WorkItem).where(WorkItem.id == attempt.work_item_id).values(state="ready", updated_at=LATER + timedelta(seconds=1))
    )
    with pytest.raises(Conflict):
        undo.undo(session, attempt.id, user_id, LATER + timedelta(seconds=2), is_line_up=False)


def test_what_a_core_system_has_taken_is_corrected_by_a_later_fact(session: Session, called: tuple[Attempt, int]) -> None:
    attempt, user_id = called
    record(session, attempt, user_id, Party.DEBTOR, Outcome.PROMISE_FULL)
    told = session.scalars(select(SyncOutbox)).one()
    session.add(SyncAck(outbox_id=told.id, target="core", at=LATER))
    undo.undo(session, attempt.id, user_id, LATER, is_line_up=False)
    record(session, attempt, user_id, Party.DEBTOR, Outcome.PROMISE_PART, LATER + timedelta(seconds=5))
    assert session.scalars(select(SyncOutbox.key).order_by(SyncOutbox.id)).all() == [
        f"attempt:{attempt.id}",
        f"attempt:{attempt.id}:again1",
    ]
    assert session.scalars(select(Promise.state).order_by(Promise.id)).all() == ["superseded", "cancelled", "open"]
    last = (attempt.id, LATER + timedelta(seconds=5))
    assert undo.open_until(last, LATER + timedelta(seconds=6)) == (attempt.id, LATER + timedelta(seconds=15))
    assert undo.open_until(last, LATER + timedelta(seconds=16)) is None
    assert undo.open_until(None, LATER) is None
