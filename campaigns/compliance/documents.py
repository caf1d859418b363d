"""Contact rules as plain JSON and back: what an office's stored version and a preset hold. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as fields_of
from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

from callcenter.core.clock import OFFICE_ZONE
from callcenter.core.errors import InvalidInput
from campaigns.attempts.codes import Channel
from campaigns.compliance import fields
from campaigns.compliance.days import DayKind, DayRule, DeclaredDay, Hours, hours_text, read_time, time_text
from campaigns.compliance.fields import BadField
from campaigns.compliance.known import CONTACT_CHANNELS
from campaigns.compliance.policy import EXEMPTIBLE, Cap, ContactPolicy, Scope, Window
from campaigns.compliance.reasons import DenialReason
from campaigns.compliance.windows import ContactHours

COUNTS: Mapping[str, tuple[int, int]] = {
    "max_per_day": (0, 50),
    "max_per_week": (0, 200),
    "gap_minutes": (0, 24 * 60),
    "quiet_days": (0, 366),
    "callback_days": (0, 60),
    "payment_claim_days": (0, 366),
    "abandon_hours": (0, 24 * 31),
    "robocall_rest_days": (0, 366),
    "max_list_days": (0, 3_660),
    "decision_seconds": (5, 3_600),
    "keep_contact_days": (30, 36_600),
    "keep_set_days": (7, 36_600),
}
NEEDED = frozenset({"max_per_day", "max_per_week", "quiet_days", "callback_days", "payment_claim_days"})
SWITCHES = ("is_calendar_week", "is_conversation_day_first", "allows_workplace")
COUNTRIES = ("JP", "US", "GB")
MAX_CAP_DAYS, MAX_CAPS, MAX_RULES = 92, 20, 40
DEFAULTS: Mapping[str, Any] = {field.name: field.default for field in fields_of(ContactPolicy)}


def to_document(policy: ContactPolicy) -> dict[str, Any]:
    """The policy as plain JSON, without the declared days (they have a table of their own)."""
    hours = policy.hours
    return {
        "name": policy.name,
        **{name: getattr(policy, name) for name in (*COUNTS, *SWITCHES)},
        "caps": [_cap_document(cap) for cap in policy.caps],
        "exempt": {reason.value: sorted(told) for reason, told in sorted(policy.exempt.items()) if told},
        "is_closed_on_holidays": hours.is_closed_on_holidays,
        "country": hours.country,
        "is_closed_at_year_end": hours.is_closed_at_year_end,
        "year_end": "/".join(f"{month:02d}-{day:02d}" for month, day in hours.year_end),
        "envelope": hours_text([hours.envelope]),
        "weekly": {
            channel.value: {str(day): hours_text(parts) for day, parts in sorted(week.items()) if parts}
            for channel, week in sorted(hours.weekly.items())
        },
        "evening_closes": {channel.value: time_text(end) for channel, end in sorted(hours.evening_closes.items())},
        "open_day": {channel.value: hours_text(parts) for channel, parts in sorted(hours.open_day.items())},
        "rules": [rule_document(rule) for rule in hours.rules],
    }


def from_document(
    document: Mapping[str, Any], days: Mapping[date, DeclaredDay] | None = None, *, zone: ZoneInfo = OFFICE_ZONE, version: int = 0
) -> ContactPolicy:
    """Reads a stored policy; what a document of an earlier version does not name is the municipality's.

    Raises:
        InvalidInput: something is missing or malformed; a policy that can't be read allows nobody to be contacted.
    """
    try:
        return read_document(document, days or {}, zone=zone, version=version)
    except BadField as problem:
        raise InvalidInput(
            f"The contact rules can't be read: {problem}.",
            hint="Correct that setting; until then nobody is contacted.",
            code="bad_contact_policy",
        ) from problem


def read_document(
    document: Mapping[str, Any], days: Mapping[date, DeclaredDay], *, zone: ZoneInfo = OFFICE_ZONE, version: int = 0
) -> ContactPolicy:
    """The same, telling which field is wrong. Raises BadField."""
    name = fields.table("document", document).get("name")
    if not isinstance(name, str) or not 0 < len(name) <= 60:
        raise BadField("name", "a name of 1 to 60 characters is needed", "名前は1〜60文字です")
    counts: dict[str, Any] = {key: fields.number(key, _given(document, key), *bounds) for key, bounds in COUNTS.items()}
    switches = {key: fields.switch(key, document.get(key, DEFAULTS[key])) for key in SWITCHES}
    caps = fields.as_list("caps", document.get("caps", []))
    if len(caps) > MAX_CAPS:
        raise BadField("caps", f"at most {MAX_CAPS} limits", f"上限は{MAX_CAPS}行までです")
    return ContactPolicy(
        name=name,
        hours=_read_hours(document, days, zone),
        caps=tuple(_read_cap(f"caps.{place}", cap) for place, cap in enumerate(caps)),
        exempt=_read_exempt(fields.table("exempt", document.get("exempt", {}))),
        version=version,
        **switches,
        **counts,
    )


def _given(document: Mapping[str, Any], key: str) -> Any:
    return document.get(key) if key in NEEDED else document.get(key, DEFAULTS[key])


def rule_document(rule: DayRule) -> dict[str, Any]:
    """A day that comes again as plain JSON."""
    return {
        **day_document(rule.day),
        "weekdays": sorted(rule.weekdays),
        "nth": sorted(rule.nth),
        "last_workdays": rule.last_workdays,
        "months": sorted(rule.months),
        "is_on_holidays": rule.is_on_holidays,
        "from_on": rule.from_on.isoformat() if rule.from_on else None,
        "until_on": rule.until_on.isoformat() if rule.until_on else None,
    }


def day_document(day: DeclaredDay) -> dict[str, Any]:
    """A day that differs as plain JSON."""
    return {
        "kind": day.kind.value,
        "hours": hours_text(day.hours),
        "until": time_text(day.until) if day.until is not None else None,
        "channels": None if day.channels is None else sorted(day.channels),
        "name": day.name,
    }


def read_day(path: str, told: Mapping[str, Any]) -> DeclaredDay:
    """A day that differs. Raises BadField."""
    channels, until = told.get("channels"), told.get("until")
    day = DeclaredDay(
        kind=fields.word(f"{path}.kind", told.get("kind"), DayKind),
        hours=fields.hours(f"{path}.hours", told.get("hours") or ""),
        until=None if until in (None, "") else fields.guarded(f"{path}.until", lambda: read_time(str(until))),
        channels=None if channels is None else fields.channels(f"{path}.channels", channels),
        name=str(told.get("name") or "").strip()[:60],
    )
    if day.kind is DayKind.CLOSED and (day.hours or day.until is not None):
        raise BadField(f"{path}.hours", "a closed day has no hours", "閉庁日に時間は書けません")
    if day.kind is DayKind.OPEN and day.until is not None:
        raise BadField(f"{path}.until", "an open day is told by its hours", "開庁日は時間帯で書いてください")
    if day.channels is not None and not day.channels:
        raise BadField(f"{path}.channels", "at least one channel is needed", "手段を一つ以上選んでください")
    return day


def read_rule(path: str, told: Any) -> DayRule:
    """A day that comes again. Raises BadField."""
    told = fields.table(path, told)
    rule = DayRule(
        day=read_day(path, told),
        weekdays=fields.numbers(f"{path}.weekdays", told.get("weekdays"), range(7)),
        nth=fields.numbers(f"{path}.nth", told.get("nth"), (-1, 1, 2, 3, 4, 5)),
        last_workdays=fields.number(f"{path}.last_workdays", told.get("last_workdays", 0), 0, 23),
        months=fields.numbers(f"{path}.months", told.get("months"), range(1, 13)),
        is_on_holidays=fields.switch(f"{path}.is_on_holidays", told.get("is_on_holidays", False)),
        from_on=fields.day(f"{path}.from_on", told.get("from_on")),
        until_on=fields.day(f"{path}.until_on", told.get("until_on")),
    )
    if not (rule.weekdays or rule.last_workdays):
        raise BadField(
            f"{path}.weekdays", "a rule names weekdays, or the last working days of a month", "曜日か、月末の開庁日数を選んでください"
        )
    if rule.from_on and rule.until_on and rule.until_on < rule.from_on:
        raise BadField(f"{path}.until_on", "the rule would end before it begins", "終わりの日が始まりの日より前です")
    return rule


def _read_hours(document: Mapping[str, Any], days: Mapping[date, DeclaredDay], zone: ZoneInfo) -> ContactHours:
    envelope = fields.hours("envelope", document.get("envelope", "00:00-24:00"))
    if len(envelope) != 1:
        raise BadField("envelope", "exactly one span is needed, like 08:00-21:00", "08:00-21:00 のように一つの時間帯で書いてください")
    country = document.get("country", "JP")
    if country not in COUNTRIES:
        raise BadField("country", f"expected one of {', '.join(COUNTRIES)}", "選べない国です")
    rules = fields.as_list("rules", document.get("rules", []))
    if len(rules) > MAX_RULES:
        raise BadField("rules", f"at most {MAX_RULES} rules", f"規則は{MAX_RULES}行までです")
    return ContactHours(
        weekly={channel: _read_week(f"weekly.{channel}", week) for channel, week in _by_channel(document, "weekly")},
        evening_closes={channel: _read_end(f"evening_closes.{channel}", end) for channel, end in _by_channel(document, "evening_closes")},
        open_day={channel: fields.hours(f"open_day.{channel}", parts) for channel, parts in _by_channel(document, "open_day")},
        is_closed_on_holidays=fields.switch("is_closed_on_holidays", document.get("is_closed_on_holidays")),
        country=country,
        is_closed_at_year_end=fields.switch("is_closed_at_year_end", document.get("is_closed_at_year_end")),
        year_end=_read_year_end(document.get("year_end", "12-29/01-03")),
        rules=tuple(read_rule(f"rules.{place}", rule) for place, rule in enumerate(rules)),
        envelope=envelope[0],
        days=days,
        zone=zone,
    )


def _by_channel(document: Mapping[str, Any], key: str) -> list[tuple[Channel, Any]]:
    found = [(fields.word(key, name, Channel), value) for name, value in fields.table(key, document.get(key)).items()]
    if not {channel for channel, _ in found} <= CONTACT_CHANNELS:
        raise BadField(key, f"expected some of {', '.join(sorted(CONTACT_CHANNELS))}", "連絡の手段ではありません")
    return found


def _read_week(path: str, week: Any) -> dict[int, tuple[Hours, ...]]:
    found: dict[int, tuple[Hours, ...]] = {}
    for day, parts in fields.table(path, week).items():
        if day not in map(str, range(7)):
            raise BadField(path, "a weekday is 0 (Monday) to 6", "曜日は0(月)〜6(日)です")
        found[int(day)] = fields.hours(f"{path}.{day}", parts)
    return found


def _read_end(path: str, text: Any) -> time:
    return fields.guarded(path, lambda: read_time(str(text)))


def _read_year_end(told: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    def one(text: str) -> tuple[int, int]:
        day = date.fromisoformat(f"2024-{text.strip()}")
        return day.month, day.day

    first, _, last = str(told).partition("/")
    return fields.guarded("year_end", lambda: (one(first), one(last)))


def _cap_document(cap: Cap) -> dict[str, Any]:
    return {
        "scope": cap.scope.value,
        "most": cap.most,
        "window": cap.window.value,
        "days": cap.days,
        "channels": sorted(cap.channels),
    }


def _read_cap(path: str, told: Any) -> Cap:
    told = fields.table(path, told)
    return Cap(
        scope=fields.word(f"{path}.scope", told.get("scope"), Scope),
        most=fields.number(f"{path}.most", told.get("most"), 0, 200),
        window=fields.word(f"{path}.window", told.get("window"), Window),
        days=fields.number(f"{path}.days", told.get("days", 1), 1, MAX_CAP_DAYS),
        channels=fields.channels(f"{path}.channels", told.get("channels") or []),
    )


def _read_exempt(told: Mapping[str, Any]) -> dict[DenialReason, frozenset[Channel]]:
    for reason in told:
        if reason not in EXEMPTIBLE:
            raise BadField(f"exempt.{reason}", "this condition always applies", "この条件は外せません")
    return {DenialReason(reason): fields.channels(f"exempt.{reason}", channels) for reason, channels in told.items()}
