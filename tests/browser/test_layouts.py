"""A layout made from a vendor's file with the keyboard alone, its effect looked at and taken; on a small screen, and without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import TimeoutError as TooLate
from sqlalchemy import func, select, update

from callcenter.auth import throttling
from callcenter.auth.models import Office, Role, User
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from campaigns.debtors.models import Debt
from campaigns.imports.models import ImportFile
from campaigns.imports.service import run_import
from tests.browser.looking import looked_at, overheard
from tests.browser.serving import served
from tests.browser.test_main_job import SOON
from tests.callcenter.conftest import PASSWORD, stored_password
from tests.campaigns.import_files import table
from tests.rules.test_mapping import VENDOR

pytestmark = pytest.mark.browser
PICTURES = Path(__file__).parents[2] / "artifacts" / "layouts"
checked = partial(looked_at, PICTURES)
FILE = table(VENDOR, {}, {"納期別": "2", "停止": "B"}, {"納期別": "3", "納付期限": "いつか"})


@pytest.fixture
def office(office_id: int) -> int:
    with transaction(None) as session:
        session.execute(update(Office).where(Office.id == office_id).values(name="架空市"))
    with transaction(office_id) as session:
        session.add(User(sign_in_name="hori", display_name="堀", role=Role.SUPERVISOR, password_hash=stored_password()))
    throttling.reset()
    return office_id


@pytest.fixture
def address(office: int) -> Iterator[str]:
    with served() as where:
        yield where


@pytest.fixture
def vendor_file(tmp_path: Path) -> Path:
    path = tmp_path / "滞納一覧.csv"
    path.write_bytes(FILE)
    return path


def signed_in(browser: Browser, address: str, *, width: int = 1280, scripts: bool = True, english: bool = False) -> tuple[Page, list[str]]:
    """A page of the supervisor's, and what the browser complained about."""
    context = browser.new_context(locale="ja-JP", viewport={"width": width, "height": 900}, java_script_enabled=scripts)
    page = context.new_page()
    complaints = overheard(page)
    page.goto(address + "/login")
    page.get_by_label("利用者名").fill("hori")
    page.get_by_label("パスワード").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/supervisor")
    if english:
        page.get_by_role("button", name="English").click()
        page.wait_for_selector('html[lang="en"]')
    return page, complaints


def tab_to(page: Page, selector: str) -> None:
    """Presses Tab until the hand is there."""
    for _ in range(250):
        if page.evaluate("(selector) => document.activeElement?.matches(selector) ?? false", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} is not reached by Tab")


def choose_file(page: Page, path: Path) -> None:
    for patience in (10_000, 20_000, 60_000):  # a busy browser may drop the key
        tab_to(page, "#file")
        try:
            with page.expect_file_chooser(timeout=patience) as chooser:
                page.keyboard.press("Space")
        except TooLate:
            continue
        chooser.value.set_files(path)
        return
    raise AssertionError("no dialog to choose a file")


def run_newest(office_id: int) -> int:
    """The worker's part."""
    with transaction(office_id) as session:
        newest = session.scalars(select(ImportFile.id).order_by(ImportFile.id.desc())).first()
    assert newest is not None
    run_import(office_id, newest, now=utc_now())
    return newest


def test_from_a_vendor_s_file_to_open_debts_by_keyboard(chromium: Browser, address: str, office: int, vendor_file: Path) -> None:
    page, complaints = signed_in(chromium, address)
    page.goto(address + "/imports/layouts")
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    checked(page, "1-layouts")
    choose_file(page, vendor_file)
    tab_to(page, "form[data-upload] button[type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/drafts/*")
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    expect(page.locator("#column-due_on")).to_have_value("10")  # suggested
    expect(page.locator("#h-preview + p")).to_contain_text("3行のうち 3行は取り込めません")
    checked(page, "2-mapper")

    tab_to(page, "[name='ours.hold.0']")
    page.keyboard.press("ArrowDown")  # A: none
    expect(page.locator("#h-preview + p")).to_contain_text("3行のうち 2行は取り込めません", timeout=SOON)
    expect(page.locator("[name='ours.hold.0']")).to_be_focused()  # the hand stays where it was
    tab_to(page, "[name='ours.hold.1']")
    for _ in range(5):
        page.keyboard.press("ArrowDown")  # B: seized
    expect(page.locator("#h-preview + p")).to_contain_text("3行のうち 1行は取り込めません", timeout=SOON)
    expect(page.locator(".previewtable")).to_contain_text("差押中")
    expect(page.locator(".previewtable .error")).to_have_text("＊日付として読めません")

    page.locator("#column-due_on").focus()
    page.keyboard.press("Home")  # not used: then a required column is missing, and the page says so
    expect(page.locator("#lack-due_on")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("必須の列があと 1")).to_be_visible()
    checked(page, "3-lacking")
    for _ in range(10):
        page.keyboard.press("ArrowDown")
    expect(page.locator("#lack-due_on")).to_be_hidden(timeout=SOON)
    tab_to(page, "#name")
    page.keyboard.type("東町")
    tab_to(page, "button[value=import]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/imports/*")

    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    expect(page.get_by_text("順番待ち")).to_be_visible()
    rehearsal = run_newest(office)
    expect(page.locator("#h-decide")).to_have_text("まだ取り込んでいません", timeout=SOON)  # without a reload
    checked(page, "4-check")
    with transaction(office) as session:
        assert session.scalar(select(func.count()).select_from(Debt)) == 0
    tab_to(page, ".applyform button")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url.endswith(f"/imports/{rehearsal + 1}"))
    run_newest(office)
    expect(page.locator("#h-counts")).to_have_text("取り込んだ結果", timeout=SOON)
    checked(page, "5-done")
    with transaction(office) as session:
        assert session.scalars(select(Debt.hold).order_by(Debt.term)).all() == [0, 4]
    page.goto(address + "/imports")
    expect(page.locator("#files")).to_contain_text("東町@1")
    checked(page, "6-files")
    assert complaints == []
    page.context.close()


