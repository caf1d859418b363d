"""An operator's line on a real Asterisk: who hears whom through mute, hold, keys, a talk with an officer, and a broken leg.

The dialer, the database and Asterisk are the real ones; operator, officer and debtor are telephones that say a tone and tell what
they hear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import select

from callcenter.auth.models import Office, Role, User
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import Conflict, InvalidInput
from campaigns.attempts.models import Attempt, Escalation
from dialer.agents.models import AgentSession
from dialer.calls.models import Call
from dialer.calls.service import request_hang_up
from dialer.controls import service as controls
from dialer.controls.models import Consultation, LineOrder
from dialer.controls.queries import LineView, line_view
from dialer.controls.state import Talk, Verb
from dialer.telephony.asterisk.render import PhonePlan
from tests.telephony.phone import Phone
from tests.telephony.rig import CALLER_ID, Rig
from tests.telephony.sipp import Behaviour, number_of
from tests.telephony.test_main_job import Town, open_always

pytestmark = [pytest.mark.asterisk, pytest.mark.xdist_group("softphone")]
Row = TypeVar("Row")
OPERATOR, OFFICER, DEBTOR = 700.0, 1000.0, 500.0
LOW_5, HIGH_5 = 770.0, 1336.0  # the two tones of the key 5, ITU-T Q.23


@dataclass
class Floor:
    """Three telephones and an Asterisk whose trunk ends at the debtor's."""

    rig: Rig
    operator: Phone
    officer: Phone
    debtor: Phone


