"""How a campaign dials: the page says what is in force and why, and its form keeps what was typed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from callcenter.auth.models import AuditEvent, Role
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.web import phrases
from callcenter.web.board_feed import FEED
from campaigns.attempts.codes import Channel
from campaigns.planning.dialling import Dialling, dialling_of, with_settings
from campaigns.planning.models import Campaign
from campaigns.planning.service import create_campaign, set_status
from campaigns.planning.state import CampaignStatus
from dialer.agents import service as agents
from dialer.calls.models import DialerLease
from dialer.pacing import PacingDecision, PacingSnapshot, Why
from dialer.pacing.standing import keep_decision
from tests.callcenter.conftest import Person
from tests.dialer.world import MORNING, add_debtor, add_work
from tests.telephony.test_main_job import open_always

GIVEN = {
    "dial_mode": "predictive",
    "priority": "2",
    "ring_seconds": "25",
    "wrap_up_seconds": "90",
    "max_lines": "12",
    "robocall_lines": "0",
    "least_operators": "4",
    "abandon_percent": "1.5",
    "abandon_text": "こちらは{office}です。",
}


@pytest.fixture
def campaign_id(office_id: int) -> int:
    now = utc_now()
    with transaction(office_id) as session:
        campaign = create_campaign(session, "秋", now, dial_mode="predictive", options={"robocall_script": "x"})
        set_status(session, campaign.id, CampaignStatus.RUNNING, now)
        return campaign.id


def kept(office_id: int) -> Campaign:
    with transaction(office_id) as session:
        return session.scalars(select(Campaign)).one()


def test_the_settings_are_kept_and_on_record(person: Callable[..., Person], office_id: int, campaign_id: int) -> None:
    supervisor = person(Role.SUPERVISOR)
    address = f"/campaigns/{campaign_id}/dialling"
    assert supervisor.post(address, {**GIVEN, "request_id": uuid4().hex}).status_code in (200, 204, 303)
    campaign = kept(office_id)
    assert (campaign.dial_mode, campaign.priority, campaign.options["robocall_script"]) == ("predictive", 2, "x")
    assert dialling_of(campaign.options) == Dialling(25, 90, 12, 0, 1.5, 4, "こちらは{office}です。")
    with transaction(office_id) as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "campaign.dialling_changed")).one()
    assert event.detail["abandon_percent"] == 1.5


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("abandon_percent", "3.5"),
        ("abandon_percent", "nan"),
        ("ring_seconds", "5"),
        ("max_lines", "1.5"),
        ("least_operators", ""),
        ("dial_mode", "fast"),
        ("priority", "0"),
        ("abandon_text", "あ" * 301),
    ],
)
def test_what_can_not_be_is_refused_with_its_field_and_nothing_is_lost(
    person: Callable[..., Person], office_id: int, campaign_id: int, field: str, value: str
) -> None:
    supervisor = person(Role.SUPERVISOR)
    answer = supervisor.post(f"/campaigns/{campaign_id}/dialling", {**GIVEN, field: value})
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert kept(office_id).options == {"robocall_script": "x"}


@pytest.mark.parametrize("why", list(Why))
def test_every_reason_is_told_in_words(person: Callable[..., Person], office_id: int, campaign_id: int, why: Why) -> None:
    with transaction(office_id) as session:
        keep_decision(session, campaign_id, PacingSnapshot("predictive", 1, 1, 5), PacingDecision(why=why), utc_now())
        session.add(DialerLease(campaign_id=campaign_id, node="node1", lease_until=utc_now() + timedelta(minutes=1)))
    supervisor = person(Role.SUPERVISOR)
    assert supervisor.get(f"/campaigns/{campaign_id}/dialling").status_code == 200
    for lang in ("ja", "en"):
        page = supervisor.get(f"/campaigns/{campaign_id}/dialling/now", headers={"Accept-Language": lang}).text
        assert f"dialling_why.{why}" not in page
    assert "先を読んで発信" in supervisor.get(f"/campaigns/{campaign_id}").text


@pytest.mark.parametrize(
    ("problem", "ja", "en"),
    [
        ("trunk_failing", "回線側の障害", "The trunk failed"),
        ("trunk_silent", "何の応答も", "The trunk gives no answer"),
        ("carrier_down", "電話会社につながりません", "The carrier does not answer"),
    ],
)
def test_what_stops_a_dialer_is_told_on_the_board_and_on_the_campaign_s_page(
    person: Callable[..., Person], office_id: int, campaign_id: int, problem: str, ja: str, en: str
) -> None:
    with transaction(office_id) as session:
        keep_decision(session, campaign_id, PacingSnapshot("predictive", 1, 1, 5), PacingDecision(why=Why.PACED), utc_now())
        until = utc_now() + timedelta(minutes=1)
        session.add(DialerLease(campaign_id=campaign_id, node="node1", lease_until=until, problem=problem))
    supervisor = person(Role.SUPERVISOR)
    for lang, words in (("ja", ja), ("en", en)):
        supervisor.client.post("/language", data={"lang": lang, "csrf_token": supervisor.csrf})
        for page, count in ((f"/campaigns/{campaign_id}/dialling/now", 1), ("/supervisor", 2)):  # among the notices, too
            assert supervisor.get(page).text.casefold().count(words.casefold()) == count


def test_an_open_board_tells_at_once_that_no_calls_are_placed_and_when_it_was_made(
    person: Callable[..., Person], office_id: int, campaign_id: int
) -> None:
    supervisor = person(Role.SUPERVISOR)
    assert "回線側の障害" not in supervisor.get("/supervisor").text
    with transaction(office_id) as session:
        until = utc_now() + timedelta(minutes=1)
        session.add(DialerLease(campaign_id=campaign_id, node="node1", lease_until=until, problem="trunk_failing"))
    FEED.note(office_id)  # what the dialer publishes with it
    board = supervisor.fragment("/supervisor/board").text
    assert board.count("回線側の障害") == 2
    assert re.search(r'<hx-partial hx-target="#board-time" hx-swap="innerHTML">\d\d:\d\d:\d\d</hx-partial>', board)


def test_who_waits_is_told_why_no_call_comes_without_a_reload_and_how_many_are_due_in_what_runs(
    person: Callable[..., Person], office_id: int, campaign_id: int
) -> None:
    operator, now = person(Role.OPERATOR), utc_now()
    open_always(office_id)
    with transaction(office_id) as session:
        until = now + timedelta(minutes=1)
        session.add(DialerLease(campaign_id=campaign_id, node="node1", lease_until=until))
        paused = create_campaign(session, "paused", now)
        agent = agents.sign_in(session, operator.user_id, now=now)
        agent.is_leg_up, agent.leg_node = True, "node1"
        agents.ready(session, operator.user_id, now)
        for campaign, count in ((campaign_id, 2), (paused.id, 3)):
            add_work(session, campaign, [add_debtor(session, 10 * count + n).id for n in range(count)], Channel.OPERATOR_CALL, MORNING)
    assert "掛けられる案件は2件" in operator.get("/operator").text
    with transaction(office_id) as session:
        session.execute(update(DialerLease).values(problem="trunk_silent"))
    told = operator.fragment("/console/stage?key=idle:ready").text  # what an open page asks for when the dialer publishes that
    assert '<hx-partial hx-target="#idle-reason"' in told
    assert phrases.WAITING["trunk_silent"][0] in told
    assert '<hx-partial hx-target="#stage"' not in told


def test_settings_that_can_not_be_read_are_as_in_the_defaults_and_do_not_stop_a_campaign() -> None:
    found = dialling_of({"max_lines": "many", "abandon_percent": 50, "ring_seconds": 20})
    assert found == Dialling(ring_seconds=20)
    assert with_settings({"other": 1, "ring_seconds": 20}, {"ring_seconds": 30, "max_lines": 4}) == {"other": 1, "max_lines": 4}
