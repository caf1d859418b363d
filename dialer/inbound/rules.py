"""What becomes of a caller, from what is known at the moment: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LONGEST_WAIT = timedelta(minutes=10)
TELL_AGAIN = timedelta(seconds=45)
LINE_ENDS = timedelta(seconds=5)  # so long a caller rings on while our own call to them is being ended
MOST_WAITING = 20


class Treatment(StrEnum):
    """What is done with a caller now."""

    CONNECT = "connect"
    WAIT = "wait"
    AFTER_HOURS = "after_hours"
    ALL_LEFT = "all_left"
    TOO_LONG = "too_long"
    REFUSED = "refused"  # the queue is full
    RING = "ring"


ENDINGS = frozenset({Treatment.AFTER_HOURS, Treatment.ALL_LEFT, Treatment.TOO_LONG, Treatment.REFUSED})


@dataclass(frozen=True, slots=True)
class Seat:
    """An operator who could take the call now: ready, with a voice leg; `idle_since` is when they became so."""

    agent_session_id: int
    user_id: int
    idle_since: datetime


@dataclass(frozen=True, slots=True)
class Floor:
    """The office at this moment: whether its lines are open, who is free, and how many operators work at all."""

    is_open: bool
    free: Sequence[Seat]
    at_work: int


def choose_operator(free: Sequence[Seat], last_user_id: int | None) -> Seat | None:
    """Who called this person last, if free; else who has been idle longest; None when nobody is free."""
    last = [seat for seat in free if seat.user_id == last_user_id]
    return min(last or free, key=lambda seat: (seat.idle_since, seat.agent_session_id), default=None)


def treat(floor: Floor, came_at: datetime, position: int, now: datetime, *, is_on_line: bool = False) -> Treatment:
    """What is done with the caller at this place of the queue, from 1.

    Somebody who came in hours is still talked to when they are over, as long as an operator is there. Somebody who is on another line
    with us (`is_on_line`) gets nobody else: they ring on while that line is being ended, else wait until it is over.
    """
    if position > MOST_WAITING:
        return Treatment.REFUSED
    if floor.free and position <= len(floor.free):
        if not is_on_line:
            return Treatment.CONNECT
        if now - came_at < LINE_ENDS:
            return Treatment.RING
    if not floor.is_open:
        return Treatment.AFTER_HOURS
    if not floor.at_work:
        return Treatment.ALL_LEFT
    return Treatment.TOO_LONG if now - came_at >= LONGEST_WAIT else Treatment.WAIT


def is_told_again(told_at: datetime | None, told_position: int, position: int, now: datetime) -> bool:
    """Whether the caller hears their place now: at first, when it has changed (not more than once in ten seconds), and now and then."""
    if told_at is None:
        return True
    since = now - told_at
    return since >= TELL_AGAIN or (position != told_position and since >= timedelta(seconds=10))
