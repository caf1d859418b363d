"""When to try again: pure. Intervals as sold in the market (busy 5 minutes, no answer 1 hour), then another part of the day and
another weekday, inside the contact hours and under the caps, so that the gate does not have to refuse what was planned here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from campaigns.attempts.codes import Channel, LineResult
from campaigns.compliance.rules import ContactPolicy
from campaigns.compliance.windows import next_open, open_spans

DAY = timedelta(days=1)
HORIZON = 15  # windows looked ahead


@dataclass(frozen=True, slots=True)
class PastTry:
    """One try of the past, the latest included."""

    began_at: datetime
    line_result: LineResult | None


@dataclass(frozen=True)
class RetryPolicy:
    """Intervals and the number of tries after which an item is given up.

    `parts` are beginnings of parts of the day, local time. `busy_in_row` busy lines are tried soon, then treated as no answer.
    """

    contact: ContactPolicy
    channel: Channel = Channel.OPERATOR_CALL
    busy: timedelta = timedelta(minutes=5)
    no_answer: timedelta = timedelta(hours=1)
    unreachable: timedelta = timedelta(hours=3)
    failed: timedelta = timedelta(minutes=10)
    abandoned_days: int = 3
    answered_days: int = 2
    busy_in_row: int = 3
    max_tries: int = 8
    parts: tuple[time, ...] = (time(9), time(12), time(15), time(17))


def next_try_at(history: Sequence[PastTry], line_result: LineResult, policy: RetryPolicy, now: datetime) -> datetime | None:
    """The next moment to try, or None when it is given up.

    Args:
        history: tries of this debtor that count, oldest first, the one just ended included.
    """
    if line_result is LineResult.FAILED:
        return next_open(policy.contact.hours, policy.channel, now + policy.failed)
    if len(history) >= policy.max_tries:
        return None
    soon = _soon(history, line_result, policy)
    if soon is not None and _has_room_today(history, policy, now):
        moment = next_open(policy.contact.hours, policy.channel, now + soon)
        if moment is not None and _local(moment, policy).date() == _local(now, policy).date():
            return moment
    days = {LineResult.ABANDONED: policy.abandoned_days, LineResult.ANSWERED: policy.answered_days}.get(line_result, 1)
    return _another_time(history, policy, now, days)


def _soon(history: Sequence[PastTry], line_result: LineResult, policy: RetryPolicy) -> timedelta | None:
    """The short interval after this result, if it has one: the first no answer of a day, a few busy lines in a row."""
    if line_result is LineResult.BUSY:
        row = 0
        for past in reversed(history):
            if past.line_result is not LineResult.BUSY:
                break
            row += 1
        return policy.busy if row <= policy.busy_in_row else policy.no_answer
    if line_result is LineResult.NO_ANSWER:
        today = _local(history[-1].began_at, policy).date() if history else None
        same = [t for t in history if t.line_result is LineResult.NO_ANSWER and _local(t.began_at, policy).date() == today]
        return policy.no_answer if len(same) <= 1 else None
    return policy.unreachable if line_result is LineResult.UNREACHABLE else None


def _another_time(history: Sequence[PastTry], policy: RetryPolicy, now: datetime, days: int) -> datetime | None:
    """The least tried part of the day, then the least tried weekday, then the earliest, at least `days` days from now."""
    tried = [_local(past.began_at, policy) for past in history]
    earliest = _local(now, policy).date() + days * DAY
    best: tuple[tuple[int, int, datetime], datetime] | None = None
    for moment in _openings(policy, now, earliest):
        day, part = moment.date(), _part_of(moment.time(), policy)
        if not _has_room_on(history, policy, day):
            continue
        key = (
            sum(1 for past in tried if _part_of(past.time(), policy) == part),
            sum(1 for past in tried if past.weekday() == day.weekday()),
            moment,
        )
        if best is None or key < best[0]:
            best = (key, moment)
    return None if best is None else best[1]


def _openings(policy: RetryPolicy, now: datetime, earliest: date) -> Iterator[datetime]:
    """Beginnings of the parts of the coming windows, local time."""
    hours = policy.contact.hours
    start = datetime.combine(earliest, time(0, 0), hours.zone)
    for count, (opens, closes) in enumerate(open_spans(hours, policy.channel, max(now, start))):
        if count >= HORIZON:
            return
        begin = max(_local(opens, policy), start)
        moments = {begin, *(datetime.combine(begin.date(), part, hours.zone) for part in policy.parts)}
        yield from sorted(moment for moment in moments if begin <= moment < closes)


def _has_room_today(history: Sequence[PastTry], policy: RetryPolicy, now: datetime) -> bool:
    return _has_room_on(history, policy, _local(now, policy).date())


def _has_room_on(history: Sequence[PastTry], policy: RetryPolicy, day: date) -> bool:
    days = [_local(past.began_at, policy).date() for past in history if past.line_result is not LineResult.FAILED]
    on_day = sum(1 for past in days if past == day)
    in_week = sum(1 for past in days if day - 7 * DAY < past <= day)
    return on_day < policy.contact.max_per_day and in_week < policy.contact.max_per_week


def _part_of(moment: time, policy: RetryPolicy) -> int:
    return sum(1 for begin in policy.parts if moment >= begin)


def _local(moment: datetime, policy: RetryPolicy) -> datetime:
    return moment.astimezone(policy.contact.hours.zone)
