"""Who is called now: for every free line the next case, claimed, asked at the gate, put on record, committed, and only then dialled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, Select, func, or_, select, update
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.clock import Clock
from callcenter.core.db import transaction
from callcenter.core.errors import AppError
from campaigns.attempts.codes import Channel, LineResult
from campaigns.attempts.models import Attempt
from campaigns.compliance.gate import is_still_valid, load_policy
from campaigns.compliance.rules import ContactPolicy
from campaigns.debtors.models import PhoneNumber
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.agents.state import AgentState
from dialer.calls import service as calls
from dialer.calls.models import Call
from dialer.calls.state import CallState
from dialer.cases import next_case, open_case
from dialer.ivr.service import plan_for, plan_to_prepare, script_for, scripts_of
from dialer.pacing import PacingDecision, PacingSnapshot, decide
from dialer.recordings import service as recordings
from dialer.recordings.terms import NOTICE_SOUND, NOTICE_TEXT, terms_of
from dialer.sharing import CampaignShare
from dialer.telephony.errors import CarrierError, CarrierRefused, HandoverUnknown
from dialer.telephony.port import Carrier, CarrierLimits, OriginateRequest
from dialer.telephony.robocall import NodeKind, PlanNode, RobocallPlan

log = structlog.get_logger(__name__)

LONGEST_BACK_OFF = 30.0
POLICY_AGE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Placement:
    """How many calls a round placed, and whether another round may place more at once."""

    placed: int
    has_more: bool = False


class Line:
    """The trunk as the dialer uses it: its caps, and the pause after it did not answer."""

    def __init__(
        self,
        carrier: Carrier,
        clock: Clock,
        node: str,
        limits: CarrierLimits,
        caller_id: str,
        round_seconds: float = 1.0,
        prepare: Callable[[RobocallPlan], None] | None = None,
    ) -> None:
        self.carrier, self.clock, self.node, self.limits, self.caller_id = carrier, clock, node, limits, caller_id
        self.lines_in_use: dict[int, int] = {}
        self._tokens, self._filled_at = 1.0, clock.now()
        self._failures, self._closed_until = 0, clock.now()
        self.hung_up: set[str] = set()
        self._prepare, self._prepared = prepare, set[str]()
        self.can_play_notice = prepare is None  # carriers that need no files speak themselves
        self._look_again = timedelta(seconds=round_seconds * 0.9)
        self._nothing_until: dict[int, datetime] = {}
        self._policies: dict[int, tuple[datetime, ContactPolicy]] = {}

    def is_open(self) -> bool:
        """Whether a call may be handed over now."""
        return self.carrier.is_connected() and self.clock.now() >= self._closed_until and self._fill() >= 1.0

    def opens_at(self) -> datetime | None:
        """When the next call may leave if only caps forbid it now."""
        if not self.carrier.is_connected():
            return None
        missing = max(0.0, 1.0 - self._fill()) / self.limits.calls_per_second
        return max(self._closed_until, self.clock.now() + timedelta(seconds=missing))

    def free_lines(self) -> int:
        """Lines of the trunk nobody uses."""
        return max(0, self.limits.max_lines - sum(self.lines_in_use.values()))

    def policy(self, session: Session, office_id: int) -> ContactPolicy:
        """The office's contact rules, read again every few seconds; the facts about a debtor are never kept."""
        known = self._policies.get(office_id)
        if known is None or self.clock.now() - known[0] > max(POLICY_AGE, self._look_again):
            known = self._policies[office_id] = (self.clock.now(), load_policy(session))
        return known[1]

    def prepare(self, share: CampaignShare) -> None:
        """Makes the scripts' sounds before their first call, outside any transaction; without them no robocall of this campaign leaves."""
        if self._prepare is None:
            return
        with transaction(share.office_id) as session:
            plans = [plan_to_prepare(session, script) for script in scripts_of(session, share.options, share.campaign_id)]
        for plan in plans:
            if plan.prompt in self._prepared:
                continue
            try:
                self._prepare(plan)
            except (AppError, OSError) as problem:
                log.warning("prompt_not_made", campaign=share.campaign_id, error=type(problem).__name__)
                self.note_no_robocalls(share.campaign_id)
                return
            self._prepared.add(plan.prompt)

    def prepare_notice(self, share: CampaignShare) -> None:
        """Makes the sound that tells of a recording, where this campaign plays it; without it a call is made but not recorded."""
        if self._prepare is None or self.can_play_notice or terms_of(share.options).notice != "voice":
            return
        try:
            self._prepare(RobocallPlan((PlanNode("notice", NodeKind.SAY, NOTICE_SOUND, NOTICE_TEXT),)))
        except (AppError, OSError) as problem:
            log.warning("prompt_not_made", campaign=share.campaign_id, error=type(problem).__name__)
            return
        self.can_play_notice = True

    def has_robocalls(self, campaign_id: int) -> bool:
        """False for a moment after none was found: an empty queue is not searched at every event."""
        return self._nothing_until.get(campaign_id, self.clock.now()) <= self.clock.now()

    def note_no_robocalls(self, campaign_id: int) -> None:
        """There is no automated call to be made now."""
        self._nothing_until[campaign_id] = self.clock.now() + self._look_again

    def take(self) -> None:
        """One call leaves."""
        self._tokens -= 1.0

    def _fill(self) -> float:
        now = self.clock.now()
        gained = (now - self._filled_at).total_seconds() * self.limits.calls_per_second
        self._tokens, self._filled_at = min(max(1.0, self.limits.calls_per_second), self._tokens + gained), now
        return self._tokens

    def hand_over(self, request: OriginateRequest) -> CarrierError | None:
        """Asks the carrier; no transaction is open. Returns what went wrong."""
        try:
            self.carrier.originate(request)
        except HandoverUnknown as problem:
            log.warning("hand_over_unknown", error=problem.code)
            return problem
        except CarrierRefused as problem:
            log.warning("call_refused", error=problem.code)
            return problem
        except CarrierError as problem:
            self._failures += 1
            wait = min(LONGEST_BACK_OFF, 2.0**self._failures)
            self._closed_until = self.clock.now() + timedelta(seconds=wait)
            log.warning("carrier_unreachable", retry_in_seconds=wait)
            return problem
        self._failures = 0
        return None


