"""Ports that no other rig of this machine has: a slot of numbers for each, below those that the system gives to whoever asks for any.

Two Asterisks whose media come from the same numbers can't be told apart by who listens on loopback, SIPp ends where the port for its media
is taken, and a number of the system's own range may be a browser's a moment later.
"""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FIRST, _SIZE, _SLOTS = 21000, 1000, 11  # of each slot the last hundred are for signalling
_FAR_FIRST, _FAR_STEP = 10000, 16  # SIPp tells its calls numbers up to ten thousand above
_MEDIA = 900
_LISTENS = {"tcp": "0A", "udp": "07"}
_chance = random.SystemRandom()  # `random` is seeded anew before each test, and so may give two workers the same


class Slot:
    """Numbers for one rig until it is closed.

    Attributes:
        media: the first and the last port of Asterisk's media.
        far_media: where the far end's media ports begin.
    """

    def __init__(self) -> None:
        self._claim: socket.socket | None = None
        number = next((one for one in range(_SLOTS) if self._take(one)), None)
        at = _chance.randrange(_SLOTS, 50) if number is None else number  # all taken: shared, which is better than none
        self._first = _FIRST + at % _SLOTS * _SIZE
        self.media = self._first, self._first + _MEDIA - 1
        self.far_media = _FAR_FIRST + at * _FAR_STEP

    def _take(self, number: int) -> bool:
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0callcenter-test-rig-{number}")  # a name that goes with the process, however it ends
        except OSError:
            claim.close()
            return False
        self._claim = claim
        return True

    def free_udp_ports(self, count: int) -> list[int]:
        """Ports for signalling that nobody has."""
        found: list[int] = []
        for port in _chance.sample(range(self._first + _MEDIA, self._first + _SIZE), _SIZE - _MEDIA):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
            found.append(port)
            if len(found) == count:
                return found
        raise RuntimeError("no free UDP ports")

    def close(self) -> None:
        """Somebody else may have the numbers."""
        if self._claim is not None:
            self._claim.close()
            self._claim = None


def free_tcp_ports(count: int) -> list[int]:
    """Ports that nobody listens on at the moment."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port on which nobody listens, and nobody can begin to meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def is_held_by(pid: int, kind: str, port: int) -> bool:
    """Whether this process has the port: listens there by TCP, or is bound to it by UDP."""
    wanted = set()
    for line in Path(f"/proc/net/{kind}").read_text("ascii").splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == port and fields[3] == _LISTENS[kind]:
            wanted.add(f"socket:[{fields[9]}]")
    return bool(wanted) and any(_target(path) in wanted for path in _descriptors(pid))


def _descriptors(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return []


def _target(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
