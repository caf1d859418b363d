"""Late charge (延滞金) on one instalment of local tax: pure, in whole yen, with its working.

1. The base is the unpaid principal (本税): below 2,000 yen nothing is charged, and what is under 1,000 yen is dropped.
2. Phase 1 runs from the day after the due date until one month has passed, phase 2 from then on until the day of payment,
   that day included (5/31 → 6/30; 9/1 → 10/1). "One month" is counted as 民法143条 counts it: from the day after the due
   date, to the eve of the same day of the next month (so 6/30 → 7/31, and 1/31 → the last of February).
3. Rates change with the calendar year; the divisor is 365 in leap years too.
4. Fractions of a yen are dropped per rate segment (Toyohashi) or per phase (Fukuoka): a setting of the office.
5. A sum below 1,000 yen is not charged, and what is under 100 yen is dropped.
6. A partial payment takes its principal out of the base from the day after it.

Until the core system fixes it, such a figure holds only "as of" its day of payment: show it so.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction

from callcenter.core.errors import InvalidInput

DAYS_OF_YEAR = 365
MINIMUM_BASE_YEN = 2_000
BASE_UNIT_YEN = 1_000
MINIMUM_CHARGE_YEN = 1_000
CHARGE_UNIT_YEN = 100
HIGHEST_YEN = 1_000_000_000_000


class Rounding(StrEnum):
    """Where fractions of a yen are dropped: in each segment of one rate, or once in each phase."""

    SEGMENT = "segment"
    PHASE = "phase"


@dataclass(frozen=True, slots=True)
class RatePeriod:
    """Rates of calendar years first..last, in tenths of a percent a year."""

    first_year: int
    last_year: int
    phase_1: int
    phase_2: int
    source: str


RATES: tuple[RatePeriod, ...] = (
    RatePeriod(2014, 2014, 29, 92, "岐阜市 市税の延滞金の割合 (平成26年)"),
    RatePeriod(2015, 2016, 28, 91, "岐阜市 市税の延滞金の割合 (平成27・28年)"),
    RatePeriod(2017, 2017, 27, 90, "岐阜市 市税の延滞金の割合 (平成29年)"),
    RatePeriod(2018, 2020, 26, 89, "岐阜市 市税の延滞金の割合 (平成30年〜令和2年)"),
    RatePeriod(2021, 2021, 25, 88, "岐阜市・袋井市 市税の延滞金の割合 (令和3年)"),
    RatePeriod(2022, 2025, 24, 87, "袋井市 市税の延滞金の割合 (令和4〜7年)"),
    RatePeriod(2026, 2026, 28, 91, "袋井市・京都市 市税の延滞金の割合 (令和8年)"),
)


@dataclass(frozen=True, slots=True)
class PartPayment:
    """Principal paid before the rest; it leaves the base from the day after `paid_on`."""

    paid_on: date
    yen: int


@dataclass(frozen=True, slots=True)
class Segment:
    """Days first..last (both counted) at one rate on one base; `yen` sum up to the amount before truncation."""

    first: date
    last: date
    phase: int
    rate_tenths: int
    base: int
    yen: int

    @property
    def days(self) -> int:
        """Number of days, both ends counted."""
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True)
class LateCharge:
    """A charge with its working; `base` is the base at the beginning."""

    charge: int
    before_truncation: int
    base: int
    segments: tuple[Segment, ...]


def base_of(principal: int) -> int:
    """The part of a principal that bears a charge, in yen."""
    return 0 if principal < MINIMUM_BASE_YEN else principal - principal % BASE_UNIT_YEN


def first_phase_end(due_on: date) -> date:
    """The day on which one month after the due date has passed (民法143条2項)."""
    start = due_on + timedelta(days=1)
    year, month = (start.year + 1, 1) if start.month == 12 else (start.year, start.month + 1)
    length = calendar.monthrange(year, month)[1]
    if start.day > length:
        return date(year, month, length)
    return date(year, month, start.day) - timedelta(days=1)


def late_charge(
    principal: int,
    due_on: date,
    paid_on: date,
    rounding: Rounding = Rounding.SEGMENT,
    part_payments: Sequence[PartPayment] = (),
) -> LateCharge:
    """Computes the charge on `principal` yen due on `due_on` whose rest is paid on `paid_on`.

    Raises:
        InvalidInput: a negative amount, part payments beyond the principal, or a year whose rate is not in the table.
    """
    _refuse_bad_amounts(principal, part_payments)
    pieces = list(_pieces(principal, due_on, paid_on, part_payments))
    segments = tuple(_priced(pieces, rounding))
    total = sum(segment.yen for segment in segments)
    charge = 0 if total < MINIMUM_CHARGE_YEN else total - total % CHARGE_UNIT_YEN
    return LateCharge(charge=charge, before_truncation=total, base=base_of(principal), segments=segments)


def _refuse_bad_amounts(principal: int, part_payments: Sequence[PartPayment]) -> None:
    if not 0 <= principal <= HIGHEST_YEN:
        raise InvalidInput("the principal must be whole yen, 0 or more", hint="give the unpaid principal, for example 65000")
    if any(part.yen < 0 for part in part_payments):
        raise InvalidInput("a part payment must be whole yen, 0 or more")
    if sum(part.yen for part in part_payments) > principal:
        raise InvalidInput("the part payments are more than the principal")


@dataclass(frozen=True, slots=True)
class _Piece:
    first: date
    last: date
    phase: int
    rate_tenths: int
    base: int


def _pieces(principal: int, due_on: date, paid_on: date, part_payments: Sequence[PartPayment]) -> Iterator[_Piece]:
    """Cuts the span of delay at the end of phase 1, at each change of rate and after each part payment."""
    if paid_on <= due_on:
        return
    phase_end = first_phase_end(due_on)
    ends = {phase_end, paid_on}
    ends.update(part.paid_on for part in part_payments)
    ends.update(date(period.last_year, 12, 31) for period in RATES)
    first = due_on + timedelta(days=1)
    for end in sorted(end for end in ends if due_on < end <= paid_on):
        unpaid = principal - sum(part.yen for part in part_payments if part.paid_on < first)
        base = base_of(unpaid)
        if base:
            phase = 1 if end <= phase_end else 2
            yield _Piece(first, end, phase, _rate_tenths(first.year, end.year, phase), base)
        first = end + timedelta(days=1)


def _rate_tenths(first_year: int, last_year: int, phase: int) -> int:
    for period in RATES:
        if period.first_year <= first_year and last_year <= period.last_year:
            return period.phase_1 if phase == 1 else period.phase_2
    known = f"{RATES[0].first_year}-{RATES[-1].last_year}"
    unknown = first_year if first_year < RATES[0].first_year else last_year
    raise InvalidInput(
        f"no late-charge rate is known for {unknown}; the table holds {known}",
        hint="add the year's rates to campaigns/payments/charges.py once they are published",
    )


def _priced(pieces: Sequence[_Piece], rounding: Rounding) -> Iterator[Segment]:
    """Gives each piece its yen; per phase, a piece gets what it adds to the phase's whole yen."""
    running: dict[int, Fraction] = {}
    for piece in pieces:
        days = (piece.last - piece.first).days + 1
        exact = Fraction(piece.base * piece.rate_tenths * days, 1_000 * DAYS_OF_YEAR)
        before = running.get(piece.phase, Fraction(0)) if rounding is Rounding.PHASE else Fraction(0)
        after = before + exact
        running[piece.phase] = after
        yield Segment(piece.first, piece.last, piece.phase, piece.rate_tenths, piece.base, int(after) - int(before))
