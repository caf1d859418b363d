"""When to try again: pure. Intervals as sold in the market (busy 5 minutes, no answer 1 hour), then another part of the day and
another weekday, inside the contact hours and under the caps, so that the gate does not have to refuse what was planned here.

After two weekday calls that nobody answered, a weekend on which the office works comes first: it is answered 1.5 to 2 times as often
(国税庁 集中電話催告: after two, Saturday 34.0, Sunday 41.2, weekdays 23.0 %).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal

from pydantic import Field

from campaigns.attempts.codes import Channel, LineResult
from campaigns.compliance.caps import When, reached
from campaigns.compliance.known import Tried
from campaigns.compliance.policy import ContactPolicy, Scope
from campaigns.compliance.windows import is_holiday, next_open, open_spans

DAY = timedelta(days=1)
HORIZON = 30  # windows looked ahead
CALLS = (Channel.AUTO_CALL, Channel.OPERATOR_CALL)
WEEKEND_DAYS = 9  # a weekend further off is not waited for
UNANSWERED = (LineResult.NO_ANSWER, LineResult.MACHINE, LineResult.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class PastTry:
    """One try of the past, the latest included; `channel` None is that of the policy."""

    began_at: datetime
    line_result: LineResult | None
    channel: Channel | None = None


@dataclass(frozen=True, slots=True)
class After:
    """What follows one line result.

    Attributes:
        minutes: the short interval; 0: no try soon.
        soon: how often the short interval is taken, for such results in a row on one day.
        hours, days: at least so long until a try at another time.
        counts: whether it uses up a try.
        status, status_after: what the number is found to be after so many such results.
    """

    minutes: Annotated[int, Field(ge=0, le=1_440)] = 0
    soon: Annotated[int, Field(ge=0, le=50)] = 1
    hours: Annotated[int, Field(ge=0, le=720)] = 0
    days: Annotated[int, Field(ge=0, le=60)] = 1
    counts: bool = True
    status: Literal["", "dead", "refused"] = ""
    status_after: Annotated[int, Field(ge=1, le=9)] = 1


def _parts() -> tuple[time, ...]:
    return (time(9), time(12), time(15), time(17))


@dataclass(frozen=True, slots=True)
class RetryRules:
    """The rules per line result, and what holds for all.

    Attributes:
        max_tries: after so many in 30 days an item is given up where no ladder says so before.
        parts: beginnings of the parts of the day, local time; morning, noon, afternoon, and evening where the office has one.
        spread_days: among so many of the next days with room another part and weekday are looked for.
        weekend_after: unanswered weekday calls after which a weekend comes first; 0: never.
    """

    answered: After = field(default_factory=lambda: After(days=2))
    busy: After = field(default_factory=lambda: After(minutes=5, soon=3))
    no_answer: After = field(default_factory=lambda: After(minutes=60))
    machine: After = field(default_factory=After)
    unobtainable: After = field(default_factory=lambda: After(status="dead"))
    rejected: After = field(default_factory=lambda: After(status="refused", status_after=2))
    unreachable: After = field(default_factory=lambda: After(minutes=180, soon=2))
    fax: After = field(default_factory=lambda: After(status="dead", status_after=2))
    abandoned: After = field(default_factory=lambda: After(hours=72))
    failed: After = field(default_factory=lambda: After(minutes=10, soon=6, counts=False))
    max_tries: Annotated[int, Field(ge=1, le=50)] = 8
    parts: Annotated[tuple[time, ...], Field(min_length=1, max_length=6)] = field(default_factory=_parts)
    spread_days: Annotated[int, Field(ge=1, le=10)] = 3
    weekend_after: Annotated[int, Field(ge=0, le=9)] = 2

    def __post_init__(self) -> None:
        if list(self.parts) != sorted(set(self.parts)):
            raise ValueError("the parts of the day must be in order and differ")

    def of(self, line_result: LineResult) -> After:
        """The rule of a line result."""
        found: After = getattr(self, line_result.value)
        return found


@dataclass(frozen=True)
class RetryPolicy:
    """The rules with what else decides: the contact hours and caps, and the channel."""

    contact: ContactPolicy
    channel: Channel = Channel.OPERATOR_CALL
    rules: RetryRules = field(default_factory=RetryRules)


def next_try_at(history: Sequence[PastTry], line_result: LineResult, policy: RetryPolicy, now: datetime) -> datetime | None:
    """The next moment to try, or None when it is given up.

    Args:
        history: tries of this debtor over all channels, oldest first, the one just ended included.
    """
    counted = [past for past in history if past.line_result is None or policy.rules.of(past.line_result).counts]
    if policy.rules.of(line_result).counts and len(counted) >= policy.rules.max_tries:
        return None
    return soon_again(history, line_result, policy, now) or _another_time(counted, line_result, policy, now)


def soon_again(history: Sequence[PastTry], line_result: LineResult, policy: RetryPolicy, now: datetime) -> datetime | None:
    """The same day's next moment after the short interval, if this result has one left and the caps leave room."""
    rule, today = policy.rules.of(line_result), _local(now, policy).date()
    row = _in_a_row(history, line_result, today, policy)
    minutes = rule.minutes if row <= rule.soon else 0
    if line_result is LineResult.BUSY and not minutes:
        no_answer = policy.rules.no_answer  # busy again and again is like nobody there
        minutes = no_answer.minutes if row <= rule.soon + no_answer.soon else 0
    counted = [past for past in history if past.line_result is None or policy.rules.of(past.line_result).counts]
    moment = next_open(policy.contact.hours, policy.channel, now + timedelta(minutes=minutes)) if minutes else None
    if moment is None or not _has_room(counted, policy, moment):
        return None
    return moment if _local(moment, policy).date() == today or not rule.counts else None


