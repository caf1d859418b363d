"""What becomes of a message: append-only provider events, and the functions that move messages, only forwards.

Each write of a worker is fenced: it names the token under which the message was handed over, so that a worker that was thought dead can't
change what somebody else has taken up since. What a provider told is a fact and is kept, whoever heard it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Row, TextClause, delete, select, text, update
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.attempts.models import Attempt
from campaigns.messages.inbox.replies import suppress_messages
from campaigns.messages.models import Message
from campaigns.messages.senders.port import SmsStatus
from campaigns.messages.senders.troubles import Trouble
from campaigns.messages.state import TRANSITIONS, MessageState, may_follow
from campaigns.sync.outbox import ATTEMPT

log = structlog.get_logger(__name__)

NEVER_TAKEN = "not_handed_over"
"""Why a message failed of which the provider, asked for long enough, knew nothing; it may still tell otherwise."""

# Rows are locked in one order: a worker that records its answers and reports on the same messages would else wait for each other.
_MOVE = """
WITH mine AS (
  SELECT id FROM message WHERE office_id = :office AND id = ANY(CAST(:ids AS bigint[])) ORDER BY id FOR NO KEY UPDATE)
UPDATE message m SET state = t.state, updated_at = :now, claim_token = NULL, lease_until = NULL,
  reason = CASE WHEN m.state IN ('failed', 'unknown') OR t.reason <> '' THEN t.reason ELSE m.reason END,
  provider_id = coalesce(m.provider_id, nullif(t.provider_id, ''))
FROM unnest(CAST(:ids AS bigint[]), CAST(:states AS text[]), CAST(:reasons AS text[]), CAST(:providers AS text[]), CAST(:befores AS text[]))
  AS t (id, state, reason, provider_id, befores) JOIN mine ON mine.id = t.id
WHERE m.office_id = :office AND m.id = t.id AND (m.state = ANY(string_to_array(t.befores, ','))
  OR m.state = 'failed' AND m.reason = :never_taken AND t.state IN ('accepted', 'delivered', 'undelivered')){fence}
RETURNING m.id, m.attempt_id, m.debtor_id, m.state, m.handed_over_at, m.reason
"""
_MOVE_ANY, _MOVE_MINE = text(_MOVE.format(fence="")), text(_MOVE.format(fence=" AND m.claim_token = :token"))
_CLOSE = text("""
UPDATE attempt a SET state = 'closed', ended_at = coalesce(a.ended_at, :now),
  line_result = CASE t.state WHEN 'failed' THEN 'failed' WHEN 'undelivered' THEN 'unreachable'
                ELSE CASE WHEN a.line_result IN ('unreachable', 'failed') THEN NULL ELSE a.line_result END END,
  handed_over_at = CASE WHEN t.state = 'failed' THEN a.handed_over_at ELSE coalesce(a.handed_over_at, t.handed_over_at) END
FROM unnest(CAST(:ids AS bigint[]), CAST(:states AS text[]), CAST(:moments AS timestamptz[])) AS t (id, state, handed_over_at)
WHERE a.office_id = :office AND a.id = t.id
RETURNING a.id, a.debtor_id, a.channel, a.began_at, a.line_result, t.state
""")
_BACK = """
WITH mine AS (
  SELECT m.id, m.attempt_id, b.state AS batch_state FROM message m JOIN batch b ON b.office_id = m.office_id AND b.id = m.batch_id
  WHERE m.office_id = :office AND {which} ORDER BY m.id FOR UPDATE OF m)
UPDATE message m SET attempt_id = NULL, handed_over_at = NULL, claim_token = NULL, lease_until = NULL, updated_at = :now,
  state = CASE WHEN mine.batch_state IN ('done', 'cancelled') THEN 'withdrawn' ELSE 'ready' END,
  reason = CASE mine.batch_state WHEN 'done' THEN 'window_passed' WHEN 'cancelled' THEN 'batch_cancelled' ELSE '' END