def place_round(line: Line, share: CampaignShare) -> Placement:
    """Places what may be placed now for one campaign; each call is committed before the carrier is asked."""
    with transaction(share.office_id) as session:
        requested, plan = _look(session, line, share)
    if plan.robocalls and line.has_robocalls(share.campaign_id):
        line.prepare(share)
    if requested or plan.operator_calls:
        line.prepare_notice(share)
    robocalls = plan.robocalls if line.has_robocalls(share.campaign_id) else 0
    makers = ((_take_requested, requested), (_open_for_operator, plan.operator_calls), (_open_robocall, robocalls))
    placed = 0
    for make, count in makers:
        for _ in range(count):
            if not line.is_open():
                return Placement(placed, has_more=True)
            with transaction(share.office_id) as session:
                request = make(session, line, share)
            if request is None:
                break
            _hand_over(line, share.office_id, request)
            placed += 1
    return Placement(placed)


def _look(session: Session, line: Line, share: CampaignShare) -> tuple[int, PacingDecision]:
    """Calls that operators asked for, and what the pacing says about ready operators with a voice leg here and calls under way."""
    under_way = session.execute(
        select(Call.campaign_id, Call.mode, Call.node, func.count())
        .where(Call.state != CallState.ENDED, Call.node.in_((line.node, "")))
        .group_by(Call.campaign_id, Call.mode, Call.node)
    ).all()
    line.lines_in_use[share.office_id] = sum(count for _, _, node, count in under_way if node)
    mine = [(mode, node, count) for campaign, mode, node, count in under_way if campaign == share.campaign_id]
    is_ready = (AgentSession.state == AgentState.READY) & AgentSession.is_leg_up & _serves(share)
    ready, idle = session.execute(
        select(func.count().filter(is_ready), func.count()).where(
            AgentSession.state.in_((AgentState.READY, AgentState.WRAP_UP)), AgentSession.leg_node == line.node
        )
    ).one()
    snapshot = PacingSnapshot(
        mode=share.dial_mode,
        ready_operators=ready,
        idle_operators=idle,
        free_lines=line.free_lines(),
        robocalls=sum(count for mode, node, count in mine if mode == calls.ROBOCALL),
        max_robocalls=int(share.number("max_lines", line.limits.max_lines)),
    )
    return sum(count for _, node, count in mine if not node), decide(snapshot)


def _serves(share: CampaignShare) -> ColumnElement[bool]:
    return or_(AgentSession.campaign_id.is_(None), AgentSession.campaign_id == share.campaign_id)


def _ready(line: Line, share: CampaignShare) -> Select[AgentSession]:
    """Operators who may get a call of this campaign from this dialer, longest idle first."""
    return (
        select(AgentSession)
        .where(
            AgentSession.state == AgentState.READY,
            AgentSession.is_leg_up,
            AgentSession.leg_node == line.node,
            _serves(share),
        )
        .order_by(AgentSession.state_since, AgentSession.id)
    )


