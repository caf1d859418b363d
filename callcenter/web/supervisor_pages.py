"""The supervisor's page: today's board, live; stopping the dialling; pausing an operator."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Form as Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.models import User
from callcenter.auth.permissions import Action
from callcenter.core.clock import local_day, utc_now
from callcenter.core.errors import Conflict
from callcenter.core.settings import get_settings
from callcenter.web.board_feed import FEED
from callcenter.web.dependencies import Once, SignedIn, Tx, may, once
from callcenter.web.operator_idle import hours_today
from callcenter.web.pages import fragment, lang_of, page, shell_of, words_of
from callcenter.web.supervisor_board import board_model
from campaigns.planning.models import Campaign
from campaigns.planning.service import set_status
from campaigns.planning.state import CampaignStatus
from dialer.agents import service as agents
from dialer.supervising import service as supervising

router = APIRouter()
Overseer = Annotated[SignedIn, may(Action.SUPERVISE_CALLS)]
Supervisor = Annotated[SignedIn, may(Action.SEE_BOARD)]


@router.get("/supervisor")
def show_board(request: Request, session: Tx, who: Supervisor) -> Response:
    """Today, whole."""
    now, lang = utc_now(), lang_of(request)
    campaigns = list(session.scalars(select(Campaign).where(Campaign.status.in_(("running", "paused"))).order_by(Campaign.priority)))
    running = [campaign for campaign in campaigns if campaign.status == CampaignStatus.RUNNING]
    model = {
        "day": local_day(now),
        "hours": hours_today(session, lang, now)[0],
        "list_name": "・".join(campaign.name for campaign in running[:2]),
        "is_dialling": bool(running),
        "can_stop": bool(campaigns),
        "refresh_url": "/supervisor/board",
    }
    shell = shell_of(request, words_of(request)("board.title"))
    return page(request, "supervisor.html", shell, page=model, **_board(request, session, who, is_fresh=True))


@router.get("/supervisor/board")
def refresh_board(request: Request, session: Tx, who: Supervisor) -> Response:
    """What changes on it."""
    return fragment(request, "supervisor_refresh.html", shell=shell_of(request, ""), **_board(request, session, who, is_fresh=False))


def _board(request: Request, session: Session, who: SignedIn, *, is_fresh: bool) -> dict[str, Any]:
    found = FEED.board(session, utc_now(), is_fresh=is_fresh)
    return board_model(found, who.user_id, lang_of(request), words_of(request))


@router.post("/supervisor/supervise")
def supervise(
    request: Request,
    session: Tx,
    who: Overseer,
    done: Annotated[Once, once],
    user_id: Annotated[int, Field()],
    mode: Annotated[str, Field()] = "listen",
) -> Response:
    """Goes to an operator's conversation, or does something else there: listen, whisper, barge, take_over."""
    if not done.is_repeat:
        carrier = get_settings().carrier
        if carrier == "twilio":
            raise Conflict("The carrier in use can't do this.", hint="It needs Asterisk.", code="supervision_not_supported")
        if carrier != "simulator" and not session.scalar(select(User.phone_address).where(User.id == who.user_id)):
            raise Conflict("No phone is set for you.", hint="An administrator sets it under Users.", code="no_phone_set")
        now = utc_now()
        supervising.ask(session, who.user_id, user_id, mode, now)
        audit.record(session, "operator.supervised", "user", user_id, who.user_id, who.address, {"mode": mode}, now)
    return back(request, "/supervisor")


@router.post("/supervisor/supervise/end")
def end_supervision(request: Request, session: Tx, who: Overseer, done: Annotated[Once, once]) -> Response:
    """Leaves; a conversation that was taken over is given back."""
    now = utc_now()
    if not done.is_repeat and supervising.stop(session, who.user_id, now):
        audit.record(session, "operator.supervision_ended", "user", who.user_id, who.user_id, who.address, None, now)
    return back(request, "/supervisor")


@router.post("/supervisor/dialling")
def switch_dialling(
    request: Request,
    session: Tx,
    who: Annotated[SignedIn, may(Action.RUN_CAMPAIGNS)],
    done: Annotated[Once, once],
    is_on: Annotated[bool, Field()],
) -> Response:
    """Stops all running campaigns at once, or lets the paused ones go on; calls that are up stay up."""
    now = utc_now()
    was, wanted = (CampaignStatus.PAUSED, CampaignStatus.RUNNING) if is_on else (CampaignStatus.RUNNING, CampaignStatus.PAUSED)
    if not done.is_repeat:
        for campaign_id in session.scalars(select(Campaign.id).where(Campaign.status == was)):
            set_status(session, campaign_id, wanted, now)
            audit.record(session, f"campaign.{wanted}", "campaign", campaign_id, who.user_id, who.address, None, now)
    return back(request, "/supervisor")


@router.post("/supervisor/pause")
def pause_operator(
    request: Request,
    session: Tx,
    who: Annotated[SignedIn, may(Action.PAUSE_OPERATORS)],
    done: Annotated[Once, once],
    user_id: Annotated[int, Field()],
) -> Response:
    """Pauses an operator; in a call: after it."""
    now = utc_now()
    if not done.is_repeat:
        agents.pause_for(session, user_id, now)
        audit.record(session, "operator.paused", "user", user_id, who.user_id, who.address, None, now)
    return back(request, "/supervisor")


def back(request: Request, path: str) -> Response:
    """After a change: the page again for a plain form; for a part of a page nothing, the live event refreshes it, or a reload does."""
    if request.headers.get("hx-request") == "true":
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    return RedirectResponse(path, 303)
