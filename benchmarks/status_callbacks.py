"""Status callbacks into one web process while operators' pages are open: p99 at 500 a second, and the most it takes, against a bare peer.

The peer is a FastAPI application whose one route inserts the same row and commits. Both run as one uvicorn process on the same database,
one after the other in turns; the requests come from a raw client, so that it costs little beside them. Each request of ours is signed,
checked, stored, and answered after the commit; ours logs as it does by default. Operators open their pages before the count begins (the
first time a process shows a page it reads its templates), and for a while without any callbacks, for comparison.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from typing import Any

from sqlalchemy import func, select
from starlette.requests import Request

from benchmarks.scratch import database
from callcenter.auth import service as accounts
from callcenter.auth.models import Role
from callcenter.auth.offices import add_office
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from campaigns.messages.inbox.models import MessageInbox
from campaigns.messages.senders import choice
from campaigns.messages.senders.gateway.document import read_gateway
from campaigns.messages.senders.gateway.sender import example_document
from campaigns.messages.senders.gateway.signing import headers_for

RATE, CONNECTIONS, OPERATORS = 500, 24, 4
SECRET = "benchmark"
PAGES = ("/operator/panel", "/operator")


def run(quick: bool) -> dict[str, Any]:
    """p99 of both at the same rate, of the operators' pages meanwhile, and the ratio of the most that each takes."""
    seconds, rounds = (5, 2) if quick else (30, 3)
    with database():
        office, password = _office()
        figures: dict[str, list[dict[str, float]]] = {"ours": [], "bare": []}
        for _ in range(rounds):
            for which in ("ours", "bare"):
                with _serving(which) as port:
                    figures[which].append(asyncio.run(_measure(port, which, office, password, seconds)))
        with transaction(office) as session:
            stored = session.scalar(select(func.count()).select_from(MessageInbox)) or 0
    best = {which: {name: min(each[name] for each in rows) for name in rows[0]} for which, rows in figures.items()}
    most = {which: max(each["most_per_second"] for each in rows) for which, rows in figures.items()}
    return {
        "wanted_per_second": RATE,
        "ours_p99_ms": best["ours"]["p99_ms"],
        "bare_p99_ms": best["bare"]["p99_ms"],
        "ours_p99_over_limit_100_ms": best["ours"]["p99_ms"] / 100,
        "reached_share_of_rate": max(each["reached"] for each in figures["ours"]),
        "pages_p99_ms": best["ours"]["pages_p99_ms"],
        "pages_alone_p99_ms": best["ours"]["pages_alone_p99_ms"],
        "pages_p99_over_limit_200_ms": best["ours"]["pages_p99_ms"] / 200,
        "most_per_second_ours": most["ours"],
        "most_over_bare": most["ours"] / most["bare"],
        "stored_by_ours": stored,
    }


def _office() -> tuple[int, str]:
    """An office with a described provider and an operator; its id and the operator's password."""
    with transaction(None) as session:
        office = add_office(session, code="bench", name="架空市", phone="03-1234-5678").id
    with transaction(office) as session:
        choice.choose(session, "gateway", example_document(), None, utc_now())
        _, password = accounts.add_user(session, sign_in_name="op", display_name="op", role=Role.OPERATOR.value)
    return office, password


@contextmanager
def _serving(which: str) -> Iterator[int]:
    """One web process on a port of its own."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=256)
    environment = os.environ | {
        "CALLCENTER_SMS_GATEWAY_CALLBACK_SECRET": SECRET,
        "CALLCENTER_PUBLIC_URL": "http://calls.example",
    }
    command = [sys.executable, "-m", "benchmarks.status_callbacks", which, str(listening.fileno())]
    process = subprocess.Popen(command, pass_fds=[listening.fileno()], env=environment, stderr=subprocess.DEVNULL)
    try:
        yield listening.getsockname()[1]
    finally:
        process.terminate()
        process.wait(20)
        listening.close()


_serial = count(time.time_ns())


def _report(which: str, office: int) -> bytes:
    """One report on the wire; each is new."""
    document = {"userReference": f"{office}-{next(_serial)}", "messageId": "m1", "status": "delivered", "errorCode": ""}
    body = json.dumps(document).encode()
    auth = read_gateway_auth()
    headers = headers_for(auth, "", SECRET, body, int(time.time())) if which == "ours" else {}
    path = f"/webhooks/gateway/{office}/status" if which == "ours" else "/bare"
    lines = [f"POST {path} HTTP/1.1", "Host: calls.example", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items())]).encode() + b"\r\n\r\n" + body


@cache
def read_gateway_auth() -> Any:
    """How the example's provider signs."""
    callback = read_gateway(example_document()).callback
    assert callback is not None
    return callback.auth


class Line:
    """A connection kept open; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """The answer's status and head."""
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
        if b"transfer-encoding: chunked" in head.lower():
            while (size := int(await self.reader.readuntil(b"\r\n"), 16)) > 0:
                await self.reader.readexactly(size + 2)
            await self.reader.readexactly(2)
        elif length:
            await self.reader.readexactly(length)
        return int(head.split(b" ", 2)[1]), head


