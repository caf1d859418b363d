"""After a fault's end: whether operators were freed from lines that were over by then. A part of the checker; knows only the tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from tests.simulation.log import LogLine, NetworkLog

if TYPE_CHECKING:
    from tests.simulation.checker import Line

AFTER_A_FAULT = timedelta(seconds=5)
SETTLES = timedelta(seconds=20)  # a carrier may list a line late
RESTS_SECONDS = 6.0  # so long a dialer may rest after something failed, or after its clock was set
ON_LINE = {"reserved", "ringing", "talking"}
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Episode:
    """Of one operator, on a line or waiting for one, by the machine's clock."""

    user_id: int
    began: datetime
    ended: datetime


class _Disturbances:
    """When something was away or held up, so that nobody could be freed; in true time."""

    def __init__(self, log: NetworkLog) -> None:
        self._spans: list[tuple[datetime, datetime]] = []
        away: dict[str, datetime] = {}
        for line in log.lines:
            seconds = 0.0
            if line.what == "held_up":
                seconds = float(line.detail.split()[1])
            elif line.what in ("failed", "clock_stepped", "start_failed"):
                seconds = RESTS_SECONDS
            if seconds:
                self._spans.append((line.at, line.at + timedelta(seconds=seconds)))
            begins = {"carrier_down": "carrier", "died": line.detail}.get(line.what, line.detail if line.detail == "database_away" else "")
            ends = {"carrier_up": "carrier", "started": line.detail, "database_back": "database_away"}.get(line.what, "")
            if begins:
                away.setdefault(begins, line.at)
            elif ends in away:
                self._spans.append((away.pop(ends), line.at))
        self._spans += [(since, datetime.max.replace(tzinfo=since.tzinfo)) for since in away.values()]

    def between(self, begins: datetime, ends: datetime) -> bool:
        """Whether nothing was away in a span, but for what came back at its beginning."""
        return not any(since < ends and until > begins for since, until in self._spans)


@dataclass(frozen=True)
class Afterwards:
    """The network's log, the raw tables, and each line with what is on record of it; `skew` is how far nodes' clocks may be apart."""

    log: NetworkLog
    t: Mapping[str, Sequence[Row]]
    lines: Sequence[Line]
    skew: timedelta
    reap_seconds: float

    def violations(self) -> Iterator[str]:
        """Who was left on a line.

        A dialer that is connected anew is told which lines there are. When only the database was away, what was told meanwhile counts at
        once, and lines of which nobody told, at the next tidying and not before they are `SETTLES` old.
        """
        quiet = _Disturbances(self.log)
        for end in self.log.of("carrier_up", "started", "database_back"):
            is_told = end.what != "database_back"
            late = end.at + AFTER_A_FAULT + (timedelta(0) if is_told else timedelta(seconds=max(0.0, self.reap_seconds - 5.0)))
            if not quiet.between(end.at, late):
                continue
            for episode in self._episodes():
                if episode.began < end.machine_at - self.skew and episode.ended > end.machine_at + (late - end.at) + self.skew:
                    yield from self._left_on_line(episode, end, late if is_told else end.at - SETTLES)

    def _left_on_line(self, episode: _Episode, end: LogLine, before: datetime) -> Iterator[str]:
        """Whether an operator's line was over when a fault ended; after the database was away, only one that went out long `before`."""
        known = [row for row in self.t["attempt"] if row["operator_id"] == episode.user_id and row["began_at"] <= end.machine_at]
        known = [row for row in known if row["ended_at"] is None or row["ended_at"] > episode.began]
        if not known:
            return
        attempt = max(known, key=lambda row: (row["began_at"], row["id"]))
        line = next((line for line in self.lines if line.attempt is not None and line.attempt["id"] == attempt["id"]), None)
        if line is None:
            is_over = attempt["began_at"] < before - (end.at - end.machine_at) and not self._waits_for_a_line(attempt, end)
        else:
            is_over = line.ended is not None and line.ended.at < end.at and line.invited.at < before
        if is_over:
            yield f"operator {episode.user_id} was on the line of attempt {attempt['id']} until {episode.ended}, {end.what} at {end.at}"

    def _waits_for_a_line(self, attempt: Row, end: LogLine) -> bool:
        """Whether a call asked for in preview had not been handed over when a fault ended."""
        call = next((row for row in self.t["call"] if row["attempt_id"] == attempt["id"]), None)
        return call is None or call["node"] == "" or call["placed_at"] >= end.machine_at - self.skew

    def _episodes(self) -> Iterator[_Episode]:
        """Each operator's times on a line, from the first to the last of the spans that follow each other."""
        spans: defaultdict[int, list[Row]] = defaultdict(list)
        for span in self.t["agent_state_span"]:
            spans[span["user_id"]].append(span)
        for user_id, theirs in spans.items():
            began: datetime | None = None
            for span, after in zip_longest(theirs, theirs[1:]):
                if span["state"] not in ON_LINE or span["ended_at"] is None:
                    began = None
                    continue
                began = began or span["began_at"]
                if after is None or after["state"] not in ON_LINE:
                    yield _Episode(user_id, began, span["ended_at"])
                    began = None
