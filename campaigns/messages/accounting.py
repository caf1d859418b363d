"""What became of everybody in a batch, one by one: prepared = sent + withdrawn + refused + failed + still waiting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from callcenter.core.clock import OFFICE_ZONE
from callcenter.core.db import office_of
from campaigns.attempts.codes import Channel
from campaigns.messages.models import Batch
from campaigns.messages.state import MessageState


class Group(StrEnum):
    """Where somebody of a batch is; everybody is in exactly one."""

    SENT = "sent"
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"
    FAILED = "failed"
    WAITING = "waiting"


S = MessageState
GROUP_OF: Mapping[str, Group] = {
    S.READY: Group.WAITING,
    S.CLAIMED: Group.WAITING,
    S.HANDED_OVER: Group.WAITING,
    S.UNKNOWN: Group.WAITING,  # may have gone out: the provider is being asked
    S.ACCEPTED: Group.SENT,
    S.DELIVERED: Group.SENT,
    S.UNDELIVERED: Group.SENT,
    S.FAILED: Group.FAILED,
    S.WITHDRAWN: Group.WITHDRAWN,
    S.REFUSED: Group.REFUSED,
    # automated calls
    "called": Group.SENT,
    "answered": Group.SENT,
    "not_called": Group.FAILED,
}

_MESSAGES = text("""
SELECT state, reason, count(*), coalesce(sum(segments), 0) FROM message WHERE office_id = :office AND batch_id = :batch
GROUP BY state, reason ORDER BY 3 DESC, 1, 2
""")
# A call that failed by equipment, or was never handed over, reached nobody.
_CALLS = text("""
SELECT told.state, CASE WHEN told.state IN ('called', 'answered') THEN '' ELSE told.reason END, count(*), coalesce(sum(told.seconds), 0)
FROM (
  SELECT CASE WHEN had.answered THEN 'answered' WHEN had.calls > 0 THEN 'called' WHEN w.state = 'withdrawn' THEN 'withdrawn'
              WHEN w.state = 'done' THEN 'not_called' ELSE w.state END AS state, w.reason, had.seconds
  FROM work_item w CROSS JOIN LATERAL (
    SELECT count(*) AS calls, bool_or(a.line_result = 'answered') AS answered, sum(a.talk_seconds) AS seconds FROM attempt a
    WHERE a.office_id = w.office_id AND a.debtor_id = w.debtor_id AND a.work_item_id = w.id AND a.channel = 'auto_call'
      AND a.handed_over_at IS NOT NULL AND a.line_result IS DISTINCT FROM 'failed') had
  WHERE w.office_id = :office AND w.batch_id = :batch) told
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
""")
_AGAIN = text("""
SELECT count(*), min(not_before) FROM work_item
WHERE office_id = :office AND batch_id = :batch AND state = 'ready' AND channel = 'auto_call' AND NOT is_callback AND tries > 0
""")
_SENT_BY_HOUR = {
    Channel.SMS.value: text("""
SELECT date_trunc('hour', handed_over_at, :zone), count(*) FROM message
WHERE office_id = :office AND batch_id = :batch AND state IN ('accepted', 'delivered', 'undelivered', 'unknown', 'handed_over')
GROUP BY 1 ORDER BY 1
"""),
    Channel.AUTO_CALL.value: text("""
SELECT date_trunc('hour', a.began_at, :zone), count(*) FROM work_item w
JOIN attempt a ON a.office_id = w.office_id AND a.debtor_id = w.debtor_id AND a.work_item_id = w.id AND a.channel = 'auto_call'
WHERE w.office_id = :office AND w.batch_id = :batch AND a.handed_over_at IS NOT NULL GROUP BY 1 ORDER BY 1
"""),
}


@dataclass(frozen=True, slots=True)
class Line:
    """So many in one state for one reason; `amount` is of segments, or of seconds talked."""

    group: Group
    state: str
    reason: str
    count: int
    amount: int


@dataclass(frozen=True, slots=True)
class Account:
    """A batch's people."""

    prepared: int
    lines: tuple[Line, ...]

    def count(self, *groups: Group) -> int:
        """How many are in these groups."""
        return sum(line.count for line in self.lines if line.group in groups)

    def in_state(self, *states: str) -> int:
        """How many are in these states."""
        return sum(line.count for line in self.lines if line.state in states)

    def amount(self, *groups: Group) -> int:
        """Segments, or seconds talked, of these groups."""
        return sum(line.amount for line in self.lines if line.group in groups)

    @property
    def total(self) -> int:
        """Everybody."""
        return sum(line.count for line in self.lines)

    @property
    def adds_up(self) -> bool:
        """Whether everybody prepared is somewhere, and nobody else."""
        return self.total == self.prepared

    @property
    def settled_percent(self) -> int:
        """How far it is."""
        return 100 if not self.total else int((self.total - self.count(Group.WAITING)) * 100 / self.total)


