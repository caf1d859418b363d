"""A debtor's page: everything of one person, who may change what, and what every look and change leaves on record."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import AuditEvent, Role, User
from callcenter.core.clock import OFFICE_ZONE, local_day, utc_now
from callcenter.core.db import transaction
from callcenter.web.debtor_timeline import entry_model
from campaigns.debtors.models import Debtor, PhoneEvent, PhoneNumber, Suppression
from campaigns.debtors.timeline import read_timeline
from campaigns.debtors.timeline_sources import SOURCES
from campaigns.payments.rates import rates
from campaigns.planning.service import create_campaign
from campaigns.worklist.models import WorkItem
from tests.callcenter.conftest import Case, Person, add_case
from tests.campaigns.test_debtor_timeline import fill as fill_timeline
from tests.campaigns.town import Town
from tests.telephony.test_main_job import open_always

EDITORS = (Role.SUPERVISOR, Role.TAX_OFFICER)


@pytest.fixture
def case(office_id: int) -> Case:
    return add_case(office_id)


@pytest.fixture
def supervisor(person: Callable[..., Person]) -> Person:
    return person(Role.SUPERVISOR)


def is_rate_known() -> bool:
    """Whether today's rate of the late charge is in the table: where it is not, nothing is guessed, and the page says so."""
    return rates()[-1].last >= local_day(utc_now())


def actions(office_id: int) -> list[str]:
    with transaction(office_id) as session:
        return list(session.scalars(select(AuditEvent.action).where(AuditEvent.subject_type == "debtor").order_by(AuditEvent.id)))


def phone_id(office_id: int) -> int:
    with transaction(office_id) as session:
        return session.scalars(select(PhoneNumber.id).order_by(PhoneNumber.id).limit(1)).one()


def add_to_household(office_id: int, case: Case) -> int:
    with transaction(office_id) as session:
        session.scalars(select(Debtor).where(Debtor.id == case.debtor_id)).one().household_no = "77"
        other = Debtor(debtor_no="888", name="見本 一郎", household_no="77")
        session.add(other)
        session.flush()
        return other.id


def test_the_page_tells_all_of_one_person(supervisor: Person, case: Case, office_id: int) -> None:
    page = supervisor.get(f"/debtors/{case.debtor_id}").text
    for shown in (
        "見本 佳代",
        "00012345",
        "架空市本町二丁目3番4号",
        "市県民税",
        "74,200",
        "36,000",
        "38,200",
        "03-0000-0142",
        "R8.6.30",
        "未確定" if is_rate_known() else "割合が公表されていない",
        "未確認",
    ):
        assert shown in page
    assert actions(office_id) == ["debtor.viewed"]


@pytest.mark.parametrize(("later", "words"), [(timedelta(hours=-1), "順番を待っています"), (timedelta(days=40), "以降")])
def test_the_page_tells_what_is_queued_and_from_when(supervisor: Person, case: Case, office_id: int, later: timedelta, words: str) -> None:
    open_always(office_id)
    with transaction(office_id) as session:
        now = utc_now()
        campaign = create_campaign(session, "11月名簿", now)
        campaign.status = "running"
        item = WorkItem(campaign_id=campaign.id, debtor_id=case.debtor_id, channel="operator_call", not_before=now + later, tries=2)
        item.created_at = item.updated_at = now
        session.add(item)
        due = item.not_before.astimezone(OFFICE_ZONE)
    page = re.sub("<[^>]*>", "", supervisor.get(f"/debtors/{case.debtor_id}").text)
    assert words in page
    assert "これまで2回" in page
    assert later < timedelta() or f"{due.month}月{due.day}日" in page


