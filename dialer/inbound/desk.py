"""The dialer's part with calls that come in: which office a line belongs to, and carrying out what each round of attention decides."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Select, select

from callcenter.auth.models import Office
from callcenter.core.clock import Clock
from callcenter.core.db import transaction
from callcenter.core.errors import AppError
from campaigns.compliance.gate import load_policy
from dialer.calls.service import office_of_channel
from dialer.inbound import service
from dialer.inbound.attending import Order, attend
from dialer.inbound.models import InboundCall
from dialer.inbound.words import plan_of_words, usual_words
from dialer.ivr.speaker import Speaker
from dialer.telephony.errors import CarrierError
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.telephony.port import CallerNotice, Carrier

log = structlog.get_logger(__name__)

LOOK_SECONDS, IDLE_SECONDS = 1.0, 30.0  # while somebody waits, and while those who called in all talk
MAKING_SECONDS = 0.1  # while words are being made
USUAL_AFTER = timedelta(minutes=1)  # a dialer that begins has other things to do


class InboundDesk:
    """Used by the dialer's one thread; remembers only which lines stand, and reads that anew after a start."""

    def __init__(self, carrier: Carrier, clock: Clock, node: str, speaker: Speaker | None = None) -> None:
        self._carrier, self._clock, self._node, self._speaker = carrier, clock, node, speaker
        self._offices: dict[str, int] = {}
        self._let_go: set[str] = set()
        self._making: dict[str, tuple[CallerNotice, Future[None]]] = {}  # by channel: the caller hears the ring meanwhile
        self._has_usual: set[int] = set()  # offices
        self._usual, self._usual_from = list[Sequence[str]](), clock.now() + USUAL_AFTER
        self._next = clock.now()

    def office_of(self, event: CarrierEvent, office_ids: Collection[int]) -> int | None:
        """The office whose line this is; None for a line that is nobody's. A call that comes in finds its office by the number called."""
        known = self._offices.get(event.channel_id)
        if known is not None:
            return known
        if event.kind is EventKind.INCOMING:
            found = office_of_channel(event.channel_id) or _office_called(event.called, office_ids)
            return found if found in office_ids else None
        return next((office_id for office_id in office_ids if _has(office_id, event.channel_id)), None)

    def take(self, event: CarrierEvent, office_ids: Collection[int]) -> int | None:
        """Takes one event of a line that came in; returns the office, or None where it is none of these offices' business.

        The end of a line with a case is told to its call by the dialer.
        """
        office_id = self.office_of(event, office_ids)
        if office_id is None:
            if event.kind is EventKind.INCOMING:
                log.warning("incoming_for_nobody")
                self._hang_up(event.channel_id)
            return None
        with transaction(office_id) as session:
            if event.kind is EventKind.INCOMING:
                service.come_in(session, event, self._carrier.name, self._node)
            else:
                service.apply_event(session, event, self._clock.now())
        if event.kind is EventKind.ENDED:
            self._offices.pop(event.channel_id, None)
            self._let_go.discard(event.channel_id)
            self._making.pop(event.channel_id, None)
        else:
            self._offices[event.channel_id] = office_id
        self._next = self._clock.now()
        return office_id

    def resync(self, office_id: int, event: CarrierEvent, now: datetime) -> None:
        """After a (re)connect: lines that are gone have ended, lines that stand are known again."""
        with transaction(office_id) as session:
            gone = service.reconcile(session, self._carrier.name, [self._node], event.live, event.at, now)
            self._offices |= dict.fromkeys(session.scalars(self._standing()), office_id)
            office = session.get_one(Office, office_id)
        if office.phone and office_id not in self._has_usual:
            self._has_usual.add(office_id)
            self._usual.append(usual_words(office.desk_name or office.name))
        if gone:
            log.warning("incoming_lost", count=gone)
        self._offices = {channel: office for channel, office in self._offices.items() if channel in event.live or office != office_id}

    def next_at(self) -> datetime | None:
        """When somebody who waits is looked after next."""
        if self._making:
            return min(self._next, self._clock.now() + timedelta(seconds=MAKING_SECONDS))
        return self._next if self._offices else None

    def look_after(self) -> bool:
        """One round for everybody who waits; whether anything was done."""
        now, has_said = self._clock.now(), self._carrier.is_connected() and self._say_made()
        while self._speaker is not None and self._usual and now >= self._usual_from:
            self._speaker.make_some_time([plan_of_words(_sounds([text])) for text in self._usual.pop()])
        if not self._offices or now < self._next or not self._carrier.is_connected():
            return has_said
        has_done, is_waited = has_said, False
        for office_id in sorted(set(self._offices.values())):
            with transaction(office_id) as session:
                orders = attend(session, self._node, load_policy(session), now)
                standing = {row.channel_id: row.state for row in session.execute(self._standing())}
            self._offices = {line: office for line, office in self._offices.items() if office != office_id or line in standing}
            is_waited = is_waited or any(state != "talking" for state in standing.values())
            for order in orders:
                has_done = self._carry_out(order) or has_done
        self._next = now + timedelta(seconds=LOOK_SECONDS if is_waited else IDLE_SECONDS)
        return has_done

    def look_soon(self) -> None:
        """Something happened: an operator became free, or wants to hang up."""
        self._next = min(self._next, self._clock.now())

    def _standing(self) -> Select[str, str]:
        return select(InboundCall.channel_id, InboundCall.state).where(InboundCall.state != "ended", InboundCall.node == self._node)

    def _carry_out(self, order: Order) -> bool:
        self._making.pop(order.channel_id, None)  # what was to be said before is no longer so
        try:
            if order.room:
                self._carrier.bridge(order.channel_id, order.room)
            elif order.says:
                self._say(order)
            elif order.channel_id not in self._let_go:
                self._hang_up(order.channel_id)
            else:
                return False
        except (CarrierError, AppError, OSError) as problem:
            log.warning("incoming_not_served", error=type(problem).__name__)
            self._hang_up(order.channel_id)
        return True

    def _say(self, order: Order) -> None:
        notice = CallerNotice(order.channel_id, _sounds(order.says), is_last=order.is_last)
        if self._speaker is None:
            self._carrier.announce(notice)
        else:
            self._making[order.channel_id] = notice, self._speaker.make(plan_of_words(notice.sounds))

    def _say_made(self) -> bool:
        """Has said what has been made meanwhile; whether there was anything."""
        made = {channel_id: making for channel_id, making in self._making.items() if making[1].done()}
        for channel_id, (notice, making) in made.items():
            del self._making[channel_id]
            try:
                making.result()
                self._carrier.announce(notice)
            except (CarrierError, AppError, OSError) as problem:
                log.warning("incoming_not_served", error=type(problem).__name__)
                self._hang_up(channel_id)
        return bool(made)

    def _hang_up(self, channel_id: str) -> None:
        self._let_go.add(channel_id)
        try:
            self._carrier.hang_up(channel_id)
        except CarrierError as problem:
            log.warning("hang_up_failed", error=problem.code)


def _sounds(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The name of each sound, and its words."""
    return tuple((f"said-{hashlib.sha256(text.encode()).hexdigest()[:20]}", text) for text in texts)


def _office_called(number: str | None, office_ids: Collection[int]) -> int | None:
    """The office with this published number; where there is but one office, that one."""
    with transaction(None) as session:
        offices = session.scalars(select(Office).where(Office.id.in_(office_ids))).all()
    named = [office.id for office in offices if number and office.phone == number]
    if len(named) == 1:
        return named[0]
    return offices[0].id if len(offices) == 1 else None


def _has(office_id: int, channel_id: str) -> bool:
    with transaction(office_id) as session:
        return service.office_has(session, channel_id)
