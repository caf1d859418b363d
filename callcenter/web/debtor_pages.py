"""A debtor as supervisors, officers and auditors see them; each view on record."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.core.clock import local_day, utc_now
from callcenter.core.errors import NotFound
from callcenter.web import debtor_view as view
from callcenter.web import phrases
from callcenter.web.dependencies import SignedIn, Tx, may
from callcenter.web.operator_case import PLAN_EXISTS
from callcenter.web.pages import fragment, lang_of, page, shell_of, words_of
from callcenter.web.reading import require_pace
from campaigns.debtors.account import read_account
from campaigns.debtors.household import members_of
from campaigns.debtors.models import Debtor
from campaigns.promises.plans import has_plan

router = APIRouter()
Reader = Annotated[SignedIn, may(Action.SEE_DEBTORS)]
Show = Annotated[str, Query(max_length=12)]
Before = Annotated[str, Query(max_length=60)]


def require_debtor(session: Session, debtor_id: int) -> Debtor:
    """One of this office. Raises NotFound."""
    debtor = session.scalar(select(Debtor).where(Debtor.id == debtor_id))
    if debtor is None:
        raise NotFound("その対象者はいません。", code="no_debtor")
    return debtor


@router.get("/debtors/{debtor_id}")
def show_debtor(request: Request, session: Tx, who: Reader, debtor_id: int, show: Show = "", before: Before = "") -> Response:
    """Everything of one debtor."""
    now, lang = utc_now(), lang_of(request)
    require_pace(request, session, who)
    debtor = require_debtor(session, debtor_id)
    audit.record(session, "debtor.viewed", "debtor", debtor.id, who.user_id, who.address, {"page": "debtor"}, now)
    return page(
        request,
        "debtor.html",
        shell_of(request, words_of(request)("nav.debtors")),
        debtor=view.person_model(debtor, lang),
        account=view.account_model(session, read_account(session, debtor_id, local_day(now)), lang),
        why=view.why_model(session, debtor, lang, now),
        numbers=view.numbers_model(session, debtor_id, who, lang),
        holds=view.holds_model(session, debtor_id, who, lang, now),
        household=view.household_model(session, debtor, who, now),
        timeline=view.timeline_model(session, debtor_id, who, lang, now, show=show, before=before),
        plan_note=phrases.pick(lang, PLAN_EXISTS) if has_plan(session, debtor_id) else "",
    )


@router.get("/debtors/{debtor_id}/timeline")
def show_timeline(request: Request, session: Tx, who: Reader, debtor_id: int, show: Show = "", before: Before = "") -> Response:
    """A page of what happened, narrowed or older; part of the view that is on record."""
    require_debtor(session, debtor_id)
    model = view.timeline_model(session, debtor_id, who, lang_of(request), utc_now(), show=show, before=before)
    return fragment(request, "debtor_entries.html" if before else "debtor_timeline.html", timeline=model)


@router.post("/debtors/{debtor_id}/household")
def open_household(request: Request, session: Tx, who: Annotated[SignedIn, may(Action.OPEN_HOUSEHOLDS)], debtor_id: int) -> Response:
    """Who else belongs to the household: a view of them, on record with each one."""
    now = utc_now()
    debtor = require_debtor(session, debtor_id)
    members = members_of(session, debtor)
    audit.record(session, "debtor.household_opened", "debtor", debtor.id, who.user_id, who.address, {"members": len(members)}, now)
    for member in members:
        audit.record(session, "debtor.seen_in_household", "debtor", member.id, who.user_id, who.address, {"of": debtor.id}, now)
    shell = shell_of(request, words_of(request)("nav.debtors"))
    return page(request, "debtor_household.html", shell, debtor=view.person_model(debtor, lang_of(request)), members=members)
