"""Campaigns: what a plan would do and what it did, starting and stopping, the night's batches by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Form as Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.core.clock import utc_now
from callcenter.core.errors import InvalidInput, NotFound
from callcenter.core.queue import enqueue_after_commit
from callcenter.web import phrases
from callcenter.web.dependencies import Once, SignedIn, Tx, may, once
from callcenter.web.i18n import Translate
from callcenter.web.pages import lang_of, leads_to, page, shell_of, words_of
from callcenter.web.supervisor_pages import back
from campaigns.attempts.codes import Channel
from campaigns.debtors.models import Debtor
from campaigns.messages.batches import order_batch, prepare_batch
from campaigns.messages.models import Batch
from campaigns.planning import service as planning
from campaigns.planning.models import Campaign
from campaigns.planning.state import TRANSITIONS, CampaignStatus
from campaigns.segmentation.models import ChannelAssignment
from campaigns.segmentation.reasons import reason_text

router = APIRouter()
Runner = Annotated[SignedIn, may(Action.RUN_CAMPAIGNS)]
STATUS: dict[str, tuple[str, str]] = {
    "draft": ("準備中", "Draft"),
    "running": ("実施中", "Running"),
    "paused": ("停止中", "Paused"),
    "finished": ("終了", "Finished"),
}
BATCH_CHANNELS = (Channel.SMS, Channel.AUTO_CALL)
AT_ONCE = 2_000  # people that are prepared within the request
COUNTED_AT_ONCE = 100_000  # people for whom a plan is counted within the request


@router.get("/campaigns")
def list_campaigns(request: Request, session: Tx, who: Runner) -> Response:
    """All campaigns with their present assignments and work."""
    lang = lang_of(request)
    rows = [_campaign(session, campaign, words_of(request), lang) for campaign in planning.list_campaigns(session)]
    return page(request, "campaigns.html", shell_of(request, words_of(request)("nav.campaigns")), campaigns=rows)


@router.post("/campaigns")
def make_campaign(
    request: Request, session: Tx, who: Runner, done: Annotated[Once, once], name: Annotated[str, Field(max_length=60)] = ""
) -> Response:
    """Makes a campaign with the standard rule set."""
    if not done.is_repeat:
        campaign = planning.create_campaign(session, name, utc_now(), user_id=who.user_id)
        _note(session, who, "campaign.made", campaign.id)
    return back(request, "/campaigns")


@router.get("/campaigns/{campaign_id}/plan")
def show_plan(request: Request, session: Tx, who: Runner, campaign_id: int) -> Response:
    """What planning now would do, counted without writing anything; a large list is counted by a job, on the page of its rules."""
    lang = lang_of(request)
    campaign = _require(session, campaign_id)
    few = select(Debtor.id).where(Debtor.is_listed).limit(COUNTED_AT_ONCE + 1).subquery()
    if (session.scalar(select(func.count()).select_from(few)) or 0) > COUNTED_AT_ONCE:
        return RedirectResponse(f"/rules/{campaign.rule_set_id}/preview", 303)
    shown, result = planning.show_campaign(session, campaign), planning.plan(session, campaign_id, utc_now(), dry_run=True)
    model = {
        "campaign": {"id": campaign.id, "name": campaign.name, "rule_set_id": campaign.rule_set_id},
        "rule_set": shown["rule_set"],
        "debtors": result.debtors,
        "is_first": not shown["channels"],
        "channels": [
            row | {"before": before, "more": row["count"] - before}
            for row in _shares(result.channels, lang)
            for before in (shown["channels"].get(row["code"], 0),)
        ],
        "reasons": [{"label": reason_text(code, lang), "count": count} for code, count in result.reasons.items()],
    }
    return page(request, "campaign_plan.html", shell_of(request, campaign.name), plan=model)


@router.post("/campaigns/{campaign_id}/plan")
def plan_now(request: Request, session: Tx, who: Runner, done: Annotated[Once, once], campaign_id: int) -> Response:
    """Lets a job plan it as of now and queue the operators' calls."""
    _require(session, campaign_id)
    if not done.is_repeat:
        enqueue_after_commit(session, "campaigns.jobs.plan_campaign", campaign_id)
        _note(session, who, "campaign.planned", campaign_id)
    return back(request, "/campaigns")


