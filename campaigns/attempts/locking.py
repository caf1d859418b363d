"""Attempts locked until the transaction ends, each read once however often it is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.errors import NotFound
from campaigns.attempts.models import Attempt

_HELD = "held_attempts"


def hold_attempt(session: Session, attempt_id: int) -> Attempt:
    """The attempt as it stands, locked. Raises NotFound."""
    hold_attempts(session, [attempt_id])
    held: dict[int, Attempt] = session.info[_HELD]
    if attempt_id not in held:
        raise NotFound("There is no such attempt.")
    return held[attempt_id]


def hold_attempts(session: Session, attempt_ids: Sequence[int]) -> None:
    """Locks several in one statement, in the order of their ids."""
    held: dict[int, Attempt] = session.info.setdefault(_HELD, {})
    missing = [attempt_id for attempt_id in attempt_ids if attempt_id not in held]
    if not missing:
        return
    own = select(Attempt).where(Attempt.id.in_(missing)).order_by(Attempt.id).with_for_update()
    held |= {attempt.id: attempt for attempt in session.scalars(own, execution_options={"populate_existing": True})}
