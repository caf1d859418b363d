"""Keeping reports before they are answered: those that come in while one write is under way share the next one.

So an answer always stands for a commit, and hundreds of reports a second need few transactions. What follows from a report is a job's work.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from weakref import WeakKeyDictionary

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from callcenter.core.db import transaction
from callcenter.core.errors import AppError, StoreUnavailable
from callcenter.core.queue import enqueue
from campaigns.messages.inbox.keeping import Report, keep

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 500
BODY_LIMIT = 64_000
WAKE_EVERY = 1.0  # seconds; reports that come between two wake-ups are found by the next
JOB = "campaigns.jobs.process_inbox"
_woken: dict[int, float] = {}


class Keeper:
    """Gathers the reports of one event loop."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Report, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

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
        while self._waiting:
            taken, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            failed = await run_in_threadpool(store, [report for report, _ in taken])
            for report, done in taken:
                if done.done():
                    continue  # whoever asked has gone
                if report.office_id in failed:
                    done.set_exception(StoreUnavailable("The report could not be stored.", hint="Send it again."))
                else:
                    done.set_result(None)
            for office_id in {report.office_id for report, _ in taken} - failed:
                asyncio.get_running_loop().run_in_executor(None, wake, office_id)  # a slow Redis delays no answer
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
        except (AppError, OperationalError, InterfaceError) as problem:
            log.error("reports_not_stored", office_id=office_id, count=len(own), error=type(problem).__name__)
            failed.add(office_id)
    return failed


def wake(office_id: int) -> None:
    """Has the reports processed, at most once a second; without Redis the schedule does so in its turn."""
    now = time.monotonic()
    if now - _woken.get(office_id, -WAKE_EVERY) >= WAKE_EVERY:
        _woken[office_id] = now
        enqueue(JOB, office_id)


async def read_limited(request: Request) -> bytes | None:
    """The body, or None when it is larger than any report."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            return None
    return body


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
