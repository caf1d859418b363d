"""Today as it stands: what the supervisor's page shows. Every figure names the ids or filters of the rows behind it; nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.clock import OFFICE_ZONE, day_bounds, local_day
from callcenter.core.db import office_of
from reports.cuts import Cut
from reports.figures import Figures, Row
from reports.periods import Period, same_weekday_before
from reports.queries.headline import HeadlineQuery, headline
from reports.queries.raw import HANDED_OVER, HITS, parameters

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class OperatorToday:
    """One signed-in operator: the state now and the day's figures; `debtor_no` is the case on the screen, "" without one."""

    user_id: int
    sign_in_name: str
    display_name: str
    state: str
    since: datetime
    pause_reason: str
    next_state: str
    attempt_id: int | None
    debtor_no: str
    wrap_up_until: datetime | None
    is_bot: bool
    figures: Figures


@dataclass(frozen=True, slots=True)
class QueueLine:
    """Work of one campaign and channel: `due` could be taken now, `ready` is all that waits, `claimed` is in somebody's hands."""

    campaign_id: int
    campaign_name: str
    channel: str
    ready: int
    due: int
    claimed: int


@dataclass(frozen=True, slots=True)
class Callback:
    """A call-back that is owed; `user_id` is the operator it is reserved for."""

    work_item_id: int
    debtor_id: int
    debtor_no: str
    due_at: datetime
    user_id: int | None
    display_name: str
    is_late: bool


@dataclass(frozen=True, slots=True)
class Skipped:
    """Debtors not contacted today for one reason and channel, and the earliest moment at which one may be asked for again."""

    reason: str
    channel: str
    debtors: int
    next_allowed_at: datetime | None


@dataclass(frozen=True, slots=True)
class OverdueResult:
    """A conversation whose result was not written down in time."""

    attempt_id: int
    debtor_id: int
    debtor_no: str
    user_id: int | None
    display_name: str
    since: datetime


@dataclass(frozen=True, slots=True)
class LiveBoard:
    """The supervisor's page at `as_of`.

    `before` is the same weekday a week ago up to the same time of day, `before_whole` all of that day. `answered` counts calls that were
    picked up, `abandoned` those of them that found no operator. `callbacks` holds what is owed today or overdue.
    `skipped` is of the day, `skipped_hour` of the last hour.
    """

    as_of: datetime
    day: date
    today: Figures
    before: Figures
    before_whole: Figures
    hours: tuple[Row, ...]
    operators: tuple[OperatorToday, ...]
    queue: tuple[QueueLine, ...]
    lines_in_use: int
    lines_talking: int
    answered: int
    abandoned: int
    callbacks: tuple[Callback, ...]
    callbacks_done: int
    skipped: tuple[Skipped, ...]
    skipped_hour: tuple[Skipped, ...]
    overdue: tuple[OverdueResult, ...]

    @property
    def callbacks_late(self) -> int:
        """Call-backs whose time has passed."""
        return sum(callback.is_late for callback in self.callbacks)


_OPERATORS = """
SELECT g.user_id, u.sign_in_name, u.display_name, g.state, g.state_since AS since, g.pause_reason, g.next_state, g.attempt_id,
       coalesce(d.debtor_no, '') AS debtor_no, a.wrap_up_until, g.is_bot
FROM agent_session g JOIN app_user u ON u.office_id = g.office_id AND u.id = g.user_id
LEFT JOIN attempt a ON a.office_id = g.office_id AND a.id = g.attempt_id
LEFT JOIN debtor d ON d.office_id = a.office_id AND d.id = a.debtor_id
WHERE g.office_id = :office AND g.state <> 'ended' ORDER BY u.display_name, g.user_id
"""

_QUEUE = """
SELECT w.campaign_id, c.name AS campaign_name, w.channel, count(*) FILTER (WHERE w.state = 'ready') AS ready,
       count(*) FILTER (WHERE w.state = 'ready' AND w.not_before <= :now) AS due, count(*) FILTER (WHERE w.state = 'claimed') AS claimed
FROM work_item w JOIN campaign c ON c.office_id = w.office_id AND c.id = w.campaign_id
WHERE w.office_id = :office AND w.state IN ('ready', 'claimed') AND c.status IN ('running', 'paused')
GROUP BY w.campaign_id, c.name, c.priority, w.channel ORDER BY c.priority, w.campaign_id, w.channel
"""

_LINES = """
SELECT count(*) AS lines_in_use, count(*) FILTER (WHERE state = 'bridged') AS lines_talking
FROM call WHERE office_id = :office AND state <> 'ended'
"""

_ANSWERS = f"""
SELECT count(*) AS answered, count(*) FILTER (WHERE a.line_result = 'abandoned') AS abandoned
FROM attempt a WHERE a.office_id = :office AND a.began_at >= :start AND a.began_at < :end AND a.channel = :channel
  AND {HITS["live_answers"]} AND {HANDED_OVER}
"""

_CALLBACKS = """
SELECT w.id AS work_item_id, w.debtor_id, d.debtor_no, w.not_before AS due_at, w.user_id, coalesce(u.display_name, '') AS display_name,
       w.not_before < :now AS is_late
FROM work_item w JOIN debtor d ON d.office_id = w.office_id AND d.id = w.debtor_id
LEFT JOIN app_user u ON u.office_id = w.office_id AND u.id = w.user_id
WHERE w.office_id = :office AND w.state IN ('ready', 'claimed') AND w.is_callback AND w.not_before < :end ORDER BY w.not_before, w.id
"""

_CALLBACKS_DONE = """
SELECT count(*) AS done FROM work_item
WHERE office_id = :office AND state = 'done' AND is_callback AND updated_at >= :start AND updated_at < :end
"""

