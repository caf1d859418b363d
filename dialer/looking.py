"""The moment as the pacing sees it: a campaign's lines, operators, learned odds and budget, read from the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from campaigns.attempts.codes import Channel, LineResult
from campaigns.compliance.rules import ContactPolicy
from campaigns.compliance.windows import spans_on
from campaigns.messages.terms import load_terms
from campaigns.worklist.claim import has_due
from dialer.agents.models import AgentSession
from dialer.agents.state import AgentState
from dialer.calls.binding import PATIENCE, PREDICTIVE, is_waiting, serves
from dialer.calls.following import ROBOCALL
from dialer.calls.models import Call
from dialer.calls.state import UNANSWERED, CallState
from dialer.inbound.models import InboundCall
from dialer.line import CASES, Line
from dialer.pacing import PacingDecision, PacingSnapshot, Why, decide
from dialer.sharing import CampaignShare

if TYPE_CHECKING:
    from dialer.pacing.pacer import Pacer

AT_WORK = (AgentState.READY, AgentState.RESERVED, AgentState.RINGING, AgentState.WRAP_UP)
LET_GO_AFTER = timedelta(seconds=15)  # Ofcom's least ring


@dataclass(frozen=True, slots=True)
class Look:
    """What a round of one campaign has to do.

    Attributes:
        requested: calls that operators asked for in preview and that have a line; the snapshot's free lines are what these leave.
        let_go: channels of calls to be hung up, since their answer would probably find nobody.
        own_only: operators who serve any campaign are another one's now.
    """

    requested: int
    snapshot: PacingSnapshot
    decision: PacingDecision
    let_go: Sequence[str] = ()
    own_only: bool = False


@dataclass(frozen=True, slots=True)
class _Lines:
    """Calls under way from this dialer: all of the office's, the campaign's own, its robocalls; calls asked for in preview; and calls of
    other campaigns whose answer will want an operator."""

    all: int = 0
    own: int = 0
    robocalls: int = 0
    requested: int = 0
    owed: int = 0


def look(
    session: Session, line: Line, share: CampaignShare, before: Sequence[CampaignShare], pacer: Pacer | None, barred: Why | None
) -> Look:
    """Reads one campaign's moment and decides.

    Args:
        before: campaigns that come first; while they have work, operators who serve any are theirs.
        pacer: a predictive campaign's; another one is dialled without.
        barred: why nothing may be predicted whatever the odds.
    """
    lines = _lines(session, line, share)
    line.lines_in_use[share.office_id] = lines.all
    own_only = any(_has_work(session, line, other) for other in before)
    free = _free_lines(line, share, lines)
    requested = min(lines.requested, free)
    snapshot = _usual(session, line, share, lines, free - requested, own_only=own_only)
    if pacer is None:
        return Look(requested, snapshot, decide(snapshot), own_only=own_only)
    ringing = _ringing(session, line, share)
    snapshot = _predictive(session, line, share, snapshot, pacer, [placed for _, placed in ringing], own_only=own_only)
    decision = decide(replace(snapshot, barred=barred))
    old = line.clock.now() - LET_GO_AFTER
    let_go = [channel for channel, placed in ringing if decision.let_go and placed <= old]
    return Look(requested, snapshot, decision, let_go, own_only)


def _lines(session: Session, line: Line, share: CampaignShare) -> _Lines:
    is_owed = and_(Call.mode == PREDICTIVE, Call.agent_session_id.is_(None), Call.line_result.is_distinct_from(LineResult.ABANDONED))
    rows = session.execute(
        select(Call.campaign_id, Call.mode, Call.node, func.count(), func.count().filter(is_owed))
        .where(Call.state != CallState.ENDED, Call.node.in_((line.node, "")))
        .group_by(Call.campaign_id, Call.mode, Call.node)
    ).all()
    mine = [(mode, node, count) for campaign, mode, node, count, _ in rows if campaign == share.campaign_id]
    return _Lines(
        all=sum(count for _, _, node, count, _ in rows if node),
        own=sum(count for _, node, count in mine if node),
        robocalls=sum(count for mode, _, count in mine if mode == ROBOCALL),
        requested=sum(count for _, node, count in mine if not node),
        owed=sum(owed for campaign, _, _, _, owed in rows if campaign != share.campaign_id),
    )


def _has_work(session: Session, line: Line, share: CampaignShare) -> bool:
    """Whether a campaign has operators' calls to make now and would dial them by itself."""
    if share.dial_mode == "preview" or not line.may_find(CASES, share.campaign_id):
        return False
    return has_due(session, share.campaign_id, Channel.OPERATOR_CALL, line.clock.now())


