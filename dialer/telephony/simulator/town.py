"""A town that answers the telephone as published rates say: pure draws, the same for the same seed, number and try.

Rates and their sources:
- of 100 calls 31 reach somebody on the debtor's side (Fukuoka prefecture: 36,716 contacts of 118,695 calls, コンタクト率 31 %);
- of 100 right-party contacts 25 promise to pay (Utsunomiya: 2,600 of 10,000);
- ring to the answer: mean 11 s, at least 2 s; talk: log-normal, mean 120 s; result: mean 30 s (the world of the pacing benchmark).
How the other 69 calls end, and who of the household answers, is nowhere published: assumptions, to be replaced by an office's own figures.

Scripted numbers, for training and tests: the last four digits decide (see `SCRIPTS`).
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from callcenter.core.clock import OFFICE_ZONE
from campaigns.attempts.codes import LineResult, Outcome, Party

T = TypeVar("T")
_UNDETERMINED = 3600.0


@dataclass(frozen=True, slots=True)
class TownBehaviour:
    """Chances and durations of a town; shares are of what is left after the line before.

    Attributes:
        dead: share of numbers not in use, the same at every try.
        line: chances of each way a call to a living number ends; the rest rings out.
        party: who answers, given that a person does.
        keys: what a listener of a robocall presses, "" for nothing.
        outcome: what comes of a verified conversation with the right party.
        calls_back: share of those whose telephone rang in vain who call the office within the hour.
        hours: how much more or less is answered in an hour of the day (1 = average).
    """

    dead: float = 0.03
    line: Mapping[LineResult, float] = field(
        default_factory=lambda: {
            LineResult.ANSWERED: 0.372,
            LineResult.MACHINE: 0.14,
            LineResult.BUSY: 0.05,
            LineResult.UNREACHABLE: 0.05,
            LineResult.REJECTED: 0.01,
            LineResult.FAILED: 0.004,
        }
    )
    party: Mapping[Party, float] = field(
        default_factory=lambda: {
            Party.DEBTOR: 0.60,
            Party.DEBTOR_UNVERIFIED: 0.06,
            Party.FAMILY: 0.20,
            Party.THIRD_PARTY: 0.04,
            Party.WRONG_NUMBER: 0.05,
            Party.UNKNOWN: 0.05,
        }
    )
    keys: Mapping[str, float] = field(default_factory=lambda: {"1": 0.08, "2": 0.06, "3": 0.03, "91": 0.01, "": 0.82})
    outcome: Mapping[Outcome, float] = field(
        default_factory=lambda: {
            Outcome.PROMISE_FULL: 0.18,
            Outcome.PROMISE_PART: 0.07,
            Outcome.CLAIMS_PAID: 0.12,
            Outcome.REISSUE_SLIP: 0.12,
            Outcome.INSTALMENT_TO_OFFICER: 0.10,
            Outcome.CALLBACK_PROMISED: 0.08,
            Outcome.HARDSHIP: 0.08,
            Outcome.DIRECT_DEBIT_WISH: 0.04,
            Outcome.REFUSES: 0.05,
            Outcome.DISPUTES_ASSESSMENT: 0.02,
            Outcome.NO_RESULT: 0.14,
        }
    )
    hours: Mapping[int, float] = field(default_factory=lambda: {9: 0.95, 10: 1.0, 11: 1.0, 12: 0.95, 13: 1.1, 14: 1.05, 15: 1.0, 16: 0.95})
    calls_back: float = 0.0
    ring_mean: float = 11.0
    ring_least: float = 2.0
    talk_mean: float = 120.0
    talk_cv: float = 1.0
    result_mean: float = 30.0
    result_cv: float = 0.7
    prompt_seconds: float = 18.0
    machine_seconds: float = 25.0


@dataclass(frozen=True, slots=True)
class Fate:
    """What will come of one try of one number, if nobody interferes; seconds.

    Attributes:
        ring: until the answer, or until the network says no.
        talk: until the person hangs up; a robocall's listener after `listens`.
        outcome: what the person is ready for, once verified.
    """

    line_result: LineResult
    ring: float
    talk: float = 0.0
    party: Party = Party.NOBODY
    keys: str = ""
    listens: float = 0.0
    outcome: Outcome = Outcome.NO_RESULT


_L, _P = LineResult, Party
SCRIPTS: Mapping[str, Fate] = {
    "0001": Fate(_L.ANSWERED, 0.2, _UNDETERMINED, _P.DEBTOR, "", 5.0, Outcome.PROMISE_FULL),  # answers at once, stays on the line
    "0002": Fate(_L.BUSY, 1.0),
    "0003": Fate(_L.NO_ANSWER, _UNDETERMINED),
    "0004": Fate(_L.MACHINE, 2.0, 25.0),
    "0005": Fate(_L.UNOBTAINABLE, 1.0),
    "0006": Fate(_L.REJECTED, 1.0),
    "0007": Fate(_L.UNREACHABLE, 1.0),
    "0008": Fate(_L.FAILED, 0.5),
    "0009": Fate(_L.ANSWERED, 2.0, 30.0, _P.FAMILY, "", 5.0),
    "0010": Fate(_L.ANSWERED, 2.0, 15.0, _P.WRONG_NUMBER, "3", 30.0),
    "0011": Fate(_L.ANSWERED, 2.0, 1.0, _P.UNKNOWN, "", 1.0),  # hangs up without a word
    "0012": Fate(_L.ANSWERED, 2.0, 60.0, _P.DEBTOR, "1", 30.0, Outcome.CALLBACK_PROMISED),
    "0013": Fate(_L.ANSWERED, 2.0, 60.0, _P.DEBTOR, "2", 30.0, Outcome.CLAIMS_PAID),
}

CAUSES: Mapping[LineResult, tuple[int, int]] = {
    _L.ANSWERED: (16, 200),
    _L.BUSY: (17, 486),
    _L.NO_ANSWER: (19, 487),
    _L.MACHINE: (16, 200),
    _L.UNOBTAINABLE: (1, 404),
    _L.REJECTED: (21, 603),
    _L.UNREACHABLE: (20, 480),
    _L.FAILED: (34, 503),
}


def source(seed: int, *about: object) -> random.Random:
    """A source of chance that depends on nothing but the seed and what it is about; not for secrets."""
    text = "\x1f".join(str(part) for part in (seed, *about))
    return random.Random(hashlib.blake2b(text.encode(), digest_size=16).digest())  # noqa: S311


def fate_of(number: str, nth_try: int, at: datetime, town: TownBehaviour, seed: int, *, is_scripted: bool = True) -> Fate:
    """What comes of the `nth_try` (from 1) of `number` begun `at`."""
    if is_scripted and number[-4:] in SCRIPTS:
        return SCRIPTS[number[-4:]]
    if source(seed, "number", number).random() < town.dead:
        return Fate(LineResult.UNOBTAINABLE, 3.0)
    draw = source(seed, "call", number, nth_try)
    line_result = _line(draw, town, at)
    if line_result is LineResult.NO_ANSWER:
        return Fate(line_result, _UNDETERMINED)
    if line_result is LineResult.MACHINE:
        return Fate(line_result, ring_time(draw, town) + 8.0, town.machine_seconds)
    if line_result is not LineResult.ANSWERED:
        return Fate(line_result, 4.0)
    party = pick(draw, town.party)
    talk = lognormal(draw, town.talk_mean, town.talk_cv)
    if party not in (Party.DEBTOR, Party.DEBTOR_UNVERIFIED):
        talk = lognormal(draw, town.talk_mean / 4, town.talk_cv)
    return Fate(
        line_result=line_result,
        ring=ring_time(draw, town),
        talk=max(2.0, talk),
        party=party,
        keys="" if party is Party.UNKNOWN else pick(draw, town.keys),
        listens=draw.uniform(1.0, town.prompt_seconds * 1.5),
        outcome=pick(draw, town.outcome),
    )


def returned_call(number: str, nth_try: int, town: TownBehaviour, seed: int) -> tuple[Fate, float] | None:
    """Whoever sees a call they missed may call the office: what comes of that call, and in how many seconds; None when they do not."""
    draw = source(seed, "calls back", number, nth_try)
    if draw.random() >= town.calls_back:
        return None
    fate = Fate(LineResult.ANSWERED, draw.uniform(60.0, 300.0), lognormal(draw, town.talk_mean, town.talk_cv), Party.DEBTOR)
    return fate, draw.uniform(60.0, 3600.0)


def _line(draw: random.Random, town: TownBehaviour, at: datetime) -> LineResult:
    factor = town.hours.get(at.astimezone(OFFICE_ZONE).hour, 1.0)
    point = draw.random()
    for line_result, share in town.line.items():
        point -= share * factor if line_result is LineResult.ANSWERED else share
        if point < 0:
            return line_result
    return LineResult.NO_ANSWER


def ring_time(draw: random.Random, town: TownBehaviour) -> float:
    """Seconds to the answer: at least `ring_least`, mean `ring_mean`, cv about 0.5 (gamma with shape 3 above the least)."""
    return town.ring_least + draw.gammavariate(3.0, (town.ring_mean - town.ring_least) / 3.0)


def lognormal(draw: random.Random, mean: float, cv: float) -> float:
    """A log-normal duration with this mean and coefficient of variation."""
    variance = math.log(1 + cv * cv)
    return draw.lognormvariate(math.log(mean) - variance / 2, math.sqrt(variance))


def pick(draw: random.Random, shares: Mapping[T, float]) -> T:
    """One of the keys, each with its share."""
    names: Sequence[T] = list(shares)
    return draw.choices(names, weights=[shares[name] for name in names])[0]
