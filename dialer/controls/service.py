"""What operators ask of their line: put on record here, carried out by the dialer within a moment, at most once.

Rows are locked in the order call, attempt, operator.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from callcenter.auth.models import Role, User
from callcenter.core.errors import Conflict, InvalidInput
from callcenter.core.live import publish
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.agents.state import AgentState
from dialer.calls.models import Call
from dialer.calls.state import CallState
from dialer.controls.models import Consultation, LineOrder
from dialer.controls.state import KEYS, Talk, Verb, may_ask


def ask(session: Session, user_id: int, attempt_id: int, verb: Verb, now: datetime, argument: str = "") -> None:
    """Asks for one thing; asked for already and not yet done, it is not asked again.

    Raises Conflict when there is no conversation, or when this makes no sense now (see `dialer.controls.state.ALLOWED_IN`).
    """
    call, agent = _conversation(session, user_id, attempt_id)
    _require(verb, open_talk(session, call.id))
    _order(session, agent, call, verb, now, argument)


def send_keys(session: Session, user_id: int, attempt_id: int, keys: str, now: datetime) -> None:
    """Presses keys towards the debtor. Raises InvalidInput for anything but a few of 0-9, * and #."""
    if not KEYS.fullmatch(keys):
        raise InvalidInput("That can't be pressed.", hint="Expected 1 to 12 of 0-9, * and #.", code="bad_keys")
    ask(session, user_id, attempt_id, Verb.KEYS, now, keys)


def consult(session: Session, user_id: int, attempt_id: int, officer_id: int, reason: str, now: datetime) -> Consultation:
    """Puts the debtor on hold and calls a tax officer to talk with privately. Raises Conflict when the officer has no phone."""
    call, agent = _conversation(session, user_id, attempt_id)
    _require(Verb.CONSULT, open_talk(session, call.id))
    officer = session.scalar(_officers().where(User.id == officer_id))
    if officer is None:
        raise Conflict("That officer has no telephone here.", hint="Choose another one.", code="no_officer")
    talk = Consultation(
        call_id=call.id,
        attempt_id=attempt_id,
        agent_session_id=agent.id,
        officer_id=officer.id,
        channel_id=agents.new_leg_id(session),
        address=officer.phone_address,
        reason=reason[:40],
        state=Talk.CALLING.value,
        began_at=now,
    )
    session.add(talk)
    session.flush()
    _order(session, agent, call, Verb.CONSULT, now, talk.channel_id)
    return talk


def officers(session: Session) -> list[tuple[int, str]]:
    """Tax officers who can be called: id and name."""
    rows = session.execute(_officers().with_only_columns(User.id, User.display_name).order_by(User.display_name, User.id))
    return [(number, name) for number, name in rows]


def open_talk(session: Session, call_id: int) -> Consultation | None:
    """The talk with an officer that is under way about a call."""
    return session.scalar(
        select(Consultation)
        .where(Consultation.call_id == call_id, Consultation.ended_at.is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _officers() -> Select[User]:
    return select(User).where(User.role == Role.TAX_OFFICER, User.is_enabled, User.phone_address != "")


def _conversation(session: Session, user_id: int, attempt_id: int) -> tuple[Call, AgentSession]:
    call = session.scalar(select(Call).where(Call.attempt_id == attempt_id).with_for_update())
    agent = agents.find_live(session, user_id)
    is_talking = agent is not None and agent.attempt_id == attempt_id and agent.state == AgentState.TALKING
    if call is None or agent is None or not is_talking or call.state not in (CallState.ANSWERED, CallState.BRIDGED):
        raise Conflict("This call is over.", hint="Look at the newest state.", code="no_call")
    return call, agent


def _require(verb: Verb, talk: Consultation | None) -> None:
    if not may_ask(verb, None if talk is None else Talk(talk.state)):
        raise Conflict("That can't be done at this point of the call.", hint="Look at the newest state.", code="not_now")


def _order(session: Session, agent: AgentSession, call: Call, verb: Verb, now: datetime, argument: str) -> None:
    same = select(LineOrder.id).where(
        LineOrder.call_id == call.id, LineOrder.verb == verb, LineOrder.taken_at.is_(None), LineOrder.argument == argument
    )
    if verb is not Verb.KEYS and session.scalar(same.limit(1)) is not None:
        return
    session.add(LineOrder(agent_session_id=agent.id, call_id=call.id, verb=verb.value, argument=argument, asked_at=now))
    publish(session, "dial")
