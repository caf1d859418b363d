"""The ladder as branches over attributes, for the rules' SQL and for one debtor's facts alike; says what `ladder.next_step` says."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import combinations

from campaigns.attempts.codes import Channel
from campaigns.planning.ladder import AtEnd, DoneOn, Ladder, Need, StepChannel, StepRule
from campaigns.planning.standing import SMS_FAILURES, CycleFacts, Done, IsOpen, Step, Wait, due_after, same_before
from campaigns.segmentation.rules import All, AnyOf, Case, Cases, Compare, Condition, Facts, Not, Op, Rung

ALWAYS = All(())
COUNT = {
    StepChannel.SMS: "ladder_sms",
    StepChannel.AUTO_CALL: "ladder_auto_calls",
    StepChannel.OPERATOR_CALL: "ladder_operator_calls",
    StepChannel.VISIT: "ladder_visits",
}
BEFORE = {channel: f"{channel}_before" for channel in StepChannel}
ATTRIBUTES = (
    *COUNT.values(),
    *BEFORE.values(),
    "outstanding",
    "kind",
    "has_usable_phone",
    "has_mobile",
    "has_landline",
    "contact_count",
    "has_open_promise",
    "cycle_attempts",
    "cycle_right_party",
    "cycle_paid_percent",
    "ladder_sms_failures",
    "ladder_reacted",
    "ladder_days",
)


def cycle_facts(facts: Facts, today: date) -> CycleFacts:
    """The ladder's view of a debtor's attributes (`ATTRIBUTES`)."""

    def number(name: str) -> int:
        value = facts[name]
        assert isinstance(value, int)
        return value

    days = facts["ladder_days"]
    return CycleFacts(
        outstanding=number("outstanding"),
        is_company=facts["kind"] == "company",
        has_phone=bool(facts["has_usable_phone"]),
        has_mobile=bool(facts["has_mobile"]),
        has_landline=bool(facts["has_landline"]),
        is_reached=number("contact_count") > 0,
        used={Channel(channel): number(name) for channel, name in COUNT.items()},
        before=frozenset(Channel(channel) for channel, name in BEFORE.items() if facts[name]),
        sms_failures=number("ladder_sms_failures"),
        has_reacted=bool(facts["ladder_reacted"]),
        last_on=today - timedelta(days=days) if isinstance(days, int) else None,
        attempts=number("cycle_attempts"),
        has_right_party=bool(facts["cycle_right_party"]),
        has_promise=bool(facts["has_open_promise"]),
        paid_percent=number("cycle_paid_percent"),
    )


def rung_of(ladder: Ladder, told: Step | Wait | Done) -> Rung:
    """What `next_step` told, as a rule assigns it."""
    if isinstance(told, Step):
        priority = ladder.steps[told.number - 1].priority if told.number <= len(ladder.steps) else None
        return Rung(told.channel, (told.why,), told.number, priority)
    return Rung(Channel.NONE, (told.why,), told.number if isinstance(told, Wait) else 0)


def cases_of(ladder: Ladder, today: date, is_open: IsOpen | None = None) -> Cases:
    """The ladder's branches on a day; waits have become numbers of days."""
    days = _Days(today, is_open if ladder.in_business_days else None)
    steps = [Case(_stands_on(ladder, n), tuple(_on_step(ladder, n, days))) for n in range(len(ladder.steps))]
    return (*_done(ladder), *steps, *_at_end(ladder, days))


class _Days:
    """Turns a wait into the number of days since the last attempt that fulfils it today."""

    def __init__(self, today: date, is_open: IsOpen | None) -> None:
        self._today, self._is_open = today, is_open

    def since(self, wait: int) -> int:
        """The least number of days; one that ended on a later day would not yet be over."""
        days = wait
        while due_after(self._today - timedelta(days=days), wait, self._is_open) > self._today and days < 400:
            days += 1
        return days

    def are_waiting(self, wait: int, also: Iterable[Condition] = ()) -> Condition:
        """That fewer days than that have passed."""
        return All((*also, Compare("ladder_days", Op.LT, self.since(wait))))


def _is(attribute: str) -> Compare:
    return Compare(attribute, Op.IS, True)


def _at_least(attribute: str, number: int) -> Compare:
    return Compare(attribute, Op.GE, number)


def _nothing(why: str) -> Rung:
    return Rung(Channel.NONE, (why,))


def _used(ladder: Ladder, n: int, attempts: int = 1) -> Condition:
    """At least so many attempts belong to step `n`: those of its channel, less what steps below that are for the debtor took."""
    step, below = ladder.steps[n], same_before(ladder.steps, n)
    ways: list[Condition] = []
    for left_out in (chosen for size in range(len(below) + 1) for chosen in combinations(below, size)):
        taken = sum(lower.attempts for lower in below) - sum(lower.attempts for lower in left_out)
        ways.append(All((_at_least(COUNT[step.channel], taken + attempts), *(Not(_applies(lower)) for lower in left_out))))
    return ways[0] if len(ways) == 1 else AnyOf(tuple(ways))


def _any(parts: Iterable[Condition]) -> Condition:
    return AnyOf(tuple(parts))


NEEDS: dict[Need, Condition] = {
    Need.MOBILE: _is("has_mobile"),
    Need.LANDLINE: _is("has_landline"),
    Need.LANDLINE_ONLY: All((_is("has_landline"), Not(_is("has_mobile")))),
    Need.NEVER_REACHED: Compare("contact_count", Op.EQ, 0),
    Need.REACHED: _at_least("contact_count", 1),
    Need.PERSON: Compare("kind", Op.NE, "company"),
    Need.COMPANY: Compare("kind", Op.EQ, "company"),
}


