"""Who will be skipped and why, before a campaign is started: counts, when contact is possible again, examples, and a file."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.core.clock import utc_now
from callcenter.core.db import after_commit, transaction
from callcenter.core.errors import NotFound
from callcenter.core.queue import enqueue_after_commit
from callcenter.web.dependencies import Once, SignedIn, Tx, may, once
from callcenter.web.pages import fragment, lang_of, page, shell_of, words_of
from callcenter.web.skipped_model import people_csv, progress_model, read_filter, skipped_model
from campaigns.compliance import checks
from campaigns.planning.models import Campaign

router = APIRouter(prefix="/campaigns/{campaign_id}/skipped")
Runner = Annotated[SignedIn, may(Action.RUN_CAMPAIGNS)]
AT_ONCE = 3_000
"""So many people are asked about while the page waits; of more a worker takes care."""


@router.get("")
def show_skipped(request: Request, session: Tx, who: Runner, campaign_id: int, page_no: int = 1, start: int = 0) -> Response:
    """The newest check of the campaign; with a reason or a day chosen, the people behind it."""
    campaign, lang = _require(session, campaign_id), lang_of(request)
    chosen, errors = read_filter(request.query_params, lang)
    model = skipped_model(session, campaign, chosen, lang, page_no=max(1, min(page_no, 100_000)), is_start=bool(start))
    if model["people"]:
        detail = {"page": "skipped", "count": len(model["people"]), "channel": chosen.channel, "reason": chosen.reason}
        audit.record(session, "debtor.listed", "campaign", campaign_id, who.user_id, who.address, detail, utc_now())
    shell = shell_of(request, words_of(request)("skipped.title"))
    return page(request, "skipped.html", shell, 422 if errors else 200, errors=errors, **model)


@router.get("/progress")
def show_progress(request: Request, session: Tx, who: Runner, campaign_id: int) -> Response:
    """How far the check is; the page looks anew once it has ended."""
    _require(session, campaign_id)
    running = checks.latest(session, campaign_id, is_done=False)
    answer = fragment(request, "skipped_progress.html", progress=progress_model(campaign_id, running))
    if running is None:
        answer.headers["HX-Refresh"] = "true"
    return answer


@router.get("/people.csv")
def download(request: Request, session: Tx, who: Runner, campaign_id: int) -> Response:
    """Everybody the filter means, as CSV; no cell can become a formula."""
    campaign, lang = _require(session, campaign_id), lang_of(request)
    chosen, _ = read_filter(request.query_params, lang)
    data, count = people_csv(session, campaign_id, chosen, lang)
    detail = {"page": "skipped.csv", "count": count, "channel": chosen.channel, "reason": chosen.reason}
    audit.record(session, "debtor.exported", "campaign", campaign_id, who.user_id, who.address, detail, utc_now())
    name = f"skipped-{campaign.id}.csv"
    return Response(data, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.post("/check")
def check_now(session: Tx, who: Runner, done: Annotated[Once, once], campaign_id: int) -> Response:
    """Asks the gate about everybody of the campaign: at once for a small one, else in a worker, with its progress on the page."""
    _require(session, campaign_id)
    if not done.is_repeat:
        check, is_new = checks.request_check(session, campaign_id, utc_now(), who.user_id)
        audit.record(session, "campaign.checked", "campaign", campaign_id, who.user_id, who.address, {"people": check.total}, utc_now())
        if is_new and check.total <= AT_ONCE:
            office, check_id = who.office_id, check.id
            after_commit(session, lambda: (checks.run_check(lambda: transaction(office), check_id, utc_now()), None)[1])
        elif is_new:
            enqueue_after_commit(session, "campaigns.jobs.check_campaign", check.id, queue="batch")
    return RedirectResponse(f"/campaigns/{campaign_id}/skipped", 303)


def _require(session: Session, campaign_id: int) -> Campaign:
    campaign = session.scalar(select(Campaign).where(Campaign.id == campaign_id))
    if campaign is None:
        raise NotFound("その計画はありません。", code="no_campaign")
    return campaign
