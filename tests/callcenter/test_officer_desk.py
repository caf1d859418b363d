"""The officers' desk: a case from the hand-over to its end, what is asked of the contractor's supervisor, and who may see none of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import select

from callcenter.auth.models import AuditEvent, Role
from callcenter.core.clock import local_day, utc_now
from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel
from campaigns.attempts.effects import escalate
from campaigns.attempts.models import Escalation
from campaigns.compliance.gate import Allowed, DenialReason, Denied, check_set, load_policy
from campaigns.compliance.windows import next_open
from campaigns.debtors.models import Suppression
from campaigns.officers import desk
from campaigns.officers.models import OfficerRequest
from campaigns.planning.service import plan
from campaigns.promises.models import InstalmentPlan
from campaigns.promises.monitoring import monitor
from campaigns.worklist.fill import fill
from campaigns.worklist.models import WorkItem
from tests.callcenter.conftest import Case, Person, add_case


def today() -> date:
    """The day of the office now: midnight may pass between the collecting of tests and their running."""
    return local_day(utc_now())


@pytest.fixture
def case(office_id: int) -> Case:
    return add_case(office_id)


@pytest.fixture
def handed_over(office_id: int, case: Case) -> int:
    """The case with the officers, held back for their sake, as a conversation leaves it."""
    now = utc_now()
    with transaction(office_id) as session:
        row = escalate(session, case.debtor_id, "instalment", "月1万円なら納められる", now)
        session.add(Suppression(debtor_id=case.debtor_id, reason="officer_hold", starts_at=now))
        return row.id


@pytest.fixture
def officer(person: Callable[..., Person]) -> Person:
    return person(Role.TAX_OFFICER)


def row_of(office_id: int, number: int) -> Escalation:
    with transaction(office_id) as session:
        return session.scalars(select(Escalation).where(Escalation.id == number)).one()


def held(office_id: int) -> list[str]:
    with transaction(office_id) as session:
        return list(session.scalars(select(Suppression.reason).where(Suppression.lifted_at.is_(None)).order_by(Suppression.id)))


def test_a_case_shows_everything_and_goes_its_way_to_the_end(office_id: int, case: Case, handed_over: int, officer: Person) -> None:
    here = f"/escalations/{handed_over}"
    assert case.debtor_no in officer.get("/escalations").text
    shown = officer.get(here).text
    for known in (
        "月1万円なら納められる",
        "36,000",
        "38,200",
        "市県民税",
        "03-0000-0142",
        "これまでの約束",
        "分納の相談",
        "センターへの依頼",
    ):
        assert known in shown, known
    assert 'name="choice"' not in shown
    decide = {"decision": "decided", "choice": "close", "note": "納付書を渡した"}
    assert officer.post(here, decide).status_code == 409
    assert officer.post(here, {"decision": "accepted"}).status_code == 204
    assert case.debtor_no in officer.get("/escalations?view=mine").text
    assert case.debtor_no not in officer.get("/escalations").text
    assert "分納計画をつくる" in officer.get(here).text
    for wrong, status in (
        ({"choice": "none"}, 422),
        ({"note": " "}, 422),
        ({"choice": "plan"}, 422),
        ({"choice": "hold", "until": "2001-1-1"}, 422),
    ):
        assert officer.post(here, decide | wrong).status_code == status
    until = (today() + timedelta(days=30)).isoformat()
    assert officer.post(here, decide | {"choice": "hold", "until": until}).status_code == 204
    assert held(office_id) == ["officer_hold"]
    assert officer.post(here, decide).status_code == 409
    assert "連絡を止める" in officer.get("/escalations?view=over").text
    with transaction(office_id) as session:
        actions = set(session.scalars(select(AuditEvent.action).where(AuditEvent.action.like("escalation.%"))))
    assert {"escalation.listed", "escalation.viewed", "escalation.accepted", "escalation.decided"} <= actions


def test_a_colleague_s_case_is_taken_over_first(office_id: int, handed_over: int, officer: Person, person: Callable[..., Person]) -> None:
    here, other = f"/escalations/{handed_over}", person(Role.TAX_OFFICER)
    other.post(here, {"decision": "accepted"})
    answer = officer.post(here, {"decision": "returned", "reason": "other", "note": "x"})
    assert (answer.status_code, "引き受け" in answer.text) == (409, True)
    assert "引き受ける" in officer.get(here).text
    assert officer.post(here, {"decision": "accepted"}).status_code == 204
    assert row_of(office_id, handed_over).accepted_by == officer.user_id
    assert officer.post(here, {"decision": "open"}).status_code == 204
    assert row_of(office_id, handed_over).accepted_by is None


def test_what_is_returned_reaches_the_supervisor_and_no_operator(
    office_id: int, case: Case, handed_over: int, officer: Person, person: Callable[..., Person]
) -> None:
    here, told = f"/escalations/{handed_over}", {"decision": "returned", "reason": "more_needed", "note": "勤め先と給料日を聞いてください"}
    assert officer.post(here, told | {"reason": ""}).status_code == 422
    assert officer.post(here, told | {"note": ""}).status_code == 422
    assert officer.post(here, told).status_code == 204
    assert held(office_id) == []
    supervisor, operator = person(Role.SUPERVISOR), person(Role.OPERATOR)
    seen = supervisor.get("/supervisor/desk").text
    assert "勤め先と給料日を聞いてください" in seen
    assert "聞き取りが足りない" in seen
    assert [operator.get(path).status_code for path in ("/supervisor/desk", here)] == [403, 403]
    take = f"/supervisor/desk/returned/{handed_over}"
    assert operator.post(take).status_code == 403
    assert supervisor.post(take, {"note": "明日かけます"}).status_code == 204
    assert supervisor.post(take).status_code == 409
    assert "勤め先と給料日を聞いてください" not in supervisor.get("/supervisor/desk").text
    assert "明日かけます" in officer.get(here).text


def test_requests_go_to_the_supervisor_and_their_answers_come_back(
    office_id: int, case: Case, handed_over: int, officer: Person, person: Callable[..., Person]
) -> None:
    ask, told = f"/escalations/{handed_over}/requests", {"kind": "call", "body": "納付書が届いたか聞いてほしい"}
    for wrong in ({"kind": "order"}, {"body": ""}, {"due_on": "2001-01-01"}, {"due_on": "あした"}):
        assert officer.post(ask, told | wrong).status_code == 422
    key = "request-key-1"
    assert [officer.post(ask, told | {"due_on": today().isoformat()}, key=key).status_code for _ in range(2)] == [204, 204]
    with transaction(office_id) as session:
        request = session.scalars(select(OfficerRequest)).one()
        assert not [column for column in OfficerRequest.__table__.columns if "operator" in column.name]
    supervisor = person(Role.SUPERVISOR)
    assert "納付書が届いたか聞いてほしい" in supervisor.get("/supervisor/desk").text
    answer = f"/supervisor/desk/requests/{request.id}"
    assert supervisor.post(answer, {"state": "declined"}).status_code == 422
    assert supervisor.post(answer, {"state": "withdrawn"}).status_code == 422
    assert supervisor.post(answer, {"state": "in_hand", "reply": "きょう中に"}).status_code == 204
    assert officer.post(answer, {"state": "done"}).status_code == 403
    assert "きょう中に" in officer.get("/escalations/requests").text
    assert supervisor.post(answer, {"state": "done"}).status_code == 204
    assert supervisor.post(answer, {"state": "declined", "reply": "x"}).status_code == 409
    assert officer.post(f"/escalations/requests/{request.id}/withdraw").status_code == 409
    assert officer.post("/escalations/requests/999999/withdraw").status_code == 404
    assert "完了" in officer.get(f"/escalations/{handed_over}").text


def test_a_plan_decides_the_case_and_a_broken_one_brings_the_debtor_back_to_work(
    office_id: int, case: Case, handed_over: int, officer: Person
) -> None:
    officer.post(f"/escalations/{handed_over}", {"decision": "accepted"})
    due = today() + timedelta(days=20)
    saved = officer.post(
        "/plans/enter", {"debtor_id": case.debtor_id, "due_on": due.isoformat(), "amount": "74,200", "agreed_on": today().isoformat()}
    )
    assert saved.status_code == 204
    decided = row_of(office_id, handed_over)
    assert (decided.state, decided.decision, decided.accepted_by) == ("decided", "plan", officer.user_id)
    assert held(office_id) == []

    assert gate(office_id, case, today())[1] == Denied(DenialReason.INSTALMENT_PLAN)
    moment, _ = gate(office_id, case, due + timedelta(days=60))
    with transaction(office_id) as session:
        monitor(session, today=local_day(moment), now=moment)
        assert session.scalars(select(InstalmentPlan.state)).one() == "broken"
    assert isinstance(gate(office_id, case, local_day(moment))[1], Allowed)
    with transaction(office_id) as session:
        plan(session, case.campaign_id, moment)
        fill(session, case.campaign_id, moment)
        assert session.scalars(select(WorkItem.debtor_id).where(WorkItem.state == "ready")).all() == [case.debtor_id]
    assert "不履行" in officer.get(f"/escalations/{handed_over}").text


def gate(office_id: int, case: Case, day: date) -> tuple[datetime, Allowed | Denied]:
    """The first moment from a day on at which operators may call, and what the gate says then."""
    with transaction(office_id) as session:
        hours = load_policy(session).hours
        moment = next_open(hours, Channel.OPERATOR_CALL, datetime.combine(day, time(), hours.zone))
        assert moment is not None
        return moment, check_set(session, {case.debtor_id: None}, Channel.OPERATOR_CALL, moment)[case.debtor_id]


def test_lists_by_reason_and_age_and_the_workload(office_id: int, case: Case, officer: Person) -> None:
    now = utc_now()
    with transaction(office_id) as session:
        for days, reason in ((1, "complaint"), (10, "hardship"), (40, "refusal")):
            escalate(session, case.debtor_id, reason, f"{days}日前の話", now - timedelta(days=days))
    assert ["日前の話" in officer.get(f"/escalations?{query}").text for query in ("days=60", "reason=language")] == [False, False]
    aged = officer.get("/escalations?days=7").text
    assert ["10日前の話" in aged, "40日前の話" in aged, "1日前の話" in aged.replace("10日前", "")] == [True, True, False]
    assert officer.get("/escalations?view=nonsense&days=%E4%BA%8C&page_no=99999").status_code == 200
    with transaction(office_id) as session:
        rows, total = desk.list_cases(session, desk.Narrowing(), officer.user_id, now)
        assert ([row.case.reason for row in rows], total) == (["refusal", "hardship", "complaint"], 3)
        oldest = rows[0].case.id
    officer.post(f"/escalations/{oldest}", {"decision": "accepted"})
    with transaction(office_id) as session:
        nobody, mine = desk.workload(session, now)
        assert (nobody.officer, nobody.open, nobody.old, mine.open, mine.old) == ("", 2, 1, 1, 1)
        assert sum(week.came for week in desk.weeks(session, now)) == 3
    page = officer.get("/escalations/workload").text
    assert "40日" in page


def test_a_hold_stays_while_another_case_is_with_the_officers(office_id: int, case: Case, handed_over: int, officer: Person) -> None:
    with transaction(office_id) as session:
        other = escalate(session, case.debtor_id, "dispute", "", utc_now()).id
    returned = {"decision": "returned", "reason": "other", "note": "済み"}
    assert officer.post(f"/escalations/{handed_over}", returned).status_code == 204
    assert held(office_id) == ["officer_hold"]
    assert officer.post(f"/escalations/{other}", returned).status_code == 204
    assert held(office_id) == []
