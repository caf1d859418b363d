"""`make soak-console`: an operator's eight hours in one page without a reload, and the supervisor's board beside it; both must stay flat.

python -m tests.browser.soak --calls 240      thirty calls an hour for eight hours, as fast as the page and the dialer go

Real are the browser, the web process, the dialer and the database; the carrier is the simulated one, whose people answer at once. Told are,
for each eighth of the shift, what the pages hold after a collection of garbage (heap, nodes, listeners), the memory of the web process, the
time from the answer to the paint and from the key that saves to the next screen. The last eighth may not hold more than the second, which
comes after the caches are filled.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import CDPSession, Page, expect, sync_playwright
from sqlalchemy import text, update

from callcenter.auth.models import Office, Role, User
from callcenter.auth.offices import add_office
from callcenter.core.clock import SystemClock, utc_now
from callcenter.core.db import transaction
from callcenter.core.logging import configure_logging
from callcenter.core.settings import get_settings
from campaigns.planning.service import create_campaign, set_status
from campaigns.planning.state import CampaignStatus
from dialer.sharing import WakeUp
from dialer.telephony.port import CarrierLimits
from dialer.telephony.simulator.carrier import SimulatedCarrier
from dialer.worker import Dialer, DialerSettings
from tests import servers
from tests.browser.looking import FLAGS, answered, verified
from tests.browser.serving import Web
from tests.browser.test_main_job import Desk
from tests.callcenter.conftest import stored_password
from tests.conftest import in_database, migrate

SOON = 60_000
PARTS = 8
ROOM = {"heap_kb": (1.10, 512), "nodes": (1.05, 100), "listeners": (1.05, 20), "board_heap_kb": (1.10, 512), "web_kb": (1.05, 8192)}
"""What the last part may hold: so many times the second part, and so much more."""

TOWN = """
INSERT INTO debtor (office_id, debtor_no, name, birth_date, address)
SELECT :office, lpad(n::text, 10, '0'), '見本 佳代', date '1980-04-03', '架空市本町二丁目3番4号' FROM generate_series(1, :calls) n;
INSERT INTO phone_number (office_id, debtor_id, original, e164, line_type)
SELECT office_id, id, e164, e164, 'mobile' FROM (SELECT office_id, id, '+81901' || right(debtor_no, 3) || '0001' AS e164 FROM debtor) d;
INSERT INTO debt (office_id, debtor_id, tax_code, tax_name, levy_year, base_year, term, notice_no, due_on, assessed, outstanding)
SELECT office_id, id, '01', '市県民税', 2026, 2026, term, debtor_no || '-' || term, date '2026-06-30' + 60 * term, 30000, 30000
FROM debtor, generate_series(1, 4) term;
INSERT INTO work_item (office_id, campaign_id, debtor_id, channel, not_before, created_at, updated_at)
SELECT d.office_id, c.id, d.id, 'operator_call', now(), now(), now() FROM debtor d, campaign c
"""


@dataclass(frozen=True, slots=True)
class Held:
    """What one part of the shift left behind: kB, counts, and milliseconds of its calls' medians."""

    heap_kb: int
    nodes: int
    listeners: int
    board_heap_kb: int
    web_kb: int
    painted_ms: float
    saved_ms: float


def main() -> int:
    """Works the shift; 1 when something grew."""
    parser = argparse.ArgumentParser(prog="make soak-console", description="Eight hours in one page must leave memory and latency flat.")
    parser.add_argument("--calls", type=int, default=240, help="thirty an hour for eight hours")
    asked = parser.parse_args()
    root = servers.new_root()
    os.environ |= {"CALLCENTER_DATA": str(root / "data"), "CALLCENTER_LOG_LEVEL": "WARNING"}
    try:
        url = in_database(servers.shared(root, "postgres", servers.start_postgres), "postgres")
        migrate(url)
        os.environ["DATABASE_URL"] = url
        get_settings.cache_clear()
        configure_logging(get_settings().log_level)
        _town(asked.calls)
        return _told(_shift(url, asked.calls))
    finally:
        servers.stop_all(root)


def _town(calls: int) -> None:
    """A training office with an operator, a supervisor and as many debtors as there are calls."""
    with transaction(None) as session:
        office = add_office(session, code="soak", name="架空市", phone="03-1234-5678").id
        session.execute(update(Office).values(is_training=True))
    with transaction(office) as session:
        campaign = create_campaign(session, "11月名簿", utc_now())
        set_status(session, campaign.id, CampaignStatus.RUNNING, utc_now())
        for name, role in (("aoki", Role.OPERATOR), ("hori", Role.SUPERVISOR)):
            session.add(User(sign_in_name=name, display_name=name, role=role, password_hash=stored_password(), phone_address="d1"))
        session.flush()
        for statement in TOWN.split(";"):
            session.execute(text(statement), {"office": office, "calls": calls} if ":office" in statement else {})


