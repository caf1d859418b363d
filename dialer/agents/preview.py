"""Preview: the operator sees the case first and decides when, or that not, to call.

The case is the operator's by a claim with a lease; the call is put on record here and taken by the dialer within a moment. A call that no
dialer takes was certainly not made and is undone by `dialer.reaping`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.errors import Conflict
from callcenter.core.live import publish
from campaigns.attempts.codes import Channel
from campaigns.planning.models import Campaign
from campaigns.worklist import claim
from campaigns.worklist.models import WorkItem
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.agents.queries import claimant, claimed_item
from dialer.agents.state import AgentState
from dialer.calls.service import open_call
from dialer.cases import admit, next_case, open_case

READ_LEASE = timedelta(minutes=10)


def request_next(session: Session, user_id: int, now: datetime) -> WorkItem | None:
    """Gives a ready operator the next case to look at; None when there is nothing to do now.

    Asking again returns the case the operator has already. Raises Conflict when the operator is not ready.
    """
    agent = agents.require_live(session, user_id)
    agent.last_seen_at = now
    if agent.state == AgentState.RESERVED and agent.attempt_id is None:
        return claimed_item(session, agent.id)
    if agent.state != AgentState.READY:
        raise Conflict("You are not ready for a case.", hint="Say that you are ready first.", code="not_ready")
    for campaign in _campaigns(session, agent):
        case = next_case(
            session, campaign.id, Channel.OPERATOR_CALL, claimant(agent.id), now, user_ids=(user_id,), lease=READ_LEASE, mode="preview"
        )
        if case is not None:
            agents.move(session, agent, AgentState.RESERVED, now)
            return case.item
    return None


def call_now(session: Session, user_id: int, now: datetime) -> int | None:
    """Calls the debtor of the case before the operator; the gate is asked again. Returns the attempt.

    Raises Conflict when there is no such case any more or no voice leg. None: the gate refuses by now; commit, since the case was
    given back with its reason.
    """
    agent, item = _case_of(session, user_id, now)
    if not agent.is_leg_up:
        raise Conflict("Your telephone is not connected.", hint="Connect it; the case stays before you meanwhile.", code="no_leg")
    case = admit(session, item, now, mode="preview") if claim.is_within_budget(session, item, now) else None
    if case is None:
        agents.release(session, agent.id, now)
        return None
    attempt = open_case(session, case, Channel.OPERATOR_CALL, now, operator_id=user_id)
    open_call(session, attempt, carrier="", mode="preview", node="", now=now, agent_session_id=agent.id)
    agent.attempt_id = attempt.id
    publish(session, "dial")
    agents.tell(session, agent)
    return attempt.id


def skip(session: Session, user_id: int, now: datetime, *, minutes: int = 30) -> None:
    """Gives the case back for later, uncalled; the operator is ready again."""
    agent, item = _case_of(session, user_id, now)
    assert item.claim_token is not None
    claim.release(session, item.id, item.claim_token, now, not_before=now + timedelta(minutes=minutes), reason="skipped")
    agents.release(session, agent.id, now)


def sign_out(session: Session, user_id: int, now: datetime) -> None:
    """Ends the operator's work, in a call after it; a case they only look at goes back at once, for whoever is next."""
    agent = agents.sign_out(session, user_id, now)
    if agent.state == AgentState.RESERVED and agent.attempt_id is None and claimed_item(session, agent.id) is not None:
        skip(session, user_id, now, minutes=0)


def _case_of(session: Session, user_id: int, now: datetime) -> tuple[AgentSession, WorkItem]:
    agent = agents.require_live(session, user_id)
    agent.last_seen_at = now
    item = claimed_item(session, agent.id) if agent.state == AgentState.RESERVED and agent.attempt_id is None else None
    if item is None:
        raise Conflict("There is no case before you.", hint="Take the next case.", code="no_case")
    return agent, item


def _campaigns(session: Session, agent: AgentSession) -> list[Campaign]:
    running = select(Campaign).where(Campaign.status == "running").order_by(Campaign.priority, Campaign.id)
    if agent.campaign_id is not None:
        running = running.where(Campaign.id == agent.campaign_id)
    return list(session.scalars(running))
