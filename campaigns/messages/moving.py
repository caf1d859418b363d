"""A batch once it is prepared: released by another person, paused, edited, cancelled, and what its window leaves over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from callcenter.core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from callcenter.core.live import publish
from campaigns.attempts.codes import Channel
from campaigns.compliance import gate
from campaigns.messages.models import Batch, BatchEvent, Message
from campaigns.messages.spread import USED, Window, next_window, window_of
from campaigns.messages.state import BATCH_TRANSITIONS, LIVE_BATCHES, OPEN_BATCHES, UNSETTLED, BatchState, MessageState
from campaigns.messages.terms import CHOICES, EVEN, NEXT, RANGES, TWO_PEOPLE, checked, load_terms
from campaigns.planning.models import Campaign
from campaigns.worklist.models import WorkItem

MOST_MOVES = 3
EDITABLE = ("pace", "leftover", "rounds")
_PLACE_MESSAGES = text("""
UPDATE message m SET not_before = span.opens + make_interval(secs => span.at)
FROM (SELECT id, row_number() OVER (ORDER BY not_before, id) - 1 AS rank, count(*) OVER () AS total FROM message
      WHERE office_id = :office AND batch_id = :batch AND state = 'ready') r
CROSS JOIN LATERAL (
  SELECT s.opens, :seconds * r.rank / r.total - s.begins AS at
  FROM unnest(CAST(:opens AS timestamptz[]), CAST(:begins AS double precision[])) AS s (opens, begins)
  WHERE :seconds * r.rank / r.total >= s.begins ORDER BY s.begins DESC LIMIT 1) span
