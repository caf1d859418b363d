"""Operators' voice legs: opened while signed in, closed afterwards, made anew when the carrier lost them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from callcenter.core.db import office_of, transaction
from campaigns.attempts.codes import LineResult
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.agents.state import ON_LINE, AgentState, PauseReason
from dialer.calls.models import Call
from dialer.calls.state import CallState
from dialer.telephony.errors import CarrierError, CarrierRefused
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.telephony.port import Carrier, LegRequest, PhoneLogin

log = structlog.get_logger(__name__)

ASK_AGAIN_SECONDS = 45.0
TRY_AGAIN = timedelta(seconds=2)
UNATTENDED = timedelta(seconds=30)
TAKES_UP_AGAIN = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class LegOrder:
    """A leg to be opened at `address`, in `room`; `instead_of` is a former channel of which nobody told whether it stands."""

    agent_session_id: int
    leg_id: str
    address: str
    room: str
    is_muted: bool
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class LegWishes:
    """Legs to be opened and ids of legs to be closed; browsers' phones that may register, and names of those that may no more."""

    to_open: Sequence[LegOrder] = ()
    to_close: Sequence[str] = ()
    phones: Sequence[PhoneLogin] = ()
    gone_phones: Sequence[str] = ()


class LegKeeper:
    """Makes the carrier's legs equal what the database says they should be; remembers only what was asked for just now."""

    def __init__(self, carrier: Carrier, node: str) -> None:
        self._carrier, self._node = carrier, node
        self._missing: dict[int, frozenset[str]] = {}
        self._asked: dict[str, datetime] = {}
        self._phones: set[PhoneLogin] = set()
        self._joins: list[tuple[str, str]] = []

    def wishes(self, session: Session, now: datetime) -> LegWishes:
        """Which legs are missing and which are over; those to be opened are this dialer's from now on."""
        if not self._carrier.is_connected():
            self._phones.clear()  # Asterisk may come back without them
            return LegWishes()
        self._asked = {leg_id: at for leg_id, at in self._asked.items() if abs(now - at) < timedelta(seconds=ASK_AGAIN_SECONDS)}
        end_unattended(session, self._node, now)
        phones = [login for login in phones_to_make(session, self._node) if login not in self._phones]
        to_open = legs_to_open(session, self._node, self._asked, now)
        to_close, gone_phones = legs_to_close(session, self._node)
        return LegWishes(to_open, to_close, phones, gone_phones)

    def fulfil(self, office_id: int, wishes: LegWishes, now: datetime) -> None:
        """Asks the carrier, outside any transaction."""
        for login in wishes.phones:
            self._make_phone(office_id, login)
        for order in wishes.to_open:
            self._open(office_id, order, now)
        for leg_id in wishes.to_close:
            self._close(leg_id)
        for name in wishes.gone_phones:
            self._drop_phone(name)

    def apply(self, session: Session, event: CarrierEvent, now: datetime) -> None:
        """Takes a leg's event."""
        self._asked.pop(event.channel_id, None)
        join = apply_leg_event(session, event, now)
        if join is not None:
            self._joins.append(join)

    def rejoin(self) -> None:
        """Debtors who wait for a leg that stands again join at once; Asterisk's own dialplan would do it within a moment."""
        joins, self._joins = self._joins, []
        for channel_id, room in joins:
            try:
                self._carrier.bridge(channel_id, room)
            except CarrierError as problem:
                log.info("not_joined_again", error=problem.code)

    def _make_phone(self, office_id: int, login: PhoneLogin) -> None:
        try:
            self._carrier.make_phone(login)
        except CarrierRefused as problem:
            log.warning("phone_refused", error=problem.code)
            with transaction(office_id) as session:
                refuse_phone(session, login)
        except CarrierError as problem:
            log.info("phone_not_made", error=problem.code)
        else:
            self._phones.add(login)

    def _drop_phone(self, name: str) -> None:
        self._phones = {login for login in self._phones if login.name != name}
        try:
            self._carrier.drop_phone(name)
        except CarrierError as problem:
            log.info("phone_not_dropped", error=problem.code)

    def _open(self, office_id: int, order: LegOrder, now: datetime) -> None:
        self._asked[order.leg_id] = now
        if order.instead_of:
            self._close(order.instead_of)  # else the same phone is called twice, and one of its lines stays up
        try:
            self._carrier.open_leg(LegRequest(order.leg_id, order.address, order.room, is_muted=order.is_muted))
        except CarrierRefused as problem:
            log.info("leg_refused", agent_session=order.agent_session_id, error=problem.code)
            with transaction(office_id) as session:
                refuse_leg(session, order.leg_id, "leg_refused")
        except CarrierError as problem:
            log.info("leg_not_opened", agent_session=order.agent_session_id, error=problem.code)

    def note_missing(self, session: Session, live: Collection[str], now: datetime) -> None:
        """A leg that two lists of what is alive did not have, one after the other, has fallen, and the word of it went lost.

        One list says nothing: a leg may have come up just after it was made.
        """
        up = select(AgentSession.leg_channel).where(AgentSession.leg_node == self._node, AgentSession.is_leg_up)
        missing = frozenset(session.scalars(up)) - frozenset(live)
        office_id = office_of(session)
        for channel_id in sorted(missing & self._missing.get(office_id, frozenset())):
            log.warning("leg_missed")
            self.apply(session, CarrierEvent(EventKind.LEG_DOWN, channel_id, now, f"{channel_id}:missed"), now)
        self._missing[office_id] = missing

    def close(self, leg_ids: Sequence[str]) -> None:
        """Ends phones that stand and are nobody's any more."""
        for leg_id in leg_ids:
            log.warning("stray_leg_closed", leg=leg_id)
            self._close(leg_id)

    def _close(self, leg_id: str) -> None:
        try:
            self._carrier.close_leg(leg_id)
        except CarrierError as problem:
            log.info("leg_not_closed", error=problem.code)


