"""Each page in each state: complete in both languages, neutral before verification, drawn by a real browser, and accessible.

Pictures are kept below artifacts/templates/.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from callcenter.web import i18n
from callcenter.web.rendering import STATIC, TEMPLATES, render
from callcenter.web.shield import CONTENT_SECURITY_POLICY
from tests.answering import answering
from tests.browser.looking import FLAGS, TOO_WIDE, axe, overheard
from tests.browser.samples import BEFORE, PAGES_BY_NAME

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "artifacts" / "templates"
VIEWS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "zoom": {"viewport": {"width": 640, "height": 450}, "color_scheme": "light"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
    "contrast": {"viewport": {"width": 1280, "height": 900}, "forced_colors": "active", "reduced_motion": "reduce"},
}
IN_CONTRAST = ("talking_unverified", "talking", "supervisor")
FORBIDDEN = ("税", "滞納", "督促", "催告", "納", "未払", "差押", "徴収", "延滞", "債")
FORBIDDEN_EN = ("tax", "arrear", "delinquen", "dunning", "debt", "overdue", "unpaid", "payment", "collect", "officer")


class Pages(SimpleHTTPRequestHandler):
    """Serves the rendered samples and the static files under the product's own policy; the event stream and every POST are refused."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/static/"):
            self.path = "/" + path.split("/", 3)[3]
            super().do_GET()
            return
        name, _, lang = path.strip("/").partition(".")
        if name not in PAGES_BY_NAME:
            self.send_error(503)
            return
        template, model = PAGES_BY_NAME[name]
        body = render(template, lang or "ja", **model).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.send_error(503)

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        if self.path.startswith("/vendor"):
            self.send_header("Cache-Control", "max-age=3600")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with answering(partial(Pages, directory=str(STATIC))) as where:
        yield where


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def contexts(browser: Browser) -> Iterator[dict[str, BrowserContext]]:
    """One context per view, so that the fonts are fetched once."""
    contexts = {view: browser.new_context(locale="ja-JP", **options) for view, options in VIEWS.items()}
    yield contexts
    for context in contexts.values():
        context.close()


def opened(context: BrowserContext, address: str, name: str) -> tuple[Page, list[str]]:
    """The page, and what the browser complained about (policy violations, script errors)."""
    page = context.new_page()
    complaints = overheard(page)
    page.goto(f"{address}/{name}", wait_until="load")
    page.evaluate("document.fonts.ready")
    return page, complaints


def faults(complaints: list[str]) -> list[str]:
    """What is no refusal of the stream, which this server has none of."""
    return [words for words in complaints if "503" not in words.rpartition(" (")[0]]


@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "view"),
    [
        (name, view)
        for name in PAGES_BY_NAME
        for view in VIEWS
        if view != "contrast" or name in ("talking_unverified", "talking", "supervisor")
    ],
)
def test_a_page_is_accessible_and_keeps_the_policy(contexts: dict[str, BrowserContext], address: str, name: str, view: str) -> None:
    page, complaints = opened(contexts[view], address, name)
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.{view}.png", full_page=True)
    too_wide = page.evaluate(TOO_WIDE)
    violations = axe(page)
    page.close()
    assert violations == []
    assert faults(complaints) == []
    assert too_wide == []


@pytest.mark.browser
@pytest.mark.parametrize("name", PAGES_BY_NAME)
def test_english_fits(contexts: dict[str, BrowserContext], address: str, name: str) -> None:
    page, complaints = opened(contexts["light"], address, f"{name}.en")
    page.screenshot(path=PICTURES / f"{name}.en.png", full_page=True)
    too_wide = page.evaluate(TOO_WIDE)
    page.close()
    assert (faults(complaints), too_wide) == ([], [])


@pytest.mark.browser
def test_a_dark_screen_prints_light(browser: Browser, address: str) -> None:
    drawn = "[...document.querySelectorAll('canvas')].map(canvas => canvas.toDataURL())"
    pictures = {}
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme, reduced_motion="reduce", viewport={"width": 1280, "height": 900})
        page, complaints = opened(context, address, "report")
        pictures[scheme] = page.evaluate(drawn)
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        pictures[f"{scheme} on paper"] = page.evaluate(drawn)
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.evaluate(drawn) == pictures[scheme]
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
        assert faults(complaints) == []
        context.close()
    assert pictures["light"] == pictures["light on paper"] == pictures["dark on paper"] != pictures["dark"]


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize("name", BEFORE)
def test_nothing_reveals_the_matter_before_verification(name: str, lang: str) -> None:
    template, model = BEFORE[name]
    html = render(template, lang, **model)
    assert [word for word in FORBIDDEN if word in html] == []
    assert [word for word in FORBIDDEN_EN if word in html.lower()] == []


@pytest.mark.parametrize("name", PAGES_BY_NAME)
def test_no_style_or_script_is_inline(name: str) -> None:
    template, model = PAGES_BY_NAME[name]
    html = render(template, "ja", **model)
    assert re.findall(r"<[^>]+\s(?:style|on\w+|hx-on[^=]*)=", html) == []
    assert re.findall(r"<style|<script(?![^>]*(?:src=|application/json))", html) == []


def test_the_languages_have_the_same_texts_with_the_same_fields() -> None:
    japanese, english = i18n.catalogue("ja"), i18n.catalogue("en")
    assert japanese.keys() == english.keys()
    for key in japanese:
        assert set(re.findall(r"\{(\w+)\}", japanese[key])) == set(re.findall(r"\{(\w+)\}", english[key])), key


def test_every_text_a_template_names_exists_and_every_text_is_named() -> None:
    texts = i18n.catalogue("ja")
    templates = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.html"))
    modules = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES.parent.rglob("*.py"))
    assert set(re.findall(r't\("(\w+\.\w+)"(?! ~)', templates)) - texts.keys() == set()
    quoted = set(re.findall(r'"(\w+\.\w+)"', templates + modules))
    computed = set(re.findall(r't\("(\w+)\." ~', templates)) | set(re.findall(r'f"(\w+)\.\{', modules))
    begun = tuple(re.findall(r't\("(\w+\.\w+)" ~', templates) + re.findall(r'f"(\w+\.\w+)\{', modules))  # a key that ends with a code
    unnamed = {key for key in texts if key not in quoted and key.partition(".")[0] not in computed}
    assert {key for key in unnamed if not (begun and key.startswith(begun))} == set()


def test_vendored_files_are_what_their_list_says() -> None:
    import hashlib

    for folder in (STATIC / "vendor", Path(__file__).parent / "vendor", ROOT / "reports" / "fonts"):
        listed: dict[str, str] = {}
        for package in json.loads((folder / "VERSIONS.json").read_text(encoding="utf-8")):
            assert package["version"]
            assert package["licence"]
            listed |= package["sha256"]
        found = {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*")
            if path.is_file()
        }
        found.pop("VERSIONS.json")
        assert found == listed
