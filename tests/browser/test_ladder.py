"""The channel ladder in a real Chromium: looked at, changed by keyboard, refused with the field to correct, and kept when two change it.

The real application by uvicorn on a real PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from callcenter.auth import throttling
from callcenter.auth.models import Role, User
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel
from campaigns.planning.conduct import Conduct, conduct_of
from campaigns.planning.models import Campaign
from campaigns.planning.service import plan, set_status
from campaigns.planning.state import CampaignStatus
from tests.browser.serving import served
from tests.browser.test_main_job import Desk
from tests.browser.test_rules_editor import is_sound
from tests.callcenter.conftest import stored_password
from tests.campaigns.town import Town

pytestmark = pytest.mark.browser
SOON = 60_000


@pytest.fixture
def campaign_id(office_id: int) -> int:
    """A running campaign with two supervisors: people due for SMS, in the wait after it, and for an operator."""
    now = utc_now()
    with transaction(office_id) as session:
        for name, shown in (("mori", "森"), ("hori", "堀")):
            session.add(User(sign_in_name=name, display_name=shown, role=Role.SUPERVISOR, password_hash=stored_password()))
        town, due = Town(session), now.date() - timedelta(days=80)
        _first, sent = town.debtor(due=due), town.debtor(due=due)
        town.debtor(mobile=False, landline=True, due=due)
        town.attempt(sent, Channel.SMS, now - timedelta(minutes=5), None)
        campaign = town.campaign("秋")
        set_status(session, campaign.id, CampaignStatus.RUNNING, now)
        plan(session, campaign.id, now)
        throttling.reset()
        return campaign.id


@pytest.fixture
def address(campaign_id: int) -> Iterator[str]:
    with served() as where:
        yield where


def stored(office_id: int) -> Conduct:
    with transaction(office_id) as session:
        return conduct_of(session.scalars(select(Campaign.options).order_by(Campaign.id)).one())


def test_the_ladder_is_looked_at_and_changed(chromium: Browser, address: str, campaign_id: int, office_id: int) -> None:
    mori, hori = Desk(chromium, address, "mori"), Desk(chromium, address, "hori")
    for desk in (mori, hori):
        desk.page.goto(f"{address}/campaigns/{campaign_id}")
    page = mori.page
    rungs = page.locator(".ladder .rung")
    expect(rungs).to_have_count(5)
    expect(rungs.nth(0)).to_contain_text("1回まで")
    expect(rungs.nth(0).locator("dd")).to_have_text(["1", "0"])
    is_sound(mori)

    page.locator("section[aria-labelledby=h-settings] > details > summary").first.focus()
    page.keyboard.press("Enter")
    attempts = page.locator("#step-0-attempts")
    expect(attempts).to_be_visible(timeout=SOON)
    is_sound(mori)
    attempts.fill("何回でも")
    page.get_by_role("button", name="保存").click()
    refusal = page.locator("#ladder-errors a")
    expect(refusal).to_have_count(1, timeout=SOON)
    expect(refusal).to_contain_text("読み取れません")
    expect(attempts).to_have_value("何回でも")
    refusal.click()
    expect(attempts).to_be_focused(timeout=SOON)
    assert stored(office_id) == conduct_of({})

    page.keyboard.press("Control+A")
    page.keyboard.type("2")
    page.locator("#cycle-every").select_option("days")
    page.locator("#cycle-days").fill("14")
    with page.expect_navigation():
        page.get_by_role("button", name="保存").click()
    expect(rungs.nth(0)).to_contain_text("2回まで", timeout=SOON)
    kept = stored(office_id)
    assert (kept.ladder.steps[0].attempts, kept.cycle.days) == (2, 14)
    mori.picture("ladder-changed")

    other = hori.page  # opened before: what she has on her screen is not the ladder any more
    other.locator("section[aria-labelledby=h-settings] > details > summary").first.click()
    other.locator("#step-0-attempts").fill("3")
    other.get_by_role("button", name="保存").click()
    expect(other.locator("body")).to_contain_text("別の画面で変えられています", timeout=SOON)
    assert stored(office_id) == kept

    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en", timeout=SOON)
    page.goto(f"{address}/campaigns/{campaign_id}")
    is_sound(mori)
    assert [problem for problem in mori.problems if "status of 422" not in problem] == []
    for desk in (mori, hori):
        desk.close()
