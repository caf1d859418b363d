"""What the carrier tells, put on record event by event or in groups, and what is to be done thereupon."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy.exc import OperationalError

from callcenter.core.clock import Clock
from callcenter.core.db import transaction
from callcenter.core.errors import StoreUnavailable
from callcenter.core.faults import passing
from dialer import conversations, reaping
from dialer.calls import binding
from dialer.calls import service as calls
from dialer.calls.binding import Joining
from dialer.calls.service import Applied
from dialer.controls import consults
from dialer.duties import Duties
from dialer.inbound.desk import InboundDesk
from dialer.inbox import Inbox
from dialer.legs import LegKeeper
from dialer.line import Line
from dialer.supervising import carrying as supervising
from dialer.telephony.errors import CarrierError
from dialer.telephony.events import CarrierEvent, EventKind

log = structlog.get_logger(__name__)

INCOMING_ID = "in-"  # in the id of every line that came in, whatever the carrier
LEG_EVENTS = frozenset({EventKind.LEG_UP, EventKind.LEG_DOWN})


class Listener:
    """Takes what the carrier tells; used by the dialer's one thread."""

    def __init__(self, line: Line, legs: LegKeeper, desk: InboundDesk, duties: Duties) -> None:
        self._line, self._legs, self._desk, self._duties = line, legs, desk, duties
        self._inbox = Inbox(line)
        self._has_moved = True

    @property
    def _clock(self) -> Clock:
        return self._line.clock

    def listen(self, timeout: float, *, all_now: bool = False) -> bool:
        """Takes what the carrier tells; an event leaves the queue only when it is on record, and before the carrier is asked for more."""
        has_news = self._apply_first()
        self._inbox.add(self._line.carrier.poll(self._inbox.patience(timeout)))
        has_news = self._apply_first() or has_news
        while events := self._inbox.take(all_now=all_now):
            has_news = True
            self._apply_together(events)
        return self._apply_first() or has_news

    def _apply_first(self) -> bool:
        has_news = bool(self._inbox.first)
        while self._inbox.first:
            self._apply(self._inbox.first[0])
            self._inbox.first.popleft()
        return has_news

    def _apply_together(self, events: Sequence[CarrierEvent]) -> None:
        """One transaction for many events of automated calls; where it fails they are taken one by one, so that none holds others up."""
        offices: dict[int, list[CarrierEvent]] = {}
        for event in events:
            office_id = calls.office_of_channel(event.channel_id)
            if office_id is not None and office_id in self._duties:
                offices.setdefault(office_id, []).append(event)
        try:
            for office_id, some in offices.items():
                for _ in some:
                    passing("event.received")
                with transaction(office_id) as session:
                    applied = calls.apply_events(session, some, self._clock.now())
                for event, one in zip(some, applied, strict=True):
                    passing("event.applied")
                    self._follow_up(office_id, event, one)
        except Exception as problem:
            self._inbox.hasten(events)
            if isinstance(problem, (StoreUnavailable, OperationalError)):
                raise
            log.exception("events_taken_one_by_one", count=len(events))

    def _apply(self, event: CarrierEvent) -> None:
        if event.kind is EventKind.RESYNC:
            self._compare(event)
            return
        office_id = calls.office_of_channel(event.channel_id)
        if event.kind is EventKind.INCOMING or INCOMING_ID in event.channel_id:
            office_id = self._desk.take(event, self._duties)
            self._duties.note_news(() if office_id is None else (office_id,), wishes=True)
        if office_id is not None and office_id in self._duties:
            self._record(office_id, event)

    def _compare(self, event: CarrierEvent) -> None:
        """A new connection's list of what is alive, against what is on record."""
        now, node = self._clock.now(), self._line.node
        self._line.unhurried &= event.live
        for office_id in self._duties:
            with transaction(office_id) as session:
                reaping.resync(session, node, self._line.carrier.name, event, now)
                supervising.forget_lost(session, event.live, node, now)
                strays = reaping.stray_lines(session, event.live, event.at)
            self.end_strays(strays)
            self._desk.resync(office_id, event, now)
        self._duties.note_news(self._duties, wishes=True)

    def _record(self, office_id: int, event: CarrierEvent) -> None:
        now, applied, left_alone = self._clock.now(), None, None
        passing("event.received")
        with transaction(office_id) as session:
            if event.kind in LEG_EVENTS and supervising.is_leg(event.channel_id):
                left_alone = supervising.apply(session, event, now)
            elif event.kind in LEG_EVENTS:
                self._legs.apply(session, event, now)
                consults.apply(session, event, now)
            else:
                applied = calls.apply_event(session, event, now)
                if applied is not None and event.kind is EventKind.BRIDGED:
                    conversations.joined(session, applied.call_id, now)
        passing("event.applied")
        self._legs.rejoin()
        self._follow_up(office_id, event, applied)
        if left_alone is not None:
            self.hang_up(left_alone)

    def _follow_up(self, office_id: int, event: CarrierEvent, applied: Applied | None) -> None:
        """What is to be done once an event is on record."""
        if event.kind is EventKind.ENDED:
            self._line.unhurried.discard(event.channel_id)
        if applied is None or applied.has_moved:
            self._has_moved = True
            self._duties.note_news((office_id,))
        if applied is not None and applied.join is not None:
            self.join(applied.join)
        elif applied is not None and applied.waits:
            self._duties[office_id].waits_until = self._clock.now() + binding.PATIENCE
        if applied is not None and applied.hang_up:
            self.hang_up(applied.hang_up)

    def hang_up(self, channel_id: str) -> None:
        """Ends a line; one that the carrier does not end now is asked for again in the next round."""
        try:
            passing("hang_up.begins")
            self._line.carrier.hang_up(channel_id)
        except CarrierError as problem:
            log.warning("hang_up_failed", error=problem.code)
            self._line.hung_up.discard(channel_id)

    def end_strays(self, channels: Sequence[str]) -> None:
        """Ends lines whose calls are over: whoever is on one of them would wait in a room for nobody, or for the operator's next debtor."""
        for channel_id in channels:
            log.warning("stray_line_ended")
            self.hang_up(channel_id)

    def join(self, joining: Joining) -> None:
        """Brings a waiting debtor to an operator. Where that fails the carrier tells the debtor and us, or the line ends and the reaper
        frees the operator."""
        try:
            self._line.carrier.bridge(joining.channel_id, joining.leg_id)
        except CarrierError as problem:
            log.warning("join_failed", error=problem.code)
            if not joining.is_told:
                self.hang_up(joining.channel_id)

    def skip(self) -> None:
        """Lets go of the event at which something went wrong."""
        if self._inbox.first:
            self._inbox.first.popleft()

    def take_moved(self) -> bool:
        """Whether somebody answered, or a line or a leg ended or came up, since this was asked last; for virtual time."""
        moved, self._has_moved = self._has_moved, False
        return moved

    def next_at(self) -> datetime | None:
        """When something is due; for virtual time."""
        return self._inbox.next_at()
