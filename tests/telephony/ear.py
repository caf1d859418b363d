"""What Asterisk says to whom: its µ-law packets on loopback, by the listener's port. Needs root, as the rig does."""

from __future__ import annotations

import socket
import struct
import threading
from collections import defaultdict
from types import TracebackType

_EVERY_PACKET = 0x0003
_OUTGOING = 4
_LARGE_BUFFER = 33  # SO_RCVBUFFORCE: not in the socket module


class Ear:
    """Listens while it is open.

    Args:
        sources: the ports from which Asterisk sends media, first and last.
    """

    def __init__(self, sources: tuple[int, int]) -> None:
        self._first, self._last = sources
        self._heard: defaultdict[int, list[tuple[int, bytes]]] = defaultdict(list)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_EVERY_PACKET))
        self._socket.bind(("lo", 0))
        self._socket.setsockopt(socket.SOL_SOCKET, _LARGE_BUFFER, 1 << 25)  # nothing is lost while this thread waits for its turn
        self._socket.settimeout(0.2)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Ear:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._is_over.set()
        self._thread.join(10)
        self._socket.close()

    def heard(self) -> dict[int, list[int]]:
        """Samples by the listener's port, in the order of sending."""
        return {port: [_linear(byte) for _, payload in packets for byte in payload] for port, packets in self._heard.items()}

    def _listen(self) -> None:
        while not self._is_over.is_set():
            try:
                packet, address = self._socket.recvfrom(2048)
            except TimeoutError:
                continue
            if address[2] == _OUTGOING:  # on loopback each packet is seen on its way out and in
                continue
            self._take(packet)

    def _take(self, packet: bytes) -> None:
        if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_UDP:
            return
        start = (packet[0] & 15) * 4
        source, target = struct.unpack("!HH", packet[start : start + 4])
        rtp = packet[start + 8 :]
        if self._first <= source <= self._last and len(rtp) > 12 and rtp[0] == 0x80 and rtp[1] & 0x7F == 0:
            self._heard[target].append((struct.unpack("!H", rtp[2:4])[0], rtp[12:]))


def _linear(byte: int) -> int:
    """G.711 µ-law to 16 bit."""
    byte = ~byte & 0xFF
    size = ((((byte & 0x0F) << 3) + 132) << ((byte & 0x70) >> 4)) - 132
    return -size if byte & 0x80 else size
