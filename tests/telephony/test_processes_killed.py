"""Every process of a shift killed or cut off in mid-call and in mid-dial, one after the other, with a real Asterisk and SIPp.

Two debtors talk to operators and two phones ring when it happens. Afterwards nobody was dialled twice, no result is lost (what nobody can
know is closed as such), every operator is free or owes a result, and no channel is left up.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError

from callcenter.auth.models import Office, Role, User
from callcenter.core.clock import utc_now
from callcenter.core.db import dispose_engines, transaction
from callcenter.core.errors import StoreUnavailable
from callcenter.core.settings import get_settings
from campaigns.attempts import service as attempts
from campaigns.attempts.codes import Channel, Outcome, Party
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import Debtor, PhoneNumber
from campaigns.planning.models import Campaign
from campaigns.planning.service import create_campaign, set_status
from campaigns.planning.state import CampaignStatus
from campaigns.worklist.models import WorkItem
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.calls.models import Call
from dialer.calls.service import request_hang_up
from tests import servers
from tests.conftest import migrate, missing, run_folder
from tests.dialer.world import add_debtor, add_work
from tests.telephony.cable import Cable
from tests.telephony.rig import CALLER_ID, Rig
from tests.telephony.sipp import Behaviour, number_of
from tests.telephony.test_main_job import open_always

pytestmark = [pytest.mark.asterisk, pytest.mark.fault]
PHONES = ("op-1", "op-2", "op-3", "op-4")
TALKING, RINGING = Behaviour.ANSWERS, Behaviour.NO_ANSWER
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
    office_id: int = 0
    debtors: list[int] = field(default_factory=list)

    def start_dialer(self) -> None:
        """The process of `up`, named alike each time."""
        settings = {
            "CALLCENTER_DATA": str(self.folder / "data"),
            "CALLCENTER_SOUNDS": str(self.folder / "sounds"),
            "CALLCENTER_RECORDING_SPOOL": str(self.folder / "spool"),
            "CALLCENTER_CALLER_ID": CALLER_ID,
            "CALLCENTER_AMI_PORT": str(self.cable.port),
            "CALLCENTER_AMI_SECRET": self.rig.ami.secret,
            "CALLCENTER_LOG_LEVEL": "WARNING",
        }
        command = [sys.executable, "-m", "callcenter.cli", "dial", "--carrier", "asterisk", "--node", "killed"]
        with (self.folder / "dialer.log").open("ab") as log:
            self.dialer = subprocess.Popen(command, env=os.environ | settings, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def be_dialled(self) -> None:
        """A dialer runs from here on."""
        if self.dialer is None or self.dialer.poll() is not None:
            self.start_dialer()

    def end_dialer(self, number: signal.Signals) -> None:
        """Sends a signal and waits for the end."""
        assert self.dialer is not None
        self.dialer.send_signal(number)
        self.dialer.wait(60)

    def open_office(self, behaviours: list[Behaviour]) -> None:
        """An office that is open at any hour, with one debtor for each behaviour and four ready operators."""
        now = utc_now()
        with transaction(None) as session:
            office = Office(code=f"o{self.serial}", name="架空市", phone=CALLER_ID)
            session.add(office)
            session.flush()
            self.office_id = office.id
        open_always(self.office_id)
        with transaction(self.office_id) as session:
            campaign = create_campaign(session, "実機", now, options={"ring_seconds": RING_SECONDS})
            set_status(session, campaign.id, CampaignStatus.RUNNING, now)
            self.debtors = []
            for behaviour in behaviours:
                self.serial += 1
                debtor = add_debtor(session, self.serial)
                session.execute(delete(PhoneNumber).where(PhoneNumber.debtor_id == debtor.id))
                e164 = number_of(behaviour, self.serial)
                session.add(PhoneNumber(debtor_id=debtor.id, original=e164, e164=e164, line_type="mobile"))
                self.debtors.append(debtor.id)
            session.flush()
            add_work(session, campaign.id, self.debtors, Channel.OPERATOR_CALL, now - timedelta(minutes=1))
            users = [User(sign_in_name=p, display_name=p, role=Role.OPERATOR, phone_address=p) for p in PHONES]
            session.add_all(users)
            session.flush()
            for user in users:
                agents.sign_in(session, user.id, now=now)
                agents.ready(session, user.id, now)

    def close_office(self) -> None:
        """The results that are owed are written, nobody works for the office any more."""
        with transaction(self.office_id) as session:
            now = utc_now()
            for campaign_id in session.scalars(select(Campaign.id)).all():
                set_status(session, campaign_id, CampaignStatus.PAUSED, now)
            owing = select(AgentSession.user_id, AgentSession.attempt_id).where(AgentSession.state == "wrap_up")
            for user_id, attempt_id in session.execute(owing).all():
                assert attempt_id is not None
                attempts.record_outcome(session, attempt_id, Party.WRONG_NUMBER, Outcome.NO_RESULT, now=now, user_id=user_id)
                agents.finish_wrap_up(session, user_id, attempt_id, now)
            for user_id in session.scalars(select(User.id)).all():
                agents.sign_out(session, user_id, now)

    def states(self) -> Counter[str]:
        """Operators by state; the consoles' hearts beat."""
        with transaction(self.office_id) as session:
            for user_id in session.scalars(select(User.id)).all():
                agents.heartbeat(session, user_id, utc_now())
            return Counter(session.scalars(select(AgentSession.state)))

    def attempts(self) -> list[Attempt]:
        """In the order in which they were made."""
        with transaction(self.office_id) as session:
            return list(session.scalars(select(Attempt).order_by(Attempt.id)))

    def open_calls(self) -> int:
        """Calls that have not ended, by the database."""
        with transaction(self.office_id) as session:
            return len(session.scalars(select(Call.id).where(Call.state != "ended")).all())

    def numbers(self) -> list[str]:
        """The debtors' numbers, in order."""
        with transaction(self.office_id) as session:
            rows = session.scalars(select(PhoneNumber.e164).join(Debtor, Debtor.id == PhoneNumber.debtor_id).order_by(Debtor.id))
            return [str(e164) for e164 in rows]

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
            told = [request_hang_up(session, user_id, utc_now()) for user_id in talking]
            return all(told)

    def live_channels(self) -> frozenset[str] | None:
        """What Asterisk itself says is up."""
        carrier = self.rig.carrier()
        carrier.connect()
        try:
            return carrier.live_channels() if carrier.wait_connected(10) else None
        finally:
            carrier.close()


