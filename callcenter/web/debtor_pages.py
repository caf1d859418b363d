"""A debtor as supervisors, officers and auditors see them; each view on record."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.core.clock import local_day, utc_now
from callcenter.core.errors import AppError, NotFound
from callcenter.web import phrases
from callcenter.web.dependencies import SignedIn, Tx, may
from callcenter.web.operator_case import debts_model, history_model, promises_model
from callcenter.web.pages import lang_of, page, shell_of, words_of
from campaigns.attempts.codes import Channel
from campaigns.debtors import case as cases
from campaigns.debtors.models import Debtor, PhoneNumber
from campaigns.planning.explain import explain
from campaigns.planning.service import latest_campaign

router = APIRouter()
Reader = Annotated[SignedIn, may(Action.SEE_DEBTORS)]
VIEWS = parse("120 per minute")
_views = MovingWindowRateLimiter(MemoryStorage())


class TooManyViews(AppError):
    """More debtors in a minute than a person reads."""

    status = 429
    code = "too_many_views"


@router.get("/debtors/{debtor_id}")
def show_debtor(request: Request, session: Tx, who: Reader, debtor_id: int) -> Response:
    """Everything of one debtor."""
    now, lang = utc_now(), lang_of(request)
    if not _views.hit(VIEWS, str(who.office_id), str(who.user_id)):
        raise TooManyViews("短い時間に多くの対象者を開きました。", hint="1分ほど待ってください。この操作は記録されます。")
    debtor = session.scalar(select(Debtor).where(Debtor.id == debtor_id))
    if debtor is None:
        raise NotFound("その対象者はいません。", code="no_debtor")
    audit.record(session, "debtor.viewed", "debtor", debtor.id, who.user_id, who.address, {"page": "debtor"}, now)
    phones = session.scalars(select(PhoneNumber).where(PhoneNumber.debtor_id == debtor_id).order_by(PhoneNumber.position))
    return page(
        request,
        "debtor.html",
        shell_of(request, words_of(request)("nav.debtors")),
        debtor={
            "number": debtor.debtor_no,
            "name": debtor.name,
            "kana": debtor.name_kana,
            "address": debtor.address,
            "birth_date": debtor.birth_date,
            "is_listed": debtor.is_listed,
            "phones": [{"number": phone.original, "status": phone.status, "line_type": phone.line_type} for phone in phones],
        },
        debts=debts_model(session, cases.read_debts(session, debtor_id, local_day(now)), lang),
        history=history_model(session, debtor_id, lang),
        promises=promises_model(session, debtor_id),
        why=_why(session, debtor, lang),
    )


def _why(session: Session, debtor: Debtor, lang: str) -> dict[str, Any]:
    """The channel with its reasons, and what the gate says now, in words."""
    told = explain(session, debtor.debtor_no, latest_campaign(session), utc_now(), lang)
    return {
        "channel": phrases.label(lang, Channel(told["channel"])),
        "reasons": [str(reason.get("text") or reason.get("code") or "") for reason in told["reasons"]],
    }
