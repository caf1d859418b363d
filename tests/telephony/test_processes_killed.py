"""Every process of a shift killed or cut off, and its clock set, in mid-call and in mid-dial, with a real Asterisk and SIPp.

Two debtors talk to operators and two phones ring when it happens. Afterwards nobody was dialled twice, no result is lost (what nobody can
know is closed as such), every operator is free or owes a result, and no channel is left up.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from callcenter.core.clock import OFFICE_ZONE, SystemClock
from callcenter.core.db import dispose_engines, transaction
from callcenter.core.settings import get_settings
from campaigns.worklist.models import WorkItem
from tests import servers
from tests.conftest import migrate, missing, run_folder
from tests.telephony.cable import Cable
from tests.telephony.rig import Rig
from tests.telephony.sipp import Behaviour
from tests.telephony.stand import AWAY_SECONDS, RING_SECONDS, Stand, start_redis

pytestmark = [pytest.mark.asterisk, pytest.mark.fault]
TALKING, RINGING = Behaviour.ANSWERS, Behaviour.NO_ANSWER


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
            made.end_dialer_if_any()
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
    assert stand.invited() == [1, 1, 1, 1]
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
    assert min(again) > stand.clock.now() + timedelta(minutes=4)
    assert stand.invited() == [1] * 12
    stand.close_office()


@pytest.fixture
def wednesday(stand: Stand) -> Iterator[timedelta]:
    """The true clock of the office says Wednesday, ten in the morning; by how much it is ahead of the machine's."""
    truth = datetime(2026, 11, 18, 10, 0, tzinfo=OFFICE_ZONE) - SystemClock().now()
    stand.end_dialer_if_any()
    stand.clock.set(truth)
    yield truth
    stand.end_dialer_if_any()
    stand.clock.set(timedelta(0))


def test_a_clock_set_an_hour_forward_and_back_in_mid_dial_and_mid_call(stand: Stand, wednesday: timedelta) -> None:
    """Either hour is outside the window: nobody new is called, nobody's call is cut, and with the true time back work goes on."""
    hour = timedelta(hours=1)
    stand.open_office([TALKING, TALKING, RINGING, RINGING, RINGING, RINGING, TALKING], window="09:30-10:45")
    stand.be_dialled()
    stand.wait(lambda: stand.states() == Counter(talking=2, ringing=2), "two talks and two rings")
    stand.set_clock(wednesday + hour, Counter(talking=2, ready=2), "two operators free by a clock an hour ahead")
    assert stand.invited() == [1, 1, 1, 1, 0, 0, 0]
    stand.set_clock(wednesday, Counter(talking=2, ringing=2), "two more rings")
    stand.set_clock(wednesday - hour, Counter(talking=2, ready=2), "two operators free by a clock an hour behind")
    assert stand.invited() == [1, 1, 1, 1, 1, 1, 0]
    stand.set_clock(wednesday, Counter(talking=3, ready=1), "one more talk")
    assert [stand.rig.far_end()[number].count("bye") for number in stand.numbers()] == [0] * 7
    stand.wait(lambda: stand.hang_up_everybody() and stand.states() == Counter(wrap_up=3, ready=1), "three results owed")
    stand.wait(lambda: stand.open_calls() == 0, "the end of every call")
    found = stand.attempts()
    assert sorted(attempt.debtor_id for attempt in found) == stand.debtors
    assert Counter((attempt.state, attempt.line_result) for attempt in found) == Counter(
        {("wrap_up", "answered"): 3, ("closed", "no_answer"): 4}
    )
    assert stand.invited() == [1] * 7
    stand.close_office()
    stand.wait(lambda: stand.live_channels() == frozenset(), "the end of every channel")


def test_a_clock_set_over_the_end_of_the_window_in_mid_dial_and_mid_call(stand: Stand, wednesday: timedelta) -> None:
    """It was behind and the window seemed open; from the moment it is right nobody new is called, and who talks may finish."""
    stand.clock.set(wednesday - timedelta(minutes=10))
    stand.open_office([TALKING, TALKING, RINGING, RINGING, TALKING, TALKING], window="09:00-10:00")
    stand.be_dialled()
    stand.wait(lambda: stand.states() == Counter(talking=2, ringing=2), "two talks and two rings")
    stand.set_clock(wednesday, Counter(talking=2, ready=2), "two free operators")
    stand.wait(lambda: stand.hang_up_everybody() and stand.states() == Counter(wrap_up=2, ready=2), "two results owed and two ready")
    stand.wait(lambda: stand.open_calls() == 0, "the end of every call")
    stand.let_rounds_pass(3)
    assert stand.invited() == [1, 1, 1, 1, 0, 0]
    assert Counter((attempt.state, attempt.line_result) for attempt in stand.attempts()) == Counter(
        {("wrap_up", "answered"): 2, ("closed", "no_answer"): 2}
    )
    stand.close_office()
    stand.wait(lambda: stand.live_channels() == frozenset(), "the end of every channel")
