"""Keeping reports before they are answered: those that come in while one write is under way share the next one.

So an answer always stands for a commit, and hundreds of reports a second need few transactions. What follows from a report is a job's work.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from weakref import WeakKeyDictionary

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from callcenter.core.db import transaction
from callcenter.core.errors import AppError, StoreUnavailable
from callcenter.core.queue import enqueue
from campaigns.messages.inbox.keeping import Report, keep

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 500
GATHERED = 0.01  # seconds from one write to the next: many reports share one, a lone one is written at once
BODY_LIMIT = 64_000
WAKE_EVERY = 1.0  # seconds; reports that come between two wake-ups are found by the next
JOB = "campaigns.jobs.process_inbox"
_woken: dict[int, float] = {}
# Threads of their own: pages, however many wait for the database, hold up no report.
_writers = ThreadPoolExecutor(4, thread_name_prefix="reports")


class Keeper:
    """Gathers the reports of one event loop."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Report, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._wrote_at = -GATHERED

    async def keep(self, report: Report) -> None:
        """Returns once the report is committed.

        Raises:
            StoreUnavailable: it could not be stored; the provider will send it again.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((report, done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            await asyncio.sleep(max(0.0, self._wrote_at + GATHERED - loop.time()))
            self._wrote_at = loop.time()
            taken, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            try:
                failed = await loop.run_in_executor(_writers, store, [report for report, _ in taken])
            except Exception as problem:  # noqa: BLE001 - whatever it was: those who wait are told, and the next ones are written
                log.error("reports_not_stored", count=len(taken), error=type(problem).__name__)
                failed = {report.office_id for report, _ in taken}
            for report, done in taken:
                if done.done():
                    continue  # whoever asked has gone
                if report.office_id in failed:
                    done.set_exception(StoreUnavailable("The report could not be stored.", hint="Send it again."))
                else:
                    done.set_result(None)
            for office_id in {report.office_id for report, _ in taken} - failed:
                if is_wake_due(office_id, time.monotonic()):
                    loop.run_in_executor(None, enqueue, JOB, office_id)  # a slow Redis delays no answer
        self._writing = None


_keepers: WeakKeyDictionary[asyncio.AbstractEventLoop, Keeper] = WeakKeyDictionary()


def keeper() -> Keeper:
    """The keeper of the running event loop."""
    return _keepers.setdefault(asyncio.get_running_loop(), Keeper())


def store(reports: Sequence[Report]) -> set[int]:
    """Writes reports, a transaction per office; returns the offices whose reports could not be written."""
    failed: set[int] = set()
    by_office: dict[int, list[Report]] = {}
    for report in reports:
        by_office.setdefault(report.office_id, []).append(report)
    for office_id, own in by_office.items():
        try:
            with transaction(office_id) as session:
                keep(session, own)
            log.info("reports_stored", office_id=office_id, count=len(own))
        except (AppError, OperationalError, InterfaceError) as problem:
            log.error("reports_not_stored", office_id=office_id, count=len(own), error=type(problem).__name__)
            failed.add(office_id)
    return failed


def is_wake_due(office_id: int, now: float) -> bool:
    """Whether a job is to be told of the reports: at most once a second; without Redis the schedule processes them in its turn."""
    is_due = now - _woken.get(office_id, -WAKE_EVERY) >= WAKE_EVERY
    if is_due:
        _woken[office_id] = now
    return is_due


async def read_limited(request: Request) -> bytes | None:
    """The body, or None when it is larger than any report."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            return None
    return body


def office_in_path(request: Request) -> int:
    """The office that the address names; 0 where that can be none."""
    told = str(request.path_params.get("office_id", ""))
    number = int(told) if told.isascii() and told.isdigit() and len(told) < 11 else 0
    return number if number < 2**31 else 0


def wire_path(request: Request) -> str:
    """Path and query as they were on the wire, still percent-encoded."""
    raw_path: bytes = request.scope.get("raw_path") or request.url.path.encode()
    path = raw_path.split(b"?")[0].decode("latin-1")
    query = request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def refusal(request: Request, status: int, code: str, message: str) -> Response:
    """A refusal without a word of what was sent, in the answer and in the log."""
    log.warning("webhook_refused", code=code, status=status, request_id=request.state.request_id)
    document: Mapping[str, str] = {"code": code, "message": message, "request_id": request.state.request_id}
    return JSONResponse(document, status)
