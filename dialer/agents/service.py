"""What operators and calls do to an operator's state. Every change closes one span and opens the next, and tells open consoles.

People name themselves (`user_id`), calls name the session (`agent_session_id`). Rows are locked in the order call, attempt, operator.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from callcenter.core.db import office_of
from callcenter.core.errors import Conflict, InvalidInput, NotFound
from callcenter.core.faults import passing
from callcenter.core.live import publish
from campaigns.attempts.models import Attempt
from campaigns.attempts.service import WRAP_UP
from dialer.agents import spans
from dialer.agents.models import AgentSession
from dialer.agents.state import (
    CHOOSABLE_PAUSES,
    IN_CALL,
    ON_LINE,
    AgentState,
    NextState,
    PauseReason,
    after_call,
    can_move,
)

SEEN_EVERY = timedelta(seconds=10)
OWED_FOR = timedelta(minutes=15)  # a result taken back that long ago is the supervisor's to settle


def sign_in(
    session: Session,
    user_id: int,
    *,
    now: datetime,
    campaign_id: int | None = None,
    leg_address: str | None = None,
    leg_kind: str = "desk",
    is_bot: bool = False,
) -> AgentSession:
    """Opens an operator's session, paused; signing in again (a reload, another machine) returns the one that is open.

    Args:
        campaign_id: the only campaign to work for; None works for whichever runs.
        leg_address: where the operator's phone is; None takes that of the user's account.
        leg_kind: desk, or browser for the page's own phone; changing phones is refused in a call.
    """
    agent = find_live(session, user_id)
    if agent is not None:
        agent.last_seen_at = now
        if leg_address is not None and leg_address != agent.leg_address and not agent.is_leg_up:
            agent.leg_address, agent.leg_problem = leg_address, ""
        if campaign_id is not None and agent.state not in IN_CALL:
            agent.campaign_id = campaign_id
        return agent
    if leg_address is None:
        leg_address = session.scalar(select(User.phone_address).where(User.id == user_id)) or ""
    agent = AgentSession(
        user_id=user_id,
        campaign_id=campaign_id,
        state=AgentState.PAUSED.value,
        state_since=now,
        pause_reason=PauseReason.SIGNED_IN.value,
        leg_id=new_leg_id(session),
        leg_address=leg_address,
        leg_kind=leg_kind,
        is_bot=is_bot,
        signed_in_at=now,
        last_seen_at=now,
    )
    session.add(agent)
    session.flush()
    spans.open_span(session, agent, now)
    tell(session, agent)
    return agent


def new_leg_id(session: Session) -> str:
    """A fresh id for a voice leg: carriers never see one twice. It names its office, so that events find their way back."""
    return f"o{office_of(session)}-leg-{uuid4().hex[:20]}"


def ready(session: Session, user_id: int, now: datetime) -> AgentSession:
    """The operator takes calls; in a call or while a result is owed: afterwards. A voice leg that failed is tried again."""
    agent = require_live(session, user_id)
    agent.last_seen_at, agent.leg_problem = now, ""
    if agent.state in ON_LINE or agent.state == AgentState.WRAP_UP:
        agent.next_state, agent.next_pause_reason = "", ""
        tell(session, agent)
    elif agent.state == AgentState.PAUSED:
        move(session, agent, AgentState.READY, now)
    return agent


def pause(session: Session, user_id: int, reason: str, now: datetime) -> AgentSession:
    """The operator takes no more calls; in a call: after this call (`next_state` says so). Raises InvalidInput for an unknown reason."""
    if reason not in CHOOSABLE_PAUSES:
        expected = ", ".join(CHOOSABLE_PAUSES)
        raise InvalidInput("That is no reason to pause.", hint=f"Expected one of: {expected}.", code="bad_pause_reason")
    agent = require_live(session, user_id)
    agent.last_seen_at = now
    _pause(session, agent, reason, now)
    return agent


def pause_for(session: Session, user_id: int, now: datetime) -> AgentSession:
    """A supervisor pauses the operator, as `pause`; who is paused already keeps their own reason."""
    agent = require_live(session, user_id)
    if agent.state != AgentState.PAUSED:
        _pause(session, agent, PauseReason.BY_SUPERVISOR, now)
    return agent


def _pause(session: Session, agent: AgentSession, reason: str, now: datetime) -> None:
    if agent.state in IN_CALL:
        agent.next_state, agent.next_pause_reason = AgentState.PAUSED.value, str(reason)
        tell(session, agent)
    elif agent.state == AgentState.READY:
        move(session, agent, AgentState.PAUSED, now, pause_reason=reason)
    elif agent.pause_reason != reason:
        restart_pause(session, agent, reason, now)


def restart_pause(session: Session, agent: AgentSession, reason: str, now: datetime) -> None:
    """The same pause for another reason: a span of its own."""
    agent.pause_reason = reason
    restart_span(session, agent, now)


def restart_span(session: Session, agent: AgentSession, now: datetime) -> None:
    """The same state anew: another reason, or another result to write down."""
    agent.state_since = now
    spans.close_span(session, agent, now)
    spans.open_span(session, agent, now)
    tell(session, agent)


def sign_out(session: Session, user_id: int, now: datetime) -> AgentSession:
    """Ends the session; in a call: after this call."""
    agent = require_live(session, user_id)
    if agent.state in IN_CALL:
        agent.next_state, agent.next_pause_reason = AgentState.ENDED.value, ""
        tell(session, agent)
    else:
        move(session, agent, AgentState.ENDED, now)
    return agent


def heartbeat(session: Session, user_id: int, now: datetime) -> None:
    """Notes that the console is open; at most one write in ten seconds. A moment that lies ahead is of a clock that was set back since."""
    session.execute(
        update(AgentSession)
        .where(AgentSession.user_id == user_id, AgentSession.state != AgentState.ENDED)
        .where(or_(AgentSession.last_seen_at < now - SEEN_EVERY, AgentSession.last_seen_at > now + SEEN_EVERY))
        .values(last_seen_at=now)
    )


def reserve(
    session: Session, agent_session_id: int, now: datetime, attempt_id: int | None = None, *, must_have_leg: bool = True
) -> AgentSession | None:
    """Takes a ready operator for a case by conditional update; None when somebody else was faster or the operator is gone."""
    statement = (
        update(AgentSession)
        .where(AgentSession.id == agent_session_id, AgentSession.state == AgentState.READY)
        .values(state=AgentState.RESERVED.value, state_since=now, attempt_id=attempt_id)
        .returning(AgentSession)
    )
    if must_have_leg:
        statement = statement.where(AgentSession.is_leg_up)
    agent = session.scalar(statement, execution_options={"populate_existing": True})
    if agent is not None:
        spans.close_span(session, agent, now)
        spans.open_span(session, agent, now)
        tell(session, agent)
    return agent


def ring(session: Session, agent_session_id: int, attempt_id: int, now: datetime) -> None:
    """The debtor's phone rings for this operator."""
    agent = _in_call(session, agent_session_id, attempt_id, {AgentState.RESERVED})
    if agent is not None:
        move(session, agent, AgentState.RINGING, now)


