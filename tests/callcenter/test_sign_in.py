"""Signing in and staying signed in: forged forms, guessing, fixation, time-outs, and ends that hold at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from callcenter.auth import passwords, service
from callcenter.auth.models import AuditEvent, Office, Role, User, UserSession
from callcenter.auth.sessions import ABSOLUTE, IDLE, find_session, token_hash
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import Conflict, InvalidInput
from callcenter.web.dependencies import local_path
from tests.callcenter.conftest import PASSWORD, Person, add_user, sign_in

PersonMaker = Callable[..., Person]


def test_the_right_password_leads_to_the_role_s_page(web: TestClient, office_id: int) -> None:
    add_user(office_id, "saeki", Role.SUPERVISOR)
    answer = sign_in(web, "saeki")
    assert (answer.status_code, answer.headers["location"]) == (303, "/supervisor")
    assert web.get("/").headers["location"] == "/supervisor"


def test_a_wrong_name_and_a_wrong_password_look_the_same(web: TestClient, office_id: int) -> None:
    add_user(office_id, "saeki", Role.OPERATOR)
    wrong, nobody = sign_in(web, "saeki", password="wrong wrong wrong"), sign_in(web, "nobody", password="wrong wrong wrong")
    assert wrong.status_code == nobody.status_code == 401
    assert "利用者名またはパスワードが違います" in wrong.text
    with transaction(office_id) as session:
        assert session.scalar(select(func.count()).where(AuditEvent.action == "session.refused")) == 2


def test_a_form_that_is_not_ours_signs_nobody_in(web: TestClient, office_id: int) -> None:
    add_user(office_id, "saeki", Role.OPERATOR)
    answer = web.post("/login", data={"sign_in_name": "saeki", "password": PASSWORD, "csrf_token": "forged"})
    assert answer.status_code == 403
    assert "session" not in web.cookies


def test_cookies_are_out_of_reach(web: TestClient, office_id: int) -> None:
    add_user(office_id, "saeki", Role.OPERATOR)
    for cookie in sign_in(web, "saeki").headers.get_list("set-cookie"):
        assert "httponly" in cookie.lower()
        assert "samesite=" in cookie.lower()


def test_secure_cookies_carry_the_host_prefix(app: FastAPI, office_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from callcenter.core.settings import get_settings

    add_user(office_id, "saeki", Role.OPERATOR)
    monkeypatch.setenv("CALLCENTER_COOKIE_SECURE", "true")
    get_settings.cache_clear()
    try:
        client = TestClient(app, base_url="https://testserver", follow_redirects=False)
        answer = sign_in(client, "saeki")
        names = [cookie.split("=")[0] for cookie in answer.headers.get_list("set-cookie")]
        assert "__Host-session" in names
        assert all("Secure" in cookie for cookie in answer.headers.get_list("set-cookie"))
        assert answer.headers["strict-transport-security"].startswith("max-age=63072000")
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()


def test_a_session_planted_before_signing_in_is_worth_nothing(web: TestClient, office_id: int, app: FastAPI) -> None:
    add_user(office_id, "saeki", Role.OPERATOR)
    planted = f"{office_id}." + "x" * 43
    web.cookies.set("session", planted)
    sign_in(web, "saeki")
    thief = TestClient(app, follow_redirects=False, cookies={"session": planted})
    assert thief.get("/operator").status_code == 303
    with transaction(office_id) as session:
        assert session.scalar(select(UserSession.token_hash)) != token_hash("x" * 43)


def test_signing_in_again_ends_the_browser_s_older_session(web: TestClient, office_id: int, app: FastAPI) -> None:
    add_user(office_id, "saeki", Role.OPERATOR)
    sign_in(web, "saeki")
    old = web.cookies["session"]
    web.get("/operator")
    page = TestClient(app, follow_redirects=False, cookies={"session": old})
    assert page.get("/account").status_code == 200
    web.cookies.delete("session")
    web.cookies.set("session", old, domain="testserver.local", path="/")
    from callcenter.web.signing import form_token

    web.cookies.set("visit", "v" * 20, domain="testserver.local", path="/")
    answer = web.post("/login", data={"sign_in_name": "saeki", "password": PASSWORD, "csrf_token": form_token("v" * 20)})
    assert answer.status_code == 303
    assert page.get("/account").status_code == 303


@pytest.mark.parametrize(("field", "span"), [("last_seen_at", IDLE), ("expires_at", ABSOLUTE)])
def test_idle_and_old_sessions_end(person: PersonMaker, office_id: int, field: str, span: timedelta) -> None:
    who = person(Role.SUPERVISOR)
    token = who.client.cookies["session"].partition(".")[2]
    now = utc_now()
    with transaction(office_id) as session:
        if field == "expires_at":
            session.execute(update(UserSession).values(last_seen_at=now + span - timedelta(minutes=1)))
        assert find_session(session, token, now + span - timedelta(seconds=10), touch=False) is not None
        assert find_session(session, token, now + span + timedelta(seconds=1), touch=False) is None


def test_a_page_that_refreshes_itself_is_no_sign_of_life(person: PersonMaker, office_id: int) -> None:
    who = person(Role.SUPERVISOR)
    earlier = utc_now() - timedelta(minutes=30)
    with transaction(office_id) as session:
        session.execute(update(UserSession).values(last_seen_at=earlier))
    who.fragment("/supervisor/board")
    with transaction(office_id) as session:
        assert session.scalar(select(UserSession.last_seen_at)) == earlier
    who.get("/supervisor")
    with transaction(office_id) as session:
        assert session.scalar(select(UserSession.last_seen_at)) > earlier


def test_signing_out_ends_the_session_on_the_server(person: PersonMaker, app: FastAPI) -> None:
    who = person(Role.OPERATOR)
    copy = TestClient(app, follow_redirects=False, cookies={"session": who.client.cookies["session"]})
    assert copy.get("/account").status_code == 200
    answer = who.post("/logout")
    assert answer.headers["location"] == "/login"
    assert "storage" in answer.headers["clear-site-data"]
    assert copy.get("/account").status_code == 303
    assert copy.get("/operator", headers={"HX-Request": "true"}).status_code == 401


def test_a_disabled_user_is_out_at_once(person: PersonMaker) -> None:
    administrator, operator = person(Role.ADMINISTRATOR), person(Role.OPERATOR)
    assert operator.get("/operator").status_code == 200
    assert administrator.post(f"/users/{operator.user_id}/disable").status_code == 303
    assert operator.get("/operator").status_code == 303
    assert sign_in(operator.client, "whoever").status_code == 401


def test_the_last_administrator_stays(person: PersonMaker) -> None:
    administrator = person(Role.ADMINISTRATOR)
    assert administrator.post(f"/users/{administrator.user_id}/disable").status_code == 409
    wanted = {"display_name": "管理", "role": "auditor"}
    assert administrator.post(f"/users/{administrator.user_id}", wanted).status_code == 409


def test_a_person_gets_another_name_telephone_team_and_role_and_signs_in_anew_for_the_role(person: PersonMaker, office_id: int) -> None:
    administrator, operator = person(Role.ADMINISTRATOR), person(Role.OPERATOR)
    address = f"/users/{operator.user_id}"
    assert administrator.get(address).status_code == 200
    good = {"display_name": "佐伯 花", "role": "operator"}
    for bad in ({"display_name": " "}, {"role": "mayor"}, {"team": "長" * 41}):
        assert administrator.post(address, good | bad).status_code == 422
    assert administrator.post(address, good | {"phone_address": "PJSIP/7", "team": "　１班 "}).status_code == 204
    assert "<td>1班</td>" in administrator.get("/users").text
    assert '<option value="1班">' in administrator.get(address).text
    assert operator.get("/operator").status_code == 200  # nothing that they may do has changed
    assert administrator.post(address, {"display_name": "佐伯 花", "role": "supervisor"}).status_code == 204
    assert operator.get("/operator").status_code == 303
    with transaction(office_id) as session:
        changed = session.get_one(User, (office_id, operator.user_id))
        assert (changed.display_name, changed.role, changed.phone_address) == ("佐伯 花", Role.SUPERVISOR, "")


def test_guessing_is_braked_and_the_known_device_is_not_locked_out(web: TestClient, office_id: int, app: FastAPI) -> None:
    add_user(office_id, "saeki", Role.OPERATOR)
    assert sign_in(web, "saeki").status_code == 303
    web.cookies.delete("session")
    attacker = TestClient(app, follow_redirects=False)
    statuses = [sign_in(attacker, "saeki", password=f"guess number {number}").status_code for number in range(12)]
    assert statuses[:8] == [401] * 8
    assert set(statuses[8:]) == {429}
    assert sign_in(attacker, "saeki").status_code == 429
    assert sign_in(web, "saeki").status_code == 303


def test_a_stranger_s_office_needs_no_account_here(app: FastAPI, two_offices: tuple[int, int]) -> None:
    add_user(two_offices[0], "saeki", Role.OPERATOR)
    client = TestClient(app, follow_redirects=False)
    assert "<select" in client.get("/login").text
    assert sign_in(client, "saeki").status_code == 422
    assert sign_in(client, "saeki", "two").status_code == 401
    assert sign_in(client, "saeki", "one").status_code == 303


def test_the_cookie_of_one_office_opens_no_other(app: FastAPI, two_offices: tuple[int, int]) -> None:
    add_user(two_offices[0], "saeki", Role.OPERATOR)
    client = TestClient(app, follow_redirects=False)
    sign_in(client, "saeki", "one")
    token = client.cookies["session"].partition(".")[2]
    other = TestClient(app, follow_redirects=False, cookies={"session": f"{two_offices[1]}.{token}"})
    assert other.get("/operator").status_code == 303


@pytest.mark.parametrize(
    "next_page", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/logout", "evil"]
)
def test_next_never_leads_away(next_page: str) -> None:
    assert local_path(next_page) == ""


def test_next_leads_to_a_page_of_ours(web: TestClient, office_id: int) -> None:
    add_user(office_id, "saeki", Role.SUPERVISOR)
    asked = web.get("/campaigns")
    assert asked.headers["location"] == "/login?next=/campaigns"
    assert sign_in(web, "saeki", next="/campaigns").headers["location"] == "/campaigns"


def test_passwords_are_argon2id_with_at_least_46_mib() -> None:
    stored = passwords.hash_password("correct horse battery")
    parameters = dict(part.split("=") for part in stored.split("$")[3].split(","))
    assert stored.startswith("$argon2id$")
    assert int(parameters["m"]) >= 46 * 1024
    assert int(parameters["t"]) >= 1


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaa", "administrator", "Saeki.Taro.12", "x" * 201])
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(InvalidInput):
        passwords.require_strong(password, "saeki.taro.12")


def test_long_passwords_count_to_their_end() -> None:
    stored = passwords.hash_password("x" * 70 + "a")
    assert passwords.check_password("x" * 70 + "a", stored)[0]
    assert not passwords.check_password("x" * 70 + "b", stored)[0]
    assert passwords.require_strong("a long phrase without capitals or digits") != ""


def test_first_passwords_are_made_and_differ(office_id: int) -> None:
    with transaction(office_id) as session:
        _, first = service.add_user(session, sign_in_name="mizuno", display_name="水野", role="operator")
        _, second = service.add_user(session, sign_in_name="saegusa", display_name="三枝", role="operator")
        assert first != second
        assert len(first) >= 20
        assert service.authenticate(session, "mizuno", first) is not None
        with pytest.raises(Conflict):
            service.add_user(session, sign_in_name="mizuno", display_name="水野", role="operator")
        assert first not in str(session.scalar(select(User.password_hash).where(User.sign_in_name == "mizuno")))


def test_a_fresh_office_has_nobody(clean_database: None) -> None:
    with transaction(None) as session:
        office = Office(code="new", name="新")
        session.add(office)
        session.flush()
        office_id = office.id
    with transaction(office_id) as session:
        assert session.scalar(select(func.count()).select_from(User)) == 0


def test_one_s_own_password_needs_the_old_one(person: PersonMaker) -> None:
    who = person(Role.AUDITOR)
    assert who.post("/account/password", {"old": "wrong wrong", "new": "another long phrase"}).status_code == 422
    assert who.post("/account/password", {"old": PASSWORD, "new": "short"}).status_code == 422
    assert who.post("/account/password", {"old": PASSWORD, "new": "another long phrase"}).status_code == 303
    assert who.get("/audit").status_code == 303
