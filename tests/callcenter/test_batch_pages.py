"""A batch's pages: who releases it, what its numbers lead to, and that looking at people is on record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from callcenter.auth.models import AuditEvent, Office, Role
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.web.batch_model import PAGE
from campaigns.attempts.codes import Channel
from campaigns.messages import batches
from campaigns.messages.models import Batch, BatchControl
from campaigns.messages.release import release_step
from campaigns.planning.service import plan, set_status
from campaigns.planning.state import CampaignStatus
from tests.callcenter.conftest import Person
from tests.campaigns.test_messages import Provider
from tests.campaigns.town import Town

People = Callable[..., Person]


@pytest.fixture
def campaign_id(office_id: int) -> int:
    """A running campaign of six people with mobiles in an office that is always open, planned."""
    now = utc_now()
    with transaction(office_id) as session:
        session.scalars(select(Office)).one().is_training = True
        town = Town(session)
        for _ in range(6):
            town.debtor(due=now.date() - timedelta(days=80))
        campaign = set_status(session, town.campaign().id, CampaignStatus.RUNNING, now)
        plan(session, campaign.id, now)
        return campaign.id


def prepared_by(person: Person, campaign_id: int) -> str:
    """The address of a batch that somebody prepared on the page."""
    answer = person.post(f"/campaigns/{campaign_id}/batches", {"channel": "sms"})
    assert answer.status_code == 204, answer.text
    return str(answer.headers["hx-redirect"])


def state(office_id: int) -> tuple[str, bool]:
    with transaction(office_id) as session:
        batch = session.scalars(select(Batch)).one()
        return batch.state, batch.approved_at is not None


def test_another_person_releases_what_one_has_prepared(person: People, office_id: int, campaign_id: int) -> None:
    first, officer, auditor = person(Role.SUPERVISOR), person(Role.TAX_OFFICER), person(Role.AUDITOR)
    address = prepared_by(first, campaign_id)
    shown = first.client.get(address).text
    assert "準備した人、送り方を変えた人は承認できません" in shown
    assert f'action="{address}/release"' not in shown
    assert first.post(f"{address}/release", {}).status_code == 403
    assert auditor.post(f"{address}/release", {}).status_code == 403
    assert "承認できるのは" in auditor.client.get(address).text
    assert f'action="{address}/release"' in officer.client.get(address).text
    assert officer.post(f"{address}/release", {}).status_code == 204
    assert state(office_id) == ("ready", True)
    assert first.post(f"{address}/edit", {"pace": "even"}).status_code == 204
    assert state(office_id) == ("ready", False)
    assert first.post(f"{address}/edit", {"pace": "fast"}).status_code == 422
    assert officer.post(f"{address}/release", {}).status_code == 204
    for wanted, now in (("paused", "paused"), ("ready", "ready"), ("cancelled", "cancelled")):
        assert officer.post(f"{address}/state", {"state": wanted}).status_code == 204
        assert state(office_id)[0] == now
    assert officer.post(f"{address}/state", {"state": "ready"}).status_code == 409
    assert officer.post(f"{address}/state", {"state": "done"}).status_code == 422
    assert "一括を取り消した" in first.client.get(address).text


def test_numbers_lead_to_people_and_looking_is_on_record(person: People, office_id: int, campaign_id: int) -> None:
    supervisor, officer = person(Role.SUPERVISOR), person(Role.TAX_OFFICER)
    address = prepared_by(supervisor, campaign_id)
    officer.post(f"{address}/release", {})
    release_step(lambda: transaction(office_id), Provider(), utc_now(), limit=4)
    page = supervisor.client.get(address).text
    assert "準備した6件と一致" in page
    assert "見本" not in page
    people = supervisor.client.get(f"{address}/people?group=sent")
    assert people.text.count("見本 佳代") == 4
    assert supervisor.client.get(f"{address}/examples").text.count("お電話ください") == 6
    for query in ("group=x", "state=x", "reaction=x", "reason=" + "x" * 50):
        assert supervisor.client.get(f"{address}/people?{query}").status_code == 422
    for query in ("reaction=paid", "state=ready", "page_no=99", "reason=batch"):
        assert supervisor.client.get(f"{address}/people?{query}").status_code == 200
    assert supervisor.client.get("/batches/999999").status_code == 404
    with transaction(office_id) as session:
        seen = session.scalars(select(AuditEvent.detail).where(AuditEvent.action == "debtor.listed")).all()
    assert {(told["page"], told["count"]) for told in seen} >= {("batch_people", 4), ("batch_examples", 6)}


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_what_came_of_it_stands_beside_those_left_alone(person: People, office_id: int, campaign_id: int, lang: str) -> None:
    supervisor = person(Role.SUPERVISOR)
    now = utc_now()
    with transaction(office_id) as session:
        made = batches.prepare_batch(session, campaign_id, Channel.SMS, now)
        assert made.batch is not None
        number = made.batch
    release_step(lambda: transaction(office_id), Provider(), now, limit=10)
    with transaction(office_id) as session:
        town = Town(session)
        town.numbers = iter(range(100, 200))  # type: ignore[assignment]
        paid, *left = (town.debtor() for _ in range(3))
        for debtor in (paid, *left):
            session.add(BatchControl(batch_id=number, debtor_id=debtor.id, arm="wait"))
        town.payment(paid, 1_000, (now + timedelta(hours=9)).date())
        town.payment(session.get_one(type(paid), (office_id, 1)), 5_000, (now + timedelta(hours=9)).date())
    supervisor.client.post("/language", data={"lang": lang, "csrf_token": supervisor.csrf})
    page = supervisor.client.get(f"/batches/{number}").text
    assert ("対照" if lang == "ja" else "Control") in page
    assert "16.7%" in page
    assert ("偶然でもありうる" if lang == "ja" else "may be chance") in page


def test_a_long_list_of_batches_goes_on_on_the_next_page(person: People, office_id: int, campaign_id: int) -> None:
    with transaction(office_id) as session:
        for _ in range(PAGE + 1):
            batches.order_batch(session, campaign_id, Channel.SMS, utc_now(), utc_now())
    who = person(Role.SUPERVISOR)
    first = who.client.get("/batches").text
    assert 'href="/batches?page_no=2"' in first
    second = who.client.get("/batches?page_no=2").text
    assert 'href="/batches?page_no=1"' in second
    assert 'href="/batches?page_no=3"' not in second
    assert 'href="/batches/1"' in second
