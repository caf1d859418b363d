"""What a seed means: who is called by whom under which rules, and what goes wrong when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

JST = ZoneInfo("Asia/Tokyo")
OPENS = datetime(2026, 11, 18, 10, 0, tzinfo=JST)  # a Wednesday
SHIFT = timedelta(minutes=2)
BEFORE = timedelta(seconds=15)
FAULT_KINDS = ("kill", "delay", "error")
# How often a point is passed in a shift, roughly: the passage at which a fault happens is drawn from this.
PASSAGES = {
    "commit.before": 150,
    "commit.after": 150,
    "lease.renewed": 20,
    "claim.taken": 8,
    "gate.answered": 8,
    "attempt.opened": 6,
    "call.opened": 6,
    "hand_over.begins": 6,
    "hand_over.done": 6,
    "hand_over.failed": 1,
    "event.received": 30,
    "event.noted": 25,
    "event.applied": 30,
    "hang_up.begins": 2,
    "line_result.noted": 6,
    "outcome.recorded": 8,
    "wrap_up.begun": 3,
    "wrap_up.finished": 3,
    "operator.released": 3,
    "resync.done": 2,
    "reap.done": 10,
}


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """At the `passage`-th passing of a point: kill, delay (of `seconds`) or error."""

    point: str
    passage: int
    kind: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Span:
    """Something that lasts, in seconds after the opening of the window."""

    kind: str
    begins: float
    lasts: float
    size: float = 0.0


@dataclass(frozen=True)
class Person:
    """A debtor: numbers are four digits at the end; `state` is what forbids contact from the beginning, if anything."""

    n: int
    numbers: tuple[str, ...]
    household: str = ""
    state: str = ""
    past_days: tuple[int, ...] = ()
    channel: str = "operator_call"


@dataclass(frozen=True)
class ShiftPlan:
    """One shift."""

    seed: int
    mode: str
    operators: int
    nodes: int
    lines: int
    people: tuple[Person, ...]
    max_per_day: int
    gap_minutes: int
    mail: str
    lost: float
    doubled: float
    late: float
    faults: tuple[PlannedFault, ...] = ()
    spans: tuple[Span, ...] = ()
    payments: tuple[tuple[int, float], ...] = ()
    holds: tuple[tuple[int, float], ...] = ()
    skew: float = 0.0
    refuses_first: bool = False
    ring_seconds: int = 20

    @property
    def reap_seconds(self) -> float:
        """How often the dialer tidies up: as in earnest in some shifts, seldom in most, which are over sooner."""
        return 5.0 if self.seed > 0 and self.seed % 16 == 5 else 25.0

    @property
    def command(self) -> str:
        """How to see this very shift again."""
        return f"make soak SEED={self.seed}"


STORMS = 8
# The trunk says nothing for most of the shift; in the second the line to it is bad, too, in the third telephones ring for nine seconds.
SWALLOWING = (-STORMS - 1, -STORMS - 2, -STORMS - 3)


def plan_of(seed: int) -> ShiftPlan:
    """The shift of a seed; the same seed is always the same shift. -1 to -`STORMS` are storms."""
    if seed in SWALLOWING:
        return swallowing(seed)
    return storm(-seed) if seed < 0 else _usual(seed)


def swallowing(seed: int) -> ShiftPlan:
    """One of the shifts in which calls are swallowed: many people, half of them for automated calls."""
    is_bad, is_brief = seed == SWALLOWING[1], seed == SWALLOWING[2]
    return replace(
        _usual(8),
        seed=seed,
        mode="progressive",
        operators=3,
        lines=8,
        people=tuple(Person(n, (f"{n:02d}00",), channel=("auto_call", "operator_call")[n % 2]) for n in range(1, 61 if is_brief else 31)),
        ring_seconds=9 if is_brief else 20,
        lost=0.1 if is_bad else 0.0,
        late=0.1 if is_bad else 0.0,
        faults=(PlannedFault("attempt.opened", 12, "kill", 0.0),) if is_bad else (),
        spans=(Span("swallowing", 4.0, 80.0),),
        payments=(),
        holds=(),
    )


def storm(n: int) -> ShiftPlan:
    """One of the shifts that together have every fault at every point: many people, and a bad line to the carrier."""
    pairs = [(point, kind) for point in sorted(PASSAGES) for kind in FAULT_KINDS]
    faults = tuple(
        PlannedFault(
            point,
            10 * n if point.startswith("commit") else 1 + (PASSAGES[point] > 5),
            kind,
            70.0 if point == "hand_over.begins" else 2.0,
        )
        for point, kind in pairs[n - 1 :: STORMS]
    )
    calm = _usual(8 * n)
    people = tuple(
        Person(k, (f"{k:02d}{0:02d}", f"{k:02d}01"), channel="auto_call" if k % 5 == 0 else "operator_call") for k in range(1, 10)
    )
    return replace(
        calm,
        seed=-n,
        faults=faults,
        lost=0.2,
        refuses_first=True,
        mode="progressive",
        operators=2,
        lines=8,
        people=people,
        max_per_day=3,
        payments=(),
        holds=(),
    )


def _usual(seed: int) -> ShiftPlan:
    draw = Random(f"shift/{seed}")
    operators = draw.choice((1, 2, 2, 2, 3))
    is_calm = seed % 8 == 0  # some shifts without faults: there the bounds are tight
    nodes = 2 if not is_calm and draw.random() < 0.15 else 1
    people = _people(draw, operators)
    shift = SHIFT.total_seconds()
    return ShiftPlan(
        seed=seed,
        mode=draw.choice(("progressive",) * 5 + ("preview", "preview", "predictive")),
        operators=operators,
        nodes=nodes,
        lines=draw.choice((2, 4, 8)),
        people=people,
        max_per_day=draw.choice((1, 2, 2, 3)),
        gap_minutes=draw.choice((1, 1, 2)),
        mail=draw.choice(("stream", "inbox")),
        lost=0.0 if is_calm else draw.choice((0.0, 0.0, 0.05, 0.15)),
        doubled=0.0 if is_calm else draw.choice((0.0, 0.1, 0.3)),
        late=0.0 if is_calm else draw.choice((0.0, 0.1, 0.3)),
        faults=() if is_calm else _faults(draw),
        spans=() if is_calm else _spans(draw, shift),
        payments=tuple((draw.randrange(len(people)), draw.uniform(-10, shift / 2)) for _ in range(draw.choice((0, 1, 2)))),
        holds=tuple((draw.randrange(len(people)), draw.uniform(-10, shift / 2)) for _ in range(draw.choice((0, 1, 2)))),
        skew=draw.uniform(-1.0, 1.0) if nodes > 1 else 0.0,
    )


def _people(draw: Random, operators: int) -> tuple[Person, ...]:
    count = draw.randint(4, 5 + 2 * operators)
    people = []
    for n in range(1, count + 1):
        numbers = tuple(f"{n:02d}{k:02d}" for k in range(draw.choice((1, 1, 2))))
        if n > 1 and draw.random() < 0.08:
            numbers = (f"{n - 1:02d}00",)  # shares a telephone with the one before
        people.append(
            Person(
                n,
                numbers,
                household=f"H{n // 2}" if draw.random() < 0.3 else "",
                state=draw.choice(("",) * 11 + ("do_not_contact", "hold", "suppressed", "paid", "dead_number", "promised")),
                past_days=draw.choice(((),) * 6 + ((1,), (1, 2), (1, 2, 3))),
                channel="auto_call" if draw.random() < 0.2 else "operator_call",
            )
        )
    return tuple(people)


def _faults(draw: Random) -> tuple[PlannedFault, ...]:
    planned = []
    for point in draw.choices(sorted(PASSAGES), k=draw.choice((1, 2, 3, 5))):
        kind = draw.choice(FAULT_KINDS)
        seconds = draw.choice((0.5, 3.0, 12.0, 80.0))
        planned.append(PlannedFault(point, draw.randint(1, PASSAGES[point]), kind, seconds))
    return tuple(planned)


def _spans(draw: Random, shift: float) -> tuple[Span, ...]:
    found = []
    for kind, chance, longest in (
        ("carrier_down", 0.25, 60.0),
        ("carrier_died", 0.15, 30.0),
        ("failing_503", 0.15, 60.0),
        ("silent", 0.25, 80.0),
        ("database_away", 0.15, 15.0),
        ("paused", 0.1, 60.0),
        ("leg_lost", 0.25, 0.0),
        ("console_gone", 0.2, 90.0),
    ):
        if draw.random() < chance:
            found.append(Span(kind, draw.uniform(0, shift * 0.8), draw.uniform(5.0, max(5.0, longest))))
    if draw.random() < 0.25:
        found.append(Span("clock", draw.uniform(0, shift * 0.8), 0.0, draw.choice((-30.0, -8.0, 8.0, 60.0, 150.0))))
    return tuple(found)
