"""The figures of one month's pack, gathered in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.clock import local_day
from callcenter.core.db import office_of
from callcenter.core.eras import fiscal_year
from callcenter.core.errors import InvalidInput
from reports.charts import HeatMap
from reports.collection.ageing import Age, Roll, ages, rolls
from reports.collection.effect import FIELDS, Inputs, effect_of
from reports.collection.rates import Collection, collection, month_known
from reports.control.meeting import MeetingControl, meeting_control
from reports.cuts import Cut
from reports.figures import Figures, Row
from reports.pack.notes import notes_of
from reports.periods import Period
from reports.queries.headline import ALL_CHANNELS, HeadlineQuery, headline
from reports.queries.patterns import Funnel, contact_hours, funnel
from reports.queries.undecided import undecided

WEEKS = 26
"""So many weeks are shown as lines, up to that of the month's last day."""


CLOSING = (4, 5)
"""The months in which the year before is still received into (出納整理期間): their packs show it, too."""


@dataclass(frozen=True, slots=True)
class Pack:
    """Everything the documents show, as of `made_at` in the office's zone.

    `before` is the month before, `year_before` last year's same month; of a month under way both end on the same day of the month.
    `undecided` are the promises due in the month that are still open. `closing` is the old fiscal year in April and May, whose cost and
    effect also stand in until the new one's are entered (`effect_year`).
    """

    office: str
    month: date
    made_at: datetime
    is_complete: bool
    month_figures: Figures
    undecided: int
    before: Figures
    year_before: Figures
    by_day: tuple[Row, ...]
    by_week: tuple[Row, ...]
    by_hour: tuple[Row, ...]
    by_campaign: tuple[Row, ...]
    by_channel: tuple[Row, ...]
    by_segment: tuple[Row, ...]
    by_month: tuple[Row, ...]
    heat: HeatMap
    steps: Funnel
    collected: Collection | None
    closing: Collection | None
    ages: tuple[Age, ...]
    rolls: tuple[list[date], list[list[Roll]]]
    effect: Inputs | None
    effect_year: int
    notes: dict[str, str]
    control: MeetingControl


def _collected(session: Session, fiscal: int, month: date) -> Collection | None:
    """The year's figures of the newest month known that is not after `month`."""
    known = month_known(session, fiscal, month)
    return None if known is None else collection(session, fiscal, known)


def last_of(month: date) -> date:
    """The last day of the month."""
    return (month + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def gather(session: Session, month: date, now: datetime) -> Pack:
    """The pack of a month.

    Raises:
        InvalidInput (code usage): the month has not begun.
    """
    office = session.get_one(Office, office_of(session))
    zone = ZoneInfo(office.time_zone)
    today = local_day(now, zone)
    if month > today:
        raise InvalidInput(f"{month:%Y-%m} has not begun.", hint=f"Choose {today:%Y-%m} or an earlier month.", code="usage")
    is_complete = last_of(month) < today
    period = Period(month, min(last_of(month), today), zone)
    query = HeadlineQuery(period)
    monday = period.last - timedelta(days=period.last.weekday())
    weeks = Period(monday - timedelta(weeks=WEEKS - 1), period.last, zone)

    def rows(cut: Cut, asked: HeadlineQuery = query) -> tuple[Row, ...]:
        return headline(session, replace(asked, cut=cut), now).rows

    def whole(first: date) -> Figures:
        last = last_of(first) if is_complete else min(last_of(first), first + (period.last - month))
        return headline(session, replace(query, period=Period(first, last, zone)), now).rows[0].figures

    fiscal = effect_year = fiscal_year(month)
    kept = effect_of(session, fiscal)
    if kept is None and month.month in CLOSING and (kept := effect_of(session, fiscal - 1)) is not None:
        effect_year = fiscal - 1
    half_year = (month - timedelta(days=155)).replace(day=1)
    month_figures = whole(month)
    return Pack(
        office=office.name,
        month=month,
        made_at=now.astimezone(zone),
        is_complete=is_complete,
        month_figures=month_figures,
        undecided=undecided(session, query),
        before=whole((month - timedelta(days=1)).replace(day=1)),
        year_before=whole(month.replace(year=month.year - 1)),
        by_day=rows(Cut.DAY),
        by_week=rows(Cut.WEEK, replace(query, period=weeks)),
        by_hour=rows(Cut.HOUR),
        by_campaign=rows(Cut.CAMPAIGN),
        by_channel=rows(Cut.CHANNEL, replace(query, channel=ALL_CHANNELS)),
        by_segment=rows(Cut.SEGMENT),
        by_month=rows(Cut.MONTH, replace(query, period=Period(half_year, period.last, zone))),
        heat=contact_hours(session, query, now),
        steps=funnel(session, query, now),
        collected=_collected(session, fiscal, month),
        closing=_collected(session, fiscal - 1, month) if month.month in CLOSING else None,
        ages=tuple(ages(session, period.last)),
        rolls=rolls(session, min(last_of(month) + timedelta(days=1), today), office.time_zone),
        effect=None if kept is None else Inputs(**{name: getattr(kept, name) for name in FIELDS}),
        effect_year=effect_year,
        notes=notes_of(session, month),
        control=meeting_control(session, month, period.last, month_figures, now),
    )
