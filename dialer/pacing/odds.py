"""The odds that an answer finds nobody, for any number of lines and operators, in microseconds.

A line that rings is a coin: answered within u seconds or not; so is an operator: free within u + 2 seconds or not. Answers minus freed
operators is a sum of independent coins. Its exact distribution comes from its characteristic function, which is a product over coins: the
logarithms for each age are tabulated, and a whole situation is one product of counts with that table. Where the sum is too wide for the
transform's window, its first three cumulants do (Edgeworth expansion), which is where that is accurate.

Sources: characteristic function of the Poisson binomial distribution: Hong 2013, Computational Statistics & Data Analysis 59; Edgeworth
expansion: Kolassa, Series Approximation Methods in Statistics, ch. 3. Dialling on a critical ratio of lost answers: the newsvendor problem.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dialer.pacing.learning import RING_EDGES, TALK_EDGES, WRAP_EDGES, Floats, Hazards

Complex = NDArray[np.complex128]

PATIENCE = 2.0  # seconds an answered debtor waits for an operator before the call counts as abandoned

_NODES = 5  # moments of a new line's answer, equally likely
_NOW = 1.0  # the moment for which is asked whether a long-ringing line is let go
_SIZE, _ABOVE = 32, 12  # the transform's window: from 20 below the balance to 11 above
_LOW, _HIGH = _ABOVE - _SIZE, _ABOVE - 1
_FREQUENCIES = _SIZE // 2 + 1
_HORIZON = 96  # seconds of the tables
_BINS = len(RING_EDGES) + len(TALK_EDGES) + len(WRAP_EDGES)
_TALK, _WRAP = len(RING_EDGES), len(RING_EDGES) + len(TALK_EDGES)
_CUTS = 4.0  # standard deviations within which a distribution must lie to be transformed

_theta = 2.0 * math.pi * np.arange(_FREQUENCIES) / _SIZE
_weight = np.array([sum(np.exp(-1j * angle * j) for j in range(_ABOVE)) for angle in _theta]) / _SIZE
_weight[1:-1] *= 2.0
_excess = np.array([sum(j * np.exp(-1j * angle * j) for j in range(_ABOVE)) for angle in _theta]) / _SIZE
_excess[1:-1] *= 2.0


@dataclass(frozen=True, slots=True)
class Odds:
    """Tables of one moment's hazards.

    Attributes:
        logs: per age bin (ringing, talking, writing) the logarithm of the characteristic function at every moment and frequency,
            real parts, imaginary parts, and then three cumulants at every moment.
        new_line: the characteristic function of a line dialled now, at every moment and frequency.
        new_cumulants: its cumulants, a row for each moment.
        answered: the chance that a line dialled now is answered at all.
    """

    logs: Floats
    new_line: Complex
    new_cumulants: Floats
    answered: float


def build_odds(hazards: Hazards) -> Odds:
    """The tables; a millisecond, done when the hazards have changed and not for each decision."""
    answered, new = _answered_by(hazards)
    talking, wrapping = _freed_by(hazards)
    moments = [*(int(n) for n in np.searchsorted(new / max(new[-1], 1e-9), (np.arange(_NODES) + 0.5) / _NODES)), int(_NOW)]
    patience = [min(u + int(PATIENCE), _HORIZON - 1) for u in moments]
    chances = np.vstack([answered[:, moments], talking[:, patience], wrapping[:, patience]])
    chances = np.clip(chances, 0.0, 1.0 - 1e-9)
    signs = np.ones((_BINS, 1))
    signs[_TALK:] = -1.0
    turned = np.exp(1j * signs[:, :, None] * _theta[None, None, :])
    transform = 1.0 - chances[:, :, None] + chances[:, :, None] * turned
    size = np.maximum(np.abs(transform), 1e-12)
    spread = chances * (1 - chances)
    logs = np.hstack(
        [
            np.log(size).reshape(_BINS, -1),
            np.angle(transform).reshape(_BINS, -1),
            signs * chances,
            spread,
            signs * spread * (1 - 2 * chances),
        ]
    )
    chance = new[moments]
    spread = chance * (1 - chance)
    new_line = 1.0 - chance[:, None] + chance[:, None] * np.exp(1j * _theta[None, :])
    return Odds(
        logs=np.ascontiguousarray(logs),
        new_line=new_line[:_NODES],
        new_cumulants=np.stack([chance, spread, spread * (1 - 2 * chance)], axis=1)[:_NODES],
        answered=float(new[-1]),
    )


class Situation:
    """Lines and operators of one moment, to which lines may be added one by one."""

    def __init__(self, odds: Odds, ready: int, ringing: Sequence[float], talking: Sequence[float], wrapping: Sequence[float]) -> None:
        self._odds, self._ready = odds, ready
        counts = np.zeros(_BINS)
        if len(ringing):
            index = np.minimum((np.asarray(ringing) * 0.5).astype(np.intp), _TALK - 1)
            counts[:_TALK] = np.bincount(index, minlength=_TALK)
        if len(talking):
            counts[_TALK:_WRAP] = np.bincount(TALK_EDGES.searchsorted(talking, "right") - 1, minlength=_WRAP - _TALK)
        if len(wrapping):
            counts[_WRAP:] = np.bincount(WRAP_EDGES.searchsorted(wrapping, "right") - 1, minlength=_BINS - _WRAP)
        total = counts @ odds.logs
        cells = (_NODES + 1) * _FREQUENCIES
        self._logs = total[:cells], total[cells : 2 * cells]
        self._cumulants: list[list[float]] = total[2 * cells :].reshape(3, _NODES + 1).T.tolist()
        self._added = 0
        self._turned = np.exp(-1j * ready * _theta)
        self._transform: Complex | None = None

    def add_line(self) -> None:
        """One more line is dialled now."""
        self._added += 1
        if self._transform is not None:
            self._transform *= self._odds.new_line

    def lost(self) -> float:
        """The chance that the answer of one more line finds nobody within two seconds."""
        added, ready = self._added, self._ready
        means = []
        fits = True
        for (mean, spread, skew), (m, s, k) in zip(self._cumulants, self._odds.new_cumulants.tolist(), strict=False):
            mean, spread, skew = mean + added * m - ready, spread + added * s, skew + added * k
            fits = fits and _fits(mean, spread)
            means.append((mean, spread, skew))
        if not fits:
            self._transform = None
            return sum(tail(*cumulants) for cumulants in means) / _NODES
        if self._transform is None:
            self._transform = self._transformed()[:_NODES] * self._odds.new_line**added if added else self._transformed()[:_NODES]
        return _chance(float((self._transform @ (self._turned * _weight)).real.sum()) / _NODES)

    def lost_now(self) -> float:
        """The chance that an answer in the next second finds nobody within two seconds."""
        mean, spread, skew = self._cumulants[_NODES]
        if _fits(mean - self._ready, spread):
            return _chance(float((self._transformed()[_NODES] @ (self._turned * _weight)).real))
        return tail(mean - self._ready, spread, skew)

    def excess(self) -> float:
        """How many answers of the lines dialled up to now will find nobody, on average, if none is added."""
        mean, spread, _ = max(self._cumulants[:_NODES])
        mean -= self._ready
        if _fits(mean, spread):
            node = max(range(_NODES), key=lambda index: self._cumulants[index])
            return max(0.0, float((self._transformed()[node] @ (self._turned * _excess)).real))
        deviation = math.sqrt(max(spread, 1e-9))
        x = -mean / deviation
        return deviation * (math.exp(-x * x / 2.0) / 2.5066282746310002 - x * 0.5 * math.erfc(x / 1.4142135623730951))

    def _transformed(self) -> Complex:
        real, imaginary = self._logs
        return np.exp(real + 1j * imaginary).reshape(_NODES + 1, _FREQUENCIES)


def _fits(mean: float, spread: float) -> bool:
    """Whether the transform's window holds the distribution (mean measured from the balance)."""
    reach = _CUTS * math.sqrt(spread)
    return mean - reach > _LOW and mean + reach < _HIGH


