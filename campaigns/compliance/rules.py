"""The decision whether a debtor may be contacted: pure, ordered, and closed where anything is unknown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from campaigns.attempts.codes import Channel
from campaigns.compliance.caps import Reached, When, reached, reason_of
from campaigns.compliance.known import (
    CONTACT_CHANNELS,
    USABLE_NUMBER,
    Allowed,
    ContactFacts,
    Decision,
    Denied,
    NumberFact,
    SuppressionFact,
    Tried,
    WishFact,
)
from campaigns.compliance.policy import Cap, ContactPolicy, Scope
from campaigns.compliance.reasons import DenialReason
from campaigns.compliance.windows import next_open, spans_on
from campaigns.compliance.wished import next_wished

__all__ = [
    "CONTACT_CHANNELS",
    "Allowed",
    "Cap",
    "ContactFacts",
    "ContactPolicy",
    "Decision",
    "Denied",
    "NumberFact",
    "SuppressionFact",
    "Tried",
    "WishFact",
    "check",
    "objections",
    "valid_until",
]

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
PREDICTIVE = "predictive"
LOOK_AHEAD = timedelta(days=366)
MOST_STEPS = 400

_Finding = tuple[DenialReason, datetime | None]
_ALLOWED = Allowed()
_UNKNOWN: _Finding = (DenialReason.UNKNOWN_FACTS, None)


def check(facts: ContactFacts, policy: ContactPolicy, now: datetime, when: When | None = None) -> Decision:
    """Decides; the first rule that objects gives the reason.

    `next_allowed_at` follows the rules forward in time with these facts; it is None for what does not pass by itself.
    `when`: what decisions of the same moment share, for sets.
    """
    when = when or When(policy, now)
    finding = _first_objection(facts, when)
    if finding is None:
        return _ALLOWED
    reason, moment = finding
    for _ in range(MOST_STEPS):
        if moment is None or moment > now + LOOK_AHEAD:
            break
        later = _first_objection(_as_of(facts, moment), when.at(moment))
        if later is None:
            return Denied(reason, moment)
        moment = later[1]
    return Denied(reason, None)


def valid_until(policy: ContactPolicy, channel: Channel, now: datetime) -> datetime:
    """How long a permission of `now` may be acted upon: some seconds, and never beyond the window."""
    end = now + timedelta(seconds=policy.decision_seconds)
    for opens, closes in spans_on(policy.hours, channel, now.astimezone(policy.hours.zone).date()):
        if opens <= now < closes:
            return min(end, closes)
    return end


def objections(facts: ContactFacts, policy: ContactPolicy, now: datetime) -> list[DenialReason]:
    """Everything that stands against contact now, in the order in which it is asked; the first is the decision's reason."""
    when = When(policy, now)
    found = [rule(facts, when) for rule in _RULES]
    return list(dict.fromkeys(one[0] for one in found if one is not None))


def _as_of(facts: ContactFacts, moment: datetime) -> ContactFacts:
    """The same facts without the suppressions that will have ended."""
    if not facts.suppressions:
        return facts
    lasting = tuple(s for s in facts.suppressions if s.ends_at is None or s.ends_at > moment)
    return replace(facts, suppressions=lasting)


def _first_objection(facts: ContactFacts, when: When) -> _Finding | None:
    for rule in _RULES:
        finding = rule(facts, when)
        if finding is not None:
            return finding
    return None


def _is_exempt(reason: DenialReason, facts: ContactFacts, when: When) -> bool:
    return facts.channel in when.policy.exempt.get(reason, ())


def _channel(facts: ContactFacts, when: When) -> _Finding | None:
    return None if facts.channel in CONTACT_CHANNELS else _UNKNOWN


def _marked(facts: ContactFacts, when: When) -> _Finding | None:
    if facts.do_not_contact is None:
        return _UNKNOWN
    return (DenialReason.DO_NOT_CONTACT, None) if facts.do_not_contact else None