def test_a_number_is_added_and_stopped(supervisor: Person, case: Case, office_id: int) -> None:
    path = f"/debtors/{case.debtor_id}/phones"
    assert supervisor.post(path, {"number": "090-1234-5678", "source": "research", "why": "番号案内"}).status_code == 204
    with transaction(office_id) as session:
        added = session.scalars(select(PhoneNumber).where(PhoneNumber.e164 == "+819012345678")).one()
    assert supervisor.post(f"{path}/{added.id}", {"status": "wrong_person", "why": "別の方が出た"}).status_code == 204
    page = supervisor.get(f"/debtors/{case.debtor_id}").text
    for shown in ("090-1234-5678", "間違い", "番号案内", "別の方が出た", "職員の調査"):
        assert shown in page
    assert actions(office_id)[:2] == ["debtor.phone_added", "debtor.phone_changed"]
    with transaction(office_id) as session:
        assert {event.user_id for event in session.scalars(select(PhoneEvent))} == {supervisor.user_id}


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"number": "", "source": "research", "why": "x"}, 422),
        ({"number": "090-1234-5678", "source": "research", "why": ""}, 422),
        ({"number": "090-1234-5678", "source": "?", "why": "x"}, 422),
        ({"number": "03-0000-0142", "source": "research", "why": "x"}, 422),
    ],
)
def test_a_number_that_can_not_be_added(supervisor: Person, case: Case, form: dict[str, str], status: int) -> None:
    answer = supervisor.post(f"/debtors/{case.debtor_id}/phones", form)
    assert answer.status_code == status
    assert "＊" in answer.text


def test_the_same_press_again_changes_nothing(supervisor: Person, case: Case, office_id: int) -> None:
    form = {"number": "090-1234-5678", "source": "research", "why": "x"}
    for _ in range(2):
        assert supervisor.post(f"/debtors/{case.debtor_id}/phones", form, key="k" * 20).status_code == 204
    assert supervisor.post(f"/debtors/{case.debtor_id}/phones", form).status_code == 409
    with transaction(office_id) as session:
        assert len(session.scalars(select(PhoneEvent)).all()) == 1


def test_contact_is_held_and_let_go(supervisor: Person, case: Case, office_id: int) -> None:
    now = utc_now()
    with transaction(office_id) as session:
        session.add(
            WorkItem(
                campaign_id=case.campaign_id,
                debtor_id=case.debtor_id,
                channel="operator_call",
                not_before=now,
                created_at=now,
                updated_at=now,
            )
        )
    until = (local_day(now) + timedelta(days=7)).isoformat()
    form = {"reason": "complaint", "channel": "", "until": until, "why": "窓口で伺った"}
    assert supervisor.post(f"/debtors/{case.debtor_id}/holds", form).status_code == 204
    with transaction(office_id) as session:
        assert session.scalars(select(WorkItem.state)).one() == "withdrawn"
        hold = session.scalars(select(Suppression)).one()
    page = supervisor.get(f"/debtors/{case.debtor_id}").text
    assert "苦情を対応中" in page
    assert "窓口で伺った" in page
    assert supervisor.post(f"/debtors/{case.debtor_id}/holds/{hold.id}", {"why": ""}).status_code == 422
    assert supervisor.post(f"/debtors/{case.debtor_id}/holds/{hold.id}", {"why": "済んだ"}).status_code == 204
    assert supervisor.post(f"/debtors/{case.debtor_id}/holds/{hold.id}", {"why": "済んだ"}).status_code == 409
    assert "停止はありません" in supervisor.get(f"/debtors/{case.debtor_id}").text
    assert {"debtor.hold_added", "debtor.hold_lifted"} <= set(actions(office_id))


@pytest.mark.parametrize("until", ["いつか", "2001-01-01"])
def test_a_day_that_is_none(supervisor: Person, case: Case, until: str) -> None:
    form = {"reason": "complaint", "until": until, "why": "x"}
    assert supervisor.post(f"/debtors/{case.debtor_id}/holds", form).status_code == 422


def test_officers_alone_hold_a_case_as_theirs(person: Callable[..., Person], case: Case) -> None:
    form = {"reason": "officer_hold", "why": "差押の準備"}
    supervisor, officer = person(Role.SUPERVISOR), person(Role.TAX_OFFICER)
    assert supervisor.post(f"/debtors/{case.debtor_id}/holds", form).status_code == 403
    assert officer.post(f"/debtors/{case.debtor_id}/holds", form).status_code == 204
    assert "職員が対応中" in supervisor.get(f"/debtors/{case.debtor_id}").text


