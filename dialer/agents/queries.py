"""What the console and the board show of operators: one query each, no state changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from campaigns.attempts.models import Attempt
from campaigns.planning.models import Campaign
from campaigns.worklist.models import WorkItem
from dialer.agents.models import AgentSession
from dialer.agents.state import AgentState
from dialer.calls.models import Call, DialerLease
from dialer.inbound.models import InboundCall


@dataclass(frozen=True, slots=True)
class AgentView:
    """Everything the operator's screen needs to be drawn anew after a reload.

    Attributes:
        attempt_id, debtor_id: the case on the screen; in preview before the call there is a debtor but no attempt.
        call_state: of the case's call; None before there is one.
        wrap_up_until: when the lease for the result ends.
        waiting_reason: why a ready operator gets no call: no_leg, leg_refused, leg_down, no_campaign, no_dialer, carrier_down;
            "" when nothing is wrong.
        next_state: what was asked for after this call: "", paused or ended.
        incoming_id: somebody who called us is on the line, and nobody knows yet who it is.
    """

    agent_session_id: int
    user_id: int
    state: AgentState
    state_since: datetime
    pause_reason: str
    next_state: str
    next_pause_reason: str
    campaign_id: int | None
    campaign_name: str
    dial_mode: str
    attempt_id: int | None
    debtor_id: int | None
    work_item_id: int | None
    call_id: int | None
    call_state: str | None
    answered_at: datetime | None
    call_ended_at: datetime | None
    wrap_up_until: datetime | None
    phone_text: str
    is_leg_up: bool
    leg_address: str
    leg_kind: str
    waiting_reason: str
    incoming_id: int | None = None


def current_view(session: Session, user_id: int, now: datetime) -> AgentView | None:
    """The operator's screen as it is now; None when they are not signed in as an operator."""
    row = session.execute(
        select(AgentSession, Attempt, Call)
        .outerjoin(Attempt, (Attempt.office_id == AgentSession.office_id) & (Attempt.id == AgentSession.attempt_id))
        .outerjoin(Call, (Call.office_id == Attempt.office_id) & (Call.attempt_id == Attempt.id))
        .where(AgentSession.user_id == user_id, AgentSession.state != AgentState.ENDED)
    ).one_or_none()
    if row is None:
        return None
    agent, attempt, call = row
    item = None if attempt is not None else claimed_item(session, agent.id)
    campaign = _campaign(session, agent, attempt, item)
    return AgentView(
        agent_session_id=agent.id,
        user_id=user_id,
        state=AgentState(agent.state),
        state_since=agent.state_since,
        pause_reason=agent.pause_reason,
        next_state=agent.next_state,
        next_pause_reason=agent.next_pause_reason,
        campaign_id=campaign.id if campaign else None,
        campaign_name=campaign.name if campaign else "",
        dial_mode=campaign.dial_mode if campaign else "",
        attempt_id=agent.attempt_id,
        debtor_id=attempt.debtor_id if attempt else item.debtor_id if item else None,
        work_item_id=attempt.work_item_id if attempt else item.id if item else None,
        call_id=call.id if call else None,
        call_state=call.state if call else None,
        answered_at=call.answered_at if call else None,
        call_ended_at=call.ended_at if call else None,
        wrap_up_until=attempt.wrap_up_until if attempt else None,
        phone_text=attempt.phone_text if attempt else "",
        is_leg_up=agent.is_leg_up,
        leg_address=agent.leg_address,
        leg_kind=agent.leg_kind,
        waiting_reason=_waiting_reason(session, agent, campaign, now),
        incoming_id=_incoming(session, agent) if attempt is None and agent.state == AgentState.TALKING else None,
    )


def _incoming(session: Session, agent: AgentSession) -> int | None:
    unknown = select(InboundCall.id).where(InboundCall.agent_session_id == agent.id, InboundCall.attempt_id.is_(None))
    return session.scalar(unknown.where(InboundCall.state == "talking"))


def claimed_item(session: Session, agent_session_id: int) -> WorkItem | None:
    """The case an operator has before them in preview, before the call; not one whose result they still owe from before."""
    called = select(Attempt.id).where(
        Attempt.office_id == WorkItem.office_id, Attempt.work_item_id == WorkItem.id, Attempt.state != "closed"
    )
    claimed = select(WorkItem).where(WorkItem.state == "claimed", WorkItem.claimed_by == claimant(agent_session_id), ~called.exists())
    return session.scalar(claimed.order_by(WorkItem.lease_until.desc(), WorkItem.id.desc()).limit(1))


def claimant(agent_session_id: int) -> str:
    """The name under which an operator claims a case."""
    return f"agent:{agent_session_id}"


def _campaign(session: Session, agent: AgentSession, attempt: Attempt | None, item: WorkItem | None) -> Campaign | None:
    wanted = (attempt and attempt.campaign_id) or (item and item.campaign_id) or agent.campaign_id
    if wanted:
        return session.scalar(select(Campaign).where(Campaign.id == wanted))
    running = select(Campaign).where(Campaign.status == "running")
    return session.scalar(running.order_by(Campaign.priority, Campaign.id).limit(1))


def _waiting_reason(session: Session, agent: AgentSession, campaign: Campaign | None, now: datetime) -> str:
    if agent.leg_problem:
        return agent.leg_problem
    if campaign is None or campaign.status != "running":
        return "no_campaign"
    lease = session.scalar(select(DialerLease).where(DialerLease.campaign_id == campaign.id, DialerLease.lease_until > now))
    if lease is None:
        return "no_dialer"
    if lease.problem:
        return lease.problem
    return "" if agent.is_leg_up else "no_leg"


@dataclass(frozen=True, slots=True)
class BoardLine:
    """One operator on the supervisor's board."""

    user_id: int
    display_name: str
    state: AgentState
    state_since: datetime
    pause_reason: str
    next_state: str
    campaign_id: int | None
    attempt_id: int | None
    is_bot: bool
    is_leg_up: bool


def board(session: Session) -> list[BoardLine]:
    """All signed-in operators, longest in their state first."""
    rows = session.execute(
        select(AgentSession, User.display_name)
        .join(User, (User.office_id == AgentSession.office_id) & (User.id == AgentSession.user_id))
        .where(AgentSession.state != AgentState.ENDED)
        .order_by(AgentSession.state_since, AgentSession.id)
    )
    return [
        BoardLine(
            user_id=agent.user_id,
            display_name=name,
            state=AgentState(agent.state),
            state_since=agent.state_since,
            pause_reason=agent.pause_reason,
            next_state=agent.next_state,
            campaign_id=agent.campaign_id,
            attempt_id=agent.attempt_id,
            is_bot=agent.is_bot,
            is_leg_up=agent.is_leg_up,
        )
        for agent, name in rows
    ]


def overdue_results(session: Session, now: datetime) -> list[Attempt]:
    """Conversations whose result nobody wrote down in time: the supervisor's list, oldest first."""
    return list(
        session.scalars(select(Attempt).where(Attempt.state == "wrap_up", Attempt.wrap_up_until < now).order_by(Attempt.wrap_up_until))
    )


def count_states(session: Session) -> dict[str, int]:
    """How many operators are in each state."""
    rows = session.execute(
        select(AgentSession.state, func.count()).where(AgentSession.state != AgentState.ENDED).group_by(AgentSession.state)
    )
    return {str(state): int(count) for state, count in rows}
