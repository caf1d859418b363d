"""The operator's telephone by way of the web: who gets a password, what a page may open, what is refused and how it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select

from callcenter.auth.models import AuditEvent, Role, User
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings
from dialer.agents.models import AgentSession
from dialer.controls.models import LineOrder
from tests.callcenter.conftest import Case, Person, add_case, add_user, put_on_the_line

SOCKET = "wss://calls.example.jp:8089/ws"


@pytest.fixture
def softphone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CALLCENTER_SOFTPHONE_URL", SOCKET)
    get_settings.cache_clear()
    yield
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.fixture
def case(office_id: int) -> Case:
    return add_case(office_id)


@pytest.fixture
def operator(person: Callable[..., Person]) -> Person:
    return person(Role.OPERATOR)


def without_desk_phone(office_id: int, user_id: int) -> None:
    with transaction(office_id) as session:
        session.scalars(select(User).where(User.id == user_id)).one().phone_address = ""


def test_the_page_gets_a_password_of_this_sign_in_and_may_open_one_socket(softphone: None, operator: Person, office_id: int) -> None:
    without_desk_phone(office_id, operator.user_id)
    first = operator.post("/console/softphone").json()
    assert first["is_on"]
    assert first["socket_url"] == SOCKET
    assert operator.post("/console/softphone").json() == first  # a reload registers as before
    with transaction(office_id) as session:
        agent = session.scalars(select(AgentSession)).one()
        assert first["password"] not in (agent.phone_digest, "")
        assert len(agent.phone_digest) == 32
    assert operator.post("/console/softphone/connect").status_code == 204
    operator.post("/console/end")
    assert operator.post("/console/softphone").json()["password"] != first["password"]
    policy = operator.get("/operator").headers["Content-Security-Policy"]
    assert f"connect-src 'self' {SOCKET};" in policy
    assert SOCKET not in operator.get("/account").headers["Content-Security-Policy"]


def test_another_page_of_the_operator_gets_no_password(softphone: None, operator: Person, office_id: int) -> None:
    without_desk_phone(office_id, operator.user_id)
    assert operator.post("/console/softphone").status_code == 200
    refused = operator.post("/console/softphone", console="elsewhere")
    assert refused.status_code == 409
    assert "password" not in refused.text


def test_with_a_desk_phone_there_is_a_choice(softphone: None, operator: Person, office_id: int) -> None:
    assert operator.post("/console/softphone").json() == {"is_on": False}
    assert 'name="kind"' in operator.get("/operator").text
    assert operator.post("/console/phone", {"kind": "browser"}).status_code == 303
    assert operator.post("/console/softphone").json()["is_on"]
    assert operator.post("/console/phone", {"kind": "pigeon"}).status_code == 422
    assert operator.post("/console/phone", {"kind": "desk"}).status_code == 303
    assert operator.post("/console/softphone/connect").status_code == 409


def test_where_no_softphone_is_set_up_none_is_offered(operator: Person) -> None:
    page = operator.get("/operator")
    assert "jssip" not in page.text
    assert 'name="kind"' not in page.text
    assert operator.post("/console/phone", {"kind": "browser"}).status_code == 422


def test_wishes_are_put_on_record_once(operator: Person, case: Case, office_id: int) -> None:
    attempt = put_on_the_line(office_id, operator.user_id, case)
    for _ in range(2):
        assert operator.post(f"/console/calls/{attempt}/hold", {"is_held": "true"}, key="hold-twice").status_code == 200
    assert operator.post(f"/console/calls/{attempt}/mute", {"is_muted": "true"}).status_code == 200
    assert operator.post(f"/console/calls/{attempt}/keys", {"keys": "12#"}).status_code == 200
    with transaction(office_id) as session:
        assert session.scalars(select(LineOrder.verb).order_by(LineOrder.id)).all() == ["hold", "mute", "keys"]


@pytest.mark.parametrize("keys", ["", "abc", "1" * 13, "١"])
def test_keys_that_can_not_be_pressed_are_refused(operator: Person, case: Case, office_id: int, keys: str) -> None:
    attempt = put_on_the_line(office_id, operator.user_id, case)
    assert operator.post(f"/console/calls/{attempt}/keys", {"keys": keys}).status_code == 422


@pytest.mark.parametrize("wish", ["mute", "hold", "keys", "transfer", "transfer/join", "transfer/back", "transfer/hand-over"])
def test_nothing_is_asked_of_a_call_that_is_over_or_another_persons(operator: Person, case: Case, office_id: int, wish: str) -> None:
    attempt = put_on_the_line(office_id, operator.user_id, case, state="wrap_up")
    form = {"is_muted": "true", "is_held": "true", "keys": "1", "staff_id": "1", "reason": "complaint"}
    for number in (attempt, 999_999):
        assert operator.post(f"/console/calls/{number}/{wish}", form).status_code == 409


def test_before_verification_only_neutral_reasons_lead_to_the_staff(operator: Person, case: Case, office_id: int) -> None:
    officer_id = add_user(office_id, "toda", Role.TAX_OFFICER)
    attempt = put_on_the_line(office_id, operator.user_id, case)
    form = {"staff_id": officer_id, "reason": "instalment"}
    assert operator.post(f"/console/calls/{attempt}/transfer", form).status_code == 422
    assert operator.post(f"/console/calls/{attempt}/transfer", form | {"reason": "complaint"}).status_code == 200
    assert operator.post(f"/console/calls/{attempt}/transfer", form | {"reason": "complaint"}).status_code == 409
    assert operator.post(f"/console/calls/{attempt}/transfer/hand-over").status_code == 409  # nobody has answered yet
    with transaction(office_id) as session:
        assert "call.officer_asked" in session.scalars(select(AuditEvent.action)).all()


def test_somebody_without_a_phone_can_not_be_asked(operator: Person, case: Case, office_id: int) -> None:
    attempt = put_on_the_line(office_id, operator.user_id, case)
    form = {"staff_id": operator.user_id, "reason": "complaint"}
    assert operator.post(f"/console/calls/{attempt}/transfer", form).status_code == 409
