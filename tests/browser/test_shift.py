"""Four operators at once against the simulated carrier: a short shift by keyboard, with what goes wrong in one.

Counted: the keys a result takes. Cut: the network, the session, the tab. Nothing typed may be lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import ColumnElement, delete, func, select, update

from callcenter.auth import throttling
from callcenter.auth.models import Office, Role, User, UserSession
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from campaigns.attempts import undo
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import Debt, Debtor, PhoneNumber
from campaigns.planning.service import create_campaign, set_status
from campaigns.planning.state import CampaignStatus
from campaigns.promises.models import Promise
from campaigns.worklist.models import WorkItem
from tests.browser.looking import answered, axe, verified
from tests.browser.serving import served
from tests.browser.test_main_job import Desk
from tests.callcenter.conftest import PASSWORD, stored_password

pytestmark = pytest.mark.browser
SOON = 60_000
NAMES = ("aoki", "baba", "chiba", "doi")


@pytest.fixture
def town(office_id: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """A training office with four operators and as many debtors, who answer at once and stay on the line."""
    monkeypatch.setattr(undo, "WINDOW", timedelta(minutes=5))  # ten seconds could be over before the test is there
    now = utc_now()
    with transaction(None) as session:
        session.execute(update(Office).where(Office.id == office_id).values(is_training=True, name="架空市"))
    with transaction(office_id) as session:
        campaign = create_campaign(session, "11月名簿", now)
        set_status(session, campaign.id, CampaignStatus.RUNNING, now)
        for number, name in enumerate(NAMES, 1):
            user = User(
                sign_in_name=name, display_name=name, role=Role.OPERATOR, password_hash=stored_password(), phone_address=f"d{number}"
            )
            debtor = Debtor(debtor_no=f"{number:010}", name=f"見本 {number}", birth_date=date(1980, 4, 3), address="架空市本町二丁目3番4号")
            session.add_all([user, debtor])
            session.flush()
            phone = f"+8190100{number}0001"
            session.add(PhoneNumber(debtor_id=debtor.id, original=phone, e164=phone, line_type="mobile"))
            for term in (1, 2):
                session.add(
                    Debt(
                        debtor_id=debtor.id,
                        tax_code="01",
                        tax_name="市県民税",
                        levy_year=2026,
                        base_year=2026,
                        term=term,
                        notice_no=f"N{number}-{term}",
                        due_on=date(2026, 6, 30) + timedelta(days=60 * term),
                        assessed=30_000,
                        outstanding=30_000,
                    )
                )
            session.add(
                WorkItem(
                    campaign_id=campaign.id, debtor_id=debtor.id, channel="operator_call", not_before=now, created_at=now, updated_at=now
                )
            )
    throttling.reset()
    return office_id


@pytest.fixture
def desks(chromium: Browser, town: int, dialer: object) -> Iterator[list[Desk]]:
    """All four at work, each with somebody on the line."""
    with served() as address:
        desks = [Desk(chromium, address, name) for name in NAMES]
        for desk in desks:
            expect(desk.page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
            desk.page.keyboard.press("Control+Shift+R")
        for desk in desks:
            answered(desk.page)
        yield desks
        for desk in desks:
            desk.close()


def count(town: int, *which: ColumnElement[bool]) -> int:
    with transaction(town) as session:
        return session.scalar(select(func.count()).where(*which)) or 0


def test_a_short_shift_of_four(desks: list[Desk], town: int) -> None:
    promising, family, wrong, cut = desks

    # a conversation with a result: three keys once it is over
    verified(promising.page)
    assert axe(promising.page) == []
    promising.page.keyboard.press("Control+Shift+E")
    expect(promising.page.locator("[data-lease-until]")).to_be_visible(timeout=SOON)
    expect(promising.page.locator("#outcome input[name=outcome]").first).to_be_focused(timeout=SOON)
    for key in ("2", "3", "Control+Enter"):
        promising.page.keyboard.press(key)
    expect(promising.page.locator("#h-idle")).to_be_visible(timeout=SOON)
    with transaction(town) as session:
        promise = session.scalars(select(Promise)).one()
        assert (promise.kind, len(promise.debt_ids)) == ("part", 1)
        assert promise.amount >= 30_000
    promising.page.go_back()
    promising.page.go_forward()
    expect(promising.page.locator("#h-idle")).to_be_visible(timeout=SOON)

    # nobody is verified: two keys
    for key in ("2", "Enter"):
        family.page.keyboard.press(key)
    expect(family.page.locator("#h-idle, #h-saved").first).to_be_visible(timeout=SOON)

    # a wrong number is off at once, and on again when it is taken back
    for key in ("6", "Enter"):
        wrong.page.keyboard.press(key)
    expect(wrong.page.locator("#undo-slot button")).to_be_visible(timeout=SOON)
    assert count(town, PhoneNumber.status == "wrong_person") == 1
    wrong.page.keyboard.press("Control+Shift+X")
    expect(wrong.page.locator("#undo-slot button")).to_have_count(0, timeout=SOON)
    expect(wrong.page.locator("input[name=outcome], input[name=branch]").first).to_be_visible(timeout=SOON)
    assert count(town, PhoneNumber.status == "wrong_person") == 0

    # the network goes in the middle of a note: said, kept, saved when it is back
    verified(cut.page)
    page = cut.page
    cut.context.set_offline(True)
    page.locator("#memo").fill("25日の給料のあと")
    page.locator("#outcome input[value=hardship]").check()
    expect(page.locator("#memo-saved[data-state=failed]")).to_be_visible(timeout=SOON)
    cut.context.set_offline(False)
    expect(page.locator("#memo-saved[data-state=saved]")).to_be_visible(timeout=SOON)
    page.reload()
    expect(page.locator("#memo")).to_have_value("25日の給料のあと", timeout=SOON)
    expect(page.locator("#outcome input[value=hardship]")).to_be_checked(timeout=SOON)

    # the session ends in the middle of a note: said plainly, and all is back after signing in
    with transaction(town) as session:
        session.execute(
            delete(UserSession).where(UserSession.user_id == select(User.id).where(User.sign_in_name == NAMES[3]).scalar_subquery())
        )
    page.locator("#memo").fill("25日の給料のあと、半分")
    expect(page.locator("#signed-out")).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="サインインし直す").click()
    page.wait_for_url("**/login**")
    page.get_by_label("利用者名").fill(NAMES[3])
    page.get_by_label("パスワード").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#memo")).to_have_value("25日の給料のあと、半分", timeout=SOON)
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)  # the page has its keys from here on
    page.keyboard.press("Control+Enter")
    expect(page.locator("#h-saved, #h-idle").first).to_be_visible(timeout=SOON)
    with transaction(town) as session:
        notes = session.scalars(select(Attempt.note).where(Attempt.outcome == "hardship")).all()
    assert notes == ["25日の給料のあと、半分"]
    for desk in (promising, family, wrong):
        assert desk.problems == []
