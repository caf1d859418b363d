"""Some messages of open batches for one sender number: claimed, asked about at the gate, their attempts opened, and given their turns.

All of it is one transaction; each step is one statement for the whole set. Nothing is sent before `begin`, in a transaction of its own just
before the messages' turns, has put them on record as handed over: what was merely claimed when a worker died has certainly not left.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.attempts.codes import Channel
from campaigns.compliance import gate
from campaigns.compliance.policy import ContactPolicy
from campaigns.compliance.reasons import DenialReason
from campaigns.compliance.rules import Denied
from campaigns.compliance.windows import is_open
from campaigns.messages.models import Batch, Message
from campaigns.messages.rate import UNLIMITED, free_at, key_of, reserve
from campaigns.messages.senders.port import SmsRequest, SmsSender
from campaigns.messages.state import BatchState, MessageState
from campaigns.planning.models import Campaign
from campaigns.worklist.budget import SPENT, hold_within

LEASE = timedelta(seconds=20)
"""How long a claim may wait for its turn before the sweeper gives it back, and a hand-over for its answer before it is called unknown."""
MUST_BEGIN = 8.0
"""Seconds after it was begun within which a message must be sent, else it is put back: the lease holds for the provider's answer, too."""
FAR_AHEAD = timedelta(seconds=4)
"""Turns further off are left to the others who share the number."""
AGAIN = timedelta(seconds=5)
TO_WITHDRAW = frozenset({DenialReason.SETTLED, DenialReason.PAYMENT_CLAIMED})

_OPEN_BATCHES = (
    select(Batch.id)
    .join(Campaign, (Campaign.office_id == Batch.office_id) & (Campaign.id == Batch.campaign_id))
    .where(Batch.state == BatchState.RELEASING.value, Batch.approved_at.is_not(None), Batch.channel == Channel.SMS.value)
    .where(Campaign.status == "running")
)
# The rows stay locked until they are on record as claimed. What another worker has is passed over.
_TAKE = text("""
SELECT m.id, m.batch_id, m.debtor_id, m.phone_id, m.e164, m.body, m.segments, m.reference,
  coalesce(m.template_id, b.template_id) AS template_id, b.campaign_id
FROM message m JOIN batch b ON b.office_id = m.office_id AND b.id = m.batch_id
WHERE m.office_id = :office AND m.batch_id = :batch AND m.state = 'ready' AND m.not_before <= :now
ORDER BY m.not_before, m.id LIMIT :limit FOR UPDATE OF m SKIP LOCKED
""")
_END = text("""
UPDATE message m SET state = t.state, reason = t.reason, updated_at = :now
FROM unnest(CAST(:ids AS bigint[]), CAST(:states AS text[]), CAST(:reasons AS text[])) AS t (id, state, reason)
WHERE m.office_id = :office AND m.id = t.id
""")
_LATER = text("UPDATE message SET not_before = :again WHERE office_id = :office AND id = ANY(:ids)")
# One statement for all: with an ORM insert that returns keys in order, each row would be a round trip.
_OPEN = text("""
INSERT INTO attempt (office_id, debtor_id, campaign_id, channel, phone_id, phone_text, began_at, script_version)
SELECT :office, t.debtor_id, t.campaign_id, 'sms', t.phone_id, t.e164, :now, t.script FROM unnest(CAST(:debtors AS bigint[]),
  CAST(:campaigns AS bigint[]), CAST(:phones AS bigint[]), CAST(:numbers AS text[]), CAST(:scripts AS text[]))
  AS t (debtor_id, campaign_id, phone_id, e164, script)
RETURNING id, debtor_id
""")
_CLAIM = text("""
UPDATE message m SET state = 'claimed', attempt_id = t.attempt_id, provider = :provider, sender = :number, claim_token = :token,
  lease_until = :lease_until, updated_at = :now
FROM unnest(CAST(:ids AS bigint[]), CAST(:attempts AS bigint[])) AS t (id, attempt_id)
WHERE m.office_id = :office AND m.id = t.id
""")
# The fence: a claim that has ended, was taken up by somebody else, or whose batch was stopped meanwhile is not begun.
_BEGIN = text("""
UPDATE message m SET state = 'handed_over', handed_over_at = :now, lease_until = :lease_until, updated_at = :now
FROM batch b JOIN campaign c ON c.office_id = b.office_id AND c.id = b.campaign_id
WHERE m.office_id = :office AND m.id = ANY(:ids) AND m.state = 'claimed' AND m.claim_token = :token
  AND b.office_id = m.office_id AND b.id = m.batch_id AND b.state = 'releasing' AND b.approved_at IS NOT NULL AND c.status = 'running'
RETURNING m.id
""")

