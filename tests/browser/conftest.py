"""What tests in a real browser share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from callcenter.core.clock import SystemClock
from dialer.sharing import WakeUp
from dialer.telephony.port import CarrierLimits
from dialer.telephony.simulator.carrier import SimulatedCarrier
from dialer.worker import Dialer, DialerSettings
from tests.browser.looking import FLAGS, SOON

expect.set_options(timeout=SOON)  # a machine that does something else, too, needs more than Playwright's five seconds


@pytest.fixture(autouse=True)
def nothing_waited_for_inside_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages' own policy forbids what `wait_for_function` does whenever it has to ask a second time."""
    monkeypatch.setattr(Page, "wait_for_function", None)  # looking.comes_true asks from outside


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[None]:
    """Every page waits as long as `expect` does, for what it does and where it goes."""
    new_context, new_page = Browser.new_context, Browser.new_page

    def patient_context(self: Browser, **options: Any) -> BrowserContext:
        context = new_context(self, **options)
        context.set_default_timeout(SOON)
        return context

    def patient_page(self: Browser, **options: Any) -> Page:
        page = new_page(self, **options)
        page.set_default_timeout(SOON)
        return page

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Browser, "new_context", patient_context)
        patch.setattr(Browser, "new_page", patient_page)
        yield


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser of the module's own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def dialer(town: int, database_url: str) -> Iterator[Dialer]:
    """The dialer at work for the module's own `town`, in real time."""
    clock, stopping = SystemClock(), threading.Event()
    with WakeUp(database_url, "test-node") as wake_up:
        limits = CarrierLimits(calls_per_second=5, max_lines=4)
        worker = Dialer(SimulatedCarrier(clock, seed=7), clock, DialerSettings("test-node", "+81300000000", limits), wake_up)
        thread = threading.Thread(target=worker.run, args=(stopping.is_set,), name="dialer")
        thread.start()
        yield worker
        stopping.set()
        thread.join()  # pytest-timeout ends it: one that goes on would work in the next test's database
