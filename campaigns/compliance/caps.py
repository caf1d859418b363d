"""Counting attempts against caps, and the office's days as moments. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from campaigns.attempts.codes import Channel
from campaigns.compliance.known import Decision, Tried
from campaigns.compliance.policy import WEEK_DAYS, Cap, ContactPolicy, Scope, Window
from campaigns.compliance.reasons import DenialReason

MIDNIGHT = time(0, 0)


@dataclass(slots=True)
class When:
    """The moment of a decision under a policy; what many decisions of one moment share is worked out once."""

    policy: ContactPolicy
    now: datetime
    day: date = field(init=False)
    later: dict[datetime, When] = field(default_factory=dict, repr=False)
    kinds: dict[tuple[object, ...], Decision] = field(default_factory=dict, repr=False)
    _starts: dict[date, datetime] = field(default_factory=dict, repr=False)
    _since: dict[Cap, datetime] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.day = self.now.astimezone(self.policy.hours.zone).date()

    def at(self, moment: datetime) -> When:
        """The same policy at another moment."""
        found = self.later.get(moment)
        if found is None:
            found = self.later[moment] = When(self.policy, moment, self.later, {}, self._starts)
        return found

    def start_of(self, day: date) -> datetime:
        """The beginning of a day of the office."""
        found = self._starts.get(day)
        if found is None:
            found = self._starts[day] = datetime.combine(day, MIDNIGHT, self.policy.hours.zone)
        return found

    def since(self, cap: Cap) -> datetime:
        """Since when attempts count for a cap."""
        found = self._since.get(cap)
        if found is None:
            found = self._since[cap] = self.start_of(_first_day(cap, self.day))
        return found

    def day_of(self, moment: datetime) -> date:
        """The office's day of a moment."""
        return moment.astimezone(self.policy.hours.zone).date()


@dataclass(frozen=True, slots=True)
class Reached:
    """A cap that is reached, and when there is room again; `free_at` None: never."""

    cap: Cap
    free_at: datetime | None


def reached(caps: Iterable[Cap], tried: tuple[Tried, ...], channel: Channel, when: When) -> Reached | None:
    """The first cap on this channel that leaves no room for one more attempt."""
    for cap in caps:
        if cap.channels and channel not in cap.channels:
            continue
        if len(tried) < cap.most:
            continue
        since = when.since(cap)
        counted = [one.at for one in tried if one.at >= since and (not cap.channels or one.channel in cap.channels)]
        if len(counted) >= cap.most:
            return Reached(cap, _free_at(cap, sorted(counted), when))
    return None


def reason_of(cap: Cap) -> DenialReason:
    """What a refusal under this cap is called."""
    if cap.scope is Scope.HOUSEHOLD:
        return DenialReason.HOUSEHOLD_CAP
    if cap.scope is Scope.NUMBER:
        return DenialReason.NUMBER_CAP
    if cap.channels:
        return DenialReason.WINDOW_CAP
    if cap.span_days == 1:
        return DenialReason.DAY_CAP
    return DenialReason.WEEK_CAP if cap.span_days == WEEK_DAYS else DenialReason.WINDOW_CAP


def _first_day(cap: Cap, day: date) -> date:
    if cap.window is Window.WEEK:
        return day - timedelta(days=day.weekday())
    return day - timedelta(days=cap.span_days - 1)


def _free_at(cap: Cap, counted: list[datetime], when: When) -> datetime | None:
    """The day on which enough of the counted attempts lie outside the window."""
    if cap.most <= 0:
        return None
    if cap.window is Window.WEEK:
        return when.start_of(_first_day(cap, when.day) + timedelta(days=WEEK_DAYS))
    oldest_that_must_leave = when.day_of(counted[-cap.most])
    return when.start_of(oldest_that_must_leave + timedelta(days=cap.span_days))
