"""Contact rules ready to use, and their form as a stored document.

`municipality` is the founding case: stricter than any rule found in force (voice 9-17 and SMS 9-19 on weekdays, one
attempt a day and three in seven days per person, seven quiet days after a conversation). `training` is always open: only
for offices whose carrier is the simulated one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from typing import Any

from callcenter.core.errors import InvalidInput
from campaigns.attempts.codes import Channel
from campaigns.compliance.rules import CONTACT_CHANNELS, ContactPolicy
from campaigns.compliance.windows import MIDNIGHT, ContactHours, DayKind, Hours

WEEKDAYS = range(5)
ALL_DAYS = range(7)
OFFICE_HOURS = Hours(time(9), time(17))
SMS_HOURS = Hours(time(9), time(19))
ALWAYS = Hours(MIDNIGHT, MIDNIGHT)
EVENING_END = time(20)


def municipality() -> ContactPolicy:
    """A Japanese municipality, after the founding case and the envelope of published rules."""
    usual = {
        Channel.OPERATOR_CALL: OFFICE_HOURS,
        Channel.AUTO_CALL: OFFICE_HOURS,
        Channel.VISIT: OFFICE_HOURS,
        Channel.SMS: SMS_HOURS,
    }
    return ContactPolicy(
        name="municipality",
        hours=ContactHours(
            weekly={channel: dict.fromkeys(WEEKDAYS, hours) for channel, hours in usual.items()},
            evening_closes=dict.fromkeys(usual, EVENING_END),
            open_day=usual,
        ),
    )


def training() -> ContactPolicy:
    """Always open, with wide caps: for demonstration offices on the simulated carrier only."""
    return ContactPolicy(
        name="training",
        hours=ContactHours(
            weekly={channel: dict.fromkeys(ALL_DAYS, ALWAYS) for channel in CONTACT_CHANNELS},
            is_closed_on_holidays=False,
            is_closed_at_year_end=False,
        ),
        max_per_day=20,
        max_per_week=60,
        quiet_days=7,
    )


PRESETS = {"municipality": municipality, "training": training}


def to_document(policy: ContactPolicy) -> dict[str, Any]:
    """The policy as plain JSON, without the declared days (they have a table of their own)."""
    hours = policy.hours
    return {
        "name": policy.name,
        "max_per_day": policy.max_per_day,
        "max_per_week": policy.max_per_week,
        "quiet_days": policy.quiet_days,
        "callback_days": policy.callback_days,
        "payment_claim_days": policy.payment_claim_days,
        "is_closed_on_holidays": hours.is_closed_on_holidays,
        "is_closed_at_year_end": hours.is_closed_at_year_end,
        "weekly": {
            channel.value: {str(day): _hours_text(span) for day, span in sorted(week.items())}
            for channel, week in sorted(hours.weekly.items())
        },
        "evening_closes": {channel.value: f"{end:%H:%M}" for channel, end in sorted(hours.evening_closes.items())},
        "open_day": {channel.value: _hours_text(span) for channel, span in sorted(hours.open_day.items())},
    }


def from_document(document: Mapping[str, Any], days: Mapping[date, DayKind] | None = None) -> ContactPolicy:
    """Reads a stored policy.

    Raises:
        InvalidInput: something is missing or malformed; a policy that can't be read allows nobody to be contacted.
    """
    try:
        return ContactPolicy(
            name=str(document["name"]),
            hours=_read_hours(document, days or {}),
            max_per_day=_count(document, "max_per_day"),
            max_per_week=_count(document, "max_per_week"),
            quiet_days=_count(document, "quiet_days"),
            callback_days=_count(document, "callback_days"),
            payment_claim_days=_count(document, "payment_claim_days"),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as problem:
        raise InvalidInput(
            f"The contact rules can't be read: {problem}.",
            hint="Store a document like that of `campaigns.compliance.presets.to_document`.",
            code="bad_contact_policy",
        ) from problem


def _read_hours(document: Mapping[str, Any], days: Mapping[date, DayKind]) -> ContactHours:
    return ContactHours(
        weekly={
            Channel(channel): {_weekday(day): _read_span(span) for day, span in week.items()}
            for channel, week in document["weekly"].items()
        },
        evening_closes={Channel(channel): time.fromisoformat(end) for channel, end in document["evening_closes"].items()},
        open_day={Channel(channel): _read_span(span) for channel, span in document["open_day"].items()},
        is_closed_on_holidays=bool(document["is_closed_on_holidays"]),
        is_closed_at_year_end=bool(document["is_closed_at_year_end"]),
        days=days,
    )


def _count(document: Mapping[str, Any], key: str) -> int:
    value = document[key]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{key} must be a whole number, 0 or more")
    return value


def _weekday(text: str) -> int:
    day = int(text)
    if day not in ALL_DAYS:
        raise ValueError("a weekday is 0 (Monday) to 6")
    return day


def _hours_text(hours: Hours) -> str:
    return f"{hours.opens:%H:%M}-{hours.closes:%H:%M}"


def _read_span(text: str) -> Hours:
    opens, _, closes = text.partition("-")
    span = Hours(time.fromisoformat(opens), time.fromisoformat(closes))
    if span.closes != MIDNIGHT and span.closes <= span.opens:
        raise ValueError("hours must end after they begin")
    return span
