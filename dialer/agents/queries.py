"""What the console and the board show of operators: one look each, no state changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Label, Select, and_, func, select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from campaigns.attempts.models import Attempt, OutcomeUndo, TalkScript
from campaigns.debtors.models import Debtor, PhoneNumber
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
        waiting_reason: why a ready operator gets no call: no_leg, leg_refused, leg_down, no_campaign, no_dialer, carrier_down,
            trunk_failing, trunk_silent; "" when nothing is wrong.
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


@dataclass(frozen=True, slots=True)
class Screen:
    """All that a stage is drawn from, read at once.

    Attributes:
        console_id, last_seen_at: which open page is in charge, and when it last said so.
        attempt, debtor: the case; in preview before the call there is no attempt.
        line_type: of the number that is called.
        undo: the attempt whose result was the last, and when it was recorded.
        talk_version, talk: the office's own words in use, the newest version; 0 and nothing while it has none.
    """

    view: AgentView
    console_id: str = ""
    last_seen_at: datetime | None = None
    attempt: Attempt | None = None
    debtor: Debtor | None = None
    campaign: Campaign | None = None
    line_type: str = ""
    undo: tuple[int, datetime] | None = None
    talk_version: int = 0
    talk: Mapping[str, str] = field(default_factory=dict)


def current_view(session: Session, user_id: int, now: datetime) -> AgentView | None:
    """The operator's state as it is now; None when they are not signed in as an operator."""
    screen = current_screen(session, user_id, now)
    return None if screen is None else screen.view


def current_screen(session: Session, user_id: int, now: datetime) -> Screen | None:
    """The operator's screen as it is now; None when they are not signed in as an operator."""
    row = session.execute(_screen(user_id, now), execution_options={"populate_existing": True}).one_or_none()
    if row is None:
        return None
    agent, attempt, call, debtor, campaign = row[:5]
    item, problem = None, row.problem
    if attempt is None:
        item = claimed_item(session, agent.id)
        if item is not None:
            debtor, campaign, problem = _preview(session, item, now)
    return Screen(
        _view(session, agent, attempt, call, item, campaign, problem),
        agent.console_id,
        agent.last_seen_at,
        attempt,
        debtor,
        campaign,
        row.line_type or "",
        None if row.recorded_at is None else (row.undo_id, row.recorded_at),
        row.talk_version or 0,
        row.talk or {},
    )


def _screen(user_id: int, now: datetime) -> Select[Any]:
    """The operator with the case, its call, person, campaign (or the one that would call) and its dialer, and the words to say."""
    office = AgentSession.office_id
    running = select(Campaign.id).where(Campaign.status == "running").order_by(Campaign.priority, Campaign.id).limit(1)
    wanted = func.coalesce(Attempt.campaign_id, AgentSession.campaign_id, running.scalar_subquery())
    newest = select(func.max(TalkScript.version)).scalar_subquery()
    return (
        select(AgentSession, Attempt, Call, Debtor, Campaign, _lease_problem(), PhoneNumber.line_type)
        .add_columns(OutcomeUndo.attempt_id.label("undo_id"), OutcomeUndo.recorded_at)
        .add_columns(TalkScript.version.label("talk_version"), TalkScript.document.label("talk"))
        .outerjoin(Attempt, (Attempt.office_id == office) & (Attempt.id == AgentSession.attempt_id))
        .outerjoin(Call, (Call.office_id == office) & (Call.attempt_id == Attempt.id))
        .outerjoin(Debtor, (Debtor.office_id == office) & (Debtor.id == Attempt.debtor_id))
        .outerjoin(PhoneNumber, (PhoneNumber.office_id == office) & (PhoneNumber.id == Attempt.phone_id))
        .outerjoin(Campaign, (Campaign.office_id == office) & (Campaign.id == wanted))
        .outerjoin(DialerLease, _lease_of(now))
        .outerjoin(OutcomeUndo, (OutcomeUndo.office_id == office) & (OutcomeUndo.user_id == AgentSession.user_id))
        .outerjoin(TalkScript, (TalkScript.office_id == office) & (TalkScript.version == newest))
        .where(AgentSession.user_id == user_id, AgentSession.state != AgentState.ENDED)
    )


def _lease_of(now: datetime) -> ColumnElement[bool]:
    return and_(DialerLease.office_id == Campaign.office_id, DialerLease.campaign_id == Campaign.id, DialerLease.lease_until > now)


def _lease_problem() -> Label[str]:
    """Why the campaign's dialer places no calls; no_dialer without one."""
    return func.coalesce(DialerLease.problem, "no_dialer").label("problem")


def _preview(session: Session, item: WorkItem, now: datetime) -> tuple[Debtor, Campaign, str]:
    """Person, campaign and its dialer's problem of a case before the call."""
    debtor, campaign, problem = session.execute(
        select(Debtor, Campaign, _lease_problem())
        .join(Campaign, (Campaign.office_id == Debtor.office_id) & (Campaign.id == item.campaign_id))
        .outerjoin(DialerLease, _lease_of(now))
        .where(Debtor.id == item.debtor_id)
        .execution_options(populate_existing=True)
    ).one()
    return debtor, campaign, problem


def _view(
    session: Session,
    agent: AgentSession,
    attempt: Attempt | None,
    call: Call | None,
    item: WorkItem | None,
    campaign: Campaign | None,
    problem: str,
) -> AgentView:
    return AgentView(
        agent_session_id=agent.id,
        user_id=agent.user_id,
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
        waiting_reason=_waiting_reason(agent, campaign, problem),
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


def _waiting_reason(agent: AgentSession, campaign: Campaign | None, problem: str) -> str:
    if agent.leg_problem:
        return agent.leg_problem
    if campaign is None or campaign.status != "running":
        return "no_campaign"
    return problem or ("" if agent.is_leg_up else "no_leg")


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


def count_states(session: Session) -> dict[str, int]:
    """How many operators are in each state."""
    rows = session.execute(
        select(AgentSession.state, func.count()).where(AgentSession.state != AgentState.ENDED).group_by(AgentSession.state)
    )
    return {str(state): int(count) for state, count in rows}