def _held(facts: ContactFacts, when: When) -> _Finding | None:
    if facts.holds is None:
        return _UNKNOWN
    for hold in sorted(facts.holds):
        if hold in (NO_HOLD, PLAN_HOLD):
            continue
        reason = HOLD_REASONS.get(hold, DenialReason.UNKNOWN_FACTS)
        if not _is_exempt(reason, facts, when):
            return reason, None
    return None


def _settled(facts: ContactFacts, when: When) -> _Finding | None:
    if facts.outstanding is None:
        return _UNKNOWN
    return (DenialReason.SETTLED, None) if facts.outstanding <= 0 else None


def _stale(facts: ContactFacts, when: When) -> _Finding | None:
    if when.policy.max_list_days <= 0:
        return None
    if facts.list_as_of is None:
        return _UNKNOWN
    is_old = (when.day - facts.list_as_of).days > when.policy.max_list_days
    return (DenialReason.LIST_TOO_OLD, None) if is_old else None


def _suppressed(facts: ContactFacts, when: When) -> _Finding | None:
    if facts.suppressions is None:
        return _UNKNOWN
    found: list[_Finding] = []
    for suppression in facts.suppressions:
        reason = SUPPRESSION_REASONS.get(suppression.reason, DenialReason.UNKNOWN_FACTS)
        if not _is_exempt(reason, facts, when):
            found.append((reason, suppression.ends_at))
    return min(found, key=lambda finding: (finding[1] is not None, _ORDER[finding[0]]), default=None)


def _number(facts: ContactFacts, when: When) -> _Finding | None:
    """Whether any number can be used at all."""
    if facts.channel is Channel.VISIT:
        return None
    if facts.numbers is None:
        return _UNKNOWN
    if any(_is_usable(number, when) for number in facts.numbers):
        return None
    reasons = {_why_unusable(number) for number in facts.numbers} or {DenialReason.NO_USABLE_NUMBER}
    return min(reasons, key=_ORDER.__getitem__), None


def _is_usable(number: NumberFact, when: When) -> bool:
    return number.status == USABLE_NUMBER and (number.is_workplace is False or when.policy.allows_workplace)


def _why_unusable(number: NumberFact) -> DenialReason:
    if number.status == USABLE_NUMBER:
        return DenialReason.NUMBER_WORKPLACE if number.is_workplace else DenialReason.UNKNOWN_FACTS
    return NUMBER_REASONS.get(number.status, DenialReason.UNKNOWN_FACTS)


def _promised(facts: ContactFacts, when: When) -> _Finding | None:
    if facts.promise_until is None or when.day > facts.promise_until:
        return None
    if _is_callback_due(facts, when) or _is_exempt(DenialReason.OPEN_PROMISE, facts, when):
        return None
    return DenialReason.OPEN_PROMISE, when.start_of(facts.promise_until + timedelta(days=1))


def _planned(facts: ContactFacts, when: When) -> _Finding | None:
    if facts.has_plan is None or facts.holds is None:
        return _UNKNOWN
    is_planned = facts.has_plan or PLAN_HOLD in facts.holds
    return (DenialReason.INSTALMENT_PLAN, None) if is_planned and not _is_exempt(DenialReason.INSTALMENT_PLAN, facts, when) else None


def _wished(facts: ContactFacts, when: When) -> _Finding | None:
    if facts.callback_at is None or facts.callback_at <= when.now:
        return None
    return DenialReason.WISHED_TIME, facts.callback_at


def _quiet(facts: ContactFacts, when: When) -> _Finding | None:
    policy = when.policy
    if facts.conversed_at is None or policy.quiet_days == 0 or _is_callback_due(facts, when):
        return None
    if _is_exempt(DenialReason.QUIET_AFTER_CONVERSATION, facts, when):
        return None
    conversed_on = when.day_of(facts.conversed_at)
    passed = [day for day in (facts.promise_lapsed_on, facts.promise_until) if day is not None]
    if any(conversed_on <= day < when.day for day in passed):
        return None
    first_day = conversed_on + timedelta(days=policy.quiet_days + (not policy.is_conversation_day_first))
    return None if when.day >= first_day else (DenialReason.QUIET_AFTER_CONVERSATION, when.start_of(first_day))


