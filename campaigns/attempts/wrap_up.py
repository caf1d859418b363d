"""The time an operator has for writing a result down."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from callcenter.core.errors import Conflict
from callcenter.core.live import publish
from campaigns.attempts.models import Attempt
from campaigns.attempts.verification import require_own

EXTENSION = timedelta(seconds=60)
LONGEST = timedelta(minutes=10)
AGAIN = timedelta(seconds=90)


def resume(session: Session, attempt_id: int, user_id: int, now: datetime) -> Attempt:
    """Gives the full time once more for a result that was not written in time.

    Raises:
        NotFound, Conflict: the attempt is not this operator's, has its result, or owes none.
    """
    attempt = require_own(session, attempt_id, user_id)
    if attempt.state != "wrap_up":
        raise Conflict("この通話の結果は、まだ書けません。", code="not_in_wrap_up")
    attempt.wrap_up_until = now + AGAIN
    session.flush()
    return attempt


def extend(session: Session, attempt_id: int, user_id: int, now: datetime) -> Attempt:
    """Adds a minute, counted from now if the time has run out, at most ten minutes after the call.

    Raises:
        NotFound, Conflict: the attempt is not this operator's, has its result, or all the time has been used.
    """
    attempt = require_own(session, attempt_id, user_id)
    if attempt.state != "wrap_up" or attempt.wrap_up_until is None:
        raise Conflict("後処理の時間は、通話のあとで延ばせます。", code="not_in_wrap_up")
    until = max(attempt.wrap_up_until, now) + EXTENSION
    if attempt.ended_at is not None and until > attempt.ended_at + LONGEST:
        raise Conflict("後処理はこれ以上延ばせません。", hint="結果を保存してください。", code="wrap_up_limit")
    attempt.wrap_up_until = until
    session.flush()
    publish(session, "call", user_id)
    return attempt
