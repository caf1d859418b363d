"""Where a debtor stands on a ladder today: what is to be done, until when to wait, or why nothing more is done in this cycle. Pure.

`next_step` is the plain meaning; `campaigns.planning.ladder_cases` says the same as branches over attributes, which the plan runs in
SQL. A debtor only goes up: a step below one that was begun is passed over, and so is one whose conditions do not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from campaigns.attempts.codes import Channel
from campaigns.planning.ladder import AtEnd, DoneOn, Ladder, Need, StepChannel, StepRule

IsOpen = Callable[[date], bool]  # whether the office works on a day
DAY = timedelta(days=1)
SMS_FAILURES = 2  # after so many failed messages the number takes none


@dataclass(frozen=True, slots=True)
class CycleFacts:
    """What the ladder must know about a debtor.

    Attributes:
        used: attempts per channel that the ladder counts.
        before: channels used before this cycle, where the cycle carries on.
        last_on: day of the last of them, over all channels.
        attempts: in this cycle, over all channels.
        paid_percent: share of what was owed that was paid in this cycle.
    """

    outstanding: int
    is_company: bool = False
    has_phone: bool = True
    has_mobile: bool = False
    has_landline: bool = False
    is_reached: bool = False
    used: Mapping[Channel, int] | None = None
    before: frozenset[Channel] = frozenset()
    sms_failures: int = 0
    has_reacted: bool = False
    last_on: date | None = None
    attempts: int = 0
    has_right_party: bool = False
    has_promise: bool = False
    paid_percent: int = 0

    def count(self, channel: StepChannel | Channel) -> int:
        """Attempts of a channel."""
        return (self.used or {}).get(Channel(channel), 0)


@dataclass(frozen=True, slots=True)
class Step:
    """To be done now: the step's number (from 1; one more than there are for the end), its channel, the attempt's number and why."""

    number: int
    channel: Channel
    attempt: int
    why: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing now: the step `number` follows on `until`."""

    number: int
    channel: Channel
    until: date
    why: str


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing more in this cycle."""

    why: str


def due_after(day: date, days: int, is_open: IsOpen | None) -> date:
    """`days` days after a day; of those on which the office works where `is_open` is given."""
    if is_open is None:
        return day + days * DAY
    for _ in range(400):
        if days == 0:
            return day
        day += DAY
        days -= is_open(day)
    return day


def next_step(ladder: Ladder, facts: CycleFacts, today: date, is_open: IsOpen | None = None) -> Step | Wait | Done:
    """Where a debtor stands today.

    Args:
        is_open: the office's working days, for ladders that wait in business days; None counts every day.
    """
    done = _done(ladder, facts)
    if done is not None:
        return done
    calendar = is_open if ladder.in_business_days else None
    steps = ladder.steps
    begun = max((n for n in range(len(steps)) if applies(steps[n], facts) and _is_begun(ladder, n, facts)), default=0)
    for n in range(begun, len(steps)):
        if applies(steps[n], facts) and not _is_used_up(ladder, n, facts):
            return _on_step(ladder, n, facts, today, calendar)
    return _at_end(ladder, facts, today, calendar)


def applies(step: StepRule, facts: CycleFacts) -> bool:
    """Whether a step is for this debtor at all."""
    if step.channel is StepChannel.SMS and (not facts.has_mobile or facts.sms_failures >= SMS_FAILURES):
        return False
    if step.channel in (StepChannel.AUTO_CALL, StepChannel.OPERATOR_CALL) and not facts.has_phone:
        return False
    held = {
        Need.MOBILE: facts.has_mobile,
        Need.LANDLINE: facts.has_landline,
        Need.LANDLINE_ONLY: facts.has_landline and not facts.has_mobile,
        Need.NEVER_REACHED: not facts.is_reached,
        Need.REACHED: facts.is_reached,
        Need.PERSON: not facts.is_company,
        Need.COMPANY: facts.is_company,
    }
    return facts.outstanding >= step.min_yen and all(held[need] for need in step.needs)


def same_before(steps: Sequence[StepRule], n: int) -> tuple[StepRule, ...]:
    """The steps below `n` (from 0) that use the same channel; those that are for a debtor take that channel's attempts first."""
    return tuple(step for step in steps[:n] if step.channel is steps[n].channel)


def used_on(ladder: Ladder, n: int, facts: CycleFacts) -> int:
    """Attempts that belong to step `n` (from 0)."""
    taken = sum(step.attempts for step in same_before(ladder.steps, n) if applies(step, facts))
    return max(0, facts.count(ladder.steps[n].channel) - taken)


