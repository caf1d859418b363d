"""The report API against whatever its own description permits, and much that it does not."""

from __future__ import annotations

from datetime import UTC, datetime

import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode

from callcenter.api import reports
from callcenter.auth.models import Role, User
from callcenter.auth.sessions import open_session
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.web import errors
from reports.cuts import Cut
from reports.metrics import HEADLINE
from tests.reports import world

EXAMPLES = 25


def test_every_question_gets_figures_or_a_sentence(office_id: int) -> None:
    with transaction(office_id) as session:
        user = User(sign_in_name="hori", display_name="堀", role=Role.SUPERVISOR)
        session.add(user)
        session.flush()
        token, _ = open_session(session, user, utc_now())
        world.attempt(session, world.debtor(session), datetime.now(UTC), "answered", "debtor", operator_id=user.id)
    app = FastAPI()
    errors.install(app)
    app.include_router(reports.router)
    operation = schemathesis.openapi.from_asgi("/openapi.json", app)["/api/v1/reports/headline"]["GET"]
    seen: set[int] = set()

    def ask(case: Case) -> None:
        answer = case.call(cookies={"session": f"{office_id}.{token}"}, headers={"Accept": "application/json"})
        told = answer.json()
        seen.add(answer.status_code)
        if answer.status_code == 200:
            assert {row["code"] for row in told["definitions"]} == {metric.code for metric in HEADLINE}
            assert all(row["attempts"] >= row["contacts"] >= row["right_party_contacts"] >= 0 for row in told["rows"])
        else:
            assert answer.status_code == 422, told
            assert told["code"]
            assert told["message"]
            assert "Traceback" not in answer.text

    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        limits = settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        limits(given(case=operation.as_strategy(generation_mode=mode))(ask))()
    assert seen == {200, 422}


def test_every_cut_is_in_the_description() -> None:
    app = FastAPI()
    app.include_router(reports.router)
    parameters = {each["name"]: each["schema"] for each in app.openapi()["paths"]["/api/v1/reports/headline"]["get"]["parameters"]}
    assert set(parameters) == {"from", "to", "by", "channel", "campaign"}
    assert set(app.openapi()["components"]["schemas"]["Cut"]["enum"]) == {cut.value for cut in Cut}