def _rested(facts: ContactFacts, when: When) -> _Finding | None:
    """After the right party was met, automated calls rest for the cycle."""
    if facts.channel is not Channel.AUTO_CALL or facts.met_at is None or when.policy.robocall_rest_days == 0:
        return None
    first_day = when.day_of(facts.met_at) + timedelta(days=when.policy.robocall_rest_days + 1)
    return None if when.day >= first_day else (DenialReason.RIGHT_PARTY_MET, when.start_of(first_day))


def _capped(facts: ContactFacts, when: When) -> _Finding | None:
    if facts.recent_attempts is None:
        return _UNKNOWN
    if _is_callback_due(facts, when):
        return None
    found = reached(when.policy.caps_of(Scope.PERSON), facts.recent_attempts, facts.channel, when)
    if found is None and when.policy.asks_households:
        if facts.household_attempts is None:
            return _UNKNOWN
        found = reached(when.policy.caps_of(Scope.HOUSEHOLD), facts.household_attempts, facts.channel, when)
    return None if found is None else _finding_of(found)


def _number_busy(facts: ContactFacts, when: When) -> _Finding | None:
    """Whether every number that can be used has had enough for now; the one that is free first counts."""
    if facts.channel is Channel.VISIT or not when.policy.asks_numbers:
        return None
    found: list[_Finding] = []
    for number in facts.numbers or ():
        if not _is_usable(number, when):
            continue
        objection = _to_number(number, facts, when)
        if objection is None:
            return None
        found.append(objection)
    return min(found, key=lambda one: (one[1] is None, one[1] or when.now, _ORDER[one[0]]), default=None)


def _to_number(number: NumberFact, facts: ContactFacts, when: When) -> _Finding | None:
    policy = when.policy
    if number.attempts is None:
        return _UNKNOWN
    if number.abandoned_at is not None and (facts.mode == PREDICTIVE or facts.channel is Channel.AUTO_CALL):
        until = number.abandoned_at + timedelta(hours=policy.abandon_hours)
        if when.now < until:
            return DenialReason.ABANDONED_RECENTLY, until
    if not number.attempts:
        return None
    until = max(one.at for one in number.attempts) + timedelta(minutes=policy.gap_minutes)
    if when.now < until:
        return DenialReason.NUMBER_GAP, until
    if _is_callback_due(facts, when):
        return None
    full = reached(policy.caps_of(Scope.NUMBER), number.attempts, facts.channel, when)
    return None if full is None else _finding_of(full)


def _finding_of(found: Reached) -> _Finding:
    return reason_of(found.cap), found.free_at


def _window(facts: ContactFacts, when: When) -> _Finding | None:
    hours, now = when.policy.hours, when.now
    spans = spans_on(hours, facts.channel, when.day)
    for opens, closes in spans:
        if opens <= now < closes:
            return None
    return DenialReason.OUTSIDE_WINDOW if spans else DenialReason.CLOSED_DAY, next_open(hours, facts.channel, now)


def _wished_hours(facts: ContactFacts, when: When) -> _Finding | None:
    if facts.wishes is None:
        return _UNKNOWN
    if not facts.wishes or _is_callback_due(facts, when):
        return None
    moment = next_wished(facts.wishes, when.now, when.policy.hours.zone)
    return None if moment == when.now else (DenialReason.WISHED_HOURS, moment)


def _is_callback_due(facts: ContactFacts, when: When) -> bool:
    due = facts.callback_at if facts.channel is Channel.OPERATOR_CALL else None
    return due is not None and due <= when.now < due + timedelta(days=when.policy.callback_days)


_ORDER: dict[DenialReason, int] = {reason: place for place, reason in enumerate(DenialReason)}
_RULES: tuple[Callable[[ContactFacts, When], _Finding | None], ...] = (
    _channel,
    _marked,
    _held,
    _settled,
    _stale,
    _suppressed,
    _number,
    _wished,
    _promised,
    _planned,
    _quiet,
    _rested,
    _capped,
    _number_busy,
    _window,
    _wished_hours,
)
