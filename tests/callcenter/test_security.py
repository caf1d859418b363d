"""What the security list asks for beyond the tests of each part: hostile values at every door, the wire, logs, database rights."""

from __future__ import annotations

import inspect
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import select, text

from callcenter.app import ROUTERS, create_app
from callcenter.auth.models import AuditEvent, Role
from callcenter.commands.serve import server_options
from callcenter.core.db import get_engine, transaction
from callcenter.core.settings import Settings, get_settings
from callcenter.tables import tenant_tables
from callcenter.web.rendering import TEMPLATES
from callcenter.web.shield import HSTS
from migrations.tenancy import INSERT_ONLY
from tests.browser.serving import served
from tests.callcenter.conftest import CSRF, Person, add_case, add_user, put_on_the_line, sign_in
from tests.callcenter.test_routes import QUICK, allowed, filled

pytestmark = pytest.mark.slow
PersonMaker = Callable[..., Person]
FIELD = re.compile(r'name="([a-z_]{2,40})"|ui\.(?:field|select)\("([a-z_]{2,40})"')
HOSTILE = ("'\"><script>alert(1)</script>", "\x00", "9" * 300)
ROOT = Path(__file__).parents[2]


def every_name() -> list[str]:
    """Every field any form of ours has."""
    found = {name for path in TEMPLATES.rglob("*.html") for pair in FIELD.findall(path.read_text("utf-8")) for name in pair if name}
    return sorted(found - {"csrf_token", "idempotency_key"})


def fields_of(route: APIRoute) -> list[str]:
    """The fields a route names, or all there are for one that takes its form as it comes."""
    named = list(inspect.signature(route.endpoint).parameters)
    takes_all = "form" in named or (route.methods == {"GET"} and "request" in named and len(named) <= 3)
    return every_name() if takes_all else [name.rstrip("_") for name in named]


FIELDS = {(method, route.path): fields_of(route) for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)
          for method in route.methods}  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE, ids=["quotes", "nul", "long"])
def test_hostile_values_in_every_field_of_every_route(value: str, person: PersonMaker, office_id: int) -> None:
    case = add_case(office_id)
    people = {role: person(role) for role in Role}
    attempt = put_on_the_line(office_id, people[Role.OPERATOR].user_id, case)
    ids = {"attempt_id": attempt, "campaign_id": case.campaign_id, "debtor_id": case.debtor_id}
    tokens, bad = {role: who.csrf for role, who in people.items()}, []
    for number, (method, path) in enumerate(QUICK):
        role, form = sorted(allowed(path))[0], dict.fromkeys(FIELDS[method, path], value)
        for name, known in ids.items():
            path = path.replace("{" + name + "}", str(known))
        headers = {"X-CSRF-Token": tokens[role], "HX-Request": "true", "Idempotency-Key": f"hostile-{number:08d}"}
        sent: dict[str, Any] = {"params": form} if method == "GET" else {"data": form}
        answer = people[role].client.request(method, filled(path), headers=headers, **sent)
        if answer.status_code >= 500 or HOSTILE[0] in answer.text:
            bad.append((method, path, answer.status_code))
    assert bad == []


def test_statements_are_put_together_only_where_the_checks_know_of_it() -> None:
    """Values travel as parameters: the linter forbids SQL from strings everywhere but in files named one by one."""
    settings = (ROOT / "pyproject.toml").read_text("utf-8")
    assert '"S"' in settings.split("select = ")[1].split("]")[0]
    for folder in ("callcenter", "campaigns", "dialer", "reports"):
        for path in (ROOT / folder).rglob("*.py"):
            assert not re.search(r"(shell=True|os\.system|pickle\.loads?|yaml\.load\(|\beval\(|\bexec\()", path.read_text("utf-8")), path


@pytest.fixture(scope="module")
def wire(database_url: str) -> Iterator[tuple[str, int]]:
    with served() as address:
        host, port = address.removeprefix("http://").split(":")
        yield host, int(port)


def said(wire: tuple[str, int], request: bytes) -> bytes:
    """Everything the server answers until it closes, or is asked for more."""
    with socket.create_connection(wire, timeout=60) as line:
        line.sendall(request)
        line.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := line.recv(65536):
            answer += piece
        return answer


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 4\r\nContent-Length: 40\r\n",
        b"Transfer-Encoding: xchunked\r\nContent-Length: 4\r\n",
        b"Content-Length: +4\r\n",
    ],
)
def test_a_request_with_two_ends_is_refused(wire: tuple[str, int], headers: bytes) -> None:
    hidden = b"0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"
    answer = said(wire, b"POST /login HTTP/1.1\r\nHost: h\r\n" + headers + b"\r\n" + hidden)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 400")


