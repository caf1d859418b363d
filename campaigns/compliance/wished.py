"""Times a debtor named: whether a moment suits them, and the next one that does. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from campaigns.compliance.days import DAY_MINUTES
from campaigns.compliance.known import WishFact

LOOK_DAYS = 15  # a fortnight shows every weekday twice; what is not found then never comes
Minutes = tuple[int, int]


def next_wished(wishes: Sequence[WishFact], now: datetime, zone: ZoneInfo) -> datetime | None:
    """The first moment from `now` on that suits all wishes; `now` itself if it does, None when none ever will."""
    local = now.astimezone(zone)
    minute = local.hour * 60 + local.minute
    for offset in range(LOOK_DAYS):
        day = local.date() + timedelta(days=offset)
        for start, end in suiting(wishes, day):
            if offset == 0 and end <= minute:
                continue
            if offset == 0 and start <= minute:
                return now
            return datetime.combine(day, time(*divmod(start, 60)), zone)
    return None


def suiting(wishes: Sequence[WishFact], day: date) -> list[Minutes]:
    """The parts of a day that suit: what is named as the only times (all, where none are), without what is to be avoided."""
    only = [wish for wish in wishes if wish.is_only]
    parts = [wish.minutes for wish in only if _is_on(wish, day)] if only else [(0, DAY_MINUTES)]
    for wish in wishes:
        if not wish.is_only and _is_on(wish, day):
            parts = [piece for part in parts for piece in _without(part, wish.minutes)]
    return _joined(parts)


def _is_on(wish: WishFact, day: date) -> bool:
    return not wish.weekdays or day.weekday() in wish.weekdays


def _without(part: Minutes, cut: Minutes) -> list[Minutes]:
    pieces = [(part[0], min(part[1], cut[0])), (max(part[0], cut[1]), part[1])]
    return [piece for piece in pieces if piece[0] < piece[1]]


def _joined(parts: list[Minutes]) -> list[Minutes]:
    out: list[Minutes] = []
    for start, end in sorted(parts):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out
