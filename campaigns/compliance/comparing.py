"""Where one set of contact rules is looser than another, and where two differ at all. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from campaigns.attempts.codes import Channel
from campaigns.compliance.days import DayKind, DayRule, Hours, as_minutes, merged
from campaigns.compliance.documents import to_document
from campaigns.compliance.policy import Cap, ContactPolicy, Window
from campaigns.compliance.presets import NAMES, preset
from campaigns.compliance.windows import is_year_end

# More of these lets more contact happen; of the others less does. 0 of those in OFF asks for nothing, which is loosest.
MORE_IS_LOOSER = ("max_per_day", "max_per_week", "callback_days", "max_list_days", "decision_seconds")
LESS_IS_LOOSER = (
    "gap_minutes",
    "quiet_days",
    "payment_claim_days",
    "abandon_hours",
    "robocall_rest_days",
    "keep_contact_days",
    "keep_set_days",
)
OFF = frozenset({"max_list_days"})
YES_IS_LOOSER = ("is_calendar_week", "is_conversation_day_first", "allows_workplace")
NO_IS_LOOSER = ("is_closed_on_holidays", "is_closed_at_year_end")


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting (`path` as in the document) with its two values as plain JSON."""

    path: str
    before: Any
    after: Any


def base_of(policy: ContactPolicy, *, is_training: bool = False) -> ContactPolicy:
    """The preset a policy began as; what claims to be for training is measured by the municipality's rules unless the office is for it."""
    name = policy.name if policy.name in NAMES else "municipality"
    return preset("municipality" if name == "training" and not is_training else name).policy()


def loosened(policy: ContactPolicy, base: ContactPolicy) -> list[Difference]:
    """The settings in which `policy` lets contact happen that `base` would not."""
    return [
        *_counts(policy, base),
        *_switches(policy, base),
        *_caps(policy, base),
        *_exemptions(policy, base),
        *_hours(policy, base),
    ]


def differences(after: ContactPolicy, before: ContactPolicy) -> list[Difference]:
    """Every setting that differs, nested ones by their path."""
    return list(_walk("", to_document(before), to_document(after)))


def _walk(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict) and not path.startswith("weekly."):  # a week is told as a whole
        for key in [*before, *(key for key in after if key not in before)]:
            yield from _walk(f"{path}.{key}".lstrip("."), before.get(key), after.get(key))
    elif before != after:
        yield Difference(path, before, after)


def _counts(policy: ContactPolicy, base: ContactPolicy) -> Iterator[Difference]:
    for name in (*MORE_IS_LOOSER, *LESS_IS_LOOSER):
        now, then = getattr(policy, name), getattr(base, name)
        if _is_more(name, now, then) if name in MORE_IS_LOOSER else now < then:
            yield Difference(name, then, now)


def _is_more(name: str, now: int, then: int) -> bool:
    """More, where 0 of some settings is more than anything."""
    endless = 10**9 if name in OFF else 0
    return (now or endless) > (then or endless)


def _switches(policy: ContactPolicy, base: ContactPolicy) -> Iterator[Difference]:
    for name in YES_IS_LOOSER:
        if getattr(policy, name) and not getattr(base, name):
            yield Difference(name, False, True)
    for name in NO_IS_LOOSER:
        if getattr(base.hours, name) and not getattr(policy.hours, name):
            yield Difference(name, True, False)


def _caps(policy: ContactPolicy, base: ContactPolicy) -> Iterator[Difference]:
    """A cap of the base that no cap of the policy is as strict as."""
    told = to_document(base)["caps"]
    for place, cap in enumerate(base.caps):
        if not any(_covers(own, cap) for own in policy.all_caps):
            yield Difference(f"caps.{place}", told[place], None)


def _covers(own: Cap, cap: Cap) -> bool:
    is_as_wide = not own.channels or (bool(cap.channels) and cap.channels <= own.channels)
    is_as_long = (own.window, own.span_days) == (cap.window, cap.span_days) or (
        own.window is Window.ROLLING and own.span_days >= cap.span_days
    )
    return own.scope is cap.scope and is_as_wide and is_as_long and own.most <= cap.most


def _exemptions(policy: ContactPolicy, base: ContactPolicy) -> Iterator[Difference]:
    for reason, channels in policy.exempt.items():
        then = base.exempt.get(reason, frozenset())
        if channels - then:
            yield Difference(f"exempt.{reason.value}", sorted(then), sorted(channels))


def _hours(policy: ContactPolicy, base: ContactPolicy) -> Iterator[Difference]:
    now, then = to_document(policy), to_document(base)
    if _minutes([policy.hours.envelope]) - _minutes([base.hours.envelope]):
        yield Difference("envelope", then["envelope"], now["envelope"])
    for channel, week in policy.hours.weekly.items():
        for day, parts in week.items():
            if _minutes(parts) - _minutes(base.hours.weekly.get(channel, {}).get(day, ())):
                path = f"weekly.{channel}.{day}"
                yield Difference(path, then["weekly"].get(channel, {}).get(str(day), ""), now["weekly"][channel][str(day)])
    for channel, parts in policy.hours.open_day.items():
        if _minutes(parts) - _minutes(base.hours.open_day.get(channel, ())):
            yield Difference(f"open_day.{channel}", then["open_day"].get(channel, ""), now["open_day"][channel])
    for channel, end in policy.hours.evening_closes.items():
        usual = base.hours.evening_closes.get(channel)
        if usual is None or as_minutes(Hours(usual.min, end))[1] > as_minutes(Hours(usual.min, usual))[1]:
            yield Difference(f"evening_closes.{channel}", then["evening_closes"].get(channel, ""), now["evening_closes"][channel])
    if policy.hours.is_closed_at_year_end and base.hours.is_closed_at_year_end and _year_end(base) - _year_end(policy):
        yield Difference("year_end", then["year_end"], now["year_end"])
    for place, rule in enumerate(policy.hours.rules):
        if rule not in base.hours.rules and _is_beyond(rule, base):
            yield Difference(f"rules.{place}", None, now["rules"][place])


def _is_beyond(rule: DayRule, base: ContactPolicy) -> bool:
    """Whether such a day goes beyond the evenings and open days that the base foresees to be declared."""
    told = rule.day
    if told.kind is DayKind.CLOSED:
        return False
    for channel in told.channels or (Channel.SMS, Channel.AUTO_CALL, Channel.OPERATOR_CALL, Channel.VISIT):
        foreseen = base.hours.open_day.get(channel, ())
        end = base.hours.evening_closes.get(channel)
        if told.kind is DayKind.EVENING:
            week = [part for parts in base.hours.weekly.get(channel, {}).values() for part in parts]
            foreseen = merged([*week, *([Hours(min(part.opens for part in week), end)] if week and end else [])])
        until = [Hours(told.until.min, told.until)] if told.until is not None else []
        latest = max([as_minutes(part)[1] for part in foreseen], default=0)
        if _minutes(told.hours) - _minutes(foreseen) or any(as_minutes(part)[1] > latest for part in until):
            return True
    return False


def _minutes(parts: Any) -> set[int]:
    return {minute for part in parts for minute in range(*as_minutes(part))}


def _year_end(policy: ContactPolicy) -> set[tuple[int, int]]:
    days = (date(2024, 1, 1) + timedelta(days=n) for n in range(366))
    return {(day.month, day.day) for day in days if is_year_end(day, policy.hours.year_end)}