def _shift(url: str, calls: int) -> list[Held]:
    clock, stopping, web = SystemClock(), threading.Event(), Web()
    web.start()
    web.wait()
    with WakeUp(url, "soak") as wake_up, sync_playwright() as playwright:
        limits = CarrierLimits(calls_per_second=5, max_lines=4)
        worker = Dialer(SimulatedCarrier(clock, seed=7), clock, DialerSettings("soak", "+81300000000", limits), wake_up)
        dialling = threading.Thread(target=worker.run, args=(stopping.is_set,), name="dialer")
        dialling.start()
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        try:
            operator, board = Desk(browser, web.address, "aoki"), Desk(browser, web.address, "hori")
            held = _work(operator, board, web.pid, calls)
            assert operator.problems + board.problems == [], (operator.problems, board.problems)
            return held
        finally:
            stopping.set()
            dialling.join(timeout=10)
            browser.close()
            web.close()


def _work(operator: Desk, board: Desk, web_pid: int, calls: int) -> list[Held]:
    page, held = operator.page, list[Held]()
    painted: list[float] = []
    page.on("request", lambda asked: painted.append(_milliseconds(asked.post_data)) if asked.url.endswith("/painted") else None)
    eyes, board_eyes = (each.context.new_cdp_session(each.page) for each in (operator, board))
    for session in (eyes, board_eyes):
        session.send("Performance.enable")
    expect(page.locator("#connection")).to_have_attribute("data-state", "ok", timeout=SOON)
    page.keyboard.press("Control+Shift+R")
    saved: list[float] = []
    for number in range(calls):
        saved.append(_call(page, is_last=number == calls - 1))
        if (number + 1) * PARTS // calls > len(held):
            mine, theirs = _metrics(eyes), _metrics(board_eyes)
            heap, board_heap = int(mine["JSHeapUsedSize"]) // 1024, int(theirs["JSHeapUsedSize"]) // 1024
            times = statistics.median(painted), statistics.median(saved)
            held.append(Held(heap, int(mine["Nodes"]), int(mine["JSEventListeners"]), board_heap, _resident(web_pid), *times))
            print(f"{number + 1:4d} calls  {held[-1]}", flush=True)
            painted.clear()
            saved.clear()
    return held


def _call(page: Page, *, is_last: bool) -> float:
    """One conversation by keyboard, with a note and a promise; milliseconds from the key that saves to the next screen."""
    answered(page)
    verified(page)
    page.locator("#memo").fill("25日の給料のあとに納める")
    expect(page.locator("#memo-saved[data-state=saved]")).to_be_visible(timeout=SOON)
    page.keyboard.press("Control+Shift+E")
    expect(page.locator("[data-lease-until]")).to_be_visible(timeout=SOON)
    page.locator("#outcome input[name=outcome]").first.focus()  # the note keeps the hand until one moves on
    page.keyboard.press("2")
    page.keyboard.press("3")
    began = time.monotonic()
    page.keyboard.press("Control+Enter")
    page.locator("[data-lease-until]").wait_for(state="detached", timeout=SOON)
    if is_last:
        expect(page.locator("#h-idle")).to_be_visible(timeout=SOON)
    return (time.monotonic() - began) * 1000


def _milliseconds(body: str | None) -> float:
    return float((body or "ms=60000").partition("ms=")[2].partition("&")[0])


def _metrics(eyes: CDPSession) -> dict[str, float]:
    eyes.send("HeapProfiler.collectGarbage")
    return {each["name"]: each["value"] for each in eyes.send("Performance.getMetrics")["metrics"]}


def _resident(pid: int) -> int:
    """kB of a process in memory."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def _told(held: list[Held]) -> int:
    early, late, grown = held[1], held[-1], 0
    for name, (times, more) in ROOM.items():
        before, after = getattr(early, name), getattr(late, name)
        is_flat = after <= before * times + more
        grown += not is_flat
        print(f"{name:14s} {before:>8} -> {after:>8}  {'flat' if is_flat else 'GREW'}")
    for name in ("painted_ms", "saved_ms"):
        print(f"{name:14s} {getattr(early, name):>8.0f} -> {getattr(late, name):>8.0f}")
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
