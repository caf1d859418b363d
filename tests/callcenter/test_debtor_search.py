"""The search page: nothing personal in addresses and logs, every search on record, clear sentences for none and too many."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from callcenter.auth.models import AuditEvent, Role
from callcenter.core.db import transaction
from callcenter.core.text import kana_key, search_key
from callcenter.web import debtor_search
from campaigns.debtors.models import Debtor
from tests.callcenter.conftest import Person, add_case


@pytest.fixture
def supervisor(person: Callable[..., Person]) -> Person:
    return person(Role.SUPERVISOR)


def add_people(office_id: int, count: int, name: str = "見本 太郎") -> None:
    with transaction(office_id) as session:
        for number in range(count):
            session.add(
                Debtor(
                    debtor_no=f"9{number:09d}",
                    name=name,
                    name_kana="ミホン タロウ",
                    name_key=search_key(name),
                    kana_key=kana_key("ミホン タロウ"),
                )
            )


def searched(office_id: int) -> list[AuditEvent]:
    with transaction(office_id) as session:
        return list(session.scalars(select(AuditEvent).where(AuditEvent.action == "debtor.searched").order_by(AuditEvent.id)))


def test_a_number_leads_to_its_page_and_back_to_the_search(supervisor: Person, office_id: int) -> None:
    case = add_case(office_id)
    found = supervisor.post("/debtors/search", {"words": "12345"})
    assert (found.status_code, found.headers["location"]) == (303, f"/debtors/{case.debtor_id}")
    assert supervisor.get(found.headers["location"]).status_code == 200
    assert 'value="12345"' in supervisor.get("/debtors").text


def test_a_name_leads_to_a_list(supervisor: Person, office_id: int) -> None:
    case = add_case(office_id)
    answer = supervisor.post("/debtors/search", {"words": "見本"})
    assert answer.headers["location"] == "/debtors"
    page = supervisor.get("/debtors").text
    assert f'href="/debtors/{case.debtor_id}"' in page
    assert "見本 佳代" in page
    assert "74,200" in page


def test_that_there_was_a_search_is_on_record_and_its_words_are_not(
    supervisor: Person, office_id: int, capfd: pytest.CaptureFixture[str]
) -> None:
    add_people(office_id, 3)
    supervisor.post("/debtors/search", {"words": "見本太郎"})
    supervisor.get("/debtors")
    (event,) = searched(office_id)
    assert event.detail == {"results": 3, "has_more": False, "by": ["kana", "name"]} or event.detail["results"] == 3
    assert event.user_id == supervisor.user_id
    told = "".join(capfd.readouterr())
    assert "見本" not in told
    assert "見本" not in str(event.detail)


def test_too_many_and_none_say_what_to_do(supervisor: Person, office_id: int) -> None:
    add_people(office_id, 60)
    supervisor.post("/debtors/search", {"words": "見本"})
    page = supervisor.get("/debtors").text
    assert page.count("data-result>") == 50
    assert "50+人" in page
    assert "50人より多く" in page
    supervisor.post("/debtors/search", {"words": "見本", "status": "not_listed"})
    page = supervisor.get("/debtors").text
    assert "当てはまる人はいません" in page
    assert "条件を「すべて」に戻すと" in page


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"words": " "}, "words"),
        ({"words": "あ" * 90}, "words"),
        ({"words": "見本", "least": "たくさん"}, "least"),
        ({"words": "見本", "most": "-5"}, "most"),
        ({"words": "見本", "least": "9", "most": "5"}, "least"),
    ],
)
def test_what_can_not_be_searched_for_is_named_at_its_field(supervisor: Person, form: dict[str, str], field: str) -> None:
    answer = supervisor.post("/debtors/search", form)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text


def test_odd_filters_are_no_filters(supervisor: Person, office_id: int) -> None:
    add_people(office_id, 1)
    supervisor.post("/debtors/search", {"words": "見本", "hold": "x", "channel": "pigeon", "status": "?"})
    assert "data-result>" in supervisor.get("/debtors").text


def test_the_search_can_be_forgotten(supervisor: Person, office_id: int) -> None:
    add_people(office_id, 1)
    supervisor.post("/debtors/search", {"words": "見本"})
    assert supervisor.post("/debtors/forget").status_code == 303
    assert "見本" not in supervisor.get("/debtors").text


def test_nobody_sees_the_search_of_another(supervisor: Person, person: Callable[..., Person], office_id: int) -> None:
    add_people(office_id, 1)
    supervisor.post("/debtors/search", {"words": "見本"})
    assert "見本" not in person(Role.TAX_OFFICER).get("/debtors").text


def test_many_searches_in_a_minute_are_refused(supervisor: Person, office_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debtor_search, "SEARCHES", debtor_search.parse("3 per hour"))  # a minute could be over
    statuses = [supervisor.post("/debtors/search", {"words": str(number)}).status_code for number in range(5)]
    assert statuses == [303, 303, 303, 429, 429]


def test_operators_and_administrators_search_nobody(person: Callable[..., Person]) -> None:
    for role in (Role.OPERATOR, Role.ADMINISTRATOR):
        who = person(role)
        assert who.get("/debtors").status_code == 403
        assert who.post("/debtors/search", {"words": "1"}).status_code == 403
