"""The dialer's loop: what happened, who is to be called, what was left behind. One step, one transaction per case.

`run` fits a screen: `Listener.listen` takes what the carrier tells, `step_place` places calls, `step_reap` tidies up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from callcenter.auth.models import Office
from callcenter.core.clock import Clock
from callcenter.core.db import transaction
from callcenter.core.errors import StoreUnavailable
from dialer import placing, reaping
from dialer.calls import binding
from dialer.calls import service as calls
from dialer.calls.binding import PREDICTIVE
from dialer.controls.carrying import Controls
from dialer.duties import Duties, Duty
from dialer.inbound.desk import InboundDesk
from dialer.ivr.speaker import Prepare, Speaker
from dialer.legs import LegKeeper
from dialer.line import Line
from dialer.listening import Listener
from dialer.sharing import WakeUp, give_up, renew
from dialer.stepping import StepWatch, make_up_for
from dialer.supervising import carrying as supervising
from dialer.telephony.port import Carrier, CarrierLimits

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.1
PACE_SECONDS = 2.0


@dataclass
class DialerSettings:
    """What differs between dialers.

    Attributes:
        node: the dialer's name, the same after a restart.
        office_ids: offices to serve; empty serves all.
        campaign_id: the one campaign to work; None works all that run.
        caller_id: shown where an office has no published number, E.164.
        round_seconds: how often work is looked for when nothing happens; reap_seconds: how often leftovers are.
        prepare_prompts: makes a script's sounds for carriers that play files.
    """

    node: str
    caller_id: str
    limits: CarrierLimits = field(default_factory=CarrierLimits)
    office_ids: tuple[int, ...] = ()
    campaign_id: int | None = None
    round_seconds: float = 1.0
    reap_seconds: float = 5.0
    prepare_prompts: Prepare | None = None


def is_due(planned: datetime, now: datetime, every: float) -> bool:
    """Whether something that comes every so many seconds is due; also when the clock was set back, and its time lies far ahead."""
    return now >= planned or planned - now > timedelta(seconds=every)


class Dialer:
    """One dialer with one carrier; used by one thread."""

    def __init__(self, carrier: Carrier, clock: Clock, settings: DialerSettings, wake_up: WakeUp | None = None) -> None:
        self.carrier, self.clock, self.settings = carrier, clock, settings
        self._wake_up = wake_up
        speaker = Speaker(settings.prepare_prompts) if settings.prepare_prompts else None
        self._line = Line(carrier, clock, settings.node, settings.limits, settings.caller_id, settings.round_seconds, speaker)
        self._legs = LegKeeper(carrier, settings.node)
        self._desk = InboundDesk(carrier, clock, settings.node, speaker)
        self._controls = Controls(carrier, settings.node, settings.caller_id)
        self._duties = Duties(self._desk.look_soon)
        self._listener = Listener(self._line, self._legs, self._desk, self._duties)
        self._next_round = self._next_reap = clock.now()
        self._watch = StepWatch(clock)
        self._was_up, self._problem = True, ""
        self._failures = 0

    def run(self, is_stopping: Callable[[], bool]) -> None:
        """Works until told to stop; a database that goes away is waited for."""
        self.start()
        while not is_stopping():
            self.go_round(POLL_SECONDS)
        self.stop()

    def go_round(self, timeout: float) -> bool:
        """One step, whatever goes wrong in it; whether anything happened."""
        try:
            has_news = self.step(timeout)
            self._failures = 0
        except (StoreUnavailable, OperationalError) as problem:
            self._failures += 1
            if self._failures == 1:
                log.warning("database_away", error=type(problem).__name__)
            self.clock.sleep(min(1.0, 0.2 * 2**self._failures))  # longer, and operators would wait for us, not for the database
            return False
        except Exception:  # outermost loop: one bad case must not stop everybody's calls
            log.exception("dialer_step_failed")
            self._listener.skip()
            self.clock.sleep(0.2)
            return False
        return has_news

    def start(self) -> None:
        """Connects; what a former run left behind is settled once the carrier tells what is alive (RESYNC)."""
        self.carrier.connect()
        self._take_offices()
        log.info("dialer_started", node=self.settings.node, carrier=self.carrier.name)

    def step(self, timeout: float) -> bool:
        """One round; whether anything happened."""
        has_news = self._listener.listen(timeout)
        self._note_clock()
        if self._wake_up is not None:
            has_news = self._duties.note_news(self._wake_up.offices(), wishes=True) or has_news
        now = self.clock.now()
        if is_due(self._next_round, now, self.settings.round_seconds):
            self._next_round = now + timedelta(seconds=self.settings.round_seconds)
            self._take_offices()
        has_news = self._desk.look_after() or has_news
        placed = self.step_place()
        if is_due(self._next_reap, now, self.settings.reap_seconds):
            self._next_reap = now + timedelta(seconds=self.settings.reap_seconds)
            self.step_reap()
        return has_news or placed > 0

    def step_place(self) -> int:
        """Carries out operators' wishes and places the calls that may be placed now."""
        placed, now = 0, self.clock.now()
        for duty in self._duties.values():
            if duty.has_wishes:
                duty.has_wishes = False
                self._fulfil_wishes(duty.office_id)
            if duty.waits_until is not None:
                self._bind_waiting(duty, now)
            if duty.looks_at is not None and now >= duty.looks_at:
                duty.has_news, duty.looks_at = True, None
            if duty.has_news and self._line.is_open():
                duty.has_news = False
                placed += self._place(duty)
        return placed

    def _note_clock(self) -> bool:
        """Whether the clock was set: what is counted from a moment follows, and nothing is taken for left behind until the next time."""
        step = self._watch.take()
        if not step:
            return False
        now = self.clock.now()
        log.warning("clock_stepped", seconds=step.total_seconds())
        self._line.note_step()
        self._next_round, self._next_reap = now, now + timedelta(seconds=self.settings.reap_seconds)
        for duty in self._duties.values():
            duty.waits_until = duty.looks_at = None
            with transaction(duty.office_id) as session:
                make_up_for(session, self.settings.node, step, now)
        return True

    def _bind_waiting(self, duty: Duty, now: datetime) -> None:
        """Whoever has become free gets those who answered and wait."""
        if duty.has_news:
            with transaction(duty.office_id) as session:
                joinings = binding.bind_waiting(session, self.settings.node, now)
            for joining in joinings:
                self._listener.join(joining)
        if duty.waits_until is not None and now >= duty.waits_until:
            duty.waits_until = None

    def _fulfil_wishes(self, office_id: int) -> None:
        now = self.clock.now()
        with transaction(office_id) as session:
            legs = self._legs.wishes(session, now)
            channels = placing.hang_ups(session, self._line) if self.carrier.is_connected() else ()
            tasks = self._controls.take(session, now)
            supervision = supervising.tasks(session, self.settings.node, now) if self.carrier.is_connected() else ()
        self._legs.fulfil(office_id, legs, now)
        self._controls.carry_out(office_id, tasks, now)
        supervising.carry_out(self.carrier, office_id, supervision, now)
        for channel_id in channels:
            self._listener.hang_up(channel_id)

    def step_reap(self) -> None:
        """Settles what nobody else will: expired results, absent consoles, calls and claims left behind."""
        live = self.carrier.live_channels() if self.carrier.is_connected() else None
        self._listener.listen(0.0, all_now=True)  # how a channel ended that is not listed any more was told before the list
        now = self.clock.now()
        if self._note_clock():
            return
        for office_id in self._duties:
            with transaction(office_id) as session:
                if live is not None:
                    self._legs.note_missing(session, live, now)
                reaping.tidy(session, self.settings.node, self.carrier.name, live, now)
                legs = reaping.stray_legs(session, live or ())
                lines = reaping.stray_lines(session, live or (), now - reaping.STRAY_AFTER)
            self._legs.close(legs)
            self._listener.end_strays(lines)

    def stop(self) -> None:
        """An orderly end: what was told is on record, calls under way go on, another dialer may begin at once."""
        self._listener.listen(0.0, all_now=True)
        for office_id in self._duties:
            with transaction(office_id) as session:
                give_up(session, self.settings.node)
        self.carrier.close()
        log.info("dialer_stopped", node=self.settings.node)

    def take_moved(self) -> bool:
        """Whether a call or a leg changed since this was asked last; for virtual time."""
        return self._listener.take_moved()

    def next_at(self) -> datetime:
        """When the next round is due at the latest; for virtual time."""
        waits = any(duty.has_news for duty in self._duties.values()) and not self._line.is_open()
        moments = [duty.looks_at for duty in self._duties.values()]
        moments += [self._line.opens_at() if waits else None, self._desk.next_at(), self._listener.next_at()]
        return min(self._next_round, self._next_reap, *(moment for moment in moments if moment is not None))

    def notice(self, office_id: int, *, wishes: bool = False) -> None:
        """Something happened in this office that nobody publishes to this process."""
        self._duties.note_news((office_id,), wishes=wishes)

    def holds_campaigns(self) -> bool:
        """Whether this dialer has a campaign to work."""
        return any(duty.shares for duty in self._duties.values())

    def _place(self, duty: Duty) -> int:
        placed = 0
        is_predictive = any(share.dial_mode == PREDICTIVE for share in duty.shares)
        duty.looks_at = self.clock.now() + timedelta(seconds=PACE_SECONDS) if is_predictive else None
        for index, share in enumerate(duty.shares):
            result = placing.place_round(self._line, share, duty.places, duty.shares[:index])
            placed += result.placed
            duty.has_news = duty.has_news or result.has_more
            if result.again_at is not None:
                duty.looks_at = min(result.again_at, duty.looks_at or result.again_at)
            self._let_go(duty.office_id, result.let_go)
        return placed

    def _let_go(self, office_id: int, channels: Sequence[str]) -> None:
        """Ends calls whose answer would find nobody; that we did so is on record first."""
        if not channels:
            return
        with transaction(office_id) as session:
            calls.note_let_go(session, channels, self.clock.now())
        for channel_id in channels:
            self._listener.hang_up(channel_id)

    def _take_offices(self) -> None:
        """Renews the leases, and says once when the carrier goes or comes back."""
        is_up = self.carrier.is_connected()
        if is_up is not self._was_up:
            log.warning("carrier_down", carrier=self.carrier.name) if not is_up else log.info("carrier_up", carrier=self.carrier.name)
            self._was_up = is_up
        problem, before = self._line.problem(), self._problem
        self._problem = problem
        for office_id in self._offices():
            duty = self._duties.setdefault(office_id, Duty(office_id))
            with transaction(office_id) as session:
                now = self.clock.now()
                duty.shares = renew(
                    session, self.settings.node, now, problem=problem, is_news=problem != before, only=self.settings.campaign_id
                )
            duty.places.keep(duty.shares)
            duty.has_news = duty.has_wishes = True

    def _offices(self) -> list[int]:
        """A training office is served by the simulated carrier only."""
        with transaction(None) as session:
            offices = session.scalars(select(Office).order_by(Office.id)).all()
        wanted = self.settings.office_ids
        return [
            office.id
            for office in offices
            if (not wanted or office.id in wanted) and (not office.is_training or self.carrier.name == "simulator")
        ]
