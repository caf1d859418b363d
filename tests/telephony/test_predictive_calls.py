"""A predictive campaign on a real Asterisk: who answers gets an operator or hears why not, and is never left in silence."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from math import cos, pi, sin

import pytest
from sqlalchemy import select, update

from callcenter.auth.models import Office, Role, User
from callcenter.core.clock import SystemClock, utc_now
from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import Debt, Debtor, PhoneNumber
from campaigns.planning.service import create_campaign, set_status
from campaigns.planning.state import CampaignStatus
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.calls.models import Call
from dialer.calls.service import request_hang_up
from dialer.pacing.standing import standing_of
from dialer.telephony.port import CarrierLimits, OriginateRequest
from dialer.telephony.robocall import RobocallPlan
from dialer.worker import Dialer, DialerSettings
from tests.dialer.history import add_history
from tests.dialer.world import add_work
from tests.telephony.captures import write_sound
from tests.telephony.ear import Ear
from tests.telephony.rig import CALLER_ID, Rig
from tests.telephony.sipp import Behaviour, new_serial, number_of
from tests.telephony.test_main_job import open_always

pytestmark = pytest.mark.asterisk
WORDS_HZ, WORDS_SECONDS = 700.0, 1.5
OPERATORS = ("op-1", "op-2", "op-3", "op-4")
# Two seconds by Asterisk's clock, after which the words are said; both moments are those at which we heard of it, on a machine at work.
NOBODY_WAITS_LONGER = timedelta(seconds=20)


class Predicting:
    """An office with a predictive campaign that has seen enough, four operators, and SIPp's parties as debtors."""

    def __init__(self, rig: Rig, office_id: int) -> None:
        self.rig, self.office_id, self.clock = rig, office_id, SystemClock()
        limits = CarrierLimits(calls_per_second=20, max_lines=20)
        self.settings = DialerSettings("rig", CALLER_ID, limits, round_seconds=0.5, reap_seconds=2.0, prepare_prompts=self.prepare)
        self.begin()
        self.user_ids: list[int] = []
        self.numbers: list[str] = []

    def begin(self) -> None:
        """A dialer process; another one after a crash has the same name."""
        self.carrier = self.rig.carrier()
        self.dialer = Dialer(self.carrier, self.clock, self.settings)
        self.dialer.start()
        assert self.carrier.wait_connected(60)

    def prepare(self, plan: RobocallPlan) -> None:
        """A tone of its own for the words an abandoned call hears."""
        for node in plan.spoken():
            write_sound(self.rig.home / f"sounds/{node.sound}.wav", WORDS_SECONDS, WORDS_HZ)

    def load(self, behaviours: Sequence[Behaviour], ring_seconds: float = 4.0) -> None:
        """A debtor for each behaviour, in this order."""
        now = utc_now()
        with transaction(self.office_id) as session:
            campaign = create_campaign(session, "予測", now, dial_mode="predictive", options={"ring_seconds": ring_seconds})
            set_status(session, campaign.id, CampaignStatus.RUNNING, now)
            self.campaign_id = campaign.id
            debtors = []
            for n, behaviour in enumerate(behaviours):
                number = number_of(behaviour, new_serial())
                self.numbers.append(number)
                debtor = Debtor(debtor_no=f"{n:010d}", name="見本", birth_date=date(1970, 1, 2), address="架空市1")
                session.add(debtor)
                session.flush()
                due = (now - timedelta(days=90)).date()
                money = {"due_on": due, "assessed": 9_000, "outstanding": 9_000}
                session.add(Debt(debtor_id=debtor.id, tax_code="10", levy_year=2026, base_year=2026, term=1, notice_no=f"{n:08d}", **money))
                session.add(PhoneNumber(debtor_id=debtor.id, original=number, e164=number, line_type="mobile"))
                debtors.append(debtor.id)
            add_work(session, campaign.id, debtors, Channel.OPERATOR_CALL, now)
        add_history(self.office_id, self.campaign_id, 250, 350, now - timedelta(days=1))

    def staff(self, phones: Sequence[str] = OPERATORS) -> None:
        now = utc_now()
        with transaction(self.office_id) as session:
            users = [User(sign_in_name=p, display_name=p, role=Role.OPERATOR, phone_address=p) for p in phones]
            session.add_all(users)
            session.flush()
            self.user_ids = [user.id for user in users]
            for user_id in self.user_ids:
                agents.sign_in(session, user_id, now=now)
        self.work_until(lambda: all(agent.is_leg_up for agent in self.agents()), "every operator's leg")
        with transaction(self.office_id) as session:
            for user_id in self.user_ids:
                agents.ready(session, user_id, utc_now())

    def work_until(self, is_done: Callable[[], bool], what: str, seconds: float = 90.0) -> None:
        end = time.monotonic() + seconds
        while not is_done():
            assert time.monotonic() < end, f"{what} did not come about within {seconds} s"
            self.dialer.notice(self.office_id, wishes=True)
            self.dialer.step(0.1)

    def agents(self) -> list[AgentSession]:
        with transaction(self.office_id) as session:
            return list(session.scalars(select(AgentSession).order_by(AgentSession.id)))

    def calls(self) -> dict[str, Call]:
        """The calls of this test by number."""
        with transaction(self.office_id) as session:
            rows = session.execute(
                select(PhoneNumber.e164, Call)
                .join(Attempt, (Attempt.office_id == PhoneNumber.office_id) & (Attempt.phone_id == PhoneNumber.id))
                .join(Call, (Call.office_id == Attempt.office_id) & (Call.attempt_id == Attempt.id))
            )
            return {str(e164): call for e164, call in rows}

    def pause_everybody(self) -> None:
        with transaction(self.office_id) as session:
            for user_id in self.user_ids:
                agents.pause(session, user_id, "break", utc_now())

    def pause_at_the_first_call(self) -> None:
        """Everybody goes away as soon as a call has left: before its answer can be heard of, however slow the machine is."""
        originate = self.carrier.originate

        def leave(request: OriginateRequest) -> None:
            originate(request)
            self.pause_everybody()

        self.carrier.originate = leave  # type: ignore[method-assign]

    def hang_up_talks(self) -> None:
        """Ends every talk in which both sides hear each other."""
        with transaction(self.office_id) as session:
            talking = select(AgentSession.user_id).join(
                Call, (Call.office_id == AgentSession.office_id) & (Call.attempt_id == AgentSession.attempt_id)
            )
            for user_id in session.scalars(talking.where(Call.state == "bridged", Call.hangup_requested_at.is_(None))).all():
                request_hang_up(session, user_id, utc_now())


