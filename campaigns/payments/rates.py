"""The yearly rates of the late charge (延滞金): data in `rates.toml` beside this module, each with its days and its sources."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from callcenter.core.errors import InvalidInput

HIGHEST_TENTHS = (73, 146)  # the law's own rates of phase 1 and phase 2; the special ones are never above them
_FILE = Path(__file__).with_name("rates.toml")


@dataclass(frozen=True, slots=True)
class RatePeriod:
    """Rates of the days first..last (both counted), in tenths of a percent a year."""

    first: date
    last: date
    phase_1: int
    phase_2: int
    sources: tuple[str, ...]

    def rate(self, phase: int) -> int:
        """Tenths of a percent in phase 1 or 2."""
        return self.phase_1 if phase == 1 else self.phase_2


@cache
def rates() -> tuple[RatePeriod, ...]:
    """The table, oldest first, without gaps."""
    return read_rates(_FILE.read_text(encoding="utf-8"))


def read_rates(text: str) -> tuple[RatePeriod, ...]:
    """Reads a table of rates.

    Raises:
        InvalidInput: not TOML, a value that is missing or of a wrong type, a rate above the law's or with two decimals, no source,
            or periods that overlap or leave a gap.
    """
    try:
        rows: Sequence[Mapping[str, Any]] = tomllib.loads(text, parse_float=Decimal)["rate"]
        found = tuple(sorted((_period(row) for row in rows), key=lambda period: period.first))
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as problem:
        raise InvalidInput(f"The table of late-charge rates can't be read ({problem}).", code="bad_rates") from problem
    for before, after in pairwise(found):
        if after.first != before.last + timedelta(days=1):
            raise InvalidInput(f"The late-charge rates from {after.first} do not follow those until {before.last}.", code="bad_rates")
    return found


def _period(row: Mapping[str, Any]) -> RatePeriod:
    first, last = row["from"], row["to"]
    if not isinstance(first, date) or not isinstance(last, date) or last < first or not row["sources"]:
        raise InvalidInput(f"A late-charge rate needs from, to and sources; found {first} to {last}.", code="bad_rates")
    return RatePeriod(first, last, _tenths(row, 1), _tenths(row, 2), tuple(row["sources"]))


def _tenths(row: Mapping[str, Any], phase: int) -> int:
    tenths = Decimal(row[f"phase_{phase}"]) * 10
    if tenths != int(tenths) or not 0 < tenths <= HIGHEST_TENTHS[phase - 1]:
        raise InvalidInput(f"phase_{phase} from {row['from']} must be tenths of a percent, at most the law's own rate.", code="bad_rates")
    return int(tenths)


def rate_on(day: date) -> RatePeriod:
    """The period that holds on `day`.

    Raises:
        InvalidInput (code no_rate): the table does not hold that day: nothing is guessed.
    """
    for period in rates():
        if period.first <= day <= period.last:
            return period
    known = f"{rates()[0].first} to {rates()[-1].last}"
    raise InvalidInput(
        f"No late-charge rate is known for {day.year}; the table holds {known}.",
        hint="Once the year's rates are published, add them with their source to campaigns/payments/rates.toml.",
        code="no_rate",
    )