WHERE m.office_id = :office AND m.id = r.id
""")
_PLACE_ITEMS = text(_PLACE_MESSAGES.text.replace("message", "work_item").replace("state = 'ready'", "state = 'ready' AND NOT is_callback"))


def find_batch(session: Session, batch_id: int, *, locks: bool = False) -> Batch:
    """A batch. Raises NotFound."""
    statement = select(Batch).where(Batch.id == batch_id)
    batch = session.scalar(statement.with_for_update(key_share=True) if locks else statement)
    if batch is None:
        raise NotFound("There is no such batch.", hint="`callcenter batch list` shows them.", code="no_batch")
    return batch


def release_refusal(batch: Batch, release: str, user_id: int | None) -> str:
    """Why this person may not release a batch, as a code; empty when they may. Pure.

    Who prepared or edited it may not, where the office wants two people; what a program prepared, anybody may release.
    """
    if batch.approved_at is not None:
        return "approved"
    if batch.state not in (BatchState.READY.value, BatchState.PAUSED.value):
        return "not_ready"
    if release == TWO_PEOPLE and user_id is not None and user_id in (batch.created_by, batch.edited_by):
        return "same_person"
    return ""


REFUSALS = {
    "approved": "It has been released already.",
    "not_ready": "Only a batch that is ready can be released.",
    "same_person": "Who prepared or edited a batch can't release it.",
}


def approve_batch(session: Session, batch_id: int, user_id: int | None, now: datetime) -> Batch:
    """Lets a batch go out when its window opens.

    Raises:
        NotFound.  Conflict: it has been released, or is not ready.  NotAllowed: this person prepared or edited it.
    """
    batch = find_batch(session, batch_id, locks=True)
    campaign = session.get_one(Campaign, (batch.office_id, batch.campaign_id))
    refusal = release_refusal(batch, load_terms(session, campaign.options).release, user_id)
    if refusal == "approved":
        return batch
    if refusal == "same_person":
        raise NotAllowed(REFUSALS[refusal], hint="Ask another person to release it.", code=refusal)
    if refusal:
        raise Conflict(REFUSALS[refusal], hint=f"It is {batch.state}.", code=refusal)
    batch.approved_by, batch.approved_at = user_id, now
    note(session, batch, "released", now, user_id)
    publish(session, "batch")
    return batch


def edit_batch(session: Session, batch_id: int, changes: Mapping[str, Any], user_id: int | None, now: datetime) -> Batch:
    """Changes how a batch is released; it must then be released anew, by somebody else where the office wants two people.

    Raises:
        NotFound.  Conflict: it is being released, or over.  InvalidInput: an unknown term or value.
    """
    batch = find_batch(session, batch_id, locks=True)
    new = {name: checked(name, value) for name, value in changes.items()}
    if set(new) - set(EDITABLE):
        raise InvalidInput("That can't be changed.", hint="Known: " + ", ".join(EDITABLE) + ".", code="unknown_term")
    if batch.state not in (BatchState.READY.value, BatchState.PAUSED.value):
        raise Conflict(f"The batch is {batch.state}; it can't be edited.", hint="Pause it first.", code="not_editable")
    changed = {name: value for name, value in new.items() if getattr(batch, name) != value}
    if not changed:
        return batch
    for name, value in changed.items():
        setattr(batch, name, value)
    if "pace" in changed and batch.release_from is not None and batch.release_until is not None:
        policy = gate.load_policy(session)
        opens = max(now, batch.release_from)
        if opens < batch.release_until:
            _place(session, batch, window_of(policy.hours, Channel(batch.channel), opens, batch.release_until))
    batch.edited_by, batch.edited_at, batch.approved_by, batch.approved_at = user_id, now, None, None
    note(session, batch, "edited", now, user_id, changed)
    publish(session, "batch")
    return batch


def set_batch_state(
    session: Session, batch_id: int, wanted: BatchState, now: datetime, *, reason: str = "", user_id: int | None = None
) -> Batch:
    """Pauses, resumes or cancels a batch; cancelling withdraws what was not handed over. Repeating it is not an error.

    Raises:
        NotFound: no such batch.  Conflict: the state can't follow the present one.
    """
    batch = find_batch(session, batch_id, locks=True)
    present = BatchState(batch.state)
    if present is wanted:
        return batch
    if wanted not in BATCH_TRANSITIONS[present]:
        possible = ", ".join(sorted(BATCH_TRANSITIONS[present])) or "nothing"
        raise Conflict(f"The batch is {present}; it can't become {wanted}.", hint=f"Possible now: {possible}.", code="batch_state")
    move_batch(session, batch, wanted, now, reason=reason)
    if wanted is BatchState.CANCELLED:
        batch.finished_at = now
        batch.withdrawn += withdraw_waiting(session, batch.id, "batch_cancelled", now)
    action = "resumed" if present is BatchState.PAUSED and wanted in (BatchState.READY, BatchState.RELEASING) else wanted.value
    note(session, batch, action, now, user_id, {"reason": reason} if reason else None)
    return batch


def move_batch(session: Session, batch: Batch, wanted: BatchState, now: datetime, *, reason: str = "") -> None:
    """Moves a batch along `BATCH_TRANSITIONS`; a step that is not there is a mistake in this program."""
    present = BatchState(batch.state)
    assert wanted in BATCH_TRANSITIONS[present], f"{present} -> {wanted}"
    batch.state, batch.state_reason = wanted.value, reason[:40]
    publish(session, "batch")


def note(
    session: Session, batch: Batch, action: str, now: datetime, user_id: int | None = None, detail: Mapping[str, Any] | None = None
) -> None:
    """Puts on record what was done with a batch."""
    session.add(BatchEvent(batch_id=batch.id, at=now, action=action[:20], user_id=user_id, detail=dict(detail or {})))


def advance_batches(session: Session, now: datetime) -> None:
    """Opens batches whose time has come and ends those that are through or whose window has passed."""
    live = select(Batch).where(Batch.state.in_(LIVE_BATCHES), Batch.state != BatchState.PREPARING.value)
    for batch in session.scalars(live.with_for_update(skip_locked=True, key_share=True)).all():
        if batch.release_until is not None and batch.release_until <= now:
            end_window(session, batch, now)
        elif batch.state in OPEN_BATCHES and not is_waiting(session, batch.id):
            _finish(session, batch, now)
        elif _is_due(batch, now):
            move_batch(session, batch, BatchState.RELEASING, now)
            batch.released_at = batch.released_at or now


def _is_due(batch: Batch, now: datetime) -> bool:
    is_open = batch.release_from is not None and batch.release_from <= now
    return batch.state == BatchState.READY.value and batch.approved_at is not None and is_open


def end_window(session: Session, batch: Batch, now: datetime) -> int:
    """What a window that has passed leaves over lapses, or goes on in the next one, as the batch says; returns what is withdrawn."""
    if batch.leftover == NEXT and batch.moves < MOST_MOVES and batch.approved_at is not None:
        window = next_window(gate.load_policy(session).hours, Channel(batch.channel), now)
        left = _place(session, batch, window) if window is not None else 0
        if window is not None and left:
            batch.release_from, batch.release_until = window.opens, window.closes
            batch.moved, batch.moves = batch.moved + left, batch.moves + 1
            if batch.state == BatchState.RELEASING.value:
                move_batch(session, batch, BatchState.READY, now, reason="window_full")
            note(session, batch, "moved", now, None, {"count": left, "to": window.opens.isoformat()})
            return 0
    return lapse_batch(session, batch, now)


def lapse_batch(session: Session, batch: Batch, now: datetime) -> int:
    """Ends a batch whose window has passed and returns what is withdrawn."""
    reason = "window_passed" if batch.approved_at is not None else "not_released"
    count = withdraw_waiting(session, batch.id, reason, now)
    batch.withdrawn += count
    _finish(session, batch, now, reason if count else "")
    if count:
        note(session, batch, "lapsed", now, None, {"count": count, "reason": reason})
    return count


def _finish(session: Session, batch: Batch, now: datetime, reason: str = "") -> None:
    move_batch(session, batch, BatchState.DONE, now, reason=reason)
    batch.finished_at = now
    note(session, batch, "done", now)


def progress(session: Session, batch_id: int) -> dict[str, int]:
    """A batch's messages or calls by their present state; they add up to what was prepared."""
    batch = find_batch(session, batch_id)
    rows = Message if batch.channel == Channel.SMS.value else WorkItem
    counted = select(rows.state, func.count()).where(rows.batch_id == batch_id).group_by(rows.state)
    return {row[0]: row[1] for row in session.execute(counted)}


