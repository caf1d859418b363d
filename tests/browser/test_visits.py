"""A round on a telephone of 390 px: taken along, worked through without a network, reloaded, sent, and gone from the telephone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from callcenter.auth import throttling
from callcenter.auth.models import Role, User
from callcenter.auth.sessions import end_sessions_of
from callcenter.core.clock import local_day, utc_now
from callcenter.core.db import transaction
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import Debt
from campaigns.promises.models import Promise
from campaigns.visits.models import VisitRound, VisitStop
from tests.browser.looking import comes_true, looked_at
from tests.browser.serving import served
from tests.callcenter.conftest import PASSWORD, stored_password
from tests.campaigns.town import Town

pytestmark = pytest.mark.browser
PICTURES = Path(__file__).parents[2] / "artifacts" / "visits"
checked = partial(looked_at, PICTURES)
SOON = 60_000  # milliseconds; a busy machine is slow
NAMES = ("見本　佳代", "髙橋　恵子", "佐藤　一郎")
STORED = """() => new Promise((done) => { const opening = indexedDB.open("visits", 1); opening.onsuccess = () => {
  const all = opening.result.transaction("box").objectStore("box").getAll();
  all.onsuccess = () => { opening.result.close();
    done(all.result.map((row) => [row.id, new TextDecoder("utf-8").decode(row.data)])); }; }; })"""


@pytest.fixture
def round_id(office_id: int) -> int:
    """A round that has set out, of three stops with coordinates."""
    now = utc_now()
    with transaction(office_id) as session:
        officer = User(sign_in_name="toda", display_name="戸田", role=Role.TAX_OFFICER, password_hash=stored_password())
        session.add(officer)
        session.flush()
        made = VisitRound(
            officer_id=officer.id, visit_on=local_day(now), title="本町", state="out", created_at=now, set_out_at=now, is_routed=True
        )
        session.add(made)
        session.flush()
        town = Town(session)
        for number, name in enumerate(NAMES, start=1):
            debtor = town.debtor(owes=38_500, mobile=False, address=f"架空市本町{number}丁目2番3号", postal_code="100-0001")
            debtor.name = name
            session.add(
                VisitStop(
                    round_id=made.id, debtor_id=debtor.id, position=number, latitude=35.6 + number / 500, longitude=139.7 + number / 400
                )
            )
        throttling.reset()
        return made.id


@pytest.fixture
def address(round_id: int) -> Iterator[str]:
    with served() as where:
        yield where


def opened(browser: Browser, address: str, round_id: int) -> tuple[Page, list[str]]:
    """The telephone with the round on it, ready to go."""
    context = browser.new_context(locale="ja-JP", viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda problem: complaints.append(str(problem)))
    page.on("console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None)
    sign_in(page, address)
    page.goto(f"{address}/visits/phone#{round_id}")
    expect(page.locator("[data-stop]")).to_have_count(3, timeout=SOON)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()  # under the worker, so that everything it needs is kept
    expect(page.locator("[data-stop]")).to_have_count(3, timeout=SOON)
    comes_true(page, "navigator.serviceWorker.controller !== null")
    return page, complaints


def sign_in(page: Page, address: str) -> None:
    """Signs the officer in."""
    page.goto(address + "/login")
    page.get_by_label("利用者名").fill("toda")
    page.get_by_label("パスワード").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/escalations")


def fill_in(page: Page, number: int, party: str, **more: Any) -> None:
    """Enters a result at a stop and keeps it."""
    stop = page.locator(f"li:nth-child({number}) > details")
    if stop.get_attribute("open") is None:
        stop.locator("summary").click()
    stop.locator(f"input[value={party}]").check(force=True)
    if verified := more.get("verified"):
        stop.locator(f"input[value={verified}]").check(force=True)
    if outcome := more.get("outcome"):
        stop.locator("select[name=outcome]").select_option(outcome)
    for field in ("promise", "due_on", "note"):
        if field in more:
            stop.locator(f"[name={field}]").fill(more[field])
    stop.get_by_role("button", name="記録する").click()


def stored_with(page: Page, kind: str) -> list[list[str]]:
    """What lies on the telephone, once something of that kind does."""
    end = time.monotonic() + SOON / 1000
    while True:
        rows: list[list[str]] = page.evaluate(f"({STORED})()")
        if any(f":{kind}:" in name for name, _ in rows):
            return rows
        assert time.monotonic() < end, f"no {kind} was kept"
        page.wait_for_timeout(50)


def test_a_round_without_a_network(chromium: Browser, address: str, round_id: int, office_id: int) -> None:
    page, complaints = opened(chromium, address, round_id)
    checked(page, "1-ready")
    page.context.set_offline(True)
    expect(page.locator("#net")).to_have_text("オフライン", timeout=SOON)
    due = local_day(utc_now()).isoformat()
    fill_in(page, 1, "nobody", note="不在。郵便受けに郵便物が多い")
    fill_in(page, 2, "debtor")  # nobody says how they were verified
    expect(page.locator("li:nth-child(2) [data-f=problem]")).to_be_visible(timeout=SOON)
    checked(page, "2-offline-problem")
    fill_in(page, 2, "debtor", verified="document", outcome="promise_part", promise="１０，０００", due_on=due, note="月末に")
    expect(page.locator("#unsent")).to_have_text("未送信 2件", timeout=SOON)
    third = page.locator("li:nth-child(3) > details")
    third.locator("summary").click()
    third.locator("[name=note]").fill("書きかけのメモ")
    kept = stored_with(page, "draft")
    assert all(secret not in text for _, text in kept for secret in (*NAMES, "月末に", "本町", "10000", "書きかけ"))
    assert {name.split(":")[1] for name, _ in kept} == {"pack", "entry", "draft"}
    page.reload()  # the telephone closed the page in a valley
    expect(page.locator("#unsent")).to_have_text("未送信 2件", timeout=SOON)
    expect(page.locator("li:nth-child(2) .whom b")).to_have_text(NAMES[1])
    page.locator("li:nth-child(3) summary").click()
    expect(page.locator("li:nth-child(3) [name=note]")).to_have_value("書きかけのメモ")
    checked(page, "3-offline-reloaded")
    with transaction(office_id) as session:  # meanwhile the second pays
        stops = session.scalars(select(VisitStop).order_by(VisitStop.position)).all()
        debt = session.scalars(select(Debt).where(Debt.debtor_id == stops[1].debtor_id)).one()
        debt.outstanding, debt.status = 0, "settled"
    page.locator("li:nth-child(3) [name=note]").focus()
    page.context.set_offline(False)
    expect(page.locator("#unsent")).to_have_text("すべて送信済み", timeout=SOON)
    expect(page.locator("li:nth-child(3) [name=note]")).to_be_focused()  # sending takes nothing from under the hand
    expect(page.locator("#alert")).to_contain_text("事情が変わって", timeout=SOON)
    checked(page, "4-sent")
    with transaction(office_id) as session:
        visits = session.scalars(select(Attempt).order_by(Attempt.id)).all()
        assert [(row.channel, row.line_result, row.note) for row in visits] == [("visit", "no_answer", "不在。郵便受けに郵便物が多い")]
        assert session.scalars(select(Promise)).all() == []
    left = page.evaluate(f"({STORED})()")
    assert sorted(name.split(":")[1] for name, _ in left) == ["draft", "pack"]
    assert page.locator("body").inner_text().count(NAMES[0]) == 0
    page.get_by_role("button", name="この端末から消す").click()
    expect(page.locator("#said")).to_have_text("この端末から消しました。", timeout=SOON)
    assert page.evaluate(f"({STORED})()") == []
    page.goto(f"{address}/visits/{round_id}")
    expect(page.locator("#h-conf")).to_be_visible(timeout=SOON)
    checked(page, "5-conflict-phone")
    page.set_viewport_size({"width": 1280, "height": 900})
    checked(page, "6-conflict-desk")
    page.get_by_role("button", name="訪問として記録する").click()
    expect(page.locator("#h-conf")).to_have_count(0, timeout=SOON)
    assert complaints == []
    page.context.close()


def test_what_was_left_can_not_be_read_once_the_sign_in_is_over(chromium: Browser, address: str, round_id: int, office_id: int) -> None:
    page, complaints = opened(chromium, address, round_id)
    page.context.set_offline(True)
    fill_in(page, 1, "nobody")
    expect(page.locator("#unsent")).to_have_text("未送信 1件", timeout=SOON)
    with transaction(office_id) as session:  # signed out elsewhere: a lost telephone
        end_sessions_of(session, session.scalars(select(User.id)).one(), utc_now())
    page.context.set_offline(False)
    expect(page.locator("#signin")).to_be_visible(timeout=SOON)
    expect(page.locator("#unsent")).to_have_text("未送信 1件")
    sign_in(page, address)
    page.goto(f"{address}/visits/phone#{round_id}")
    expect(page.locator("#alert")).to_contain_text("前のサインインは終わっています", timeout=SOON)
    expect(page.locator("[data-stop]")).to_have_count(3, timeout=SOON)
    expect(page.locator("#unsent")).to_have_text("すべて送信済み")
    page.goto(f"{address}/visits/{round_id}")
    page.get_by_role("button", name="サインアウト").click()  # on this telephone: nothing stays at all
    page.wait_for_url("**/login*")
    assert page.evaluate("indexedDB.databases().then((all) => all.length)") == 0
    assert page.evaluate("Object.keys(sessionStorage).length") == 0
    assert complaints == []
    page.context.close()