Taken = Row[Any]


@dataclass(frozen=True, slots=True)
class Item:
    """A message that may be sent: its turn comes `offset` seconds after the chunk's first."""

    message_id: int
    batch_id: int
    request: SmsRequest
    segments: int
    offset: float


@dataclass(frozen=True, slots=True)
class Chunk:
    """Messages claimed under one token. `taken` counts those looked at, `committed` is a monotonic moment; none is sent when `must_begin`
    seconds have passed since."""

    token: str = ""
    items: tuple[Item, ...] = ()
    taken: int = 0
    refused: int = 0
    is_waiting_for_turns: bool = False
    starts_in: float = 0.0
    must_begin: float = MUST_BEGIN
    committed: float = field(default_factory=time.monotonic)

    @property
    def segments(self) -> int:
        """What the provider counts."""
        return sum(item.segments for item in self.items)


def take_chunk(session: Session, sender: SmsSender, number: str, per_second: float, now: datetime, limit: int) -> Chunk:
    """Claims up to `limit` messages whose time has come; the caller commits, and asks `begin` before it sends any.

    Args:
        number: which of the sender's numbers; empty where it has but one.
        per_second: segments that this number takes; 0 for a caller that keeps the rate itself.
    """
    began = time.monotonic()
    policy = gate.load_policy(session)
    is_limited = 0 < per_second < UNLIMITED
    if not is_open(policy.hours, Channel.SMS, now):
        return Chunk()
    key = key_of(sender, number)
    if is_limited and (free := free_at(session, key)) is not None and free > now + FAR_AHEAD:
        return Chunk(is_waiting_for_turns=True)
    rows = _take(session, now, limit)
    if not rows:
        return Chunk()
    allowed, decisions, refused = _ask(session, rows, now, policy)
    token = str(uuid.uuid4())
    _claim(session, allowed, decisions, sender.name, number, token, now)
    items, offset = [], 0.0
    for row in allowed:
        items.append(Item(row.id, row.batch_id, SmsRequest(row.reference, row.e164, row.body, number), row.segments, offset))
        offset += row.segments / per_second if is_limited else 0.0
    starts_in = 0.0
    if is_limited and items:
        asked_at = now + timedelta(seconds=time.monotonic() - began)  # else a slow database would use up the turns beforehand
        begins = reserve(session, key, sum(item.segments for item in items), per_second, asked_at)
        starts_in = max(0.0, (begins - asked_at).total_seconds())
    must_begin = max(0.0, min(MUST_BEGIN + starts_in, policy.decision_seconds, LEASE.total_seconds() / 2 + FAR_AHEAD.total_seconds()))
    return Chunk(token, tuple(items), len(rows), refused, starts_in=starts_in, must_begin=must_begin)


def begin(session: Session, message_ids: Sequence[int], token: str, now: datetime) -> set[int]:
    """Puts claimed messages on record as handed over; returns those that may be sent now. The caller commits before it sends any."""
    values = {"office": office_of(session), "ids": list(message_ids), "token": token, "now": now, "lease_until": now + LEASE}
    return set(session.scalars(_BEGIN, values))


def stopped_batches(session: Session, batch_ids: Sequence[int]) -> set[int]:
    """Those of the batches that are not being released any more: paused, cancelled, over, or of a campaign that stands still."""
    return set(batch_ids) - set(session.scalars(_OPEN_BATCHES.where(Batch.id.in_(batch_ids))))


def next_due(session: Session) -> datetime | None:
    """The earliest moment at which a message of a batch under release may go; None when none waits."""
    moments = [
        session.scalar(
            select(Message.not_before)
            .where(Message.batch_id == batch_id, Message.state == MessageState.READY.value)
            .order_by(Message.not_before, Message.id)
            .limit(1)
        )
        for batch_id in session.scalars(_OPEN_BATCHES).all()
    ]
    return min((moment for moment in moments if moment is not None), default=None)


