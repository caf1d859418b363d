"""The forecast of a half hour from the same half hours before, how sure it is, and how it would have done in the past. Pure.

A half hour's value is its weekday's mean over the last eight weeks, recent weeks weighing more, drawn towards the mean of all weekdays
where there are few of its own, and moved to the level of the last days. Error bars come from the errors it would have made on days
already over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt
from typing import Any

LOOK_BACK = 56
HALF_LIFE = 21.0
DRAWN = 2.0
"""The mean of all weekdays counts for as much as so many days of the weekday itself."""
LEVEL_DAYS, DOUBT = 5, 100.0
"""The level follows the last days, as far as they hold more than so many calls."""
TEST_DAYS = 20
LEAST_DAYS = 10
COVERED = 0.8
"""The share of half hours that the error bars should hold."""


@dataclass(frozen=True, slots=True)
class History:
    """Past days with anything in them: by half hour the attempts, the operators who made them, and calls that came in."""

    days: Mapping[date, Mapping[int, tuple[int, int, int]]]

    @property
    def open_days(self) -> list[date]:
        """In order of time."""
        return sorted(self.days)

    def slots(self) -> list[int]:
        """All half hours in which anything ever happened, without holes."""
        seen = {slot for day in self.days.values() for slot in day}
        return list(range(min(seen), max(seen) + 1)) if seen else []


Cell = Callable[[Mapping[int, tuple[int, int, int]], int], tuple[float, float]]
"""What a half hour of a day says: a count, and by what it is divided (0: nothing)."""


def calls_per_operator(day: Mapping[int, tuple[int, int, int]], slot: int) -> tuple[float, float]:
    """Attempts, divided by the operators who made them."""
    attempts, operators, _ = day.get(slot, (0, 0, 0))
    return (attempts, operators) if operators else (0.0, 0.0)


def calls_coming_in(day: Mapping[int, tuple[int, int, int]], slot: int) -> tuple[float, float]:
    """Calls that came in, each open day counting once."""
    return day.get(slot, (0, 0, 0))[2], 1.0


class Before:
    """What the days before one say of its half hours, by one kind of cell."""

    def __init__(self, history: History, day: date, cell: Cell) -> None:
        self.weekday = day.weekday()
        self.own: dict[tuple[int, int], tuple[float, float]] = {}
        self.every: dict[int, tuple[float, float]] = {}
        ages = ((past, (day - past).days) for past in history.days)
        near = sorted((past, age) for past, age in ages if 0 < age <= LOOK_BACK)
        self.weight = sum(_weight(age) for _, age in near)
        slots = history.slots()
        for past, age in near:
            weight, weekday = _weight(age), past.weekday()
            for slot in slots:
                over, under = cell(history.days[past], slot)
                if under:
                    _add(self.own, (weekday, slot), over * weight, under * weight)
                    _add(self.every, slot, over * weight, under * weight)
        self.level = self._level_of(history, [past for past, _ in near[-LEVEL_DAYS:]], cell, slots)

    def forecast(self, slot: int) -> float | None:
        """The value for a half hour; None where nothing is known."""
        mean = self._mean(self.weekday, slot)
        return None if mean is None else mean * self.level

    def _mean(self, weekday: int, slot: int) -> float | None:
        every, every_under = self.every.get(slot, (0.0, 0.0))
        if not every_under:
            return None
        own, own_under = self.own.get((weekday, slot), (0.0, 0.0))
        drawn = DRAWN * every_under / self.weight
        return (own + drawn * every / every_under) / (own_under + drawn)

    def _level_of(self, history: History, days: Sequence[date], cell: Cell, slots: Sequence[int]) -> float:
        """How the last days stood to what the weeks before say of them: a trend that means lag behind."""
        seen = said = 0.0
        for past in days:
            for slot in slots:
                over, under = cell(history.days[past], slot)
                mean = self._mean(past.weekday(), slot)
                if under and mean is not None:
                    seen, said = seen + over, said + mean * under
        return (seen + DOUBT) / (said + DOUBT)


def _add(sums: dict[Any, tuple[float, float]], place: Any, over: float, under: float) -> None:
    before = sums.get(place, (0.0, 0.0))
    sums[place] = before[0] + over, before[1] + under


def _weight(age: int) -> float:
    return float(0.5 ** (age / HALF_LIFE))


def naive(history: History, day: date, slot: int, cell: Cell) -> float | None:
    """The naive seasonal forecast: the same half hour of the same weekday a week before, or the last week in which there was one."""
    for weeks in range(1, 5):
        past = history.days.get(day - timedelta(weeks=weeks))
        if past is not None:
            over, under = cell(past, slot)
            if under:
                return over / under
    return None


@dataclass(frozen=True, slots=True)
class Tested:
    """The forecast on days already over, each from the days before it: mean absolute errors, and the share that the error bars held.

    `low` and `high` are bounds of (seen − said) ÷ √(said + 1); the coverage was seen on other days than these were found on.
    """

    half_hours: int
    error: float
    naive_error: float
    coverage: float | None
    low: float
    high: float

    def bounds(self, value: float) -> tuple[float, float]:
        """The error bars of a value."""
        spread = sqrt(value + 1)
        return max(0.0, value + self.low * spread), max(0.0, value + self.high * spread)


def backtest(history: History, cell: Cell) -> Tested | None:
    """How the forecast and the naive one would have done on the last days; None with too few days or nothing to compare."""
    days = history.open_days
    if len(days) < LEAST_DAYS:
        return None
    rows: list[tuple[date, float, float, float]] = []
    slots = history.slots()
    for day in days[-TEST_DAYS:]:
        before = Before(history, day, cell)
        for slot in slots:
            said, simple = before.forecast(slot), naive(history, day, slot, cell)
            over, under = cell(history.days[day], slot)
            if said is not None and simple is not None and under:
                rows.append((day, over, said * under, simple * under))
    if len(rows) < LEAST_DAYS or not any(seen for _, seen, _, _ in rows):
        return None
    scores = [(day, (seen - said) / sqrt(said + 1)) for day, seen, said, _ in rows]
    middle = rows[len(rows) // 2][0]
    learned, held_out = [score for day, score in scores if day < middle], [score for day, score in scores if day >= middle]
    coverage = None
    if len(learned) >= LEAST_DAYS and held_out:
        low, high = _bars(learned)
        coverage = sum(low <= score <= high for score in held_out) / len(held_out)
    low, high = _bars([score for _, score in scores])
    return Tested(
        len(rows),
        sum(abs(seen - said) for _, seen, said, _ in rows) / len(rows),
        sum(abs(seen - simple) for _, seen, _, simple in rows) / len(rows),
        coverage,
        low,
        high,
    )


def _bars(scores: Sequence[float]) -> tuple[float, float]:
    """The bounds that leave out the same share at either end."""
    ranked = sorted(scores)
    cut = (1 - COVERED) / 2 * (len(ranked) - 1)
    return ranked[int(cut)], ranked[-1 - int(cut)]


@dataclass(frozen=True, slots=True)
class Expected:
    """A half hour to come: attempts that so many operators can make, and calls that come in, each with its error bars."""

    slot: int
    attempts: float | None
    attempts_bars: tuple[float, float] | None
    inbound: float | None
    inbound_bars: tuple[float, float] | None


def expect(history: History, day: date, operators: int, made: Tested | None, coming: Tested | None) -> list[Expected]:
    """The half hours of a day to come with `operators` at work."""
    rows = []
    making, incoming = Before(history, day, calls_per_operator), Before(history, day, calls_coming_in)
    for slot in history.slots():
        each = making.forecast(slot)
        attempts = None if each is None else each * operators
        inbound = incoming.forecast(slot)
        rows.append(
            Expected(
                slot,
                attempts,
                None if attempts is None or made is None else made.bounds(attempts),
                inbound,
                None if inbound is None or coming is None else coming.bounds(inbound),
            )
        )
    return rows


def usual_operators(history: History) -> int:
    """How many operators were at work in a half hour of the last days, most often; 1 without any."""
    seen = sorted(cells[1] for day in history.open_days[-LEAST_DAYS:] for cells in history.days[day].values() if cells[1])
    return seen[len(seen) // 2] if seen else 1


def days_to_come(history: History, today: date, count: int, is_closed: Callable[[date], bool]) -> list[date]:
    """The next days on which calls are made: weekdays on which there were any in the last weeks, unless the office is closed."""
    weekdays = {day.weekday() for day in history.open_days[-LOOK_BACK:]}
    found = []
    for ahead in range(60):
        day = today + timedelta(days=ahead)
        if day.weekday() in weekdays and not is_closed(day):
            found.append(day)
        if len(found) == count:
            break
    return found