def legs_to_open(session: Session, node: str, asked: Collection[str], now: datetime) -> list[LegOrder]:
    """Takes the legs that are missing for this dialer and gives each a fresh channel; `asked` are channels under way already.

    The first channel has the name of the room.
    A browser's phone is called only once its page has said that it is registered; a phone that did not answer is left alone a moment.
    """
    may_be_called = or_(AgentSession.leg_kind == "desk", AgentSession.phone_ready_at.is_not(None))
    missing = session.scalars(
        select(AgentSession)
        .where(AgentSession.state != AgentState.ENDED, AgentSession.is_leg_up.is_(False), AgentSession.leg_problem == "")
        .where(AgentSession.leg_node.in_(("", node)), AgentSession.leg_channel.not_in(tuple(asked)), may_be_called)
        .where(or_(AgentSession.leg_down_at.is_(None), AgentSession.leg_down_at < now - TRY_AGAIN, AgentSession.leg_kind == "browser"))
        .order_by(AgentSession.id)
        .with_for_update(skip_locked=True)
    ).all()
    orders = []
    for agent in missing:
        former = agent.leg_channel if agent.leg_down_at is None else ""
        agent.leg_node, agent.leg_channel = node, agents.new_leg_id(session) if agent.leg_channel else agent.leg_id
        orders.append(LegOrder(agent.id, agent.leg_channel, agent.leg_address, agent.leg_id, agent.is_muted, former))
    return orders


def legs_to_close(session: Session, node: str) -> tuple[list[str], list[str]]:
    """Lets go of the legs of operators who have gone; returns the channels, and the names of their browsers' phones."""
    ended = session.scalars(
        select(AgentSession)
        .where(AgentSession.state == AgentState.ENDED, AgentSession.leg_node == node)
        .order_by(AgentSession.id)
        .with_for_update(skip_locked=True)
    ).all()
    gone = [agent.leg_address for agent in ended if agent.leg_kind == "browser"]
    for agent in ended:
        agent.leg_node, agent.is_leg_up, agent.phone_digest = "", False, ""
    still_used = set(
        session.scalars(select(AgentSession.leg_address).where(AgentSession.state != AgentState.ENDED, AgentSession.leg_kind == "browser"))
    )
    return [agent.leg_channel for agent in ended if agent.leg_channel], [name for name in gone if name not in still_used]


def phones_to_make(session: Session, node: str) -> list[PhoneLogin]:
    """The browsers' phones of this dialer's operators; those of no dialer are this one's from now on."""
    wanted = (
        select(AgentSession)
        .where(AgentSession.state != AgentState.ENDED, AgentSession.leg_kind == "browser", AgentSession.phone_digest != "")
        .where(AgentSession.leg_problem == "")
        .order_by(AgentSession.id)
    )
    free = wanted.where(AgentSession.leg_node == "").with_for_update(skip_locked=True)  # another dialer may take them just now
    for agent in session.scalars(free):
        agent.leg_node = node
    mine = session.scalars(wanted.where(AgentSession.leg_node == node))
    return [PhoneLogin(agent.leg_address, agent.phone_digest) for agent in mine]


