"""Somebody is found and opened with the keyboard alone, their history narrowed, a number added and contact held; on small screens, too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from callcenter.auth import throttling
from callcenter.auth.models import Role, User
from callcenter.core.clock import local_day, utc_now
from callcenter.core.db import transaction
from callcenter.core.text import kana_key, search_key
from campaigns.attempts.codes import Channel
from campaigns.debtors.models import Debtor, PhoneNumber, Suppression
from tests.browser.looking import looked_at
from tests.browser.serving import served
from tests.browser.test_layouts import signed_in, tab_to
from tests.browser.test_main_job import SOON
from tests.callcenter.conftest import stored_password
from tests.campaigns.town import Town

pytestmark = pytest.mark.browser
PICTURES = Path(__file__).parents[2] / "artifacts" / "debtors"
checked = partial(looked_at, PICTURES)
NAMES = [("見本　佳代", "ﾐﾎﾝ ｶﾖ"), ("見本　一郎", "ﾐﾎﾝ ｲﾁﾛｳ"), ("髙橋　恵子", "ﾀｶﾊｼ ｹｲｺ")]


@pytest.fixture
def office(office_id: int) -> int:
    now = utc_now()
    with transaction(office_id) as session:
        session.add(User(sign_in_name="hori", display_name="堀", role=Role.SUPERVISOR, password_hash=stored_password()))
        town = Town(session)
        for name, kana in NAMES:
            debtor = town.debtor(landline=True, household_no="7", name_key=search_key(name), kana_key=kana_key(kana), name_kana=kana)
            debtor.name = name
            town.debt(debtor, 40_000, tax_name="固定資産税", vintage="carried_over", hold=4, demand_fee=100)
            for days in range(45):
                town.attempt(debtor, Channel.OPERATOR_CALL, now - timedelta(days=days + 1), note=f"記録{days}")
            town.promise(debtor, local_day(now), made=now - timedelta(days=3))
            town.suppress(debtor, "complaint")
    throttling.reset()
    return office_id


@pytest.fixture
def address(office: int) -> Iterator[str]:
    with served() as where:
        yield where


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.textContent"))


def test_found_chosen_and_opened_by_keyboard(chromium: Browser, address: str, office: int) -> None:
    page, complaints = signed_in(chromium, address)
    page.goto(address + "/debtors")
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    checked(page, "1-empty")
    expect(page.locator("#words")).to_be_focused()
    page.keyboard.type("みほん")
    page.keyboard.press("Enter")
    expect(page.locator("[data-result]")).to_have_count(2, timeout=SOON)
    assert page.url == address + "/debtors"
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    checked(page, "2-found")
    expect(page.locator("#words")).to_be_focused()
    numbers = page.locator("[data-result]").all_inner_texts()
    for key, where in [("ArrowDown", numbers[0]), ("ArrowDown", numbers[1]), ("ArrowDown", numbers[1]), ("ArrowUp", numbers[0])]:
        page.keyboard.press(key)
        assert focused(page) == where
    page.keyboard.press("ArrowUp")
    assert focused(page) == "words"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    assert focused(page) == "words"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("見本", timeout=SOON)
    page.go_back()
    expect(page.locator("[data-result]")).to_have_count(2, timeout=SOON)
    assert complaints == []


def test_nobody_found_says_what_to_do(chromium: Browser, address: str) -> None:
    page, _ = signed_in(chromium, address, english=True)
    page.goto(address + "/debtors")
    expect(page.locator("#words")).to_be_focused()  # with the first picture of the page, which may come after its scripts
    page.keyboard.type("だれもいない")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nobody fits")).to_be_visible(timeout=SOON)
    checked(page, "3-nobody.en")


def first(office: int) -> int:
    with transaction(office) as session:
        return session.scalars(select(Debtor.id).order_by(Debtor.id).limit(1)).one()


def test_the_history_narrows_and_goes_on_in_place(chromium: Browser, address: str, office: int) -> None:
    page, complaints = signed_in(chromium, address)
    page.goto(f"{address}/debtors/{first(office)}")
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    checked(page, "4-debtor")
    expect(page.locator(".timeline.long li:not(.more)")).to_have_count(40)
    page.get_by_role("link", name="もっと前を見る").click()
    expect(page.locator(".timeline.long li:not(.more)")).to_have_count(48, timeout=SOON)
    page.get_by_role("link", name="納付・約束").click()
    expect(page.locator(".timeline.long li")).to_have_count(1, timeout=SOON)
    expect(page.locator(".chips [aria-current]")).to_have_text("納付・約束")
    assert complaints == []


def test_a_number_is_added_and_contact_held_by_keyboard(chromium: Browser, address: str, office: int) -> None:
    page, _ = signed_in(chromium, address)
    debtor_id = first(office)
    page.goto(f"{address}/debtors/{debtor_id}")
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    page.get_by_text("番号を加える").focus()
    page.keyboard.press("Enter")
    tab_to(page, "#phone-number")
    page.keyboard.type("あいう")
    tab_to(page, "#phone-why")
    page.keyboard.type("番号案内で調べた")
    page.keyboard.press("Enter")
    expect(page.locator("#phone-errors")).to_contain_text("電話番号として読めません", timeout=SOON)
    assert page.locator("#phone-why").input_value() == "番号案内で調べた"
    checked(page, "5-refused")
    page.locator("#phone-number").fill("090-8765-4321")
    page.locator("#phone-number").press("Enter")
    expect(page.locator(".numbers").first).to_contain_text("090-8765-4321", timeout=SOON)
    page.get_by_text("連絡を止める", exact=True).click()
    page.locator("#hold-why").fill("窓口で伺った")
    page.locator("#hold-why").press("Enter")
    expect(page.locator("#h-holds ~ .numbers").first).to_contain_text("窓口で伺った", timeout=SOON)
    with transaction(office) as session:
        assert session.scalar(select(PhoneNumber.source).where(PhoneNumber.e164 == "+819087654321")) == "research"
        assert session.scalars(select(Suppression.note).where(Suppression.debtor_id == debtor_id).order_by(Suppression.id)).all()[-1]


@pytest.mark.parametrize("english", [False, True])
@pytest.mark.parametrize("width", [390, 640])
def test_small_screens(chromium: Browser, address: str, office: int, width: int, english: bool) -> None:
    page, _ = signed_in(chromium, address, width=width, english=english)
    page.goto(f"{address}/debtors/{first(office)}")
    for summary in page.locator("aside summary").all():
        summary.click()
    checked(page, f"6-debtor.{width}.{'en' if english else 'ja'}")
    page.goto(f"{address}/debtors")
    page.locator("#words").fill("見本")
    page.keyboard.press("Enter")
    expect(page.locator("[data-result]")).to_have_count(2, timeout=SOON)
    checked(page, f"7-found.{width}.{'en' if english else 'ja'}")


def test_without_scripts_it_works_as_pages(chromium: Browser, address: str, office: int) -> None:
    page, _ = signed_in(chromium, address, scripts=False)
    page.goto(address + "/debtors")
    page.locator("#words").fill("髙橋")
    page.locator("#words").press("Enter")
    page.locator("[data-result]").first.click()
    expect(page.locator("h1")).to_contain_text("髙橋")
    page.get_by_role("link", name="もっと前を見る").click()
    expect(page.locator(".timeline.long li").first).to_be_visible()
    page.get_by_role("button", name="世帯を開く").click()
    expect(page.get_by_text("見本　佳代")).to_be_visible()
