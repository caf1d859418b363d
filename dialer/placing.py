"""Who is called now: for every free line the next case, claimed, asked at the gate, put on record, committed, and only then dialled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from callcenter.core.db import transaction
from callcenter.core.faults import passing
from campaigns.attempts.codes import Channel, LineResult
from campaigns.attempts.models import Attempt
from campaigns.compliance.gate import Ask, ask_again, is_still_valid, valid_until
from campaigns.debtors.models import PhoneNumber
from campaigns.worklist.claim import has_due, promised
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.agents.state import AgentState
from dialer.calls import service as calls
from dialer.calls.binding import PREDICTIVE, idle_operators
from dialer.calls.models import Call
from dialer.calls.state import CallState
from dialer.cases import next_case, open_case
from dialer.groups import open_predictive, open_robocalls, request_for
from dialer.line import CASES, MOST_AT_ONCE, PROMISED, RAN_DRY_SECONDS, ROBOCALLS, Line
from dialer.looking import Look, look
from dialer.pacing import Why
from dialer.pacing.standing import keep_decision
from dialer.sharing import CampaignShare
from dialer.telephony.errors import CarrierError, HandoverUnknown
from dialer.telephony.port import OriginateRequest

if TYPE_CHECKING:
    from dialer.pacing.pacer import Pacer

__all__ = ["Line", "Placement", "Places", "hang_ups", "place_round"]

Maker = Callable[[Session, Line, CampaignShare], "OriginateRequest | None"]
Makers = Callable[[Session, Line, CampaignShare, int], "Sequence[OriginateRequest]"]  # up to so many calls at once


@dataclass(frozen=True, slots=True)
class Placement:
    """How many calls a round placed, whether another round may place more at once, or from when on, and channels to be let go."""

    placed: int
    has_more: bool = False
    let_go: Sequence[str] = ()
    again_at: datetime | None = None


@dataclass
class Places:
    """The campaigns of one office as they are worked, first ones first, with what each learned."""

    pacers: dict[int, Pacer] = field(default_factory=dict)

    def pacer_of(self, share: CampaignShare, zone: ZoneInfo) -> Pacer | None:
        """A predictive campaign's pacing by the office's day; made anew where its limit was changed."""
        if share.dial_mode != PREDICTIVE:
            return None
        from dialer.pacing.pacer import Pacer

        limit = share.dialling.abandon_percent / 100
        known = self.pacers.get(share.campaign_id)
        if known is None or (known.limit, known.zone) != (limit, zone):
            known = self.pacers[share.campaign_id] = Pacer(share.campaign_id, limit, zone)
        return known

    def keep(self, shares: Sequence[CampaignShare]) -> None:
        """Forgets what another dialer works now: its memory goes on in the database."""
        mine = {share.campaign_id for share in shares if share.dial_mode == PREDICTIVE}
        self.pacers = {campaign_id: pacer for campaign_id, pacer in self.pacers.items() if campaign_id in mine}


def place_round(line: Line, share: CampaignShare, places: Places, before: Sequence[CampaignShare] = ()) -> Placement:
    """Places what may be placed now for one campaign; each call is committed before the carrier is asked.

    Args:
        before: the office's campaigns that come first.
    """
    barred = _barred(line, share)
    with transaction(share.office_id) as session:
        zone = line.policy(session, share.office_id).hours.zone
        found = look(session, line, share, before, places.pacer_of(share, zone), barred)
        if share.dial_mode == PREDICTIVE:
            keep_decision(session, share.campaign_id, found.snapshot, found.decision, line.clock.now())
        if not found.decision.robocalls and line.may_find(ROBOCALLS, share.campaign_id):
            _note_waiting(session, line, share)
    if found.decision.robocalls and line.may_find(ROBOCALLS, share.campaign_id):
        line.prepare(share)
    if found.requested or found.decision.operator_calls or found.decision.predictive_calls:
        line.prepare_notice(share)
    placed = 0
    for make, count in _makers(line, share, found):
        left = count
        while left > 0:
            if make is open_robocalls and (again_at := line.gathers_until(left)) is not None:
                return Placement(placed, let_go=found.let_go, again_at=again_at)
            at_once = min(left, line.calls_now(), MOST_AT_ONCE)
            if not at_once:
                return Placement(placed, has_more=True, let_go=found.let_go)
            with transaction(share.office_id) as session:
                requests = make(session, line, share, at_once)
            if not requests:
                break
            _hand_over_all(line, share.office_id, requests)
            placed += len(requests)
            left -= len(requests)
    return Placement(placed, let_go=found.let_go)


def _note_waiting(session: Session, line: Line, share: CampaignShare) -> None:
    """A campaign that has automated calls to make and no line for them: the others must leave it its part."""
    if has_due(session, share.campaign_id, Channel.AUTO_CALL, line.clock.now()):
        line.robocalling.add(share.campaign_id)
    else:
        line.robocalling.discard(share.campaign_id)
        line.note_nothing(ROBOCALLS, share.campaign_id)


def _barred(line: Line, share: CampaignShare) -> Why | None:
    if share.dial_mode != PREDICTIVE:
        return None
    if not line.carrier.can_predict:
        return Why.CARRIER_CANNOT
    return Why.NO_ANNOUNCEMENT if line.announcement(share) is None else None


def _makers(line: Line, share: CampaignShare, found: Look) -> Sequence[tuple[Makers, int]]:
    """Who makes which calls, in order, and at most how many. In predictive dialling, promised calls go to a waiting operator first, and
    operators who wait while nobody may be called without one get what only they may call."""
    decision, ready = found.decision, found.snapshot.ready_operators - len(found.snapshot.ringing)
    robocalls = decision.robocalls if line.may_find(ROBOCALLS, share.campaign_id) else 0
    makers: list[tuple[Makers, int]] = [(partial(_singly, _take_requested), found.requested)]
    for_operator = partial(_open_for_operator, own_only=found.own_only)
    if decision.predictive_calls:
        free = min(max(0, ready), decision.predictive_calls)
        promises = free if line.may_find(PROMISED, share.campaign_id) else 0
        makers.append((partial(_singly, partial(for_operator, unfit=~promised(), nothing=PROMISED)), promises))
        makers.append((open_predictive, decision.predictive_calls))
        makers.append((partial(_singly, partial(_open_left_over, for_operator=for_operator)), free))
    else:
        makers.append((partial(_singly, for_operator), decision.operator_calls))
    return [*makers, (open_robocalls, robocalls)]


def _singly(make: Maker, session: Session, line: Line, share: CampaignShare, count: int) -> Sequence[OriginateRequest]:
    """One call at a time, whose operator is chosen with it."""
    request = make(session, line, share)
    return () if request is None else (request,)


def _open_for_operator(
    session: Session,
    line: Line,
    share: CampaignShare,
    *,
    own_only: bool = False,
    unfit: ColumnElement[bool] | None = None,
    nothing: str = CASES,
) -> OriginateRequest | None:
    """The next case for the operator who has waited longest; nothing is written when there is no operator or no case."""
    idle = idle_operators(share.campaign_id, line.node, own_only=own_only)
    agent = session.scalar(idle.limit(1).with_for_update(skip_locked=True))
    if agent is None:
        return None
    now, policy = line.clock.now(), line.policy(session, share.office_id)
    case = next_case(
        session,
        share.campaign_id,
        Channel.OPERATOR_CALL,
        line.node,
        now,
        user_ids=(agent.user_id,),
        policy=policy,
        mode="progressive",
        unfit=unfit,
    )
    if case is None:
        line.note_nothing(nothing, share.campaign_id, seconds=RAN_DRY_SECONDS if nothing == CASES else None)
        return None
    attempt = open_case(session, case, Channel.OPERATOR_CALL, now, operator_id=agent.user_id)
    call = calls.open_call(
        session, attempt, carrier=line.carrier.name, mode="progressive", node=line.node, now=now, agent_session_id=agent.id
    )
    agent.attempt_id = attempt.id
    agents.move(session, agent, AgentState.RESERVED, now)
    return request_for(session, line, share, call, case.phone.e164, case.valid_until, leg_id=agent.leg_id)


def _open_left_over(session: Session, line: Line, share: CampaignShare, *, for_operator: Maker) -> OriginateRequest | None:
    """Where nobody may be called without an operator any more, those who may be called with one."""
    return None if line.may_find(CASES, share.campaign_id) else for_operator(session, line, share)


def _take_requested(session: Session, line: Line, share: CampaignShare) -> OriginateRequest | None:
    """Takes one call that an operator asked for in preview; what came up against it while it waited for a line ends it."""
    now = line.clock.now()
    waiting = (
        select(Call.id)
        .join(AgentSession, (AgentSession.office_id == Call.office_id) & (AgentSession.id == Call.agent_session_id))
        .where(Call.state == CallState.PLACING, Call.node == "", Call.campaign_id == share.campaign_id)
        .where(is_still_valid(Call.attempt_id, now))
        .where(AgentSession.is_leg_up, AgentSession.leg_node == line.node)
        .order_by(Call.id)
        .limit(1)
        .with_for_update(of=Call, skip_locked=True)
        .cte("waiting")  # a plain sub-select may be run again for each row, and then takes more than one
    )
    # Placed now and not when it was asked for: a list of channels that was made in between does not know it.
    values = {"node": line.node, "carrier": line.carrier.name, "placed_at": now}
    taken = update(Call).where(Call.id.in_(select(waiting.c.id))).values(values)
    call = session.scalar(taken.returning(Call), execution_options={"populate_existing": True})
    if call is None:
        return None
    attempt = session.get_one(Attempt, (call.office_id, call.attempt_id))
    asked = Ask(attempt.debtor_id, attempt.phone_id, attempt.campaign_id, attempt.work_item_id)
    if (denied := ask_again(session, asked, Channel(attempt.channel), now, "preview")) is not None:
        calls.end_call(session, call, LineResult.FAILED, now, why=denied.reason.value)
        return None
    agent = session.get_one(AgentSession, (call.office_id, call.agent_session_id))
    number = session.scalar(select(PhoneNumber.e164).where(PhoneNumber.id == attempt.phone_id))
    return request_for(session, line, share, call, number, valid_until(session, attempt.id), leg_id=agent.leg_id)


def _hand_over_all(line: Line, office_id: int, requests: Sequence[OriginateRequest]) -> None:
    """Asks the carrier for calls that are on record. Once it can't be reached the others are not tried either: none was made."""
    for index, request in enumerate(requests):
        problem = _hand_over(line, office_id, request)
        if problem is not None and line.rests():
            _end_failed(line, office_id, requests[index + 1 :], problem)
            return


