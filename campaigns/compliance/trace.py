"""A decision's inputs as plain JSON, small, and complete enough to make the same decision again. Pure.

What is as usual is left out: nothing held, nothing tried, no wish. `null` says that it was not known. The amount owed is not kept, only
that something is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from typing import Any

from campaigns.attempts.codes import Channel
from campaigns.compliance.days import hours_text
from campaigns.compliance.known import ContactFacts, NumberFact, SuppressionFact, Tried, WishFact
from campaigns.compliance.policy import ContactPolicy
from campaigns.compliance.windows import hours_on

_DAYS = ("promise_until", "promise_lapsed_on", "list_as_of")
_MOMENTS = ("conversed_at", "met_at", "callback_at")


def write_inputs(facts: ContactFacts, policy: ContactPolicy, now: datetime) -> dict[str, Any]:
    """What the decision of `now` was made from, with the day's hours."""
    day = now.astimezone(policy.hours.zone).date()
    told: dict[str, Any] = {
        "owes": None if facts.outstanding is None else facts.outstanding > 0,
        "do_not_contact": facts.do_not_contact,
        "holds": None if facts.holds is None else sorted(facts.holds - {0}),
        "suppressions": None if facts.suppressions is None else [[s.reason, _iso(s.ends_at)] for s in facts.suppressions],
        "numbers": None if facts.numbers is None else [_number(number) for number in facts.numbers],
        "has_plan": facts.has_plan,
        "attempts": _tried(facts.recent_attempts),
        "household": _tried(facts.household_attempts),
        "wishes": None if facts.wishes is None else [_wish(wish) for wish in facts.wishes],
        "mode": facts.mode,
        "hours": hours_text(hours_on(policy.hours, facts.channel, day)),
    }
    usual = {"owes": True, "do_not_contact": False, "has_plan": False, "mode": ""}
    small = {key: value for key, value in told.items() if value != usual.get(key, []) or value is None}
    return small | {name: getattr(facts, name).isoformat() for name in (*_DAYS, *_MOMENTS) if getattr(facts, name) is not None}


def read_inputs(channel: Channel, told: Mapping[str, Any]) -> ContactFacts:
    """The facts again; the amount owed is 1 yen where there is one."""
    owes = told.get("owes", True)
    holds, suppressions, numbers, wishes = (told.get(key, []) for key in ("holds", "suppressions", "numbers", "wishes"))
    return ContactFacts(
        channel=channel,
        do_not_contact=told.get("do_not_contact", False),
        outstanding=None if owes is None else int(owes),
        holds=None if holds is None else frozenset({0, *holds}),
        suppressions=None if suppressions is None else tuple(SuppressionFact(reason, _moment(end)) for reason, end in suppressions),
        numbers=None if numbers is None else tuple(_read_number(number) for number in numbers),
        has_plan=told.get("has_plan", False),
        recent_attempts=_read_tried(told.get("attempts", [])),
        household_attempts=_read_tried(told.get("household", [])),
        wishes=None if wishes is None else tuple(_read_wish(wish) for wish in wishes),
        list_as_of=_day(told.get("list_as_of")),
        mode=told.get("mode", ""),
        promise_until=_day(told.get("promise_until")),
        promise_lapsed_on=_day(told.get("promise_lapsed_on")),
        conversed_at=_moment(told.get("conversed_at")),
        met_at=_moment(told.get("met_at")),
        callback_at=_moment(told.get("callback_at")),
    )


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _tried(attempts: Iterable[Tried] | None) -> list[list[str]] | None:
    return None if attempts is None else [[one.at.isoformat(), one.channel] for one in attempts]


def _read_tried(told: Iterable[list[str]] | None) -> tuple[Tried, ...] | None:
    return None if told is None else tuple(Tried(datetime.fromisoformat(at), Channel(channel)) for at, channel in told)


def _number(number: NumberFact) -> dict[str, Any]:
    told = {
        "status": number.status,
        "is_workplace": number.is_workplace,
        "attempts": _tried(number.attempts),
        "abandoned_at": _iso(number.abandoned_at),
    }
    usual = {"status": "usable", "is_workplace": False, "attempts": [], "abandoned_at": None}
    return {key: value for key, value in told.items() if value != usual[key]}


def _read_number(told: Mapping[str, Any]) -> NumberFact:
    return NumberFact(
        status=told.get("status", "usable"),
        is_workplace=told.get("is_workplace", False),
        attempts=_read_tried(told.get("attempts", [])),
        abandoned_at=_moment(told.get("abandoned_at")),
    )


def _wish(wish: WishFact) -> list[Any]:
    return [wish.is_only, sorted(wish.weekdays), f"{wish.opens:%H:%M}", f"{wish.closes:%H:%M}"]


def _read_wish(told: list[Any]) -> WishFact:
    is_only, weekdays, opens, closes = told
    return WishFact(is_only, frozenset(weekdays), time.fromisoformat(opens), time.fromisoformat(closes))
