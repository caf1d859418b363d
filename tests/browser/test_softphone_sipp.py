"""One call from Chromium through Asterisk to SIPp with sound both ways: told by the browser's figures and by the packets at SIPp."""

from __future__ import annotations

import os
import socket
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from dialer.worker import Dialer
from tests.browser.test_softphone import (  # noqa: F401 - fixtures
    SOON,
    Desk,
    address,
    chromium,
    dialer,
    rig_is_there,
    settings,
    town,
)
from tests.telephony.rig import Rig
from tests.telephony.sipp import Behaviour, number_of

pytestmark = [pytest.mark.browser, pytest.mark.asterisk, pytest.mark.xdist_group("browser_softphone")]
UDP, PCMU = 17, 0
MEDIA = range(40000, 65536, 2)  # where SIPp listens; RTP has the even ports


@pytest.fixture(scope="module")
def asterisk(rig_is_there: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:  # noqa: F811
    with Rig(tmp_path_factory.mktemp("sipp")) as standing:
        yield standing


@pytest.fixture
def debtor_number() -> str:
    """SIPp answers and says a tone for seven seconds."""
    return number_of(Behaviour.MACHINE, os.getpid() % 900_000)


class Wire:
    """Counts packets of sound on loopback between Asterisk's ports and SIPp's: how many each way, and how many were not silence."""

    def __init__(self, rig: Rig) -> None:
        self._asterisk = range(rig.plan().rtp_first, rig.plan().rtp_last + 1)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        self._socket.bind(("lo", 0))
        self._socket.settimeout(0.2)
        self._closing = threading.Event()
        self.count: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> Wire:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                packet = self._socket.recv(1 << 16)
            except TimeoutError:
                continue
            begins = (packet[0] & 0x0F) * 4
            if packet[9] != UDP or len(packet) < begins + 20 or packet[begins + 9] & 0x7F != PCMU:
                continue
            source, to = (int.from_bytes(packet[begins + at : begins + at + 2], "big") for at in (0, 2))
            is_out = source in self._asterisk and to in MEDIA
            if is_out or (to in self._asterisk and source not in self._asterisk):
                way = "to" if is_out else "from"
                self.count[way] += 1
                self.count[f"{way}, sound"] += len(set(packet[begins + 20 :])) > 8


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read packets from loopback")
def test_sound_goes_both_ways_between_browser_and_sipp(
    chromium: Browser,  # noqa: F811
    address: str,  # noqa: F811
    dialer: Dialer,  # noqa: F811
    asterisk: Rig,
    debtor_number: str,
) -> None:
    desk = Desk(chromium, address)
    desk.wait_line("up")
    with Wire(asterisk) as wire:
        desk.page.keyboard.press("Control+Shift+R")
        expect(desk.page.locator("#h-verify")).to_be_visible(timeout=SOON)
        desk.wait_stats(lambda found: found.get("received", 0) > 50 and found.get("sent", 0) > 50 and found.get("energy", 0) > 0.01)
        for _ in range(600):
            if wire.count["to, sound"] > 5 and wire.count["from, sound"] > 5:
                break
            desk.page.wait_for_timeout(100)
        assert wire.count["to, sound"] > 5, wire.count
        assert wire.count["from, sound"] > 5, wire.count
    desk.page.keyboard.press("Control+Shift+E")
    asterisk.wait_far_end(debtor_number, "bye", 60)
    assert desk.problems == []
    desk.close()