def account(session: Session, batch: Batch) -> Account:
    """Counts everybody of a batch."""
    statement = _MESSAGES if batch.channel == Channel.SMS.value else _CALLS
    rows = session.execute(statement, {"office": office_of(session), "batch": batch.id})
    return Account(batch.prepared, tuple(Line(GROUP_OF[row[0]], row[0], row[1], int(row[2]), int(row[3])) for row in rows))


def called_again(session: Session, batch: Batch) -> tuple[int, datetime | None]:
    """How many who were called already will be called once more, and when the next of them."""
    if batch.channel == Channel.SMS.value:
        return 0, None
    row = session.execute(_AGAIN, {"office": office_of(session), "batch": batch.id}).one()
    return int(row[0]), row[1]


def sent_by_hour(session: Session, batch: Batch) -> dict[datetime, int]:
    """How many were handed over in each hour of the office's time."""
    values = {"office": office_of(session), "batch": batch.id, "zone": OFFICE_ZONE.key}
    return {row[0].astimezone(OFFICE_ZONE): int(row[1]) for row in session.execute(_SENT_BY_HOUR[batch.channel], values)}


_STATES_OF = {group: [state for state, told in GROUP_OF.items() if told is group] for group in Group}
_PEOPLE = {
    Channel.SMS.value: """
  SELECT m.debtor_id, m.state, m.reason, coalesce(m.handed_over_at, m.updated_at) AS at FROM message m
  WHERE m.office_id = :office AND m.batch_id = :batch""",
    Channel.AUTO_CALL.value: """
  SELECT w.debtor_id, CASE WHEN had.answered THEN 'answered' WHEN had.calls > 0 THEN 'called' WHEN w.state = 'withdrawn' THEN 'withdrawn'
    WHEN w.state = 'done' THEN 'not_called' ELSE w.state END AS state, CASE WHEN had.calls > 0 THEN '' ELSE w.reason END AS reason,
    coalesce(had.at, w.updated_at) AS at
  FROM work_item w CROSS JOIN LATERAL (
    SELECT count(*) AS calls, bool_or(a.line_result = 'answered') AS answered, min(a.began_at) AS at FROM attempt a
    WHERE a.office_id = w.office_id AND a.debtor_id = w.debtor_id AND a.work_item_id = w.id AND a.channel = 'auto_call'
      AND a.handed_over_at IS NOT NULL AND a.line_result IS DISTINCT FROM 'failed') had
  WHERE w.office_id = :office AND w.batch_id = :batch""",
}


def people_in(
    session: Session, batch: Batch, *, group: str = "", state: str = "", reason: str = "", offset: int = 0, count: int = 50
) -> Sequence[Row[Any]]:
    """The people behind a number: debtor_id, debtor_no, name, state, reason, at, and the total of all of them."""
    statement = f"""
WITH people AS ({_PEOPLE[batch.channel]})
SELECT d.id AS debtor_id, d.debtor_no, d.name, p.state, p.reason, p.at, count(*) OVER () AS total
FROM people p JOIN debtor d ON d.office_id = :office AND d.id = p.debtor_id
WHERE p.state = ANY(:states) AND (CAST(:reason AS text) = '' OR p.reason = CAST(:reason AS text))
ORDER BY d.debtor_no OFFSET :offset LIMIT :count
"""  # noqa: S608 - constants only
    states = [state] if state else _STATES_OF[Group(group)] if group else list(GROUP_OF)
    values = {"office": office_of(session), "batch": batch.id, "states": states, "reason": reason, "offset": offset, "count": count}
    return session.execute(text(statement), values).all()


def cost(batch: Batch, amount: int) -> int:
    """Yen for so many segments, or so many seconds talked (each minute begun is counted as a share)."""
    if batch.channel == Channel.SMS.value:
        return round(amount * batch.segment_price / 100)
    return round(amount * batch.minute_price / 6_000)


USUAL_CALL = timedelta(seconds=40)
"""What an automated call takes on average, for estimates before any was made."""


def estimate(batch: Batch) -> int:
    """Yen that the whole batch would cost."""
    amount = batch.segments if batch.channel == Channel.SMS.value else int(batch.prepared * USUAL_CALL.total_seconds())
    return cost(batch, amount)
