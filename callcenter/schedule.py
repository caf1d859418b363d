"""The list of periodic jobs, and the one process that starts them by RQ's own cron.

Each job is idempotent and runs once per office. When Redis is away the job runs in this process instead: nothing that must
happen waits for Redis to come back.
"""

from __future__ import annotations

import signal
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import structlog
from redis import Redis
from rq.cron import CronJob
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from callcenter.auth.offices import all_offices
from callcenter.core.db import get_engine, transaction
from callcenter.core.errors import AppError
from callcenter.core.queue import call_by_name, enqueue

log = structlog.get_logger(__name__)

LOCK_KEY = 4_217_002


@dataclass(frozen=True, slots=True)
class Periodic:
    """A job and when it runs: every `seconds`, or by a cron line in UTC (Japan is UTC+9 all year).

    `is_here` runs it in the schedule's own process: a few quick statements that must not wait for a worker or for Redis.
    """

    function: str
    queue: str = "default"
    seconds: int | None = None
    cron: str | None = None
    is_here: bool = False


PERIODIC = (
    Periodic("campaigns.jobs.sweep_imports", seconds=30),
    Periodic("campaigns.jobs.refresh_search", seconds=20),
    Periodic("campaigns.jobs.sweep_layout_drafts", seconds=3600),
    Periodic("campaigns.jobs.sweep_trials", seconds=30),
    Periodic("campaigns.jobs.sweep_claims", seconds=5, is_here=True),
    Periodic("campaigns.jobs.sweep_batches", queue="batch", seconds=60),
    Periodic("campaigns.jobs.release_messages", queue="batch", seconds=15),
    Periodic("campaigns.jobs.process_inbox", seconds=5),
    Periodic("campaigns.jobs.send_tests", seconds=30),
    Periodic("campaigns.jobs.settle_unknown_messages", queue="batch", seconds=60),
    Periodic("campaigns.jobs.run_sync", seconds=60),
    Periodic("callcenter.auth.jobs.seal_audit", seconds=45),
    Periodic("reports.jobs.refresh_facts", seconds=60),
    Periodic("reports.jobs.refresh_snapshots", queue="batch", seconds=60),
    Periodic("reports.jobs.check_figures", seconds=900),
    Periodic("reports.jobs.count_half_hours", queue="batch", seconds=3600),
    Periodic("campaigns.jobs.sweep_checks", queue="batch", seconds=60),
    Periodic("campaigns.jobs.forget_decisions", queue="batch", cron="40 18 * * *"),  # 03:40 in Japan
    Periodic("dialer.retention.forget_old", queue="batch", cron="30 18 * * *"),  # 03:30 in Japan
    Periodic("dialer.recordings.jobs.forget_recordings", queue="batch", cron="50 18 * * *"),  # 03:50 in Japan
    Periodic("campaigns.jobs.turn_cycles", seconds=600),
    Periodic("reports.jobs.drop_pack", queue="batch", cron="0 21 1-3 * *"),  # 06:00 in Japan on the 2nd to 4th: once, of the month before
    Periodic("campaigns.jobs.settle_promises", cron="10 15 * * *"),  # 00:10 in Japan
    Periodic("campaigns.jobs.prepare_night_batches", queue="batch", cron="30 17 * * *"),  # 02:30 in Japan
)


class OfficeCron(CronJob):
    """RQ's cron job, sent once per office with ids only and as JSON."""

    def __init__(self, periodic: Periodic) -> None:
        super().__init__(
            queue_name=periodic.queue, func_name=periodic.function, interval=periodic.seconds, cron=periodic.cron, name=periodic.function
        )
        self.periodic = periodic

    def enqueue(self, connection: Redis | None) -> Any:
        """Hands the job over for every office; without Redis it runs here."""
        with transaction(None) as session:
            offices = [office.id for office in all_offices(session)]
        for office_id in offices:
            if self.periodic.is_here or not enqueue(self.periodic.function, office_id, queue=self.periodic.queue):
                run_here(self.periodic.function, office_id)


def run_here(function: str, office_id: int) -> None:
    """Runs a job in this process; an expected failure is logged and tried again at its next turn."""
    try:
        call_by_name(function, office_id)
    except (AppError, SQLAlchemyError) as problem:
        log.warning("periodic_job_failed", function=function, office_id=office_id, error=type(problem).__name__)


def hold_lock(connection: Connection) -> bool:
    """Whether this is the one schedule process; the lock ends with the connection."""
    return bool(connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK_KEY}))


def run_schedule(stop: threading.Event | None = None) -> None:
    """Starts periodic jobs until told to stop; waits while another process holds the lock."""
    stop = stop or threading.Event()
    if threading.current_thread() is threading.main_thread():

        def request_stop(_signal: int, _frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, request_stop)
        signal.signal(signal.SIGINT, request_stop)
    while not stop.is_set():
        try:
            with get_engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                if not hold_lock(connection):
                    stop.wait(5)
                    continue
                run_while_connected(connection, stop)
        except (AppError, SQLAlchemyError) as problem:
            log.warning("schedule_waits_for_database", error=type(problem).__name__)
            stop.wait(3)


def run_while_connected(connection: Connection, stop: threading.Event) -> None:
    """The loop of the process that holds the lock; a lost connection loses the lock and ends it."""
    jobs = [OfficeCron(periodic) for periodic in PERIODIC]
    log.info("schedule_started", jobs=len(jobs))
    while not stop.is_set():
        connection.execute(text("SELECT 1"))
        for job in jobs:
            if job.should_run():
                job.set_enqueue_time(datetime.now(UTC))
                job.enqueue(None)
        stop.wait(1)
