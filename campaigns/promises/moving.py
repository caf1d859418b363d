"""The one way from state to state of a promise, for one or for many at once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, text, update
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.promises.models import Promise
from campaigns.promises.state import TRANSITIONS, PromiseState, sources_of

_ALLOWED = ", ".join(f"('{before}', '{after}')" for before, more in sorted(TRANSITIONS.items()) for after in sorted(more))

# `judged_promise`: id, state it is to have, yen paid; made by `campaigns.promises.settle`.
_JUDGED = f"""
UPDATE promise p SET state = j.state, paid = j.yen, settled_at = CASE WHEN j.state = 'open' THEN NULL ELSE :now END
FROM judged_promise j WHERE p.office_id = :office AND p.id = j.id AND (p.state, p.paid) IS DISTINCT FROM (j.state, j.yen)
  AND (p.state, j.state) IN ({_ALLOWED})
"""


def move(session: Session, to: PromiseState, which: ColumnElement[bool], now: datetime, **values: Any) -> int:
    """Moves those promises of `which` that may become `to`; returns how many did."""
    settled_at = None if to is PromiseState.OPEN else now
    done: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        update(Promise).where(which, Promise.state.in_(sources_of(to))).values(state=to.value, settled_at=settled_at, **values)
    )
    return done.rowcount


def move_judged(session: Session, now: datetime) -> int:
    """Moves promises to the states of the temporary table `judged_promise`; returns how many changed."""
    return int(session.execute(text(_JUDGED), {"office": office_of(session), "now": now}).rowcount)  # type: ignore[attr-defined]
