"""Real worker processes at one batch: together within the rate, stopped by a pause, killed with Redis emptied; nothing twice or lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import text

from callcenter.auth.models import Office
from callcenter.core.clock import utc_now
from callcenter.core.db import get_engine, transaction
from callcenter.schedule import PERIODIC
from campaigns.attempts.codes import Channel
from campaigns.messages import batches, moving
from campaigns.messages.accounting import Group, account
from campaigns.messages.events import sweep_messages
from campaigns.messages.handover import LEASE
from campaigns.messages.release import AHEAD, CHUNK_SECONDS
from campaigns.messages.senders.simulated import SimulatedRates, SimulatedSender
from campaigns.messages.sending import LATE
from campaigns.messages.settling import settle_messages
from campaigns.messages.state import BatchState
from campaigns.planning.service import create_campaign, plan, set_status
from campaigns.planning.state import CampaignStatus
from tests import servers
from tests.lines import whole_lines

pytestmark = pytest.mark.fault
PEOPLE = 600
RATE = 100.0  # segments a second of the simulated provider
PATIENCE = 240.0
TOWN = """
INSERT INTO debtor (office_id, debtor_no, name) SELECT :office, lpad(n::text, 10, '0'), 'x' FROM generate_series(1, :people) n;
INSERT INTO debt (office_id, debtor_id, tax_code, levy_year, base_year, term, notice_no, due_on, outstanding)
SELECT :office, id, '10', 2026, 2026, 1, id::text, current_date - 80, 9000 FROM debtor;
INSERT INTO phone_number (office_id, debtor_id, original, e164, line_type)
SELECT :office, id, '', '+8190' || lpad(id::text, 8, '0'), 'mobile' FROM debtor
"""


@dataclass
class Rig:
    """An office with a batch under release, a Redis of its own, and the provider's log."""

    office_id: int
    batch_id: int
    redis_url: str
    data: Path
    database_url: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> subprocess.Popen[bytes]:
        """A worker process that finds a job."""
        self.ask()
        names = {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url, "CALLCENTER_DATA": str(self.data)}
        command = [sys.executable, "-m", "callcenter.cli", "work", "batch"]
        process = subprocess.Popen(command, env={**os.environ, **names}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def ask(self) -> None:
        """What the schedule does every few seconds: a job for whoever is free, unless one waits."""
        with redis.Redis.from_url(self.redis_url) as client:
            queue = Queue("batch", connection=client, serializer=JSONSerializer)
            if not queue.count:
                queue.enqueue("campaigns.jobs.release_messages", self.office_id)

    def taken(self) -> list[tuple[datetime, str]]:
        """What the provider took, in order."""
        log = self.data / "simulated" / f"sms-{self.office_id}.jsonl"
        rows = [json.loads(line) for line in whole_lines(log) if line.endswith("}")]  # without what a killed one left
        return sorted((datetime.fromisoformat(row["at"]), row["reference"]) for row in rows)

    def counts(self) -> dict[str, int]:
        """Messages by state."""
        with transaction(self.office_id) as session:
            return moving.progress(session, self.batch_id)

    def wait(self, is_so: Callable[[], bool]) -> None:
        asked = time.monotonic()
        end = asked + PATIENCE
        while not is_so():
            assert time.monotonic() < end, self.counts()
            time.sleep(0.05)
            if time.monotonic() - asked > 5.0:
                self.ask()
                asked = time.monotonic()

    def assert_nothing_twice(self) -> None:
        references = [reference for _, reference in self.taken()]
        assert len(references) == len(set(references))


def prepared(office_id: int, people: int) -> int:
    """A batch of so many messages, released, its window open."""
    with get_engine().begin() as connection:
        for statement in TOWN.split(";"):
            connection.execute(text(statement), {"office": office_id, "people": people})
    now = utc_now()
    with transaction(office_id) as session:
        campaign = create_campaign(session, "秋", now)
        plan(session, campaign.id, now)
        set_status(session, campaign.id, CampaignStatus.RUNNING, now)
        result = batches.prepare_batch(session, campaign.id, Channel.SMS, now)
        assert result.prepared == people, result
        assert result.batch is not None
        return result.batch


@pytest.fixture
def rig(clean_database: None, database_url: str, tmp_path: Path) -> Iterator[Rig]:
    with transaction(None) as session:
        office = Office(code="rig", name="架空市", phone="+81300000001", is_training=True)
        session.add(office)
        session.flush()
        office_id = office.id
    own = servers.start_redis(tmp_path / "redis")
    made = Rig(office_id, prepared(office_id, PEOPLE), own.url, tmp_path / "data", database_url)
    yield made
    for process in made.processes:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=60)
    os.kill(own.pid, signal.SIGTERM)


