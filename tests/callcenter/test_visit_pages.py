"""The pages of visits: planned by district, on paper, on a telephone; for tax officers alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import AuditEvent, Role
from callcenter.core.clock import OFFICE_ZONE, local_day, utc_now
from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Attempt
from campaigns.compliance.gate import load_policy
from campaigns.compliance.windows import next_open
from campaigns.debtors.models import Debt
from campaigns.planning.models import Campaign
from campaigns.segmentation.models import ChannelAssignment
from campaigns.visits.models import VisitRound, VisitStop
from tests.callcenter.conftest import Case, Person, add_case


def today() -> date:
    """The day of the office now: midnight may pass between the collecting of tests and their running."""
    return local_day(utc_now())


@pytest.fixture
def case(office_id: int) -> Case:
    made = add_case(office_id)
    with transaction(office_id) as session:
        assign_visit(session, made)
    return made


def assign_visit(session: Session, case: Case) -> None:
    rule_set = session.scalars(select(Campaign.rule_set_id).where(Campaign.id == case.campaign_id)).one()
    now = utc_now()
    session.add(
        ChannelAssignment(
            campaign_id=case.campaign_id,
            debtor_id=case.debtor_id,
            channel="visit",
            reason_codes=["repeated_failures"],
            rule_code="visit",
            rule_set_id=rule_set,
            as_of=now,
            assigned_at=now,
        )
    )


@pytest.fixture
def officer(person: Callable[..., Person]) -> Person:
    return person(Role.TAX_OFFICER)


def open_day(office_id: int) -> str:
    """The next day from tomorrow on at which may be visited."""
    with transaction(office_id) as session:
        moment = next_open(load_policy(session).hours, Channel.VISIT, datetime.combine(today() + timedelta(days=1), time(), OFFICE_ZONE))
        assert moment is not None
        return local_day(moment).isoformat()


def planned(office_id: int, officer: Person, case: Case) -> int:
    answer = officer.post(
        "/visits", {"officer_id": officer.user_id, "visit_on": open_day(office_id), "title": "本町", "debtor_id": [case.debtor_id]}
    )
    assert answer.status_code == 204
    return int(answer.headers["HX-Redirect"].rsplit("/", 1)[1])


def set_out(office_id: int, round_id: int) -> None:
    """As if today were the day and a time to visit; the gate's part in it is tested with the room."""
    with transaction(office_id) as session:
        found = session.scalars(select(VisitRound).where(VisitRound.id == round_id)).one()
        found.state, found.visit_on, found.set_out_at = "out", today(), utc_now()


def entry(stop_id: int, **changes: object) -> dict[str, object]:
    told = {"key": uuid4().hex, "stop_id": stop_id, "visited_at": utc_now().isoformat(), "party": "nobody", "outcome": "no_result"}
    return told | changes


def sync(officer: Person, round_id: int, *entries: dict[str, object]) -> dict[str, object]:
    answer = officer.client.post(f"/visits/{round_id}/sync", json={"entries": list(entries)}, headers={"X-CSRF-Token": officer.csrf})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_district_is_chosen_and_a_round_made_printed_and_called_off(office_id: int, case: Case, officer: Person) -> None:
    assert "架空市本町" in officer.get("/visits/new").text
    day = open_day(office_id)
    chosen = officer.get(f"/visits/new?district=架空市本町&day={day}").text
    assert case.debtor_no in chosen
    assert "不通が続いたため訪問" in chosen
    assert officer.get("/visits/new?district=nowhere&day=never").status_code == 200
    form = {"officer_id": officer.user_id, "visit_on": day, "debtor_id": [case.debtor_id]}
    for wrong in ({"debtor_id": []}, {"visit_on": "いつか"}, {"visit_on": "2001-1-1"}, {"officer_id": 999}):
        assert officer.post("/visits", form | wrong).status_code == 422
    round_id = planned(office_id, officer, case)
    assert officer.post("/visits", form).status_code == 409
    page = officer.get(f"/visits/{round_id}").text
    assert case.name in page
    assert "36,000" not in page
    sheet = officer.get(f"/visits/{round_id}/sheet.pdf")
    assert (sheet.status_code, sheet.content[:5], sheet.headers["cache-control"]) == (200, b"%PDF-", "no-store")
    assert officer.post(f"/visits/{round_id}/set-out").status_code == 409
    assert officer.post(f"/visits/{round_id}/end", {"state": "nonsense"}).status_code == 422
    assert officer.post(f"/visits/{round_id}/end", {"state": "cancelled"}).status_code == 204
    assert "取りやめ" in officer.get("/visits").text
    with transaction(office_id) as session:
        seen = session.scalars(select(AuditEvent.action).where(AuditEvent.subject_id == case.debtor_id)).all()
    assert "debtor.viewed" in seen


