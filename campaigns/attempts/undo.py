"""Taking a result back within seconds (取り消し): what followed from it is compensated, and the operator owes the result again.

Effects are not delayed: a wrong number must be off for everybody at once. So how things stood is kept with the result, and each thing is
put back only where nothing has touched it since; where something has, the result stands and the operator is told why.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from callcenter.core.errors import Conflict
from callcenter.core.live import publish
from campaigns.attempts.models import Attempt, Draft, Escalation, OutcomeUndo, ServiceRequest
from campaigns.attempts.wrap_up import AGAIN
from campaigns.debtors.models import PhoneEvent, PhoneNumber, Suppression
from campaigns.messages.models import Message
from campaigns.promises import service as promises
from campaigns.sync.outbox import take_back
from campaigns.worklist.models import WorkItem

WINDOW = timedelta(seconds=10)
GRACE = timedelta(seconds=2)  # a press in the last moment is still on its way
UNDONE = "undone"
_ITEM = ("state", "reason", "channel", "priority", "is_callback", "user_id", "phone_id", "claim_token", "claimed_by")


def look(session: Session, attempt_id: int) -> dict[str, Any]:
    """How things stand before a result is recorded: the attempt, and what is queued for its debtor."""
    attempt = session.get_one(Attempt, (office_of(session), attempt_id))
    items = session.scalars(
        select(WorkItem).where(WorkItem.debtor_id == attempt.debtor_id, WorkItem.state.in_(("ready", "claimed"))).order_by(WorkItem.id)
    )
    messages = session.execute(
        select(Message.id, Message.reason)
        .where(Message.state == "ready", or_(Message.debtor_id == attempt.debtor_id, Message.phone_id.in_(_same_number(attempt))))
        .order_by(Message.id)
    )
    return {
        "line_result": attempt.line_result,
        "items": [{"id": item.id, "moments": _moments(item)} | {name: getattr(item, name) for name in _ITEM} for item in items],
        "messages": [[number, reason] for number, reason in messages],
    }


def keep(session: Session, attempt_id: int, user_id: int, before: dict[str, Any], now: datetime) -> None:
    """Keeps how things stood, for the window; drafts become part of it, and what others' windows have left behind goes."""
    typed = session.execute(delete(Draft).where(Draft.attempt_id == attempt_id).returning(Draft.user_id, Draft.field, Draft.value))
    before |= {"drafts": {field: value for writer, field, value in typed if writer == user_id}}
    others = delete(OutcomeUndo).where(OutcomeUndo.recorded_at < now - timedelta(minutes=1), OutcomeUndo.user_id != user_id)
    row = {"attempt_id": attempt_id, "recorded_at": now, "before": before}
    kept = insert(OutcomeUndo).values(user_id=user_id, **row).add_cte(others.cte("gone"))
    session.execute(kept.on_conflict_do_update(index_elements=["office_id", "user_id"], set_=row))


def open_until(last: tuple[int, datetime] | None, now: datetime) -> tuple[int, datetime] | None:
    """The attempt whose result an operator may still take back, and until when; `last` is the last one and when it was recorded."""
    return None if last is None or last[1] <= now - WINDOW else (last[0], last[1] + WINDOW)


def undo(session: Session, attempt_id: int, user_id: int, now: datetime, *, is_line_up: bool) -> Attempt:
    """Takes the operator's last result back: the attempt waits for its result again, with what had been typed.

    Args:
        is_line_up: whether the call still stands; otherwise the time for the result begins anew.

    Raises:
        Conflict: the time is over, or something that followed has been taken up by somebody since.
    """
    own = select(Attempt).where(Attempt.id == attempt_id, Attempt.operator_id == user_id).with_for_update()
    attempt = session.scalar(own, execution_options={"populate_existing": True})
    kept = session.scalar(select(OutcomeUndo).where(OutcomeUndo.user_id == user_id, OutcomeUndo.attempt_id == attempt_id).with_for_update())
    if attempt is None or kept is None or attempt.state != "closed" or kept.recorded_at < now - WINDOW - GRACE:
        raise _too_late()
    at = kept.recorded_at
    _put_items_back(session, kept.before["items"], at, now)
    for number, reason in kept.before["messages"]:
        withdrawn = (Message.id == number, Message.state == "withdrawn", Message.updated_at == at)
        session.execute(update(Message).where(*withdrawn).values(state="ready", reason=reason, updated_at=now))
    _undo_numbers(session, attempt_id, at, now, user_id)
    _undo_facts(session, attempt_id, user_id, now)
    promises.cancel_of_attempt(session, attempt_id, now)
    take_back(session, attempt.fact_key)
    _reopen(attempt, kept.before, now, is_line_up=is_line_up)
    for field, value in kept.before["drafts"].items():
        session.add(Draft(user_id=user_id, attempt_id=attempt_id, field=field, value=value, saved_at=now))
    session.delete(kept)
    session.flush()
    publish(session, "call", user_id)
    publish(session, "board")
    return attempt