def is_used(ladder: Ladder, n: int, facts: CycleFacts) -> bool:
    """Whether step `n` is for this debtor and was begun."""
    return applies(ladder.steps[n], facts) and used_on(ladder, n, facts) > 0


def _is_begun(ladder: Ladder, n: int, facts: CycleFacts) -> bool:
    return used_on(ladder, n, facts) > 0 or Channel(ladder.steps[n].channel) in facts.before


def _is_used_up(ladder: Ladder, n: int, facts: CycleFacts) -> bool:
    used = used_on(ladder, n, facts)
    has_reacted = ladder.steps[n].channel is StepChannel.AUTO_CALL and used > 0 and facts.has_reacted
    return used >= ladder.steps[n].attempts or has_reacted


def _done(ladder: Ladder, facts: CycleFacts) -> Done | None:
    if DoneOn.PROMISE in ladder.done_on and facts.has_promise:
        return Done("open_promise")
    if DoneOn.PAYMENT in ladder.done_on and facts.paid_percent >= ladder.done_paid_percent:
        return Done("done_payment")
    if DoneOn.RIGHT_PARTY in ladder.done_on and facts.has_right_party:
        return Done("done_contact")
    return Done("cycle_budget") if facts.attempts >= ladder.max_attempts else None


def _on_step(ladder: Ladder, n: int, facts: CycleFacts, today: date, calendar: IsOpen | None) -> Step | Wait:
    step, used = ladder.steps[n], used_on(ladder, n, facts)
    channel = Channel(step.channel)
    if facts.last_on is not None:
        until = due_after(facts.last_on, step.between_days if used else step.wait_days, calendar)
        if until > today:
            return Wait(n + 1, channel, until, "waits_for_next_round" if used else _after(ladder, n, facts))
    return Step(n + 1, channel, used + 1, why_step(ladder, n, facts))


def _after(ladder: Ladder, n: int, facts: CycleFacts) -> str:
    """What is waited after: the highest step below that was begun."""
    begun = (ladder.steps[k].channel for k in reversed(range(n)) if is_used(ladder, k, facts))
    channel = next(begun, None)
    return f"waits_after_{channel}" if channel else "waits_after_attempt"


def why_step(ladder: Ladder, n: int, facts: CycleFacts) -> str:
    """Why a debtor stands on step `n` (from 0): a reason code."""
    step, below = ladder.steps[n], ladder.steps[:n]
    sms, auto = facts.count(StepChannel.SMS) > 0, facts.count(StepChannel.AUTO_CALL) > 0
    if used_on(ladder, n, facts) and step.channel in (StepChannel.SMS, StepChannel.AUTO_CALL):
        return "robocall_no_reaction" if step.channel is StepChannel.AUTO_CALL else "sms_again"
    if any(below[k].channel is StepChannel.OPERATOR_CALL and is_used(ladder, k, facts) for k in range(n)):
        return "repeated_failures"
    if facts.is_reached and any(Need.NEVER_REACHED in lower.needs for lower in below):
        return "reached_before"
    if any(lower.channel is StepChannel.AUTO_CALL for lower in below) and auto and facts.has_reacted:
        return "robocall_reacted"
    if below and (sms or auto):
        return "sms_and_call_without_effect" if sms and auto else "sms_without_effect" if sms else "auto_call_without_effect"
    if any(lower.channel is StepChannel.SMS for lower in below) and facts.sms_failures >= SMS_FAILURES:
        return "sms_undelivered"
    if not facts.has_mobile and any(lower.channel is StepChannel.SMS or Need.MOBILE in lower.needs for lower in below):
        return "no_mobile"
    if step.channel is StepChannel.SMS and Need.NEVER_REACHED in step.needs:
        return "mobile_never_reached"
    return "not_reached_yet" if used_on(ladder, n, facts) else "ladder_begin"


def _at_end(ladder: Ladder, facts: CycleFacts, today: date, calendar: IsOpen | None) -> Step | Wait | Done:
    number = len(ladder.steps) + 1
    if ladder.at_end is AtEnd.NEXT_CYCLE or (ladder.at_end is AtEnd.VISIT and facts.count(StepChannel.VISIT)):
        return Done("ladder_no_step" if facts.last_on is None else "ladder_end")
    channel = Channel(ladder.at_end)
    if facts.last_on is not None:
        until = due_after(facts.last_on, ladder.end_wait_days, calendar)
        if until > today:
            return Wait(number, channel, until, "waits_at_end")
    return Step(number, channel, 1, f"ladder_end_{ladder.at_end}")
