"""How a campaign stands: mode asked and in force, why, odds, abandoned share, lines; kept by the dialer, shown on pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from callcenter.core.errors import NotFound
from campaigns.compliance.gate import load_policy
from campaigns.planning.dialling import dialling_of
from campaigns.planning.models import Campaign
from dialer.calls.binding import PREDICTIVE
from dialer.calls.models import Call, DialerLease
from dialer.calls.state import UNANSWERED, CallState
from dialer.pacing.decision import REFUSALS, PacingDecision, PacingSnapshot, Why
from dialer.pacing.ledger import Ledger
from dialer.pacing.models import PacingState
from dialer.trunk import CARRIER_DOWN, TRUNK_FAILING, TRUNK_SILENT

KEEP_EVERY = timedelta(seconds=2)
CURRENT_FOR = timedelta(seconds=60)
STOPS = frozenset({CARRIER_DOWN, TRUNK_FAILING, TRUNK_SILENT})  # why a dialer that works places no calls


@dataclass(frozen=True, slots=True)
class Standing:
    """What a page shows of a campaign's dialling.

    Attributes:
        asked, mode: the mode that was chosen and the one in force.
        why: of `dialer.pacing.Why`; or one of `STOPS` while the dialer can place no calls; "" while none has decided lately.
        answer_chance: that a line dialled now is answered; None while too little is known.
        risk, risk_allowed: that the next line's answer finds nobody, and what is permitted.
        rate_today, rate_30_days: abandoned share of live answers; None before the first. limit: what they may be.
    """

    asked: str
    mode: str
    why: str
    decided_at: datetime | None
    lines: int
    ringing: int
    at_work: int
    least_operators: int
    answer_chance: float | None
    risk: float | None
    risk_allowed: float | None
    answers_today: int
    abandoned_today: int
    answers_30_days: int
    abandoned_30_days: int
    limit: float

    @property
    def rate_today(self) -> float | None:
        """Of today's live answers."""
        return self.abandoned_today / self.answers_today if self.answers_today else None

    @property
    def rate_30_days(self) -> float | None:
        """Of the live answers of 30 days."""
        return self.abandoned_30_days / self.answers_30_days if self.answers_30_days else None


def keep_decision(session: Session, campaign_id: int, snapshot: PacingSnapshot, decision: PacingDecision, now: datetime) -> None:
    """Keeps how the campaign is dialled now; the same decision is written at most every two seconds."""
    is_predictive = snapshot.mode == "predictive" and decision.why not in (*REFUSALS, Why.NO_OPERATORS)
    values: dict[str, Any] = {
        "mode_asked": snapshot.mode,
        "mode": "predictive" if is_predictive else "progressive",
        "why": decision.why.value,
        "decided_at": now,
        "detail": {
            "ringing": len(snapshot.ringing),
            "ready": snapshot.ready_operators,
            "at_work": snapshot.at_work,
            "answer_chance": None if snapshot.odds is None else round(snapshot.odds.answered, 4),
            "risk": round(decision.risk, 5),
            "risk_allowed": round(decision.risk_allowed, 5),
        },
    }
    row = insert(PacingState).values(campaign_id=campaign_id, price=snapshot.price, learned_until=now, **values)
    is_news = or_(
        PacingState.decided_at.is_(None),
        PacingState.decided_at < now - KEEP_EVERY,
        PacingState.decided_at > now,  # by a clock that was set back since
        PacingState.why != values["why"],
        PacingState.mode != values["mode"],
    )
    session.execute(row.on_conflict_do_update(index_elements=["office_id", "campaign_id"], set_=values, where=is_news))


def standing_of(session: Session, campaign_id: int, now: datetime) -> Standing:
    """How a campaign stands, its abandoned share counted anew. Raises NotFound for no such campaign."""
    campaign = session.scalar(select(Campaign).where(Campaign.id == campaign_id))
    if campaign is None:
        raise NotFound("There is no such campaign.", hint="`callcenter campaign list` shows them.")
    state = session.scalar(select(PacingState).where(PacingState.campaign_id == campaign_id))
    dialling = dialling_of(campaign.options)
    budget = Ledger(campaign_id, load_policy(session).hours.zone).budget(session, dialling.abandon_percent / 100, now, 0.0)
    is_predictive = campaign.dial_mode == PREDICTIVE
    is_current = is_predictive and state is not None and state.decided_at is not None and state.decided_at > now - CURRENT_FOR
    lease = _lease(session, campaign_id, now) if campaign.status == "running" else None
    detail = state.detail if state is not None and is_current else {}
    lines, ringing = _lines(session, campaign_id)
    return Standing(
        asked=campaign.dial_mode,
        mode=state.mode if state is not None and is_current else campaign.dial_mode,
        why=_why(campaign, lease, state.why if state is not None and is_current else ""),
        decided_at=state.decided_at if state is not None and is_current else None,
        lines=lines,
        ringing=ringing,
        at_work=int(detail.get("at_work", 0)),
        least_operators=dialling.least_operators,
        answer_chance=detail.get("answer_chance"),
        risk=detail.get("risk"),
        risk_allowed=detail.get("risk_allowed"),
        answers_today=budget.answers_today,
        abandoned_today=budget.abandoned_today,
        answers_30_days=budget.answers_30_days,
        abandoned_30_days=budget.abandoned_30_days,
        limit=dialling.abandon_percent / 100,
    )


def stops(session: Session, now: datetime) -> dict[int, str]:
    """The office's campaigns whose dialer can place no calls at present, and why: one of `STOPS`."""
    held = select(DialerLease.campaign_id, DialerLease.problem).where(DialerLease.lease_until > now, DialerLease.problem.in_(STOPS))
    return dict(session.execute(held).all())


def _lease(session: Session, campaign_id: int, now: datetime) -> str | None:
    """What keeps the campaign's dialer from placing calls, "" when nothing does; None when no dialer works on it."""
    return session.scalar(select(DialerLease.problem).where(DialerLease.campaign_id == campaign_id, DialerLease.lease_until > now))


def _lines(session: Session, campaign_id: int) -> tuple[int, int]:
    """Lines in use at this moment, and calls in the air without an operator; what was decided last may be from before a trunk failed."""
    is_ringing = and_(Call.mode == PREDICTIVE, Call.state.in_(UNANSWERED))
    counts = select(func.count(), func.count().filter(is_ringing))
    lines, ringing = session.execute(counts.where(Call.campaign_id == campaign_id, Call.state != CallState.ENDED, Call.node != "")).one()
    return lines, ringing


def _why(campaign: Campaign, problem: str | None, decided: str) -> str:
    """What was decided counts as long as a dialer works on the campaign, `problem` not being None; of a campaign that is not predictive
    nothing is decided."""
    if problem is None:
        return ""
    return problem or (decided if campaign.dial_mode == PREDICTIVE else Why(campaign.dial_mode).value)