def _open_for_operator(session: Session, line: Line, share: CampaignShare) -> OriginateRequest | None:
    """The next case for the operator who has waited longest; nothing is written when there is no operator or no case."""
    agent = session.scalar(_ready(line, share).limit(1).with_for_update(skip_locked=True))
    if agent is None:
        return None
    now, policy = line.clock.now(), line.policy(session, share.office_id)
    case = next_case(
        session, share.campaign_id, Channel.OPERATOR_CALL, line.node, now, user_ids=(agent.user_id,), policy=policy, mode=share.dial_mode
    )
    if case is None:
        return None
    attempt = open_case(session, case, Channel.OPERATOR_CALL, now, operator_id=agent.user_id)
    call = calls.open_call(
        session, attempt, carrier=line.carrier.name, mode="progressive", node=line.node, now=now, agent_session_id=agent.id
    )
    agent.attempt_id = attempt.id
    agents.move(session, agent, AgentState.RESERVED, now)
    return _request(session, line, share, call, case.phone.e164, leg_id=agent.leg_id)


def _open_robocall(session: Session, line: Line, share: CampaignShare) -> OriginateRequest | None:
    """The next automated call of a released batch."""
    now, policy = line.clock.now(), line.policy(session, share.office_id)
    case = next_case(session, share.campaign_id, Channel.AUTO_CALL, line.node, now, policy=policy)
    if case is None:
        line.note_no_robocalls(share.campaign_id)
        return None
    script = script_for(session, share.options, share.campaign_id, case.item.debtor_id)
    attempt = open_case(session, case, Channel.AUTO_CALL, now, script_version=script.label)
    call = calls.open_call(session, attempt, carrier=line.carrier.name, mode=calls.ROBOCALL, node=line.node, now=now)
    return _request(session, line, share, call, case.phone.e164, robocall=plan_for(session, script))


def _take_requested(session: Session, line: Line, share: CampaignShare) -> OriginateRequest | None:
    """Takes one call that an operator asked for in preview."""
    waiting = (
        select(Call.id)
        .join(AgentSession, (AgentSession.office_id == Call.office_id) & (AgentSession.id == Call.agent_session_id))
        .where(Call.state == CallState.PLACING, Call.node == "", Call.campaign_id == share.campaign_id)
        .where(is_still_valid(Call.attempt_id, line.clock.now()))
        .where(AgentSession.is_leg_up, AgentSession.leg_node == line.node)
        .order_by(Call.id)
        .limit(1)
        .with_for_update(of=Call, skip_locked=True)
        .cte("waiting")  # a plain sub-select may be run again for each row, and then takes more than one
    )
    taken = update(Call).where(Call.id.in_(select(waiting.c.id))).values(node=line.node, carrier=line.carrier.name)
    call = session.scalar(taken.returning(Call), execution_options={"populate_existing": True})
    if call is None:
        return None
    attempt = session.get_one(Attempt, (call.office_id, call.attempt_id))
    agent = session.get_one(AgentSession, (call.office_id, call.agent_session_id))
    number = session.scalar(select(PhoneNumber.e164).where(PhoneNumber.id == attempt.phone_id))
    return _request(session, line, share, call, number, leg_id=agent.leg_id)


def _request(
    session: Session,
    line: Line,
    share: CampaignShare,
    call: Call,
    number: str | None,
    *,
    leg_id: str | None = None,
    robocall: RobocallPlan | None = None,
) -> OriginateRequest:
    office = session.get_one(Office, share.office_id)
    recording = None if robocall else recordings.plan_for(call, share.options, has_notice_sound=line.can_play_notice)
    return OriginateRequest(
        channel_id=call.channel_id,
        number=number or "",
        caller_id=office.phone or line.caller_id,
        ring_seconds=share.ring_seconds,
        leg_id=leg_id,
        robocall=robocall,
        recording=recording,
    )


def _hand_over(line: Line, office_id: int, request: OriginateRequest) -> None:
    """Asks the carrier. What was certainly not made is ended at once; what is unknown waits for the carrier's word, or for the reaper."""
    line.take()
    problem = line.hand_over(request)
    if problem is None or isinstance(problem, HandoverUnknown):
        return
    with transaction(office_id) as session:
        calls.end_by_channel(session, request.channel_id, LineResult.FAILED, line.clock.now(), why=problem.code)


def hang_ups(session: Session, line: Line) -> Sequence[str]:
    """Channels that operators asked to hang up, each once."""
    wanted = select(Call.channel_id).where(Call.state != CallState.ENDED, Call.node == line.node, Call.hangup_requested_at.is_not(None))
    channels = set(session.scalars(wanted))
    new, line.hung_up = channels - line.hung_up, channels
    return sorted(new)
