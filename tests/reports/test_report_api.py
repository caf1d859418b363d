"""The report API against whatever its own description permits, and much that it does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from sqlalchemy import select

from callcenter.api import reports
from callcenter.auth.models import AuditEvent, Role, User
from callcenter.auth.sessions import open_session
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.web import errors
from reports.cuts import Cut
from reports.metrics import HEADLINE
from tests.reports import world
from tests.reports.conftest import Browser

EXAMPLES = 25
SHARED = {"from", "to", "channel", "campaign", "operator", "team"}


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()
    errors.install(app)
    app.include_router(reports.router)
    return app


@pytest.fixture
def cookie(office_id: int) -> str:
    """A supervisor's, of an office with one call of today."""
    with transaction(office_id) as session:
        user = User(sign_in_name="hori", display_name="堀", role=Role.SUPERVISOR)
        session.add(user)
        session.flush()
        token, _ = open_session(session, user, utc_now())
        world.attempt(session, world.debtor(session), datetime.now(UTC), "answered", "debtor", operator_id=user.id)
    return f"{office_id}.{token}"


def check_headline(told: dict[str, Any]) -> None:
    assert {row["code"] for row in told["definitions"]} == {metric.code for metric in HEADLINE}
    assert all(row["attempts"] >= row["contacts"] >= row["right_party_contacts"] >= 0 for row in told["rows"])


def check_cross(told: dict[str, Any]) -> None:
    rows, columns = ([line["key"] for line in told[name]] for name in ("rows", "columns"))
    assert [cell["row"] for cell in told["row_totals"]] == rows
    assert [cell["column"] for cell in told["column_totals"]] == columns
    assert all(cell["row"] in rows and cell["column"] in columns for cell in told["cells"])
    for cell in (*told["cells"], *told["row_totals"], told["total"]):
        assert cell["low"] is None or 0 <= cell["low"] <= cell["value"] <= cell["high"] <= 1


@pytest.mark.parametrize(("name", "check"), [("headline", check_headline), ("cross", check_cross)])
def test_every_question_gets_figures_or_a_sentence(app: FastAPI, cookie: str, name: str, check: Callable[[dict[str, Any]], None]) -> None:
    operation = schemathesis.openapi.from_asgi("/openapi.json", app)[f"/api/v1/reports/{name}"]["GET"]
    seen: set[int] = set()

    def ask(case: Case) -> None:
        answer = case.call(cookies={"session": cookie}, headers={"Accept": "application/json"})
        told = answer.json()
        seen.add(answer.status_code)
        if answer.status_code == 200:
            check(told)
            case.validate_response(answer, checks=[schemathesis.checks.response_schema_conformance])
        else:
            assert answer.status_code == 422, told
            assert told["code"]
            assert told["message"]
            assert "Traceback" not in answer.text

    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        limits = settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        limits(given(case=operation.as_strategy(generation_mode=mode))(ask))()
    assert seen == {200, 422}


def test_everything_that_can_be_asked_is_in_the_description(app: FastAPI) -> None:
    described = app.openapi()
    for name, own in (("headline", {"by"}), ("cross", {"by", "columns", "metric"})):
        asked = {each["name"] for each in described["paths"][f"/api/v1/reports/{name}"]["get"]["parameters"]}
        assert asked == SHARED | own
    assert set(described["components"]["schemas"]["Cut"]["enum"]) == {cut.value for cut in Cut}
    assert "is_few" in described["components"]["schemas"]["CrossCell"]["properties"]


def test_a_crossed_table_is_that_of_the_page_and_leads_to_its_calls(
    app: FastAPI, office_id: int, browse: Callable[[Role], Browser]
) -> None:
    pages = browse(Role.SUPERVISOR)
    with transaction(office_id) as session:
        clerks = [world.operator(session, name, team) for name, team in (("sato", "1班"), ("ito", "2班"))]
        for number in range(120):
            clerk, person = number % 2, world.debtor(session)
            reached = (number // 2) % 4 < (3 if clerk else 1)
            moment = f"2026-09-{7 + number % 3:02d} {9 + number % 5:02d}:{number % 60:02d}"
            world.attempt(session, person, moment, *(("answered", "debtor") if reached else ("busy", None)), operator_id=clerks[clerk])
    client = Browser(app, pages.cookies["session"])
    days = "from=2026-09-01&to=2026-09-30"
    told = client.get(f"/api/v1/reports/cross?{days}&by=operator").json()
    assert [(line["key"], line["label"]) for line in told["rows"]] == [("ito", "ITO (ito)"), ("sato", "SATO (sato)")]
    assert [(cell["value"], cell["hits"], cell["n"], cell["is_few"], cell["differs"]) for cell in told["row_totals"]] == [
        (0.75, 45, 60, False, "high"), (0.25, 15, 60, False, "low"),
    ]  # fmt: skip
    calls = pages.get(told["row_totals"][0]["calls"])
    assert calls.text.count('href="/debtors/') == 60
    crossed = client.get(f"/api/v1/reports/cross?{days}&by=hour&columns=team&team=1班&metric=attempts").json()
    assert (crossed["team"], [line["key"] for line in crossed["columns"]], crossed["total"]["value"]) == ("1班", ["1班"], 60)
    assert client.get(f"/api/v1/reports/cross?{days}&metric=abandon_rate&team=1班").json()["code"] == "no_operator"
    assert client.get(f"/api/v1/reports/cross?{days}&by=hour&columns=hour").json()["code"] == "bad_columns"
    assert client.get(f"/api/v1/reports/headline?{days}&operator=ito").json()["rows"][0]["attempts"] == 60
    with transaction(office_id) as session:
        events = session.scalars(select(AuditEvent.action).where(AuditEvent.action == "debtor.listed")).all()
    assert len(events) == 1, "the list of calls is on record; the table names nobody"
