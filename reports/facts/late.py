"""Days whose facts were counted again later than the day after: late records, corrections, payments and reversals are in them.

The first counting is none of them, however late it was: of a history that was read in, or after the machine was off.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from reports.periods import Period

_LATE = text("""
SELECT count(*) AS days, max(again_at) AS last FROM fact_built
WHERE office_id = :office AND grain = 'd' AND day BETWEEN :first AND :last
  AND again_at >= CAST(day + 2 AS timestamp) AT TIME ZONE :zone""")


@dataclass(frozen=True, slots=True)
class Late:
    """How many days of a period were counted again late, and when the last of them was."""

    days: int
    last: datetime | None


def late_days(session: Session, period: Period) -> Late:
    """The days of the period that something reached after the day that followed them."""
    values = {"office": office_of(session), "first": period.first, "last": period.last, "zone": str(period.zone)}
    found = session.execute(_LATE, values).one()
    return Late(found.days, found.last)
