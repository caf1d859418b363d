"""A telephone with ears: a small SIP party on loopback that answers, sends one tone, and tells which tones it hears.

    with Phone("op-ear", tone=700) as phone:
        ...
        phone.wait_heard(1000)

SIPp plays captures but does not listen; who hears whom is what supervision is about.
"""

from __future__ import annotations

import math
import re
import socket
import struct
import threading
import time
from collections.abc import Collection
from types import TracebackType

import numpy as np

from tests.telephony.captures import _ulaw

RATE, PACKET = 8000, 160
WINDOW = RATE // 2  # half a second is looked at
LOUD = 500.0  # amplitude from which a tone counts as heard
_LINEAR = np.array([0] * 256, dtype=np.int16)
for _code in range(256):
    _inverted = ~_code & 0xFF
    _magnitude = (((_inverted & 0x0F) << 3) + 0x84 << ((_inverted & 0x70) >> 4)) - 0x84
    _LINEAR[_code] = -_magnitude if _inverted & 0x80 else _magnitude


def loudness(samples: np.ndarray, hertz: float) -> float:
    """Amplitude of a tone in 16-bit samples at 8 kHz."""
    if not len(samples):
        return 0.0
    at = np.arange(len(samples)) / RATE
    return float(2 * abs(np.mean(samples * np.exp(-2j * np.pi * hertz * at))))


def _call_of(request: str) -> str:
    return next(line for line in request.split("\r\n") if line.startswith("Call-ID:"))


class Phone:
    """Answers every call at once; `tone` is what it says all the time, in hertz, 0 for silence."""

    def __init__(self, name: str, tone: float = 0.0) -> None:
        self.name = name
        self._sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for one in (self._sip, self._rtp):
            one.bind(("127.0.0.1", 0))
            one.settimeout(0.1)
        self.port = int(self._sip.getsockname()[1])
        self.contact = f"sip:{name}@127.0.0.1:{self.port}"
        self._payload = [
            bytes(_ulaw(int(9000 * math.sin(2 * math.pi * tone * (n * PACKET + i) / RATE))) for i in range(PACKET)) for n in range(50)
        ]  # one second: whole hertz fit together
        self._far: tuple[str, int] | None = None
        self._heard: list[bytes] = []
        self._closing = threading.Event()
        self._threads = [threading.Thread(target=one, daemon=True) for one in (self._answer, self._speak, self._listen)]
        self.calls, self._call = 0, ""

    def __enter__(self) -> Phone:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing.set()
        for thread in self._threads:
            thread.join()
        self._sip.close()
        self._rtp.close()

    @property
    def is_up(self) -> bool:
        """Whether a call stands."""
        return self._far is not None

    def hears(self, hertz: float) -> bool:
        """Whether the tone was in the last half second."""
        last = b"".join(self._heard[-(WINDOW // PACKET) :])
        return loudness(_LINEAR[np.frombuffer(last, dtype=np.uint8)].astype(float), hertz) > LOUD

    def forget(self) -> None:
        """What was heard so far counts no more."""
        self._heard.clear()

    def has_heard(self, *tones: float) -> bool:
        """Whether these sounded together at any moment since `forget`; for what is too short to be caught by looking."""
        sound = _LINEAR[np.frombuffer(b"".join(list(self._heard)), dtype=np.uint8)].astype(float)
        windows = (sound[at : at + WINDOW // 2] for at in range(0, max(1, len(sound) - WINDOW // 2), WINDOW // 8))
        return any(all(loudness(window, tone) > LOUD for tone in tones) for window in windows)

    def wait_hearing(self, heard: Collection[float], not_heard: Collection[float] = (), seconds: float = 60.0) -> None:
        """Waits until these tones, and none of those, are heard for half a second. Raises AssertionError."""
        deadline = time.monotonic() + seconds
        while True:
            self._heard.clear()
            while len(self._heard) < WINDOW // PACKET and time.monotonic() < deadline:
                time.sleep(0.02)
            wrong = {tone: self.hears(tone) for tone in (*heard, *not_heard) if self.hears(tone) is (tone in not_heard)}
            if not wrong and len(self._heard) >= WINDOW // PACKET:
                return
            assert time.monotonic() < deadline, f"{self.name}: heard (or not) against expectation: {wrong}"

    def wait_silence(self, tones: Collection[float], seconds: float = 60.0) -> None:
        """Waits until none of these tones is heard; no sound arriving at all is silence, too."""
        deadline = time.monotonic() + seconds
        while True:
            self._heard.clear()
            time.sleep(0.6)
            if not any(self.hears(tone) for tone in tones):
                return
            assert time.monotonic() < deadline, f"{self.name} still hears one of {tones}"

    def _answer(self) -> None:
        while not self._closing.is_set():
            try:
                data, peer = self._sip.recvfrom(65536)
            except TimeoutError:
                continue
            request = data.decode()
            method = request.split(" ", 1)[0]
            if method == "INVITE":
                self._take_media(request)
                self._sip.sendto(self._reply(request, "200 OK", self._sdp()), peer)
            elif method in {"BYE", "CANCEL", "OPTIONS", "UPDATE", "INFO", "NOTIFY"}:
                if method == "BYE" and _call_of(request) == self._call:  # that of an earlier call may come late
                    self._far = None
                self._sip.sendto(self._reply(request, "200 OK", ""), peer)

    def _take_media(self, request: str) -> None:
        address, port = re.search(r"c=IN IP4 (\S+)", request), re.search(r"m=audio (\d+)", request)
        if address and port:
            self.calls += self._call != _call_of(request)
            self._call = _call_of(request)
            self._far = (address.group(1), int(port.group(1)))

    def _sdp(self) -> str:
        port = self._rtp.getsockname()[1]
        lines = (
            "v=0",
            "o=ear 1 1 IN IP4 127.0.0.1",
            "s=-",
            "c=IN IP4 127.0.0.1",
            "t=0 0",
            f"m=audio {port} RTP/AVP 0",
            "a=rtpmap:0 PCMU/8000",
        )
        return "".join(f"{line}\r\n" for line in lines)

    def _reply(self, request: str, status: str, body: str) -> bytes:
        kept = [line for line in request.split("\r\n") if line.startswith(("Via:", "From:", "Call-ID:", "CSeq:"))]
        to = next(line for line in request.split("\r\n") if line.startswith("To:"))
        kind = ["Content-Type: application/sdp"] if body else []
        lines = [f"SIP/2.0 {status}", *kept, to if "tag=" in to else f"{to};tag=ear", f"Contact: <{self.contact}>", *kind]
        return ("\r\n".join([*lines, f"Content-Length: {len(body)}"]) + "\r\n\r\n" + body).encode()

    def _speak(self) -> None:
        number, due = 0, time.monotonic()
        while not self._closing.is_set():
            far = self._far
            if far is not None:
                header = struct.pack("!BBHII", 0x80, 0, number & 0xFFFF, number * PACKET & 0xFFFFFFFF, 0xEA4)
                self._rtp.sendto(header + self._payload[number % 50], far)
            number, due = number + 1, due + 0.02
            time.sleep(max(0.0, due - time.monotonic()))

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                packet, source = self._rtp.recvfrom(2048)
            except TimeoutError:
                continue
            far = self._far
            if packet[1] & 0x7F == 0 and (far is None or source == far):  # a port may have been somebody else's a moment ago
                self._heard.append(packet[12:])
