"""The operator's screen with 50 operators signed in: server p99 against a bare route with one SELECT, and from the answer to the paint.

Fifty connections, one an operator, ask with a pause between, about 25 requests a second: thirty times what fifty people do. Asked are the
whole next screen of a verified case (five installments), and what an operator does in a call: a check, the case, a note, hanging up, a
result with all that follows, taking it back, a pause and back from it (twelve of these a second, fifteen times what fifty people do). The
peer is a FastAPI route that reads one row, one uvicorn process as ours, on the same database, in turns. The paint is measured by the page
itself in Chromium while the other 49 event streams are open: an answer is put on record as the dialer does, and the page says how long
after that the case was painted.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from sqlalchemy import select, text, update

from benchmarks.scratch import database
from benchmarks.status_callbacks import Line
from callcenter.auth.models import Role, User
from callcenter.auth.offices import add_office
from callcenter.auth.sessions import open_session
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.live import publish
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import Debt, Debtor, PhoneNumber
from campaigns.planning.service import create_campaign
from campaigns.worklist.models import WorkItem
from dialer.agents.models import AgentSession
from dialer.calls.models import Call

OPERATORS, PAUSE, BETWEEN = 50, 2.0, 4.0
PAINT_P95, PAINT_P99, ACTION_P95 = 200, 400, 100
ACTIONS = ("verify", "open", "draft", "hangup", "outcome", "undo", "pause", "ready")
FIRST_LOAD = 300 * 1024
CHROMIUM = "/usr/bin/chromium"


@dataclass(frozen=True, slots=True)
class Seat:
    """One signed-in operator with a case."""

    user_id: int
    attempt_id: int
    cookie: str
    csrf: str


def run(quick: bool) -> dict[str, Any]:
    """Ratios of p99, and the paint's p95 and p99 in the page."""
    rounds, seconds, answers = (2, 8, 40) if quick else (5, 20, 200)
    with database():
        office, seats = _office()
        figures: dict[str, list[float]] = {"screen": [], "bare": []}
        acted: dict[str, list[float]] = {name: [] for name in ACTIONS}
        for _ in range(rounds):
            for which, name in (("ours", "screen"), ("bare", "bare")):
                with _serving(which) as port:
                    figures[name].append(_p(asyncio.run(_measure(port, name, office, seats, seconds)), 0.99))
            with _serving("ours") as port:
                for name, took in asyncio.run(_act(port, office, seats, 1 if quick else 2)).items():
                    acted[name] += took
        with _serving("ours") as port:
            painted, loaded = _painted(port, office, seats, answers)
    bare = statistics.median(figures["bare"])
    slowest = max(_p(took, 0.95) for took in acted.values())
    return {
        "p99_ms": {name: round(statistics.median(values), 1) for name, values in figures.items()},
        "action_p95_ms": {name: round(_p(took, 0.95), 1) for name, took in acted.items()},
        "slowest action p95 / 100 ms": round(slowest / ACTION_P95, 2),
        "next screen p99 / bare": round(statistics.median(figures["screen"]) / bare, 2),
        "outcome p99 / bare": round(_p(acted["outcome"], 0.99) / bare, 2),
        "painted_p95_ms": round(_p(painted, 0.95)),
        "painted_p95 / 200 ms": round(_p(painted, 0.95) / PAINT_P95, 2),
        "painted_p99 / 400 ms": round(_p(painted, 0.99) / PAINT_P99, 2),
        "answers_painted": len(painted),
        "first_load_bytes": loaded,
        "first load / 300 KB": round(loaded / FIRST_LOAD, 2),
    }


