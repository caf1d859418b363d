"""What our carrier adds to a call: Originate to Asterisk's answer through `AsteriskCarrier`, against a bare AMI socket.

    python -m benchmarks.originate [--calls 300] [--json]

Both take turns on the same Asterisk, each after the other's call is over, so that the machine's other work hits both alike. The far end
is busy at once, so lines don't pile up. Needs what the telephony tests need (Asterisk root, SIPp).
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import tempfile
import time
from pathlib import Path

from dialer.telephony.events import EventKind
from dialer.telephony.port import Carrier, OriginateRequest
from tests.telephony.rig import CALLER_ID, Rig, RigMissing
from tests.telephony.sipp import Behaviour, number_of


class BareAmi:
    """The least a program can do: one socket, text in, text out."""

    def __init__(self, rig: Rig) -> None:
        self._socket = socket.create_connection(("127.0.0.1", rig.ami_port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self.ask(
            f"Action: Login\r\nUsername: {rig.ami.user}\r\nSecret: {rig.ami.secret}\r\nEvents: off\r\nActionID: login\r\n\r\n", "login"
        )

    def ask(self, action: str, action_id: str) -> None:
        self._socket.sendall(action.encode())
        wanted = f"ActionID: {action_id}\r\n".encode()
        while True:
            pack, mark, rest = self._buffer.partition(b"\r\n\r\n")
            if not mark:
                self._buffer += self._socket.recv(65536)
                continue
            self._buffer = rest
            if pack.lstrip().find(b"Response: ") >= 0 and wanted in pack + b"\r\n":
                return

    def originate(self, channel_id: str, number: str) -> None:
        fields = {
            "Action": "Originate",
            "ActionID": channel_id,
            "ChannelId": channel_id,
            "Channel": f"PJSIP/0{number[3:]}@carrier",
            "Context": "callcenter-debtor",
            "Exten": "hold",
            "Priority": "1",
            "Timeout": "8000",
            "Async": "true",
        }
        self.ask("".join(f"{key}: {value}\r\n" for key, value in fields.items()) + "\r\n", channel_id)

    def close(self) -> None:
        self._socket.close()


def measure(calls: int) -> dict[str, float]:
    """Milliseconds at the median and the 99th percentile for both, and the ratio of the medians."""
    ours: list[float] = []
    bare: list[float] = []
    with tempfile.TemporaryDirectory() as folder, Rig(Path(folder)) as rig:
        carrier, socket_only = rig.carrier(), BareAmi(rig)
        carrier.connect()
        try:
            if not carrier.wait_connected(10):
                raise RuntimeError("the carrier did not connect")
            for n in range(calls):
                number = number_of(Behaviour.BUSY, 2 * n)
                bare.append(_timed(lambda: socket_only.originate(f"bare-{n}", number)))  # noqa: B023 - used at once
                _wait_end(carrier, f"bare-{n}")
                request = OriginateRequest(f"ours-{n}", number_of(Behaviour.BUSY, 2 * n + 1), CALLER_ID, ring_seconds=8)
                ours.append(_timed(lambda: carrier.originate(request)))  # noqa: B023 - used at once
                _wait_end(carrier, f"ours-{n}")
        finally:
            carrier.close()
            socket_only.close()
    return {
        "calls": calls,
        "bare_p50_ms": statistics.median(bare),
        "bare_p99_ms": statistics.quantiles(bare, n=100)[98],
        "ours_p50_ms": statistics.median(ours),
        "ours_p99_ms": statistics.quantiles(ours, n=100)[98],
        "ratio_p50": statistics.median(ours) / statistics.median(bare),
    }


def run(quick: bool = True) -> dict[str, float]:
    """The figures over 150 calls, or 1,000.

    Raises:
        RuntimeError: Asterisk or SIPp is not on this machine.
    """
    try:
        return measure(150 if quick else 1000)
    except RigMissing as problem:
        raise RuntimeError(str(problem)) from problem


def _wait_end(carrier: Carrier, channel_id: str) -> None:
    while not any(event.kind is EventKind.ENDED and event.channel_id == channel_id for event in carrier.poll(5)):
        continue


def _timed(action: object) -> float:
    assert callable(action)
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    try:
        found = measure(given.calls)
    except RigMissing as missing:
        print(f"originate: NOT RUN: {missing}")
        return 1
    if given.json:
        print(json.dumps({"originate": found}))
    else:
        print(
            f"originate: ours p50 {found['ours_p50_ms']:.2f} ms p99 {found['ours_p99_ms']:.2f} ms; bare AMI p50 "
            f"{found['bare_p50_ms']:.2f} ms p99 {found['bare_p99_ms']:.2f} ms; ratio {found['ratio_p50']:.2f}x"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
