"""Rules in a real Chromium: a rule made by hand, kept while somebody else edits, moved by keyboard, tried, proposed and activated by two.

The real application by uvicorn on a real PostgreSQL; the dry run's job is done here as a worker does it. Pictures go to artifacts/.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from callcenter.auth import throttling
from callcenter.auth.models import Role, User
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from campaigns.planning import trials, versions
from campaigns.planning.models import RuleTrial
from campaigns.planning.rulesets import rules_of, standard_rule_set
from campaigns.segmentation.conditions import All, Compare, Op
from tests.browser.looking import TOO_WIDE, axe
from tests.browser.serving import served
from tests.browser.test_main_job import Desk
from tests.callcenter.conftest import stored_password
from tests.campaigns.town import Town

pytestmark = pytest.mark.browser
SOON = 60_000


@pytest.fixture
def office(office_id: int) -> int:
    with transaction(office_id) as session:
        for name, shown in (("mori", "森"), ("hori", "堀")):
            session.add(User(sign_in_name=name, display_name=shown, role=Role.SUPERVISOR, password_hash=stored_password()))
        town = Town(session)
        for n in range(30):
            town.debtor(owes=10_000 + 1_000 * n, mobile=n % 3 > 0)
        standard_rule_set(session, utc_now())
    throttling.reset()
    return office_id


@pytest.fixture
def address(office: int) -> Iterator[str]:
    with served() as where:
        yield where


def draft_of(office_id: int) -> int:
    with transaction(office_id) as session:
        return versions.find_version(session, "standard", 2).id


def codes(office_id: int) -> list[str]:
    with transaction(office_id) as session:
        return [rule.code for rule in rules_of(session, draft_of(office_id)).rules]


def is_sound(desk: Desk) -> None:
    """Accessible, and nothing wider than the page, on a desk and on a phone."""
    assert axe(desk.page) == []
    assert desk.page.evaluate(TOO_WIDE) == []
    desk.page.set_viewport_size({"width": 390, "height": 844})
    assert axe(desk.page) == []
    assert desk.page.evaluate(TOO_WIDE) == []
    desk.page.set_viewport_size({"width": 1366, "height": 900})


def test_a_rule_from_the_editor_to_activation(chromium: Browser, address: str, office: int) -> None:
    mori, hori = Desk(chromium, address, "mori"), Desk(chromium, address, "hori")
    page = mori.page
    page.goto(f"{address}/rules")
    is_sound(mori)
    page.get_by_role("button", name="この版から案を作る").first.click()
    page.wait_for_url("**/edit")
    number = draft_of(office)

    page.get_by_role("link", name="規則を足す").click()
    page.locator("#f-name").fill("少額の携帯")
    page.locator("#f-code").fill("small_mobile")
    page.locator("#f-reasons").fill("small_amount")
    page.locator("#c-add").click()
    expect(page.locator("#c-0-value")).to_be_focused(timeout=SOON)
    page.keyboard.type("20,000円")
    page.locator("#c-0-op").select_option("<")
    page.locator("#c-add").click()
    page.locator("#c-1-attribute").select_option("has_mobile")
    expect(page.locator("#c-1-value option")).to_have_count(2, timeout=SOON)
    expect(page.locator("#c-0-value")).to_have_value("20,000円")  # what was typed stays
    expect(page.locator("#f-name")).to_have_value("少額の携帯")
    page.get_by_role("button", name="読み直す").click()
    expect(page.locator(".asread")).to_contain_text("未納額(本税)が20,000円未満、かつ使える携帯がある", timeout=SOON)
    page.locator("#f-channel").select_option("operator_call")
    is_sound(mori)
    mori.picture("rules-1-edit")

    # Somebody else changes the draft meanwhile: told what, and nothing typed is lost.
    other = hori.page
    other.goto(f"{address}/rules/{number}/edit")
    other.locator("#r-do_not_contact-down").click()
    expect(other.locator("#status")).to_contain_text("下へ動かしました", timeout=SOON)
    page.get_by_role("button", name="この規則を保存").click()
    conflict = page.locator("#page-conflict")
    expect(conflict).to_contain_text("堀さんが", timeout=SOON)
    expect(conflict).to_contain_text("移動")
    expect(page.locator("#c-0-value")).to_have_value("20,000円")
    mori.picture("rules-2-conflict")
    page.get_by_role("button", name="変更を見たうえで保存する").click()
    page.wait_for_url("**rule=small_mobile*")
    with transaction(office) as session:
        rule = next(each for each in rules_of(session, number).rules if each.code == "small_mobile")
    assert rule.when == All((Compare("outstanding", Op.LT, 20_000), Compare("has_mobile", Op.IS, True)))

    # The row moves by keyboard, and the hand stays on it.
    page.locator("#r-small_mobile-open").focus()
    for step in (1, 2):
        place = len(codes(office)) - 2 - step
        page.keyboard.press("Alt+ArrowUp")
        expect(page.locator(".rulerow").nth(place)).to_have_attribute("id", "r-small_mobile", timeout=SOON)
        expect(page.locator("#r-small_mobile-open")).to_be_focused()
    assert codes(office)[-4] == "small_mobile"
    page.locator("#r-broken_promise-remove").click()
    expect(page.locator("#undo")).to_be_focused(timeout=SOON)
    page.locator("#undo").click()
    expect(page.locator("#r-broken_promise")).to_be_visible(timeout=SOON)

    page.get_by_role("link", name="試算").click()
    page.get_by_role("button", name="試算する").click()
    page.wait_for_load_state()
    expect(page.locator("progress")).to_be_visible(timeout=SOON)
    with transaction(office) as session:
        waiting = list(session.scalars(select(RuleTrial.id).where(RuleTrial.state == "queued")))
    for trial_id in waiting:
        trials.run(office, trial_id, utc_now())
    expect(page.locator(".matrix")).to_be_visible(timeout=SOON)
    is_sound(mori)
    mori.picture("rules-3-preview")
    page.get_by_role("button", name="承認に出す").click()
    expect(page.locator("body")).to_contain_text("最後に編集した森さん自身は、有効にできません", timeout=SOON)
    expect(page.get_by_role("button", name="有効にする")).to_be_disabled()

    other.goto(f"{address}/rules/{number}/preview")
    other.locator(".matrix td.moved a").first.click()
    expect(other.locator("tbody tr").first).to_contain_text("見本 佳代", timeout=SOON)
    is_sound(hori)
    other.goto(f"{address}/rules/{number}/preview")
    other.get_by_role("button", name="有効にする").click()
    expect(other.locator("#page-errors")).to_contain_text("理由を書いてください", timeout=SOON)
    other.get_by_label("理由※必須").fill("訪問班と合意")
    other.get_by_role("button", name="有効にする").click()
    other.wait_for_url(f"**/rules/{number}")
    expect(other.locator(".pagehead")).to_contain_text("有効")
    is_sound(hori)
    expected = ("status of 409", "status of 422")  # the browser notes the two refusals above
    assert [problem for desk in (mori, hori) for problem in desk.problems if not any(word in problem for word in expected)] == []
    mori.close()
    hori.close()
