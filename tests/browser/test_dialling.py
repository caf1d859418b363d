"""A supervisor sees how a campaign dials and why, and changes it; a mistake is told beside what was typed; on small screens, too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from callcenter.auth import throttling
from callcenter.auth.models import Role, User
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from campaigns.planning.models import Campaign
from campaigns.planning.service import create_campaign, set_status
from campaigns.planning.state import CampaignStatus
from dialer.calls.models import DialerLease
from dialer.pacing import PacingDecision, PacingSnapshot, Why
from dialer.pacing.standing import keep_decision
from tests.browser.looking import looked_at
from tests.browser.serving import served
from tests.browser.test_layouts import signed_in
from tests.browser.test_main_job import SOON
from tests.callcenter.conftest import stored_password
from tests.dialer.history import add_history

pytestmark = pytest.mark.browser
PICTURES = Path(__file__).parents[2] / "artifacts" / "dialling"
checked = partial(looked_at, PICTURES)


@pytest.fixture
def campaign_id(office_id: int) -> int:
    """A predictive campaign that is dialled progressively, since two of its 48 answers were abandoned."""
    now = utc_now()
    with transaction(office_id) as session:
        session.add(User(sign_in_name="hori", display_name="堀", role=Role.SUPERVISOR, password_hash=stored_password()))
        campaign = create_campaign(session, "2026年11月", now, dial_mode="predictive")
        set_status(session, campaign.id, CampaignStatus.RUNNING, now)
        keep_decision(session, campaign.id, PacingSnapshot("predictive", 2, 2, 9), PacingDecision(why=Why.BUDGET_SPENT), now)
        session.add(DialerLease(campaign_id=campaign.id, node="node1", lease_until=now + timedelta(hours=1)))
        made = campaign.id
    add_history(office_id, made, 48, 90, now, abandoned=2)
    throttling.reset()
    return made


@pytest.fixture
def address(campaign_id: int) -> Iterator[str]:
    with served() as where:
        yield where


def test_a_supervisor_sees_why_and_changes_the_limit(chromium: Browser, address: str, campaign_id: int, office_id: int) -> None:
    page, complaints = signed_in(chromium, address)
    page.set_default_timeout(SOON)
    page.goto(f"{address}/campaigns/{campaign_id}")
    expect(page.locator("#dialling-now")).to_contain_text("放棄呼の割合が上限に達しています")
    checked(page, "campaign")
    page.get_by_role("link", name="発信のしかたと設定").click()
    checked(page, "dialling")
    page.get_by_label("放棄呼の上限").fill("5")
    page.get_by_role("button", name="保存する").click()
    expect(page.locator("#dialling-errors")).to_contain_text("0から3まで")
    expect(page.get_by_label("放棄呼の上限")).to_have_value("5")
    page.set_viewport_size({"width": 390, "height": 844})
    checked(page, "dialling-narrow")
    page.get_by_label("放棄呼の上限").fill("1")
    page.get_by_label("使う回線の上限", exact=True).fill("12")
    page.get_by_role("button", name="保存する").click()
    expect(page.get_by_label("放棄呼の上限")).to_have_value("1")
    expect(page.locator("#dialling-errors")).to_be_empty()
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("button", name="English").click()
    page.wait_for_selector('html[lang="en"]')
    page.goto(f"{address}/campaigns/{campaign_id}/dialling")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    checked(page, "dialling-en")
    assert [words for words in complaints if "status of 422" not in words] == []
    page.context.close()
    with transaction(office_id) as session:
        assert session.scalars(select(Campaign.options)).one() == {"abandon_percent": 1.0, "max_lines": 12}
