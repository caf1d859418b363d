"""Answers about a large list that take long to count, kept for a minute or two with the moment at which they were true.

How many of a million taxpayers have a number, owe, or kept a promise can't be told by facts of single days: it follows the list as it is
now. Such an answer is counted by the first who asks, then by the worker every minute as long as somebody goes on asking; a page says as of
when it is. Offices with a list that is counted in a moment never get one, nor does a page whose snapshot is too old.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Integer, String, delete, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from callcenter.core.db import OFFICE_DEFAULT, Base, office_of

LARGE = 20_000
"""Debtors; a shorter list is counted each time."""
LONGEST = timedelta(seconds=150)
AGAIN = timedelta(seconds=45)
DEARER = 20
"""An answer that took long is kept for so many times as long as it took, and counted again at most every half of that."""
WATCHED = timedelta(minutes=15)
FORGOTTEN = timedelta(days=1)
Counter = Callable[[Session, Mapping[str, str], datetime], Any]
"""Counts an answer, which can be written as JSON, from a question's arguments."""


class Snapshot(Base):
    """The answer to one question (its name and arguments) as of a moment; `asked_at` is when somebody last wanted it."""

    __tablename__ = "report_snapshot"
    __table_args__ = (ForeignKeyConstraint(["office_id"], ["office.id"]),)

    office_id: Mapped[int] = mapped_column(Integer, primary_key=True, server_default=OFFICE_DEFAULT)
    question: Mapped[str] = mapped_column(String(200), primary_key=True)
    answer: Mapped[Any] = mapped_column(JSONB)
    as_of: Mapped[datetime]
    took_ms: Mapped[int]
    asked_at: Mapped[datetime]


def _cost(took_ms: int) -> timedelta:
    return timedelta(milliseconds=took_ms) * DEARER


def answered(session: Session, name: str, given: Mapping[str, str], count: Counter, now: datetime) -> tuple[Any, datetime]:
    """The answer and the moment as of which it is true: `now`, or a moment ago where the list is large."""
    question = json.dumps([name, dict(sorted(given.items()))], separators=(",", ":"))
    known = session.get(Snapshot, (office_of(session), question))
    if known is not None and timedelta(0) <= now - known.as_of <= max(LONGEST, 2 * _cost(known.took_ms)):
        if now - known.asked_at > AGAIN:
            known.asked_at = now
        return known.answer, known.as_of
    if known is None and not _is_large(session):
        return count(session, given, now), now
    return _counted(session, question, count, given, now, now), now


def count_again(session: Session, counters: Mapping[str, Counter], now: datetime) -> int:
    """Counts anew what somebody looked at within the last minutes, and forgets what nobody asks for; returns how many were counted."""
    session.execute(delete(Snapshot).where(Snapshot.asked_at < now - FORGOTTEN))
    wanted = select(Snapshot).where(Snapshot.asked_at >= now - WATCHED).order_by(Snapshot.question)
    rows = [row for row in session.scalars(wanted) if now - row.as_of >= max(AGAIN, _cost(row.took_ms))]
    for row in rows:
        name, given = json.loads(row.question)
        _counted(session, row.question, counters[name], given, now, row.asked_at)
    return len(rows)


def _is_large(session: Session) -> bool:
    first = text("SELECT count(*) FROM (SELECT FROM debtor WHERE office_id = :office LIMIT :large) firsts")
    return bool(session.execute(first, {"office": office_of(session), "large": LARGE}).scalar_one() == LARGE)


def _counted(session: Session, question: str, count: Counter, given: Mapping[str, str], now: datetime, asked_at: datetime) -> Any:
    began = time.perf_counter()
    answer = count(session, given, now)
    values = {"answer": answer, "as_of": now, "took_ms": round(1000 * (time.perf_counter() - began)), "asked_at": asked_at}
    row = insert(Snapshot).values(office_id=office_of(session), question=question, **values)
    newer = row.on_conflict_do_update(index_elements=["office_id", "question"], set_=values, where=Snapshot.as_of <= now)
    session.execute(newer, execution_options={"populate_existing": True})
    return answer
