"""The supervisor's desk: call-backs given to others, words to the team, what the data lack, and the people behind the board's numbers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from callcenter.auth.models import AuditEvent, Role
from callcenter.core.clock import local_day, utc_now
from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Attempt
from campaigns.compliance.gate import check
from campaigns.debtors.models import PhoneNumber, Suppression
from campaigns.imports.models import ImportFile
from campaigns.payments.models import Payment
from campaigns.worklist.models import WorkItem
from dialer.agents.models import AgentSession
from reports.control.models import MetricTarget
from tests.callcenter.conftest import Case, Person, add_case, put_on_the_line

DESK = "/supervisor/desk"


@pytest.fixture
def case(office_id: int) -> Case:
    return add_case(office_id)


@pytest.fixture
def supervisor(person: Callable[..., Person]) -> Person:
    return person(Role.SUPERVISOR)


def add_callback(office_id: int, case: Case, user_id: int | None, **changes: object) -> int:
    now = utc_now()
    with transaction(office_id) as session:
        item = WorkItem(
            campaign_id=case.campaign_id,
            debtor_id=case.debtor_id,
            channel="operator_call",
            not_before=now - timedelta(minutes=5),
            is_callback=True,
            user_id=user_id,
            created_at=now,
            updated_at=now,
        )
        for name, value in changes.items():
            setattr(item, name, value)
        session.add(item)
        session.flush()
        return item.id


def test_a_call_back_is_given_to_another_and_to_anybody(
    office_id: int, case: Case, supervisor: Person, person: Callable[..., Person]
) -> None:
    mine, other = person(Role.OPERATOR, "mizuno"), person(Role.OPERATOR, "saegusa")
    item_id = add_callback(office_id, case, mine.user_id)
    page = supervisor.get(DESK).text
    assert ["期限切れ" in page, "mizuno" in page, "saegusa" in page] == [True, True, True]
    give = f"{DESK}/callbacks/{item_id}"

    def owner() -> int | None:
        with transaction(office_id) as session:
            return session.scalars(select(WorkItem.user_id).where(WorkItem.id == item_id)).one()

    assert supervisor.post(give, {"user_id": other.user_id}).status_code == 204
    assert owner() == other.user_id
    assert supervisor.post(give, {"user_id": ""}).status_code == 204
    assert owner() is None
    for wrong in (supervisor.user_id, "nobody", 999_999):
        assert supervisor.post(give, {"user_id": wrong}).status_code == 422
    assert supervisor.post(f"{DESK}/callbacks/999999", {"user_id": ""}).status_code == 404
    with transaction(office_id) as session:
        session.scalars(select(WorkItem)).one().state = "claimed"
    assert supervisor.post(give, {"user_id": other.user_id}).status_code == 409
    assert mine.post(give, {"user_id": mine.user_id}).status_code == 403


def test_words_to_the_team_are_shown_until_read_or_taken_back(office_id: int, supervisor: Person, person: Callable[..., Person]) -> None:
    one, two = person(Role.OPERATOR), person(Role.OPERATOR)
    for wrong in ({"body": "", "hours": 4}, {"body": "あ" * 301, "hours": 4}, {"body": "x", "hours": 5}):
        assert supervisor.post(f"{DESK}/messages", wrong).status_code == 422
    words = "15時から<b>朝礼室</b>で打ち合わせです"
    assert supervisor.post(f"{DESK}/messages", {"body": words, "hours": 4}).status_code == 204
    for operator in (one, two):
        shown = operator.fragment("/operator/team").text
        assert "15時から&lt;b&gt;朝礼室" in shown
    number = int(one.fragment("/operator/team").text.split("/operator/team/")[1].split("/")[0])
    assert [one.post(f"/operator/team/{number}/seen").status_code for _ in range(2)] == [204, 204]
    assert "朝礼室" not in one.fragment("/operator/team").text
    assert "朝礼室" in two.fragment("/operator/team").text
    assert "1人が確認" in supervisor.get(DESK).text
    assert supervisor.post(f"{DESK}/messages/{number}/end").status_code == 204
    assert "朝礼室" not in two.fragment("/operator/team").text
    assert one.post("/operator/team/999999/seen").status_code == 404
    assert supervisor.get("/operator/team").status_code == 403
    assert 'id="team"' in one.get("/operator").text


def test_a_result_that_ran_out_is_written_by_the_supervisor(
    office_id: int, case: Case, supervisor: Person, person: Callable[..., Person]
) -> None:
    operator, now = person(Role.OPERATOR), utc_now()
    attempt = put_on_the_line(office_id, operator.user_id, case, state="wrap_up", now=now)
    there, told = f"{DESK}/overdue/{attempt}", {"outcome": "refuses", "note": "録音を聞いた"}
    assert supervisor.post(there, told).status_code == 409  # its operator still has time
    with transaction(office_id) as session:
        session.get_one(Attempt, (office_id, attempt)).wrap_up_until = now - timedelta(minutes=1)
    page = supervisor.get(DESK).text
    assert ["代わりに書く" in page, operator.get(DESK).status_code] == [True, 403]
    for wrong in ({"outcome": ""}, {"outcome": "promise_full"}, {"outcome": "reissue_slip"}, {"note": " "}):
        assert supervisor.post(there, told | wrong).status_code == 422
    assert [operator.post(there, told).status_code, supervisor.post(f"{DESK}/overdue/999999", told).status_code] == [403, 404]
    assert [supervisor.post(there, told, key="one press").status_code for _ in range(2)] == [204, 204]
    assert supervisor.post(there, told).status_code == 409
    assert "代わりに書く" not in supervisor.get(DESK).text
    with transaction(office_id) as session:
        row = session.get_one(Attempt, (office_id, attempt))
        assert (row.state, row.party, row.outcome, row.note) == ("closed", "debtor_unverified", "refuses", "録音を聞いた")
        assert session.scalars(select(AgentSession.state)).one() == "ready"  # who still sat before it goes on
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "attempt.recorded_for")).one()
        assert (event.user_id, event.subject_id, event.detail["operator_id"]) == (supervisor.user_id, case.debtor_id, operator.user_id)


def test_what_the_data_lack(office_id: int, case: Case, supervisor: Person) -> None:
    assert "全員に使える番号があります" in supervisor.get(DESK).text
    now = utc_now()
    with transaction(office_id) as session:
        session.scalars(select(PhoneNumber)).one().status = "dead"
        session.add(
            Payment(
                source_ref="p1",
                debtor_no="9",
                tax_code="10",
                levy_year=2026,
                base_year=2026,
                term=1,
                notice_no="1",
                paid_on=local_day(now),
                principal=12_345,
                status="unmatched",
                recorded_at=now,
            )
        )
        session.add(
            ImportFile(
                kind="debts",
                layout="standard",
                as_of=local_day(now),
                original_name="十一月の名簿.csv",
                stored_path="x",
                sha256="0" * 64,
                size_bytes=1,
                status="done",
                rejected=7,
                created_at=now,
            )
        )
    page = supervisor.get(DESK).text
    assert case.debtor_no in page
    assert "74,200" in page
    assert "12,345円" in page
    assert "十一月の名簿.csv" in page


def test_a_result_that_is_owed_stands_on_the_desk(office_id: int, case: Case, supervisor: Person, person: Callable[..., Person]) -> None:
    operator = person(Role.OPERATOR, "hirose")
    put_on_the_line(office_id, operator.user_id, case, state="wrap_up", now=utc_now() - timedelta(minutes=10))
    page = supervisor.get(DESK).text
    assert "hirose" in page
    assert "結果なし" in page


def test_the_board_s_numbers_lead_to_their_people_and_stand_beside_their_targets(office_id: int, case: Case, supervisor: Person) -> None:
    now = utc_now()
    with transaction(office_id) as session:
        session.add(Suppression(debtor_id=case.debtor_id, reason="complaint", starts_at=now - timedelta(days=1)))
        session.add(
            MetricTarget(month=local_day(now).replace(day=1), metric="contact_rate_per_call", value=0.31, updated_by=None, updated_at=now)
        )
        session.flush()
        check(session, case.debtor_id, Channel.OPERATOR_CALL, now)
    board = supervisor.get("/supervisor").text
    href = "/supervisor/refused?reason=complaint&amp;channel=operator_call"
    assert href in board
    assert "目標 31.0%" in board
    people = supervisor.get(href.replace("&amp;", "&")).text
    assert case.debtor_no in people
    assert supervisor.get("/supervisor/refused?reason=%3Cb%3E&channel=x&page_no=-4").status_code == 200
    with transaction(office_id) as session:
        assert "debtor.listed" in session.scalars(select(AuditEvent.action)).all()
