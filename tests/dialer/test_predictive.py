"""Predictive dialling with the real worker and database: who answers is bound at once or abandoned, counted once, and left alone after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, update

from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Attempt
from campaigns.compliance.models import ComplianceDecision
from campaigns.debtors.models import Debtor, PhoneNumber
from campaigns.planning.models import Campaign
from campaigns.planning.service import create_campaign, set_status
from campaigns.planning.state import CampaignStatus
from campaigns.worklist.models import WorkItem
from dialer.agents import service as agents
from dialer.calls import service as calls
from dialer.calls.models import Call
from dialer.inbound.models import InboundCall
from dialer.line import Line
from dialer.looking import look
from dialer.pacing.history import ended_between
from dialer.pacing.models import PacingHour, PacingState
from dialer.pacing.pacer import Pacer
from dialer.pacing.standing import standing_of
from dialer.sharing import LEASE_SECONDS, renew
from dialer.telephony.port import CarrierLimits
from dialer.telephony.simulator.carrier import SimulatedCarrier
from dialer.telephony.simulator.day import DayPlan, SimulatedDay
from tests.dialer.history import add_history
from tests.dialer.test_simulated_day import assert_log_and_database_agree, assert_nothing_is_left_open, make_town
from tests.dialer.world import MORNING, Hall, add_debtor, add_work

STAYS, RINGS = "0001", "0003"  # answers at once and stays on the line; never answers


@pytest.fixture
def hall(office_id: int) -> Hall:
    """Four operators and a predictive campaign that has seen enough."""
    return open_hall(office_id, [STAYS] * 3)


def open_hall(office_id: int, suffixes: Sequence[str], *, operators: int = 4, answers: int = 200, **more: object) -> Hall:
    made = Hall(office_id, suffixes, operators=operators, dial_mode="predictive", lines=40, **more)  # type: ignore[arg-type]
    add_history(office_id, made.campaign_id, answers, 300)
    return made


def put_to_work(hall: Hall) -> None:
    hall.dialer.start()
    hall.staff()
    hall.pass_time(1)


def modes(hall: Hall) -> Counter[str]:
    return Counter(call.mode for call in hall.calls() if call.node)


def states(hall: Hall) -> Counter[str]:
    return Counter(hall.agent(index).state for index in range(len(hall.user_ids)))


def answered_without_operators(hall: Hall) -> Call:
    """A call in the air is answered while everybody is away; it returns unbound."""
    with transaction(hall.office_id) as session:
        for user_id in hall.user_ids:
            agents.pause(session, user_id, "break", hall.clock.now())
    hall.pass_time(0.5)
    (call,) = [call for call in hall.calls() if call.mode == "predictive"]
    return call


def test_who_answers_gets_the_operator_who_has_been_idle_longest(hall: Hall) -> None:
    put_to_work(hall)
    assert modes(hall) == {"predictive": 3}
    assert states(hall) == {"talking": 3, "ready": 1}
    with transaction(hall.office_id) as session:
        rows = session.execute(
            select(Call.state, Call.agent_session_id, Attempt.operator_id)
            .join(Attempt, (Attempt.office_id == Call.office_id) & (Attempt.id == Call.attempt_id))
            .where(Call.mode == "predictive")
            .order_by(Call.id)
        ).all()
    assert [row.state for row in rows] == ["bridged"] * 3
    assert [row.operator_id for row in rows] == hall.user_ids[:3]
    legs = {call.leg_id for call in hall.carrier.calls.values()}
    assert legs == {hall.agent(index).leg_id for index in range(3)}


def test_an_answer_that_finds_nobody_is_abandoned_once_and_told_so(office_id: int) -> None:
    hall = open_hall(office_id, ["0009"])  # answers after two seconds
    put_to_work(hall)
    answered_without_operators(hall)
    hall.pass_time(15)
    (attempt,) = [
        attempt for attempt in hall.attempts() if attempt.source == "live" and attempt.operator_id is None and attempt.work_item_id
    ]
    assert (attempt.state, attempt.line_result, attempt.party, attempt.outcome) == ("closed", "abandoned", "nobody", "no_result")
    (truth,) = hall.carrier.calls.values()
    assert truth.is_abandoned
    assert truth.ended_at is not None
    assert truth.answered_at is not None
    assert 2.0 <= (truth.ended_at - truth.answered_at).total_seconds() <= 9.0  # two seconds, and the words
    with transaction(office_id) as session:
        standing = standing_of(session, hall.campaign_id, hall.clock.now())
    assert (standing.abandoned_today, standing.answers_today) == (1, 201)


def test_who_becomes_free_within_two_seconds_gets_the_call_that_waits(office_id: int) -> None:
    hall = open_hall(office_id, ["0009"])
    put_to_work(hall)
    answered_without_operators(hall)
    hall.pass_time(1.2)
    (call,) = [call for call in hall.calls() if call.mode == "predictive"]
    assert (call.state, call.agent_session_id) == ("answered", None)
    with transaction(office_id) as session:
        agents.ready(session, hall.user_ids[2], hall.clock.now())
    hall.pass_time(0.5)
    assert hall.agent(2).state == "talking"
    (call,) = [call for call in hall.calls() if call.mode == "predictive"]
    assert (call.state, call.line_result, call.agent_session_id) == ("bridged", "answered", hall.agent(2).id)
    hall.pass_time(60)
    assert hall.agent(2).state in ("wrap_up", "paused")


def test_a_lost_word_of_the_carrier_leaves_nobody_waiting(office_id: int) -> None:
    hall = open_hall(office_id, [STAYS])
    put_to_work(hall)
    call = hall.calls()[-1]
    with transaction(office_id) as session:
        agents.release(session, call.agent_session_id or 0, hall.clock.now(), call.attempt_id)
        session.execute(update(Call).where(Call.id == call.id).values(agent_session_id=None, bridged_at=None, state="answered"))
        assert calls.tell_abandoned(session, "node1", hall.clock.now()) == 0
        assert calls.tell_abandoned(session, "node1", hall.clock.now() + timedelta(seconds=6)) == 1
        assert calls.tell_abandoned(session, "node1", hall.clock.now() + timedelta(seconds=7)) == 0
    assert hall.calls()[-1].line_result == "abandoned"


def test_nobody_is_called_predictively_for_72_hours_after_an_abandoned_call(office_id: int) -> None:
    hall = open_hall(office_id, [RINGS, RINGS, RINGS])
    now = hall.clock.now()
    with transaction(office_id) as session:
        first = session.scalars(select(Debtor).where(Debtor.debtor_no == "0000000001")).one()
        phone_id = session.scalar(select(PhoneNumber.id).where(PhoneNumber.debtor_id == first.id))
        session.add(
            Attempt(
                debtor_id=first.id,
                campaign_id=hall.campaign_id,
                channel="operator_call",
                phone_id=phone_id,
                state="closed",
                line_result="abandoned",
                began_at=now - timedelta(hours=30),
                handed_over_at=now - timedelta(hours=30),
            )
        )
        first_id = first.id
    put_to_work(hall)
    hall.pass_time(3)
    with transaction(office_id) as session:
        mode_of = dict(
            session.execute(
                select(Attempt.debtor_id, Call.mode)
                .join(Call, (Call.office_id == Attempt.office_id) & (Call.attempt_id == Attempt.id))
                .where(Attempt.work_item_id.is_not(None))
            ).all()
        )
    assert len(mode_of) == 3
    assert mode_of.pop(first_id) == "progressive"
    assert set(mode_of.values()) == {"predictive"}


def test_the_gate_refuses_a_number_that_was_abandoned_for_somebody_else(office_id: int) -> None:
    hall = open_hall(office_id, [RINGS, RINGS])
    with transaction(office_id) as session:
        one, two = session.scalars(select(PhoneNumber).order_by(PhoneNumber.id).limit(2)).all()
        two.e164, two.original = one.e164, one.original
        at = hall.clock.now() - timedelta(hours=1)
        session.add(
            Attempt(
                debtor_id=one.debtor_id,
                campaign_id=hall.campaign_id,
                channel="operator_call",
                phone_id=one.id,
                state="closed",
                line_result="abandoned",
                began_at=at,
                handed_over_at=at,
            )
        )
        session.execute(update(WorkItem).where(WorkItem.debtor_id == one.debtor_id).values(state="withdrawn"))
    put_to_work(hall)
    with transaction(office_id) as session:
        refusal = session.scalars(select(ComplianceDecision).where(~ComplianceDecision.is_allowed)).one()
    assert (refusal.reason, refusal.mode, modes(hall)["predictive"]) == ("abandoned_recently", "predictive", 0)


def test_a_promised_call_back_is_never_dialled_without_an_operator(office_id: int) -> None:
    hall = open_hall(office_id, [RINGS] * 4)
    with transaction(office_id) as session:
        item = session.scalars(select(WorkItem).order_by(WorkItem.id.desc()).limit(1)).one()
        item.is_callback, item.priority = True, 0
    put_to_work(hall)
    assert modes(hall) == {"predictive": 3, "progressive": 1}


REFUSALS = [
    ({"operators": 2}, {}, "few_operators"),
    ({"answers": 4}, {}, "little_data"),
    ({}, {"abandon_percent": 0}, "zero_budget"),
    ({"answers": 4}, {"abandon_percent": 0}, "zero_budget"),
]


@pytest.mark.parametrize(("hall_is", "options", "why"), REFUSALS, ids=[why for _, _, why in REFUSALS[:3]] + ["zero_and_little"])
def test_what_can_not_be_predicted_is_dialled_progressively_and_says_why(
    office_id: int, hall_is: dict[str, int], options: dict[str, object], why: str
) -> None:
    hall = open_hall(office_id, [RINGS] * 8, options=options, **hall_is)  # type: ignore[arg-type]
    put_to_work(hall)
    assert modes(hall) == {"progressive": len(hall.user_ids)}
    with transaction(office_id) as session:
        standing = standing_of(session, hall.campaign_id, hall.clock.now())
    assert (standing.asked, standing.mode, standing.why) == ("predictive", "progressive", why)


def test_a_day_over_its_limit_is_dialled_progressively_until_the_next(office_id: int) -> None:
    hall = Hall(office_id, [RINGS] * 8, operators=4, dial_mode="predictive", lines=40)
    add_history(office_id, hall.campaign_id, 60, 60, MORNING + timedelta(minutes=20), abandoned=2)
    put_to_work(hall)
    assert modes(hall) == {"progressive": 4}
    with transaction(office_id) as session:
        assert standing_of(session, hall.campaign_id, hall.clock.now()).why == "budget_spent"


def test_thirty_days_over_their_limit_bar_the_day_as_well(office_id: int) -> None:
    hall = Hall(office_id, [RINGS] * 8, operators=4, dial_mode="predictive", lines=40)
    add_history(office_id, hall.campaign_id, 60, 60, MORNING - timedelta(days=20), abandoned=5)
    add_history(office_id, hall.campaign_id, 40, 60, MORNING + timedelta(minutes=20))
    put_to_work(hall)
    assert modes(hall) == {"progressive": 4}
    with transaction(office_id) as session:
        standing = standing_of(session, hall.campaign_id, hall.clock.now())
    assert (standing.why, standing.abandoned_today, standing.abandoned_30_days) == ("budget_spent", 0, 5)


@pytest.mark.parametrize("mode", ["preview", "progressive"])
def test_other_modes_say_what_they_do_as_long_as_a_dialer_works(office_id: int, mode: str) -> None:
    hall = Hall(office_id, [RINGS] * 2, operators=1, dial_mode=mode, lines=40)
    with transaction(office_id) as session:
        assert standing_of(session, hall.campaign_id, hall.clock.now()).why == ""
    put_to_work(hall)
    with transaction(office_id) as session:
        now = hall.clock.now()
        standing = standing_of(session, hall.campaign_id, now)
        assert (standing.asked, standing.mode, standing.why) == (mode, mode, mode)
        assert standing_of(session, hall.campaign_id, now + timedelta(minutes=5)).why == ""


def test_without_a_dialer_nothing_is_said_to_be_paced_and_lines_are_those_of_the_moment(office_id: int) -> None:
    hall = open_hall(office_id, [RINGS] * 8)
    put_to_work(hall)
    with transaction(office_id) as session:
        standing = standing_of(session, hall.campaign_id, hall.clock.now())
        assert (standing.mode, standing.why) == ("predictive", "paced")
        assert standing.ringing == standing.lines > 0
        calls = session.scalars(select(Call)).all()
        for call in calls:  # as when a trunk fails: nothing is decided from here on
            call.state = "ended"
    with transaction(office_id) as session:
        standing = standing_of(session, hall.campaign_id, hall.clock.now())
        assert (standing.lines, standing.ringing) == (0, 0)
        assert standing_of(session, hall.campaign_id, hall.clock.now() + timedelta(seconds=LEASE_SECONDS + 1)).why == ""


class Unable(SimulatedCarrier):
    can_predict = False


def test_a_carrier_that_can_not_keep_an_answer_is_never_asked_to(office_id: int) -> None:
    hall = open_hall(office_id, [RINGS] * 8)
    hall.new_dialer(Unable(hall.clock))
    put_to_work(hall)
    assert modes(hall) == {"progressive": 4}
    with transaction(office_id) as session:
        assert standing_of(session, hall.campaign_id, hall.clock.now()).why == "carrier_cannot"


def test_a_new_dialer_knows_what_the_old_one_learned_and_so_does_one_that_finds_nothing_kept(office_id: int) -> None:
    hall = open_hall(office_id, [RINGS] * 2)
    put_to_work(hall)
    hall.pass_time(45)

    def kept() -> tuple[dict[int, float], dict[int, float]]:
        with transaction(office_id) as session:
            rows = session.scalars(select(PacingHour).where(PacingHour.campaign_id == hall.campaign_id)).all()
            return {row.hour: row.document["answers_seen"] for row in rows}, {row.hour: row.document["calls_seen"] for row in rows}

    answers, seen = kept()
    assert sum(answers.values()) == 200
    assert sum(seen.values()) >= 500
    for is_forgotten in (False, True):
        if is_forgotten:
            with transaction(office_id) as session:
                session.execute(delete(PacingHour))
                session.execute(delete(PacingState))
        hall.new_dialer(SimulatedCarrier(hall.clock))
        hall.dialer.start()
        hall.pass_time(30)
        assert kept()[0] == answers


def test_two_campaigns_share_operators_by_priority(office_id: int) -> None:
    """While the first one has work, the second dials only for operators of its own; then it gets everybody."""
    hall = open_hall(office_id, [RINGS] * 3, operators=5)
    with transaction(office_id) as session:
        second = create_campaign(session, "12月", MORNING, dial_mode="predictive", priority=6)
        set_status(session, second.id, CampaignStatus.RUNNING, MORNING)
        debtors = [add_debtor(session, 500 + n, RINGS) for n in range(30)]
        session.flush()
        add_work(session, second.id, [debtor.id for debtor in debtors], Channel.OPERATOR_CALL)
        session.execute(update(Campaign).where(Campaign.id == hall.campaign_id).values(priority=1))
        second_id = second.id
    add_history(office_id, second_id, 200, 300, MORNING - timedelta(days=1))
    put_to_work(hall)
    with transaction(office_id) as session:
        counts = dict(session.execute(select(Call.campaign_id, func.count()).where(Call.node != "").group_by(Call.campaign_id)).all())
    assert counts[hall.campaign_id] == 3
    assert counts.get(second_id, 0) >= 2


def test_a_campaigns_own_lines_are_its_most(office_id: int) -> None:
    hall = open_hall(office_id, [RINGS] * 10, options={"max_lines": 2})
    put_to_work(hall)
    assert modes(hall) == {"predictive": 2}


def test_automated_calls_of_two_campaigns_share_the_lines_equally(office_id: int) -> None:
    hall = Hall(office_id, ["0011"] * 8, operators=0, channel=Channel.AUTO_CALL, lines=4)
    with transaction(office_id) as session:
        second = create_campaign(session, "12月", MORNING)
        set_status(session, second.id, CampaignStatus.RUNNING, MORNING)
        debtors = [add_debtor(session, 500 + n, "0011") for n in range(8)]
        session.flush()
        add_work(session, second.id, [debtor.id for debtor in debtors], Channel.AUTO_CALL)
    hall.dialer.start()
    hall.pass_time(60)
    with transaction(office_id) as session:
        order = session.scalars(select(Call.campaign_id).order_by(Call.id)).all()
    assert len(order) == 16
    assert len(set(order[:8])) == 2  # the first one does not have all lines until it is done


@pytest.mark.slow
def test_a_simulated_half_hour_keeps_the_budget_and_every_call_has_its_end(office_id: int) -> None:
    campaign_id = make_town(office_id, 100, dial_mode="predictive")
    day = SimulatedDay(DayPlan(office_id, campaign_id, MORNING, MORNING + timedelta(minutes=26), operators=5, seed=5, lines=30))
    day.run()
    with transaction(office_id) as session:
        counts = Counter(session.scalars(select(Call.mode)).all())
        abandoned, answered = session.execute(
            select(func.count().filter(Call.line_result == "abandoned"), func.count().filter(Call.line_result != "machine")).where(
                Call.answered_at.is_not(None)
            )
        ).one()
        standing = standing_of(session, campaign_id, day.clock.now())
    assert min(counts["predictive"], counts["progressive"]) > 0
    assert abandoned <= 0.03 * answered
    assert (standing.answers_today, standing.abandoned_today) == (answered, abandoned)
    assert_log_and_database_agree(day)
    assert_nothing_is_left_open(office_id)


def test_people_who_called_in_have_the_next_free_operators(office_id: int) -> None:
    hall = open_hall(office_id, [])
    hall.dialer.start()
    now = hall.clock.now()
    line = Line(hall.carrier, hall.clock, "node1", CarrierLimits(max_lines=40), "+81300000000")
    with transaction(office_id) as session:
        came = [("node1", "waiting"), ("node1", "ringing"), ("node1", "talking"), ("node2", "waiting")]
        session.add_all(
            InboundCall(carrier="simulator", channel_id=f"in-{n}", node=node, state=state, came_at=now)
            for n, (node, state) in enumerate(came)
        )
        (share,) = renew(session, "node1", now)
        found = look(session, line, share, (), Pacer(hall.campaign_id, 0.03), None)
    assert found.snapshot.waiting == 2


def test_calls_that_the_trunk_swallowed_or_refused_teach_nothing_of_people(office_id: int) -> None:
    hall = open_hall(office_id, (), answers=10)

    def learned() -> Counter[str]:
        with transaction(office_id) as session:
            found = ended_between(session, hall.campaign_id, MORNING - timedelta(days=1), MORNING)
            return Counter(one.kind for one in found if one.kind in ("answer", "fail"))

    assert learned() == {"answer": 10, "fail": 300}  # a trunk that never tells of ringing: no word says nothing
    with transaction(office_id) as session:
        session.execute(update(Call).where(Call.answered_at.is_not(None)).values(ringing_at=Call.placed_at))
        failures = session.scalars(select(Call).where(Call.answered_at.is_(None)).order_by(Call.id)).all()
        failures[0].ringing_at = failures[0].placed_at
        failures[1].line_result, failures[2].line_result = "busy", "failed"
    assert learned() == {"answer": 10, "fail": 2}