def _take(session: Session, now: datetime, limit: int) -> list[Taken]:
    rows: list[Taken] = []
    for batch_id in session.scalars(_OPEN_BATCHES.order_by(Campaign.priority, Batch.id)).all():
        values = {"office": office_of(session), "batch": batch_id, "now": now, "limit": limit - len(rows)}
        rows += session.execute(_TAKE, values).all()
        if len(rows) >= limit:
            break
    return rows


def _ask(session: Session, rows: Sequence[Taken], now: datetime, policy: ContactPolicy) -> tuple[list[Taken], dict[int, int | None], int]:
    """Asks again just before contact; returns whom it allows, their decisions' numbers, and how many are refused.

    Refusals end the message, but for those that somebody else stands in the way of for a moment.
    """
    rows, spent, later = _within_budget(session, rows, now)
    asks = [gate.Ask(row.debtor_id, row.phone_id, row.campaign_id, message_id=row.id) for row in rows]
    allowed: list[Taken] = []
    decided: dict[int, int | None] = {}
    ended = [(row.id, MessageState.WITHDRAWN, SPENT) for row in spent]
    for row, decision in zip(rows, gate.check_contacts(session, asks, Channel.SMS, now, policy=policy), strict=True):
        if not isinstance(decision, Denied):
            allowed.append(row)
            decided[row.id] = decision.decision_id
        elif decision.reason is DenialReason.DECIDED_ELSEWHERE:
            later.append(row)
        else:
            state = MessageState.WITHDRAWN if decision.reason in TO_WITHDRAW else MessageState.REFUSED
            ended.append((row.id, state, decision.reason.value))
    office = office_of(session)
    if ended:
        ids, states, reasons = ([*column] for column in zip(*ended, strict=True))
        told = {"ids": ids, "states": [state.value for state in states], "reasons": [reason[:40] for reason in reasons]}
        session.execute(_END, {"office": office, "now": now} | told)
    if later:
        session.execute(_LATER, {"office": office, "again": now + AGAIN, "ids": [row.id for row in later]})
    return allowed, decided, len(ended)


def _within_budget(session: Session, rows: Sequence[Taken], now: datetime) -> tuple[list[Taken], list[Taken], list[Taken]]:
    """Those who may be asked about, those whose budget in the cycle is used up, and those to whom somebody else turns just now."""
    left: list[Taken] = []
    used_up: list[Taken] = []
    later: list[Taken] = []
    for campaign_id in sorted({row.campaign_id for row in rows}):
        mine = [row for row in rows if row.campaign_id == campaign_id]
        held, spent = hold_within(session, campaign_id, [row.debtor_id for row in mine], now)
        for row in mine:
            (later if row.debtor_id not in held else used_up if row.debtor_id in spent else left).append(row)
    return left, used_up, later


def _claim(
    session: Session,
    allowed: Sequence[Taken],
    decided: dict[int, int | None],
    provider: str,
    number: str,
    token: str,
    now: datetime,
) -> None:
    """Opens the messages' attempts and marks them as claimed."""
    if not allowed:
        return
    made = session.execute(
        _OPEN,
        {
            "office": office_of(session),
            "now": now,
            "debtors": [row.debtor_id for row in allowed],
            "campaigns": [row.campaign_id for row in allowed],
            "phones": [row.phone_id for row in allowed],
            "numbers": [row.e164 for row in allowed],
            "scripts": [f"template {row.template_id}" for row in allowed],
        },
    )
    attempts = {row.debtor_id: row.id for row in made}  # the gate lets a person be contacted once at a time
    values = {"provider": provider, "number": number[:40], "token": token, "now": now, "lease_until": now + LEASE}
    pairs = {"ids": [row.id for row in allowed], "attempts": [attempts[row.debtor_id] for row in allowed]}
    session.execute(_CLAIM, {"office": office_of(session)} | values | pairs)
    gate.attach(session, {decided[row.id]: attempts[row.debtor_id] for row in allowed})
