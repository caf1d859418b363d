"""A morning of accounts in a real browser: setting up a second factor, the administrator's pages, a locked screen, what stays behind."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, expect

from callcenter.auth import throttling
from callcenter.auth.models import AuditEvent, Office, Role, User
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from tests.browser.looking import in_both, looked_at, sign_in
from tests.browser.serving import served
from tests.callcenter.conftest import PASSWORD, add_case, put_on_the_line, stored_password

pytestmark = pytest.mark.browser
PICTURES = Path(__file__).parents[2] / "artifacts" / "access"
checked = partial(looked_at, PICTURES)
# the characters at the beginnings of lines of a paragraph, found by where each one is painted
LINE_STARTS = """(node) => {
  const text = node.firstChild, starts = [], range = document.createRange();
  let before = null;
  for (let i = 0; i < text.length; i++) {
    range.setStart(text, i);
    range.setEnd(text, i + 1);
    const top = Math.round(range.getBoundingClientRect().top);
    if (before !== null && top > before + 4) starts.push(text.data[i]);
    before = top;
  }
  return starts;
}"""
INLINE = """() => {
  const one = document.createElement("script");
  one.textContent = "window.ran = true";
  document.body.append(one);
  return window.ran ?? false;
}"""


@pytest.fixture
def address(office_id: int) -> Iterator[str]:
    with transaction(office_id) as session:
        for name, role in (("kanri", Role.ADMINISTRATOR), ("saeki", Role.OPERATOR), ("kanno", Role.AUDITOR)):
            session.add(User(sign_in_name=name, display_name=name, role=role, password_hash=stored_password(), phone_address="sim:1"))
        session.get_one(Office, office_id).options = {"access": {"second_factor_roles": ["administrator"]}}
    throttling.reset()
    with served() as where:
        yield where


def test_an_administrator_sets_up_a_factor_and_the_office(chromium: Browser, address: str) -> None:
    page = chromium.new_context(locale="ja-JP", viewport={"width": 1280, "height": 900}).new_page()
    sign_in(page, address, "kanri")
    expect(page.get_by_role("heading", name="二段階認証")).to_be_visible()
    checked(page, "enrol")
    page.locator("summary").click()
    seed = (page.locator(".seed").text_content() or "").replace(" ", "")
    page.get_by_label("確認コード").fill(pyotp.TOTP(seed).now())
    page.keyboard.press("Enter")
    expect(page.locator(".codes li")).to_have_count(10)
    checked(page, "codes")
    page.get_by_role("link", name="控えました").click()
    expect(page).to_have_url(address + "/users")
    for name in ("carriers", "account", "first-steps", "users"):
        page.goto(f"{address}/{name}")
        checked(page, name)
    for name in ("office", "retention", "design"):
        in_both(page, address, f"/{name}", name, checked)
    starts = page.goto(address + "/design") and page.locator("#prose").evaluate(LINE_STARTS)
    assert len(starts) >= 3
    assert not set(starts) & set("、。」』）っッゃゅょー"), starts
    assert page.locator(".keep").evaluate_all("(all) => all.every((one) => one.getClientRects().length === 1)")
    # a script put into the page does not run: the policy knows no inline ones
    assert page.evaluate(INLINE) is False
    page.context.close()


def test_an_auditor_reads_the_trail_and_an_alert(chromium: Browser, address: str, office_id: int) -> None:
    with transaction(office_id) as session:
        detail = {"most": 40, "per": "minute"}
        session.add(AuditEvent(at=utc_now(), action="alert.bulk_reading", subject_type="user", subject_id=1, user_id=1, detail=detail))
    page = chromium.new_context(locale="ja-JP", viewport={"width": 1280, "height": 900}).new_page()
    sign_in(page, address, "kanno")
    page.wait_for_url("**/audit")
    in_both(page, address, "/audit", "audit", checked)
    in_both(page, address, "/alerts", "alerts", checked)
    page.get_by_role("button", name="記録する").click()
    expect(page.locator("main")).to_contain_text("業務上の理由があった")
    page.context.close()


def test_a_locked_screen_hides_the_case_and_opens_where_it_was(chromium: Browser, address: str, office_id: int) -> None:
    context = chromium.new_context(locale="ja-JP", viewport={"width": 1280, "height": 900})
    page, second = context.new_page(), context.new_page()
    sign_in(page, address, "saeki")
    page.wait_for_url("**/operator")
    case = add_case(office_id)
    with transaction(office_id) as session:
        operator = session.query(User).where(User.sign_in_name == "saeki").one().id
    put_on_the_line(office_id, operator, case)
    page.reload()
    expect(page.locator("main")).to_contain_text(case.name)
    second.goto(address + "/account")
    page.get_by_role("button", name="画面をロック").click()
    lock = page.locator("#lock")
    expect(lock).to_be_visible()
    expect(second.locator("#lock")).to_be_visible()  # all pages of the browser lock together
    page.keyboard.press("Escape")
    expect(lock).to_be_visible()
    assert "blur" in page.locator("main").evaluate("(main) => getComputedStyle(main).filter")
    checked(page, "locked")
    page.get_by_label("パスワード、または").fill("wrong wrong wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#lock-error")).to_contain_text("違います")
    page.get_by_label("パスワード、または").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(lock).to_be_hidden()
    expect(second.locator("#lock")).to_be_hidden()
    expect(page.locator("main")).to_contain_text(case.name)
    with page.expect_response("**/lock"):
        page.get_by_role("button", name="画面をロック").click()
    page.reload()  # locked on the server: nothing to see, whatever the browser does
    expect(page.get_by_role("heading", name="画面をロックしています")).to_be_visible()
    assert case.name not in page.content()
    page.get_by_label("パスワード、または").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text(case.name)
    kept = page.evaluate("JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage), document.cookie])")
    assert not [word for word in (case.name, case.debtor_no, "token", 'session"') if word in kept]
    page.get_by_role("button", name="サインアウト").first.click()
    page.wait_for_url("**/login")
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    context.close()
