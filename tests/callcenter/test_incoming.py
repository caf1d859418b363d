"""Callers whom nobody knows on the operator's screen, and the supervisor's list of calls that came in."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from callcenter.auth.models import AuditEvent, Role
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from campaigns.attempts.models import Attempt
from dialer.agents.models import AgentSession
from dialer.inbound.models import InboundCall
from tests.callcenter.conftest import Case, Person, add_case
from tests.callcenter.test_console import FORBIDDEN, FORBIDDEN_EN

CALLER = "+81300000142"


@pytest.fixture
def case(office_id: int) -> Case:
    return add_case(office_id)


def come_in(office_id: int, user_id: int, caller: str | None = CALLER, persons: int = 2) -> int:
    """An operator who talks with somebody unknown, as the dialer would leave it."""
    now = utc_now()
    with transaction(office_id) as session:
        agent = AgentSession(
            user_id=user_id, state="talking", state_since=now, leg_id=f"leg-{uuid4().hex}", signed_in_at=now, last_seen_at=now
        )
        session.add(agent)
        session.flush()
        call = InboundCall(
            carrier="simulator", channel_id=f"in-{uuid4().hex}", node="n", caller=caller, persons=persons, state="talking",
            came_at=now, answered_at=now, agent_session_id=agent.id,
        )  # fmt: skip
        session.add(call)
        session.flush()
        return call.id


@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize(("caller", "persons"), [(CALLER, 2), (CALLER, 0), (None, 0)])
def test_the_screen_tells_nothing_of_anybody(
    person: Callable[..., Person], office_id: int, case: Case, lang: str, caller: str | None, persons: int
) -> None:
    operator = person(Role.OPERATOR)
    come_in(office_id, operator.user_id, caller, persons)
    operator.client.post("/language", data={"lang": lang, "csrf_token": operator.csrf})
    for page in (operator.get("/operator").text, operator.fragment("/console/stage?key=x").text):
        assert case.name not in page
        assert "/console/incoming/person" in page
        assert [word for word in FORBIDDEN if word in page] == []
        assert [word for word in FORBIDDEN_EN if re.search(word, page, re.IGNORECASE)] == []


def test_what_the_caller_says_opens_the_case_and_a_wrong_word_does_not(person: Callable[..., Person], office_id: int, case: Case) -> None:
    operator = person(Role.OPERATOR)
    call_id = come_in(office_id, operator.user_id)
    for name, birth in (
        ("ミホン カヨ", "1980-04-04"),
        ("ダレカ", "1980-04-03"),
        ("", "1980-04-03"),
        ("ミホン カヨ", ""),
        ("ミホン カヨ", "x"),
    ):
        assert operator.post("/console/incoming/person", {"name": name, "birth": birth}).status_code == 422
    page = operator.post("/console/incoming/person", {"name": "みほん　かよ", "birth": "S55.4.3"})
    assert page.status_code == 200
    assert case.name in page.text
    assert "お電話ありがとうございます" in page.text
    with transaction(office_id) as session:
        attempt = session.scalars(select(Attempt)).one()
        assert (attempt.debtor_id, attempt.is_inbound, attempt.verified_with, attempt.verified_at) == (
            case.debtor_id,
            True,
            "name,birth_date",
            None,
        )
        assert session.scalars(select(InboundCall.debtor_id).where(InboundCall.id == call_id)).one() == case.debtor_id
        tried = session.scalars(select(AuditEvent).where(AuditEvent.action == "debtor.verification_tried").order_by(AuditEvent.id)).all()
        assert [event.detail["is_match"] for event in tried] == [False, False, True]
    opened = operator.post(f"/console/attempts/{attempt.id}/open").text
    assert case.debtor_no in opened
    assert operator.post("/console/incoming/person", {"name": "ミホン カヨ", "birth": "1980-04-03"}).status_code == 409


def test_a_known_number_does_not_stand_for_the_name(person: Callable[..., Person], office_id: int, case: Case) -> None:
    """Whoever else has that telephone in hand was not called by the name either: it is matched like the birth date."""
    operator = person(Role.OPERATOR)
    come_in(office_id, operator.user_id)
    operator.post("/console/incoming/person", {"name": "みほん　かよ", "birth": "S55.4.3"})
    with transaction(office_id) as session:
        attempt = session.scalars(select(Attempt)).one()
        attempt.verified_with = ""
    page = operator.get("/operator").text
    assert "・着信" in page
    assert "0 / 2" in re.sub("<[^>]*>", "", page)

    def say(item: str, said: str) -> int:
        return operator.post(f"/console/attempts/{attempt.id}/verify", {"item": item, "said": said}).status_code

    def opens() -> int:
        return operator.post(f"/console/attempts/{attempt.id}/open").status_code

    assert (say("birth_date", "S55.4.3"), opens()) == (200, 409)
    assert (say("address", "本町2-3-4"), opens()) == (200, 409)
    assert (say("name", "ダレカ"), opens()) == (200, 409)
    assert (say("name", "みほん かよ"), opens()) == (200, 200)
    with transaction(office_id) as session:
        assert session.scalars(select(Attempt.verified_with)).one() == "name,birth_date,address"


def test_the_operator_ends_the_call_of_somebody_unknown(person: Callable[..., Person], office_id: int) -> None:
    operator = person(Role.OPERATOR)
    call_id = come_in(office_id, operator.user_id, None, 0)
    assert operator.post("/console/incoming/hangup").status_code == 200
    with transaction(office_id) as session:
        call = session.scalars(select(InboundCall).where(InboundCall.id == call_id)).one()
        assert (call.state, call.result) == ("closing", "talked")
        assert session.scalars(select(AgentSession.state)).one() == "ready"
    assert operator.post("/console/incoming/hangup").status_code == 409


def test_the_list_shows_what_is_owed_until_somebody_has_called_back(person: Callable[..., Person], office_id: int) -> None:
    supervisor, now = person(Role.SUPERVISOR), utc_now()
    with transaction(office_id) as session:
        for n, (result, callback) in enumerate((("gave_up", "wanted"), ("after_hours", "made"), ("talked", "none"))):
            session.add(
                InboundCall(
                    carrier="simulator",
                    channel_id=f"in-{n}",
                    node="n",
                    caller=f"+8130000010{n}",
                    state="ended",
                    result=result,
                    callback=callback,
                    came_at=now - timedelta(minutes=n),
                    ended_at=now,
                )
            )
        session.flush()
        owed = session.scalars(select(InboundCall.id).where(InboundCall.callback == "wanted")).one()
    page = supervisor.get("/incoming").text
    assert page.count(f'action="/incoming/{owed}/done"') == 1
    assert "03-0000-0100" in page
    assert supervisor.post(f"/incoming/{owed}/done").status_code == 303
    assert supervisor.post(f"/incoming/{owed}/done").status_code == 409
    assert supervisor.post("/incoming/99999/done").status_code == 404
    assert "/done" not in supervisor.get("/incoming").text
    with transaction(office_id) as session:
        actions = session.scalars(select(AuditEvent.action).where(AuditEvent.action.startswith("incoming."))).all()
        assert sorted(actions) == ["incoming.handled", "incoming.listed", "incoming.listed"]