def _p(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _office() -> tuple[int, list[Seat]]:
    """Fifty operators in a call with a verified person each."""
    now = utc_now()
    with transaction(None) as session:
        office = add_office(session, code="bench", name="架空市", phone="03-1234-5678").id
        session.execute(text("UPDATE office SET is_training = true"))
    seats: list[Seat] = []
    with transaction(office) as session:
        campaign = create_campaign(session, "十一月", now)
        campaign.status = "running"
        for number in range(OPERATORS):
            user = User(sign_in_name=f"op{number}", display_name=f"担当{number}", role=Role.OPERATOR)
            debtor = Debtor(debtor_no=f"{number:010}", name="見本 佳代", birth_date=date(1980, 4, 3), address="架空市本町1番")
            session.add_all([user, debtor])
            session.flush()
            phone = PhoneNumber(debtor_id=debtor.id, original="03", e164=f"+8130000{number:04}", line_type="fixed")
            item = WorkItem(campaign_id=campaign.id, debtor_id=debtor.id, channel="operator_call", state="claimed", not_before=now)
            item.created_at = item.updated_at = now
            session.add_all([phone, item, *(_debt(debtor.id, term) for term in range(1, 6))])
            session.flush()
            attempt = Attempt(
                debtor_id=debtor.id, campaign_id=campaign.id, work_item_id=item.id, channel="operator_call", phone_id=phone.id
            )
            attempt.operator_id, attempt.began_at, attempt.handed_over_at, attempt.answered_at = user.id, now, now, now
            attempt.verified_at, attempt.verified_with = now, "name,birth_date"
            session.add(attempt)
            session.flush()
            agent = AgentSession(
                user_id=user.id, state="talking", state_since=now, attempt_id=attempt.id, leg_id=uuid4().hex, is_leg_up=True
            )
            agent.signed_in_at, agent.last_seen_at = now, now + timedelta(days=1)
            session.add(agent)
            session.flush()
            call = Call(attempt_id=attempt.id, campaign_id=campaign.id, agent_session_id=agent.id, carrier="simulator", mode="progressive")
            call.channel_id, call.state, call.placed_at, call.answered_at = uuid4().hex, "bridged", now, now
            session.add(call)
            token, csrf = open_session(session, user, now)
            seats.append(Seat(user.id, attempt.id, f"session={office}.{token}", csrf))
    return office, seats


def _debt(debtor_id: int, term: int) -> Debt:
    due = date(2026, 6, 30) + timedelta(days=30 * term)
    kept = {"tax_code": "01", "tax_name": "市県民税", "levy_year": 2026, "base_year": 2026, "notice_no": f"N{term}"}
    return Debt(debtor_id=debtor_id, term=term, due_on=due, assessed=36_000, outstanding=36_000, **kept)


@contextmanager
def _serving(which: str) -> Iterator[int]:
    """One web process on a port of its own."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=256)
    command = [sys.executable, "-m", "benchmarks.operator_screen", which, str(listening.fileno())]
    process = subprocess.Popen(command, pass_fds=[listening.fileno()], env=os.environ | {"CALLCENTER_LOG_LEVEL": "WARNING"})
    try:
        yield listening.getsockname()[1]
    finally:
        process.terminate()
        process.wait(20)
        listening.close()


async def _lines(port: int, seats: Sequence[Seat], first: str) -> list[Line]:
    """A connection an operator; asked once, so that the process is up and has its own connections."""
    lines = [Line(*await asyncio.open_connection("127.0.0.1", port)) for _ in seats]
    for line, seat in zip(lines, seats, strict=True):
        await line.ask(_request(first, seat))
    return lines


async def _measure(port: int, name: str, office: int, seats: Sequence[Seat], seconds: int) -> list[float]:
    """Milliseconds of every request, each operator after a pause; a due time that is missed counts as waiting."""
    lines = await _lines(port, seats, name)
    took: list[float] = []
    began = time.monotonic()

    async def sit(number: int, line: Line, seat: Seat) -> None:
        for turn in range(int(seconds / PAUSE)):
            due = began + turn * PAUSE + number * PAUSE / OPERATORS
            await asyncio.sleep(max(0.0, due + PAUSE - time.monotonic()))
            took.append(await _timed(line, name, seat))

    await asyncio.gather(*(sit(number, line, seat) for number, (line, seat) in enumerate(zip(lines, seats, strict=True))))
    return took


async def _act(port: int, office: int, seats: Sequence[Seat], calls: int) -> dict[str, list[float]]:
    """Milliseconds of each thing that an operator does in so many calls, with a pause before each."""
    lines = await _lines(port, seats, "screen")
    took: dict[str, list[float]] = {name: [] for name in ACTIONS}

    async def sit(number: int, line: Line, seat: Seat) -> None:
        await asyncio.sleep(number * BETWEEN / OPERATORS)
        for _ in range(calls):
            for name in ACTIONS:
                if name == "verify":
                    await asyncio.to_thread(_answer, office, seat, is_up=True)
                elif name == "outcome":
                    await asyncio.to_thread(_owe, office, seat)
                elif name == "pause":
                    await asyncio.to_thread(_answer, office, seat, is_up=False)
                await asyncio.sleep(BETWEEN)
                took[name].append(await _timed(line, name, seat))

    await asyncio.gather(*(sit(number, line, seat) for number, (line, seat) in enumerate(zip(lines, seats, strict=True))))
    return took


async def _timed(line: Line, name: str, seat: Seat) -> float:
    asked = time.monotonic()
    status, _ = await line.ask(_request(name, seat))
    assert status == 200, (name, status)
    return (time.monotonic() - asked) * 1000


def _request(name: str, seat: Seat) -> bytes:
    head = f"Host: calls.example\r\nCookie: {seat.cookie}\r\nHX-Request: true\r\nX-Console: c{seat.user_id}\r\n"
    if name == "bare":
        return f"GET /bare/{seat.attempt_id} HTTP/1.1\r\n{head}\r\n".encode()
    if name == "screen":
        return f"GET /console/stage?key=before HTTP/1.1\r\n{head}\r\n".encode()
    case = f"/console/attempts/{seat.attempt_id}"
    back = (utc_now() + timedelta(hours=5)).isoformat()
    path, said = {
        "verify": (f"{case}/verify", {"item": "birth_date", "said": "S55.4.3"}),
        "open": (f"{case}/open", {}),
        "draft": (f"{case}/draft", {"field": "memo", "text": "25日の給料のあとに納める"}),
        "hangup": (f"/console/calls/{seat.attempt_id}/hangup", {}),
        "outcome": (f"{case}/outcome", {"outcome": "callback_promised", "callback_when": back, "memo": "午後に"}),
        "undo": (f"{case}/undo", {}),
        "pause": ("/console/state", {"state": "paused", "reason": "break"}),
        "ready": ("/console/state", {"state": "ready"}),
    }[name]
    body = urlencode(said)
    head += f"X-CSRF-Token: {seat.csrf}\r\nIdempotency-Key: {uuid4().hex}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    return f"POST {path} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def _owe(office: int, seat: Seat) -> None:
    """The operator is in wrap-up of the case again."""
    now = utc_now()
    with transaction(office) as session:
        item = select(Attempt.work_item_id).where(Attempt.id == seat.attempt_id).scalar_subquery()
        session.execute(update(WorkItem).where(WorkItem.id == item).values(state="claimed", user_id=None, is_callback=False))
        owed = {"state": "wrap_up", "line_result": "answered", "outcome": None, "party": None, "recorded_at": None}
        session.execute(update(Attempt).where(Attempt.id == seat.attempt_id).values(wrap_up_until=now + timedelta(minutes=5), **owed))
        agent = update(AgentSession).where(AgentSession.user_id == seat.user_id)
        session.execute(agent.values(state="wrap_up", attempt_id=seat.attempt_id))


def _painted(port: int, office: int, seats: Sequence[Seat], answers: int) -> tuple[list[float], int]:
    """Milliseconds from each answer to its paint, as the page reports them, and the bytes of the first load."""
    from playwright.sync_api import sync_playwright

    first, others = seats[0], seats[1:]
    streams = [_stream(port, seat) for seat in others]
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        context = browser.new_context(locale="ja-JP")
        name, _, value = first.cookie.partition("=")
        context.add_cookies([{"name": name, "value": value, "url": f"http://127.0.0.1:{port}"}])
        page = context.new_page()
        loaded, painted = [0.0], list[float]()
        client = context.new_cdp_session(page)
        client.send("Network.enable")
        client.on("Network.loadingFinished", lambda event: loaded.__setitem__(0, loaded[0] + event["encodedDataLength"]))
        page.on("request", lambda asked: painted.append(_told(asked.post_data)) if asked.url.endswith("/painted") else None)
        page.goto(f"http://127.0.0.1:{port}/operator")
        page.locator("#connection[data-state=ok]").wait_for(timeout=60_000)
        page.wait_for_timeout(1_000)
        first_load = int(loaded[0])
        for _ in range(answers):
            _answer(office, first, is_up=False)
            page.locator("#branch-form").wait_for(state="detached", timeout=60_000)
            _answer(office, first, is_up=True)
            page.locator("#branch-form").wait_for(timeout=60_000)
            page.wait_for_timeout(100)
        page.wait_for_timeout(500)
        browser.close()
    for stream in streams:
        stream.close()
    return painted, first_load


def _told(body: str | None) -> float:
    return float((body or "ms=60000").partition("ms=")[2].partition("&")[0])


def _stream(port: int, seat: Seat) -> socket.socket:
    """An open page's event stream; what it says is left in the socket."""
    stream = socket.create_connection(("127.0.0.1", port))
    stream.sendall(f"GET /events HTTP/1.1\r\nHost: calls.example\r\nCookie: {seat.cookie}\r\nAccept: text/event-stream\r\n\r\n".encode())
    return stream


def _answer(office: int, seat: Seat, *, is_up: bool) -> None:
    """Somebody answers, as the dialer puts it on record; or the operator waits for the next."""
    now = utc_now()
    with transaction(office) as session:
        state = {"state": "talking", "attempt_id": seat.attempt_id} if is_up else {"state": "ready", "attempt_id": None}
        session.execute(update(AgentSession).where(AgentSession.user_id == seat.user_id).values(state_since=now, **state))
        fresh = {"state": "open", "verified_at": None, "verified_with": "", "outcome": None, "party": None, "recorded_at": None}
        session.execute(update(Attempt).where(Attempt.id == seat.attempt_id).values(answered_at=now, line_result=None, **fresh))
        session.execute(update(Call).where(Call.attempt_id == seat.attempt_id).values(answered_at=now))
        publish(session, "call", seat.user_id)


def _bare() -> Any:
    """The peer: a route, one SELECT, JSON."""
    from fastapi import FastAPI

    from callcenter.core.db import get_engine

    app, engine = FastAPI(), get_engine()
    query = text("SELECT id, state, note FROM attempt WHERE id = :id")

    @app.get("/bare/{number}")
    def read(number: int) -> dict[str, Any]:
        with engine.connect() as connection:
            row = connection.execute(query, {"id": number}).mappings().one_or_none()
        return dict(row or {})

    return app


def _serve(which: str, listening: int) -> None:
    import uvicorn

    from callcenter.app import create_app

    app = create_app() if which == "ours" else _bare()
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_keep_alive=60)).run(
        sockets=[socket.socket(fileno=listening)]
    )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        _serve(sys.argv[1], int(sys.argv[2]))
    else:
        print(json.dumps(run(quick=True), indent=1, ensure_ascii=False))
