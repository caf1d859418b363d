"""Every process of a shift killed or cut off, and its clock set, in mid-call and in mid-dial, with a real Asterisk and SIPp.

Two debtors talk to operators and two phones ring when it happens. Afterwards nobody was dialled twice, no result is lost (what nobody can
know is closed as such), every operator is free or owes a result, and no channel is left up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from callcenter.core.clock import OFFICE_ZONE, SystemClock
from callcenter.core.db import transaction
from campaigns.worklist.models import WorkItem
from dialer.trunk import MOST_FAILURES, TRUNK_FAILING
from tests import servers
from tests.conftest import missing
from tests.telephony.killing import FAULTS, standing
from tests.telephony.sipp import Behaviour
from tests.telephony.stand import Stand

pytestmark = [pytest.mark.asterisk, pytest.mark.fault]
TALKING, RINGING = Behaviour.ANSWERS, Behaviour.NO_ANSWER


@pytest.fixture(scope="module")
def stand(rig_is_there: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """PostgreSQL, Redis, Asterisk, SIPp and a cable of this module's own."""
    try:
        with standing(tmp_path_factory.mktemp("killed")) as made:
            yield made
    except servers.MissingServer as problem:
        missing(str(problem))
        raise


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


def test_a_carrier_without_circuits_is_left_alone_dials_nobody_twice_and_keeps_operators_free(stand: Stand) -> None:
    """503 to everybody: a few are tried in vain, each once, and why nobody else is called is told. A minute: `benchmarks.recovery`."""
    stand.open_office([Behaviour.NO_CIRCUIT] * 16)
    stand.be_dialled()
    stand.wait(lambda: stand.problem() == TRUNK_FAILING, "word that the trunk fails")
    stand.pause()
    stand.wait(lambda: stand.open_calls() == 0 and stand.states() == Counter(ready=4), "four free operators and no call")
    found = stand.attempts()
    assert MOST_FAILURES <= len(found) < 16
    assert Counter((attempt.state, attempt.line_result) for attempt in found) == Counter({("closed", "failed"): len(found)})
    with transaction(stand.office_id) as session:
        again = session.scalars(select(WorkItem.not_before).where(WorkItem.tries > 0).order_by(WorkItem.id)).all()
    assert len(again) == len(found)
    assert min(again) > min(attempt.began_at for attempt in found) + timedelta(minutes=4)
    assert sorted(stand.invited(), reverse=True) == [1] * len(found) + [0] * (16 - len(found))
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