def refuse_phone(session: Session, login: PhoneLogin) -> None:
    """The carrier has no browser phones; the operator sees why."""
    agent = session.scalar(
        select(AgentSession).where(AgentSession.phone_digest == login.digest, AgentSession.state != AgentState.ENDED).with_for_update()
    )
    if agent is not None:
        agent.leg_problem = "leg_refused"
        agents.tell(session, agent)


def refuse_leg(session: Session, leg_id: str, problem: str) -> None:
    """The carrier won't open this leg; the operator sees why and it is tried again when they say that they are ready."""
    agent = _by_leg(session, leg_id)
    if agent is not None:
        agent.leg_problem = problem
        agents.tell(session, agent)


def apply_leg_event(session: Session, event: CarrierEvent, now: datetime) -> tuple[str, str] | None:
    """A leg stands or has fallen. Without a leg nobody is called for this operator.

    Returns the debtor's channel and the room it shall join again, when a leg came back in mid-call.
    """
    agent = _by_leg(session, event.channel_id)
    if agent is None:
        return None
    if event.kind is EventKind.LEG_UP:
        return None if agent.is_leg_up else _came_up(session, agent, now)
    _fell(session, agent, event, now)
    return None


def _came_up(session: Session, agent: AgentSession, now: datetime) -> tuple[str, str] | None:
    fell_at = agent.leg_down_at
    agent.is_leg_up, agent.leg_problem, agent.leg_down_at = True, "", None
    is_back = fell_at is not None and fell_at > now - TAKES_UP_AGAIN
    if is_back and agent.state == AgentState.PAUSED and agent.pause_reason == PauseReason.LEG_DOWN:
        agents.move(session, agent, AgentState.READY, now)
        return None
    agents.tell(session, agent)
    if fell_at is None or agent.state != AgentState.TALKING:
        return None
    waiting = select(Call.channel_id).where(Call.attempt_id == agent.attempt_id, Call.held_at.is_(None), Call.state != CallState.ENDED)
    channel_id = session.scalar(waiting)
    return (channel_id, agent.leg_id) if channel_id else None


def _fell(session: Session, agent: AgentSession, event: CarrierEvent, now: datetime) -> None:
    """In mid-call the leg is opened again at once; otherwise a desk phone's operator says when. A browser's page asks by itself."""
    was_up, agent.is_leg_up, agent.phone_ready_at = agent.is_leg_up, False, None
    if agent.state == AgentState.ENDED:
        return
    agent.leg_down_at = agent.leg_down_at or now
    if agent.state in ON_LINE:
        agents.tell(session, agent)
        return
    if agent.leg_kind == "desk":
        is_answered = was_up or event.line_result in (None, LineResult.ANSWERED)
        agent.leg_problem = PauseReason.LEG_DOWN.value if is_answered else "leg_refused"
    if agent.state == AgentState.READY:
        agents.move(session, agent, AgentState.PAUSED, now, pause_reason=PauseReason.LEG_DOWN)
        return
    agents.tell(session, agent)


def end_unattended(session: Session, node: str, now: datetime) -> None:
    """Nobody is kept waiting for an operator whose phone does not come back."""
    lost = (
        select(Call)
        .join(AgentSession, (AgentSession.office_id == Call.office_id) & (AgentSession.attempt_id == Call.attempt_id))
        .where(AgentSession.state == AgentState.TALKING, AgentSession.is_leg_up.is_(False), AgentSession.leg_down_at < now - UNATTENDED)
        .where(Call.state != CallState.ENDED, Call.node == node, Call.hangup_requested_at.is_(None))
    )
    for call in session.scalars(lost.order_by(Call.id).with_for_update(of=Call, skip_locked=True)).all():
        call.hangup_requested_at = now
        log.warning("ended_unattended", call=call.id)


def forget_lost_legs(session: Session, node: str, live: frozenset[str], before: datetime) -> int:
    """After a reconnect: legs the carrier does not have any more are opened anew."""
    lost = update(AgentSession).where(
        AgentSession.leg_node == node,
        AgentSession.is_leg_up,
        AgentSession.leg_channel.not_in(tuple(live)),
        AgentSession.signed_in_at < before,
    )
    done = session.scalars(lost.values(is_leg_up=False, leg_down_at=before).returning(AgentSession.id)).all()
    return len(done)


def _by_leg(session: Session, channel_id: str) -> AgentSession | None:
    return session.scalar(
        select(AgentSession).where(AgentSession.leg_channel == channel_id).with_for_update().execution_options(populate_existing=True)
    )


def free_legs_of(session: Session, nodes: Sequence[str]) -> None:
    """Lets other dialers open the legs of dialers that have gone."""
    session.execute(update(AgentSession).where(AgentSession.leg_node.in_(nodes)).values(leg_node="", is_leg_up=False))
