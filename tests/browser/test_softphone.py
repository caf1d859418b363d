"""The browser's own telephone: a real Chromium speaks over WebRTC through a real Asterisk with a telephone that listens.

The console, the dialer, PostgreSQL and Asterisk are the real ones. Chromium's microphone beeps; the debtor's telephone says a tone and
tells what it hears. Pictures go to artifacts/.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import select, update

from callcenter.auth import throttling
from callcenter.auth.models import Office, Role, User
from callcenter.core.clock import SystemClock, utc_now
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings
from campaigns.debtors.models import Debt, Debtor, PhoneNumber
from campaigns.planning.service import create_campaign, set_status
from campaigns.planning.state import CampaignStatus
from campaigns.worklist.models import WorkItem
from dialer.agents.models import AgentSession
from dialer.calls.models import Call
from dialer.controls.models import Consultation
from dialer.sharing import WakeUp
from dialer.telephony.asterisk.render import PhonePlan
from dialer.telephony.port import CarrierLimits
from dialer.worker import Dialer, DialerSettings
from tests.browser.looking import FLAGS, overheard
from tests.browser.serving import served
from tests.callcenter.conftest import PASSWORD, stored_password
from tests.telephony.conftest import rig_is_there  # noqa: F401 - a fixture
from tests.telephony.phone import Phone
from tests.telephony.rig import CALLER_ID, Rig
from tests.telephony.test_main_job import open_always

pytestmark = [pytest.mark.browser, pytest.mark.asterisk, pytest.mark.xdist_group("browser_softphone")]
PICTURES = Path(__file__).parents[2] / "artifacts" / "softphone"
DEBTOR, OFFICER = 500.0, 1000.0
SOON = 60_000
# what the microphones are that the page opened, and one pulled out: Chromium's fake ones can't be
PULLED = """window.opened = []; const open = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
  if (open) navigator.mediaDevices.getUserMedia = async (wish) => {
    if (window.isBare) throw new DOMException('none', 'NotFoundError');
    const stream = await open(wish); window.opened.push(stream); return stream; };"""
PULL = "() => { const track = window.opened.at(-1).getAudioTracks()[0]; track.stop(); track.dispatchEvent(new Event('ended')); }"
SOUND = ["--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required"]


@pytest.fixture(scope="module")
def phones() -> Iterator[dict[str, Phone]]:
    with Phone("tx-ear", OFFICER) as officer, Phone("debtor", DEBTOR) as debtor:
        yield {"officer": officer, "debtor": debtor}


@pytest.fixture(scope="module")
def asterisk(rig_is_there: None, phones: dict[str, Phone], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:  # noqa: F811
    plans = (PhonePlan("tx-ear", contact=phones["officer"].contact),)
    with Rig(tmp_path_factory.mktemp("softphone"), extra_phones=plans, far_port=phones["debtor"].port, wait_seconds=40) as standing:
        yield standing


@pytest.fixture
def settings(asterisk: Rig, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CALLCENTER_SOFTPHONE_URL", f"ws://127.0.0.1:{asterisk.ws_port}/ws")
    get_settings.cache_clear()
    yield
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.fixture
def debtor_number() -> str:
    """Anybody: the trunk ends at one telephone."""
    return "+819011000001"


@pytest.fixture
def town(settings: None, office_id: int, debtor_number: str) -> int:
    """One operator without a desk phone, one officer with one, one debtor."""
    now = utc_now()
    open_always(office_id)
    with transaction(None) as session:
        session.execute(update(Office).where(Office.id == office_id).values(name="架空市", phone=CALLER_ID))
    with transaction(office_id) as session:
        session.add(User(sign_in_name="saeki", display_name="佐伯", role=Role.OPERATOR, password_hash=stored_password()))
        session.add(User(sign_in_name="toda", display_name="戸田", role=Role.TAX_OFFICER, phone_address="tx-ear"))
        debtor = Debtor(debtor_no="0001234567", name="見本 佳代", name_kana="ミホン カヨ", address="架空市本町二丁目3番4号")
        session.add(debtor)
        session.flush()
        session.add(PhoneNumber(debtor_id=debtor.id, original=debtor_number, e164=debtor_number, line_type="mobile"))
        session.add(
            Debt(
                debtor_id=debtor.id,
                tax_code="01",
                tax_name="市県民税",
                levy_year=2026,
                base_year=2026,
                term=1,
                notice_no="N1",
                due_on=date(2026, 6, 30),
                assessed=36_000,
                outstanding=36_000,
            )
        )
        campaign = create_campaign(session, "11月名簿", now)
        set_status(session, campaign.id, CampaignStatus.RUNNING, now)
        session.add(
            WorkItem(campaign_id=campaign.id, debtor_id=debtor.id, channel="operator_call", not_before=now, created_at=now, updated_at=now)
        )
    throttling.reset()
    return office_id


@pytest.fixture
def dialer(asterisk: Rig, town: int, database_url: str) -> Iterator[Dialer]:
    clock, stopping = SystemClock(), threading.Event()
    carrier = asterisk.carrier()
    with WakeUp(database_url, "test-node") as wake_up:
        limits = CarrierLimits(calls_per_second=5, max_lines=4)
        worker = Dialer(carrier, clock, DialerSettings("test-node", CALLER_ID, limits), wake_up)
        thread = threading.Thread(target=worker.run, args=(stopping.is_set,), name="dialer")
        thread.start()
        try:
            assert carrier.wait_connected(60)
            yield worker
            for channel_id in carrier.live_channels() or ():
                carrier.hang_up(channel_id)
        finally:
            stopping.set()
            thread.join()  # pytest-timeout ends it: one that goes on would work in the next test's database


@pytest.fixture
def address(town: int) -> Iterator[str]:
    with served() as where:
        yield where


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=[*(flag for flag in FLAGS if "fake-ui" not in flag), *SOUND]
        )
        yield browser
        browser.close()


class Desk:
    """The operator's browser; faults of the page and of its policy are collected."""

    def __init__(self, browser: Browser, address: str, *, may_listen: bool = True) -> None:
        self.context = browser.new_context(locale="ja-JP", viewport={"width": 1366, "height": 900})
        if may_listen:
            self.context.grant_permissions(["microphone"])
        self.page: Page = self.context.new_page()
        self.problems = overheard(self.page)
        # what the page's own connection tells, for the checks below
        self.page.add_init_script(
            "window.peers = []; const Bare = RTCPeerConnection;"
            "window.RTCPeerConnection = class extends Bare { constructor(...all) { super(...all); window.peers.push(this); } };"
        )
        self.page.add_init_script(PULLED)
        self.page.goto(address + "/login")
        self.page.get_by_label("利用者名").fill("saeki")
        self.page.get_by_label("パスワード").fill(PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda url: "/login" not in url)

    def wait_line(self, state: str) -> None:
        expect(self.page.locator("#phone-line")).to_have_attribute("data-line", state, timeout=SOON)

    def stats(self) -> dict[str, float]:
        """Packets of the newest connection, both ways, and the energy of what was heard."""
        found: dict[str, float] = self.page.evaluate(
            """async () => { const found = {}; for (const one of (await window.peers.at(-1).getStats()).values()) {
              if (one.type === 'inbound-rtp') { found.received = one.packetsReceived; found.energy = one.totalAudioEnergy; }
              if (one.type === 'outbound-rtp') found.sent = one.packetsSent; } return found; }"""
        )
        return found

    def wait_stats(self, is_enough: Callable[[dict[str, float]], bool]) -> None:
        for _ in range(600):
            if is_enough(self.stats()):
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(self.stats())

    def picture(self, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png", full_page=True, caret="initial")

    def close(self) -> None:
        self.context.close()


@pytest.fixture
def desk(chromium: Browser, address: str, dialer: Dialer) -> Iterator[Desk]:
    made = Desk(chromium, address)
    yield made
    made.close()


def stored(office_id: int, table: Any) -> Any:
    with transaction(office_id) as session:
        return session.scalars(select(table)).one()


def test_a_call_of_the_browser_with_sound_both_ways_and_every_control(desk: Desk, phones: dict[str, Phone], town: int) -> None:
    page, debtor, officer = desk.page, phones["debtor"], phones["officer"]
    desk.wait_line("up")  # the leg stands before anything is asked
    desk.picture("1-up")
    page.keyboard.press("Control+Shift+R")
    expect(page.locator("#h-verify")).to_be_visible(timeout=SOON)
    desk.wait_stats(lambda found: found.get("received", 0) > 50 and found.get("sent", 0) > 50 and found.get("energy", 0) > 0)
    wait_beep(debtor)
    expect(page.locator("#quality")).to_have_attribute("data-quality", "good", timeout=SOON)
    for side in ("self", "peer"):
        expect(page.locator(f"[data-meter={side}]")).not_to_have_attribute("data-level", "0", timeout=SOON)
    desk.picture("2-talking")
    assert row_heights(page) == {"ja": 64, "en": 64}, "the strip is one row at 1280 px"
    desk.wait_line("up")

    page.keyboard.press("Control+Shift+M")
    expect(page.locator("[data-phone=mute]")).to_have_attribute("aria-pressed", "true", timeout=SOON)
    wait_quiet(debtor)
    page.reload()  # what holds is on the server
    desk.wait_line("up")
    expect(page.locator("[data-phone=mute]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Control+Shift+M")
    expect(page.locator("[data-phone=mute]")).to_have_attribute("aria-pressed", "false", timeout=SOON)
    wait_beep(debtor)

    page.keyboard.press("Control+Shift+H")
    expect(page.locator(".phone-state")).to_contain_text("保留中", timeout=SOON)
    page.keyboard.press("Control+Shift+H")
    expect(page.locator(".phone-state")).to_contain_text("通話中", timeout=SOON)

    page.keyboard.press("Control+Shift+D")
    page.keyboard.type("555555555555")
    debtor.forget()
    desk.picture("3-keypad")
    page.keyboard.press("Enter")
    wait(page, lambda: debtor.has_heard(770.0, 1336.0), "the keys")
    page.keyboard.press("Escape")

    page.keyboard.press("Control+Shift+F")
    expect(page.get_by_role("radio", name="戸田")).to_be_visible()
    desk.picture("4-ask")
    page.keyboard.press("Enter")
    expect(page.get_by_text("戸田と相談中")).to_be_visible(timeout=SOON)
    wait_beep(officer)
    wait_quiet(debtor)
    desk.picture("5-consult")
    page.keyboard.press("Control+Shift+J")
    expect(page.get_by_text("戸田と三者通話中")).to_be_visible(timeout=SOON)
    wait(page, lambda: debtor.hears(OFFICER), "the officer's voice")
    page.keyboard.press("Control+Shift+G")
    expect(page.locator(".phone-state")).to_contain_text("後処理", timeout=SOON)
    expect(page.get_by_text("通話は終わりました")).to_be_visible()
    expect(page.locator("#phone-meters")).to_have_count(0)
    wait(page, lambda: officer.hears(DEBTOR), "the debtor's voice")
    wait(page, lambda: stored(town, Consultation).handed_over_at is not None, "the hand-over")
    assert stored(town, Call).state == "bridged"  # they go on without the operator
    desk.wait_line("up")
    assert desk.problems == []


def test_the_network_breaks_and_the_call_goes_on(desk: Desk, phones: dict[str, Phone], town: int) -> None:
    """Chromium's network process is stopped: no packet of any kind leaves or comes, until it goes on."""
    page, debtor = desk.page, phones["debtor"]
    desk.wait_line("up")
    page.keyboard.press("Control+Shift+R")
    expect(page.locator("#h-verify")).to_be_visible(timeout=SOON)
    wait_beep(debtor)
    before, leg = stored(town, Call), stored(town, AgentSession).leg_channel
    network = network_process()
    os.kill(network, signal.SIGSTOP)
    try:
        desk.wait_line("broken")
        wait(page, lambda: not stored(town, AgentSession).is_leg_up, "Asterisk's word that the leg is gone")
        debtor.forget()
        wait(page, lambda: debtor.has_heard(440.0), "the tone that asks the debtor to wait")
    finally:
        os.kill(network, signal.SIGCONT)
    began = time.monotonic()
    desk.wait_line("up")
    wait_beep(debtor)
    print(f"restored within {time.monotonic() - began:.2f} s")
    after = stored(town, Call)
    assert (after.id, after.channel_id, after.state) == (before.id, before.channel_id, "bridged")
    wait(page, lambda: stored(town, AgentSession).is_leg_up, "Asterisk's word that the leg is back")
    agent = stored(town, AgentSession)
    assert (agent.state, agent.leg_channel == leg) == ("talking", False)
    expect(page.locator("#alert")).to_be_empty(timeout=SOON)


def test_without_a_microphone_the_page_says_what_to_do(chromium: Browser, address: str, dialer: Dialer) -> None:
    desk = Desk(chromium, address, may_listen=False)
    desk.wait_line("blocked")
    expect(desk.page.locator("#alert")).to_contain_text("マイクが使えません", timeout=SOON)
    desk.page.keyboard.press("Control+Shift+O")
    expect(desk.page.get_by_text("「もう一度試す」を押します")).to_be_visible()
    desk.picture("6-blocked")
    desk.context.grant_permissions(["microphone"])
    desk.wait_line("up")  # noticed without pressing anything
    expect(desk.page.locator("#mic-blocked")).to_be_hidden()
    desk.picture("7-sound")
    desk.page.get_by_role("button", name="テスト通話").click()
    expect(desk.page.locator("#test-state")).to_contain_text("声が返っています", timeout=SOON)
    desk.page.get_by_role("button", name="テストを終える").click()
    expect(desk.page.locator("[data-phone=test]")).to_have_attribute("aria-pressed", "false")
    for name in ("mic", "speaker"):
        expect(desk.page.locator(f"#{name} option").nth(1)).to_be_attached()
    desk.page.evaluate(PULL)
    expect(desk.page.locator("#status")).to_contain_text("ほかのマイクに切り替えました", timeout=SOON)
    desk.page.evaluate("window.isBare = true")
    desk.page.evaluate(PULL)
    desk.wait_line("blocked")
    desk.page.evaluate("window.isBare = false; navigator.mediaDevices.dispatchEvent(new Event('devicechange'))")
    desk.wait_line("up")
    second = desk.context.new_page()
    second.goto(address + "/operator")
    expect(second.locator("#phone-line")).to_have_attribute("data-line", "other", timeout=SOON)
    desk.close()


def row_heights(page: Page) -> dict[str, int]:
    """How high the strip is at 1280 px, in either language; the page is Japanese and as wide as before afterwards."""
    size = page.viewport_size
    page.set_viewport_size({"width": 1280, "height": 900})
    found = {}
    for language, button in (("ja", "English"), ("en", "日本語")):
        expect(page.locator("#quality")).to_have_attribute("data-quality", "good", timeout=SOON)
        box = page.locator(".phone").bounding_box()
        found[language] = round(box["height"]) if box else 0
        page.get_by_role("button", name=button).click()
        expect(page.get_by_role("button", name=button)).to_have_count(0, timeout=SOON)
    if size is not None:
        page.set_viewport_size(size)
    return found


def network_process() -> int:
    """The process of our own Chromium that all of its traffic passes through."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                parents[int(folder.name)] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
    for pid in parents:
        line, above = [], pid
        while above in parents:
            line.append(above)
            above = parents[above]
        with contextlib.suppress(OSError):
            if os.getpid() in line and b"NetworkService" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
    raise AssertionError("Chromium has no network process")


def wait_beep(phone: Phone) -> None:
    """Chromium's microphone beeps at 200 Hz once a second for a fifth of it; half a second of it is mostly silence."""
    for _ in range(600):
        if loud(phone):
            return
        threading.Event().wait(0.1)
    raise AssertionError("nothing was heard of the microphone")


def wait_quiet(phone: Phone) -> None:
    """Nothing of the microphone for three seconds on end."""
    calm = 0
    for _ in range(600):
        calm = 0 if loud(phone) else calm + 1
        if calm >= 30:
            return
        threading.Event().wait(0.1)
    raise AssertionError("the microphone is still heard")


def loud(phone: Phone) -> bool:
    return any(phone.hears(hertz) for hertz in (196.0, 200.0, 204.0, 400.0, 440.0, 880.0)) and not phone.hears(440.0)


def wait(page: Page, is_so: Callable[[], bool], what: str) -> None:
    for _ in range(600):
        if is_so():
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{what} did not come about")
