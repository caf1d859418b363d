"""Calls that come in, on the simulated carrier: who takes them, who waits, what is owed, and that no figure or cap counts them as ours."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from callcenter.auth.models import Office
from callcenter.core.db import transaction
from campaigns.attempts import service as attempts
from campaigns.attempts.codes import Channel, LineResult, Outcome, Party
from campaigns.attempts.models import Attempt
from campaigns.compliance import gate
from campaigns.compliance.rules import Denied
from campaigns.debtors.models import Debtor, PhoneNumber
from dialer.agents import service as agents
from dialer.agents.queries import current_view
from dialer.agents.state import AgentState
from dialer.cases import next_case
from dialer.inbound import rules
from dialer.inbound import service as inbound
from dialer.inbound.callers import find_person
from dialer.inbound.models import InboundCall
from dialer.inbound.rules import MOST_WAITING, Treatment
from dialer.inbound.words import ending_words, place_words
from dialer.telephony.port import CallerNotice
from dialer.telephony.simulator.carrier import SimulatedCarrier
from dialer.telephony.simulator.town import Fate
from tests.dialer.words import Words
from tests.dialer.world import JST, MORNING, Hall, add_debtor

OFFICE = "+81300000009"
STAYS = Fate(LineResult.ANSWERED, 3600.0, 60.0, Party.DEBTOR)
GIVES_UP = Fate(LineResult.NO_ANSWER, 20.0)


class Desk(Hall):
    """A hall without work of its own, whose office has a published number; `people` debtors are known."""

    def __init__(self, office_id: int, *, operators: int = 1, people: int = 1, has_work: bool = False, **dialling: str) -> None:
        suffix, mode = dialling.get("suffix", "0003"), dialling.get("dial_mode", "preview")
        super().__init__(office_id, [suffix] * people if has_work else (), operators=operators, dial_mode=mode)
        with transaction(office_id) as session:
            session.get_one(Office, office_id).phone = OFFICE
            if not has_work:
                for n in range(1, people + 1):
                    add_debtor(session, n)
            session.flush()
            rows = session.execute(select(PhoneNumber.debtor_id, PhoneNumber.e164).order_by(PhoneNumber.debtor_id))
            self.numbers = {row.debtor_id: row.e164 or "" for row in rows}
        self.dialer.start()

    def staff(self, *, ready: bool = True) -> None:
        super().staff(ready=ready)
        self.pass_time(1)

    def come_in(self, caller: str | None, fate: Fate = STAYS) -> str:
        channel = self.carrier.come_in(caller, OFFICE, fate)
        self.pass_time(3)
        return channel

    def incoming(self) -> list[InboundCall]:
        with transaction(self.office_id) as session:
            return list(session.scalars(select(InboundCall).order_by(InboundCall.id)))

    @property
    def number(self) -> str:
        return next(iter(self.numbers.values()))


class Speaker(Words):
    """What the carrier is asked to say, too, by channel."""

    def __init__(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        self.said: list[str] = []
        announce = SimulatedCarrier.announce

        def note(carrier: SimulatedCarrier, notice: CallerNotice) -> None:
            self.said.append(notice.channel_id)
            announce(carrier, notice)

        monkeypatch.setattr(SimulatedCarrier, "announce", note)
        super().__init__(desk)


def test_nobody_waits_for_words_that_are_being_made_for_a_caller(office_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """To speak takes seconds the first time; talks begin and end meanwhile."""
    desk = Desk(office_id, people=3)
    speaker = Speaker(desk, monkeypatch)
    desk.staff()
    talking, waiting = (desk.come_in(number) for number in list(desk.numbers.values())[:2])
    assert [call.state for call in desk.incoming()] == ["talking", "waiting"]
    desk.carrier.hang_up(talking)
    desk.pass_time(5)
    assert desk.incoming()[0].state == "ended"
    assert speaker.said == []
    speaker.may.set()
    speaker.until(lambda: speaker.said == [waiting])
    assert desk.incoming()[1].state == "waiting"


def test_words_that_can_not_be_made_end_the_line(office_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(office_id, people=2)
    speaker = Speaker(desk, monkeypatch)
    desk.staff()
    for number in desk.numbers.values():
        desk.come_in(number)
    speaker.problems += [OSError("the disk is full")] * 9
    speaker.may.set()
    speaker.until(lambda: desk.incoming()[1].state == "ended")
    assert speaker.said == []
    assert desk.incoming()[0].state == "talking"


def test_what_many_callers_at_once_hear_is_made_before_anybody_calls(office_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(office_id, people=2)
    speaker = Speaker(desk, monkeypatch)
    speaker.may.set()
    with transaction(office_id) as session:
        office = session.get_one(Office, office_id)
        wanted = {text for place in range(1, MOST_WAITING + 1) for text in place_words(office.desk_name, place, None, JST, is_first=True)}
        wanted |= set(ending_words(Treatment.REFUSED, office.desk_name, None, JST, is_first=True, is_called_back=True))
    desk.pass_time(50)
    assert not wanted & set(speaker.made), "a dialer that begins has other things to do"
    speaker.until(lambda: wanted <= set(speaker.made))
    assert speaker.said == []


def test_a_known_number_pops_the_case_and_the_talk_is_a_conversation_but_no_attempt(office_id: int) -> None:
    desk = Desk(office_id, has_work=True)
    desk.staff()
    desk.come_in(desk.number)
    (call,), (attempt,) = desk.incoming(), desk.attempts()
    assert (call.state, call.attempt_id, call.persons) == ("talking", attempt.id, 1)
    with transaction(office_id) as session:
        view = current_view(session, desk.user_ids[0], desk.clock.now())
        assert view is not None
        assert (view.state, view.debtor_id, view.call_state) == (AgentState.TALKING, call.debtor_id, "bridged")
    assert [(item.state, item.claimed_by) for item in desk.items()] == [("claimed", "inbound")]
    desk.pass_time(60)
    attempt = desk.attempts()[0]
    assert (attempt.state, attempt.is_inbound, attempt.handed_over_at, desk.agent().state) == ("wrap_up", True, None, "wrap_up")
    with transaction(office_id) as session:
        now = desk.clock.now()
        attempts.record_outcome(session, attempt.id, Party.DEBTOR_UNVERIFIED, Outcome.INTERRUPTED, now=now, user_id=desk.user_ids[0])
        agents.finish_wrap_up(session, desk.user_ids[0], attempt.id, now)
    attempt = desk.attempts()[0]
    assert (attempt.state, attempt.handed_over_at, attempt.talk_seconds) == ("closed", None, 60)
    assert [(item.state, item.claimed_by) for item in desk.items()] == [("ready", None)]
    with transaction(office_id) as session:  # after a conversation there are quiet days
        refused = gate.check(session, attempt.debtor_id, Channel.OPERATOR_CALL, desk.clock.now() + timedelta(minutes=5))
        assert isinstance(refused, Denied)
        assert refused.reason.value == "quiet_after_conversation"


def test_who_called_last_gets_the_call_and_else_the_longest_idle(office_id: int) -> None:
    desk = Desk(office_id, operators=3, people=2)
    with transaction(office_id) as session:
        debtor_id = session.scalars(select(Debtor.id).order_by(Debtor.id)).first()
        session.add(Attempt(debtor_id=debtor_id, channel="operator_call", operator_id=desk.user_ids[2], state="closed", began_at=MORNING))
    for user_id in desk.user_ids:
        with transaction(office_id) as session:
            agents.sign_in(session, user_id, now=desk.clock.now())
            agents.ready(session, user_id, desk.clock.now())
        desk.pass_time(2)
    first, second = desk.numbers.values()
    desk.come_in(first)
    desk.come_in(second)
    assert [desk.agent(n).state for n in range(3)] == ["talking", "ready", "talking"]


def test_callers_wait_in_their_order_hear_their_place_and_are_connected(office_id: int) -> None:
    desk = Desk(office_id, people=3)
    desk.staff()
    for number in desk.numbers.values():
        desk.come_in(number)
    assert [call.state for call in desk.incoming()] == ["talking", "waiting", "waiting"]
    said = ["".join(text for _, text in each.sounds) for each in desk.carrier.said]
    assert ["1番目" in said[0], "2番目" in said[1], "午後5時まで" in said[0]] == [True] * 3
    desk.pass_time(60)
    attempt = desk.attempts()[0]
    with transaction(office_id) as session:
        attempts.record_outcome(
            session, attempt.id, Party.DEBTOR_UNVERIFIED, Outcome.NO_RESULT, now=desk.clock.now(), user_id=desk.user_ids[0]
        )
        agents.finish_wrap_up(session, desk.user_ids[0], attempt.id, desk.clock.now())
    desk.pass_time(15)
    assert [call.state for call in desk.incoming()] == ["ended", "talking", "waiting"]
    assert "1番目" in "".join(text for _, text in desk.carrier.said[-1].sounds)


@pytest.mark.parametrize(("hours", "staffed", "result"), [(12, True, "after_hours"), (0, False, "all_left")])
def test_nobody_there_is_said_and_a_call_back_is_made(office_id: int, hours: int, staffed: bool, result: str) -> None:
    desk = Desk(office_id, has_work=True)
    if staffed:
        desk.staff(ready=False)
    desk.pass_time(1)
    desk.clock.move_to(desk.clock.now() + timedelta(hours=hours))
    desk.come_in(desk.number)
    desk.pass_time(15)
    (call,), (item,) = desk.incoming(), desk.items()
    assert (call.state, call.result, call.callback, call.work_item_id) == ("ended", result, "made", item.id)
    assert (item.is_callback, item.reason, item.channel, item.priority) == (True, "called_in", "operator_call", 0)
    words = "".join(text for _, text in desk.carrier.said[-1].sounds)
    assert "あらためてお電話いたします" in words
    assert desk.attempts() == []
    with transaction(office_id) as session:
        decided = gate.check(session, item.debtor_id, Channel.OPERATOR_CALL, item.not_before + timedelta(seconds=1))
        assert not isinstance(decided, Denied)


def test_who_gives_up_waiting_is_owed_a_call_and_a_withheld_number_asks_nothing(office_id: int) -> None:
    desk = Desk(office_id, people=2, has_work=True)
    desk.staff()
    first, second = desk.numbers.values()
    desk.come_in(first)
    desk.come_in(second, GIVES_UP)
    desk.come_in(None, GIVES_UP)
    desk.come_in("+81312340000", GIVES_UP)
    desk.pass_time(40)
    told = [(call.result, call.callback, call.debtor_id is not None) for call in desk.incoming()[1:]]
    assert told == [("gave_up", "made", True), ("gave_up", "none", False), ("gave_up", "wanted", False)]


def test_an_unknown_caller_asks_nothing_of_the_screen_and_the_operator_goes_on_afterwards(office_id: int) -> None:
    desk = Desk(office_id)
    desk.staff()
    desk.come_in(None)
    desk.pass_time(20)  # the dialer tidies up meanwhile
    assert (desk.agent().state, desk.agent().attempt_id, desk.attempts()) == ("talking", None, [])
    desk.pass_time(45)
    assert (desk.agent().state, desk.incoming()[0].result) == ("ready", "talked")


def test_the_operator_ends_a_call_with_somebody_unknown(office_id: int) -> None:
    desk = Desk(office_id)
    desk.staff()
    channel = desk.come_in("+81312340000")
    with transaction(office_id) as session:
        call = inbound.current_of(session, desk.agent().id)
        assert call is not None
        inbound.request_hang_up(session, call, desk.clock.now())
    desk.pass_time(5)
    assert (desk.agent().state, desk.incoming()[0].state) == ("ready", "ended")
    assert channel not in (desk.carrier.live_channels() or ())


def test_of_a_shared_number_the_operator_finds_the_person_by_what_the_caller_says(office_id: int) -> None:
    desk = Desk(office_id, people=2)
    with transaction(office_id) as session:
        first, second = session.scalars(select(Debtor).order_by(Debtor.id)).all()
        second.name_key = second.kana_key = "ミホンサチコ"
        session.add(PhoneNumber(debtor_id=second.id, original="shared", e164=desk.number, line_type="mobile", position=2))
        wanted = second.id
    desk.staff()
    desk.come_in(desk.number)
    (call,) = desk.incoming()
    assert (call.persons, call.debtor_id, desk.attempts()) == (2, None, [])
    with transaction(office_id) as session:
        birth = session.get_one(Debtor, (office_id, wanted)).birth_date
        assert find_person(session, desk.number, "だれか", birth) is None
        assert find_person(session, desk.number, "ミホンサチコ", None) is None
        found = find_person(session, desk.number, "みほん さちこ", birth)
        assert found == wanted
        mine = inbound.current_of(session, desk.agent().id)
        assert mine is not None
        inbound.choose_person(session, mine, agents.require_live(session, desk.user_ids[0]), wanted, desk.clock.now())
    attempt = desk.attempts()[0]
    assert (attempt.debtor_id, attempt.is_inbound, desk.agent().attempt_id) == (wanted, True, attempt.id)
    desk.pass_time(60)
    assert (desk.attempts()[0].state, desk.agent().state) == ("wrap_up", "wrap_up")
    assert first.id != wanted


def test_the_same_call_told_twice_is_one_and_a_line_that_vanished_has_ended(office_id: int) -> None:
    desk = Desk(office_id, has_work=True)
    desk.staff()
    desk.pass_time(1)
    with transaction(office_id) as session:
        agents.pause(session, desk.user_ids[0], "break", desk.clock.now())
    desk.come_in(desk.number, GIVES_UP)
    assert len(desk.incoming()) == 1
    desk.carrier.drop(calls_survive=False)
    desk.carrier.connect()
    desk.pass_time(30)
    assert [call.state for call in desk.incoming()] == ["ended"]


def test_a_call_for_nobody_s_number_is_hung_up(office_id: int) -> None:
    with transaction(None) as session:
        session.add(Office(code="other", name="見本町", phone="+81300000002"))
    desk = Desk(office_id)
    desk.staff()
    channel = desk.carrier.come_in(desk.number, "+81399999999", STAYS)
    desk.pass_time(3)
    assert desk.incoming() == []
    assert channel not in (desk.carrier.live_channels() or ())


def test_who_calls_us_while_we_ring_them_is_not_rung_any_longer_and_has_one_line(office_id: int) -> None:
    desk = Desk(office_id, operators=2, has_work=True, dial_mode="progressive")
    desk.staff()
    desk.pass_time(3)
    (ours,) = desk.calls()
    assert (ours.state, ours.answered_at) == ("ringing", None)
    desk.come_in(desk.number)
    assert [(call.state, call.line_result, call.mode) for call in desk.calls()] == [
        ("ended", "no_answer", "progressive"),
        ("bridged", "answered", "inbound"),
    ]
    assert sorted(desk.agent(n).state for n in range(2)) == ["ready", "talking"]


def test_who_talks_with_us_gets_nobody_else_by_calling_in(office_id: int) -> None:
    desk = Desk(office_id, operators=2, has_work=True, dial_mode="progressive", suffix="0001")
    desk.staff()
    desk.pass_time(2)
    assert [call.state for call in desk.calls()] == ["bridged"]
    desk.come_in(desk.number)
    assert [call.state for call in desk.incoming()] == ["ringing"]  # should our line just end, they are put through
    desk.pass_time(6)
    assert ([call.state for call in desk.incoming()], len(desk.calls())) == (["waiting"], 1)
    channel = desk.calls()[0].channel_id
    desk.carrier.hang_up(channel)
    desk.pass_time(3)
    assert [call.state for call in desk.incoming()] == ["talking"]


def test_who_waits_at_our_number_is_not_called(office_id: int) -> None:
    desk = Desk(office_id, operators=2, people=2, has_work=True)
    desk.staff()
    with transaction(office_id) as session:
        agents.pause(session, desk.user_ids[1], "break", desk.clock.now())
    first, second = desk.numbers.values()
    desk.come_in(first)
    desk.come_in(second)
    assert [call.state for call in desk.incoming()] == ["talking", "waiting"]
    with transaction(office_id) as session:
        assert next_case(session, desk.campaign_id, Channel.OPERATOR_CALL, "test", desk.clock.now()) is None
    assert [(item.state, item.reason) for item in desk.items()] == [("claimed", ""), ("ready", "decided_elsewhere")]


def test_who_finds_the_queue_full_is_told_so_and_owed_a_call(office_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MOST_WAITING", 1)
    desk = Desk(office_id, people=3, has_work=True)
    desk.staff()
    for number in desk.numbers.values():
        desk.come_in(number)
    desk.pass_time(15)
    call = desk.incoming()[2]
    assert (call.state, call.result, call.callback) == ("ended", "refused", "made")
    words = "".join(text for _, text in desk.carrier.said[-1].sounds)
    assert ("混み合って" in words, "あらためてお電話いたします" in words) == (True, True)