def talk(session: Session, agent_session_id: int, attempt_id: int, now: datetime) -> bool:
    """The debtor answered and is joined with the operator; False when that operator is not there any more."""
    agent = _in_call(session, agent_session_id, attempt_id, {AgentState.RESERVED, AgentState.RINGING})
    if agent is None:
        return False
    move(session, agent, AgentState.TALKING, now)
    return True


def bind(session: Session, agent: AgentSession, attempt_id: int, now: datetime) -> None:
    """A debtor who has answered gets this operator, who is ready and locked."""
    agent.attempt_id = attempt_id
    move(session, agent, AgentState.TALKING, now)


def wrap_up(session: Session, agent_session_id: int, attempt_id: int, now: datetime) -> bool:
    """The line has ended and the operator owes a result; False when that operator is not with this attempt."""
    agent = _in_call(session, agent_session_id, attempt_id, ON_LINE)
    if agent is None:
        return False
    move(session, agent, AgentState.WRAP_UP, now)
    passing("wrap_up.begun")
    return True


def release(session: Session, agent_session_id: int, now: datetime, attempt_id: int | None = None) -> bool:
    """The call came to nothing (or its result is recorded): the operator goes on to what follows.

    Only an operator who is still with `attempt_id` is moved, so a late release never frees one who is with the next call.
    """
    agent = _in_call(session, agent_session_id, attempt_id, IN_CALL)
    if agent is None:
        return False
    go_on(session, agent, after_call(agent.next_state, agent.next_pause_reason), now)
    passing("operator.released")
    return True