def test_on_a_small_screen_in_english(chromium: Browser, address: str, office: int, vendor_file: Path) -> None:
    page, complaints = signed_in(chromium, address, width=390, english=True)
    page.goto(address + "/imports/layouts")
    checked(page, "small-1-layouts")
    page.locator("#file").set_input_files(vendor_file)
    page.get_by_role("button", name="Show the columns").click()
    page.wait_for_url("**/drafts/*")
    page.locator(".others > summary").click()
    page.locator(".mapspecial summary").first.click()
    checked(page, "small-2-mapper")
    page.locator("[name='ours.hold.0']").select_option("0")
    page.locator("#name").fill("east")
    page.get_by_role("button", name="Save only").click()
    page.wait_for_url(lambda url: "drafts" not in url)
    checked(page, "small-3-layout")
    page.goto(address + "/imports")
    page.locator("#file").set_input_files(vendor_file)
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/imports/*")
    run_newest(office)
    expect(page.locator("#h-decide")).to_have_text("Not taken in yet", timeout=SOON)
    checked(page, "small-4-check")
    assert complaints == []
    page.context.close()


def test_without_scripts(chromium: Browser, address: str, office: int, vendor_file: Path) -> None:
    page, _ = signed_in(chromium, address, scripts=False)
    page.goto(address + "/imports/layouts")
    page.locator("#file").set_input_files(vendor_file)
    page.get_by_role("button", name="列を見る").click()
    page.wait_for_url("**/drafts/*")
    page.locator("[name='ours.hold.0']").select_option("0")
    page.locator("[name='ours.hold.1']").select_option("4")
    page.get_by_role("button", name="結果を読み直す").click()
    expect(page.locator("#h-preview + p")).to_contain_text("3行のうち 1行は取り込めません")
    page.locator("#name").fill("東町")
    page.get_by_role("button", name="取り込む前に確認する").click()
    page.wait_for_url("**/imports/*")
    rehearsal = run_newest(office)
    page.reload()
    page.get_by_role("button", name="この内容で取り込む").click()
    page.wait_for_url(f"**/imports/{rehearsal + 1}")
    run_newest(office)
    page.reload()
    expect(page.locator("#h-counts")).to_have_text("取り込んだ結果")
    page.context.close()


def test_a_dropped_file_is_taken_and_progress_is_shown_as_it_goes(chromium: Browser, address: str, office: int) -> None:
    page, complaints = signed_in(chromium, address)
    page.goto(address + "/imports")
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    content = "宛名番号,氏名,税目コード,賦課年度,相当年度,期別,通知書番号,納期限,調定額,未納額\n1,見本,01,2026,2026,1,1,2026-06-30,9,9\n"
    dropped = page.evaluate_handle(
        "(text) => { const data = new DataTransfer(); data.items.add(new File([text], '名簿.csv', {type: 'text/csv'})); return data; }",
        content,
    )
    page.dispatch_event("form[data-upload]", "drop", {"dataTransfer": dropped})
    page.get_by_role("button", name="送る").click()
    page.wait_for_url("**/imports/*")
    for done in (20_000, 45_000):
        with transaction(office) as session:
            values = {"status": "running", "step": "debts", "progress_rows": done, "progress_total": 61_204}
            session.execute(update(ImportFile).values(**values))
        expect(page.locator("progress")).to_have_attribute("value", str(done), timeout=SOON)
        expect(page.locator(".statebox")).to_contain_text(f"書き込み {done:,} / 61,204行")
    page.reload()
    expect(page.locator("progress")).to_have_attribute("value", "45000")
    expect(page.locator(".importsteps [aria-current=step]")).to_contain_text("書き込み")
    run_newest(office)
    expect(page.locator("#h-decide")).to_be_visible(timeout=SOON)
    assert complaints == []
    page.context.close()