def test_the_server_says_nothing_of_itself_and_takes_no_upgrade(wire: tuple[str, int]) -> None:
    answer = said(
        wire,
        b"GET /events HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: https://evil.example\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )
    assert answer.split(b" ", 2)[1] in (b"401", b"403", b"404")


def test_only_the_named_proxy_is_believed() -> None:
    assert server_options(Settings())["proxy_headers"] is False
    assert server_options(Settings())["server_header"] is False
    behind = server_options(Settings(trusted_proxy="10.0.0.1"))
    assert (behind["proxy_headers"], behind["forwarded_allow_ips"]) == (True, "10.0.0.1")


def test_an_address_told_by_the_client_itself_counts_for_nothing(web: TestClient, office_id: int) -> None:
    add_user(office_id, "saeki", Role.SUPERVISOR)
    web.headers["X-Forwarded-For"], web.headers["X-Forwarded-Proto"] = "203.0.113.9", "https"
    sign_in(web, "saeki")
    with transaction(office_id) as session:
        assert "203.0.113.9" not in set(session.scalars(select(AuditEvent.address)))


def test_strict_transport_on_every_answer_behind_tls(database_url: str, office_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLCENTER_COOKIE_SECURE", "true")
    get_settings.cache_clear()
    try:
        client = TestClient(create_app(), base_url="https://testserver", follow_redirects=False)
        for path in ("/login", "/nowhere", "/operator", "/healthz", "/api/v1/imports", "/static/console.css"):
            assert client.get(path).headers["strict-transport-security"] == HSTS
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()


CANARY, CANARY_NO, CANARY_PHONE = "カナリア花子", "CANARY-4711", "03-0000-0142"


def test_no_log_line_tells_of_a_person_and_each_says_when_who_and_what(person: PersonMaker, office_id: int) -> None:
    case = add_case(office_id, name=CANARY, number=CANARY_NO)
    with structlog.testing.capture_logs() as lines:
        supervisor, operator = person(Role.SUPERVISOR), person(Role.OPERATOR)
        put_on_the_line(office_id, operator.user_id, case)
        for who, path in ((supervisor, f"/debtors/{case.debtor_id}"), (supervisor, "/supervisor"), (operator, "/operator")):
            assert who.get(path).status_code == 200
        supervisor.post("/debtors/search", {"words": CANARY})
        supervisor.get(f"/debtors/{CANARY_NO}")
        supervisor.post("/users", {"sign_in_name": "x\r\nforged line"})
    told = str(lines)
    assert not [secret for secret in (CANARY, CANARY_NO, CANARY_PHONE, supervisor.csrf, "forged line") if secret in told]
    requests = [line for line in lines if line["event"] == "request"]
    assert requests
    assert all({"request_id", "method", "route", "status", "ms", "office_id", "user_id"} <= line.keys() for line in requests)


def test_the_application_s_role_has_these_rights_and_no_others(database_url: str, clean_database: None) -> None:
    with get_engine().connect() as connection:
        role = connection.execute(
            text("SELECT rolsuper, rolbypassrls, rolcanlogin, rolcreatedb FROM pg_roles WHERE rolname = 'callcenter_app'")
        )
        assert tuple(role.one()) == (False, False, False, False)
        owned = connection.scalar(
            text("SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = 'callcenter_app'")
        )
        assert owned == 0
        granted: dict[str, set[str]] = {}
        rows = connection.execute(
            text(
                "SELECT table_name, privilege_type FROM information_schema.role_table_grants WHERE grantee = 'callcenter_app' ORDER BY 1, 2"
            )
        )
        for table, right in rows:
            granted.setdefault(table, set()).add(right)
    all_rights = {"SELECT", "INSERT", "UPDATE", "DELETE"}
    for table in tenant_tables():
        assert granted[table] <= all_rights, table
        if table in INSERT_ONLY:
            assert granted[table] == {"SELECT", "INSERT"}, table
    assert not [table for table, rights in granted.items() if rights - all_rights]


def test_a_changed_step_or_mark_is_worth_nothing(app: FastAPI, web: TestClient, office_id: int) -> None:
    from callcenter.web import signing

    token = signing.step_token("visit", office_id, 1)
    assert signing.step_of(token, "visit") == (office_id, 1)
    assert signing.step_of(token, "other") is None
    assert signing.step_of(token, "") is None
    for place in range(0, len(token), 7):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert signing.step_of(changed, "visit") is None
        assert signing.is_form_token(changed, "visit") is False
    assert signing.device_of(token, office_id, 1) is None  # made for another purpose


def test_downloads_carry_names_of_our_own(person: PersonMaker) -> None:
    supervisor = person(Role.SUPERVISOR)
    found = CSRF.search(supervisor.get("/imports").text)
    assert found is not None
    for path in ("/reports/headline.csv?from=2026-11-01&to=2026-11-02", "/policy/calendar.csv"):
        told = supervisor.get(path)
        if told.status_code == 200:
            name = told.headers["content-disposition"]
            assert name.startswith('attachment; filename="')
            assert name.isascii()
            assert not set(name) & set("\r\n/\\")


def test_the_list_names_tests_that_exist() -> None:
    told = (ROOT / "docs" / "security.md").read_text("utf-8")
    references = re.findall(r"\[`(test_\w+)`\]\(\.\./(tests/[\w/]+\.py)\)", told)
    assert len(references) > 90
    assert [f"{path}: {name}" for name, path in references if f"def {name}(" not in (ROOT / path).read_text("utf-8")] == []
    assert [number for number in range(1, 57) if f"\n| {number} | " not in told] == []


def test_an_administrator_s_pages_hold_nothing_of_a_taxpayer(person: PersonMaker, office_id: int) -> None:
    case = add_case(office_id, name=CANARY, number=CANARY_NO)
    administrator, operator = person(Role.ADMINISTRATOR), person(Role.OPERATOR)
    put_on_the_line(office_id, operator.user_id, case)
    shown = [filled(path) for method, path in QUICK if method == "GET" and Role.ADMINISTRATOR in allowed(path)]
    assert len(shown) > 8
    for path in shown:
        text_of_page = administrator.get(path).text
        assert not [secret for secret in (CANARY, CANARY_NO, CANARY_PHONE) if secret in text_of_page], path