def test_a_telephone_gets_its_round_and_what_it_sends_is_recorded_once(office_id: int, case: Case, officer: Person) -> None:
    round_id = planned(office_id, officer, case)
    assert officer.get(f"/visits/{round_id}/pack", headers={"Accept": "application/json"}).status_code == 409
    set_out(office_id, round_id)
    shell = officer.get("/visits/phone")
    assert shell.status_code == 200
    assert [word in shell.text for word in (case.name, case.debtor_no, "csrf")] == [False, False, False]
    worker = officer.get("/visits/worker.js")
    assert worker.headers["content-type"].startswith("text/javascript")
    assert "/visits/phone" in worker.text
    given = officer.get(f"/visits/{round_id}/pack")
    assert given.headers["cache-control"] == "no-store"
    stop = given.json()["pack"]["stops"][0]
    assert (stop["name"], stop["terms"], stop["owed"] >= 74_200) == (case.name, 2, True)
    assert "1980" not in given.text
    told = entry(stop["id"], party="family", outcome="callback_message_left", note="夜は帰宅とのこと")
    first = sync(officer, round_id, told)
    assert [answer["state"] for answer in first["answers"]] == ["recorded"]  # type: ignore[union-attr]
    assert case.name not in str(first)
    assert sync(officer, round_id, told)["answers"] == first["answers"]
    with transaction(office_id) as session:
        row = session.scalars(select(Attempt)).one()
        assert (row.channel, row.party, row.note, row.operator_id) == ("visit", "family", "夜は帰宅とのこと", officer.user_id)
    assert "夜は帰宅とのこと" in officer.get(f"/visits/{round_id}").text
    assert officer.client.post(f"/visits/{round_id}/forget", headers={"X-CSRF-Token": officer.csrf}).status_code == 204


def test_a_report_that_came_too_late_waits_on_the_round_s_page(office_id: int, case: Case, officer: Person) -> None:
    round_id = planned(office_id, officer, case)
    set_out(office_id, round_id)
    with transaction(office_id) as session:
        stop_id = session.scalars(select(VisitStop.id)).one()
        for debt in session.scalars(select(Debt).order_by(Debt.id)):
            debt.outstanding, debt.status = 0, "settled"
    due = (today() + timedelta(days=3)).isoformat()
    told = entry(stop_id, party="debtor", outcome="promise_full", promise=74_200, due_on=due, verified="document")
    answer = sync(officer, round_id, told)["answers"][0]  # type: ignore[index]
    assert (answer["state"], answer["why"]) == ("conflict", "paid")
    page = officer.get(f"/visits/{round_id}").text
    assert "未納がなくなっています" in page
    assert "74,200円" in page
    assert "1件の訪問記録" in officer.get("/visits").text
    number = int(page.split("/visits/reports/")[1].split('"')[0])
    assert officer.post(f"/visits/reports/{number}", {"decision": "perhaps"}).status_code == 422
    assert officer.post(f"/visits/reports/{number}", {"decision": "drop"}).status_code == 204
    assert officer.post(f"/visits/reports/{number}", {"decision": "record"}).status_code == 409
    with transaction(office_id) as session:
        assert session.scalars(select(Attempt)).all() == []


def test_mistakes_and_strangers(office_id: int, case: Case, officer: Person, person: Callable[..., Person]) -> None:
    round_id = planned(office_id, officer, case)
    set_out(office_id, round_id)
    other = person(Role.TAX_OFFICER)
    assert other.get(f"/visits/{round_id}/pack").status_code == 409
    assert other.get(f"/visits/{round_id}").status_code == 200
    token = {"X-CSRF-Token": officer.csrf}
    for body in (
        {},
        {"entries": [{"key": "x"}]},
        {"entries": "all"},
        {"entries": [entry(1, promise="10")]},
        {"entries": [entry(1, extra=1)]},
    ):
        assert officer.client.post(f"/visits/{round_id}/sync", json=body, headers=token).status_code == 422
    assert officer.client.post(f"/visits/{round_id}/sync", json={"entries": []}).status_code == 403
    assert sync(officer, round_id, entry(999_999))["answers"][0]["problem"]  # type: ignore[index]
    for role in (Role.OPERATOR, Role.SUPERVISOR, Role.AUDITOR, Role.ADMINISTRATOR):
        stranger = person(role)
        paths = ("/visits", "/visits/new", "/visits/phone", "/visits/worker.js", f"/visits/{round_id}", f"/visits/{round_id}/pack")
        assert {stranger.get(path).status_code for path in paths} == {403}