def _chance(number: float) -> float:
    return min(1.0, max(0.0, number))


def tail(mean: float, spread: float, skew: float) -> float:
    """The chance that a sum of coins with these cumulants (mean measured from the balance) is 0 or more."""
    if spread < 1e-9:
        return 1.0 if mean > -0.5 else 0.0
    deviation = math.sqrt(spread)
    x = (-0.5 - mean) / deviation
    if x > 8.0:
        return 0.0
    correction = skew / (6.0 * spread * deviation) * (x * x - 1.0) * math.exp(-x * x / 2.0) / 2.5066282746310002
    return _chance(0.5 * math.erfc(x / 1.4142135623730951) + correction)


def _answered_by(hazards: Hazards) -> tuple[Floats, Floats]:
    """Chance of an answer within u whole seconds: for a line of each age bin (rows, taken at the bin's middle), and for a new line."""
    bins = np.minimum(np.arange(2 * _HORIZON) // 2, _TALK - 1)
    answer, fail = hazards.answer[bins], hazards.fail[bins]
    left = np.exp(-np.concatenate([[0.0], np.cumsum(answer + fail)]))
    share = answer / np.maximum(answer + fail, 1e-12)
    reached = np.concatenate([[0.0], np.cumsum((left[:-1] - left[1:]) * share)])
    ages = (RING_EDGES + 1.0).astype(np.intp)
    table = (reached[ages[:, None] + np.arange(_HORIZON)] - reached[ages][:, None]) / np.maximum(left[ages], 1e-12)[:, None]
    return table, reached[:_HORIZON]


def _freed_by(hazards: Hazards) -> tuple[Floats, Floats]:
    """Chance of being free within u whole seconds: talking (talk must end, then the result be written) and writing, by age bin."""
    seconds = np.arange(_HORIZON, dtype=float)
    wrapped = _ended_by(hazards.wrap_end, WRAP_EDGES, np.zeros(1), seconds)[0]
    wrapping = _ended_by(hazards.wrap_end, WRAP_EDGES, _middles(WRAP_EDGES), seconds)
    ended = _ended_by(hazards.talk_end, TALK_EDGES, _middles(TALK_EDGES), seconds)
    per_second = np.diff(ended, axis=1, prepend=0.0)
    delayed = np.zeros((_HORIZON, _HORIZON))
    for v in range(1, _HORIZON):
        delayed[v, v:] = wrapped[: _HORIZON - v]
    return per_second @ delayed, wrapping


def _ended_by(hazard: Floats, edges: Floats, ages: Floats, seconds: Floats) -> Floats:
    """Chance that what is this old ends within u seconds, piecewise constant hazards."""
    grown = np.concatenate([[0.0], np.cumsum(hazard[:-1] * np.diff(edges))])

    def cumulated(age: Floats) -> Floats:
        index = np.maximum(edges.searchsorted(age, side="right") - 1, 0)
        total: Floats = grown[index] + hazard[index] * (age - edges[index])
        return total

    table: Floats = 1.0 - np.exp(-(cumulated(ages[:, None] + seconds[None, :]) - cumulated(ages)[:, None]))
    return table


def _middles(edges: Floats) -> Floats:
    return np.append((edges[:-1] + edges[1:]) / 2.0, edges[-1])
