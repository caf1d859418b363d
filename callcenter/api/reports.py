"""Reports as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from callcenter.auth.permissions import Action
from callcenter.core.clock import local_day, utc_now
from callcenter.core.errors import InvalidInput
from callcenter.web.dependencies import SignedIn, Tx, may
from campaigns.attempts.codes import Channel
from campaigns.planning.models import Campaign
from reports.crossed_document import document
from reports.cuts import Cut
from reports.further_metrics import CROSSABLE
from reports.metrics import CONTACT_PER_CALL
from reports.periods import EARLIEST, LATEST, Period, zone_of
from reports.queries.crossed import crossed
from reports.queries.headline import CHANNELS, HeadlineQuery, headline
from reports.queries.measures import knows_operator
from reports.staff import staff_of

router = APIRouter(prefix="/api/v1/reports")
Reader = Annotated[SignedIn, may(Action.SEE_REPORTS)]
METRICS = {metric.code: metric for metric in CROSSABLE}


@dataclass(frozen=True, slots=True)
class Asked:
    """What both reports can be asked for."""

    first: Annotated[date | None, Query(alias="from", description="First day; by default `to`, or today.")] = None
    last: Annotated[date | None, Query(alias="to", description="Last day, included.")] = None
    channel: Annotated[str, Query(max_length=20, description=", ".join(CHANNELS))] = Channel.OPERATOR_CALL.value
    campaign: Annotated[int | None, Query(ge=1, lt=1 << 62, description="A campaign's number.")] = None
    operator: Annotated[str, Query(max_length=64, description="Only this operator's calls: the sign-in name.")] = ""
    team: Annotated[str, Query(max_length=40, description="Only calls of operators who are in this team now; `-`: of no team.")] = ""

    def query(self, session: Tx, by: Cut | None, now: datetime) -> HeadlineQuery:
        """The question; InvalidInput names what can't be asked."""
        zone = zone_of(session)
        today = local_day(now, zone)
        first, last = self.first or self.last or today, self.last or self.first or today
        if last < first or (last - first).days > 400:
            raise InvalidInput("The period ends before it begins, or is longer than 400 days.", code="bad_period")
        if not EARLIEST <= first <= last <= LATEST:
            raise InvalidInput(f"The period must lie between {EARLIEST} and {LATEST}.", code="bad_period")
        if self.channel not in CHANNELS:
            raise InvalidInput("There is no such channel.", hint=", ".join(CHANNELS), code="bad_channel")
        if self.campaign is not None and session.scalar(select(Campaign.id).where(Campaign.id == self.campaign)) is None:
            raise InvalidInput("There is no such campaign.", hint="Its number is in the address of its page.", code="bad_campaign")
        staff = staff_of(session, self.operator, self.team)
        return HeadlineQuery(Period(first, last, zone), by, self.channel, self.campaign, staff=staff)


class Place(BaseModel):
    """A row or a column."""

    key: str = Field(description="As in the address of a page; empty for what has none.")
    label: str
    label_en: str


class CrossCell(BaseModel):
    """One figure; `row` and `column` are null in totals."""

    row: str | None
    column: str | None
    value: float | None = Field(description="Unrounded; null where there is nothing to divide by.")
    hits: int | None = Field(description="The numerator; null for a count.")
    n: int = Field(description="How many things the figure speaks of: the denominator, or the count itself.")
    low: float | None = Field(description="Lower bound (95 %, Wilson) of a rate.")
    high: float | None
    is_few: bool = Field(description="Whether a rate has fewer than `few` cases: too few to say.")
    differs: str | None = Field(description="`high` or `low` where the rate differs from all others' by more than noise.")
    calls: str | None = Field(description="The page of the calls behind the figure, whose reading is on record; null for promises due.")


class CrossTable(BaseModel):
    """Two cuts crossed: what `cells` lacks had no attempt."""

    model_config = ConfigDict(populate_by_name=True)

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    time_zone: str
    as_of: datetime
    channel: str
    campaign: int | None
    operator: str | None
    team: str | None
    by: Cut
    columns_by: Cut | None
    definition: dict[str, str | int | None]
    notes: list[str] = Field(description="What the cuts do to the figures.")
    notes_en: list[str]
    few: int
    is_cut_off: bool = Field(description="Whether there were more rows or columns than are given.")
    rows: list[Place]
    columns: list[Place]
    cells: list[CrossCell]
    row_totals: list[CrossCell]
    column_totals: list[CrossCell]
    total: CrossCell


@router.get("/headline")
def read_headline(
    session: Tx, who: Reader, asked: Annotated[Asked, Depends()], by: Annotated[Cut | None, Query(description="One row per …")] = None
) -> dict[str, Any]:
    """The headline metrics of a period, by default today, of all calls or of a campaign's or operators', with their definitions."""
    now = utc_now()
    return headline(session, asked.query(session, by, now), now).document()


@router.get("/cross")
def read_cross(
    session: Tx,
    who: Reader,
    asked: Annotated[Asked, Depends()],
    by: Annotated[Cut, Query(description="The rows.")] = Cut.HOUR,
    columns: Annotated[Cut | None, Query(description="The columns; none when left out.")] = None,
    metric: Annotated[str, Query(json_schema_extra={"enum": [*METRICS]}, description="The figure in the cells.")] = CONTACT_PER_CALL.code,
) -> CrossTable:
    """A table of two cuts: each cell with its denominator, bounds, whether it is too few to say, and where its calls are listed."""
    now = utc_now()
    query = asked.query(session, by, now)
    if metric not in METRICS:
        raise InvalidInput("There is no such figure.", hint=", ".join(METRICS), code="bad_metric")
    if columns is by:
        raise InvalidInput("Rows and columns must be cut by different things.", code="bad_columns")
    if query.staff is not None and not knows_operator(METRICS[metric]):
        raise InvalidInput("This figure knows no operator.", hint="Leave `operator` and `team` out.", code="no_operator")
    found = crossed(session, query, columns, METRICS[metric], now)
    return CrossTable.model_validate(document(found, query, columns, METRICS[metric], now))
