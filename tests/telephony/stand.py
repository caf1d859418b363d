"""Servers, a running dialer process, and an office of four operators on a real Asterisk and SIPp: what is killed, cut off and set wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from callcenter.auth.models import Office, User
from callcenter.core.db import transaction
from callcenter.core.errors import StoreUnavailable
from campaigns.attempts import service as attempts
from campaigns.attempts.codes import Channel, Outcome, Party
from campaigns.attempts.models import Attempt
from campaigns.compliance.documents import to_document
from campaigns.compliance.models import ContactPolicyVersion
from campaigns.compliance.presets import municipality
from campaigns.debtors.models import Debtor, PhoneNumber
from campaigns.planning.models import Campaign
from campaigns.planning.service import create_campaign, set_status
from campaigns.planning.state import CampaignStatus
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.calls.models import Call, DialerLease
from dialer.calls.service import request_hang_up
from tests import servers
from tests.conftest import run_folder
from tests.dialer.world import add_debtor, add_work
from tests.telephony.cable import Cable
from tests.telephony.rig import CALLER_ID, Rig
from tests.telephony.sipp import Behaviour, number_of
from tests.telephony.stepped import OFFSET, SteppedClock
from tests.telephony.test_main_job import open_always, staff_phones

PHONES = ("op-1", "op-2", "op-3", "op-4")
DIALER = ("dial", "--carrier", "asterisk", "--node", "killed")
RING_SECONDS = 5.0
AWAY_SECONDS = 1.0  # a killed store is missed before it is back
PATIENCE = 120.0


@dataclass
class Stand:
    """Servers of the module's own, each to be killed, and the running dialer process."""

    rig: Rig
    folder: Path
    postgres_folder: Path
    postgres: servers.Running
    redis: servers.Running
    cable: Cable
    dialer: subprocess.Popen[bytes] | None = None
    serial: int = 0
    is_beating: bool = True
    office_id: int = 0
    debtors: list[int] = field(default_factory=list)

    @property
    def clock(self) -> SteppedClock:
        """The clock of the office and of the dialer process."""
        return SteppedClock(self.folder / "clock")

    @property
    def settings(self) -> dict[str, str]:
        """What the dialer process is told by its environment."""
        return {
            "CALLCENTER_DATA": str(self.folder / "data"),
            "CALLCENTER_SOUNDS": str(self.folder / "sounds"),
            "CALLCENTER_RECORDING_SPOOL": str(self.folder / "spool"),
            "CALLCENTER_CALLER_ID": CALLER_ID,
            "CALLCENTER_AMI_PORT": str(self.cable.port),
            "CALLCENTER_AMI_SECRET": self.rig.ami.secret,
            "CALLCENTER_LOG_LEVEL": "WARNING",
            OFFSET: str(self.folder / "clock"),
        }

    def start_dialer(self, program: str = "tests.telephony.stepped") -> None:
        """The process of `up`, named alike each time; by the clock that can be set, or as it is (`callcenter.cli`)."""
        command = [sys.executable, "-m", program, *DIALER]
        with (self.folder / "dialer.log").open("ab") as log:
            self.dialer = subprocess.Popen(command, env=os.environ | self.settings, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def be_dialled(self) -> None:
        """A dialer runs from here on."""
        if self.dialer is None or self.dialer.poll() is not None:
            self.start_dialer()

    def end_dialer(self, number: signal.Signals) -> None:
        """Sends a signal and waits for the end."""
        assert self.dialer is not None
        self.dialer.send_signal(number)
        self.dialer.wait(60)

    def set_clock(self, offset: timedelta, then: Counter[str], what: str) -> None:
        """Sets the clock of everybody, and waits for what follows before any page has told that it is still open."""
        self.is_beating = False
        self.clock.set(offset)
        self.wait(lambda: self.states() == then, what)
        self.is_beating = True

    def end_dialer_if_any(self) -> None:
        """An orderly end; the next office is dialled by a new process."""
        if self.dialer is not None and self.dialer.poll() is None:
            self.end_dialer(signal.SIGTERM)

    def open_office(self, behaviours: list[Behaviour], *, window: str = "") -> None:
        """An office that is open at any hour, or in a window of the day, with one debtor for each behaviour and four ready operators."""
        now = self.clock.now()
        with transaction(None) as session:
            office = Office(code=f"o{self.serial}", name="架空市", phone=CALLER_ID)
            session.add(office)
            session.flush()
            self.office_id = office.id
        open_between(self.office_id, window, now) if window else open_always(self.office_id)
        with transaction(self.office_id) as session:
            campaign = create_campaign(session, "実機", now, options={"ring_seconds": RING_SECONDS})
            set_status(session, campaign.id, CampaignStatus.RUNNING, now)
            self.debtors = []
            self._add_people(session, campaign.id, behaviours, now)
            staff_phones(session, PHONES, now)

    def add_person(self, behaviour: Behaviour) -> str:
        """One more debtor to be called; the number."""
        with transaction(self.office_id) as session:
            campaign_id = session.scalars(select(Campaign.id).order_by(Campaign.id)).one()
            self._add_people(session, campaign_id, [behaviour], self.clock.now())
        return number_of(behaviour, self.serial)

    def _add_people(self, session: Session, campaign_id: int, behaviours: list[Behaviour], now: datetime) -> None:
        before = len(self.debtors)
        for behaviour in behaviours:
            self.serial += 1
            debtor = add_debtor(session, self.serial)
            session.execute(delete(PhoneNumber).where(PhoneNumber.debtor_id == debtor.id))
            e164 = number_of(behaviour, self.serial)
            session.add(PhoneNumber(debtor_id=debtor.id, original=e164, e164=e164, line_type="mobile"))
            self.debtors.append(debtor.id)
        session.flush()
        add_work(session, campaign_id, self.debtors[before:], Channel.OPERATOR_CALL, now - timedelta(minutes=1))

    def pause(self) -> None:
        """Nobody else is called."""
        with transaction(self.office_id) as session:
            for campaign_id in session.scalars(select(Campaign.id).order_by(Campaign.id)).all():
                set_status(session, campaign_id, CampaignStatus.PAUSED, self.clock.now())

    def close_office(self) -> None:
        """The results that are owed are written, nobody works for the office any more."""
        self.pause()
        with transaction(self.office_id) as session:
            now = self.clock.now()
            owing = select(AgentSession.user_id, AgentSession.attempt_id).where(AgentSession.state == "wrap_up")
            for user_id, attempt_id in session.execute(owing).all():
                assert attempt_id is not None
                attempts.record_outcome(session, attempt_id, Party.WRONG_NUMBER, Outcome.NO_RESULT, now=now, user_id=user_id)
                agents.finish_wrap_up(session, user_id, attempt_id, now)
            for user_id in session.scalars(select(User.id)).all():
                agents.sign_out(session, user_id, now)

    def states(self) -> Counter[str]:
        """Operators by state; the consoles' hearts beat, unless the dialer is to do without for a moment."""
        with transaction(self.office_id) as session:
            for user_id in session.scalars(select(User.id)).all() if self.is_beating else ():
                agents.heartbeat(session, user_id, self.clock.now())
            return Counter(session.scalars(select(AgentSession.state)))

    def attempts(self) -> list[Attempt]:
        """In the order in which they were made."""
        with transaction(self.office_id) as session:
            return list(session.scalars(select(Attempt).order_by(Attempt.id)))

    def open_calls(self) -> int:
        """Calls that have not ended, by the database."""
        with transaction(self.office_id) as session:
            return len(session.scalars(select(Call.id).where(Call.state != "ended")).all())

    def problem(self) -> str:
        """Why the dialer places no calls, as it says itself."""
        with transaction(self.office_id) as session:
            return session.scalars(select(DialerLease.problem).order_by(DialerLease.id.desc()).limit(1)).one()

    def numbers(self) -> list[str]:
        """The debtors' numbers, in order."""
        with transaction(self.office_id) as session:
            rows = session.scalars(select(PhoneNumber.e164).join(Debtor, Debtor.id == PhoneNumber.debtor_id).order_by(Debtor.id))
            return [str(e164) for e164 in rows]

    def invited(self) -> list[int]:
        """How often each debtor's phone was called, as the phones say."""
        done = self.rig.far_end()
        return [done.get(number, []).count("invited") for number in self.numbers()]

    def let_rounds_pass(self, count: int) -> None:
        """The dialer renews its leases once a round: so many times from now on."""
        for _ in range(count):
            before = self.renewed()
            self.wait(lambda before=before: self.renewed() > before, "another round of the dialer")

    def renewed(self) -> datetime:
        """Until when the dialer holds its campaign: another moment with each round."""
        with transaction(self.office_id) as session:
            return session.scalars(select(DialerLease.lease_until)).one()

    def wait(self, is_so: Callable[[], bool], what: str) -> None:
        """Polls; a store that is away meanwhile is no answer."""
        end, told = time.monotonic() + PATIENCE, ""
        while True:
            try:
                if is_so():
                    return
                told = f"{self.states()}, {self.open_calls()} open calls"
            except (SQLAlchemyError, StoreUnavailable) as away:
                told = type(away).__name__
            log = (self.folder / "dialer.log").read_text("utf-8", "replace")[-2000:]
            assert time.monotonic() < end, f"{what} did not come about: {told}\n{log}"
            time.sleep(0.05)

    def hang_up_everybody(self) -> bool:
        """Operators who still talk end their calls."""
        with transaction(self.office_id) as session:
            talking = session.scalars(select(AgentSession.user_id).where(AgentSession.state == "talking")).all()
            told = [request_hang_up(session, user_id, self.clock.now()) for user_id in talking]
            return all(told)

    def live_channels(self) -> frozenset[str] | None:
        """What Asterisk itself says is up."""
        carrier = self.rig.carrier()
        carrier.connect()
        try:
            return carrier.live_channels() if carrier.wait_connected(60) else None
        finally:
            carrier.close()


def open_between(office_id: int, window: str, now: datetime) -> None:
    """Contact rules with one window of the day, such as "09:00-10:30"."""
    document = to_document(replace(municipality(), max_per_day=3))
    document["weekly"] = {"operator_call": {str(day): window for day in range(7)}}
    with transaction(office_id) as session:
        session.add(ContactPolicyVersion(version=1, document=document, is_active=True, created_at=now, activated_at=now))


def start_redis(folder: Path) -> servers.Running:
    """Ends with the run, whichever it is by then."""
    running = servers.start_redis(folder / "redis")
    servers.keep(run_folder(), f"killed-{running.pid}-redis", running)
    return running
