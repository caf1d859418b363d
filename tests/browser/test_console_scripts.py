"""The scripts of the operator's page in a real browser against a small server: what is sent, what survives a swap, what is said."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from callcenter.web.rendering import STATIC, render
from tests.browser.looking import FLAGS, comes_true, until
from tests.browser.samples import PAGES_BY_NAME
from tests.browser.test_templates import Pages

pytestmark = pytest.mark.browser
PATIENT = "window.htmx.config.defaultTimeout = 120_000"  # an answer that a test holds back is waited for


class Office:
    """What the small server was told and what it shall answer."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.events: queue.Queue[str | None] = queue.Queue()
        self.answers: dict[str, tuple[int, str]] = {}
        self.stage = "talking"
        self.refreshes = 0
        self.asked: list[str] = []
        self.gate, self.stage_gate, self.stream_gate = threading.Event(), threading.Event(), threading.Event()
        for gate in (self.gate, self.stage_gate, self.stream_gate):
            gate.set()

    def tell(self, name: str) -> None:
        self.events.put(name)

    def sent(self, path: str) -> list[tuple[str, dict[str, str], dict[str, str]]]:
        return [post for post in self.posts if post[0] == path]


class Desk(Pages):
    """The sample pages, an event stream, the stage, and every POST written down."""

    protocol_version = "HTTP/1.0"
    office: Office

    def do_GET(self) -> None:  # noqa: N802
        path = self.path.partition("?")[0]
        if path == "/console/events":
            self.stream()
        elif path == "/console/stage":
            self.office.refreshes += 1
            _, model = PAGES_BY_NAME[self.office.stage]
            asked = parse_qs(self.path.partition("?")[2])["key"][0]
            kind = "refresh" if asked == model["stage"]["key"] else "stage"
            self.office.asked.append(asked)
            self.office.stage_gate.wait(60)
            self.answer(200, render(f"operator/{kind}.html", "ja", **model), stage_for=asked)
        elif path == "/console/softphone":
            self.answer(200, json.dumps({"is_on": False}), "application/json")
        else:
            super().do_GET()

    def stream(self) -> None:
        self.office.stream_gate.wait(60)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        name: str | None = "heartbeat"
        while name is not None:
            self.wfile.write(f'event: {name}\ndata: {{"at": "2026-11-18T05:04:30.000+00:00"}}\n\n'.encode())
            self.wfile.flush()
            try:
                name = self.office.events.get(timeout=5)
            except queue.Empty:  # a stream that says nothing is taken for broken
                name = "heartbeat"

    def do_POST(self) -> None:  # noqa: N802
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        fields = {name: values[-1] for name, values in parse_qs(body).items()}
        self.office.posts.append((self.path, fields, {name.lower(): value for name, value in self.headers.items()}))
        self.office.gate.wait(60)
        status, text = self.office.answers.get(self.path, (200, json.dumps({"is_read_only": False})))
        self.answer(status, text)

    def answer(self, status: int, text: str, kind: str = "text/html; charset=utf-8", stage_for: str = "") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("X-Stage-For", stage_for)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def address(office: Office) -> Iterator[str]:
    handler = type("DeskOfOne", (Desk,), {"office": office})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(STATIC)))
    server.daemon_threads = True
    server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]  # pages that are closed in mid-stream
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    for gate in (office.gate, office.stage_gate, office.stream_gate):
        gate.set()
    for _ in range(4):
        office.events.put(None)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(locale="ja-JP")
    yield page
    page.close()


def test_the_connection_is_told_in_words_and_a_break_makes_everything_refetched(page: Page, address: str, office: Office) -> None:
    page.goto(f"{address}/talking")
    shown = page.locator("#connection")
    expect(shown).to_have_attribute("data-state", "ok", timeout=60_000)
    expect(shown.get_by_text("接続 正常")).to_be_visible()
    office.stream_gate.clear()
    office.events.put(None)
    expect(page.locator("#alert")).to_have_text("接続が切れました。つなぎ直しています。入力はそのままです。")
    with page.expect_response("**/console/stage?*"):
        office.stream_gate.set()
    expect(shown).to_have_attribute("data-state", "ok")
    expect(page.locator("#alert")).to_have_text("14:07にあなたの折り返しがあります。")  # another's warning shows again