def _hand_over(line: Line, office_id: int, request: OriginateRequest) -> CarrierError | None:
    """Asks the carrier. What was certainly not made is ended at once; what is unknown waits for the carrier's word, or for the reaper."""
    line.take()
    if request.robocall is not None:
        line.unhurried.add(request.channel_id)
    problem = line.hand_over(request)
    if problem is None or isinstance(problem, HandoverUnknown):
        return None
    _end_failed(line, office_id, [request], problem)
    return problem


def _end_failed(line: Line, office_id: int, requests: Sequence[OriginateRequest], problem: CarrierError) -> None:
    """These calls were certainly not made."""
    if not requests:
        return
    passing("hand_over.failed")
    with transaction(office_id) as session:
        for request in requests:
            line.unhurried.discard(request.channel_id)
            calls.end_by_channel(session, request.channel_id, LineResult.FAILED, line.clock.now(), why=problem.code)


def hang_ups(session: Session, line: Line) -> Sequence[str]:
    """Channels that operators asked to hang up, each once."""
    wanted = select(Call.channel_id).where(Call.state != CallState.ENDED, Call.node == line.node, Call.hangup_requested_at.is_not(None))
    channels = set(session.scalars(wanted))
    new, line.hung_up = channels - line.hung_up, channels
    return sorted(new)