def finish_wrap_up(session: Session, user_id: int, attempt_id: int, now: datetime) -> AgentSession:
    """The result is recorded; the next state is the one chosen. While the line is still up, nothing moves yet: its end will."""
    agent = require_live(session, user_id)
    agent.last_seen_at = now
    if agent.state == AgentState.WRAP_UP and agent.attempt_id == attempt_id:
        go_on(session, agent, after_call(agent.next_state, agent.next_pause_reason), now)
    passing("wrap_up.finished")
    return agent


def go_on(session: Session, agent: AgentSession, following: NextState, now: datetime) -> None:
    """Ends what the operator was busy with and moves to what follows; a result they took back comes before it."""
    was, agent.attempt_id = agent.attempt_id, None
    owed = _taken_back(session, agent, was, now) if following.state is not AgentState.ENDED else None
    if owed is not None:
        agent.attempt_id = owed.id
        owed.wrap_up_until = now + WRAP_UP
        if agent.state != AgentState.WRAP_UP:
            move(session, agent, AgentState.WRAP_UP, now)
            return
        restart_span(session, agent, now)
        return
    agent.next_state, agent.next_pause_reason = "", ""
    move(session, agent, following.state, now, pause_reason=following.pause_reason)


def owe(session: Session, user_id: int, attempt_id: int, now: datetime) -> bool:
    """A result was taken back: the operator writes it now, or after the call that has begun meanwhile; True when now."""
    agent = require_live(session, user_id)
    if agent.state not in (AgentState.READY, AgentState.PAUSED):
        return False
    if agent.state == AgentState.PAUSED:
        agent.next_state, agent.next_pause_reason = AgentState.PAUSED.value, agent.pause_reason
    agent.attempt_id = attempt_id
    move(session, agent, AgentState.WRAP_UP, now)
    return True


def _taken_back(session: Session, agent: AgentSession, was: int | None, now: datetime) -> Attempt | None:
    """The newest result this operator has taken back a short while ago and still owes."""
    owed = select(Attempt).where(
        Attempt.operator_id == agent.user_id,
        Attempt.state == "wrap_up",
        Attempt.undone_count > 0,
        Attempt.wrap_up_until > now - OWED_FOR,
        Attempt.id.is_distinct_from(was),
    )
    return session.scalar(owed.order_by(Attempt.id.desc()).limit(1).with_for_update(skip_locked=True))


def move(session: Session, agent: AgentSession, to: AgentState, now: datetime, *, pause_reason: str = "") -> None:
    """The only way from one state to another (`reserve` besides). Raises Conflict for a way that does not exist."""
    if not can_move(AgentState(agent.state), to):
        raise Conflict(f"An operator who is {agent.state} can't become {to.value}.", code="agent_state")
    agent.state, agent.state_since, agent.pause_reason = to.value, now, str(pause_reason)
    spans.close_span(session, agent, now)
    if to is AgentState.ENDED:
        agent.ended_at, agent.attempt_id, agent.next_state = now, None, ""
    else:
        spans.open_span(session, agent, now)
    session.flush()
    tell(session, agent)


def require_live(session: Session, user_id: int) -> AgentSession:
    """The operator's open session, locked. Raises NotFound when there is none."""
    agent = find_live(session, user_id)
    if agent is None:
        raise NotFound("You are not signed in as an operator.", hint="Open the console and start work.", code="not_signed_in")
    return agent


def find_live(session: Session, user_id: int) -> AgentSession | None:
    """The operator's open session, locked; None when there is none."""
    return session.scalar(
        select(AgentSession)
        .where(AgentSession.user_id == user_id, AgentSession.state != AgentState.ENDED)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _in_call(session: Session, agent_session_id: int, attempt_id: int | None, states: Collection[AgentState]) -> AgentSession | None:
    return session.scalar(
        select(AgentSession)
        .where(AgentSession.id == agent_session_id, AgentSession.state.in_(tuple(states)))
        .where(AgentSession.attempt_id.is_not_distinct_from(attempt_id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def tell(session: Session, agent: AgentSession) -> None:
    """Tells the operator's console and the board; a bot has no console, and its results tell the board often enough."""
    if agent.is_bot:
        return
    publish(session, "call", agent.user_id)
    publish(session, "board")