def start_redis(folder: Path) -> servers.Running:
    """Ends with the run, whichever it is by then."""
    running = servers.start_redis(folder / "redis")
    servers.keep(run_folder(), f"killed-{running.pid}-redis", running)
    return running


def kill_dialer(stand: Stand) -> None:
    stand.end_dialer(signal.SIGKILL)
    stand.start_dialer()


def kill_asterisk(stand: Stand) -> None:
    stand.rig.kill_asterisk()
    stand.rig.start_asterisk()


def kill_redis(stand: Stand) -> None:
    os.kill(stand.redis.pid, signal.SIGKILL)
    time.sleep(AWAY_SECONDS)
    (stand.folder / "redis" / "redis.sock").unlink(missing_ok=True)
    stand.redis = start_redis(stand.folder)


def kill_postgres(stand: Stand) -> None:
    os.kill(stand.postgres.pid, signal.SIGKILL)
    time.sleep(AWAY_SECONDS)
    port = int(stand.postgres.url.rsplit(":", 1)[1].split("/")[0])
    stand.postgres = servers.run_postgres(stand.postgres_folder, port)
    servers.keep(run_folder(), f"{stand.postgres_folder.name}-postgres", stand.postgres)


def reset_the_cable(stand: Stand) -> None:
    stand.cable.reset()


def block_the_cable(stand: Stand) -> None:
    """Long enough that the phones stop ringing unheard."""
    stand.cable.block(is_blocked=True)
    time.sleep(RING_SECONDS + 1)
    stand.cable.block(is_blocked=False)


@pytest.fixture(scope="module")
def stand(rig_is_there: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """PostgreSQL, Redis, Asterisk, SIPp and a cable of this module's own."""
    folder = tmp_path_factory.mktemp("killed")
    postgres_folder = run_folder() / f"killed-{uuid4().hex[:8]}"
    before = {name: os.environ.get(name) for name in ("DATABASE_URL", "REDIS_URL")}
    try:
        postgres = servers.start_postgres(postgres_folder)
        servers.keep(run_folder(), f"{postgres_folder.name}-postgres", postgres)
        redis = start_redis(folder)
    except servers.MissingServer as problem:
        missing(str(problem))
        raise
    dispose_engines()
    migrate(postgres.url)
    os.environ["REDIS_URL"] = redis.url
    get_settings.cache_clear()
    (folder / "rig").mkdir()
    with Rig(folder / "rig") as rig, Cable(rig.ami_port) as cable:
        made = Stand(rig, folder, postgres_folder, postgres, redis, cable)
        try:
            yield made
        finally:
            if made.dialer is not None and made.dialer.poll() is None:
                made.end_dialer(signal.SIGTERM)
            dispose_engines()
    for name, value in before.items():
        os.environ.pop(name, None) if value is None else os.environ.update({name: value})
    get_settings.cache_clear()


FAULTS = (kill_dialer, kill_asterisk, kill_redis, kill_postgres, reset_the_cable, block_the_cable)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_two_talks_and_two_rings_survive(stand: Stand, fault: Callable[[Stand], None]) -> None:
    stand.open_office([TALKING, TALKING, RINGING, RINGING])
    stand.be_dialled()
    stand.wait(lambda: stand.states() == Counter(talking=2, ringing=2), "two talks and two rings")
    fault(stand)
    stand.wait(lambda: stand.hang_up_everybody() and stand.states() == Counter(wrap_up=2, ready=2), "two results owed and two ready")
    stand.wait(lambda: stand.open_calls() == 0, "the end of every call")
    found = stand.attempts()
    assert sorted(attempt.debtor_id for attempt in found) == stand.debtors
    assert Counter((attempt.state, attempt.line_result) for attempt in found) == Counter(
        {("wrap_up", "answered"): 2, ("closed", "no_answer"): 2}
    )
    assert [stand.rig.far_end()[number].count("invited") for number in stand.numbers()] == [1, 1, 1, 1]
    stand.close_office()
    stand.wait(lambda: stand.live_channels() == frozenset(), "the end of every channel")


def test_a_minute_of_503_dials_nobody_twice_and_keeps_operators_free(stand: Stand) -> None:
    """The carrier has no circuit for anybody: each debtor is tried once and waits, whatever else may be dialled meanwhile."""
    stand.open_office([Behaviour.NO_CIRCUIT] * 12)
    stand.be_dialled()
    stand.wait(lambda: len(found := stand.attempts()) == 12 and all(a.state == "closed" for a in found), "an attempt for each")
    assert Counter(attempt.line_result for attempt in stand.attempts()) == Counter(failed=12)
    stand.wait(lambda: stand.states() == Counter(ready=4), "four free operators")
    with transaction(stand.office_id) as session:
        again = session.scalars(select(WorkItem.not_before).where(WorkItem.state == "ready")).all()
    assert again
    assert min(again) > utc_now() + timedelta(minutes=4)
    assert [stand.rig.far_end()[number].count("invited") for number in stand.numbers()] == [1] * 12
    stand.close_office()