_SKIPPED = """
SELECT reason, channel, count(DISTINCT debtor_id) AS debtors, min(next_allowed_at) FILTER (WHERE next_allowed_at > :now) AS next_allowed_at
FROM compliance_decision WHERE office_id = :office AND at >= :start AND at < :end AND NOT is_allowed
GROUP BY reason, channel ORDER BY debtors DESC, reason, channel
"""

_OVERDUE = """
SELECT a.id AS attempt_id, a.debtor_id, d.debtor_no, a.operator_id AS user_id, coalesce(u.display_name, '') AS display_name,
       a.wrap_up_until AS since
FROM attempt a JOIN debtor d ON d.office_id = a.office_id AND d.id = a.debtor_id
LEFT JOIN app_user u ON u.office_id = a.office_id AND u.id = a.operator_id
WHERE a.office_id = :office AND a.state = 'wrap_up' AND a.wrap_up_until < :now ORDER BY a.wrap_up_until, a.id
"""


@dataclass(frozen=True, slots=True)
class LiveDay:
    """The part of the board that sums the day up, and what waits; `by_operator` are figures by sign-in name."""

    day: date
    today: Figures
    before: Figures
    before_whole: Figures
    hours: tuple[Row, ...]
    by_operator: Mapping[str, Figures]
    queue: tuple[QueueLine, ...]
    answered: int
    abandoned: int
    callbacks: tuple[Callback, ...]
    callbacks_done: int
    skipped: tuple[Skipped, ...]
    skipped_hour: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True)
class LiveNow:
    """The part that changes with every call: operators without their figures, lines, results that are owed."""

    as_of: datetime
    operators: tuple[Mapping[str, Any], ...]
    lines_in_use: int
    lines_talking: int
    overdue: tuple[OverdueResult, ...]


def live_board(session: Session, now: datetime, zone: ZoneInfo = OFFICE_ZONE) -> LiveBoard:
    """The supervisor's page at `now`, by the office's day."""
    return joined(live_day(session, now, zone), live_now(session, now))


def live_day(session: Session, now: datetime, zone: ZoneInfo = OFFICE_ZONE) -> LiveDay:
    """The day's figures and queues; answers are counted as for the reports' abandon rate."""
    day = local_day(now, zone)
    facts = parameters(HeadlineQuery(Period(day, day, zone)), office_of(session), now)
    today, before = Period(day, day, zone), same_weekday_before(day, zone)
    week_ago = now - timedelta(days=7)
    by_operator = headline(session, HeadlineQuery(today, Cut.OPERATOR), now).rows
    return LiveDay(
        day=day,
        today=_total(session, HeadlineQuery(today), now),
        before=_total(session, HeadlineQuery(before, until=week_ago), week_ago),
        before_whole=_total(session, HeadlineQuery(before), now),
        hours=headline(session, HeadlineQuery(today, Cut.HOUR), now).rows,
        by_operator={str(row.key): row.figures for row in by_operator if row.key is not None},
        queue=tuple(QueueLine(**row) for row in _rows(session, _QUEUE, facts)),
        **_rows(session, _ANSWERS, facts)[0],
        callbacks=callbacks_owed(session, now, zone),
        callbacks_done=int(_rows(session, _CALLBACKS_DONE, facts)[0]["done"]),
        skipped=tuple(Skipped(**row) for row in _rows(session, _SKIPPED, facts)),
        skipped_hour=tuple(Skipped(**row) for row in _rows(session, _SKIPPED, facts | {"start": now - HOUR, "end": now})),
    )


def callbacks_owed(session: Session, now: datetime, zone: ZoneInfo = OFFICE_ZONE) -> tuple[Callback, ...]:
    """Call-backs owed up to the end of the day, by their time."""
    day = local_day(now, zone)
    facts = {"office": office_of(session), "now": now, "end": day_bounds(day, day, zone)[1]}
    return tuple(Callback(**row) for row in _rows(session, _CALLBACKS, facts))


def results_overdue(session: Session, now: datetime) -> tuple[OverdueResult, ...]:
    """Conversations whose result was not written down in time, the longest ago first."""
    return tuple(OverdueResult(**row) for row in _rows(session, _OVERDUE, {"office": office_of(session), "now": now}))


def live_now(session: Session, now: datetime) -> LiveNow:
    """Operators, lines, and results nobody wrote down."""
    facts = {"office": office_of(session), "now": now}
    return LiveNow(
        as_of=now,
        operators=tuple(_rows(session, _OPERATORS, facts)),
        **_rows(session, _LINES, facts)[0],
        overdue=results_overdue(session, now),
    )


def joined(day: LiveDay, now: LiveNow) -> LiveBoard:
    """Both parts together."""
    operators = (OperatorToday(**row, figures=day.by_operator.get(row["sign_in_name"], Figures())) for row in now.operators)
    return LiveBoard(
        as_of=now.as_of,
        day=day.day,
        today=day.today,
        before=day.before,
        before_whole=day.before_whole,
        hours=day.hours,
        operators=tuple(operators),
        queue=day.queue,
        lines_in_use=now.lines_in_use,
        lines_talking=now.lines_talking,
        answered=day.answered,
        abandoned=day.abandoned,
        callbacks=day.callbacks,
        callbacks_done=day.callbacks_done,
        skipped=day.skipped,
        skipped_hour=day.skipped_hour,
        overdue=now.overdue,
    )


def _total(session: Session, query: HeadlineQuery, now: datetime) -> Figures:
    return headline(session, query, now).rows[0].figures


def _rows(session: Session, statement: str, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in session.execute(text(statement), facts).mappings()]
