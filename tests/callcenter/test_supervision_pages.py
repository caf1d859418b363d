"""The board's controls: what may be asked for and why not, who is told, what is on record; the figures are shared by all who look."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import event, select

from callcenter.auth.models import AuditEvent, Role
from callcenter.core.clock import OFFICE_ZONE, utc_now
from callcenter.core.db import get_engine, transaction
from callcenter.web.board_feed import BoardFeed
from dialer.agents.models import AgentSession
from dialer.inbound.models import InboundCall
from dialer.recordings.terms import OfficeTerms, set_office_terms
from dialer.supervising.models import Supervision
from tests.callcenter.conftest import Person, add_case, put_on_the_line


@pytest.fixture
def floor(office_id: int, person: Callable[..., Person]) -> tuple[Person, Person]:
    """An operator in a conversation, and a supervisor."""
    operator, leader = person(Role.OPERATOR, name="saeki"), person(Role.SUPERVISOR, name="hori")
    put_on_the_line(office_id, operator.user_id, add_case(office_id))
    return operator, leader


def test_a_supervisor_listens_and_the_operator_is_told(office_id: int, floor: tuple[Person, Person]) -> None:
    operator, leader = floor
    assert 'value="take_over"' not in leader.get("/supervisor").text
    assert leader.post("/supervisor/supervise", {"user_id": operator.user_id, "mode": "listen"}).status_code == 204
    assert 'value="take_over"' in leader.get("/supervisor").text
    assert "watched" not in operator.fragment("/operator/watched").text  # the phone rings still
    with transaction(office_id) as session:
        row = session.scalars(select(Supervision)).one()
        assert (row.supervisor_id, row.user_id, row.mode, row.state) == (leader.user_id, operator.user_id, "listen", "asked")
        row.state, row.mode_in_force = "on", "listen"
    assert "リーダーが聴いています" in operator.fragment("/operator/watched").text
    assert "hori 聴いています" in leader.get("/supervisor").text
    with transaction(office_id) as session:
        set_office_terms(session, OfficeTerms(shows_supervision=False))
    assert "リーダー" not in operator.fragment("/operator/watched").text
    assert leader.post("/supervisor/supervise", {"user_id": operator.user_id, "mode": "barge"}).status_code == 204
    assert leader.post("/supervisor/supervise/end").status_code == 204
    with transaction(office_id) as session:
        events = select(AuditEvent.action, AuditEvent.detail).where(AuditEvent.action.startswith("operator."))
        told = session.execute(events.order_by(AuditEvent.id)).all()
        assert session.scalars(select(Supervision.state)).all() == ["ended"]
    assert [(action, detail.get("mode")) for action, detail in told] == [
        ("operator.supervised", "listen"),
        ("operator.supervised", "barge"),
        ("operator.supervision_ended", None),
    ]


def test_whom_a_supervisor_pauses_is_seen_by_both(floor: tuple[Person, Person], office_id: int) -> None:
    operator, leader = floor
    assert leader.post("/supervisor/pause", {"user_id": operator.user_id}).status_code == 204
    with transaction(office_id) as session:
        agent = session.scalars(select(AgentSession)).one()
        assert (agent.state, agent.next_state) == ("talking", "paused")  # after this call
        agent.state, agent.attempt_id, agent.next_state = "ready", None, ""
    assert leader.post("/supervisor/pause", {"user_id": operator.user_id}).status_code == 204
    assert "リーダーによる離席" in leader.get("/supervisor").text
    assert "リーダーによる離席" in operator.get("/operator").text


def test_what_can_t_be_done_is_said(office_id: int, floor: tuple[Person, Person]) -> None:
    operator, leader = floor
    assert leader.post("/supervisor/supervise", {"user_id": operator.user_id, "mode": "shout"}).status_code == 422
    assert leader.post("/supervisor/supervise", {"user_id": leader.user_id, "mode": "listen"}).status_code == 404
    assert leader.post("/supervisor/supervise", {"user_id": "x", "mode": "listen"}).status_code == 422
    with transaction(office_id) as session:
        agent = session.scalars(select(AgentSession)).one()
        agent.state, agent.attempt_id = "ready", None
    refused = leader.post("/supervisor/supervise", {"user_id": operator.user_id, "mode": "take_over"})
    assert (refused.status_code, "いまは会話していません" in refused.text) == (409, True)


def test_a_failed_wish_says_why_for_a_minute(office_id: int, floor: tuple[Person, Person]) -> None:
    operator, leader = floor
    leader.post("/supervisor/supervise", {"user_id": operator.user_id, "mode": "listen"})
    with transaction(office_id) as session:
        row = session.scalars(select(Supervision)).one()
        row.state, row.problem, row.ended_at = "ended", "no_answer", utc_now()
    assert "応答がありませんでした" in leader.get("/supervisor").text
    with transaction(office_id) as session:
        session.scalars(select(Supervision)).one().ended_at = utc_now() - timedelta(minutes=2)
    assert "応答がありませんでした" not in leader.get("/supervisor").text


def test_the_board_tells_who_called_in_and_waits(office_id: int, floor: tuple[Person, Person]) -> None:
    leader, now = floor[1], utc_now()
    assert "着信の待ち" not in leader.get("/supervisor").text
    with transaction(office_id) as session:
        for minutes, state in enumerate(("talking", "waiting", "ringing", "closing", "ended"), 1):
            came = now - timedelta(minutes=9 - minutes)
            session.add(InboundCall(carrier="simulator", channel_id=f"in-{state}", node="n", state=state, came_at=came))
        first = (now - timedelta(minutes=7)).astimezone(OFFICE_ZONE)
    page = re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", leader.get("/supervisor").text))
    assert f"着信の待ち 2 件 {first:%H:%M:%S}から待っている" in page


def test_ten_boards_ask_the_database_no_more_than_one(office_id: int, floor: tuple[Person, Person]) -> None:
    feed, now = BoardFeed(), utc_now()
    asked: list[str] = []

    def note(*args: object) -> None:
        asked.append(str(args[2]))

    def look(moment: object, *, is_fresh: bool = False) -> int:
        asked.clear()
        with transaction(office_id) as session:
            feed.board(session, moment, is_fresh=is_fresh)  # type: ignore[arg-type]
        return len(asked) - 1  # but for naming the office

    event.listen(get_engine(), "before_cursor_execute", note)
    try:
        first = look(now, is_fresh=True)
        assert look(now + timedelta(seconds=9)) == 0
        feed.note(office_id + 1)
        assert look(now + timedelta(seconds=9)) == 0
        feed.note(office_id)
        moment = look(now + timedelta(seconds=9))
        assert 0 < moment < first / 2
        assert look(now + timedelta(seconds=9)) == 0
        assert look(now + timedelta(seconds=10)) == first - moment
    finally:
        event.remove(get_engine(), "before_cursor_execute", note)