@router.post("/campaigns/{campaign_id}/status")
def change_status(
    request: Request, session: Tx, who: Runner, done: Annotated[Once, once], campaign_id: int, status: Annotated[str, Field(max_length=10)]
) -> Response:
    """Starts, pauses or finishes it."""
    if status not in set(CampaignStatus):
        raise InvalidInput("その状態にはできません。", hint=", ".join(CampaignStatus), code="bad_state")
    if not done.is_repeat:
        planning.set_status(session, campaign_id, CampaignStatus(status), utc_now())
        _note(session, who, f"campaign.{status}", campaign_id)
    return back(request, "/campaigns")


@router.post("/campaigns/{campaign_id}/batches")
def prepare(
    request: Request, session: Tx, who: Runner, done: Annotated[Once, once], campaign_id: int, channel: Annotated[str, Field(max_length=20)]
) -> Response:
    """Prepares the next window's messages or automated calls: a few at once, many in a worker; somebody else releases them."""
    if channel not in BATCH_CHANNELS:
        raise InvalidInput("SMS または自動電話を選んでください。", code="bad_channel")
    if done.is_repeat:
        return back(request, "/campaigns")
    now = utc_now()
    batch = order_batch(session, campaign_id, Channel(channel), now, now, user_id=who.user_id)
    wanted = select(func.count()).where(ChannelAssignment.campaign_id == campaign_id, ChannelAssignment.channel == channel)
    if (session.scalar(wanted) or 0) <= AT_ONCE:
        prepare_batch(session, campaign_id, Channel(channel), now, user_id=who.user_id, waits=True, batch=batch)
    else:
        enqueue_after_commit(session, "campaigns.jobs.prepare_ordered", batch.id, queue="batch")
    detail = {"channel": channel, "prepared": batch.prepared, "refused": batch.refused}
    audit.record(session, "batch.prepared", "batch", batch.id, who.user_id, who.address, detail, now)
    address = f"/batches/{batch.id}"
    return leads_to(request, address)


def _require(session: Session, campaign_id: int) -> Campaign:
    campaign = session.scalar(select(Campaign).where(Campaign.id == campaign_id))
    if campaign is None:
        raise NotFound("その計画はありません。", code="no_campaign")
    return campaign


def _note(session: Session, who: SignedIn, action: str, campaign_id: int) -> None:
    audit.record(session, action, "campaign", campaign_id, who.user_id, who.address, None, utc_now())


def _campaign(session: Session, campaign: Campaign, t: Translate, lang: str) -> dict[str, Any]:
    shown = planning.show_campaign(session, campaign)
    batches = session.scalars(select(Batch).where(Batch.campaign_id == campaign.id).order_by(Batch.id.desc()).limit(4))
    return {
        "id": campaign.id,
        "name": campaign.name,
        "status": phrases.pick(lang, STATUS[campaign.status]),
        "is_running": campaign.status == CampaignStatus.RUNNING,
        "mode": t(f"ladder_mode.{campaign.dial_mode}"),
        "rule_set": shown["rule_set"],
        "planned_as_of": campaign.planned_as_of,
        "channels": _shares(shown["channels"], lang),
        "work": sum(count for state, count in shown["work"].items() if state in ("ready", "claimed")),
        "next": [
            {"value": status.value, "label": phrases.pick(lang, _verb(status))} for status in TRANSITIONS[CampaignStatus(campaign.status)]
        ],
        "batches": [
            {
                "label": phrases.label(lang, Channel(batch.channel)),
                "href": f"/batches/{batch.id}",
                "state": "unreleased" if batch.state == "ready" and batch.approved_at is None else batch.state,
                "prepared": batch.prepared,
                "refused": batch.refused,
                "release_from": batch.release_from,
            }
            for batch in batches
        ],
        "can_plan": campaign.status != CampaignStatus.FINISHED,
    }


def _shares(counts: Mapping[str, int], lang: str) -> list[dict[str, Any]]:
    """{code, label, count, percent} of each channel, in the order of the ladder."""
    total = sum(counts.values())
    return [
        {"code": code, "label": phrases.label(lang, code), "count": count, "percent": 100 * count / total if total else 0.0}
        for code in Channel
        if (count := counts.get(code, 0)) or total
    ]


def _verb(status: CampaignStatus) -> tuple[str, str]:
    verbs = {CampaignStatus.RUNNING: ("始める", "Start"), CampaignStatus.PAUSED: ("止める", "Pause")}
    return verbs.get(status, ("終える", "Finish"))
