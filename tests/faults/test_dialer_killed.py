"""`kill -9` of the dialer in mid-call, with a real process: no call hangs open, no operator is stuck, nobody is dialled twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from callcenter.auth.models import Office, Role, User
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Attempt
from campaigns.planning.service import create_campaign, set_status
from campaigns.planning.state import CampaignStatus
from campaigns.worklist.models import WorkItem
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.calls.models import Call
from tests.dialer.world import add_debtor, add_work

pytestmark = pytest.mark.fault
OPERATORS = 4


@contextmanager
def dialer(database_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """The process of `up`, on the simulated carrier: its calls die with it."""
    command = [sys.executable, "-m", "callcenter.cli", "dial", "--carrier", "simulator", "--node", "kill-test"]
    environment = {**os.environ, "DATABASE_URL": database_url, "CALLCENTER_LOG_LEVEL": "WARNING"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def wait_until(office_id: int, is_true: Callable[[], bool], what: str, seconds: float = 120) -> None:
    """Polls the database; raises when it does not come true. The consoles stay open meanwhile."""
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        with transaction(office_id) as session:
            for user_id in session.scalars(select(User.id)).all():
                agents.heartbeat(session, user_id, utc_now())
        time.sleep(0.05)


def states(office_id: int) -> Counter[str]:
    with transaction(office_id) as session:
        return Counter(session.scalars(select(AgentSession.state)))


def open_calls(office_id: int) -> int:
    with transaction(office_id) as session:
        return session.scalar(select(func.count()).where(Call.state != "ended")) or 0


def make_office(suffixes: list[str]) -> int:
    """A training office (always open) with one debtor per number and four ready operators."""
    now = utc_now()
    with transaction(None) as session:
        office = Office(code="kill", name="架空市", phone="+81300000000", is_training=True)
        session.add(office)
        session.flush()
        office_id = office.id
    with transaction(office_id) as session:
        campaign = create_campaign(session, "訓練", now)
        set_status(session, campaign.id, CampaignStatus.RUNNING, now)
        debtors = [add_debtor(session, n, suffix) for n, suffix in enumerate(suffixes, 1)]
        session.flush()
        add_work(session, campaign.id, [debtor.id for debtor in debtors], Channel.OPERATOR_CALL, now - timedelta(minutes=1))
        users = [User(sign_in_name=f"op{n}", display_name=f"担当{n}", role=Role.OPERATOR) for n in range(OPERATORS)]
        session.add_all(users)
        session.flush()
        for user in users:
            agents.sign_in(session, user.id, now=now)
            agents.ready(session, user.id, now)
    return office_id


def test_killed_in_mid_call(clean_database: None, database_url: str) -> None:
    """Two talk, two ring when the dialer is killed."""
    office_id = make_office(["0001", "0001", "0003", "0003"])
    with dialer(database_url) as first:
        wait_until(office_id, lambda: states(office_id) == Counter(talking=2, ringing=2), "two talks and two rings")
        first.send_signal(signal.SIGKILL)
        first.wait(60)
    assert open_calls(office_id) == 4
    with dialer(database_url):
        wait_until(office_id, lambda: open_calls(office_id) == 0, "the end of every call")
        wait_until(office_id, lambda: states(office_id) == Counter(wrap_up=2, ready=2), "two results owed and two ready")
        time.sleep(3)  # a second dialling, if there were one, would come now
        with transaction(office_id) as session:
            attempts = list(session.scalars(select(Attempt).order_by(Attempt.id)))
    assert len(attempts) == 4
    assert max(Counter(attempt.debtor_id for attempt in attempts).values()) == 1
    assert Counter((attempt.state, attempt.line_result) for attempt in attempts) == Counter(
        {("wrap_up", "answered"): 2, ("closed", "no_answer"): 2}
    )
    assert all(attempt.handed_over_at is not None for attempt in attempts)


def test_killed_again_and_again(clean_database: None, database_url: str) -> None:
    """Whatever moment the kill hits, every debtor has at most one attempt that may have reached them, and all is settled at the end."""
    office_id = make_office(["0003"] * 24)
    for pause in (0.0, 0.07, 0.19):
        with dialer(database_url) as process:
            known = total_calls(office_id)
            wait_until(office_id, lambda before=known: total_calls(office_id) > before, "a call")
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
            process.wait(60)
    with dialer(database_url):
        wait_until(office_id, lambda: old_calls_are_settled(office_id), "the end of every call of a killed dialer")
    with transaction(office_id) as session:
        per_debtor = session.execute(
            select(Attempt.debtor_id, func.count()).where(Attempt.line_result.is_distinct_from("failed")).group_by(Attempt.debtor_id)
        ).all()
        lost = session.scalar(
            select(func.count()).where(WorkItem.state == "claimed", ~select(Attempt.id).where(Attempt.work_item_id == WorkItem.id).exists())
        )
    assert max(count for _, count in per_debtor) == 1
    assert lost == 0


def total_calls(office_id: int) -> int:
    with transaction(office_id) as session:
        return session.scalar(select(func.count()).select_from(Call)) or 0


def old_calls_are_settled(office_id: int) -> bool:
    """Only the present dialer's calls (at most one per operator) may be open, and each open attempt has its open call."""
    with transaction(office_id) as session:
        live = session.scalar(select(func.count()).where(Call.state != "ended")) or 0
        open_attempts = session.scalar(select(func.count()).where(Attempt.state == "open")) or 0
        busy = session.scalar(select(func.count()).where(AgentSession.state.in_(("reserved", "ringing", "talking")))) or 0
    return live == open_attempts == busy <= OPERATORS


def test_a_second_dialer_of_the_same_name_is_refused(clean_database: None, database_url: str) -> None:
    make_office(["0003"])
    with dialer(database_url) as first:
        with transaction(None) as session:
            office_id = session.scalar(select(Office.id)) or 0
        wait_until(office_id, lambda: total_calls(office_id) == 1, "a call")
        with dialer(database_url) as second:
            _, told = second.communicate(timeout=120)
        assert second.returncode == 1
        assert "もう動いています" in told.decode()
        assert b"Traceback" not in told
        assert first.poll() is None