async def _open(port: int) -> Line:
    return Line(*await asyncio.open_connection("127.0.0.1", port))


async def _measure(port: int, which: str, office: int, password: str, seconds: int) -> dict[str, float]:
    cookie = await _sign_in(port, password) if which == "ours" else ""
    alone = await _look_alone(port, cookie, seconds) if which == "ours" else [0.0]
    lines = [await _open(port) for _ in range(CONNECTIONS)]
    requests = [_report(which, office) for _ in range(RATE * seconds)]
    await asyncio.gather(*(line.ask(_report(which, office)) for line in lines))  # the process is up and has its connections
    stop = asyncio.Event()
    pages = [asyncio.create_task(_look(port, cookie, stop)) for _ in range(OPERATORS)] if which == "ours" else []
    took: list[float] = []
    began = time.monotonic()

    async def work(line: Line, share: list[tuple[int, bytes]]) -> None:
        for number, request in share:
            due = began + number / RATE
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            status, _ = await line.ask(request)
            assert status == 204, status
            took.append(time.monotonic() - due)  # from when it was due: waiting for a line counts

    numbered = list(enumerate(requests))
    await asyncio.gather(*(work(line, numbered[at::CONNECTIONS]) for at, line in enumerate(lines)))
    reached = len(requests) / (time.monotonic() - began) / RATE
    stop.set()
    seen = [moment for page in pages for moment in await page]
    most = await _most(lines, which, office)
    figures = {"p99_ms": _p99(took), "reached": reached, "most_per_second": most}
    return figures | {"pages_p99_ms": _p99(seen or [0.0]), "pages_alone_p99_ms": _p99(alone)}


async def _most(lines: list[Line], which: str, office: int, seconds: float = 3.0) -> float:
    """Requests a second when each connection sends the next as soon as it has an answer; the requests are made before."""
    stock = [_report(which, office) for _ in range(12_000)]
    end, done = time.monotonic() + seconds, 0

    async def work(line: Line) -> None:
        nonlocal done
        while time.monotonic() < end and stock:
            await line.ask(stock.pop())
            done += 1

    began = time.monotonic()
    await asyncio.gather(*(work(line) for line in lines))
    return done / (time.monotonic() - began)


async def _sign_in(port: int, password: str) -> str:
    """An operator's session cookie."""
    import re

    import httpx

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        token = re.search(r'name="csrf_token" value="([^"]+)"', (await client.get("/login")).text)
        assert token is not None
        form = {"sign_in_name": "op", "password": password, "office": "bench", "csrf_token": token[1]}
        answer = await client.post("/login", data=form)
        assert answer.status_code == 303, answer.status_code
        return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


async def _look_alone(port: int, cookie: str, seconds: float) -> list[float]:
    """How long the pages take while nothing else comes in; the first look of each operator does not count."""
    stop = asyncio.Event()
    pages = [asyncio.create_task(_look(port, cookie, stop)) for _ in range(OPERATORS)]
    await asyncio.sleep(seconds)
    stop.set()
    return [moment for page in pages for moment in (await page)[len(PAGES) :]] or [0.0]


async def _look(port: int, cookie: str, stop: asyncio.Event) -> list[float]:
    """An operator who looks at a page twice a second; how long each took."""
    line, took = await _open(port), []
    while not stop.is_set():
        for path in PAGES:
            began = time.monotonic()
            status, _ = await line.ask(f"GET {path} HTTP/1.1\r\nHost: calls.example\r\nCookie: {cookie}\r\n\r\n".encode())
            assert status == 200, (path, status)
            took.append(time.monotonic() - began)
            await asyncio.sleep(0.25)
    return took


def _p99(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1000


def _bare() -> Any:
    """The peer: a route, an INSERT, a commit."""
    from fastapi import FastAPI
    from sqlalchemy import text
    from starlette.responses import Response

    from callcenter.core.db import get_engine

    app = FastAPI()
    engine = get_engine()
    insert = text(
        "INSERT INTO message_inbox (office_id, source, kind, event_key, payload, received_at)"
        " SELECT id, 'bare', 'status', :key, CAST(:payload AS jsonb), now() FROM office ON CONFLICT DO NOTHING"
    )

    def store(body: bytes) -> None:
        document = json.loads(body)
        with engine.begin() as connection:
            connection.execute(insert, {"key": document["userReference"], "payload": body.decode()})

    @app.post("/bare")
    async def hear(request: Request) -> Response:
        from starlette.concurrency import run_in_threadpool

        await run_in_threadpool(store, await request.body())
        return Response(status_code=204)

    return app


def _serve(which: str, listening: int) -> None:
    import uvicorn

    from callcenter.app import create_app

    app = create_app() if which == "ours" else _bare()
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=listening)])


if __name__ == "__main__":
    from callcenter.core.logging import configure_logging

    configure_logging("INFO" if sys.argv[1] == "ours" else "WARNING")
    _serve(sys.argv[1], int(sys.argv[2]))
