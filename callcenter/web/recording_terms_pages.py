"""What is recorded and how long it is kept, with what a change would delete; and an operator's own score cards."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.models import User
from callcenter.auth.permissions import Action
from callcenter.core.clock import utc_now
from callcenter.core.errors import AppError, InvalidInput
from callcenter.core.settings import get_settings
from callcenter.web import recording_model as model
from callcenter.web.dependencies import Form, SignedIn, Tx, may
from callcenter.web.pages import lang_of, page, shell_of, words_of
from callcenter.web.problems import told
from campaigns.planning.models import Campaign
from dialer.recordings import retention, reviews
from dialer.recordings.models import RecordingKey
from dialer.recordings.terms import (
    NOTICES,
    OfficeTerms,
    RecordingTerms,
    office_terms,
    set_office_terms,
    set_terms,
    terms_of,
)

router = APIRouter()
Shaper = Annotated[SignedIn, may(Action.SHAPE_RECORDING)]


@router.get("/recording-terms")
def show_terms(request: Request, session: Tx, who: Shaper) -> Response:
    """The office's terms, each campaign's, and what would go now."""
    return _page(request, session, office_terms(session))


@router.post("/recording-terms")
def change_office_terms(request: Request, session: Tx, who: Shaper, form: Form) -> Response:
    """Changes the office's terms; with `preview` only shows what they would delete."""
    try:
        wanted = OfficeTerms(
            keep_days=_number(form, "keep_days"),
            shows_supervision=form.get("shows_supervision") == "true",
            shows_reviews=form.get("shows_reviews") == "true",
            open_minutes=_number(form, "open_minutes"),
        )
        if form.get("preview") == "true":
            return _page(request, session, wanted, is_preview=True)
        set_office_terms(session, wanted)
    except InvalidInput as problem:
        return _page(request, session, office_terms(session), problem=problem)
    audit.record(
        session, "recording_terms.changed", "office", who.office_id, who.user_id, who.address, {"days": wanted.keep_days}, utc_now()
    )
    return RedirectResponse("/recording-terms", 303)


@router.post("/recording-terms/{campaign_id}")
def change_terms(request: Request, session: Tx, who: Shaper, campaign_id: int, form: Form) -> Response:
    """Changes one campaign's terms."""
    try:
        days = _number(form, "keep_days") if form.get("keep_days") else None
        wanted = RecordingTerms(form.get("is_on") == "true", str(form.get("notice", "none")), days)
        set_terms(session, campaign_id, wanted)
    except InvalidInput as problem:
        return _page(request, session, office_terms(session), problem=problem)
    detail = {"is_on": wanted.is_on, "notice": wanted.notice, "days": wanted.keep_days}
    audit.record(session, "recording_terms.changed", "campaign", campaign_id, who.user_id, who.address, detail, utc_now())
    return RedirectResponse("/recording-terms", 303)


@router.get("/reviews")
def show_own_reviews(request: Request, session: Tx, who: Annotated[SignedIn, may(Action.SEE_OWN_REVIEWS)]) -> Response:
    """The score cards an operator was given; nothing of the debtors."""
    t, lang = words_of(request), lang_of(request)
    people = {row.id: row.display_name for row in session.execute(select(User.id, User.display_name))}
    cards = reviews.of_operator(session, who.user_id)
    return page(
        request,
        "own_reviews.html",
        shell_of(request, t("reviews.title")),
        reviews=[model.review_model(card, people.get(card.reviewer_id, ""), lang) for card in cards],
        is_shown=office_terms(session).shows_reviews,
    )


def _number(form: Form, name: str) -> int:
    text = str(form.get(name, "")).strip()
    if not text.isdecimal() or len(text) > 5:
        raise InvalidInput("1以上の整数を入れてください。", code=name)
    return int(text)


def _page(request: Request, session: Session, terms: OfficeTerms, *, is_preview: bool = False, problem: AppError | None = None) -> Response:
    t, now = words_of(request), utc_now()
    campaigns = session.scalars(select(Campaign).where(Campaign.status != "finished").order_by(Campaign.priority, Campaign.id)).all()
    due = retention.preview(session, now, terms)
    key = session.scalars(select(RecordingKey).order_by(RecordingKey.version.desc()).limit(1)).first()
    return page(
        request,
        "recording_terms.html",
        shell_of(request, t("recording_terms.title")),
        422 if problem else 200,
        terms=replace(terms),
        campaigns=[
            {
                "id": campaign.id,
                "name": campaign.name,
                "terms": terms_of(campaign.options),
                "notices": [
                    {"value": code, "label": t(f"recording_notice.{code}"), "is_chosen": terms_of(campaign.options).notice == code}
                    for code in NOTICES
                ],
            }
            for campaign in campaigns
        ],
        due=model.due_model(due),
        due_total=sum(row.count for row in due),
        is_preview=is_preview,
        key=None if key is None else {"version": key.version, "made_at": key.made_at},
        is_remote=get_settings().carrier == "twilio",
        errors=[] if problem is None else [{"field_id": problem.code, "message": " ".join(told(problem, lang_of(request))).strip()}],
    )
