"""What was learned of lines and operators: how long until an answer or a failure, how long a talk and a result last.

Everything is a hazard: what happened in an age bin over how long anything was that old. Calls and talks still under way count as
exposure, so that the first minutes, in which only the short ones have ended, are not taken for the whole truth; the same goes for the
answer rate, since failures come first. Two memories of calls: a long one for the shape, a short one for how much more or less is
answered now than usual.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RING_EDGES = np.arange(0.0, 92.0, 2.0)
TALK_EDGES = np.array([0, 5, 10, 20, 30, 45, 60, 80, 100, 130, 160, 200, 250, 320, 400, 500, 700, 1000], dtype=float)
WRAP_EDGES = np.array([0, 5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 140, 200], dtype=float)

LONG_HALF_LIFE = 10 * 3600.0
SHORT_HALF_LIFE = 15 * 60.0

# Cold start: as if this much had been seen of a town that answers often and talks long, which is the careful side to err on.
PRIOR_CALLS, PRIOR_ANSWERED, PRIOR_RING, PRIOR_RINGS_OUT = 12.0, 0.45, 12.0, 30.0
PRIOR_TALKS, PRIOR_TALK, PRIOR_WRAP = 6.0, 150.0, 40.0
# With less seen, nothing is predicted.
LEAST_CALLS, LEAST_ANSWERS = 30, 5
# What was seen in another hour of the day counts for so much of what was seen in this one.
OTHER_HOURS = 0.5
# Weight of "as usual" against the short memory, in answers.
USUAL_ANSWERS = 20.0


class Durations:
    """How long things of one kind lasted, in age bins: what ended each, and how many; decays as time passes.

    Attributes:
        edges: lower edges of the bins, seconds; the last bin is open.
        hits: ends of the kind that matters (an answer; the end of a talk), misses: other ends (a call nobody answered).
        partial: seconds spent in the bin in which something ended.
    """

    def __init__(self, edges: Floats) -> None:
        self.edges = edges
        self.hits, self.misses, self.partial = np.zeros(len(edges)), np.zeros(len(edges)), np.zeros(len(edges))
        self._widths = np.append(np.diff(edges), 0.0)

    def add(self, seconds: float, *, is_hit: bool = True) -> None:
        """Something ended after this long."""
        index = max(0, int(self.edges.searchsorted(seconds, side="right")) - 1)
        (self.hits if is_hit else self.misses)[index] += 1.0
        self.partial[index] += seconds - self.edges[index]

    def add_exposure(self, seconds: float) -> None:
        """Something was ended by ourselves after this long: no word about how it would have ended."""
        index = max(0, int(self.edges.searchsorted(seconds, side="right")) - 1)
        self.partial[index] += seconds - self.edges[index]
        self.partial[:index] += np.diff(self.edges[: index + 1])

    def forget(self, seconds: float, half_life: float) -> None:
        """Time passed: what was seen counts for less."""
        kept = 0.5 ** (seconds / half_life)
        for counts in (self.hits, self.misses, self.partial):
            counts *= kept

    def exposure(self, running: Sequence[float] = ()) -> Floats:
        """Seconds spent in each bin by all that ended and by what still runs (`running` are ages)."""
        ended, partial = self.hits + self.misses, self.partial
        if len(running):
            ages = np.asarray(running, dtype=float)
            index = np.maximum(self.edges.searchsorted(ages, side="right") - 1, 0)
            ended = ended + np.bincount(index, minlength=len(self.edges))
            partial = partial + np.bincount(index, weights=ages - self.edges[index], minlength=len(self.edges))
        beyond: Floats = np.append(np.cumsum(ended[::-1])[::-1][1:], 0.0)
        return partial + self._widths * beyond

    def add_all(self, other: Durations, weight: float) -> None:
        """What another one saw of the same kind, counted for so much."""
        self.hits += weight * other.hits
        self.misses += weight * other.misses
        self.partial += weight * other.partial

    def to_json(self) -> dict[str, list[float]]:
        """The counts as plain lists."""
        return {name: [round(float(n), 3) for n in getattr(self, name)] for name in ("hits", "misses", "partial")}

    def read(self, document: Any) -> None:
        """Takes counts written by `to_json`; what has another shape (older bins, damaged) is left out and learned anew."""
        if not isinstance(document, Mapping):
            return
        found = {name: document.get(name) for name in ("hits", "misses", "partial")}
        for values in found.values():
            if not isinstance(values, list) or len(values) != len(self.edges) or not all(isinstance(n, int | float) for n in values):
                return
        for name, values in found.items():
            setattr(self, name, np.maximum(np.array(values, dtype=float), 0.0))


@dataclass
class Memory:
    """Everything learned for one campaign; `answers_seen` and `calls_seen` say how much, `price` is the risk a line may carry."""

    price: float
    calls: Durations = field(default_factory=lambda: Durations(RING_EDGES))
    recent: Durations = field(default_factory=lambda: Durations(RING_EDGES))
    talks: Durations = field(default_factory=lambda: Durations(TALK_EDGES))
    wraps: Durations = field(default_factory=lambda: Durations(WRAP_EDGES))
    calls_seen: int = 0
    answers_seen: int = 0

    @property
    def has_seen_enough(self) -> bool:
        """Whether something may be predicted from it."""
        return self.calls_seen >= LEAST_CALLS and self.answers_seen >= LEAST_ANSWERS

    def add_call(self, seconds: float, *, is_answer: bool) -> None:
        """A call was answered, or ended without an answer, this long after it was placed."""
        self.calls.add(seconds, is_hit=is_answer)
        self.recent.add(seconds, is_hit=is_answer)
        self.calls_seen += 1
        self.answers_seen += is_answer

    def add_let_go(self, seconds: float) -> None:
        """A call was let go by ourselves after this long."""
        for durations in (self.calls, self.recent):
            durations.add_exposure(seconds)

    def take(self, kind: str, seconds: float) -> None:
        """Something ended: answer, fail, let_go, talk or wrap."""
        if kind in ("answer", "fail"):
            self.add_call(seconds, is_answer=kind == "answer")
        elif kind == "let_go":
            self.add_let_go(seconds)
        elif kind == "talk":
            self.talks.add(seconds)
        elif kind == "wrap":
            self.wraps.add(seconds)

    def forget(self, seconds: float) -> None:
        """Time passed while working."""
        self.recent.forget(seconds, SHORT_HALF_LIFE)
        for durations in (self.calls, self.talks, self.wraps):
            durations.forget(seconds, LONG_HALF_LIFE)

    def to_json(self) -> dict[str, Any]:
        """What is kept for tomorrow; the short memory is not."""
        return {
            "price": self.price,
            "calls_seen": self.calls_seen,
            "answers_seen": self.answers_seen,
            "calls": self.calls.to_json(),
            "talks": self.talks.to_json(),
            "wraps": self.wraps.to_json(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], price: float) -> Memory:
        """What `to_json` wrote; missing or damaged parts start cold. `price` is for a document without one."""
        known = document.get("price")
        memory = cls(float(known) if isinstance(known, int | float) and 0 < known < 1 else price)
        for name in ("calls", "talks", "wraps"):
            getattr(memory, name).read(document.get(name))
        counts = [document.get(name) for name in ("calls_seen", "answers_seen")]
        if all(isinstance(n, int) and n >= 0 for n in counts):
            memory.calls_seen, memory.answers_seen = counts  # type: ignore[assignment]
        return memory


def pooled(hours: Mapping[int, Memory], hour: int, price: float, recent: Durations) -> Memory:
    """What is known for one hour of the day: what was seen in it, and of the other hours a part."""
    memory = Memory(price, recent=recent)
    for each, seen in hours.items():
        weight = 1.0 if each == hour else OTHER_HOURS
        for name in ("calls", "talks", "wraps"):
            getattr(memory, name).add_all(getattr(seen, name), weight)
        memory.calls_seen += seen.calls_seen
        memory.answers_seen += seen.answers_seen
    return memory


@dataclass(frozen=True, slots=True)
class Hazards:
    """Chances per second by age bin, as learned up to now.

    Attributes:
        answer, fail: of a ringing call, in bins of `RING_EDGES`.
        talk_end, wrap_end: of a talk (`TALK_EDGES`) and of writing a result (`WRAP_EDGES`).
        level: how much more or less is answered now than usual; it is in `answer` already.
    """

    answer: Floats
    fail: Floats
    talk_end: Floats
    wrap_end: Floats
    level: float


def hazards_of(memory: Memory, ringing: Sequence[float] = (), talking: Sequence[float] = (), wrapping: Sequence[float] = ()) -> Hazards:
    """The hazards that follow from what was seen; ages of what runs now count as exposure."""
    seen = memory.calls.exposure(ringing) + _PRIOR_RING_EXPOSURE
    answer = (memory.calls.hits + _PRIOR_ANSWERS) / seen
    fail = (memory.calls.misses + _PRIOR_FAILURES) / seen
    expected = float(memory.recent.exposure(ringing) @ answer)
    level = (float(memory.recent.hits.sum()) + USUAL_ANSWERS) / (expected + USUAL_ANSWERS)
    return Hazards(
        answer=answer * level,
        fail=fail,
        talk_end=_single(memory.talks, talking, PRIOR_TALK),
        wrap_end=_single(memory.wraps, wrapping, PRIOR_WRAP),
        level=level,
    )


def _single(durations: Durations, running: Sequence[float], mean: float) -> Floats:
    """One kind of end; the prior is exponential with this mean."""
    left = np.exp(-durations.edges / mean)
    prior_ends = PRIOR_TALKS * (left - np.append(left[1:], 0.0))
    hazard: Floats = (durations.hits + prior_ends) / (durations.exposure(running) + prior_ends * mean)
    return hazard


def _ring_prior() -> tuple[Floats, Floats, Floats]:
    """Answers, failures and exposure of a few calls of the careful town: Erlang ring, a quarter of the rest fails at once."""
    after = np.append(RING_EDGES, RING_EDGES[-1] + 60.0)
    z = after * 4.0 / PRIOR_RING
    unanswered = np.exp(-z) * (1 + z + z**2 / 2 + z**3 / 6)
    answers = PRIOR_CALLS * PRIOR_ANSWERED * (unanswered[:-1] - unanswered[1:])
    failed = PRIOR_CALLS * (1 - PRIOR_ANSWERED)
    failures = np.zeros(len(RING_EDGES))
    failures[RING_EDGES.searchsorted(4.0)] = failed * 0.25
    failures[RING_EDGES.searchsorted(PRIOR_RINGS_OUT)] = failed * 0.75
    left = PRIOR_CALLS - np.cumsum(answers) - np.cumsum(failures)
    exposure = np.maximum(2.0 * left + answers + failures, 1e-6)
    return answers, failures, exposure


_PRIOR_ANSWERS, _PRIOR_FAILURES, _PRIOR_RING_EXPOSURE = _ring_prior()
