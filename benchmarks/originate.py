"""What our carrier adds to a call: Originate to Asterisk's answer through `AsteriskCarrier`, against a bare AMI socket.

    python -m benchmarks.originate [--calls 300] [--json]

Both take turns on the same Asterisk, each after the other's call is over, so that the machine's other work hits both alike. The far end
is busy at once, so lines don't pile up. Then both place calls at a fixed rate, 100 a second without media and 20 a second with a prompt
and a key: how many ended as the far end says, and how much processor time each call took in this process. Needs what the telephony tests
need (Asterisk root, SIPp).
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from campaigns.attempts.codes import LineResult
from dialer.telephony.asterisk.orders import Order, call_order
from dialer.telephony.events import EventKind
from dialer.telephony.port import Carrier, OriginateRequest
from tests.telephony.plans import short_plan
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


class BareEvents:
    """The least that follows calls: one socket, one reading thread that looks for two kinds of events."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._socket = socket.create_connection(("127.0.0.1", rig.ami_port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ended: dict[str, str] = {}
        self.keys: set[str] = set()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        login = f"Action: Login\r\nUsername: {rig.ami.user}\r\nSecret: {rig.ami.secret}\r\n\r\n"
        self._socket.sendall(login.encode())

    def originate(self, order: Order) -> None:
        variables = "".join(f"Variable: {name}={value}\r\n" for name, value in order.variables.items())
        keys = "".join(f"{key}: {value}\r\n" for key, value in order.keys.items())
        self._socket.sendall(f"Action: Originate\r\n{keys}{variables}\r\n".encode())

    def _read(self) -> None:
        buffer = b""
        while data := self._socket.recv(65536):
            *packs, buffer = (buffer + data).split(b"\r\n\r\n")
            for pack in map(bytes.lstrip, packs):  # test builds of Asterisk end some events with an empty line too many
                if pack.startswith((b"Event: Hangup\r", b"Event: UserEvent\r")):
                    fields = dict(line.split(": ", 1) for line in pack.decode().split("\r\n") if ": " in line)
                    if fields["Event"] == "Hangup":
                        self.ended[fields["Uniqueid"]] = fields.get("Cause", "")
                    elif fields.get("UserEvent") == "CallcenterDigit":
                        self.keys.add(fields["Uniqueid"])

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._socket.close()


def at_rate(rig: Rig, rate: int, seconds: float, *, has_media: bool, first: int, is_ours: bool) -> dict[str, float]:
    """Calls at a fixed rate, by our carrier or by the bare client: the share that ended cleanly, and processor milliseconds a call."""
    behaviour = Behaviour.PRESSES_1 if has_media else Behaviour.BUSY
    plan = short_plan("prompt", thanks="thanks", wait_seconds=1.0) if has_media else None
    count = int(rate * seconds)
    requests = [
        OriginateRequest(f"{'ours' if is_ours else 'bare'}-{first + n}", number_of(behaviour, first + n), CALLER_ID, 8.0, robocall=plan)
        for n in range(count)
    ]
    bare, carrier = (None, rig.carrier()) if is_ours else (BareEvents(rig), None)
    if carrier is not None:
        carrier.connect()
        if not carrier.wait_connected(10):
            raise RuntimeError("the carrier did not connect")
    orders = [] if is_ours else [call_order(request, rig.carrier()._settings) for request in requests]
    clean: set[str] = set()
    keyed: set[str] = set()
    began, cpu = time.monotonic(), time.process_time()
    limit = began + seconds + 20
    placed = 0
    while (len(clean) < count or placed < count) and time.monotonic() < limit:
        due = min(count, int((time.monotonic() - began) * rate) + 1)
        while placed < due:
            if carrier is not None:
                carrier.originate(requests[placed])
            elif bare is not None:
                bare.originate(orders[placed])
            placed += 1
        if carrier is not None:
            for event in carrier.poll(0.005):
                if event.kind is EventKind.DIGIT:
                    keyed.add(event.channel_id)
                elif event.kind is EventKind.ENDED and event.line_result in (LineResult.BUSY, LineResult.ANSWERED):
                    clean.add(event.channel_id)
        elif bare is not None:
            time.sleep(0.005)
            clean = {channel for channel, cause in bare.ended.items() if cause in ("16", "17")}
            keyed = bare.keys
    cpu, took = time.process_time() - cpu, time.monotonic() - began
    for client in (carrier, bare):
        if client is not None:
            client.close()
    return {
        "clean_share": len(clean & keyed if has_media else clean) / count,
        "calls_a_second": round(len(clean) / took, 1),
        "cpu_ms_a_call": round(1000 * cpu / count, 2),
    }


def rates(rig: Rig, pairs: int, seconds: float) -> dict[str, dict[str, float]]:
    """Ours and bare in turn, the medians of some pairs."""
    found: dict[str, dict[str, float]] = {}
    at_rate(rig, 20, 1.0, has_media=False, first=99_000, is_ours=True)  # waits until Asterisk has wholly started
    first = 100_000
    for name, rate, has_media in (("100 a second without media", 100, False), ("20 a second with prompt and key", 20, True)):
        runs: dict[bool, list[dict[str, float]]] = {True: [], False: []}
        for _ in range(pairs):
            for is_ours in (False, True):
                runs[is_ours].append(at_rate(rig, rate, seconds, has_media=has_media, first=first, is_ours=is_ours))
                first += int(rate * seconds)
        for is_ours, who in ((True, "ours"), (False, "bare")):
            found[f"{who}, {name}"] = {key: statistics.median(run[key] for run in runs[is_ours]) for key in runs[is_ours][0]}
        ours, bare = found[f"ours, {name}"], found[f"bare, {name}"]
        found[f"added, {name}"] = {
            "clean_ratio": round(ours["clean_share"] / max(bare["clean_share"], 1e-9), 3),
            "cpu_ms_a_call": round(ours["cpu_ms_a_call"] - bare["cpu_ms_a_call"], 2),
        }
    return found


def measure(calls: int, pairs: int = 3, seconds: float = 4.0) -> dict[str, Any]:
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
        steady = rates(rig, pairs, seconds)
    return {
        "calls": calls,
        "bare_p50_ms": statistics.median(bare),
        "bare_p99_ms": statistics.quantiles(bare, n=100)[98],
        "ours_p50_ms": statistics.median(ours),
        "ours_p99_ms": statistics.quantiles(ours, n=100)[98],
        "ratio_p50": statistics.median(ours) / statistics.median(bare),
        **steady,
    }


def run(quick: bool = True) -> dict[str, Any]:
    """The figures over 150 calls, or 1,000, and at a fixed rate.

    Raises:
        RuntimeError: Asterisk or SIPp is not on this machine.
    """
    try:
        return measure(150, 1, 2.0) if quick else measure(1000, 5, 5.0)
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
