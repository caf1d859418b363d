"""A recording is opened with a reason, heard and moved through by keyboard, and scored; a conversation is supervised by keys."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import select

from callcenter.auth import throttling
from callcenter.auth.models import Role, User
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.live import publish
from dialer.agents.models import AgentSession
from dialer.recordings.models import Recording
from dialer.supervising.models import Supervision
from tests.browser.looking import FLAGS, looked_at
from tests.browser.serving import served
from tests.browser.test_layouts import signed_in, tab_to
from tests.browser.test_main_job import SOON
from tests.callcenter.conftest import add_case, add_user, put_on_the_line, stored_password
from tests.callcenter.test_recording_pages import record

pytestmark = pytest.mark.browser
PICTURES = Path(__file__).parents[2] / "artifacts" / "recordings"
checked = partial(looked_at, PICTURES)


@pytest.fixture
def office(office_id: int, tmp_path: Path) -> int:
    """A recorded conversation that is over, and an operator in the next one."""
    with transaction(office_id) as session:
        leader = User(sign_in_name="hori", display_name="堀", role=Role.SUPERVISOR, password_hash=stored_password(), phone_address="sim:9")
        session.add(leader)
    operator = add_user(office_id, "佐伯", Role.OPERATOR)
    case = add_case(office_id)
    record(office_id, operator, case, tmp_path)
    with transaction(office_id) as session:
        session.scalars(select(AgentSession)).one().state = "ended"
    put_on_the_line(office_id, add_user(office_id, "水野", Role.OPERATOR), case)
    throttling.reset()
    return office_id


@pytest.fixture
def address(office: int) -> Iterator[str]:
    with served() as where:
        yield where


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=[*FLAGS, "--autoplay-policy=no-user-gesture-required"]
        )
        yield browser
        browser.close()


def number(office: int) -> int:
    with transaction(office) as session:
        return session.scalars(select(Recording.id)).one()


def until(page: Page, question: str) -> None:
    """Waits for the player; asked from outside, since the page permits no evaluation inside."""
    deadline = time.monotonic() + 60
    while not page.locator("audio").evaluate(question):
        assert time.monotonic() < deadline, question
        page.wait_for_timeout(50)


def opened(page: Page, address: str, office: int, reason: str = "complaint") -> None:
    page.goto(f"{address}/recordings/{number(office)}")
    page.locator("#reason").select_option(reason)
    page.locator("#reason").press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-player]")
    until(page, "audio => audio.readyState >= 1")


def test_opened_heard_and_scored_by_keyboard(chromium: Browser, address: str, office: int) -> None:
    page, complaints = signed_in(chromium, address)
    page.goto(address + "/recordings")
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    checked(page, "1-list")
    page.locator("tbody a").first.click()
    page.wait_for_url("**/recordings/*")
    checked(page, "2-closed")
    opened(page, address, office)
    assert abs(page.evaluate("document.querySelector('audio').duration") - 9.0) < 0.01
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    checked(page, "3-open")
    tab_to(page, ".wave")
    for key, at in (("ArrowRight", 5.0), ("ArrowUp", 6.0), ("ArrowLeft", 1.0), ("End", 9.0), ("Home", 0.0)):
        page.keyboard.press(key)
        assert float(page.locator(".wave").get_attribute("aria-valuenow") or "") == at
    page.locator("audio").evaluate("audio => { audio.playbackRate = 0.1 }")  # nine seconds could be over before they are stopped
    page.keyboard.press(" ")
    until(page, "audio => audio.currentTime > 0.05")
    expect(page.locator("[data-play]")).to_contain_text("一時停止")
    page.keyboard.press(" ")
    expect(page.locator("[data-play]")).to_contain_text("再生")
    page.locator("[data-side]").select_option("right")
    for group in page.locator(".scorecard fieldset").all():
        group.locator("input").last.focus()
        page.keyboard.press(" ")
    page.locator("#comment").fill("復唱が丁寧でした。名乗りのあと、少し間を置くとよいです。")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".review")).to_have_count(1, timeout=SOON)
    expect(page.locator(".review b")).to_have_text("100")
    assert complaints == []


def test_pages_on_a_small_screen_in_english(chromium: Browser, address: str, office: int) -> None:
    page, complaints = signed_in(chromium, address, width=390, english=True)
    for path, name in (("/recordings", "4-list.en"), ("/recording-terms", "5-terms.en"), ("/supervisor", "6-board.en")):
        page.goto(address + path)
        expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
        checked(page, name)
    opened(page, address, office, "quality")
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    checked(page, "7-open.en")
    assert complaints == []


def pressed_until(page: Page, key: str, office: int, mode: str) -> None:
    """Presses a key until it took effect: while the page loads anew after the one before, a key is nobody's."""
    deadline = time.monotonic() + 60
    while True:
        page.keyboard.press(f"Control+Shift+Key{key}")
        page.wait_for_timeout(700)
        with transaction(office) as session:
            if session.scalars(select(Supervision)).one().mode == mode:
                return
        assert time.monotonic() < deadline, mode


def test_a_conversation_is_supervised_by_keys(chromium: Browser, address: str, office: int) -> None:
    page, complaints = signed_in(chromium, address)
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    page.keyboard.press("Control+Shift+KeyL")
    expect(page.locator(".supervising h2")).to_contain_text("水野", timeout=SOON)
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    page.keyboard.press("Control+Shift+KeyB")  # not yet: the phone rings
    with transaction(office) as session:
        row = session.scalars(select(Supervision)).one()
        assert row.mode == "listen"
        row.state, row.mode_in_force, row.began_at = "on", "listen", utc_now()
        publish(session, "board")
    expect(page.locator(".supervising")).to_contain_text("聴いています", timeout=SOON)
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    checked(page, "8-board")
    for key, mode in (("K", "whisper"), ("B", "barge"), ("O", "take_over"), ("L", "listen")):
        pressed_until(page, key, office, mode)
    page.wait_for_load_state()
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    page.get_by_role("button", name="離れる").press("Enter")
    expect(page.locator(".supervising h2")).to_have_count(0, timeout=SOON)
    assert complaints == []


def test_terms_are_previewed(chromium: Browser, address: str, office: int) -> None:
    page, complaints = signed_in(chromium, address)
    page.goto(address + "/recording-terms")
    page.get_by_role("button", name="消える録音を見る").click()
    expect(page.get_by_text("まだ保存していません")).to_be_visible(timeout=SOON)
    checked(page, "9-terms")
    assert complaints == []
