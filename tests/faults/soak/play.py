"""What a forked process does: one role of the program, with the waiting times of a run and perhaps a planted mistake."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from typing import Any

import callcenter.app
import callcenter.tables
import campaigns.jobs
from callcenter import schedule
from callcenter.commands.processes import run_worker
from callcenter.core.logging import configure_logging
from callcenter.core.settings import get_settings
from campaigns.messages import handover, release, settling
from tests.faults.soak import bugs

LEASE = timedelta(seconds=8)
GIVE_UP = timedelta(seconds=20)
OFTEN = (
    ("campaigns.jobs.release_messages", "batch"),
    ("campaigns.jobs.settle_unknown_messages", "batch"),
    ("campaigns.jobs.sweep_claims", "default"),
    ("campaigns.jobs.process_inbox", "default"),
)


def shorten() -> None:
    """Seconds where a real installation waits for minutes; the order of what waits for what is kept."""
    schedule.PERIODIC = tuple(schedule.Periodic(name, queue=queue, seconds=2) for name, queue in OFTEN)
    handover.LEASE = LEASE
    settling.ASK_AFTER = timedelta(seconds=1)
    settling.GIVE_UP_AFTER = GIVE_UP
    settling.OVERDUE_AFTER, settling.OVERDUE_EVERY = timedelta(seconds=5), timedelta(seconds=1)
    release.LONGEST_REST = 0.3
    campaigns.jobs.release_messages.__kwdefaults__["budget"] = timedelta(seconds=0.5)


def play(role: str, environment: dict[str, str], planted: dict[int, str], web: socket.socket | None) -> None:
    """Runs until it is killed."""
    os.environ.update(environment)
    get_settings.cache_clear()
    configure_logging(os.environ.get("SOAK_LOG", "CRITICAL"))
    shorten()
    bugs.plant(planted)
    if web is not None:
        serve(web)
    elif role == "schedule":
        schedule.run_schedule()
    else:
        run_worker("batch" if "batch" in role else "default", burst=False)


def serve(listening: socket.socket) -> None:
    """The web process on a socket that outlives it."""
    import uvicorn

    config: Any = uvicorn.Config(callcenter.app.create_app(), log_level="critical", access_log=False)
    uvicorn.Server(config).run(sockets=[listening])
