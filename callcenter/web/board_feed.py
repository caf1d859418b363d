"""What the board asks the database, shared by all who look at it: the day's figures every ten seconds, the rest once after each event.

A board refetches itself at each event; without this ten open boards would ask ten times, and one would ask for the figures of the whole
day at each ring of a telephone. Whoever opens the page gets everything fresh.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from callcenter.core.db import office_of
from campaigns.planning.models import Campaign
from dialer.inbound.queries import Callers, callers
from dialer.pacing.standing import Standing, standing_of, stops
from dialer.recordings.queries import Gap, gaps
from dialer.supervising.queries import Watch, watches
from reports.control.service import targets_of
from reports.queries.live import LiveBoard, LiveDay, LiveNow, joined, live_day, live_now

DAY_EVERY = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Day:
    """What changes slowly."""

    at: datetime
    day: LiveDay
    standings: Sequence[tuple[str, Standing]]
    targets: Mapping[str, float]
    stops: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Moment:
    """What changes with every event."""

    at: datetime
    heard: int
    now: LiveNow
    watches: Sequence[Watch]
    gaps: Sequence[Gap]
    callers: Callers
    stops: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Board:
    """All of it."""

    live: LiveBoard
    standings: Sequence[tuple[str, Standing]]
    watches: Sequence[Watch]
    gaps: Sequence[Gap]
    targets: Mapping[str, float]
    callers: Callers


class BoardFeed:
    """One per process; each office's parts are made by whoever asks first, the others wait for them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[int, threading.Lock] = {}
        self._days: dict[int, Day] = {}
        self._moments: dict[int, Moment] = {}
        self._heard: dict[int, int] = {}

    def note(self, office_id: int) -> None:
        """Something happened in this office: what was made before is not shown any more."""
        with self._lock:
            self._heard[office_id] = self._heard.get(office_id, 0) + 1

    def board(self, session: Session, now: datetime, *, is_fresh: bool) -> Board:
        """The board at `now`; `is_fresh` asks for everything anew."""
        office = office_of(session)
        with self._lock:
            lock = self._locks.setdefault(office, threading.Lock())
        with lock:
            heard = self._heard.get(office, 0)  # before the database is asked: what is made is at least as new
            day, moment = self._days.get(office), self._moments.get(office)
            if is_fresh or moment is None or moment.heard != heard or not timedelta(0) <= now - moment.at < DAY_EVERY:
                looks = live_now(session, now), watches(session, now), gaps(session), callers(session), stops(session, now)
                moment = self._moments[office] = Moment(now, heard, *looks)
            is_told = day is not None and day.stops == moment.stops  # that nobody is called any more waits for no tenth second
            if is_fresh or day is None or not is_told or not timedelta(0) <= now - day.at < DAY_EVERY:
                figures = live_day(session, now), _standings(session, now), targets_of(session, local_day(now))
                day = self._days[office] = Day(now, *figures, moment.stops)
        return Board(joined(day.day, moment.now), day.standings, moment.watches, moment.gaps, day.targets, moment.callers)


def _standings(session: Session, now: datetime) -> list[tuple[str, Standing]]:
    running = select(Campaign).where(Campaign.status == "running").order_by(Campaign.priority, Campaign.id)
    return [(campaign.name, standing_of(session, campaign.id, now)) for campaign in session.scalars(running).all()]


FEED = BoardFeed()
