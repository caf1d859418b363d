"""One campaign: its cycle, its ladder as a picture, and the form that changes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter
from pydantic import ValidationError
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.core.clock import utc_now
from callcenter.core.db import set_office
from callcenter.core.errors import Conflict, InvalidInput
from callcenter.web import phrases
from callcenter.web.campaign_pages import STATUS
from callcenter.web.dependencies import Form, Once, SignedIn, Tx, may, once
from callcenter.web.dialling_model import now_model
from callcenter.web.ladder_form import document_of, errors_of, typed, values_of, version_of
from callcenter.web.ladder_model import campaign_model, form_model
from callcenter.web.pages import fragment, lang_of, leads_to, page, shell_of, words_of
from campaigns.planning.conduct import conduct_of, toml_of
from campaigns.planning.models import Campaign
from campaigns.planning.service import change_campaign, find_campaign
from dialer.pacing.standing import standing_of

router = APIRouter()
Runner = Annotated[SignedIn, may(Action.RUN_CAMPAIGNS)]


@router.get("/campaigns/{campaign_id}")
def show_campaign(request: Request, session: Tx, who: Runner, campaign_id: int) -> Response:
    """The campaign's cycle, ladder and settings."""
    campaign = find_campaign(session, str(campaign_id))
    return _page(request, session, campaign, values_of(conduct_of(campaign.options)))


@router.get("/campaigns/{campaign_id}/ladder.toml")
def download_ladder(session: Tx, who: Runner, campaign_id: int) -> Response:
    """The settings as a file for the command line."""
    text = toml_of(conduct_of(find_campaign(session, str(campaign_id)).options))
    headers = {"Content-Disposition": 'attachment; filename="ladder.toml"'}
    return Response(text, media_type="application/toml; charset=utf-8", headers=headers)


@router.post("/campaigns/{campaign_id}/ladder")
def change_ladder(request: Request, session: Tx, who: Runner, done: Annotated[Once, once], form: Form, campaign_id: int) -> Response:
    """Saves ladder, cycles and retries; what was typed stays when something is wrong."""
    campaign, values = find_campaign(session, str(campaign_id)), typed(form)
    address = f"/campaigns/{campaign.id}"
    if done.is_repeat:
        return leads_to(request, address)
    if values.get("version") != version_of(conduct_of(campaign.options)):
        raise Conflict("この手順は、別の画面で変えられています。", hint="開き直してから変えてください。", code="ladder_changed")
    try:
        conduct = conduct_of(document_of(values))
    except InvalidInput as problem:
        cause = problem.__cause__
        assert isinstance(cause, ValidationError)
        errors = errors_of(cause, values, words_of(request), lang_of(request))
        session.rollback()
        if request.headers.get("hx-request") == "true":
            return fragment(request, "errors.html", problem.status, errors=errors)
        set_office(session, who.office_id)
        return _page(request, session, find_campaign(session, str(campaign_id)), values, problem.status, errors)
    change_campaign(session, campaign.id, conduct=conduct)
    audit.record(session, "campaign.ladder_changed", "campaign", campaign.id, who.user_id, who.address, None, utc_now())
    return leads_to(request, address)


def _page(
    request: Request,
    session: Session,
    campaign: Campaign,
    values: Mapping[str, str],
    status: int = 200,
    errors: Sequence[Mapping[str, str]] = (),
) -> Response:
    lang, t = lang_of(request), words_of(request)
    head = {
        "id": campaign.id,
        "name": campaign.name,
        "status": phrases.pick(lang, STATUS[campaign.status]),
        "mode": t(f"ladder_mode.{campaign.dial_mode}"),
        "planned_as_of": campaign.planned_as_of,
        "can_change": campaign.status != "finished",
    }
    model = campaign_model(session, campaign, utc_now(), t, lang) | form_model(conduct_of(campaign.options), values, t, lang)
    now = now_model(standing_of(session, campaign.id, utc_now()), t)
    return page(request, "campaign.html", shell_of(request, campaign.name), status, campaign=head, errors=errors, now=now, **model)