@pytest.fixture
def office(rig: Rig, clean_database: None) -> Iterator[Predicting]:
    with transaction(None) as session:
        row = Office(code="rig", name="架空市", phone=CALLER_ID)
        session.add(row)
        session.flush()
        office_id = row.id
    open_always(office_id)
    made = Predicting(rig, office_id)
    try:
        yield made
    finally:
        made.dialer.stop()


def heard_of(office: Predicting) -> Counter[str]:
    """How this test's calls ended, of those that have."""
    return Counter(call.line_result or "" for call in office.calls().values() if call.state == "ended")


def test_every_answer_finds_an_operator_or_the_words_and_every_outcome_is_the_far_ends(office: Predicting) -> None:
    office.load([Behaviour.ANSWERS_LATE, Behaviour.BUSY, Behaviour.NO_ANSWER] * 4)
    office.staff()

    def go_on() -> bool:
        """Talks end after a moment, results are written, until everybody was called."""
        office.hang_up_talks()
        with transaction(office.office_id) as session:
            for agent in session.scalars(select(AgentSession).where(AgentSession.state == "wrap_up", AgentSession.attempt_id.is_not(None))):
                session.execute(
                    update(Attempt).where(Attempt.id == agent.attempt_id).values(state="closed", party="unknown", outcome="no_result")
                )
                agents.finish_wrap_up(session, agent.user_id, agent.attempt_id or 0, utc_now())
        found = office.calls()
        return len(found) == len(office.numbers) and all(call.state == "ended" for call in found.values())

    office.work_until(go_on, "the end of every call")
    found = office.calls()
    far = office.rig.far_end()
    assert "predictive" in {call.mode for call in found.values()}
    for number, call in found.items():
        words = far[number]
        assert words.count("invited") == 1
        if "refused 486" in words:
            assert call.line_result == "busy"
        elif "cancelled" in words:
            assert call.line_result == "no_answer"
        else:
            assert call.line_result in ("answered", "abandoned")
            is_met = call.bridged_at is not None
            assert is_met is (call.line_result == "answered")
            if is_met:
                assert call.bridged_at - call.answered_at < NOBODY_WAITS_LONGER  # type: ignore[operator]
    answers = [call for call in found.values() if call.answered_at is not None]
    with transaction(office.office_id) as session:
        standing = standing_of(session, office.campaign_id, utc_now())
    assert standing.answers_today == len(answers)
    assert standing.abandoned_today == sum(call.line_result == "abandoned" for call in answers)
    assert not {call.channel_id for call in found.values()} & (office.carrier.live_channels() or frozenset())


