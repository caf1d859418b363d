"""Reading `--as-of` of the command line: a date in any style, or a timestamp."""

from __future__ import annotations

from datetime import datetime

from callcenter.commands.runtime import usage_error
from callcenter.core.clock import OFFICE_ZONE, utc_now
from callcenter.core.eras import parse_date
from callcenter.core.errors import InvalidInput


def read_moment(text: str, option: str = "--as-of") -> datetime:
    """The moment meant: now when empty, the beginning of a day, or a timestamp (the office's zone unless it names one).

    Ends the command with exit status 2 when it can't be read.
    """
    if not text.strip():
        return utc_now()
    try:
        day = parse_date(text)
        if day is not None:
            return datetime(day.year, day.month, day.day, tzinfo=OFFICE_ZONE)
    except InvalidInput:
        pass
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        usage_error(f"{option}: '{text}' is no date or timestamp.", "For example 2026-11-18, R8.11.18 or 2026-11-18T02:00.")
    return moment if moment.tzinfo else moment.replace(tzinfo=OFFICE_ZONE)


def local_text(moment: datetime | None) -> str | None:
    """A moment in the office's zone as ISO text."""
    return None if moment is None else moment.astimezone(OFFICE_ZONE).isoformat()
