"""One call from Chromium through Asterisk to SIPp with sound both ways: by the browser's own ears and by the packets at SIPp.

The packets are kept in artifacts/softphone/sipp.pcap, and what is checked is read from that file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from dialer.worker import Dialer
from tests.browser.test_softphone import (  # noqa: F401 - fixtures
    PICTURES,
    SOON,
    Desk,
    address,
    chromium,
    dialer,
    rig_is_there,
    settings,
    town,
)
from tests.telephony.packets import Capture, Stream, streams
from tests.telephony.rig import Rig
from tests.telephony.sipp import Behaviour, number_of

pytestmark = [pytest.mark.browser, pytest.mark.asterisk, pytest.mark.xdist_group("browser_softphone")]
BEEP, TONE = 400.0, 440.0  # Chromium's microphone beeps twice a second; SIPp says a tone for seven seconds


@pytest.fixture(scope="module")
def asterisk(rig_is_there: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:  # noqa: F811
    with Rig(tmp_path_factory.mktemp("sipp")) as standing:
        yield standing


@pytest.fixture
def debtor_number() -> str:
    """SIPp answers and says a tone for seven seconds."""
    return number_of(Behaviour.MACHINE, os.getpid() % 900_000)


def sounds(file: Path, rig: Rig) -> tuple[list[Stream], list[Stream]]:
    """What Asterisk sends to SIPp, and what SIPp sends, as the capture has it so far."""
    first, last = rig.media_ports
    ports = range(first, last + 1)
    told = streams(file)
    to = [one for one in told if one.source in ports and one.target in rig.far_media_ports]
    return to, [one for one in told if one.target in ports and one.source not in ports]


LISTEN = """() => { const context = new AudioContext(); const ear = context.createAnalyser(); ear.fftSize = 8192;
  context.createMediaStreamSource(new MediaStream([window.peers.at(-1).getReceivers()[0].track])).connect(ear);
  const bins = new Float32Array(ear.frequencyBinCount); window.pitches = {};
  setInterval(() => { ear.getFloatFrequencyData(bins); const top = bins.indexOf(Math.max(...bins));
    if (bins[top] > -60) { const hertz = 10 * Math.round(top * context.sampleRate / ear.fftSize / 10);
      window.pitches[hertz] = (window.pitches[hertz] || 0) + 1; } }, 100); }"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read packets from loopback")
def test_sound_goes_both_ways_between_browser_and_sipp(
    chromium: Browser,  # noqa: F811
    address: str,  # noqa: F811
    dialer: Dialer,  # noqa: F811
    asterisk: Rig,
    debtor_number: str,
) -> None:
    desk, file = Desk(chromium, address), PICTURES / "sipp.pcap"
    desk.wait_line("up")
    desk.page.evaluate(LISTEN)
    with Capture(file):
        desk.page.keyboard.press("Control+Shift+R")
        expect(desk.page.locator("#h-verify")).to_be_visible(timeout=SOON)
        desk.wait_stats(lambda found: found.get("received", 0) > 50 and found.get("sent", 0) > 50 and found.get("energy", 0) > 0.01)
        for _ in range(120):
            to, of = sounds(file, asterisk)
            if any(len(one.beeps(BEEP)) > 5 for one in to) and any(one.seconds(TONE) > 3 for one in of):
                break
            desk.page.wait_for_timeout(500)
        pitches = desk.page.evaluate("window.pitches")
        desk.page.keyboard.press("Control+Shift+E")
        asterisk.wait_far_end(debtor_number, "bye", 60)
    to_sipp, of_sipp = (max(found, key=lambda one: len(one.samples)) for found in sounds(file, asterisk))
    assert of_sipp.seconds(TONE) > 3, "SIPp's tone is on the wire"
    assert max(pitches, key=pitches.get) == str(int(TONE)), ("the browser hears SIPp's tone", pitches)
    assert len(to_sipp.beeps(BEEP)) > 5, "the beeps of the browser's microphone reach SIPp"
    assert to_sipp.seconds(TONE) < 0.2, "and SIPp does not hear itself"
    assert of_sipp.seconds(BEEP) < 0.2
    assert desk.problems == []
    desk.close()