FROM mine WHERE m.office_id = :office AND m.id = mine.id RETURNING mine.attempt_id
"""
_PUT_BACK = text(_BACK.format(which="m.id = ANY(:ids) AND m.state IN ('claimed', 'handed_over', 'unknown') AND m.claim_token = :token"))
_CLAIM_ENDED = text(_BACK.format(which="m.state = 'claimed' AND m.lease_until <= :now"))
_KEEP = text("""
INSERT INTO message_event (office_id, message_id, event_key, status, at, detail)
SELECT :office, t.message_id, t.key, t.status, :now, jsonb_build_object('provider_id', t.provider_id, 'word', t.word)
FROM unnest(CAST(:ids AS bigint[]), CAST(:keys AS text[]), CAST(:states AS text[]), CAST(:providers AS text[]), CAST(:words AS text[]))
  AS t (message_id, key, status, provider_id, word)
ON CONFLICT (office_id, event_key) DO NOTHING
""")
_TELL_SYNC = text("""
INSERT INTO sync_outbox (office_id, key, kind, debtor_id, payload, created_at)
SELECT :office, t.key, :kind, t.debtor_id, CAST(t.payload AS jsonb), :now
FROM unnest(CAST(:keys AS text[]), CAST(:debtors AS bigint[]), CAST(:payloads AS text[])) AS t (key, debtor_id, payload)
ON CONFLICT (office_id, key) DO NOTHING
""")


@dataclass(frozen=True, slots=True)
class News:
    """What is known of a message: our word for its state, why where it went wrong, and the provider's id."""

    message_id: int
    state: MessageState
    reason: str = ""
    provider_id: str = ""


def record_by_reference(session: Session, reference: str, status: SmsStatus, event_key: str, now: datetime) -> bool:
    """Records what a webhook told about one of our messages; duplicates and late news are harmless.

    Returns:
        Whether the reference is one of ours.
    """
    message = session.scalar(select(Message).where(Message.reference == reference).with_for_update())
    if message is None:
        log.warning("message_of_unknown_reference")
        return False
    record_status(session, message, status, event_key, now)
    return True


def record_status(session: Session, message: Message, status: SmsStatus, event_key: str, now: datetime) -> bool:
    """Keeps an event once and moves the message if that is a step forward; returns whether the event was new."""
    if not keep_events(session, [(message.id, event_key, status)], now):
        return False
    session.flush()
    tell(session, [News(message.id, status.state, status.reason, status.provider_id)], now)
    session.refresh(message)
    return True


def keep_events(session: Session, events: Sequence[tuple[int, str, SmsStatus]], now: datetime) -> int:
    """Keeps what a provider told, each event once by its key; returns how many were new."""
    values = {
        "office": office_of(session),
        "now": now,
        "ids": [message_id for message_id, _, _ in events],
        "keys": [key[:120] for _, key, _ in events],
        "states": [status.state.value for _, _, status in events],
        "providers": [status.provider_id for _, _, status in events],
        "words": [status.detail[:200] for _, _, status in events],
    }
    kept: Any = session.execute(_KEEP, values)
    return int(kept.rowcount)


def tell(session: Session, news: Sequence[News], now: datetime, *, token: str = "") -> set[int]:
    """Moves messages where the news is a step forward, and closes their attempts; returns the ids of those that moved.

    A message to somebody who has opted out at the provider is the last.

    Args:
        token: the news is the worker's own and holds only while the message is still its: handed over by it, and not taken up since.
    """
    if not news:
        return set()
    moved = session.execute(
        _MOVE_MINE if token else _MOVE_ANY,
        {
            "office": office_of(session),
            "now": now,
            "never_taken": NEVER_TAKEN,
            "ids": [one.message_id for one in news],
            "states": [one.state.value for one in news],
            "reasons": [one.reason[:40] for one in news],
            "providers": [one.provider_id[:60] for one in news],
            "befores": [_BEFORE[one.state] for one in news],
        }
        | ({"token": token} if token else {}),
    ).all()
    _close_attempts(session, [row for row in moved if row.attempt_id is not None and row.state != MessageState.UNKNOWN.value], now)
    opted_out = sorted({row.debtor_id for row in moved if row.reason == Trouble.OPTED_OUT.value})
    if opted_out:
        suppress_messages(session, opted_out, now, note="SMS事業者の通知")
    return {row.id for row in moved}


