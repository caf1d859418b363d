"""Reports as JSON."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query

from callcenter.auth.permissions import Action
from callcenter.core.clock import local_day, utc_now
from callcenter.core.errors import InvalidInput
from callcenter.web.dependencies import SignedIn, Tx, may
from campaigns.attempts.codes import Channel
from reports.cuts import Cut
from reports.periods import Period
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
) -> dict[str, Any]:
    """The headline metrics of a period, by default today, with their definitions."""
    now = utc_now()
    today = local_day(now)
    first, last = first or last or today, last or first or today
    if last < first or (last - first).days > 400:
        raise InvalidInput("The period ends before it begins, or is longer than 400 days.", code="bad_period")
    if channel not in CHANNELS:
        raise InvalidInput("There is no such channel.", hint=", ".join(CHANNELS), code="bad_channel")
    return headline(session, HeadlineQuery(Period(first, last), by, channel), now).document()