def test_an_event_turns_talking_into_wrap_up_while_the_memo_is_being_composed(page: Page, address: str, office: Office) -> None:
    page.goto(f"{address}/talking")
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=60_000)
    page.locator("#memo").fill("一部")
    page.evaluate("document.querySelector('#stage-key').value = 'wrapup:77'")
    client = page.context.new_cdp_session(page)
    page.locator("#memo").focus()
    client.send("Input.imeSetComposition", {"text": "のうふ", "selectionStart": 3, "selectionEnd": 3})
    office.stage = "wrapup"
    office.tell("call")
    expect(page.locator(".phone-state")).to_contain_text("後処理", timeout=60_000)
    expect(page.locator("#case-lease")).to_contain_text("後処理 残り")
    expect(page.locator("#save")).to_contain_text("保存して次へ")
    client.send("Input.insertText", {"text": "納付"})
    expect(page.locator("#memo")).to_have_value("一部納付")
    expect(page.locator("#memo")).to_be_focused()


def test_what_is_typed_is_saved_after_a_pause_and_said(page: Page, address: str, office: Office) -> None:
    page.goto(f"{address}/talking")
    with page.expect_response("**/draft"):
        page.locator("#memo").fill("25日の給料のあと")
    expect(page.locator("#memo-saved [data-word]")).to_have_text("保存済")
    (_, fields, headers), *more = office.sent("/console/attempts/77/draft")
    assert (fields, more) == ({"field": "memo", "text": "25日の給料のあと"}, [])
    assert headers["x-csrf-token"]
    assert headers["x-console"]


def test_a_number_chooses_only_inside_the_panel_and_a_double_click_sends_once(page: Page, address: str, office: Office) -> None:
    page.goto(f"{address}/talking_unverified")
    expect(page.locator("input[name=branch]:focus")).to_have_count(1)
    page.keyboard.press("5")
    expect(page.locator("input[data-n='5']")).to_be_checked()
    expect(page.get_by_text("自動では掛け直しません。")).to_be_visible()
    expect(page.locator("#checks")).to_be_hidden()
    page.locator("body").evaluate("document.activeElement.blur()")
    page.keyboard.press("2")
    expect(page.locator("input[data-n='5']")).to_be_checked()
    comes_true(page, "window.htmx !== undefined")
    page.evaluate(PATIENT)
    office.gate.clear()
    page.get_by_role("button", name="断りを記録して次へ").dblclick()
    with page.expect_response("**/finish"):
        office.gate.set()
    [(_, fields, headers)] = office.sent("/console/attempts/77/finish")
    assert fields["branch"] == "branch_5"
    assert headers["idempotency-key"]
    expect(page.get_by_role("button", name="断りを記録して次へ")).to_be_enabled()
    with page.expect_response("**/finish"):
        page.locator("input[data-n='5']").focus()
        page.keyboard.press("Enter")
    assert len(office.sent("/console/attempts/77/finish")) == 2


def test_a_refused_result_keeps_everything_and_shows_what_to_correct(page: Page, address: str, office: Office) -> None:
    errors = [{"field_id": "promise-other-on", "message": "約束日は今日から60日までです。"}]
    office.answers["/console/attempts/77/outcome"] = (422, render("errors.html", "ja", errors=errors))
    page.goto(f"{address}/wrapup")
    page.locator("#memo").fill("あとで払う")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#outcome-errors")).to_contain_text("約束日は今日から60日までです。")
    assert page.locator("#memo").input_value() == "あとで払う"
    fields = office.sent("/console/attempts/77/outcome")[0][1]
    assert fields["outcome"] == "promise_part"
    assert fields["promise_on"] == "2026-11-25"
    assert fields["amount"] == "77900"
    assert fields["memo"] == "あとで払う"
    assert fields["after"] == "ready"
    assert "callback_on" not in fields


def test_a_failed_send_says_so_and_the_next_press_carries_the_same_key(page: Page, address: str, office: Office) -> None:
    office.answers["/console/attempts/77/lease"] = (503, "")
    page.goto(f"{address}/wrapup")
    comes_true(page, "window.htmx !== undefined")  # before it is there, a form is sent as without scripts
    for _ in range(2):
        with page.expect_response("**/lease"):
            page.keyboard.press("Control+Shift+Y")
        expect(page.locator("#alert")).to_contain_text("送れませんでした")
        expect(page.locator("[data-key=Y]")).to_be_enabled()  # a key does nothing while its button is busy
    first, second = office.sent("/console/attempts/77/lease")
    assert first[2]["idempotency-key"] == second[2]["idempotency-key"]


def test_ticked_terms_and_the_amount_are_one_thing(page: Page, address: str) -> None:
    page.goto(f"{address}/talking")
    expect(page.locator("#included-total")).to_have_text("77,900")
    page.get_by_role("radio", name="38,500円").check()
    expect(page.locator("#included-total")).to_have_text("38,500")
    page.locator("input[name=debt_id][value='4']").check()
    expect(page.locator("#promise-other-amount")).to_have_value("85600")


