"""Calls from claim to result, with the real worker and database and a simulated town."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from callcenter.core.db import transaction
from callcenter.core.errors import Conflict
from campaigns.attempts import service as attempts
from campaigns.attempts.codes import Channel, Outcome, Party
from campaigns.attempts.models import Attempt
from campaigns.compliance.models import ComplianceDecision
from campaigns.debtors.holds import add_hold
from campaigns.debtors.models import Debt, Debtor
from campaigns.planning.models import Campaign
from campaigns.planning.rulesets import add_rule_set
from campaigns.planning.service import plan
from campaigns.segmentation.rules import All, Rule, RuleSet
from campaigns.worklist.models import WorkItem
from dialer.agents import preview
from dialer.agents import service as agents
from dialer.agents.queries import current_view
from dialer.calls.service import request_hang_up
from dialer.ivr.models import RobocallScript
from dialer.ivr.service import scripts_of
from dialer.telephony.errors import CarrierRefused, CarrierUnreachable, HandoverUnknown
from dialer.telephony.events import EventKind
from dialer.telephony.simulator.carrier import SimulatedCarrier
from tests.dialer.world import Hall


def test_an_answer_comes_to_the_operators_screen_and_waits_for_a_result(office_id: int) -> None:
    hall = Hall(office_id, ["0001"])
    hall.dialer.start()
    hall.staff()
    hall.pass_time(2)
    with transaction(office_id) as session:
        view = current_view(session, hall.user_ids[0], hall.clock.now())
    assert view is not None
    assert (view.state, view.call_state) == ("talking", "bridged")
    assert view.debtor_id == hall.items()[0].debtor_id
    with transaction(office_id) as session:
        assert request_hang_up(session, hall.user_ids[0], hall.clock.now())
    hall.pass_time(1)
    assert hall.agent().state == "wrap_up"
    attempt = hall.attempts()[0]
    assert (attempt.state, attempt.line_result, attempt.talk_seconds) == ("wrap_up", "answered", 2)
    with transaction(office_id) as session:
        now = hall.clock.now()
        attempts.record_outcome(session, attempt.id, Party.FAMILY, Outcome.CALLBACK_MESSAGE_LEFT, now=now, user_id=hall.user_ids[0])
        agents.finish_wrap_up(session, hall.user_ids[0], attempt.id, now)
    assert hall.agent().state == "ready"


@pytest.mark.parametrize(
    ("suffix", "line_result"),
    [
        ("0002", "busy"),
        ("0003", "no_answer"),
        ("0004", "machine"),
        ("0005", "unobtainable"),
        ("0006", "rejected"),
        ("0007", "unreachable"),
        ("0008", "failed"),
    ],
)
def test_a_call_without_a_conversation_closes_itself_and_frees_the_operator(office_id: int, suffix: str, line_result: str) -> None:
    hall = Hall(office_id, [suffix])
    hall.dialer.start()
    hall.staff()
    hall.pass_time(60)
    first = hall.attempts()[0]
    assert (first.state, first.line_result, first.party, first.outcome) == ("closed", line_result, "nobody", "no_result")
    assert first.handed_over_at is not None
    assert [call.state for call in hall.calls()] == ["ended"]
    assert hall.agent().state == "ready"


def test_a_detector_s_late_word_does_not_close_a_conversation_with_a_verified_person(office_id: int) -> None:
    hall = Hall(office_id, ["0004"])
    hall.dialer.start()
    hall.staff()
    for _ in range(120):
        hall.pass_time(0.5)
        if hall.attempts() and hall.agent().state == "talking":
            break
    assert hall.agent().state == "talking"
    with transaction(office_id) as session:
        session.execute(update(Attempt).values(verified_at=hall.clock.now(), verified_with="name,birth_date"))
    hall.pass_time(60)
    attempt = hall.attempts()[0]
    assert (attempt.state, attempt.line_result, attempt.party) == ("wrap_up", "answered", None)
    assert [call.line_result for call in hall.calls()] == ["answered"]
    assert hall.agent().state == "wrap_up"


def test_a_result_written_during_the_call_needs_no_wrap_up(office_id: int) -> None:
    hall = Hall(office_id, ["0001"])
    hall.dialer.start()
    hall.staff()
    hall.pass_time(5)
    attempt = hall.attempts()[0]
    with transaction(office_id) as session:
        now = hall.clock.now()
        attempts.record_outcome(session, attempt.id, Party.UNKNOWN, Outcome.INTERRUPTED, now=now, user_id=hall.user_ids[0])
        agents.finish_wrap_up(session, hall.user_ids[0], attempt.id, now)
    assert hall.agent().state == "talking"
    with transaction(office_id) as session:
        agents.pause(session, hall.user_ids[0], "break", hall.clock.now())
        request_hang_up(session, hall.user_ids[0], hall.clock.now() + timedelta(seconds=3))
    hall.pass_time(5)
    assert (hall.agent().state, hall.agent().pause_reason) == ("paused", "break")
    assert hall.attempts()[0].talk_seconds == 5


@pytest.mark.parametrize(
    ("suffix", "party", "outcome", "keys"),
    [
        ("0012", "debtor_unverified", "callback_promised", "1"),
        ("0013", "debtor_unverified", "claims_paid", "2"),
        ("0010", "wrong_number", "no_result", "3"),
        ("0011", "unknown", "no_result", ""),
        ("0004", "nobody", "no_result", ""),
    ],
)
def test_a_robocalls_key_becomes_its_outcome(office_id: int, suffix: str, party: str, outcome: str, keys: str) -> None:
    hall = Hall(office_id, [suffix], operators=0, channel=Channel.AUTO_CALL)
    hall.dialer.start()
    hall.pass_time(90)
    attempt = hall.attempts()[0]
    assert (attempt.state, attempt.party, attempt.outcome, attempt.robocall_keys) == ("closed", party, outcome, keys)
    assert attempt.script_version == "default/1"


def test_the_rule_that_decided_names_the_script(office_id: int) -> None:
    hall = Hall(office_id, ["0011"], operators=0, channel=Channel.AUTO_CALL)
    with transaction(office_id) as session:
        now = hall.clock.now()
        session.add(RobocallScript(code="friendly", version=3, document={}, created_at=now))
        rules = RuleSet((Rule("rest", Channel.AUTO_CALL, ("rest",), All(()), script="friendly"),))
        campaign = session.scalars(select(Campaign)).one()
        campaign.rule_set_id = add_rule_set(session, "spoken", rules, now, is_active=True).id
        session.flush()
        for debtor_id in session.scalars(select(Debtor.id)).all():
            session.add(
                Debt(
                    debtor_id=debtor_id,
                    tax_code="10",
                    levy_year=2026,
                    base_year=2026,
                    term=9,
                    notice_no="9",
                    due_on=now.date(),
                    outstanding=1_000,
                )
            )
        session.flush()
        plan(session, campaign.id, now)
        assert [script.code for script in scripts_of(session, campaign.options, campaign.id)] == ["default", "friendly"]
    hall.dialer.start()
    hall.pass_time(90)
    assert hall.attempts()[0].script_version == "friendly/3"


def test_who_wants_a_call_back_by_robocall_is_called_by_a_person(office_id: int) -> None:
    hall = Hall(office_id, ["0012"], operators=0, channel=Channel.AUTO_CALL)
    hall.dialer.start()
    hall.pass_time(90)
    (item,) = hall.items()
    assert (item.state, item.channel, item.is_callback) == ("ready", "operator_call", True)


def test_nobody_is_called_for_an_operator_without_a_voice_leg(office_id: int) -> None:
    hall = Hall(office_id, ["0001"])
    hall.carrier.refuses_legs = True
    hall.dialer.start()
    hall.staff()
    hall.pass_time(5)
    assert hall.calls() == []
    with transaction(office_id) as session:
        view = current_view(session, hall.user_ids[0], hall.clock.now())
    assert view is not None
    assert view.waiting_reason == "leg_refused"


def test_a_refused_call_was_not_made(office_id: int) -> None:
    hall = Hall(office_id, ["0001"])
    hall.dialer.start()
    hall.carrier.fail_next(CarrierRefused("no"))
    hall.staff()
    hall.pass_time(5)
    (attempt,) = hall.attempts()
    assert (attempt.state, attempt.line_result, attempt.handed_over_at) == ("closed", "failed", None)
    assert hall.agent().state == "ready"


def test_an_unreachable_carrier_is_left_alone_for_a_while_and_the_debtor_is_called_later(office_id: int) -> None:
    hall = Hall(office_id, ["0001"])
    hall.dialer.start()
    hall.carrier.fail_next(CarrierUnreachable("gone"))
    hall.staff()
    hall.pass_time(1)
    assert [attempt.line_result for attempt in hall.attempts()] == ["failed"]
    hall.pass_time(10 * 60 + 20)
    assert hall.agent().state == "talking"
    assert hall.attempts()[0].line_result == "failed"


def test_an_unknown_hand_over_is_followed_and_not_repeated(office_id: int) -> None:
    hall = Hall(office_id, ["0001"])
    hall.dialer.start()
    hall.carrier.fail_next(HandoverUnknown("lost"))
    hall.staff()
    hall.pass_time(10)
    assert hall.agent().state == "talking"
    assert len(hall.calls()) == 1


def test_preview_shows_the_case_first_and_calls_when_told(office_id: int) -> None:
    hall = Hall(office_id, ["0001"], dial_mode="preview")
    hall.dialer.start()
    hall.staff()
    hall.pass_time(5)
    user_id = hall.user_ids[0]
    assert hall.calls() == []
    with transaction(office_id) as session:
        item = preview.request_next(session, user_id, hall.clock.now())
        view = current_view(session, user_id, hall.clock.now())
    assert item is not None
    assert view is not None
    assert (view.state, view.debtor_id, view.attempt_id) == ("reserved", item.debtor_id, None)
    hall.pass_time(30)
    assert hall.agent().state == "reserved"
    with transaction(office_id) as session:
        preview.call_now(session, user_id, hall.clock.now())
    hall.pass_time(3)
    assert hall.agent().state == "talking"


@pytest.mark.parametrize(("lines", "options"), [(2, {}), (8, {"max_lines": 2})])
def test_calls_asked_for_in_preview_take_their_lines_before_automated_ones_and_never_more_than_there_are(
    office_id: int, lines: int, options: dict[str, int]
) -> None:
    hall = Hall(office_id, ["0001"] * 3 + ["0011"] * 2, operators=3, dial_mode="preview", lines=lines, options=options)
    with transaction(office_id) as session:
        debtor_ids = session.scalars(select(Debtor.id).order_by(Debtor.id)).all()[3:]
        session.execute(update(WorkItem).where(WorkItem.debtor_id.in_(debtor_ids)).values(channel="auto_call"))
    hall.staff()
    hall.dialer.start()
    with transaction(office_id) as session:
        session.execute(update(Campaign).values(status="paused"))
    hall.pass_time(6)  # the legs stand, and nothing is called yet
    with transaction(office_id) as session:
        session.execute(update(Campaign).values(status="running"))
        for user_id in hall.user_ids:
            preview.request_next(session, user_id, hall.clock.now())
    with transaction(office_id) as session:
        for user_id in hall.user_ids:
            preview.call_now(session, user_id, hall.clock.now())
    hall.pass_time(6)
    up = [call.mode for call in hall.calls() if call.node and call.state != "ended"]
    assert up == ["preview", "preview"]


def test_preview_asks_the_gate_again_and_keeps_its_refusal(office_id: int) -> None:
    hall = Hall(office_id, ["0001"], dial_mode="preview")
    hall.dialer.start()
    hall.staff()
    hall.pass_time(1)
    with transaction(office_id) as session:
        item = preview.request_next(session, hall.user_ids[0], hall.clock.now())
        assert item is not None
        session.execute(update(Debtor).where(Debtor.id == item.debtor_id).values(do_not_contact=True))
    with transaction(office_id) as session:
        assert preview.call_now(session, hall.user_ids[0], hall.clock.now()) is None
    with transaction(office_id) as session:
        refusal = session.scalars(select(ComplianceDecision).where(~ComplianceDecision.is_allowed)).one()
    assert (refusal.reason, hall.agent().state, hall.items()[0].state, hall.calls()) == ("do_not_contact", "ready", "withdrawn", [])


def test_preview_is_not_called_who_asked_for_quiet_while_the_call_waited_for_a_line(office_id: int) -> None:
    hall = Hall(office_id, ["0001"], dial_mode="preview")
    hall.dialer.start()
    hall.staff()
    hall.pass_time(1)
    user_id, now = hall.user_ids[0], hall.clock.now()
    with transaction(office_id) as session:
        preview.request_next(session, user_id, now)
        preview.call_now(session, user_id, now)
    with transaction(office_id) as session:
        debtor_id = session.scalars(select(Debtor.id)).one()
        add_hold(session, debtor_id, "stop_request", "", None, "申し出のため", now, user_id, is_officer=True)
    hall.pass_time(5)
    (call,), (attempt,) = hall.calls(), hall.attempts()
    assert (call.state, call.line_result, attempt.state, attempt.line_result, attempt.handed_over_at) == (
        "ended",
        "failed",
        "closed",
        "failed",
        None,
    )
    with transaction(office_id) as session:
        refusal = session.scalars(select(ComplianceDecision).where(~ComplianceDecision.is_allowed)).one()
    assert (refusal.reason, refusal.mode, hall.agent().state) == ("stop_request", "preview", "ready")


def test_preview_gives_a_case_back_uncalled(office_id: int) -> None:
    hall = Hall(office_id, ["0001"], dial_mode="preview")
    hall.dialer.start()
    hall.staff()
    hall.pass_time(1)
    with transaction(office_id) as session:
        preview.request_next(session, hall.user_ids[0], hall.clock.now())
        preview.skip(session, hall.user_ids[0], hall.clock.now())
    assert (hall.agent().state, hall.items()[0].state, hall.calls()) == ("ready", "ready", [])
    with transaction(office_id) as session, pytest.raises(Conflict):
        preview.call_now(session, hall.user_ids[0], hall.clock.now())


def test_who_goes_home_leaves_the_case_they_only_looked_at(office_id: int) -> None:
    hall = Hall(office_id, ["0001"], dial_mode="preview")
    hall.dialer.start()
    hall.staff()
    hall.pass_time(1)
    with transaction(office_id) as session:
        preview.request_next(session, hall.user_ids[0], hall.clock.now())
    with transaction(office_id) as session:
        preview.sign_out(session, hall.user_ids[0], hall.clock.now())
        assert agents.find_live(session, hall.user_ids[0]) is None
    item = hall.items()[0]
    assert (item.state, item.reason, item.not_before) == ("ready", "skipped", hall.clock.now())


def test_an_overdue_result_pauses_the_operator_and_goes_to_the_supervisor(office_id: int) -> None:
    hall = Hall(office_id, ["0009"], options={"wrap_up_seconds": 30})
    hall.dialer.start()
    hall.staff()
    hall.pass_time(100)
    assert (hall.agent().state, hall.agent().pause_reason) == ("paused", "wrap_up_expired")
    assert hall.attempts()[0].state == "wrap_up"
    assert hall.items()[0].state == "claimed"


def test_the_next_case_in_preview_is_never_the_one_whose_result_is_overdue(office_id: int) -> None:
    hall = Hall(office_id, ["0009", "0009"], dial_mode="preview", options={"wrap_up_seconds": 30})
    hall.dialer.start()
    hall.staff()
    hall.pass_time(5)
    user_id, now = hall.user_ids[0], hall.clock.now
    with transaction(office_id) as session:
        first = preview.request_next(session, user_id, now())
        preview.call_now(session, user_id, now())
    hall.pass_time(100)
    assert (hall.agent().state, hall.agent().pause_reason) == ("paused", "wrap_up_expired")
    with transaction(office_id) as session:
        agents.ready(session, user_id, now())
        second = preview.request_next(session, user_id, now())
        view = current_view(session, user_id, now())
    assert first is not None
    assert second is not None
    assert view is not None
    assert first.id != second.id
    assert view.debtor_id == second.debtor_id
    with transaction(office_id) as session:
        preview.skip(session, user_id, now())
    assert {item.id: item.state for item in hall.items()} == {first.id: "claimed", second.id: "ready"}


def test_outside_the_contact_hours_nobody_is_called_and_nothing_is_refused_one_by_one(office_id: int) -> None:
    hall = Hall(office_id, ["0001"])
    hall.clock.move_to(hall.clock.now() + timedelta(hours=9))
    hall.dialer.start()
    hall.staff()
    hall.pass_time(10)
    assert hall.calls() == []
    assert hall.items()[0].state == "ready"


class Prompt(SimulatedCarrier):
    """Lists what is alive at this moment, also when nobody has read yet how the rest ended: as Asterisk does when a dialer is behind."""

    def live_channels(self) -> frozenset[str] | None:
        over = {channel_id for channel_id in self._live if self._future.is_due(channel_id, EventKind.ENDED)}
        return frozenset(self._live | set(self._legs)) - over


def test_a_call_whose_end_was_told_and_not_read_yet_is_not_taken_for_lost(office_id: int) -> None:
    hall = Hall(office_id, ["0002"])
    hall.new_dialer(Prompt(hall.clock, seed=7))
    hall.dialer.start()
    hall.staff()
    hall.pass_time(0.1)
    assert hall.calls()[0].state != "ended"
    hall.clock.move_to(hall.clock.now() + timedelta(seconds=30))
    hall.dialer.step_reap()
    assert (hall.calls()[0].state, hall.calls()[0].line_result) == ("ended", "busy")
