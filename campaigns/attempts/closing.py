"""What follows once a result is on record: the item moves on, the core systems and the screens are told. For one result, or many together.

Many results of one transaction, as automated calls bring them, are gathered: what they ask the database for is read once for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from callcenter.core.faults import passing
from callcenter.core.live import publish
from campaigns.attempts.models import Attempt
from campaigns.attempts.moving import Moved, move_items
from campaigns.compliance.gate import load_policy
from campaigns.compliance.rules import ContactPolicy
from campaigns.promises.models import Promise
from campaigns.sync.outbox import ATTEMPT, leave, leave_all, take_back

_GATHERING = "gathered_results"


@dataclass(frozen=True, slots=True)
class Closed:
    """A result on record: what is told the core systems of it, and how its item moves."""

    attempt: Attempt
    key: str
    told: dict[str, Any]
    now: datetime
    moved: Moved | None


@dataclass
class _Gathered:
    results: list[Closed]
    policy: ContactPolicy | None = None


@contextmanager
def together(session: Session) -> Iterator[None]:
    """Results recorded meanwhile are followed up at the end, all at once; the contact rules are read once."""
    gathered = session.info[_GATHERING] = _Gathered([])
    try:
        yield
    finally:
        del session.info[_GATHERING]
    _follow_up(session, gathered.results)


def policy_of(session: Session) -> ContactPolicy:
    """The office's contact rules."""
    gathered: _Gathered | None = session.info.get(_GATHERING)
    if gathered is None:
        return load_policy(session)
    gathered.policy = gathered.policy or load_policy(session)
    return gathered.policy


def follow_up(session: Session, closed: Closed) -> None:
    """Does what follows, now or with the others; a second result of one person comes after what followed from the first."""
    gathered: _Gathered | None = session.info.get(_GATHERING)
    if gathered is None:
        _follow_up(session, [closed])
        return
    if any(known.attempt.debtor_id == closed.attempt.debtor_id for known in gathered.results):
        results, gathered.results = gathered.results, []
        _follow_up(session, results)
    gathered.results.append(closed)


def fact_of(attempt: Attempt, promise: Promise | None) -> dict[str, Any]:
    """What the core systems are told of a result."""
    return {
        "attempt_id": attempt.id,
        "channel": attempt.channel,
        "began_at": attempt.began_at.isoformat(),
        "line_result": attempt.line_result,
        "party": attempt.party,
        "outcome": attempt.outcome,
        "talk_seconds": attempt.talk_seconds,
        "promise_amount": None if promise is None else promise.amount,
        "promise_due_on": None if promise is None else promise.due_on.isoformat(),
    }


def correct(session: Session, attempt: Attempt, now: datetime) -> None:
    """The core systems are told anew of a closed attempt that came to something else than was thought: in place of what none of them has
    taken yet, else as a later fact of the same attempt."""
    gathered: _Gathered | None = session.info.get(_GATHERING)
    told = fact_of(attempt, None)
    for n, known in enumerate(gathered.results if gathered is not None else ()):
        if gathered is not None and known.attempt.id == attempt.id:
            gathered.results[n] = replace(known, told=told)
            return
    key = attempt.fact_key
    leave(session, ATTEMPT, key if take_back(session, key) else f"{key}:{attempt.line_result}", attempt.debtor_id, told, now)


def _follow_up(session: Session, results: Sequence[Closed]) -> None:
    if not results:
        return
    session.flush()
    move_items(session, [closed.moved for closed in results if closed.moved is not None])
    leave_all(session, ATTEMPT, [(closed.key, closed.attempt.debtor_id, closed.told, closed.now) for closed in results])
    for operator_id in dict.fromkeys(closed.attempt.operator_id for closed in results):
        publish(session, "call", operator_id)
    publish(session, "board")
    for _ in results:
        passing("outcome.recorded")
