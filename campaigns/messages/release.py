"""Releasing prepared messages inside the window: claim, ask the gate again, commit, send, record.

No transaction stays open while the provider answers. A message is marked as handed over and committed before it is sent; whatever
then stays without an answer is unknown, and `settling` asks the provider. Nothing is ever sent a second time.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from callcenter.core.live import publish
from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Attempt
from campaigns.compliance import gate
from campaigns.compliance.reasons import DenialReason
from campaigns.compliance.rules import ContactPolicy, Denied
from campaigns.compliance.windows import is_open
from campaigns.messages import events
from campaigns.messages.batches import lapse_batch, set_batch_state
from campaigns.messages.models import Batch, Message
from campaigns.messages.senders.port import SenderError, SenderRefused, SenderUnreachable, SmsRequest, SmsSender, SmsStatus
from campaigns.messages.state import LIVE_BATCHES, OPEN_BATCHES, UNSETTLED, BatchState, MessageState
from campaigns.planning.models import Campaign
from campaigns.worklist.budget import SPENT, hold_within
from campaigns.worklist.models import WorkItem

log = structlog.get_logger(__name__)

SessionFactory = Callable[[], AbstractContextManager[Session]]
CLAIM_LEASE = timedelta(minutes=2)
TO_WITHDRAW = frozenset({DenialReason.SETTLED, DenialReason.PAYMENT_CLAIMED})


@dataclass(frozen=True, slots=True)
class Released:
    """One step: how many were sent (accepted or unknown), refused, put back; whether more wait; segments handed over."""

    sent: int = 0
    refused: int = 0
    put_back: int = 0
    has_more: bool = False
    segments: int = 0


class _Permitted(NamedTuple):
    """A message that may be sent, and the decision that says so."""

    message: Message
    decision_id: int | None


def release_step(session_factory: SessionFactory, sender: SmsSender, now: datetime, *, limit: int = 10) -> Released:
    """Hands over up to `limit` messages of batches whose window is open."""
    with session_factory() as session:
        policy = gate.load_policy(session)
        claimed = _claim(session, now, limit, policy)
        allowed, refused = _ask_gate(session, claimed, now, policy)
        requests = _hand_over(session, allowed, sender.name, now)
    answers: list[tuple[int, SmsStatus | SenderError]] = []
    unsent: list[int] = []
    asked_at = time.monotonic()
    for message_id, request in requests:
        if unsent or time.monotonic() - asked_at > policy.decision_seconds:  # a decision that old is asked again
            unsent.append(message_id)
            continue
        try:
            answers.append((message_id, sender.send(request)))
        except SenderError as problem:
            answers.append((message_id, problem))
            if isinstance(problem, SenderUnreachable) or (isinstance(problem, SenderRefused) and problem.is_account):
                unsent.append(-1)  # no use in trying the others now
    left = [message_id for message_id in unsent if message_id > 0]
    with session_factory() as session:
        sent = _record(session, answers, now)
        put_back = events.put_back(session, left, now)
    return Released(
        sent=sent,
        refused=refused,
        put_back=put_back,
        has_more=len(claimed) == limit and not unsent,
        segments=sum(one.message.segments for one in allowed),
    )


def advance_batches(session: Session, now: datetime) -> None:
    """Opens batches whose time has come and ends those that are through or whose window has passed."""
    for batch in session.scalars(select(Batch).where(Batch.state.in_(LIVE_BATCHES)).with_for_update(skip_locked=True)).all():
        if batch.release_until is not None and batch.release_until <= now:
            lapse_batch(session, batch, now)
            publish(session, "batch")
        elif batch.state in OPEN_BATCHES and not _is_waiting(session, batch.id):
            batch.state, batch.finished_at = BatchState.DONE.value, now
            publish(session, "batch")
        elif batch.state == BatchState.READY.value and batch.release_from is not None and batch.release_from <= now:
            batch.state, batch.released_at = BatchState.RELEASING.value, now
            publish(session, "batch")


def sweep_messages(session: Session, now: datetime) -> int:
    """Takes care of what a dead worker left: a mere claim goes back, a hand-over without an answer becomes unknown."""
    expired = Message.lease_until <= now
    back = update(Message).where(Message.state == MessageState.CLAIMED.value, expired)
    lost = update(Message).where(Message.state == MessageState.HANDED_OVER.value, expired)
    free = {"claim_token": None, "lease_until": None, "updated_at": now}
    freed = session.scalars(back.values(state=MessageState.READY.value, **free).returning(Message.id)).all()
    unknown = session.scalars(
        lost.values(state=MessageState.UNKNOWN.value, reason="no_answer_recorded", **free).returning(Message.id)
    ).all()
    return len(freed) + len(unknown)


def _is_waiting(session: Session, batch_id: int) -> bool:
    messages = select(Message.id).where(Message.batch_id == batch_id, Message.state.in_([state.value for state in UNSETTLED]))
    items = select(WorkItem.id).where(WorkItem.batch_id == batch_id, WorkItem.state.in_(["ready", "claimed"]))
    return session.scalar(select(messages.exists() | items.exists())) or False


def _claim(session: Session, now: datetime, limit: int, policy: ContactPolicy) -> list[Message]:
    """Fences up to `limit` ready messages of open batches of running campaigns; none between two spans of a day's hours."""
    advance_batches(session, now)
    if not is_open(policy.hours, Channel.SMS, now):
        return []
    due = (
        select(Message.id)
        .join(Batch, (Batch.office_id == Message.office_id) & (Batch.id == Message.batch_id))
        .join(Campaign, (Campaign.office_id == Batch.office_id) & (Campaign.id == Batch.campaign_id))
        .where(
            Message.state == MessageState.READY.value,
            Batch.state == BatchState.RELEASING.value,
            Campaign.status == "running",
        )
        .order_by(Message.batch_id, Message.id)
        .limit(limit)
        .with_for_update(of=Message, skip_locked=True)
        .cte("due")  # a plain sub-select may be run again for each row, and then claims more than `limit`
    )
    token = str(uuid.uuid4())
    values = {"state": MessageState.CLAIMED.value, "claim_token": token, "lease_until": now + CLAIM_LEASE, "updated_at": now}
    claimed = update(Message).where(Message.id.in_(select(due.c.id))).values(values).returning(Message)
    rows = session.scalars(claimed, execution_options={"populate_existing": True}).all()
    return sorted(rows, key=lambda message: message.id)