@pytest.fixture(scope="module")
def floor(rig_is_there: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    with Phone("op-ear", OPERATOR) as operator, Phone("tx-ear", OFFICER) as officer, Phone("debtor", DEBTOR) as debtor:
        phones = tuple(PhonePlan(phone.name, contact=phone.contact) for phone in (operator, officer))
        with Rig(tmp_path_factory.mktemp("floor"), extra_phones=phones, far_port=debtor.port, wait_seconds=40) as rig:
            yield Floor(rig, operator, officer, debtor)


class Talking(Town):
    """An operator who talks with the debtor."""

    def __init__(self, floor: Floor, office_id: int) -> None:
        super().__init__(floor.rig, office_id)
        self.floor = floor

    def begin(self) -> None:
        """Imports, dials and waits until both are in one room."""
        self.load([Behaviour.ANSWERS], [])
        with transaction(self.office_id) as session:
            for name, address in (("officer", "tx-ear"), ("away", "nobody")):
                session.add(User(sign_in_name=name, display_name=name, role=Role.TAX_OFFICER, phone_address=address))
        self.staff("op-ear")
        self.work_until(lambda: self.call() is not None and self.call().state == "bridged", "a conversation")

    def call(self) -> Call:
        with transaction(self.office_id) as session:
            return session.scalars(select(Call)).one_or_none()  # type: ignore[return-value]

    def line(self) -> LineView:
        with transaction(self.office_id) as session:
            return line_view(session, self.agent().id, self.call().id)

    def ask(self, verb: Verb) -> None:
        with transaction(self.office_id) as session:
            controls.ask(session, self.user_ids[0], self.call().attempt_id, verb, utc_now())

    def until(self, is_so: Callable[[LineView], bool], what: str) -> None:
        self.work_until(lambda: is_so(self.line()), what)

    def consult(self, name: str) -> None:
        with transaction(self.office_id) as session:
            officer_id = next(number for number, shown in controls.officers(session) if shown == name)
            controls.consult(session, self.user_ids[0], self.call().attempt_id, officer_id, "instalment", utc_now())

    def rows(self, table: type[Row]) -> list[Row]:
        with transaction(self.office_id) as session:
            return list(session.scalars(select(table).order_by(table.id)))  # type: ignore[attr-defined]


@pytest.fixture
def talking(floor: Floor, clean_database: None, tmp_path: Path) -> Iterator[Talking]:
    with transaction(None) as session:
        office = Office(code="floor", name="架空市", phone=CALLER_ID)
        session.add(office)
        session.flush()
        office_id = office.id
    open_always(office_id)
    made = Talking(floor, office_id)
    made.dialer.start()
    assert made.carrier.wait_connected(60)
    try:
        made.begin()
        yield made
    finally:
        for channel_id in made.carrier.live_channels() or ():
            made.carrier.hang_up(channel_id)
        made.dialer.stop()


def test_mute_hold_and_keys_do_what_they_say(talking: Talking) -> None:
    operator, debtor = talking.floor.operator, talking.floor.debtor
    debtor.wait_hearing([OPERATOR])
    operator.wait_hearing([DEBTOR])

    talking.ask(Verb.MUTE)
    talking.until(lambda line: line.is_muted, "the mute")
    debtor.wait_silence([OPERATOR])
    operator.wait_hearing([DEBTOR])
    talking.ask(Verb.UNMUTE)
    talking.until(lambda line: not line.is_muted, "the end of the mute")
    debtor.wait_hearing([OPERATOR])

    with transaction(talking.office_id) as session:
        controls.send_keys(session, talking.user_ids[0], talking.call().attempt_id, "5" * 12, utc_now())
    talking.work_until(lambda: debtor.has_heard(LOW_5, HIGH_5), "the keys")
    assert not operator.has_heard(LOW_5, HIGH_5)
    talking.work_until(lambda: talking.rows(LineOrder)[-1].argument == "", "the keys forgotten")

    talking.ask(Verb.HOLD)
    talking.until(lambda line: line.held_at is not None, "the hold")
    debtor.wait_silence([OPERATOR])
    operator.wait_silence([DEBTOR])
    debtor.forget()
    talking.work_until(lambda: debtor.has_heard(440.0), "the hold tone")
    talking.ask(Verb.RESUME)
    talking.until(lambda line: line.held_at is None, "the end of the hold")
    debtor.wait_hearing([OPERATOR])
    operator.wait_hearing([DEBTOR])


def test_an_officer_is_asked_privately_and_takes_the_call(talking: Talking) -> None:
    operator, officer, debtor = talking.floor.operator, talking.floor.officer, talking.floor.debtor
    talking.consult("officer")
    talking.until(lambda line: line.talk is Talk.TALKING, "the officer on the line")
    operator.wait_hearing([OFFICER], [DEBTOR])
    officer.wait_hearing([OPERATOR], [DEBTOR])
    debtor.wait_silence([OPERATOR, OFFICER])
    with pytest.raises(Conflict):
        talking.ask(Verb.RESUME)  # who shall hear whom is said by joining or taking back

    talking.ask(Verb.TAKE_BACK)
    talking.until(lambda line: line.talk is None and line.held_at is None, "the debtor back")
    operator.wait_hearing([DEBTOR], [OFFICER])

    talking.consult("officer")
    talking.until(lambda line: line.talk is Talk.TALKING, "the officer again")
    talking.ask(Verb.JOIN)
    talking.until(lambda line: line.talk is Talk.JOINED, "all three")
    debtor.wait_hearing([OPERATOR, OFFICER])
    officer.wait_hearing([OPERATOR, DEBTOR])

    talking.ask(Verb.HAND_OVER)
    talking.work_until(lambda: talking.agent().state == "wrap_up", "the operator's wrap-up")
    debtor.wait_hearing([OFFICER], [OPERATOR])
    officer.wait_hearing([DEBTOR], [OPERATOR])
    operator.wait_silence([DEBTOR, OFFICER])
    call, attempt = talking.call(), talking.rows(Attempt)[0]
    assert (call.state, attempt.state, attempt.line_result) == ("bridged", "wrap_up", "answered")
    assert [(row.reason, row.attempt_id) for row in talking.rows(Escalation)] == [("instalment", attempt.id)]

    handed = next(row for row in talking.rows(Consultation) if row.handed_over_at is not None)
    talking.carrier.close_leg(handed.channel_id)  # the officer hangs up: so does the line
    talking.work_until(lambda: talking.call().state == "ended", "the end of the line")
    talking.work_until(lambda: all(row.ended_at for row in talking.rows(Consultation)), "the talk closed")
    assert talking.agent().state == "wrap_up"  # what was said is still to be written down
    assert [row.ending for row in talking.rows(Consultation)] == ["taken_back", "handed_over"]


def test_an_officer_who_can_not_be_had_leaves_the_debtor_on_hold(talking: Talking) -> None:
    talking.consult("away")  # no such telephone in this house
    talking.until(lambda line: line.ending == "refused", "the refusal told")
    assert talking.line().held_at is not None
    talking.ask(Verb.RESUME)
    talking.until(lambda line: line.held_at is None, "the debtor back")
    talking.floor.operator.wait_hearing([DEBTOR])


def test_a_broken_leg_is_opened_again_and_the_debtor_waits(talking: Talking) -> None:
    before, call = talking.agent(), talking.call()
    talking.ask(Verb.MUTE)
    talking.until(lambda line: line.is_muted, "the mute")
    talking.carrier.close_leg(before.leg_channel)

    def is_back() -> bool:
        agent = talking.agent()
        return agent.is_leg_up and agent.leg_channel != before.leg_channel

    talking.work_until(is_back, "another leg in the same room")
    after = talking.agent()
    assert (after.state, after.leg_id, after.attempt_id) == ("talking", before.leg_id, before.attempt_id)
    assert talking.call().channel_id == call.channel_id
    talking.floor.operator.wait_hearing([DEBTOR])
    talking.floor.debtor.wait_silence([OPERATOR])  # still muted
    talking.ask(Verb.UNMUTE)
    talking.until(lambda line: not line.is_muted, "the end of the mute")
    talking.floor.debtor.wait_hearing([OPERATOR])


def test_a_desk_phone_has_the_same_controls(rig: Rig, clean_database: None) -> None:
    """Operator and debtor are SIPp's: the room is one, whatever telephone stands in it."""
    with transaction(None) as session:
        office = Office(code="desk", name="架空市", phone=CALLER_ID)
        session.add(office)
        session.flush()
        office_id = office.id
    open_always(office_id)
    town = Town(rig, office_id)
    town.dialer.start()
    assert town.carrier.wait_connected(60)
    try:
        town.load([Behaviour.ANSWERS], [])
        town.staff("op-1")

        def call() -> Call | None:
            with transaction(office_id) as session:
                return session.scalars(select(Call)).one_or_none()

        def wish(verb: Verb) -> None:
            found = call()
            assert found is not None
            with transaction(office_id) as session:
                controls.ask(session, town.user_ids[0], found.attempt_id, verb, utc_now())

        def view() -> LineView:
            found = call()
            assert found is not None
            with transaction(office_id) as session:
                return line_view(session, town.agent().id, found.id)

        town.work_until(lambda: (found := call()) is not None and found.state == "bridged", "a conversation")
        for verb, is_done in (
            (Verb.MUTE, lambda: view().is_muted),
            (Verb.HOLD, lambda: view().held_at is not None),
            (Verb.RESUME, lambda: view().held_at is None),
            (Verb.UNMUTE, lambda: not view().is_muted),
        ):
            wish(verb)
            town.work_until(is_done, verb.value)
            assert view().problem == ""
        with transaction(office_id) as session:
            assert request_hang_up(session, town.user_ids[0], utc_now())
        town.work_until(lambda: town.agent().state == "wrap_up", "the end of the call")
        assert town.agent().is_leg_up  # the desk phone stays in its room
        assert rig.wait_far_end(number_of(Behaviour.ANSWERS, town.serial), "bye", 60)[-1] == "bye"
    finally:
        town.carrier.close_leg(town.agent().leg_channel)
        town.dialer.stop()


def test_what_makes_no_sense_is_refused(talking: Talking) -> None:
    for verb in (Verb.JOIN, Verb.TAKE_BACK, Verb.HAND_OVER):
        with pytest.raises(Conflict):
            talking.ask(verb)
    with transaction(talking.office_id) as session, pytest.raises(InvalidInput):
        controls.send_keys(session, talking.user_ids[0], talking.call().attempt_id, "1a", utc_now())
    with transaction(talking.office_id) as session:
        agent = session.scalars(select(AgentSession)).one()
        officer_id = session.scalars(select(User.id).where(User.sign_in_name == "op-ear")).one()
        with pytest.raises(Conflict):
            controls.consult(session, agent.user_id, talking.call().attempt_id, officer_id, "instalment", utc_now())