def other_part(moments: Sequence[datetime], opens: datetime, closes: datetime, policy: RetryPolicy) -> datetime:
    """The moment within a window at which the part of the day begins that was tried least, the earliest of these."""
    tried = [_part_of(_local(moment, policy).time(), policy) for moment in moments]
    begins = _begins(opens, closes, policy)
    return min(begins, key=lambda moment: (tried.count(_part_of(moment.time(), policy)), moment))


def another_part(history: Sequence[PastTry], closes: datetime, policy: RetryPolicy, now: datetime) -> datetime | None:
    """The next part of the same window in which nobody was called today, if the caps leave room; for further rounds of automated calls."""
    today = _local(now, policy).date()
    calls = [_local(past.began_at, policy) for past in history if (past.channel or policy.channel) in CALLS]
    tried = {_part_of(call.time(), policy) for call in calls if call.date() == today}
    counted = [past for past in history if past.line_result is None or policy.rules.of(past.line_result).counts]
    for opens, ends in open_spans(policy.contact.hours, policy.channel, now):
        if opens >= closes:
            break
        for moment in _begins(max(opens, now), min(ends, closes), policy):
            if _part_of(moment.time(), policy) not in tried and _has_room(counted, policy, moment):
                return moment
    return None


def _in_a_row(history: Sequence[PastTry], line_result: LineResult, today: date, policy: RetryPolicy) -> int:
    """How often this result came today: at the end without another in between where busy, over the day for the others."""
    results = [past.line_result for past in history if _local(past.began_at, policy).date() == today]
    if line_result is not LineResult.BUSY:
        return results.count(line_result)
    row = 0
    for result in reversed(results):
        if result is not LineResult.BUSY:
            break
        row += 1
    return row


def _another_time(history: Sequence[PastTry], line_result: LineResult, policy: RetryPolicy, now: datetime) -> datetime | None:
    """Among the next days with room: the least tried part of the day, the least tried weekday, then the earliest.

    A weekend within `WEEKEND_DAYS` comes before all of them where weekdays were in vain.
    """
    rule, today = policy.rules.of(line_result), _local(now, policy).date()
    calls = [_local(past.began_at, policy) for past in history if (past.channel or policy.channel) in CALLS]
    wants_weekend = _wants_weekend(history, policy)
    found: list[datetime] = []
    for moment in _openings(policy, now, today + rule.days * DAY):
        day = moment.date()
        is_far = len({one.date() for one in found} | {day}) > policy.rules.spread_days
        if is_far and (not wants_weekend or day > today + WEEKEND_DAYS * DAY):
            break
        if is_far and not _is_weekend(day):
            continue
        if moment >= now + timedelta(hours=rule.hours) and _has_room(history, policy, moment):
            found.append(moment)

    def rank(moment: datetime) -> tuple[bool, int, int, datetime]:
        part = _part_of(moment.time(), policy)
        return (
            not (wants_weekend and _is_weekend(moment.date())),
            sum(1 for call in calls if _part_of(call.time(), policy) == part),
            sum(1 for call in calls if call.weekday() == moment.weekday()),
            moment,
        )

    return min(found, key=rank, default=None)


def _wants_weekend(history: Sequence[PastTry], policy: RetryPolicy) -> bool:
    after = policy.rules.weekend_after
    vain = [p for p in history if p.line_result in UNANSWERED and not _is_weekend(_local(p.began_at, policy).date())]
    return bool(after) and len(vain) >= after


def _is_weekend(day: date) -> bool:
    return day.weekday() >= 5 or is_holiday(day)


def _openings(policy: RetryPolicy, now: datetime, earliest: date) -> Iterator[datetime]:
    """Beginnings of the parts of the coming windows, local time."""
    hours = policy.contact.hours
    start = datetime.combine(earliest, time(0, 0), hours.zone)
    for count, (opens, closes) in enumerate(open_spans(hours, policy.channel, max(now, start))):
        if count >= HORIZON:
            return
        yield from _begins(max(opens, start), closes, policy)


def _begins(opens: datetime, closes: datetime, policy: RetryPolicy) -> list[datetime]:
    """Where a window and the parts of the day in it begin."""
    begin = _local(opens, policy)
    moments = {begin, *(datetime.combine(begin.date(), part, policy.contact.hours.zone) for part in policy.rules.parts)}
    return sorted(moment for moment in moments if begin <= moment < closes)


def _has_room(history: Sequence[PastTry], policy: RetryPolicy, moment: datetime) -> bool:
    """Whether the caps per person leave room for one more attempt, counted as the gate counts."""
    tried = tuple(Tried(past.began_at, past.channel or policy.channel) for past in history)
    return reached(policy.contact.caps_of(Scope.PERSON), tried, policy.channel, When(policy.contact, moment)) is None


def _part_of(moment: time, policy: RetryPolicy) -> int:
    return sum(1 for begin in policy.rules.parts if moment >= begin)


def _local(moment: datetime, policy: RetryPolicy) -> datetime:
    return moment.astimezone(policy.contact.hours.zone)