def _applies(step: StepRule) -> Condition:
    parts = [NEEDS[need] for need in dict.fromkeys(step.needs)]
    if step.channel is StepChannel.SMS:
        parts += [_is("has_mobile"), Compare("ladder_sms_failures", Op.LT, SMS_FAILURES)]
    elif step.channel is not StepChannel.VISIT:
        parts.append(_is("has_usable_phone"))
    if step.min_yen:
        parts.append(_at_least("outstanding", step.min_yen))
    return All(tuple(parts))


def _stands_on(ladder: Ladder, n: int) -> Condition:
    """That step `n` is for this debtor, is not used up, and no step above was begun."""
    step = ladder.steps[n]
    used_up = [_used(ladder, n, step.attempts)]
    if step.channel is StepChannel.AUTO_CALL:
        used_up.append(All((_used(ladder, n), _is("ladder_reacted"))))
    above = [
        All((_any((_used(ladder, k), _is(BEFORE[ladder.steps[k].channel]))), _applies(ladder.steps[k])))
        for k in range(n + 1, len(ladder.steps))
    ]
    return All((_applies(step), *(Not(condition) for condition in (*used_up, *above))))


def _done(ladder: Ladder) -> Iterable[Case]:
    if DoneOn.PROMISE in ladder.done_on:
        yield Case(_is("has_open_promise"), _nothing("open_promise"))
    if DoneOn.PAYMENT in ladder.done_on:
        yield Case(_at_least("cycle_paid_percent", ladder.done_paid_percent), _nothing("done_payment"))
    if DoneOn.RIGHT_PARTY in ladder.done_on:
        yield Case(_is("cycle_right_party"), _nothing("done_contact"))
    yield Case(_at_least("cycle_attempts", ladder.max_attempts), _nothing("cycle_budget"))


def _on_step(ladder: Ladder, n: int, days: _Days) -> Iterable[Case]:
    step = ladder.steps[n]
    if step.between_days:
        waiting = Rung(Channel.NONE, ("waits_for_next_round",), n + 1)
        yield Case(days.are_waiting(step.between_days, (_used(ladder, n),)), waiting)
    if step.wait_days:
        yield Case(days.are_waiting(step.wait_days, (Not(_used(ladder, n)),)), tuple(_waits(ladder, n)))
    channel = Channel(step.channel)
    for when, why in _whys(ladder, n):
        yield Case(when, Rung(channel, (why,), n + 1, step.priority))


def _waits(ladder: Ladder, n: int) -> Iterable[Case]:
    for k in reversed(range(n)):
        yield Case(
            All((_used(ladder, k), _applies(ladder.steps[k]))), Rung(Channel.NONE, (f"waits_after_{ladder.steps[k].channel}",), n + 1)
        )
    yield Case(ALWAYS, Rung(Channel.NONE, ("waits_after_attempt",), n + 1))


def _whys(ladder: Ladder, n: int) -> Iterable[tuple[Condition, str]]:
    """Conditions and reason codes of a step in order; the last always holds."""
    step, below = ladder.steps[n], ladder.steps[:n]
    sms, auto = _at_least("ladder_sms", 1), _at_least("ladder_auto_calls", 1)
    channels = {lower.channel for lower in below}
    if step.channel in (StepChannel.SMS, StepChannel.AUTO_CALL) and step.attempts > 1:
        yield _used(ladder, n), "robocall_no_reaction" if step.channel is StepChannel.AUTO_CALL else "sms_again"
    if StepChannel.OPERATOR_CALL in channels:
        called = [All((_used(ladder, k), _applies(below[k]))) for k in range(n) if below[k].channel is StepChannel.OPERATOR_CALL]
        yield _any(called), "repeated_failures"
    if any(Need.NEVER_REACHED in lower.needs for lower in below):
        yield NEEDS[Need.REACHED], "reached_before"
    if StepChannel.AUTO_CALL in channels:
        yield All((auto, _is("ladder_reacted"))), "robocall_reacted"
    if below:
        yield All((sms, auto)), "sms_and_call_without_effect"
        yield sms, "sms_without_effect"
        yield auto, "auto_call_without_effect"
    if StepChannel.SMS in channels:
        yield _at_least("ladder_sms_failures", SMS_FAILURES), "sms_undelivered"
    if StepChannel.SMS in channels or any(Need.MOBILE in lower.needs for lower in below):
        yield Not(_is("has_mobile")), "no_mobile"
    if step.channel is StepChannel.SMS and Need.NEVER_REACHED in step.needs:
        yield ALWAYS, "mobile_never_reached"
        return
    yield _used(ladder, n), "not_reached_yet"
    yield ALWAYS, "ladder_begin"


def _at_end(ladder: Ladder, days: _Days) -> Iterable[Case]:
    number = len(ladder.steps) + 1
    over = (
        Case(Compare("ladder_days", Op.UNKNOWN, True), _nothing("ladder_no_step")),
        Case(ALWAYS, _nothing("ladder_end")),
    )
    if ladder.at_end is AtEnd.NEXT_CYCLE:
        yield from over
        return
    if ladder.at_end is AtEnd.VISIT:
        yield Case(_at_least("ladder_visits", 1), over)
    if ladder.end_wait_days:
        yield Case(days.are_waiting(ladder.end_wait_days), Rung(Channel.NONE, ("waits_at_end",), number))
    yield Case(ALWAYS, Rung(Channel(ladder.at_end), (f"ladder_end_{ladder.at_end}",), number))
