"""The web process is killed in mid-shift, and the network is slow: the page recovers, no call card is lost or doubled, and no word."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select, update

from callcenter.auth import throttling
from callcenter.auth.models import AuditEvent, Role
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.live import publish
from campaigns.attempts.models import Attempt
from dialer.agents.models import AgentSession
from dialer.calls.models import Call
from tests.browser.looking import answered, verified
from tests.browser.serving import Web
from tests.browser.test_main_job import Desk
from tests.callcenter.conftest import Case, add_case, add_user, put_on_the_line

pytestmark = pytest.mark.browser
SOON = 120_000  # a process comes up meanwhile
SLOW = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 20_000}


@pytest.fixture
def web(office_id: int) -> Iterator[Web]:
    process = Web()
    process.start()
    process.wait()
    yield process
    process.close()


def change(office_id: int, user_id: int, attempt: dict[str, Any], agent: dict[str, Any], call: dict[str, Any]) -> None:
    """What the dialer puts on record of the operator's present call."""
    with transaction(office_id) as session:
        current = select(AgentSession.attempt_id).where(AgentSession.user_id == user_id).scalar_subquery()
        session.execute(update(Attempt).where(Attempt.id == current).values(attempt))
        session.execute(update(Call).where(Call.attempt_id == current).values(call))
        session.execute(update(AgentSession).where(AgentSession.user_id == user_id).values(state_since=utc_now(), **agent))
        publish(session, "call", user_id)


def hang_up(office_id: int, user_id: int) -> None:
    now = utc_now()
    owed = {"state": "wrap_up", "line_result": "answered", "ended_at": now, "wrap_up_until": now + timedelta(minutes=30)}
    change(office_id, user_id, owed, {"state": "wrap_up"}, {"state": "ended", "ended_at": now})


def next_call(office_id: int, user_id: int, case: Case) -> int:
    """Somebody else answers and is joined with the operator."""
    now = utc_now()
    with transaction(office_id) as session:
        attempt = Attempt(
            debtor_id=case.debtor_id, campaign_id=case.campaign_id, channel="operator_call", operator_id=user_id, began_at=now
        )
        attempt.handed_over_at = attempt.answered_at = now
        session.add(attempt)
        session.flush()
        agent = session.scalars(select(AgentSession)).one()
        agent.state, agent.state_since, agent.attempt_id = "talking", now, attempt.id
        call = Call(attempt_id=attempt.id, campaign_id=case.campaign_id, agent_session_id=agent.id, carrier="simulator", mode="progressive")
        call.channel_id, call.state, call.placed_at, call.answered_at = f"c{attempt.id}", "bridged", now, now
        session.add(call)
        publish(session, "call", user_id)
        return attempt.id


def test_nothing_is_lost_when_the_web_process_dies(chromium: Browser, web: Web, office_id: int) -> None:
    throttling.reset()
    case, operator = add_case(office_id), add_user(office_id, "aoki", Role.OPERATOR)
    first = put_on_the_line(office_id, operator, case)
    now = utc_now()
    change(office_id, operator, {"verified_at": now, "verified_with": "name,birth_date"}, {}, {"state": "bridged"})
    desk = Desk(chromium, web.address, "aoki")
    page = desk.page
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    page.locator("#memo").fill("25日の給料のあと")
    expect(page.locator("#memo-saved[data-state=saved]")).to_be_visible(timeout=SOON)

    # killed in mid-call: what is typed meanwhile stays, and the end of the call is seen when the page is back
    web.kill()
    expect(page.locator("#connection")).not_to_have_attribute("data-state", "ok", timeout=SOON)
    page.locator("#memo").fill("25日の給料のあと、半分")
    page.locator("#outcome input[value=hardship]").check()
    hang_up(office_id, operator)
    web.start()
    web.wait()
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    expect(page.locator("[data-lease-until]")).to_be_visible(timeout=SOON)
    expect(page.locator("#memo")).to_have_value("25日の給料のあと、半分")
    expect(page.locator("#outcome input[value=hardship]")).to_be_checked()
    expect(page.locator("#memo-saved[data-state=saved]")).to_be_visible(timeout=SOON)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#h-idle")).to_be_visible(timeout=SOON)

    # killed as the next call is answered: its card comes once
    web.kill()
    second = next_call(office_id, operator, case)
    web.start()
    web.wait()
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    answered(page)
    expect(page.locator("#h-verify")).to_have_count(1)

    # a slow network: two presses are one result
    desk.context.new_cdp_session(page).send("Network.emulateNetworkConditions", SLOW)
    verified(page)
    page.locator("#outcome input[value=refuses]").check()
    page.locator("#memo").fill("納めないと言う")
    for _ in range(2):
        page.keyboard.press("Control+Enter")
    expect(page.locator("#h-saved, #h-idle").first).to_be_visible(timeout=SOON)
    with transaction(office_id) as session:
        told = session.execute(select(Attempt.id, Attempt.outcome, Attempt.note).order_by(Attempt.id)).all()
        assert [tuple(row) for row in told] == [(first, "hardship", "25日の給料のあと、半分"), (second, "refuses", "納めないと言う")]
        recorded = session.scalars(select(AuditEvent.detail).where(AuditEvent.action == "attempt.recorded").order_by(AuditEvent.id))
        assert [detail["attempt_id"] for detail in recorded] == [first, second]
    cut = ("net::ERR", "htmx:")  # what the browser and the stream say of a server that is gone
    assert [problem for problem in desk.problems if not any(words in problem for words in cut)] == []
    desk.close()
