"""How a page is looked at: by axe, for what runs over its edge, and in a picture for people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Page, expect

from tests.callcenter.conftest import PASSWORD

SOON = 60_000
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
]  # fmt: skip
# the page, or a table that would run over its neighbour (where it may scroll, it may be wider)
TOO_WIDE = """() => [document.documentElement, ...document.querySelectorAll('.scroll')]
  .filter((box) => box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX === 'visible')
  .map((box) => box.outerHTML.slice(0, 80))"""


def axe(page: Page) -> list[str]:
    """The violations axe finds, by rule and place; injected past the policy by the debugger, as a tester would."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [f"{each['id']}: {node['target']} {node['failureSummary']}" for each in found["violations"] for node in each["nodes"]]


def looked_at(pictures: Path, page: Page, name: str) -> None:
    """The page is accessible, nothing runs over its edge; a picture is kept in the folder for people to look at."""
    pictures.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=pictures / f"{name}.png", full_page=True)
    assert page.evaluate(TOO_WIDE) == []
    assert axe(page) == []


def overheard(page: Page) -> list[str]:
    """What the browser complains about from now on: the policy, errors of scripts, answers that refuse. Not that an answer took longer than
    the page waits for one, which is the machine's: the page says so and asks again."""
    complaints: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error" and "htmx:error: timeout" not in message.text:
            complaints.append(f"{message.text} ({page.url})")

    page.on("pageerror", lambda problem: complaints.append(str(problem)))
    page.on("console", on_console)
    return complaints


def comes_true(page: Page, expression: str) -> None:
    """Waits until the page says so. Asked from outside each time: Playwright's own `wait_for_function` asks again from inside the
    page, where the policy forbids it to be read as a script; it passes only when the first asking is answered with yes."""
    while not page.evaluate(expression):  # pytest-timeout ends it
        page.wait_for_timeout(50)


def until(page: Page, is_so: Callable[[], bool]) -> None:
    """Waits until something outside the page is so, while what the page tells goes on being heard."""
    while not is_so():  # pytest-timeout ends it
        page.wait_for_timeout(50)


def answered(page: Page) -> None:
    """The case is on the screen and the hand is at what the other end says: from here on a digit chooses."""
    expect(page.locator("#branch-form [data-digits] input").first).to_be_focused(timeout=SOON)


def verified(page: Page) -> None:
    """The operator asks for the birth date of whoever answers, by keyboard, and opens the matter."""
    page.keyboard.press("1")
    page.keyboard.type("S55.4.3")
    page.keyboard.press("Enter")
    expect(page.get_by_text("聞いた内容：S55.4.3")).to_be_visible(timeout=SOON)
    page.keyboard.press("Control+Shift+K")
    expect(page.locator("#h-debt")).to_be_visible(timeout=SOON)


def sign_in(page: Page, address: str, name: str) -> None:
    page.set_default_timeout(SOON)
    page.goto(address + "/login")
    page.get_by_label("利用者名").fill(name)
    page.get_by_label("パスワード").fill(PASSWORD)
    page.keyboard.press("Enter")


def in_both(page: Page, address: str, path: str, name: str, checked: Callable[[Page, str], None]) -> None:
    """The page wide, light and Japanese, and narrow, dark and English."""
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")
    page.goto(address + path)
    checked(page, f"{name}-1280")
    page.get_by_role("button", name="English").click()
    page.wait_for_selector('html[lang="en"]')
    page.set_viewport_size({"width": 390, "height": 900})
    page.emulate_media(color_scheme="dark")
    page.goto(address + path)
    checked(page, f"{name}-en-390")
    page.get_by_role("button", name="日本語").click()
    page.wait_for_selector('html[lang="ja"]')