def _too_late() -> Conflict:
    hint = "チームリーダーに直してもらってください。"
    return Conflict("取り消せる時間を過ぎたか、次の処理が始まっています。", hint=hint, code="undo_too_late")


def _reopen(attempt: Attempt, before: dict[str, Any], now: datetime, *, is_line_up: bool) -> None:
    attempt.party = attempt.outcome = attempt.recorded_at = None
    attempt.note, attempt.line_result = "", before["line_result"]
    attempt.undone_count += 1
    if is_line_up:
        attempt.state, attempt.ended_at, attempt.wrap_up_until = "open", None, None
    else:
        attempt.state, attempt.wrap_up_until = "wrap_up", now + AGAIN
        attempt.line_result = attempt.line_result or "answered"


def _put_items_back(session: Session, items: Sequence[dict[str, Any]], at: datetime, now: datetime) -> None:
    """Each item as it was; one that has moved since the result makes it too late."""
    for item in items:
        moments = {name: value and datetime.fromisoformat(value) for name, value in item["moments"].items()}
        values = {name: item[name] for name in _ITEM} | moments
        if values["state"] == "claimed":
            values["lease_until"] = now + timedelta(minutes=2)
        row = session.scalar(select(WorkItem).where(WorkItem.id == item["id"]).with_for_update().execution_options(populate_existing=True))
        if row is None or (row.state == "claimed" and row.claim_token != item["claim_token"]):
            raise _too_late()
        if row.updated_at != at:
            if row.state == item["state"]:
                continue  # the result had left it alone
            raise _too_late()
        for name, value in (values | {"updated_at": now}).items():
            setattr(row, name, value)
    session.flush()


def _moments(item: WorkItem) -> dict[str, str | None]:
    return {"not_before": item.not_before.isoformat(), "lease_until": None if item.lease_until is None else item.lease_until.isoformat()}


def _undo_numbers(session: Session, attempt_id: int, at: datetime, now: datetime, user_id: int) -> None:
    """Numbers get the status back that they had; what happened stays on record, with its taking back."""
    changed = session.scalars(select(PhoneEvent).where(PhoneEvent.attempt_id == attempt_id, PhoneEvent.at == at).order_by(PhoneEvent.id))
    for event in changed.all():
        same = (PhoneNumber.id == event.phone_id, PhoneNumber.status == event.new_status)
        back = update(PhoneNumber).where(*same).values(status=event.old_status, updated_at=now).returning(PhoneNumber.id)
        if session.scalar(back) is not None:
            told = {"old_status": event.new_status, "new_status": event.old_status, "why": UNDONE, "attempt_id": attempt_id}
            session.add(PhoneEvent(debtor_id=event.debtor_id, phone_id=event.phone_id, at=now, user_id=user_id, **told))


def _undo_facts(session: Session, attempt_id: int, user_id: int, now: datetime) -> None:
    """What stops contact is lifted; hand-overs and requests that nobody has taken up were never made."""
    if session.scalar(select(Escalation.id).where(Escalation.attempt_id == attempt_id, Escalation.state != "open").limit(1)) is not None:
        raise _too_late()
    session.execute(
        update(Suppression)
        .where(Suppression.attempt_id == attempt_id, Suppression.lifted_at.is_(None))
        .values(lifted_at=now, lifted_by=user_id, lift_note=UNDONE)
    )
    session.execute(delete(Escalation).where(Escalation.attempt_id == attempt_id))
    session.execute(delete(ServiceRequest).where(ServiceRequest.attempt_id == attempt_id, ServiceRequest.state == "open"))


def _same_number(attempt: Attempt) -> Any:
    """Ids of all rows of the number that was called."""
    called = select(PhoneNumber.e164).where(PhoneNumber.id == attempt.phone_id).scalar_subquery()
    return select(PhoneNumber.id).where(or_(PhoneNumber.id == attempt.phone_id, PhoneNumber.e164 == called))
