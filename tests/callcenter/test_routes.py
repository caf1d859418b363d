"""Every route, generated from the router: who may, the forged form, the headers, and what strangers see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from callcenter.app import ROUTERS
from callcenter.auth.models import AuditEvent, Role
from callcenter.core.db import transaction
from callcenter.web.shield import HEADERS
from tests.callcenter.conftest import Person, add_case, add_user, put_on_the_line, sign_in

pytestmark = pytest.mark.slow

P, S, T, A, M = Role.OPERATOR, Role.SUPERVISOR, Role.TAX_OFFICER, Role.AUDITOR, Role.ADMINISTRATOR
OPEN = frozenset(
    {
        "/login",
        "/login/code",
        "/login/enrol",
        "/login/oidc",
        "/login/oidc/answer",
        "/setup",
        "/language",
        "/healthz",
        "/metrics",
        "/webhooks/twilio/voice",
        "/webhooks/twilio/incoming/{office_id}",
        "/webhooks/twilio/messages/{reference}",
        "/webhooks/twilio/replies/{office_id}",
        "/webhooks/gateway/{office_id}/status",
        "/webhooks/gateway/{office_id}/replies",
    }
)
ALL = frozenset(Role)
# The matrix, written by hand: a route that is not here fails the test below.
WHO: dict[str, frozenset[Role]] = {
    "/": ALL,
    "/logout": ALL,
    "/events": ALL,
    "/account": ALL,
    "/design": ALL,
    "/lock": ALL,
    "/unlock": ALL,
    "/operator": frozenset({P}),
    "/operator/panel": frozenset({P}),
    "/console": frozenset({P}),
    "/supervisor": frozenset({S}),
    "/incoming": frozenset({S}),
    "/requests": frozenset({S, T}),
    "/talk": frozenset({S, T, A, M}),
    "/talk/keep": frozenset({S, T}),
    "/requests/{request_id}/done": frozenset({S, T}),
    "/scripts": frozenset({S, T, A, M}),
    "/scripts/{code}/{version}": frozenset({S, T, A, M}),
    "/scripts/{code}/{version}/activate": frozenset({S, T}),
    "/scripts/{code}/{version}/withdraw": frozenset({S, T}),
    "/scripts/recordings/add": frozenset({S, T}),
    "/scripts/new": frozenset({S, T}),
    "/scripts/{code}/{version}/save": frozenset({S, T}),
    "/recordings": frozenset({S, A}),
    "/recordings/{recording_id}/review": frozenset({S}),
    "/recordings/{recording_id}/keep": frozenset({S}),
    "/recordings/{recording_id}/delete": frozenset({S}),
    "/recordings/{recording_id}/seen": frozenset({S}),
    "/recording-terms": frozenset({S, M}),
    "/reviews": frozenset({P}),
    "/campaigns": frozenset({S}),
    "/batches": frozenset({S, T, A}),
    "/batches/{batch_id}/release": frozenset({S, T}),
    "/batches/{batch_id}/state": frozenset({S, T}),
    "/batches/{batch_id}/edit": frozenset({S}),
    "/rules": frozenset({S, T, A, M}),
    "/rules/{rule_set_id}/edit": frozenset({S}),
    "/rules/{rule_set_id}/state": frozenset({S}),
    "/rules/{rule_set_id}/trial": frozenset({S}),
    "/rules/{rule_set_id}/examples": frozenset({S, T, A}),
    "/policy": frozenset({S, T, M}),
    "/templates": frozenset({S, T, M}),
    "/replies": frozenset({S, T, A}),
    "/sender": frozenset({M}),
    "/imports": frozenset({S, T}),
    "/debtors": frozenset({S, T, A}),
    "/debtors/{debtor_id}/phones": frozenset({S, T}),
    "/debtors/{debtor_id}/holds": frozenset({S, T}),
    "/debtors/{debtor_id}/household": frozenset({S, T}),
    "/payments": frozenset({S, T, A}),
    "/payments/{payment_id}/find": frozenset({S, T}),
    "/payments/{payment_id}/assign": frozenset({S, T}),
    "/payments/{payment_id}/release": frozenset({S, T}),
    "/plans": frozenset({T, A}),
    "/plans/new": frozenset({T}),
    "/plans/find": frozenset({T}),
    "/plans/enter": frozenset({T}),
    "/plans/{plan_id}/end": frozenset({T}),
    "/escalations": frozenset({T}),
    "/visits": frozenset({T}),
    "/users": frozenset({M}),
    "/users/{user_id}": frozenset({M}),
    "/audit": frozenset({A}),
    "/alerts": frozenset({S, A}),
    "/office": frozenset({M}),
    "/first-steps": frozenset({M}),
    "/carriers": frozenset({M}),
    "/retention": frozenset({M}),
    "/reports": frozenset({P, S, T, A}),
    "/reports/cross": frozenset({S, T, A}),
    "/reports/cross.csv": frozenset({S, T, A}),
    "/reports/cross.pdf": frozenset({S, T, A}),
    "/reports/cross.xlsx": frozenset({S, T, A}),
    "/reports/calls": frozenset({S, T, A}),
    "/reports/views": frozenset({S, T, A}),
    "/reports/arms": frozenset({S, T, A}),
    "/reports/forecast": frozenset({S, T, A}),
    "/reports/targets": frozenset({S, T, A}),
    "/reports/targets/set": frozenset({S, T}),
    "/reports/targets/cycles": frozenset({S, T}),
    "/reports/targets/forget": frozenset({S, T}),
    "/reports/targets/alerts": frozenset({S, T}),
    "/reports/targets/recipients": frozenset({S, T}),
    "/reports/decisions": frozenset({S, T, A}),
    "/reports/decisions/add": frozenset({S, T}),
    "/reports/decisions/{decision_id}/state": frozenset({S, T}),
    "/reports/collection": frozenset({S, T, A}),
    "/reports/pack": frozenset({S, T, A}),
    "/reports/pack/notes": frozenset({S, T}),
    "/reports/open-data": frozenset({S, T, A}),
    "/reports/open-data/month": frozenset({T}),
    "/reports/collection/totals": frozenset({S, T}),
    "/reports/collection/effect/inputs": frozenset({S, T}),
    "/api/v1/reports": frozenset({S, T, A}),
    "/api/v1/imports": frozenset({S, T}),
    "/api/v1/operators": frozenset({S}),
}


def allowed(path: str) -> frozenset[Role]:
    fitting = [prefix for prefix in WHO if path == prefix or (prefix != "/" and path.startswith(prefix + "/"))]
    assert fitting, f"{path} is in no row of the matrix"
    return WHO[max(fitting, key=len)]


def routes() -> Iterator[tuple[str, str]]:
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            for method in sorted(route.methods - {"HEAD"}):
                yield method, route.path


ROUTES = sorted(routes())
SLOW = ("/reports/headline.pdf", "/reports/pack/month.pdf")  # set by WeasyPrint; its content is tested with the reports
GUARDED = [(method, path) for method, path in ROUTES if path not in OPEN]
QUICK = [(method, path) for method, path in GUARDED if path not in ("/events", "/logout", "/lock", *SLOW)]


def filled(path: str) -> str:
    for name in (
        "attempt_id",
        "campaign_id",
        "batch_id",
        "rule_set_id",
        "import_id",
        "draft_id",
        "layout_id",
        "debtor_id",
        "escalation_id",
        "request_id",
        "item_id",
        "message_id",
        "round_id",
        "stop_id",
        "report_id",
        "user_id",
        "phone_id",
        "hold_id",
        "payment_id",
        "plan_id",
        "policy_id",
        "template_id",
        "recording_id",
        "session_id",
        "alert_id",
        "decision_id",
        "version",
    ):
        path = path.replace("{" + name + "}", "999999")
    return path.replace("{reference}", "1-abc").replace("{kind}", "headline").replace("{group}", "access")


def call(client: TestClient, method: str, path: str, **more: Any) -> int:
    if path == "/events":  # a stream that never ends: the guard answers before it begins
        with client.stream(method, path, **more) as answer:
            return int(answer.status_code)
    return int(client.request(method, filled(path), **more).status_code)


def test_routes_are_there() -> None:
    assert len(GUARDED) > 40


@pytest.mark.parametrize("role", list(Role))
def test_each_role_reaches_its_routes_and_no_others(role: Role, person: Callable[..., Person], office_id: int) -> None:
    who = person(role)
    headers = {"X-CSRF-Token": who.csrf, "HX-Request": "true", "Idempotency-Key": "k" * 12}
    wrong = []
    for method, path in QUICK:
        status = call(who.client, method, path, headers=headers)
        is_refused = status == 403
        if is_refused == (role in allowed(path)):
            wrong.append((method, path, status))
    assert wrong == []
    with transaction(office_id) as session:
        assert session.scalar(select(func.count()).where(AuditEvent.action == "request.refused")) > 0


def test_nobody_reaches_a_guarded_route(web: TestClient) -> None:
    wrong = [(method, path) for method, path in GUARDED if call(web, method, path) not in (303, 401)]
    assert wrong == []
    assert [path for method, path in GUARDED if call(web, method, path, headers={"HX-Request": "true"}) != 401] == []


@pytest.mark.parametrize("token", [None, "", "forged"])
def test_every_change_needs_the_session_s_own_token(token: str | None, person: Callable[..., Person]) -> None:
    people = {role: person(role) for role in Role}
    headers = {"HX-Request": "true", "Idempotency-Key": "k" * 12} | ({} if token is None else {"X-CSRF-Token": token})
    wrong = []
    for method, path in GUARDED:
        if method == "GET":
            continue
        who = people[sorted(allowed(path))[0]]
        status = call(who.client, method, path, headers=headers)
        if status != 403:
            wrong.append((method, path, status))
    assert wrong == []
    assert all(who.get("/account").status_code == 200 for who in people.values())


def test_another_site_can_not_cause_a_change(person: Callable[..., Person]) -> None:
    who = person(P)
    headers = {"Sec-Fetch-Site": "cross-site", "X-CSRF-Token": who.csrf}
    assert who.client.post("/console/state", data={"state": "ready"}, headers=headers).status_code == 403


def test_getting_changes_nothing_but_the_trail(person: Callable[..., Person], office_id: int) -> None:
    add_case(office_id)
    people = {role: person(role) for role in Role}

    def counted() -> dict[str, int]:
        from sqlalchemy import text

        from callcenter.tables import tenant_tables

        with transaction(office_id) as session:
            return {name: session.scalar(text(f"SELECT count(*) FROM {name}")) or 0 for name in tenant_tables() if name != "audit_event"}

    before = counted()
    for method, path in QUICK:
        if method == "GET":
            for role in allowed(path):
                call(people[role].client, method, path)
    assert counted() == before


@pytest.mark.parametrize(
    "path", ["/login", "/", "/nowhere", "/operator", "/healthz", "/metrics", "/static/console.css", "/users", "/api/v1/imports"]
)
def test_every_answer_carries_the_headers(path: str, web: TestClient) -> None:
    answer = web.get(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert answer.headers["x-request-id"]
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert path.startswith("/static") or "no-store" in answer.headers["cache-control"]
    assert "server" not in answer.headers


def test_a_fault_of_ours_shows_a_number_and_nothing_else(
    app: FastAPI, person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    who = person(S)

    def broken(*_arguments: Any) -> None:
        raise RuntimeError("見本 佳代 03-0000-0142")

    monkeypatch.setattr("callcenter.web.supervisor_pages.board_model", broken)
    answer = who.get("/supervisor")
    assert answer.status_code == 500
    assert "見本" not in answer.text
    assert "RuntimeError" not in answer.text
    assert answer.headers["x-request-id"] in answer.text
    assert answer.headers["content-security-policy"]
    api = who.get("/supervisor", headers={"Accept": "application/json"})
    assert api.json()["code"] == "internal"


def test_no_description_no_debug_no_trace(web: TestClient) -> None:
    for path in ("/docs", "/redoc", "/openapi.json", "/.git/config", "/.env"):
        assert web.get(path).status_code == 404
    assert web.request("TRACE", "/login").status_code in (404, 405)


def test_no_other_origin_is_let_in(web: TestClient) -> None:
    assert "access-control-allow-origin" not in web.get("/login", headers={"Origin": "https://evil.example"}).headers


def test_health_in_words(web: TestClient) -> None:
    told = web.get("/healthz").json()
    assert told["parts"]["database"] == "ok"
    assert told["parts"]["redis"] == "not configured"
    assert told["parts"]["dialer"] == "no dialer at work"


def test_bodies_have_a_limit(person: Callable[..., Person]) -> None:
    who = person(P)
    assert who.post("/console/state", {"state": "x" * 2_000_000}).status_code == 413


def test_odd_input_is_refused_in_words(person: Callable[..., Person]) -> None:
    supervisor, operator = person(S), person(P)
    assert supervisor.get("/debtors/99999999999999999999").status_code in (404, 422)
    assert supervisor.get("/imports/abc").status_code == 422
    assert supervisor.post("/debtors/search", {"words": "' OR 1=1 --"}).status_code == 303
    assert "OR 1=1" in supervisor.get("/debtors").text
    assert supervisor.post("/debtors/search", {"words": "\x00"}).status_code == 422
    assert supervisor.post("/debtors/search", {"words": "1", "least": "x"}).status_code == 422
    assert supervisor.post("/campaigns", {"name": ""}).status_code == 422
    assert operator.post("/console/state", {"state": "flying"}).status_code == 422
    assert operator.post("/console/state", {"state": "paused", "reason": "holiday"}).status_code in (404, 422)


CANARY = "カナリア太郎"
CANARY_NO = "CANARY-0077"


def test_one_office_never_sees_the_other_s(app: FastAPI, two_offices: tuple[int, int], person: Callable[..., Person]) -> None:
    mine, theirs = two_offices
    case = add_case(theirs, name=CANARY, number=CANARY_NO)
    operator_id = add_user(theirs, "canary-operator", P)
    attempt = put_on_the_line(theirs, operator_id, case)
    people = {role: person(role, office=mine, office_code="one") for role in Role}
    add_case(mine, name="自分の町の人", number="1")
    hits, statuses = [], {}
    ids = {"attempt_id": attempt, "campaign_id": case.campaign_id, "debtor_id": case.debtor_id, "user_id": operator_id}
    for method, path in QUICK:
        own = path
        for name, value in ids.items():
            own = own.replace("{" + name + "}", str(value))
        for role in allowed(path):
            who = people[role]
            headers = {"X-CSRF-Token": who.csrf, "HX-Request": "true", "Idempotency-Key": f"{role}{len(statuses):08d}"}
            answer = who.client.request(method, filled(own), headers=headers)
            statuses[(role, method, path)] = answer.status_code
            if CANARY in answer.text or CANARY_NO in answer.text or "canary-operator" in answer.text:
                hits.append((role, method, path))
    assert hits == []
    assert not [key for key, status in statuses.items() if status >= 500]


def test_ids_of_another_office_are_not_found(app: FastAPI, two_offices: tuple[int, int], person: Callable[..., Person]) -> None:
    mine, theirs = two_offices
    case = add_case(theirs, name=CANARY, number=CANARY_NO)
    operator_id = add_user(theirs, "canary-operator", P)
    supervisor, administrator = person(S, office=mine, office_code="one"), person(M, office=mine, office_code="one")
    assert supervisor.get(f"/debtors/{case.debtor_id}").status_code == 404
    assert supervisor.get(f"/campaigns/{case.campaign_id}/plan").status_code == 404
    assert supervisor.post(f"/campaigns/{case.campaign_id}/status", {"status": "paused"}).status_code == 404
    assert administrator.post(f"/users/{operator_id}/disable").status_code == 404
    assert sign_in(TestClient(app, follow_redirects=False), "canary-operator", "two").status_code == 303
