"""Handing messages over to a local provider: the rate it permits against the rate reached, and messages a second with the limit off.

    python -m benchmarks.sms_handover [--full] [--json]

The provider is a process of its own behind a socket. It counts what it takes by number, and the most that came in any second: as many more
as are under way at once may arrive closer together than they were sent. All that a real hand-over does is done: claim, gate, attempt,
commit, send, record. Each message must have arrived exactly once, and all must be on record as taken.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import socket
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from benchmarks.batch_town import settle
from benchmarks.scratch import database
from callcenter.core.clock import SystemClock, utc_now
from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel
from campaigns.messages.batches import prepare_batch
from campaigns.messages.rate import UNLIMITED
from campaigns.messages.release import release_all
from campaigns.messages.senders.port import SmsRequest, SmsStatus
from campaigns.messages.state import MessageState

RATE = 100.0
QUICK = {1: 400, 2: 800, 4: 1_600}
FULL = {1: 20_000, 2: 40_000, 4: 100_000}
OFF = (2_000, 30_000)
THREADS = 8
CLEAR = "TRUNCATE message, batch, work_item, compliance_check, compliance_decision, sender_rate, sync_outbox CASCADE"
CHOOSE = "UPDATE channel_assignment SET channel = CASE WHEN debtor_id <= :n THEN 'sms' ELSE 'none' END"
FORGET = "DELETE FROM attempt WHERE channel = 'sms'"


def provide(path: str, told: Connection) -> None:
    """The provider: takes lines "number reference", answers "ok", and at the end tells the moments by number and the references."""
    moments: dict[str, list[float]] = {}
    seen: Counter[str] = Counter()
    lock = threading.Lock()

    def serve(connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            for line in lines:
                number, reference = line.decode().split("\t")[:2]
                with lock:
                    moments.setdefault(number, []).append(time.monotonic())
                    seen[reference.strip()] += 1
                connection.sendall(b"ok\n")

    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(64)
    threading.Thread(target=lambda: _accept(server, serve), daemon=True).start()
    told.send("ready")
    while told.recv() == "report":
        with lock:
            told.send((moments, dict(seen)))
            moments, seen = {}, Counter()


def _accept(server: socket.socket, serve: Any) -> None:
    while True:
        connection, _ = server.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


class Local:
    """Fulfils `SmsSender` at the local provider; one connection a thread."""

    name = "local"
    is_asked_for_receipts = False

    def __init__(self, path: str, numbers: dict[str, float]) -> None:
        self.numbers, self._path, self._local = numbers, path, threading.local()
        self.segments_per_second = sum(numbers.values())

    def send(self, request: SmsRequest) -> SmsStatus:
        line = getattr(self._local, "line", None)
        if line is None:
            line = self._local.line = socket.socket(socket.AF_UNIX)
            line.connect(self._path)
        line.sendall(f"{request.number}\t{request.reference}\t{request.body}\n".encode())
        assert line.recv(16) == b"ok\n"
        return SmsStatus("x" + request.reference, MessageState.ACCEPTED)

    def find(self, request: SmsRequest, since: object) -> SmsStatus | None:
        return None


def run(quick: bool = True) -> dict[str, Any]:
    """Measures; the ratios are reached / permitted."""
    sizes, off = (QUICK, OFF[0]) if quick else (FULL, OFF[1])
    with tempfile.TemporaryDirectory() as folder, database() as engine:
        path = os.fspath(Path(folder) / "provider")
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        process = multiprocessing.get_context("spawn").Process(target=provide, args=(path, theirs), daemon=True)
        process.start()
        assert ours.recv() == "ready"
        office_id, campaign_id = settle(engine, max(*sizes.values(), off), utc_now(), is_training=True)
        figures: dict[str, Any] = {}
        for count, messages in sizes.items():
            numbers = {f"n{each}": RATE for each in range(count)}
            reached, most = _limited(engine, office_id, campaign_id, Local(path, numbers), messages, ours)
            figures |= {f"reached_of_permitted_{count}": reached, f"most_in_a_second_of_permitted_{count}": most}
        figures |= _unlimited(engine, office_id, campaign_id, Local(path, {"": UNLIMITED}), off, ours)
        ours.send("end")
        process.join(10)
    return figures


def _limited(engine: Engine, office_id: int, campaign_id: int, sender: Local, messages: int, provider: Connection) -> tuple[float, float]:
    moments, _ = _send(engine, office_id, campaign_id, sender, messages, provider)
    most = max(_most_in_a_second(sorted(each)) for each in moments.values())
    assert most <= RATE + 2 * THREADS, most
    reached = [(len(each) - 1) / (max(each) - min(each)) for each in moments.values()]
    return sum(reached) / (RATE * len(sender.numbers)), most / RATE


def _unlimited(engine: Engine, office_id: int, campaign_id: int, sender: Local, messages: int, provider: Connection) -> dict[str, float]:
    moments, _ = _send(engine, office_id, campaign_id, sender, messages, provider)
    times = sorted(moments[""])
    bare = _bare(sender, messages, provider)
    rate = len(times) / (times[-1] - times[0])
    return {"unlimited_per_second": rate, "unlimited_of_provider_alone": rate / bare}


def _bare(sender: Local, messages: int, provider: Connection) -> float:
    """What the same threads reach at the provider without any database."""
    requests = [SmsRequest(f"b{n}", "+819000000000", "x" * 60) for n in range(messages)]
    with ThreadPoolExecutor(THREADS) as pool:
        began = time.monotonic()
        list(pool.map(sender.send, requests))
        seconds = time.monotonic() - began
    provider.send("report")
    provider.recv()
    return messages / seconds


def _send(
    engine: Engine, office_id: int, campaign_id: int, sender: Local, messages: int, provider: Connection
) -> tuple[dict[str, list[float]], dict[str, int]]:
    with engine.begin() as connection:
        for statement in (CLEAR, FORGET):
            connection.execute(text(statement))
        connection.execute(
            text("UPDATE channel_assignment SET channel = CASE WHEN debtor_id <= :n THEN 'sms' ELSE 'none' END"), {"n": messages}
        )
    with transaction(office_id) as session:
        assert prepare_batch(session, campaign_id, Channel.SMS, utc_now()).prepared == messages
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE message"))

    sent = release_all(partial(transaction, office_id), sender, SystemClock(), lambda: False, most_threads=THREADS)
    provider.send("report")
    moments, seen = provider.recv()
    with engine.begin() as connection:
        states: dict[str, int] = dict(connection.execute(text("SELECT state, count(*) FROM message GROUP BY state")).all())
    assert sent == messages == len(seen) == states.get("accepted"), (sent, len(seen), states)
    assert set(seen.values()) == {1}
    return moments, seen


def _most_in_a_second(moments: list[float]) -> int:
    most, first = 0, 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


def main() -> None:
    """Runs it alone."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--full", action="store_true")
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    print(json.dumps(run(quick=not given.full), indent=None if given.json else 2))


if __name__ == "__main__":
    main()
