"""Call-backs that debtors were promised, given by a supervisor to another operator or to anybody."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import Role, User
from callcenter.core.errors import Conflict, InvalidInput, NotFound
from callcenter.core.live import publish
from campaigns.worklist.models import WorkItem
from campaigns.worklist.state import WorkState


def reassign(session: Session, item_id: int, user_id: int | None, now: datetime) -> WorkItem:
    """Gives a waiting call-back to an operator, or (None) to whoever is free; its time stays.

    Raises:
        NotFound: no such item.  InvalidInput: nobody who takes calls.  Conflict: it is being called, or over.
    """
    item = session.scalar(select(WorkItem).where(WorkItem.id == item_id).with_for_update())
    if item is None or not item.is_callback:
        raise NotFound("その折り返しはありません。", code="no_callback")
    if item.state != WorkState.READY:
        raise Conflict("この折り返しは、もうかけているか、済んでいます。", hint="画面を最新にしてください。", code="callback_over")
    if user_id is not None and user_id not in {number for number, _ in operators(session)}:
        raise InvalidInput("オペレーターを選んでください。", code="callback_operator")
    before, item.user_id, item.updated_at = item.user_id, user_id, now
    session.flush()
    for person in {before, user_id} - {None}:
        publish(session, "queue", person)
    publish(session, "queue")
    publish(session, "board")
    return item


def operators(session: Session) -> list[tuple[int, str]]:
    """Who takes calls, by name."""
    query = select(User.id, User.display_name).where(User.role == Role.OPERATOR, User.is_enabled, User.password_hash.is_not(None))
    return [(number, name) for number, name in session.execute(query.order_by(User.display_name, User.id))]
