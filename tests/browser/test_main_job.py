"""The main job in a real Chromium: a call of the simulated carrier, verified and promised by keyboard, and the supervisor sees it.

The real application by uvicorn, the real dialer with the simulated carrier in a thread of its own, a real PostgreSQL.
Pictures go to artifacts/.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select, update

from callcenter.auth import throttling
from callcenter.auth.models import AuditEvent, Office, Role, User
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import Debt, Debtor, PhoneNumber
from campaigns.planning.service import create_campaign, set_status
from campaigns.planning.state import CampaignStatus
from campaigns.promises.models import Promise
from campaigns.worklist.models import WorkItem
from dialer.agents.models import AgentSession
from dialer.worker import Dialer
from tests.browser.looking import answered, overheard
from tests.browser.serving import served
from tests.callcenter.conftest import PASSWORD, stored_password

pytestmark = pytest.mark.browser
PICTURES = Path(__file__).parents[2] / "artifacts" / "main-job"
FORBIDDEN = ("税", "滞納", "督促", "催告", "納")
SOON = 60_000


@pytest.fixture
def town(office_id: int) -> int:
    """A training office (its contact window is always open): one operator, one supervisor, one debtor who answers at once and stays."""
    now = utc_now()
    with transaction(None) as session:
        session.execute(update(Office).where(Office.id == office_id).values(is_training=True, name="架空市"))
    with transaction(office_id) as session:
        for name, shown, role in (("saeki", "佐伯", Role.OPERATOR), ("hori", "堀", Role.SUPERVISOR)):
            session.add(User(sign_in_name=name, display_name=shown, role=role, password_hash=stored_password(), phone_address="desk-1"))
        debtor = Debtor(
            debtor_no="0001234567",
            name="見本 佳代",
            name_kana="ミホン カヨ",
            birth_date=date(1980, 4, 3),
            address="架空市本町二丁目3番4号",
        )
        session.add(debtor)
        session.flush()
        session.add(PhoneNumber(debtor_id=debtor.id, original="090-1001-0001", e164="+819010010001", line_type="mobile"))
        for term, yen in ((1, 36_000), (2, 38_200), (3, 36_000)):
            session.add(
                Debt(
                    debtor_id=debtor.id,
                    tax_code="01",
                    tax_name="市県民税",
                    levy_year=2026,
                    base_year=2026,
                    term=term,
                    notice_no=f"N{term}",
                    due_on=date(2026, 6, 30) + timedelta(days=60 * (term - 1)),
                    assessed=yen,
                    outstanding=yen,
                )
            )
        campaign = create_campaign(session, "11月名簿", now)
        set_status(session, campaign.id, CampaignStatus.RUNNING, now)
        session.add(
            WorkItem(campaign_id=campaign.id, debtor_id=debtor.id, channel="operator_call", not_before=now, created_at=now, updated_at=now)
        )
    throttling.reset()
    return office_id


@pytest.fixture
def address(town: int) -> Iterator[str]:
    with served() as where:
        yield where


class Desk:
    """One person's browser: faults of the page and of the policy are collected."""

    def __init__(self, browser: Browser, address: str, name: str) -> None:
        self.context = browser.new_context(locale="ja-JP", viewport={"width": 1366, "height": 900})
        self.page: Page = self.context.new_page()
        self.address, self.problems = address, overheard(self.page)
        self.page.goto(address + "/login")
        self.page.get_by_label("利用者名").fill(name)
        self.page.get_by_label("パスワード").fill(PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda url: "/login" not in url)

    def picture(self, name: str) -> None:
        """Kept for people to look at."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png", full_page=True, caret="initial")

    def close(self) -> None:
        self.context.close()


def stored(office_id: int, query: Any) -> Any:
    with transaction(office_id) as session:
        return session.scalars(query).one()


def test_an_operator_takes_a_call_and_the_supervisor_sees_the_promise(chromium: Browser, address: str, dialer: Dialer, town: int) -> None:
    operator = Desk(chromium, address, "saeki")
    page = operator.page
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    operator.picture("1-paused")

    page.keyboard.press("Control+Shift+R")  # ready
    answered(page)  # the call arrived without a reload
    assert [word for word in FORBIDDEN if word in page.content() + page.title()] == []
    operator.picture("2-answered")

    page.keyboard.press("1")  # "says to be the person": the hand goes on to the first check
    page.keyboard.type("S55.4.3")
    page.keyboard.press("Enter")
    expect(page.get_by_text("聞いた内容：S55.4.3")).to_be_visible(timeout=SOON)
    operator.picture("3-matched")
    page.keyboard.press("Control+Shift+K")  # to the matter
    expect(page.locator("#h-debt")).to_be_visible(timeout=SOON)
    page.locator("#memo").fill("25日の給料のあとに納める")
    expect(page.locator("#memo-saved")).to_be_visible(timeout=SOON)
    operator.picture("4-case")

    page.reload()  # in mid-call
    expect(page.locator("#memo")).to_have_value("25日の給料のあとに納める")
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    page.keyboard.press("Control+Shift+E")  # hang up
    expect(page.locator("[data-lease-until]")).to_be_visible(timeout=SOON)
    expect(page.locator("#memo")).to_have_value("25日の給料のあとに納める")

    page.locator("#outcome input[name=outcome]").first.focus()
    page.keyboard.press("1")  # promise to pay all of it
    consequence = page.locator("#consequences .when[data-for='1']")
    expect(consequence).to_contain_text("約束日")
    page.locator("#outcome input[name=promise_on]").first.focus()
    page.keyboard.press("Space")
    operator.picture("5-wrap-up")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#h-idle")).to_have_text("次の電話を待っています", timeout=SOON)
    operator.picture("6-next")

    promise = stored(town, select(Promise))
    attempt = stored(town, select(Attempt))
    assert (attempt.party, attempt.outcome, attempt.line_result, attempt.state) == ("debtor", "promise_full", "answered", "closed")
    assert attempt.note == "25日の給料のあとに納める"
    assert promise.amount >= 110_200
    assert stored(town, select(AgentSession)).state == "ready"
    with transaction(town) as session:
        actions = session.scalars(select(AuditEvent.action)).all()
    assert {"debtor.viewed", "debtor.verification_tried", "debtor.verified", "attempt.recorded"} <= set(actions)

    supervisor = Desk(chromium, address, "hori")
    expect(supervisor.page.locator("#board")).to_contain_text("佐伯")
    row = supervisor.page.locator("#board table.mid tbody tr")
    expect(row.locator("td").nth(5)).to_have_text("1")  # promises
    supervisor.picture("7-board")
    for name in ("reports", "campaigns", "imports", "debtors"):
        supervisor.page.goto(f"{address}/{name}")
        expect(supervisor.page.locator("h1")).to_be_visible()
        supervisor.picture(f"8-{name}")
    supervisor.page.goto(f"{address}/reports")
    expect(supervisor.page.locator("main")).to_contain_text("佐伯")
    assert operator.problems + supervisor.problems == []
    operator.close()
    supervisor.close()


def test_signing_out_ends_the_open_page_within_a_second(chromium: Browser, address: str, town: int) -> None:
    desk = Desk(chromium, address, "hori")
    expect(desk.page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    other = desk.context.new_page()
    other.goto(address + "/supervisor")
    other.get_by_role("button", name="サインアウト").click()
    other.wait_for_url("**/login")
    desk.page.wait_for_url("**/login**", timeout=SOON)
    desk.close()


def test_a_second_page_only_looks_on(chromium: Browser, address: str, dialer: Dialer, town: int) -> None:
    desk = Desk(chromium, address, "saeki")
    expect(desk.page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    desk.page.keyboard.press("Control+Shift+R")
    answered(desk.page)
    second = desk.context.new_page()
    second.goto(address + "/operator")
    expect(second.locator("#read-only")).to_be_visible(timeout=SOON)
    desk.page.reload()
    expect(desk.page.locator("#h-verify")).to_be_visible()
    expect(desk.page.locator("#read-only")).to_be_hidden()
    second.get_by_role("button", name="この画面で続ける").click()
    expect(second.locator("#read-only")).to_be_hidden(timeout=SOON)
    expect(desk.page.locator("#read-only")).to_be_visible(timeout=SOON)
    desk.close()
