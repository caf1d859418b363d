"""A batch in a real Chromium from its preparation to its end: prepared by one, released by another, stopped, gone on with, done."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from callcenter.auth import throttling
from callcenter.auth.models import Office, Role, User
from callcenter.core.clock import SystemClock, utc_now
from callcenter.core.db import transaction
from campaigns.messages import moving
from campaigns.messages.models import Batch
from campaigns.messages.release import Releaser
from campaigns.messages.senders.port import SmsRequest, SmsStatus
from campaigns.planning.service import plan, set_status
from campaigns.planning.state import CampaignStatus
from tests.browser.looking import looked_at, until
from tests.browser.serving import served
from tests.browser.test_main_job import Desk
from tests.callcenter.conftest import stored_password
from tests.campaigns.test_messages import Provider
from tests.campaigns.town import Town

pytestmark = pytest.mark.browser
PICTURES = Path(__file__).parents[2] / "artifacts" / "batches"
SOON = 60_000
PEOPLE, PASSED, THREADS = 24, 8, 4


class Gated(Provider):
    """A provider that takes some messages and then holds on until it is told to go on."""

    def __init__(self) -> None:
        super().__init__(segments_per_second=20.0)
        self.goes_on, self.waiting, self._left, self._lock = threading.Event(), 0, PASSED, threading.Lock()

    def send(self, request: SmsRequest) -> SmsStatus:
        with self._lock:
            self._left -= 1
            waits = self._left < 0
            self.waiting += waits
        if waits:
            assert self.goes_on.wait(240)
        return super().send(request)


class Work:
    """What a worker does, in a thread: releases until it is told to end."""

    def __init__(self, office_id: int, provider: Gated) -> None:
        self._office_id, self._provider, self._is_over = office_id, provider, threading.Event()
        self.releaser = self._new()
        self._thread = threading.Thread(target=self._run, name="work")
        self._thread.start()

    def _new(self) -> Releaser:
        return Releaser(partial(transaction, self._office_id), self._provider, SystemClock(), threads=THREADS)

    def _run(self) -> None:
        while not self._is_over.is_set():
            self.releaser.run(self._is_over.is_set)
            self.releaser = self._new()
            time.sleep(0.1)

    def end(self) -> None:
        self._is_over.set()
        self._provider.goes_on.set()
        self._thread.join(60)


@pytest.fixture
def campaign_id(office_id: int) -> int:
    """A running campaign in an office that is always open, planned; two supervisors."""
    now = utc_now()
    with transaction(office_id) as session:
        session.scalars(select(Office)).one().is_training = True
        town = Town(session)
        for _ in range(PEOPLE):
            town.debtor(due=now.date() - timedelta(days=80))
        campaign = set_status(session, town.campaign().id, CampaignStatus.RUNNING, now)
        plan(session, campaign.id, now)
        for name, shown in (("hori", "堀"), ("toda", "戸田")):
            session.add(User(sign_in_name=name, display_name=shown, role=Role.SUPERVISOR, password_hash=stored_password()))
        return campaign.id


@pytest.fixture
def address(campaign_id: int) -> Iterator[str]:
    throttling.reset()
    with served() as where:
        yield where


def test_a_batch_from_its_preparation_to_its_end(chromium: Browser, address: str, office_id: int, campaign_id: int) -> None:
    hori, toda = Desk(chromium, address, "hori"), Desk(chromium, address, "toda")
    first, second = hori.page, toda.page
    first.goto(f"{address}/campaigns")
    first.get_by_role("button", name="SMSを準備").click()
    expect(first.get_by_role("heading", level=1)).to_contain_text("一括", timeout=SOON)
    expect(first.locator("#batch")).to_contain_text("準備した人、送り方を変えた人は承認できません", timeout=SOON)
    expect(first.get_by_role("button", name="承認して送る")).to_have_count(0)
    where = first.url

    second.goto(where)
    second.get_by_role("link", name="相手ごとの例を見る").click()
    expect(second.locator("#main")).to_contain_text("お電話ください", timeout=SOON)
    second.goto(where)
    looked_at(PICTURES, second, "batch-ready")

    provider = Gated()
    work = Work(office_id, provider)
    try:
        second.get_by_role("button", name="承認して送る").click()
        expect(first.locator("#batch")).to_contain_text(f"{PASSED} / {PEOPLE}件が済んだ", timeout=SOON)  # by itself, without a reload
        until(second, lambda: provider.waiting == THREADS)  # all that can be on their way are
        second.get_by_role("button", name="止める").click()
        expect(second.get_by_role("button", name="続ける")).to_be_visible(timeout=SOON)
        until(second, lambda: bool(work.releaser._way.stopped))
        provider.goes_on.set()  # what was on its way arrives; nothing else leaves
        on_its_way = PASSED + THREADS
        expect(first.locator("#batch")).to_contain_text(f"{on_its_way} / {PEOPLE}件が済んだ", timeout=SOON)
        assert len(provider.seen) == on_its_way
        looked_at(PICTURES, first, "batch-paused")
        second.goto(where)
        second.get_by_role("button", name="続ける").click()
        expect(first.locator("#batch")).to_contain_text(f"{PEOPLE} / {PEOPLE}件が済んだ(100%)", timeout=SOON)
    finally:
        work.end()
    with transaction(office_id) as session:
        moving.advance_batches(session, utc_now())
        assert session.scalars(select(Batch.state)).one() == "done"
    assert len({request.reference for request in provider.seen}) == len(provider.seen) == PEOPLE
    for said in ("戸田", "承認した", "止めた", "続けた"):  # these, too, came by themselves
        expect(first.locator("[aria-labelledby=h-history]")).to_contain_text(said, timeout=SOON)
    first.set_viewport_size({"width": 390, "height": 844})
    first.goto(where)
    expect(first.locator("#main")).to_contain_text(f"準備した{PEOPLE}件と一致")
    looked_at(PICTURES, first, "batch-done-narrow")
    assert hori.problems + toda.problems == []
    hori.close()
    toda.close()