def withdraw_waiting(session: Session, batch_id: int, reason: str, now: datetime) -> int:
    """Withdraws the messages and calls of a batch that nobody has begun; a call-back that a robocall's key asked for stays.

    Returns their number.
    """
    values = {"state": MessageState.WITHDRAWN.value, "reason": reason, "updated_at": now}
    messages = update(Message).where(Message.batch_id == batch_id, Message.state == MessageState.READY.value)
    items = update(WorkItem).where(
        WorkItem.batch_id == batch_id, WorkItem.state == "ready", WorkItem.channel == Channel.AUTO_CALL.value, ~WorkItem.is_callback
    )
    count = 0
    for statement in (messages, items):
        done: Any = session.execute(statement.values(values).execution_options(synchronize_session=False))
        count += done.rowcount
    return count


def is_waiting(session: Session, batch_id: int) -> bool:
    """Whether anything of a batch is not settled yet; call-backs are the operators'."""
    messages = select(Message.id).where(Message.batch_id == batch_id, Message.state.in_([state.value for state in UNSETTLED]))
    items = select(WorkItem.id).where(
        WorkItem.batch_id == batch_id, WorkItem.state.in_(["ready", "claimed"]), WorkItem.channel == Channel.AUTO_CALL.value
    )
    return session.scalar(select(messages.exists() | items.exists())) or False


def _place(session: Session, batch: Batch, window: Window) -> int:
    """Gives what waits its place in a window; returns how many there are."""
    values = {
        "office": office_of(session),
        "batch": batch.id,
        "seconds": window.seconds * USED if batch.pace == EVEN else 0.0,
        "opens": [opens for opens, _ in window.spans],
        "begins": window.begins(),
    }
    done: Any = session.execute(_PLACE_MESSAGES if batch.channel == Channel.SMS.value else _PLACE_ITEMS, values)
    return int(done.rowcount)


assert set(EDITABLE) <= set(CHOICES) | set(RANGES)
