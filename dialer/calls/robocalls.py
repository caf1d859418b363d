"""What becomes of an automated call: the way its listener took decides, in whatever order the carrier tells of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Integer, or_, select
from sqlalchemy.orm import Session

from campaigns.attempts import late
from campaigns.attempts import service as attempts
from campaigns.attempts.codes import Channel, LineResult
from campaigns.attempts.locking import hold_attempt
from campaigns.attempts.models import Attempt
from campaigns.compliance.gate import load_policy
from campaigns.compliance.windows import is_open
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.agents.state import AgentState
from dialer.calls.models import Call, CallEvent
from dialer.ivr.script import NOBODY, SILENCE, RobocallResult, result_of
from dialer.ivr.service import plan_for, script_by_label
from dialer.telephony.events import EventKind
from dialer.telephony.robocall import OnMachine, RobocallPlan

LONGEST_PATH = 400


def close(session: Session, call: Call, attempt: Attempt, line_result: LineResult, ended_at: datetime) -> None:
    """A node that means something is the outcome; without one an answered call had an unknown listener."""
    result = _noted_result(session, call, attempt, line_result)
    if result in (SILENCE, NOBODY):
        attempts.record_line_result(session, attempt.id, line_result, ended_at, answered_at=call.answered_at, ended_at=ended_at)
        return
    late.note_line_end(session, attempt, ended_at)  # before the result: what the core systems are told has the length of the talk
    attempts.record_outcome(session, attempt.id, result.party, result.outcome, line_result=line_result, now=ended_at)


def amend(session: Session, call: Call, now: datetime) -> None:
    """A part of the way was told after the end: what it means still counts, once."""
    attempt = hold_attempt(session, call.attempt_id)
    line_result = LineResult(call.line_result or LineResult.FAILED)
    result = _noted_result(session, call, attempt, line_result)
    if result in (SILENCE, NOBODY) or not late.reopen_robocall(session, attempt):
        return
    attempts.record_outcome(session, attempt.id, result.party, result.outcome, line_result=line_result, now=now, is_amended=True)


def note_path(session: Session, call: Call, attempt: Attempt) -> list[str]:
    """Keeps the keys and the way with the attempt; returns the way."""
    path = path_of(session, call) if call.answered_at is not None else []
    first = script_by_label(session, attempt.script_version).nodes[0].code
    if call.answered_at is not None and path[:1] != [first] and call.line_result == LineResult.ANSWERED:
        path.insert(0, first)  # where every call begins; not every carrier says so
    attempt.robocall_keys, attempt.robocall_path = call.digits[:20], ">".join(path)[:LONGEST_PATH]
    return path


def _noted_result(session: Session, call: Call, attempt: Attempt, line_result: LineResult) -> RobocallResult:
    return result_of(script_by_label(session, attempt.script_version), line_result, note_path(session, call, attempt))


def plan_of_channel(session: Session, channel_id: str) -> RobocallPlan | None:
    """The plan of the robocall with this channel; None when there is none that lasts."""
    live = select(Attempt.script_version).join(Call, (Call.office_id == Attempt.office_id) & (Call.attempt_id == Attempt.id))
    label = session.scalar(live.where(Call.channel_id == channel_id, Call.mode == "robocall", Call.state != "ended"))
    return None if label is None else plan_for(session, script_by_label(session, label))


def path_of(session: Session, call: Call) -> list[str]:
    """The nodes a listener came to, in their order in the call."""
    step = CallEvent.detail["step"].astext.cast(Integer)
    told = select(CallEvent.detail["node"].astext).where(
        CallEvent.call_id == call.id, CallEvent.kind != EventKind.TRANSFER, CallEvent.detail.has_key("node")
    )
    return list(session.scalars(told.order_by(step, CallEvent.id)))


def leaves_message(session: Session, attempt: Attempt) -> bool:
    """Whether the script leaves a message on answering machines, so that the line must stay."""
    script = script_by_label(session, attempt.script_version)
    return script.on_machine is OnMachine.LEAVE_MESSAGE and bool(script.message)


def find_operator(session: Session, call: Call, now: datetime) -> tuple[str, str] | None:
    """Takes a free operator for a listener who asks for one, the longest idle of this dialer; the channel and leg to be joined.

    None outside the hours of operators' calls, or when nobody is free: the script goes on by itself.
    """
    if call.state == "ended" or call.agent_session_id is not None or not is_open(load_policy(session).hours, Channel.OPERATOR_CALL, now):
        return None
    attempt = session.get_one(Attempt, (call.office_id, call.attempt_id), with_for_update=True)  # rows are locked call, attempt, operator
    free = (
        select(AgentSession)
        .where(AgentSession.state == AgentState.READY, AgentSession.is_leg_up, AgentSession.leg_node == call.node)
        .where(or_(AgentSession.campaign_id.is_(None), AgentSession.campaign_id == call.campaign_id))
        .order_by(AgentSession.state_since, AgentSession.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    agent = session.scalar(free)
    if agent is None:
        return None
    call.agent_session_id, attempt.operator_id = agent.id, agent.user_id
    agent.attempt_id = attempt.id
    agents.move(session, agent, AgentState.RESERVED, now)
    agents.move(session, agent, AgentState.TALKING, now)
    return call.channel_id, agent.leg_id
