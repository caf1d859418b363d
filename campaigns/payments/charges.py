"""Late charge (延滞金) on one instalment of local tax: pure, in whole yen, with its working.

1. The base is the unpaid principal (本税): below 2,000 yen nothing is charged, and what is under 1,000 yen is dropped.
2. Phase 1 runs from the day after the due date until one month has passed, phase 2 from then on until the day of payment,
   that day included (5/31 → 6/30; 9/1 → 10/1). "One month" is counted as 民法143条 counts it: from the day after the due
   date, to the eve of the same day of the next month (so 6/30 → 7/31, and 1/31 → the last of February).
3. Rates change with the calendar year (`rates`); the divisor is 365 in leap years too.
4. Fractions of a yen are dropped per rate segment (Toyohashi) or per phase (Fukuoka): a setting of the office.
5. A sum below 1,000 yen is not charged, and what is under 100 yen is dropped.
6. A partial payment takes its principal out of the base from the day after it. 督促手数料 bears no charge.

Until the core system fixes it, such a figure holds only "as of" its day of payment: show it so.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction

from callcenter.core.errors import InvalidInput
from callcenter.core.money import MAX_YEN
from campaigns.payments.rates import rate_on

DAYS_OF_YEAR = 365
MINIMUM_BASE_YEN = 2_000
BASE_UNIT_YEN = 1_000
MINIMUM_CHARGE_YEN = 1_000
CHARGE_UNIT_YEN = 100


class Rounding(StrEnum):
    """Where fractions of a yen are dropped: in each segment of one rate, or once in each phase."""

    SEGMENT = "segment"
    PHASE = "phase"


class Nothing(StrEnum):
    """Why there is no charge."""

    PAID_IN_TIME = "paid_in_time"
    SMALL_BASE = "small_base"
    SMALL_SUM = "small_sum"


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
    """A charge with its working, as of a payment of the rest on `as_of`; `base` is the base on the day after the due date."""

    charge: int
    before_truncation: int
    base: int
    segments: tuple[Segment, ...]
    as_of: date
    nothing: Nothing | None = None


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
    base = base_of(principal - sum(part.yen for part in part_payments if part.paid_on <= due_on))
    pieces = list(_joined(_pieces(principal, due_on, paid_on, part_payments)))
    segments = tuple(_priced(pieces, rounding))
    total = sum(segment.yen for segment in segments)
    charge = 0 if total < MINIMUM_CHARGE_YEN else total - total % CHARGE_UNIT_YEN
    nothing = None
    if not charge:
        nothing = Nothing.PAID_IN_TIME if paid_on <= due_on else Nothing.SMALL_SUM if base else Nothing.SMALL_BASE
    return LateCharge(charge, total, base, segments, paid_on, nothing)


def _refuse_bad_amounts(principal: int, part_payments: Sequence[PartPayment]) -> None:
    if not 0 <= principal <= MAX_YEN:
        raise InvalidInput("The principal must be whole yen, 0 or more.", hint="Give the unpaid principal, for example 65000.")
    if any(part.yen < 0 for part in part_payments):
        raise InvalidInput("A part payment must be whole yen, 0 or more.")
    if sum(part.yen for part in part_payments) > principal:
        raise InvalidInput("The part payments are more than the principal.", hint="Give the principal as it was on the due date.")


@dataclass(frozen=True, slots=True)
class _Piece:
    first: date
    last: date
    phase: int
    rate_tenths: int
    base: int


def _pieces(principal: int, due_on: date, paid_on: date, part_payments: Sequence[PartPayment]) -> Iterator[_Piece]:
    """Cuts the span of delay at the end of phase 1, at each turn of the rate table and after each part payment."""
    parts = sorted(part_payments, key=lambda part: part.paid_on)
    last = due_on
    while last < paid_on:
        first = last + timedelta(days=1)
        base = base_of(principal - sum(part.yen for part in parts if part.paid_on < first))
        if not base:
            return
        period, phase_end = rate_on(first), first_phase_end(due_on)
        phase = 1 if first <= phase_end else 2
        ends = [paid_on, period.last, *(part.paid_on for part in parts if part.paid_on >= first)]
        last = min([*ends, phase_end] if phase == 1 else ends)
        yield _Piece(first, last, phase, period.rate(phase), base)


def _joined(pieces: Iterable[_Piece]) -> Iterator[_Piece]:
    """One piece where nothing but the row of the table changed: fractions are dropped per rate, not per year."""
    held: _Piece | None = None
    for piece in pieces:
        if held is not None and (held.phase, held.rate_tenths, held.base) == (piece.phase, piece.rate_tenths, piece.base):
            held = replace(held, last=piece.last)
            continue
        if held is not None:
            yield held
        held = piece
    if held is not None:
        yield held


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
