"""Where in a window something is sent: pure. As soon as the provider takes it, or evenly over the open hours, each place at its moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate

from campaigns.attempts.codes import Channel
from campaigns.compliance.windows import ContactHours, open_spans, spans_on
from campaigns.messages.terms import EVEN

USED = 0.95
"""An even spread ends before the window does, so that the last ones are not cut off by a delay."""

SHORT = timedelta(minutes=15)
"""Of a window that is about to close no less than this is used for a new batch."""

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Window:
    """The open spans of one day (of two where the hours go on over midnight), from a moment on; a lunch gap parts it in two."""

    spans: tuple[Span, ...]

    @property
    def opens(self) -> datetime:
        """The first moment."""
        return self.spans[0][0]

    @property
    def closes(self) -> datetime:
        """The end."""
        return self.spans[-1][1]

    @property
    def seconds(self) -> float:
        """How long it is open."""
        return sum((closes - opens).total_seconds() for opens, closes in self.spans)

    def begins(self) -> list[float]:
        """Open seconds before each span."""
        return [0.0, *accumulate((closes - opens).total_seconds() for opens, closes in self.spans)][:-1]

    def at(self, share: float) -> datetime:
        """The moment when that share of the open seconds has passed."""
        left = share * self.seconds
        for opens, closes in self.spans:
            length = (closes - opens).total_seconds()
            if left < length:
                return opens + timedelta(seconds=left)
            left -= length
        return self.closes


def next_window(hours: ContactHours, channel: Channel, moment: datetime) -> Window | None:
    """What is left of the day's window that is open, or the next one; None when none is in sight.

    Where less than `SHORT` is left, nobody could look at a batch and release it in time: the next window is taken, and where that opens as
    this one closes, because the hours go on over midnight, the two are one.
    """
    first = _window_from(hours, channel, moment)
    if first is None or first.opens > moment or first.closes - moment >= SHORT:
        return first
    following = _window_from(hours, channel, first.closes)
    if following is not None and following.opens == first.closes:
        return Window(first.spans + following.spans)
    return following or first


def _window_from(hours: ContactHours, channel: Channel, moment: datetime) -> Window | None:
    for opens, _ in open_spans(hours, channel, moment):
        return Window(_spans_between(hours, channel, opens.astimezone(hours.zone).date(), 1, max(opens, moment), None))
    return None


def window_of(hours: ContactHours, channel: Channel, opens: datetime, closes: datetime) -> Window:
    """A batch's window with today's gaps; the whole of it where the hours have changed meanwhile."""
    first = opens.astimezone(hours.zone).date()
    days = (closes.astimezone(hours.zone).date() - first).days + 1
    return Window(_spans_between(hours, channel, first, days, opens, closes) or ((opens, closes),))


def _spans_between(
    hours: ContactHours, channel: Channel, first: date, days: int, opens: datetime, closes: datetime | None
) -> tuple[Span, ...]:
    """The spans of some days, cut to what lies between two moments."""
    spans = [span for number in range(days) for span in spans_on(hours, channel, first + timedelta(days=number))]
    return tuple(
        (max(begin, opens), end if closes is None else min(end, closes))
        for begin, end in spans
        if end > opens and (closes is None or begin < closes)
    )


def place_at(window: Window, pace: str, rank: int, total: int) -> datetime:
    """The earliest moment for the `rank`-th (from 0) of `total`."""
    return window.at(USED * rank / max(1, total)) if pace == EVEN else window.opens


def capacity(window: Window, per_second: float) -> int:
    """How many segments or calls the provider takes in a window."""
    return int(window.seconds * per_second)


def by_hour(window: Window, pace: str, total: int, per_second: float) -> list[tuple[datetime, int]]:
    """How many would be sent in each hour of a window; what does not fit is in none. The hours are full ones, in the window's zone."""
    fits = min(total, capacity(window, per_second))
    hours: list[tuple[datetime, int]] = []
    begin, before = window.opens.replace(minute=0, second=0, microsecond=0), 0
    while begin < window.closes:
        end = begin + timedelta(hours=1)
        gone = _gone_by(window, pace, total, fits, per_second, end)
        hours.append((begin, gone - before))
        begin, before = end, gone
    return hours


def _gone_by(window: Window, pace: str, total: int, fits: int, per_second: float, moment: datetime) -> int:
    passed = sum(max(0.0, (min(closes, moment) - opens).total_seconds()) for opens, closes in window.spans)
    most = int(passed * per_second)
    if pace == EVEN and window.seconds:
        most = min(most, round(total * min(1.0, passed / (USED * window.seconds))))
    return min(fits, most)


def shares(counts: Sequence[int]) -> list[int]:
    """Per cent of the largest, for bars."""
    top = max(counts, default=0)
    return [round(count * 100 / top) if top else 0 for count in counts]
