"""Second factors, first passwords, locked screens, one's own sessions, and reading in bulk."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
import time_machine
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select, text, update

from callcenter.auth import factors
from callcenter.auth.models import AuditEvent, Office, Role, SecondFactor, User, UserSession
from callcenter.auth.service import FIRST_PASSWORD, add_user, renew_password
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.web import signing
from dialer.agents.models import AgentSession
from tests.callcenter.conftest import CSRF, PASSWORD, Person, add_case, put_on_the_line, sign_in
from tests.callcenter.conftest import add_user as add_person

PersonMaker = Callable[..., Person]
STEP = re.compile(r'name="step" value="([^"]+)"')
SEED = re.compile(r'class="seed">([A-Z2-7 ]+)<')
CODES = re.compile(r"<code>([a-z0-9-]{27})</code>")
NOON = datetime(2026, 11, 25, 3, 0, 5, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def actions(office_id: int) -> list[str]:
    with transaction(office_id) as session:
        return list(session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)))


def need_factor(office_id: int, *roles: Role) -> None:
    with transaction(office_id) as session:
        session.get_one(Office, office_id).options = {"access": {"second_factor_roles": list(roles)}}


def give_factor(office_id: int, user_id: int) -> tuple[pyotp.TOTP, list[str]]:
    """A user with a second factor: its generator and recovery codes. The code of the moment is used up."""
    with transaction(office_id) as session:
        seed = factors.begin(session, user_id, signing.seal_key(), utc_now())
        generator = pyotp.TOTP(seed)
        return generator, factors.confirm(session, user_id, generator.now(), signing.seal_key(), utc_now())


def second(client: TestClient, page: str, code: str, path: str = "/login/code") -> tuple[int, str]:
    step = STEP.search(page)
    assert step is not None
    answer = client.post(path, data={"step": step[1], "code": code, "next": "/account"})
    return answer.status_code, answer.text


def test_no_session_before_the_code_and_each_code_once(
    web: TestClient, app: FastAPI, office_id: int, clock: time_machine.Traveller
) -> None:
    generator, _ = give_factor(office_id, add_person(office_id, "saeki", Role.OPERATOR))
    page = sign_in(web, "saeki")
    assert page.status_code == 200
    assert "session" not in web.cookies
    assert web.get("/account").status_code == 303
    assert second(web, page.text, generator.now())[0] == 401  # used when it was set up
    clock.shift(90)
    assert second(web, page.text, generator.at(utc_now() - timedelta(seconds=60)))[0] == 401
    assert second(web, page.text, generator.at(utc_now() - timedelta(seconds=30)))[0] == 303
    assert web.get("/account").status_code == 200
    other = TestClient(app, follow_redirects=False)
    page = sign_in(other, "saeki")
    assert second(other, page.text, generator.at(utc_now() - timedelta(seconds=30)))[0] == 401
    assert second(other, page.text, generator.now())[0] == 303
    stolen = TestClient(app, follow_redirects=False)  # the step of another browser is worth nothing
    clock.shift(30)
    assert second(stolen, page.text, generator.now())[0] == 303
    assert "session" not in stolen.cookies
    assert actions(office_id).count("session.refused") == 3


def test_guessing_codes_is_braked(web: TestClient, office_id: int, clock: time_machine.Traveller) -> None:
    generator, _ = give_factor(office_id, add_person(office_id, "saeki", Role.OPERATOR))
    page = sign_in(web, "saeki").text
    assert [second(web, page, "000000")[0] for _ in range(9)][-1] == 429
    clock.shift(30)
    assert second(web, page, generator.now())[0] == 429


def test_a_recovery_code_counts_once_and_nothing_readable_is_stored(web: TestClient, app: FastAPI, office_id: int) -> None:
    generator, codes = give_factor(office_id, add_person(office_id, "saeki", Role.OPERATOR))
    page = sign_in(web, "saeki").text
    assert second(web, page, codes[0].upper())[0] == 303
    assert "factor.recovery_used" in actions(office_id)
    other = TestClient(app, follow_redirects=False)
    page = sign_in(other, "saeki").text
    assert second(other, page, codes[0])[0] == 401
    with transaction(office_id) as session:
        stored = str(
            session.execute(text("SELECT * FROM second_factor")).all() + session.execute(text("SELECT * FROM recovery_code")).all()
        )
    assert generator.secret not in stored
    assert not [code for code in codes if code in stored or code.replace("-", "") in stored]


def test_a_role_that_needs_one_sets_it_up_before_the_session(web: TestClient, office_id: int) -> None:
    add_person(office_id, "kanri", Role.ADMINISTRATOR)
    need_factor(office_id, Role.ADMINISTRATOR)
    page = sign_in(web, "kanri")
    assert '<svg class="qr"' in page.text
    assert web.get("/users").status_code == 303
    assert second(web, page.text, "000000", "/login/enrol")[0] == 422
    assert second(web, page.text, "123456")[0] == 303  # no side path: the other form leads back to the sign-in
    assert "session" not in web.cookies
    found = SEED.search(page.text)
    assert found is not None
    status, shown = second(web, page.text, pyotp.TOTP(found[1].replace(" ", "")).now(), "/login/enrol")
    assert status == 200
    assert len(CODES.findall(shown)) == factors.RECOVERY_CODES
    assert web.get("/users").status_code == 200


def test_one_s_own_factor_needs_the_password_and_a_needed_one_stays(person: PersonMaker, office_id: int) -> None:
    who = person(Role.AUDITOR)
    assert who.post("/account/factor", {"password": "wrong wrong wrong"}).status_code == 422
    shown = who.post("/account/factor", {"password": PASSWORD}).text
    found = SEED.search(shown)
    assert found is not None
    assert who.post("/account/factor/confirm", {"code": "000000"}).status_code == 422
    assert who.post("/account/factor/confirm", {"code": pyotp.TOTP(found[1].replace(" ", "")).now()}).status_code == 200
    assert who.post("/account/factor", {"password": PASSWORD}).status_code == 409
    assert len(CODES.findall(who.post("/account/factor/codes", {"password": PASSWORD}).text)) == factors.RECOVERY_CODES
    need_factor(office_id, Role.AUDITOR)
    assert who.post("/account/factor/drop", {"password": PASSWORD}).status_code == 403
    need_factor(office_id)
    assert who.post("/account/factor/drop", {"password": PASSWORD}).status_code == 303
    with transaction(office_id) as session:
        assert session.scalars(select(SecondFactor)).all() == []


def test_a_lost_factor_is_taken_away_by_the_administrator_and_a_new_password_does_not_pass_by(
    person: PersonMaker, web: TestClient, office_id: int
) -> None:
    administrator, user_id = person(Role.ADMINISTRATOR), add_person(office_id, "saeki", Role.OPERATOR)
    give_factor(office_id, user_id)
    with transaction(office_id) as session:
        fresh = renew_password(session, session.get_one(User, (office_id, user_id)), utc_now())
    assert sign_in(web, "saeki", password=fresh).status_code == 200  # still asks for the code
    assert administrator.post(f"/users/{user_id}/factor").status_code == 303
    assert sign_in(web, "saeki", password=fresh).status_code == 303
    assert "factor.dropped" in actions(office_id)


def test_a_first_password_expires_and_one_s_own_does_not(web: TestClient, office_id: int) -> None:
    with transaction(office_id) as session:
        user, first = add_user(session, sign_in_name="mizuno", display_name="水野", role=Role.OPERATOR)
        assert user.password_until is not None
        user_id = user.id
    assert sign_in(web, "mizuno", password=first).status_code == 303
    assert "最初のパスワードのままです" in web.get("/account").text
    with transaction(office_id) as session:
        session.execute(update(User).where(User.id == user_id).values(password_until=utc_now() - timedelta(seconds=1)))
    late = sign_in(TestClient(web.app, follow_redirects=False), "mizuno", password=first)
    assert late.status_code == 401
    assert "期限が過ぎました" in late.text
    found = CSRF.search(web.get("/account").text)
    assert found is not None
    assert web.post("/account/password", data={"old": first, "new": "my own long phrase", "csrf_token": found[1]}).status_code == 303
    assert sign_in(web, "mizuno", password="my own long phrase").status_code == 303
    assert timedelta(days=30) > FIRST_PASSWORD


def test_a_locked_screen_shows_nothing_until_its_user_is_back(person: PersonMaker, office_id: int) -> None:
    who, case = person(Role.OPERATOR), add_case(office_id)
    put_on_the_line(office_id, who.user_id, case)
    headers = {"X-CSRF-Token": who.csrf, "HX-Request": "true", "Idempotency-Key": "k" * 12}
    assert case.name in who.get("/operator").text
    assert who.client.post("/lock", headers=headers).status_code == 204
    assert who.get("/operator").headers["location"] == "/unlock?next=/operator"
    assert who.fragment("/operator/panel").status_code == 423
    assert who.client.post("/console/state", data={"state": "ready"}, headers=headers).status_code == 423
    assert case.name not in who.get("/unlock").text
    with transaction(office_id) as session:
        agent = session.scalars(select(AgentSession)).one()
        assert (agent.state, agent.next_state) == ("talking", "paused")  # the call goes on, the next one does not come
    assert who.client.post("/unlock", data={"secret": "wrong wrong"}, headers=headers).status_code == 422
    assert who.client.post("/unlock", data={"secret": PASSWORD}, headers=headers).status_code == 204
    assert case.name in who.get("/operator").text
    told = actions(office_id)
    assert [name for name in told if "lock" in name] == ["session.locked", "session.unlock_refused", "session.unlocked"]


def test_a_locked_screen_opens_by_a_code_once_and_not_by_guessing(
    person: PersonMaker, office_id: int, clock: time_machine.Traveller
) -> None:
    who = person(Role.SUPERVISOR)
    generator, _ = give_factor(office_id, who.user_id)
    headers = {"X-CSRF-Token": who.csrf, "HX-Request": "true"}
    who.client.post("/lock", headers=headers)
    assert who.client.post("/unlock", data={"secret": generator.now()}, headers=headers).status_code == 422
    clock.shift(30)
    assert who.client.post("/unlock", data={"secret": generator.now()}, headers=headers).status_code == 204
    who.client.post("/lock", headers=headers)
    statuses = [who.client.post("/unlock", data={"secret": "000000"}, headers=headers).status_code for _ in range(9)]
    assert statuses == [422] * 8 + [429]


def test_one_s_own_sessions_are_seen_and_ended(person: PersonMaker, app: FastAPI, office_id: int) -> None:
    who = person(Role.AUDITOR, "kanno")
    other = TestClient(app, follow_redirects=False)
    sign_in(other, "kanno")
    with transaction(office_id) as session:
        newest = session.scalars(select(UserSession.id).order_by(UserSession.id.desc()).limit(1)).one()
    assert f"/account/sessions/{newest}/end" in who.get("/account").text
    assert who.post(f"/account/sessions/{newest}/end").status_code == 303
    assert other.get("/account").status_code == 303
    assert who.post(f"/account/sessions/{newest}/end").status_code == 404
    stranger = person(Role.AUDITOR)
    with transaction(office_id) as session:
        first = session.scalars(select(UserSession.id).order_by(UserSession.id).limit(1)).one()
    assert stranger.post(f"/account/sessions/{first}/end").status_code == 404


def test_reading_in_bulk_is_stopped_and_told_once(person: PersonMaker, office_id: int) -> None:
    who, case = person(Role.SUPERVISOR), add_case(office_id)
    with transaction(office_id) as session:
        session.get_one(Office, office_id).options = {"access": {"reads_per_minute": 3, "reads_per_hour": 5}}
    statuses = [who.get(f"/debtors/{case.debtor_id}").status_code for _ in range(8)]
    assert statuses[:3] == [200] * 3
    assert statuses[-1] == 429
    assert actions(office_id).count("alert.bulk_reading") == 1