def test_auditors_see_and_change_nothing(person: Callable[..., Person], case: Case, office_id: int) -> None:
    auditor = person(Role.AUDITOR)
    page = auditor.get(f"/debtors/{case.debtor_id}").text
    assert "/phones" not in page
    assert "/holds" not in page
    assert "/household" not in page
    assert "この画面を開いた" in auditor.get(f"/debtors/{case.debtor_id}?show=view").text
    for path in ("phones", f"phones/{phone_id(office_id)}", "holds", "household"):
        assert auditor.post(f"/debtors/{case.debtor_id}/{path}", {"why": "x"}).status_code == 403


def test_who_looked_is_shown_to_auditors_only(supervisor: Person, case: Case) -> None:
    supervisor.get(f"/debtors/{case.debtor_id}")
    assert "この画面を開いた" not in supervisor.get(f"/debtors/{case.debtor_id}").text
    assert "この画面を開いた" not in supervisor.fragment(f"/debtors/{case.debtor_id}/timeline?show=view").text


def test_a_household_is_told_without_names_and_opened_on_record(supervisor: Person, case: Case, office_id: int) -> None:
    other = add_to_household(office_id, case)
    page = supervisor.get(f"/debtors/{case.debtor_id}").text
    assert "ほかに1人" in page
    assert "見本 一郎" not in page
    assert f"/debtors/{other}" not in page
    opened = supervisor.post(f"/debtors/{case.debtor_id}/household")
    assert "見本 一郎" in opened.text
    assert "円" not in opened.text
    assert actions(office_id)[-2:] == ["debtor.household_opened", "debtor.seen_in_household"]


def test_the_timeline_narrows_and_goes_on(supervisor: Person, case: Case, office_id: int) -> None:
    now = utc_now()
    with transaction(office_id) as session:
        for number in range(50):
            starts_at = now - timedelta(hours=number)
            session.add(Suppression(debtor_id=case.debtor_id, reason="complaint", starts_at=starts_at, note=f"印{number}。"))
    first = supervisor.fragment(f"/debtors/{case.debtor_id}/timeline?show=decision").text
    assert "印0。" in first
    assert "印49。" not in first
    mark = first.partition("before=")[2].partition('"')[0]
    older = supervisor.fragment(f"/debtors/{case.debtor_id}/timeline?show=decision&before={mark}")
    assert "印49。" in older.text
    assert "印0。" not in older.text
    assert "<html" not in older.text
    assert supervisor.fragment(f"/debtors/{case.debtor_id}/timeline?before=x").status_code == 422
    assert "苦情" not in supervisor.fragment(f"/debtors/{case.debtor_id}/timeline?show=money").text


def test_operators_see_debtors_through_their_call_only(person: Callable[..., Person], case: Case) -> None:
    for role in (Role.OPERATOR, Role.ADMINISTRATOR):
        who = person(role)
        for path in (f"/debtors/{case.debtor_id}", f"/debtors/{case.debtor_id}/timeline"):
            assert who.get(path).status_code == 403


def test_pages_in_english_are_complete(supervisor: Person, case: Case, office_id: int) -> None:
    add_to_household(office_id, case)
    supervisor.post(f"/debtors/{case.debtor_id}/holds", {"reason": "vulnerable", "why": "x"})
    supervisor.client.post("/language", data={"lang": "en", "csrf_token": supervisor.csrf})
    page = supervisor.get(f"/debtors/{case.debtor_id}").text
    charge = "not fixed" if is_rate_known() else "without a published rate"
    for shown in ("Assessed", charge, "Special care", "Not tried", "Contact held", "Open the household"):
        assert shown in page
    assert "Nobody fits" not in page


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_every_kind_of_entry_has_words(session: Session, lang: str) -> None:
    user = User(sign_in_name="s", display_name="堀", role=Role.SUPERVISOR)
    session.add(user)
    session.flush()
    debtor = fill_timeline(session, Town(session), user)
    entries = read_timeline(session, debtor.id, frozenset(), may_see_views=True).entries
    told = [entry_model(entry, lang, {1: "市県民税 令和8年度 1期"}, date(2027, 1, 1)) for entry in entries]
    assert len(told) == len(SOURCES)
    for entry in told:
        assert entry["text"]
        assert "None" not in entry["text"] + "".join(entry["details"])
        assert entry["year"] == ("2026" if lang == "en" else "R8")
