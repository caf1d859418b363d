"""Which telephone an operator works with: the browser's own, or one on the desk; chosen before calls come."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from callcenter.core.db import office_of
from callcenter.core.errors import Conflict, InvalidInput
from callcenter.core.live import publish
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.agents.state import IN_CALL
from dialer.controls.models import LineOrder
from dialer.controls.state import Verb
from dialer.telephony.port import REALM

BROWSER, DESK = "browser", "desk"


def phone_name(office_id: int, user_id: int) -> str:
    """The name of a person's browser phone; no desk phone is called so."""
    return f"o{office_id}-web{user_id}"


def usual_kind(session: Session, user_id: int, address: str | None = None, *, has_softphone: bool) -> str:
    """The kind used last, as far as it can still be used; else the desk phone where there is one, at `address` if that is known."""
    if not has_softphone:
        return DESK
    if address is None:
        address = session.scalar(select(User.phone_address).where(User.id == user_id))
    if not address:
        return BROWSER
    last = select(AgentSession.leg_kind).where(AgentSession.user_id == user_id).order_by(AgentSession.id.desc()).limit(1)
    return session.scalar(last) or DESK


def begin(session: Session, user_id: int, now: datetime, *, has_softphone: bool) -> AgentSession:
    """Opens the operator's session, paused, with the usual telephone; an open one is returned as it is."""
    agent = agents.find_live(session, user_id)
    return agent or _sign_in(session, user_id, usual_kind(session, user_id, has_softphone=has_softphone), now)


def choose(session: Session, user_id: int, kind: str, now: datetime, *, has_softphone: bool) -> AgentSession:
    """Works with that telephone from now on; paused until the operator says that they are ready.

    Raises InvalidInput for a telephone that is not there, Conflict in a call.
    """
    if kind not in (BROWSER, DESK) or (kind == BROWSER and not has_softphone):
        raise InvalidInput("There is no such telephone.", hint="Expected desk, or browser where it is set up.", code="bad_phone")
    agent = agents.find_live(session, user_id)
    if agent is not None and agent.leg_kind == kind:
        return agent
    if agent is not None:
        if agent.state in IN_CALL:
            raise Conflict("The telephone can't be changed in a call.", hint="Change it after the call.", code="in_call")
        agents.sign_out(session, user_id, now)
    return _sign_in(session, user_id, kind, now)


def may_register(session: Session, agent: AgentSession, password: str) -> None:
    """Lets the browser's phone register with this password; the dialer tells Asterisk within a moment."""
    text = f"{agent.leg_address}:{REALM}:{password}"
    digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()  # SIP's digest, RFC 8760 keeps MD5 for compatibility
    if agent.phone_digest != digest:
        agent.phone_digest, agent.leg_problem = digest, ""
        publish(session, "dial")


def call_me(session: Session, agent: AgentSession, now: datetime) -> None:
    """The browser's phone is registered and has no leg, or a dead one: it is called, and what was there before is let go."""
    if agent.leg_channel:
        session.add(LineOrder(agent_session_id=agent.id, verb=Verb.CLOSE_LEG.value, argument=agent.leg_channel, asked_at=now))
        agent.leg_channel = agents.new_leg_id(session)
        agent.leg_down_at = agent.leg_down_at or now
    agent.is_leg_up, agent.phone_ready_at, agent.leg_problem = False, now, ""
    publish(session, "dial")


def _sign_in(session: Session, user_id: int, kind: str, now: datetime) -> AgentSession:
    address = phone_name(office_of(session), user_id) if kind == BROWSER else None
    return agents.sign_in(session, user_id, now=now, leg_address=address, leg_kind=kind)