def test_who_finds_nobody_hears_the_words_and_nothing_else_is_heard_by_anybody(office: Predicting) -> None:
    office.load([Behaviour.ANSWERS_LATE], ring_seconds=30.0)
    office.staff()
    office.pause_at_the_first_call()
    with Ear(office.rig.media_ports) as ear:
        office.work_until(lambda: heard_of(office).total() == 1, "the end of the call")
    (call,) = office.calls().values()
    assert (call.mode, call.line_result, call.agent_session_id) == ("predictive", "abandoned", None)
    assert call.answered_at is not None
    assert call.ended_at is not None
    assert (call.ended_at - call.answered_at).total_seconds() >= 2.0  # and the words; of the answer we may have heard late
    listeners = [port for port, samples in ear.heard().items() if loudness(samples, WORDS_HZ) > 0.5]
    assert len(listeners) == 1
    office.rig.wait_far_end(office.numbers[0], "bye")


def test_a_dialer_that_dies_leaves_nobody_in_silence_and_its_successor_knows_what_came_of_each(office: Predicting) -> None:
    office.load([Behaviour.ANSWERS_LATE, Behaviour.ANSWERS_LATE, Behaviour.NO_ANSWER], ring_seconds=8.0)
    office.staff()
    office.pause_at_the_first_call()
    office.work_until(lambda: len(office.calls()) == 3, "three calls")
    office.carrier.close()  # no orderly stop: nothing is written down, and nobody hears of the answers
    for number in office.numbers[:2]:
        office.rig.wait_far_end(number, "bye")  # the words were said and the call ended, all without a dialer
    office.begin()
    office.work_until(lambda: heard_of(office).total() == 3, "the end of every call")
    assert heard_of(office) == {"abandoned": 2, "no_answer": 1}
    assert all(words.count("invited") == 1 for number, words in office.rig.far_end().items() if number in office.numbers)
    with transaction(office.office_id) as session:
        assert standing_of(session, office.campaign_id, utc_now()).abandoned_today == 2
    assert all(agent.state == "paused" for agent in office.agents())


def loudness(samples: Sequence[int], hertz: float) -> float:
    """The longest run at this frequency, in seconds: Goertzel's measure over fifths of a second."""
    best = run = 0
    for start in range(0, len(samples) - 1599, 1600):
        part = samples[start : start + 1600]
        real = sum(s * cos(2 * pi * hertz * n / 8000) for n, s in enumerate(part))
        imaginary = sum(s * sin(2 * pi * hertz * n / 8000) for n, s in enumerate(part))
        run = run + 1 if (real * real + imaginary * imaginary) ** 0.5 / 800 > 1500 else 0
        best = max(best, run)
    return best / 5