FRESH = """() => {
  const pressed = "button:not([type=button]):not(:disabled)";
  const form = [...document.querySelectorAll("form[hx-post]")].find((each) => each.querySelector(pressed));
  const fresh = form.cloneNode(true);
  for (const each of [fresh, ...fresh.querySelectorAll("*")]) each.removeAttribute("data-htmx-powered");
  form.replaceWith(fresh);
  fresh.querySelector(pressed).click();
  return fresh.getAttribute("hx-post");
}"""


def test_what_was_put_in_a_moment_ago_is_not_sent_as_the_browsers_own_form(page: Page, address: str, office: Office) -> None:
    page.goto(address + "/talking")
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok")
    path = page.evaluate(FRESH)
    until(page, lambda: bool(office.sent(path)))
    sent = office.sent(path)
    assert [headers.get("hx-request") for _, _, headers in sent] == ["true"]
    assert sent[0][2]["x-console"]
    assert page.url == address + "/talking"


def test_the_list_of_keys_opens_and_a_letter_can_be_changed(page: Page, address: str, office: Office) -> None:
    page.goto(f"{address}/wrapup")
    comes_true(page, "window.htmx !== undefined")  # nothing takes the hand to the first field any more
    page.locator("body").evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="キーの一覧")
    expect(dialog).to_be_visible()
    dialog.get_by_label("60秒延ばす のキー").fill("u")
    dialog.get_by_label("60秒延ばす のキー").press("Tab")
    page.keyboard.press("Escape")
    with page.expect_response("**/lease"):
        page.keyboard.press("Control+Shift+U")


def test_another_page_in_charge_makes_this_one_look_on(page: Page, address: str, office: Office) -> None:
    office.answers["/console/claim"] = (200, json.dumps({"is_read_only": True}))
    page.goto(f"{address}/talking")
    expect(page.locator("#read-only")).to_be_visible()
    with page.expect_response("**/take-over"):
        page.get_by_role("button", name="この画面で続ける").click()
    assert office.sent("/console/take-over")[0][2]["x-console"] == office.sent("/console/claim")[0][2]["x-console"]


def test_escape_leads_back_to_the_answers_and_what_was_told_of_a_case_goes_with_it(page: Page, address: str, office: Office) -> None:
    page.goto(f"{address}/talking_unverified")
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=60_000)
    check = page.locator("#checks input[name=said]").first
    form = page.locator("#checks form:has(input[name=said])").first
    office.answers[form.get_attribute("action") or ""] = (409, '<div class="banner">記録されています</div>')
    check.fill("S55.4.3")
    page.keyboard.press("Enter")
    expect(page.locator("#page-conflict")).to_contain_text("記録されています")
    page.keyboard.press("Escape")
    expect(page.locator("#branch-form input[name=branch]").first).to_be_focused()
    office.stage = "ringing"
    office.tell("call")
    expect(page.locator(".phone-state")).to_contain_text("呼出中", timeout=60_000)
    expect(page.locator("#page-conflict > *")).to_have_count(0, timeout=60_000)


def test_an_answer_for_another_stage_is_asked_for_again_and_nothing_is_put_in_under_the_hand(
    page: Page, address: str, office: Office
) -> None:
    page.goto(f"{address}/talking_unverified")
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=60_000)
    before, after = (PAGES_BY_NAME[name][1]["stage"]["key"] for name in ("talking_unverified", "talking"))
    assert before != after
    office.stage = "talking"
    page.evaluate(PATIENT)
    office.stage_gate.clear()
    office.tell("call")  # the event of the case that opens overtakes the answer to the press that opened it
    until(page, lambda: bool(office.asked))
    office.answers["/console/calls/77/hold"] = (200, render("operator/stage.html", "ja", **PAGES_BY_NAME["talking"][1]))
    page.keyboard.press("Control+Shift+H")
    expect(page.locator("#memo")).to_be_visible(timeout=60_000)
    page.locator("#outcome input[name=outcome]").nth(1).check()
    page.locator("#memo").fill("25日の給料のあと")
    page.evaluate("document.querySelector('#memo').dataset.same = 'yes'")
    with page.expect_response(lambda answer: f"key={after.replace(':', '%3A')}" in answer.url, timeout=60_000):
        office.stage_gate.set()
    comes_true(page, "!document.querySelector('.htmx-request')")
    expect(page.locator("#memo")).to_have_attribute("data-same", "yes")
    expect(page.locator("#memo")).to_be_focused()
    expect(page.locator("#memo")).to_have_value("25日の給料のあと")
    expect(page.locator("#outcome input[name=outcome]").nth(1)).to_be_checked()
    assert office.asked == [before, after]
