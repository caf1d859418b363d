"""Packets on loopback in a capture file of the standard format (pcap, raw IP), and the sound that the file's RTP streams carry.

    with Capture(path): ...
    for stream in streams(path): stream.source, stream.target, stream.samples

The file can be opened with Wireshark or tcpdump. Needs root, as the rig does.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from dialer.ivr.wavefile import mu_law

RATE = 8000
_MAGIC, _RAW_IP = 0xA1B2C3D4, 101
_IPV4, _UDP, _OUTGOING, _PCMU = 0x0800, 17, 4, 0
_LARGE_BUFFER = 33  # SO_RCVBUFFORCE: not in the socket module


class Capture:
    """Writes every UDP packet on loopback into a file while it is open."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("wb")
        self._file.write(struct.pack("<IHHiIII", _MAGIC, 2, 4, 0, 0, 65535, _RAW_IP))
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_IPV4))
        self._socket.bind(("lo", 0))
        self._socket.setsockopt(socket.SOL_SOCKET, _LARGE_BUFFER, 1 << 25)  # nothing is lost while this thread waits for its turn
        self._socket.settimeout(0.2)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Capture:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing.set()
        self._thread.join(10)
        self._socket.close()
        self._file.close()

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                packet, address = self._socket.recvfrom(1 << 16)
            except TimeoutError:
                continue
            if address[2] != _OUTGOING and packet[9] == _UDP:  # on loopback each packet is seen on its way out and in
                seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
                self._file.write(struct.pack("<IIII", seconds, nanoseconds // 1000, len(packet), len(packet)) + packet)
                self._file.flush()


def packets(path: Path) -> Iterator[bytes]:
    """The IP packets of a capture, also of one that is still being written."""
    content = path.read_bytes()
    magic, _, _, _, _, _, link = struct.unpack_from("<IHHiIII", content)
    assert (magic, link) == (_MAGIC, _RAW_IP), f"{path} is no capture of raw IP packets"
    at = 24
    while at + 16 <= len(content):
        size = struct.unpack_from("<I", content, at + 8)[0]
        if at + 16 + size > len(content):
            return
        yield content[at + 16 : at + 16 + size]
        at += 16 + size


@dataclass(frozen=True, slots=True)
class Stream:
    """One RTP stream in G.711 µ-law: its ports, and its samples (between -1 and 1, 8 kHz) in the order of their time stamps."""

    source: int
    target: int
    samples: Any

    def heard(self, hertz: float) -> Any:
        """For each step of 5 ms whether most of the next 20 ms is a tone of this pitch, loud enough for an ear."""
        size = RATE // 50
        whole = np.lib.stride_tricks.sliding_window_view(np.pad(self.samples, (0, size)), size)[:: size // 4]
        turning = np.exp(-2j * np.pi * hertz * np.arange(size) / RATE)  # Goertzel's sum, for one pitch
        energy = (whole**2).sum(axis=1)
        return (energy > size * 1e-4) & (2 * np.abs(whole @ turning) ** 2 / size > 0.6 * energy)

    def seconds(self, hertz: float) -> float:
        """How long a tone of this pitch was heard in all."""
        return float(self.heard(hertz).sum()) * 0.005

    def beeps(self, hertz: float) -> list[float]:
        """The moments, in seconds, at which a tone of this pitch began after a tenth of a second without."""
        at = np.flatnonzero(self.heard(hertz)) * 0.005
        return [float(one) for one, before in zip(at, [-1.0, *at], strict=False) if one - before > 0.1]


def streams(path: Path) -> list[Stream]:
    """The RTP streams in G.711 µ-law of a capture; packets that came twice count once, lost ones are silence."""
    found: dict[tuple[int, int, int], dict[int, bytes]] = {}
    for packet in packets(path):
        start = (packet[0] & 15) * 4
        source, target = struct.unpack_from("!HH", packet, start)
        rtp = packet[start + 8 :]
        if len(rtp) > 12 and rtp[0] == 0x80 and rtp[1] & 0x7F == _PCMU:
            stamp, speaker = struct.unpack_from("!II", rtp, 4)
            found.setdefault((source, target, speaker), {})[stamp] = rtp[12:]
    return [Stream(source, target, _joined(parts)) for (source, target, _), parts in found.items()]


def _joined(parts: dict[int, bytes]) -> Any:
    first = min(parts)
    whole = np.zeros(max(stamp - first + len(sound) for stamp, sound in parts.items()))
    for stamp, sound in parts.items():
        whole[stamp - first : stamp - first + len(sound)] = mu_law(sound)
    return whole