def _ask_gate(session: Session, claimed: Sequence[Message], now: datetime, policy: ContactPolicy) -> tuple[list[_Permitted], int]:
    """Asks again just before contact; refusals end the message, but for those that somebody else stands in the way of for a moment."""
    if not claimed:
        return [], 0
    campaigns = {batch.id: batch.campaign_id for batch in _batches_of(session, claimed)}
    claimed, refused = _within_budget(session, claimed, campaigns, now)
    asks = [gate.Ask(m.debtor_id, m.phone_id, campaigns[m.batch_id], message_id=m.id) for m in claimed]
    decisions = gate.check_contacts(session, asks, Channel.SMS, now, policy=policy)
    allowed: list[_Permitted] = []
    for message, decision in zip(claimed, decisions, strict=True):
        if not isinstance(decision, Denied):
            allowed.append(_Permitted(message, decision.decision_id))
        elif decision.reason is DenialReason.DECIDED_ELSEWHERE:
            events.move(message, MessageState.READY, now)
        else:
            refused += 1
            state = MessageState.WITHDRAWN if decision.reason in TO_WITHDRAW else MessageState.REFUSED
            events.move(message, state, now, reason=decision.reason.value)
    return allowed, refused


def _within_budget(
    session: Session, claimed: Sequence[Message], campaigns: Mapping[int, int], now: datetime
) -> tuple[Sequence[Message], int]:
    """Withdraws the messages to those whose budget in the cycle is used up, and puts back those to whom somebody else turns just now;
    returns the others, and how many were withdrawn."""
    left: list[Message] = []
    withdrawn = 0
    for campaign_id in sorted(set(campaigns.values())):
        mine = [message for message in claimed if campaigns[message.batch_id] == campaign_id]
        held, used_up = hold_within(session, campaign_id, [message.debtor_id for message in mine], now)
        for message in mine:
            if message.debtor_id not in held:
                events.move(message, MessageState.READY, now)
            elif message.debtor_id in used_up:
                events.move(message, MessageState.WITHDRAWN, now, reason=SPENT)
                withdrawn += 1
            else:
                left.append(message)
    return left, withdrawn


def _batches_of(session: Session, messages: Sequence[Message]) -> Sequence[Batch]:
    return session.scalars(select(Batch).where(Batch.id.in_({message.batch_id for message in messages}))).all()


def _hand_over(session: Session, allowed: Sequence[_Permitted], provider: str, now: datetime) -> list[tuple[int, SmsRequest]]:
    """Opens each message's attempt and marks it as handed over; the caller commits before anything is sent."""
    requests: list[tuple[int, SmsRequest]] = []
    made: dict[int | None, int] = {}
    batches = {batch.id: batch for batch in _batches_of(session, [one.message for one in allowed])}
    for message, decision_id in allowed:
        batch = batches[message.batch_id]
        attempt = Attempt(
            debtor_id=message.debtor_id,
            campaign_id=batch.campaign_id,
            channel=Channel.SMS.value,
            phone_id=message.phone_id,
            phone_text=message.e164,
            began_at=now,
            script_version=f"template {message.template_id or batch.template_id}",
        )
        session.add(attempt)
        session.flush()
        made[decision_id] = message.attempt_id = attempt.id
        message.provider = provider
        message.handed_over_at = now
        events.move(message, MessageState.HANDED_OVER, now, keeps_lease=True)
        requests.append((message.id, SmsRequest(message.reference, message.e164, message.body)))
    gate.attach(session, made)
    return requests


def _record(session: Session, answers: Sequence[tuple[int, SmsStatus | SenderError]], now: datetime) -> int:
    """Writes down what the provider said to each message; returns how many went out or may have."""
    sent = 0
    for message_id, answer in answers:
        message = session.scalars(select(Message).where(Message.id == message_id).with_for_update()).one()
        if isinstance(answer, SmsStatus):
            sent += 1
            events.record_status(session, message, answer, f"{message.reference}:answer", now)
        elif isinstance(answer, SenderUnreachable):
            events.put_back(session, [message_id], now)
        elif isinstance(answer, SenderRefused) and answer.is_account:
            events.put_back(session, [message_id], now)
            set_batch_state(session, message.batch_id, BatchState.PAUSED, now, reason=answer.code)
            log.warning("batch_paused", batch_id=message.batch_id, code=answer.code)
        elif isinstance(answer, SenderRefused):
            events.fail(session, message, answer.code, now)
        else:
            sent += 1
            events.move(message, MessageState.UNKNOWN, now, reason=answer.code)
    if answers:
        publish(session, "batch")
    return sent