def _free_lines(line: Line, share: CampaignShare, lines: _Lines) -> int:
    """Of the trunk, as far as the campaign's own limit lets it use them."""
    most = share.dialling.max_lines
    left = most - lines.own if most else line.limits.max_lines
    return max(0, min(line.free_lines(), left))


def _usual(session: Session, line: Line, share: CampaignShare, lines: _Lines, free_lines: int, *, own_only: bool) -> PacingSnapshot:
    mine = and_(AgentSession.is_leg_up, serves(share.campaign_id, own_only=own_only))
    is_ready, is_reserved = (
        and_(AgentSession.state.in_(wanted), mine) for wanted in ((AgentState.READY,), (AgentState.RESERVED, AgentState.RINGING))
    )
    is_idle = AgentSession.state.in_((AgentState.READY, AgentState.WRAP_UP))
    ready, reserved, idle, at_work = session.execute(
        select(func.count().filter(is_ready), func.count().filter(is_reserved), func.count().filter(is_idle), func.count()).where(
            AgentSession.state.in_(AT_WORK), AgentSession.leg_node == line.node
        )
    ).one()
    dialling, terms = share.dialling, load_terms(session, share.options)
    most = min(each or line.limits.max_lines for each in (dialling.max_lines, dialling.robocall_lines))
    return PacingSnapshot(
        mode=share.dial_mode,
        ready_operators=max(0, ready - lines.owed),
        idle_operators=idle,
        free_lines=free_lines,
        reserved_operators=reserved,
        robocalls=lines.robocalls,
        max_robocalls=min(most, robocall_lines(line.fair_robocalls(share.campaign_id), terms.robocall_share, at_work)),
        least_operators=dialling.least_operators,
    )


def robocall_lines(fair: int, percent: int, at_work: int) -> int:
    """A campaign's lines for automated calls: its whole part while no operator is at work, else the per cent the office leaves them."""
    return fair if not at_work else max(1, fair * percent // 100)


def _ringing(session: Session, line: Line, share: CampaignShare) -> list[tuple[str, datetime]]:
    """Channels of calls in the air that no operator is reserved for, and when they were placed."""
    rows = session.execute(
        select(Call.channel_id, Call.placed_at).where(
            Call.campaign_id == share.campaign_id,
            Call.node == line.node,
            Call.mode == PREDICTIVE,
            Call.state.in_(UNANSWERED),
            Call.hangup_requested_at.is_(None),
        )
    )
    return [(channel, placed) for channel, placed in rows]


def _predictive(
    session: Session, line: Line, share: CampaignShare, usual: PacingSnapshot, pacer: Pacer, placed: Sequence[datetime], *, own_only: bool
) -> PacingSnapshot:
    now = line.clock.now()
    busy = session.execute(
        select(AgentSession.state, AgentSession.state_since).where(
            AgentSession.state.in_((AgentState.TALKING, AgentState.WRAP_UP)),
            AgentSession.leg_node == line.node,
            AgentSession.is_leg_up,
            AgentSession.next_state == "",
            serves(share.campaign_id, own_only=own_only),
        )
    ).all()
    talking, wrapping = (
        tuple(_age(since, now) for state, since in busy if state == wanted) for wanted in (AgentState.TALKING, AgentState.WRAP_UP)
    )
    waiting = select(func.count()).where(is_waiting(), Call.campaign_id == share.campaign_id, Call.answered_at > now - PATIENCE)
    callers = select(func.count()).where(InboundCall.state.in_(("ringing", "waiting")), InboundCall.node == line.node)
    ringing = tuple(_age(moment, now) for moment in placed)
    budget = pacer.budget(session, now, _seconds_to_come(line.policy(session, share.office_id), now))
    return replace(
        usual,
        talking=talking,
        wrapping=wrapping,
        ringing=ringing,
        waiting=(session.scalar(waiting) or 0) + (session.scalar(callers) or 0),
        odds=pacer.odds(session, now, ringing, talking, wrapping),
        budget=budget,
        price=pacer.price,
    )


def _age(since: datetime, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds())


def _seconds_to_come(policy: ContactPolicy, now: datetime) -> float:
    """Of this day's contact hours."""
    spans = spans_on(policy.hours, Channel.OPERATOR_CALL, now.astimezone(policy.hours.zone).date())
    return sum(max(0.0, (closes - max(opens, now)).total_seconds()) for opens, closes in spans)
