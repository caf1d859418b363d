"""The operator's screen while no call is there: why nothing comes, the day's own figures, the next call-backs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.core.clock import OFFICE_ZONE, day_bounds, local_day
from callcenter.web import phrases
from callcenter.web.dependencies import SignedIn
from callcenter.web.operator_stage import Scene
from campaigns.attempts.codes import CONTACT_PARTIES, PROMISE_OUTCOMES, Channel
from campaigns.attempts.models import Attempt
from campaigns.compliance.days import WHOLE_DAY, hours_text
from campaigns.compliance.gate import load_policy
from campaigns.compliance.windows import hours_on, next_open
from campaigns.planning.models import Campaign
from campaigns.worklist.models import WorkItem
from dialer.agents.state import AgentState


def idle_model(session: Session, scene: Scene, who: SignedIn, mine: Sequence[WorkItem], lang: str, now: datetime) -> dict[str, Any]:
    """The field `idle` of operator/idle.html."""
    view = scene.view
    is_ready = view.state is AgentState.READY
    hours, closed = hours_today(session, lang, now)
    reason = phrases.pick(lang, phrases.WAITING[view.waiting_reason]) if view.waiting_reason in phrases.WAITING else ""
    waiting, today = _counts(session, who.user_id, lang, now)
    return {
        "is_ready": is_ready,
        "can_request": is_ready and view.dial_mode == "preview",
        "reason": (reason or closed) if is_ready else "",
        "campaign": view.campaign_name,
        "hours": hours,
        "waiting": waiting,
        "today": today,
        "callbacks": [{"at": item.not_before, "case_no": f"{item.id:06d}", "note": "", "href": ""} for item in mine],
        "owed": _owed(session, who.user_id, now),
    }


def hours_today(session: Session, lang: str, now: datetime) -> tuple[str, str]:
    """Today's contact hours in words, and why nothing is called now ("" while they are open)."""
    contact = load_policy(session).hours
    today = hours_on(contact, Channel.OPERATOR_CALL, local_day(now))
    span = phrases.pick(lang, ("本日は架電しない日", "Closed today"))
    if today:
        span = phrases.pick(lang, ("終日", "all day")) if today == (WHOLE_DAY,) else hours_text(today).replace("-", "〜").replace(",", "、")
    opening = next_open(contact, Channel.OPERATOR_CALL, now)
    if opening is None or opening > now:
        at = "" if opening is None else f"{opening.astimezone(OFFICE_ZONE):%m/%d %H:%M}"
        return span, phrases.pick(lang, (f"架電の時間外です。次は {at}", f"Outside the contact hours; next {at}"))
    return span, ""


def _counts(session: Session, user_id: int, lang: str, now: datetime) -> tuple[int, list[dict[str, str]]]:
    """How many cases wait to be called, and the operator's own calls, contacts and promises of today."""
    running = WorkItem.campaign_id.in_(select(Campaign.id).where(Campaign.status == "running"))
    is_due = (WorkItem.state == "ready", WorkItem.channel == Channel.OPERATOR_CALL.value, WorkItem.not_before <= now)
    waiting = select(func.count()).where(*is_due, running)
    begin, end = day_bounds(local_day(now), local_day(now))
    mine = (
        Attempt.operator_id == user_id,
        Attempt.channel == Channel.OPERATOR_CALL.value,
        Attempt.began_at >= begin,
        Attempt.began_at < end,
        Attempt.handed_over_at.is_not(None),
    )
    ready, calls, contacts, promises = session.execute(
        select(
            waiting.scalar_subquery(),
            func.count(),
            func.count().filter(Attempt.party.in_([party.value for party in CONTACT_PARTIES])),
            func.count().filter(Attempt.outcome.in_([outcome.value for outcome in PROMISE_OUTCOMES])),
        ).where(*mine)
    ).one()
    words = (("架電", "Calls"), ("つながった", "Contacts"), ("約束", "Promises"))
    return ready, [
        {"label": phrases.pick(lang, pair), "value": f"{value:,}", "note": ""}
        for pair, value in zip(words, (calls, contacts, promises), strict=True)
    ]


def _owed(session: Session, user_id: int, now: datetime) -> list[dict[str, Any]]:
    """Conversations of today whose result this operator did not write in time; nothing of the matter."""
    mine = (Attempt.operator_id == user_id, Attempt.state == "wrap_up", Attempt.began_at > now - timedelta(hours=12))
    rows = session.execute(select(Attempt.id, Attempt.began_at).where(*mine).order_by(Attempt.began_at, Attempt.id).limit(5))
    return [{"attempt_id": row.id, "at": row.began_at} for row in rows]


def own_callbacks(session: Session, user_id: int, now: datetime) -> Sequence[WorkItem]:
    """The call-backs kept for this operator that are due within a day, the first first."""
    mine = (WorkItem.state == "ready", WorkItem.is_callback, WorkItem.user_id == user_id, WorkItem.not_before < now + timedelta(days=1))
    return session.scalars(select(WorkItem).where(*mine).order_by(WorkItem.not_before, WorkItem.id).limit(5)).all()
