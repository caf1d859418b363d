"""Reports as JSON."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import select

from callcenter.auth.permissions import Action
from callcenter.core.clock import local_day, utc_now
from callcenter.core.errors import InvalidInput
from callcenter.web.dependencies import SignedIn, Tx, may
from campaigns.attempts.codes import Channel
from campaigns.planning.models import Campaign
from reports.cuts import Cut
from reports.periods import EARLIEST, LATEST, Period, zone_of
from reports.queries.headline import CHANNELS, HeadlineQuery, headline

router = APIRouter(prefix="/api/v1/reports")


@router.get("/headline")
def read_headline(
    session: Tx,
    who: Annotated[SignedIn, may(Action.SEE_REPORTS)],
    first: Annotated[date | None, Query(alias="from")] = None,
    last: Annotated[date | None, Query(alias="to")] = None,
    by: Annotated[Cut | None, Query()] = None,
    channel: Annotated[str, Query(max_length=20)] = Channel.OPERATOR_CALL.value,
    campaign: Annotated[int | None, Query(ge=1, lt=1 << 62)] = None,
) -> dict[str, Any]:
    """The headline metrics of a period, by default today, of one campaign or of all calls, with their definitions."""
    now = utc_now()
    zone = zone_of(session)
    today = local_day(now, zone)
    first, last = first or last or today, last or first or today
    if last < first or (last - first).days > 400:
        raise InvalidInput("The period ends before it begins, or is longer than 400 days.", code="bad_period")
    if not EARLIEST <= first <= last <= LATEST:
        raise InvalidInput(f"The period must lie between {EARLIEST} and {LATEST}.", code="bad_period")
    if channel not in CHANNELS:
        raise InvalidInput("There is no such channel.", hint=", ".join(CHANNELS), code="bad_channel")
    if campaign is not None and session.scalar(select(Campaign.id).where(Campaign.id == campaign)) is None:
        raise InvalidInput("There is no such campaign.", hint="Its number is in the address of its page.", code="bad_campaign")
    return headline(session, HeadlineQuery(Period(first, last, zone), by, channel, campaign), now).document()
