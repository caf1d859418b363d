"""The decision whether a debtor may be contacted: pure, ordered, and closed where anything is unknown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

from campaigns.attempts.codes import Channel
from campaigns.compliance.reasons import DenialReason
from campaigns.compliance.windows import ContactHours, next_open, span_on

HOLD_REASONS: dict[int, DenialReason] = {
    1: DenialReason.HOLD_STOPPED,
    2: DenialReason.HOLD_COLLECTION_GRACE,
    3: DenialReason.HOLD_REALISATION_GRACE,
    4: DenialReason.HOLD_SEIZED,
    5: DenialReason.HOLD_INVESTIGATION,
    9: DenialReason.VULNERABLE,
}
PLAN_HOLD = 6
NO_HOLD = 0

SUPPRESSION_REASONS: dict[str, DenialReason] = {
    "vulnerable": DenialReason.VULNERABLE,
    "stop_request": DenialReason.STOP_REQUEST,
    "deceased_moved": DenialReason.DECEASED_OR_MOVED,
    "complaint": DenialReason.COMPLAINT,
    "officer_hold": DenialReason.WITH_TAX_OFFICER,
    "payment_claimed": DenialReason.PAYMENT_CLAIMED,
    "wished_time": DenialReason.WISHED_TIME,
}
NUMBER_REASONS: dict[str, DenialReason] = {
    "refused": DenialReason.NUMBER_REFUSED,
    "wrong_person": DenialReason.NUMBER_WRONG,
    "dead": DenialReason.NUMBER_DEAD,
    "none": DenialReason.NO_USABLE_NUMBER,
}
USABLE_NUMBER = "usable"
CONTACT_CHANNELS = frozenset({Channel.SMS, Channel.AUTO_CALL, Channel.OPERATOR_CALL, Channel.VISIT})


@dataclass(frozen=True, slots=True)
class SuppressionFact:
    """A suppression in force now for this channel; `ends_at` None lasts until it is lifted."""

    reason: str
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class ContactFacts:
    """What is known about a debtor and a channel; None anywhere but in the last three means: not known.

    Attributes:
        outstanding: yen of open, listed debts.
        holds: the 停止区分 digits of the open debts.
        suppressions: those that are in force and concern this channel.
        number: `usable`, or why not: `refused`, `wrong_person`, `dead`, `none`. Visits need none and say `usable`.
        has_plan: an instalment plan in good standing.
        recent_attempts: beginnings of all attempts that count, on any channel, of the last days the caps look at.
        promise_until: last day (due date plus grace) of an open promise, if there is one.
        promise_lapsed_on: last day of the latest promise that passed without being kept.
        conversed_at: the latest conversation with the debtor or who speaks for them.
        callback_at: a call-back the debtor asked for and that was not made yet.
    """

    channel: Channel
    do_not_contact: bool | None
    outstanding: int | None
    holds: frozenset[int] | None
    suppressions: tuple[SuppressionFact, ...] | None
    number: str | None
    has_plan: bool | None
    recent_attempts: tuple[datetime, ...] | None
    promise_until: date | None = None
    promise_lapsed_on: date | None = None
    conversed_at: datetime | None = None
    callback_at: datetime | None = None


@dataclass(frozen=True)
class ContactPolicy:
    """The office's rules: hours, caps per person (over all debts and channels), quiet days.

    `callback_days`: how long after the named time an asked-for call-back still overrides caps and quiet days.
    """

    name: str
    hours: ContactHours
    max_per_day: int = 1
    max_per_week: int = 3
    quiet_days: int = 7
    callback_days: int = 3
    payment_claim_days: int = 14


@dataclass(frozen=True, slots=True)
class Allowed:
    """Contact may be made now."""

    is_allowed: bool = field(default=True, init=False)


@dataclass(frozen=True, slots=True)
class Denied:
    """Contact must not be made now; `next_allowed_at` is the first moment at which these facts would allow it."""

    reason: DenialReason
    next_allowed_at: datetime | None = None
    is_allowed: bool = field(default=False, init=False)


Decision = Allowed | Denied
_Finding = tuple[DenialReason, datetime | None]
_ALLOWED = Allowed()


def check(facts: ContactFacts, policy: ContactPolicy, now: datetime) -> Decision:
    """Decides; the first rule that objects gives the reason.

    `next_allowed_at` follows the rules forward in time with these facts; it is None for what does not pass by itself.
    """
    finding = _first_objection(facts, policy, now)
    if finding is None:
        return _ALLOWED
    reason, moment = finding
    for _ in range(32):
        if moment is None:
            break
        later = _first_objection(_as_of(facts, moment), policy, moment)
        if later is None:
            return Denied(reason, moment)
        moment = later[1]
    return Denied(reason, None)


def _as_of(facts: ContactFacts, moment: datetime) -> ContactFacts:
    """The same facts without the suppressions that will have ended."""
    if not facts.suppressions:
        return facts
    lasting = tuple(s for s in facts.suppressions if s.ends_at is None or s.ends_at > moment)
    return replace(facts, suppressions=lasting)


def _first_objection(facts: ContactFacts, policy: ContactPolicy, now: datetime) -> _Finding | None:
    for rule in _RULES:
        finding = rule(facts, policy, now)
        if finding is not None:
            return finding
    return None


def _channel(facts: ContactFacts, policy: ContactPolicy, now: datetime) -> _Finding | None:
    known = facts.channel in CONTACT_CHANNELS
    return None if known else (DenialReason.UNKNOWN_FACTS, None)


def _marked(facts: ContactFacts, policy: ContactPolicy, now: datetime) -> _Finding | None:
    if facts.do_not_contact is None:
        return DenialReason.UNKNOWN_FACTS, None
    return (DenialReason.DO_NOT_CONTACT, None) if facts.do_not_contact else None


def _held(facts: ContactFacts, policy: ContactPolicy, now: datetime) -> _Finding | None:
    if facts.holds is None:
        return DenialReason.UNKNOWN_FACTS, None
    for hold in sorted(facts.holds - {NO_HOLD, PLAN_HOLD}):
        return HOLD_REASONS.get(hold, DenialReason.UNKNOWN_FACTS), None
    return None


def _settled(facts: ContactFacts, policy: ContactPolicy, now: datetime) -> _Finding | None:
    if facts.outstanding is None:
        return DenialReason.UNKNOWN_FACTS, None
    return (DenialReason.SETTLED, None) if facts.outstanding <= 0 else None


def _suppressed(facts: ContactFacts, policy: ContactPolicy, now: datetime) -> _Finding | None:
    if facts.suppressions is None:
        return DenialReason.UNKNOWN_FACTS, None
    found: list[_Finding] = []
    for suppression in facts.suppressions:
        reason = SUPPRESSION_REASONS.get(suppression.reason, DenialReason.UNKNOWN_FACTS)
        found.append((reason, suppression.ends_at))
    return min(found, key=lambda finding: (finding[1] is not None, _ORDER[finding[0]]), default=None)


def _number(facts: ContactFacts, policy: ContactPolicy, now: datetime) -> _Finding | None:
    if facts.number == USABLE_NUMBER:
        return None
    return NUMBER_REASONS.get(facts.number or "", DenialReason.UNKNOWN_FACTS), None


def _promised(facts: ContactFacts, policy: ContactPolicy, now: datetime) -> _Finding | None:
    if facts.promise_until is None or _local_day(policy, now) > facts.promise_until:
        return None
    if _is_callback_due(facts, policy, now):
        return None
    return DenialReason.OPEN_PROMISE, _day_start(policy, facts.promise_until + timedelta(days=1))


def _planned(facts: ContactFacts, policy: ContactPolicy, now: datetime) -> _Finding | None:
    if facts.has_plan is None or facts.holds is None:
        return DenialReason.UNKNOWN_FACTS, None
    return (DenialReason.INSTALMENT_PLAN, None) if facts.has_plan or PLAN_HOLD in facts.holds else None


def _wished(facts: ContactFacts, policy: ContactPolicy, now: datetime) -> _Finding | None:
    if facts.callback_at is None or facts.callback_at <= now:
        return None
    return DenialReason.WISHED_TIME, facts.callback_at


def _quiet(facts: ContactFacts, policy: ContactPolicy, now: datetime) -> _Finding | None:
    if facts.conversed_at is None or _is_callback_due(facts, policy, now):
        return None
    conversed_on = _local_day(policy, facts.conversed_at)
    passed = [day for day in (facts.promise_lapsed_on, facts.promise_until) if day is not None]
    if any(conversed_on <= day < _local_day(policy, now) for day in passed):
        return None
    first_day = conversed_on + timedelta(days=policy.quiet_days + 1)
    if _local_day(policy, now) >= first_day or policy.quiet_days == 0:
        return None
    return DenialReason.QUIET_AFTER_CONVERSATION, _day_start(policy, first_day)


def _capped(facts: ContactFacts, policy: ContactPolicy, now: datetime) -> _Finding | None:
    if facts.recent_attempts is None:
        return DenialReason.UNKNOWN_FACTS, None
    if _is_callback_due(facts, policy, now):
        return None
    today = _local_day(policy, now)
    days = sorted(_local_day(policy, attempt) for attempt in facts.recent_attempts)
    if sum(1 for day in days if day >= today) >= policy.max_per_day:
        return DenialReason.DAY_CAP, _day_start(policy, max([today, *days]) + timedelta(days=1))
    last_week = [day for day in days if day > today - timedelta(days=7)]
    if len(last_week) >= policy.max_per_week:
        if policy.max_per_week <= 0:
            return DenialReason.WEEK_CAP, None
        return DenialReason.WEEK_CAP, _day_start(policy, last_week[-policy.max_per_week] + timedelta(days=7))
    return None


def _window(facts: ContactFacts, policy: ContactPolicy, now: datetime) -> _Finding | None:
    span = span_on(policy.hours, facts.channel, _local_day(policy, now))
    if span is not None and span[0] <= now < span[1]:
        return None
    reason = DenialReason.CLOSED_DAY if span is None else DenialReason.OUTSIDE_WINDOW
    return reason, next_open(policy.hours, facts.channel, now)


def _is_callback_due(facts: ContactFacts, policy: ContactPolicy, now: datetime) -> bool:
    due = facts.callback_at if facts.channel is Channel.OPERATOR_CALL else None
    return due is not None and due <= now < due + timedelta(days=policy.callback_days)


def _local_day(policy: ContactPolicy, moment: datetime) -> date:
    return moment.astimezone(policy.hours.zone).date()


def _day_start(policy: ContactPolicy, day: date) -> datetime:
    return datetime.combine(day, time(0, 0), policy.hours.zone)


_ORDER: dict[DenialReason, int] = {reason: place for place, reason in enumerate(DenialReason)}
_RULES: tuple[Callable[[ContactFacts, ContactPolicy, datetime], _Finding | None], ...] = (
    _channel,
    _marked,
    _held,
    _settled,
    _suppressed,
    _number,
    _wished,
    _promised,
    _planned,
    _quiet,
    _capped,
    _window,
)
