"""Instalment plans' pages: entered and ended by tax officers, seen by auditors; operators learn that there is one and no more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from callcenter.auth.models import AuditEvent, Role
from callcenter.core.clock import local_day, utc_now
from callcenter.core.db import transaction
from campaigns.promises.models import Instalment, InstalmentPlan
from tests.callcenter.conftest import Case, Person, add_case


def today() -> date:
    """The day of the office now: midnight may pass between the collecting of tests and their running."""
    return local_day(utc_now())


DAYS = [(today() + timedelta(days=30 * n)).isoformat() for n in (1, 2, 3)]


@pytest.fixture
def case(office_id: int) -> Case:
    return add_case(office_id)


@pytest.fixture
def officer(person: Callable[..., Person]) -> Person:
    return person(Role.TAX_OFFICER)


def schedule(case: Case, *amounts: str, **more: str) -> dict[str, object]:
    return {
        "debtor_id": case.debtor_id,
        "due_on": [*DAYS, "", ""][: len(amounts)],
        "amount": list(amounts),
        "agreed_on": today().isoformat(),
        **more,
    }


def test_from_a_number_to_a_plan(office_id: int, case: Case, officer: Person) -> None:
    assert officer.post("/plans/find", {"debtor_no": "no such"}).status_code == 404
    found = officer.post("/plans/find", {"debtor_no": case.debtor_no})
    assert (found.status_code, found.headers["location"]) == (303, f"/plans/new/{case.debtor_id}")
    page = officer.get(found.headers["location"]).text
    assert page.count('name="due_on"') == 6
    asked = {"total": "74,200円", "count": "3", "first_due": "令和8年12月31日", "remainder": "last"}
    spread = officer.post(f"/plans/new/{case.debtor_id}", asked).text
    assert [f'value="{yen}"' in spread for yen in ("24,000", "26,200")] == [True, True]
    assert 'value="2027-02-28"' in spread
    saved = officer.post("/plans/enter", schedule(case, "30,000", "22100", "22100", "", ""))
    assert saved.status_code == 204
    with transaction(office_id) as session:
        plan = session.scalars(select(InstalmentPlan)).one()
        assert (plan.total, plan.state, plan.decided_by, plan.source) == (74_200, "good_standing", officer.user_id, "officer")
        assert session.scalars(select(Instalment.amount).order_by(Instalment.number)).all() == [30_000, 22_100, 22_100]
    assert saved.headers["HX-Redirect"] == f"/plans/{plan.id}"
    shown = officer.get(f"/plans/{plan.id}").text
    assert "履行中" in shown
    assert "30,000" in shown
    assert case.debtor_no in officer.get("/plans").text
    assert case.debtor_no not in officer.get("/plans?state=broken").text
    assert officer.post("/plans/enter", schedule(case, "1000")).status_code == 409
    assert officer.post(f"/plans/{plan.id}/end").status_code == 204
    assert officer.post(f"/plans/{plan.id}/end").status_code == 409
    assert "終了" in officer.get("/plans?state=ended").text
    with transaction(office_id) as session:
        actions = session.scalars(select(AuditEvent.action).where(AuditEvent.action.like("plan.%"))).all()
    assert {"plan.entered", "plan.viewed", "plan.listed", "plan.ended"} <= set(actions)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"amount": ["x"], "due_on": [DAYS[0]]}, "1回目"),
        ({"amount": ["0"], "due_on": [DAYS[0]]}, "期日と金額"),
        ({"amount": ["1000"], "due_on": [""]}, "期日と金額"),
        ({"amount": ["1000", "1000"], "due_on": [DAYS[1], DAYS[0]]}, "2回目の期日が早すぎます"),
        ({"amount": [], "due_on": []}, "回数"),
        ({"amount": ["1000"], "due_on": [DAYS[0]], "agreed_on": "2999-01-01"}, "約束の日"),
    ],
)
def test_a_schedule_that_can_not_be_is_refused_and_kept_on_the_page(
    form: dict[str, object], words: str, case: Case, officer: Person
) -> None:
    told = {"debtor_id": case.debtor_id, "agreed_on": today().isoformat(), **form}
    answer = officer.post("/plans/enter", told)
    assert answer.status_code == 422
    assert words in answer.text
    plain = officer.client.post("/plans/enter", data=told | {"csrf_token": officer.csrf})
    assert plain.status_code == 422
    assert words in plain.text
    assert case.debtor_no in plain.text


def test_only_officers_decide_and_operators_learn_that_there_is_one(
    office_id: int, case: Case, officer: Person, person: Callable[..., Person]
) -> None:
    officer.post("/plans/enter", schedule(case, "1000"))
    auditor, supervisor, operator = person(Role.AUDITOR), person(Role.SUPERVISOR), person(Role.OPERATOR)
    with transaction(office_id) as session:
        plan_id = session.scalars(select(InstalmentPlan.id)).one()
    assert auditor.get(f"/plans/{plan_id}").status_code == 200
    assert "終了する" not in auditor.get(f"/plans/{plan_id}").text
    for nobody in (auditor, supervisor, operator):
        assert nobody.post(f"/plans/{plan_id}/end").status_code == 403
        assert nobody.post("/plans/enter", schedule(case, "1000")).status_code == 403
    assert [nobody.get("/plans").status_code for nobody in (supervisor, operator)] == [403, 403]
    assert "分納の計画があります" in supervisor.get(f"/debtors/{case.debtor_id}").text
