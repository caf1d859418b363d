"""A supervisor at an operator's conversation: asked for in the database, carried out by the dialer, on record."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from callcenter.auth.models import AuditEvent, Role, User
from callcenter.core.db import transaction
from callcenter.core.errors import Conflict, InvalidInput, NotFound
from dialer.agents import service as agents
from dialer.calls.models import Call
from dialer.supervising import service
from dialer.supervising.models import Supervision
from dialer.telephony.conversation import SupervisionMode
from tests.dialer.world import Hall

LISTEN, WHISPER, BARGE, TAKE_OVER = SupervisionMode
ANSWERS = "1111"


class Floor(Hall):
    """A call centre with a supervisor."""

    def begin(self) -> None:
        with transaction(self.office_id) as session:
            leader = User(sign_in_name="lead", display_name="堀", role=Role.SUPERVISOR, phone_address="desk-9")
            session.add(leader)
            session.flush()
            self.leader = leader.id
        self.dialer.start()
        self.staff()
        self.pass_time(1)

    def ask(self, mode: str, operator: int = 0) -> None:
        with transaction(self.office_id) as session:
            service.ask(session, self.leader, self.user_ids[operator], mode, self.clock.now())
        self.look()

    def look(self, seconds: float = 1.5) -> None:
        self.dialer.notice(self.office_id, wishes=True)
        self.pass_time(seconds)
        self.dialer.notice(self.office_id, wishes=True)
        self.pass_time(0.1)

    def until_talking(self) -> None:
        for _ in range(600):
            with transaction(self.office_id) as session:
                agent = agents.find_live(session, self.user_ids[0])
                if agent is not None and agent.state == "talking":
                    return
            self.pass_time(0.5)
        raise AssertionError("nobody talks")

    def row(self) -> Supervision:
        with transaction(self.office_id) as session:
            return session.scalars(select(Supervision).order_by(Supervision.id.desc())).first()  # type: ignore[return-value]

    def heard(self) -> list[dict[str, object]]:
        with transaction(self.office_id) as session:
            found = session.scalars(select(AuditEvent).where(AuditEvent.action == "conversation.supervised").order_by(AuditEvent.id))
            return [event.detail | {"by": event.user_id} for event in found]


@pytest.fixture
def floor(office_id: int) -> Floor:
    made = Floor(office_id, suffixes=[ANSWERS], operators=2)
    made.begin()
    return made


def test_listening_is_on_record_and_ends_when_asked(floor: Floor) -> None:
    floor.until_talking()
    floor.ask(LISTEN)
    assert (floor.row().state, floor.row().mode_in_force) == ("on", "listen")
    assert floor.heard() == [{"mode": "listen", "operator": floor.user_ids[0], "by": floor.leader}]
    assert [request.address for request in floor.carrier.supervisors.values()] == ["desk-9"]
    with transaction(floor.office_id) as session:
        assert service.stop(session, floor.leader, floor.clock.now())
        assert not service.stop(session, floor.leader, floor.clock.now())
    floor.look()
    assert (floor.row().state, floor.row().is_leg_open, floor.carrier.supervisors) == ("ended", False, {})


def test_a_conversation_that_begins_while_somebody_listens_is_on_record_too(floor: Floor) -> None:
    floor.ask(LISTEN)
    assert floor.heard() == []
    floor.until_talking()
    floor.pass_time(1)
    assert len(floor.heard()) == 1


def test_every_mode_by_one_leg_and_after_the_call_only_listening(floor: Floor) -> None:
    floor.until_talking()
    for mode in (TAKE_OVER, WHISPER, BARGE, TAKE_OVER):
        floor.ask(mode)
        assert (floor.row().mode_in_force, floor.row().problem) == (mode.value, "")
    leg, request = floor.carrier.supervisors.popitem()
    floor.carrier.supervisors[leg] = request
    with transaction(floor.office_id) as session:
        call = session.scalars(select(Call)).one()
        count = len(session.scalars(select(Supervision)).all())
    assert (count, request.mode, request.channel_id) == (1, TAKE_OVER, call.channel_id)
    floor.pass_time(400)
    floor.look()
    assert (floor.row().state, floor.row().mode_in_force) == ("on", "listen")


def test_hanging_up_after_taking_over_ends_the_call_and_the_operator_owes_the_result(floor: Floor) -> None:
    floor.until_talking()
    floor.ask(TAKE_OVER)
    floor.carrier.close_leg(floor.row().leg_id)
    floor.pass_time(2)
    with transaction(floor.office_id) as session:
        assert session.scalars(select(Call)).one().state == "ended"
        agent = agents.find_live(session, floor.user_ids[0])
        assert agent is not None
        assert agent.state == "wrap_up"
    assert floor.row().state == "ended"


def test_leaving_after_taking_over_gives_the_conversation_back(floor: Floor) -> None:
    floor.until_talking()
    floor.ask(TAKE_OVER)
    told: list[tuple[SupervisionMode, SupervisionMode | None]] = []
    carry_out = floor.carrier.supervise

    def noted(request):  # type: ignore[no-untyped-def]
        told.append((request.mode, request.was))
        carry_out(request)

    floor.carrier.supervise = noted  # type: ignore[method-assign]
    with transaction(floor.office_id) as session:
        service.stop(session, floor.leader, floor.clock.now())
    floor.look()
    assert told == [(LISTEN, TAKE_OVER)]
    with transaction(floor.office_id) as session:
        assert session.scalars(select(Call)).one().state != "ended"


def test_another_operator_ends_the_first(floor: Floor) -> None:
    floor.ask(LISTEN)
    floor.ask(LISTEN, operator=1)
    with transaction(floor.office_id) as session:
        rows = session.scalars(select(Supervision).order_by(Supervision.id)).all()
    assert [(row.state, row.user_id) for row in rows] == [("ended", floor.user_ids[0]), ("on", floor.user_ids[1])]
    assert len(floor.carrier.supervisors) == 1


def test_what_can_t_be_done_is_refused_with_the_reason(floor: Floor) -> None:
    now = floor.clock.now()
    with transaction(floor.office_id) as session, pytest.raises(InvalidInput):
        service.ask(session, floor.leader, floor.user_ids[0], "shout", now)
    with transaction(floor.office_id) as session, pytest.raises(NotFound):
        service.ask(session, floor.leader, floor.leader, LISTEN, now)
    for mode in (BARGE, TAKE_OVER):
        with transaction(floor.office_id) as session, pytest.raises(Conflict):
            service.ask(session, floor.leader, floor.user_ids[1], mode, now)


def test_it_ends_with_the_operator_s_day_and_with_a_lost_carrier(floor: Floor) -> None:
    floor.ask(LISTEN, operator=1)
    floor.carrier.drop(calls_survive=False)
    floor.carrier.connect()
    floor.pass_time(1)
    assert (floor.row().state, floor.row().problem, floor.row().is_leg_open) == ("ended", "connection_lost", False)
    floor.look(10)
    floor.ask(LISTEN, operator=1)
    assert floor.row().state == "on"
    with transaction(floor.office_id) as session:
        agents.sign_out(session, floor.user_ids[1], floor.clock.now())
    floor.look()
    assert (floor.row().state, floor.row().problem) == ("ended", "operator_gone")
