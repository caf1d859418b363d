"""How one campaign dials: its mode, what keeps it from more, and the settings of its lines and of predictive dialling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.core.clock import utc_now
from callcenter.web import phrases
from callcenter.web.campaign_pages import STATUS
from callcenter.web.dependencies import Form, Once, SignedIn, Tx, may, once
from callcenter.web.dialling_model import form_model, now_model, read_form, values_of
from callcenter.web.pages import fragment, lang_of, leads_to, page, shell_of, words_of
from campaigns.planning.dialling import BUILT_IN, dialling_of
from campaigns.planning.models import Campaign
from campaigns.planning.service import change_campaign, find_campaign
from dialer.pacing.standing import standing_of

router = APIRouter()
Runner = Annotated[SignedIn, may(Action.RUN_CAMPAIGNS)]


@router.get("/campaigns/{campaign_id}/dialling")
def show_dialling(request: Request, session: Tx, who: Runner, campaign_id: int) -> Response:
    """What is in force, why, and the settings."""
    campaign = find_campaign(session, str(campaign_id))
    return _page(request, session, campaign, values_of(campaign, dialling_of(campaign.options)))


@router.get("/campaigns/{campaign_id}/dialling/now")
def dialling_now(request: Request, session: Tx, who: Runner, campaign_id: int) -> Response:
    """What is in force now, for the page that is open."""
    campaign = find_campaign(session, str(campaign_id))
    return fragment(request, "dialling_now.html", now=now_model(standing_of(session, campaign.id, utc_now()), words_of(request)))


@router.post("/campaigns/{campaign_id}/dialling")
def change_dialling(request: Request, session: Tx, who: Runner, done: Annotated[Once, once], form: Form, campaign_id: int) -> Response:
    """Saves mode, priority and settings; what was typed stays when something is wrong."""
    campaign, t = find_campaign(session, str(campaign_id)), words_of(request)
    address = f"/campaigns/{campaign.id}/dialling"
    values = {name: value for name, value in form.items() if isinstance(value, str)}
    settings, errors = read_form(values, t)
    if errors:
        listed = [{"field_id": name, "message": message} for name, message in errors.items()]
        if request.headers.get("hx-request") == "true":
            return fragment(request, "errors.html", 422, errors=listed)
        return _page(request, session, campaign, values, errors, 422)
    if not done.is_repeat:
        change_campaign(session, campaign.id, dial_mode=values["dial_mode"], priority=int(values["priority"]), dialling=settings)
        detail = {"mode": values["dial_mode"], "priority": int(values["priority"]), **settings}
        audit.record(session, "campaign.dialling_changed", "campaign", campaign.id, who.user_id, who.address, detail, utc_now())
    return leads_to(request, address)


def _page(
    request: Request,
    session: Session,
    campaign: Campaign,
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    t, errors = words_of(request), errors or {}
    return page(
        request,
        "dialling.html",
        shell_of(request, campaign.name),
        status,
        campaign={
            "id": campaign.id,
            "name": campaign.name,
            "status": phrases.pick(lang_of(request), STATUS[campaign.status]),
            "can_change": campaign.status != "finished",
        },
        now=now_model(standing_of(session, campaign.id, utc_now()), t),
        form=form_model(values, errors, t),
        built_in=BUILT_IN,
        errors=[{"field_id": name, "message": message} for name, message in errors.items()],
    )