def is_at_rest() -> bool:
    """Nobody else asks anything of the database."""
    others = "datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'"
    with get_engine().connect() as connection:
        return connection.scalar(text(f"SELECT count(*) FROM pg_stat_activity WHERE {others}")) == 0


def test_two_processes_share_one_rate(rig: Rig) -> None:
    rig.start()
    rig.start()
    rig.wait(lambda: set(rig.counts()) <= {"accepted", "failed"})
    rig.assert_nothing_twice()
    moments = [at for at, _ in rig.taken()]
    turns = timedelta(seconds=(len(moments) - RATE) / RATE)
    assert moments[-1] - moments[0] >= turns - timedelta(seconds=LATE)
    # whatever the machine's load: a turn is a few seconds late at most, or lost
    for first in range(0, len(moments), 10):
        within = sum(1 for at in moments if timedelta(0) <= at - moments[first] < timedelta(seconds=2))
        assert within <= RATE * (2 + LATE) + 60
    with transaction(rig.office_id) as session:
        told = account(session, moving.find_batch(session, rig.batch_id))
        assert (told.adds_up, told.count(Group.SENT), told.count(Group.SENT, Group.FAILED)) == (True, len(moments), PEOPLE)


def test_a_pause_stops_a_working_process_and_loses_nothing(rig: Rig) -> None:
    rig.start()
    rig.wait(lambda: len(rig.taken()) > 50)
    with transaction(rig.office_id) as session:
        moving.set_batch_state(session, rig.batch_id, BatchState.PAUSED, utc_now())
    before = len(rig.taken())
    rig.wait(lambda: set(rig.counts()) <= {"ready", "accepted", "failed"})
    after = len(rig.taken())
    # what had its turn already when the pause came: at the provider's rate that is less than two seconds' worth
    assert after - before <= (AHEAD + 1) * CHUNK_SECONDS * RATE
    assert rig.counts()["ready"] > 0
    time.sleep(1.0)
    assert len(rig.taken()) == after
    rig.assert_nothing_twice()
    with transaction(rig.office_id) as session:
        moving.set_batch_state(session, rig.batch_id, BatchState.CANCELLED, utc_now())
        told = account(session, moving.find_batch(session, rig.batch_id))
        assert (told.adds_up, told.count(Group.SENT), told.count(Group.WAITING)) == (True, after, 0)


def test_a_killed_worker_and_an_emptied_redis_lose_nothing(rig: Rig) -> None:
    victim = rig.start()
    rig.wait(lambda: len(rig.taken()) > 50)
    victim.send_signal(signal.SIGKILL)
    victim.wait(timeout=60)
    with redis.Redis.from_url(rig.redis_url) as client:
        client.flushall()
    rig.wait(is_at_rest)  # what the victim asked of the database last may still be carried out
    left = rig.counts()
    assert left["ready"] > 0
    assert left.get("claimed", 0) + left.get("handed_over", 0) <= AHEAD * CHUNK_SECONDS * RATE
    with transaction(rig.office_id) as session:
        merely_claimed = set(session.scalars(text("SELECT reference FROM message WHERE state = 'claimed'")))
    assert merely_claimed.isdisjoint(reference for _, reference in rig.taken())  # so that they may be offered again
    seconds = min(job.seconds or 0 for job in PERIODIC if job.function == "campaigns.jobs.sweep_claims" and job.is_here)
    later = utc_now() + LEASE + timedelta(seconds=seconds)
    assert LEASE + timedelta(seconds=seconds) <= timedelta(seconds=30)
    with transaction(rig.office_id) as session:
        assert sweep_messages(session, later) == left.get("claimed", 0) + left.get("handed_over", 0)
    assert rig.counts()["ready"] == left["ready"] + left.get("claimed", 0)
    rig.start()
    rig.wait(lambda: set(rig.counts()) <= {"accepted", "failed", "unknown"})
    log = rig.data / "simulated" / f"sms-{rig.office_id}.jsonl"
    asked = SimulatedSender(utc_now, seed=str(rig.office_id), log=log, rates=SimulatedRates(seconds=(7_000, 8_000)))
    settle_messages(lambda: transaction(rig.office_id), asked, utc_now() + timedelta(hours=1), limit=2_000)
    rig.assert_nothing_twice()
    taken = {reference for _, reference in rig.taken()}
    with transaction(rig.office_id) as session:
        told = account(session, moving.find_batch(session, rig.batch_id))
        sent = set(session.scalars(text("SELECT reference FROM message WHERE state = 'accepted'")))
        assert (told.adds_up, told.count(Group.WAITING)) == (True, 0)
        assert sent == taken