def fail(session: Session, message: Message, reason: str, now: datetime) -> None:
    """Ends a message that was certainly not sent; one to somebody who has opted out is the last."""
    session.flush()
    tell(session, [News(message.id, MessageState.FAILED, reason)], now)
    session.refresh(message)


def put_back(session: Session, message_ids: Sequence[int], token: str, now: datetime) -> int:
    """Puts messages back that were certainly not handed over; their attempts never happened. Returns their number.

    Those of a batch that is over meanwhile are withdrawn.
    """
    if not message_ids:
        return 0
    return _give_back(session, _PUT_BACK, {"ids": list(message_ids), "token": token, "now": now})


def _give_back(session: Session, statement: TextClause, values: Mapping[str, Any]) -> int:
    attempts = list(session.scalars(statement, {"office": office_of(session), **values}))
    if attempts:
        session.execute(delete(Attempt).where(Attempt.id.in_(attempts)).execution_options(synchronize_session=False))
    return len(attempts)


def sweep_messages(session: Session, now: datetime) -> int:
    """Takes care of what a dead worker left: a mere claim goes back, a hand-over without an answer becomes unknown."""
    freed = _give_back(session, _CLAIM_ENDED, {"now": now})
    late = select(Message.id).where(Message.state == MessageState.HANDED_OVER.value, Message.lease_until <= now)
    found = session.scalars(late.order_by(Message.id).with_for_update(skip_locked=True, key_share=True)).all()
    lost = update(Message).where(Message.id.in_(found))
    # The token of what is unknown stays: its worker, if it lives after all, may still say that it never sent it.
    unknown = lost.values(state=MessageState.UNKNOWN.value, reason="no_answer_recorded", lease_until=None, updated_at=now)
    return freed + len(session.scalars(unknown.returning(Message.id)).all())


def move(message: Message, state: MessageState, now: datetime, *, reason: str = "") -> None:
    """Moves one message along `TRANSITIONS`; a step that is not there is a mistake in this program."""
    present = MessageState(message.state)
    assert may_follow(present, state), f"{present} -> {state}"
    message.state = state.value
    message.updated_at = now
    if reason:
        message.reason = reason[:40]
    message.claim_token, message.lease_until = None, None


_BEFORE: Mapping[MessageState, str] = {
    state: ",".join(sorted(before.value for before, after in TRANSITIONS.items() if state in after)) for state in MessageState
}


def _close_attempts(session: Session, moved: Iterable[Row[Any]], now: datetime) -> None:
    """An attempt counts from the moment the provider took the message; one that was refused reached nobody. Each leaves a fact."""
    rows = list(moved)
    if not rows:
        return
    closed = session.execute(
        _CLOSE,
        {
            "office": office_of(session),
            "now": now,
            "ids": [row.attempt_id for row in rows],
            "states": [row.state for row in rows],
            "moments": [row.handed_over_at for row in rows],
        },
    )
    facts = closed.all()
    told = {
        "keys": [_key(row) for row in facts],
        "debtors": [row.debtor_id for row in facts],
        "payloads": [json.dumps(_payload(row)) for row in facts],
    }
    session.execute(_TELL_SYNC, {"office": office_of(session), "kind": ATTEMPT, "now": now} | told)


def _key(row: Row[Any]) -> str:
    return f"attempt:{row.id}" + (":undelivered" if row.state == MessageState.UNDELIVERED.value else "")


def _payload(row: Row[Any]) -> dict[str, Any]:
    return {
        "attempt_id": row.id,
        "channel": row.channel,
        "began_at": row.began_at.isoformat(),
        "line_result": row.line_result,
        "party": None,
        "outcome": None,
        "talk_seconds": 0,
        "promise_amount": None,
        "promise_due_on": None,
    }
