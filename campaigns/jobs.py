"""What workers run: each job takes the office and ids, checks the rows again on arrival, and is harmless when it runs twice."""

from __future__ import annotations

from datetime import timedelta

import structlog

from callcenter.core.clock import local_day, utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import AppError
from callcenter.core.queue import enqueue
from campaigns.imports import service as imports
from campaigns.promises.settle import settle

log = structlog.get_logger(__name__)

_LOST_AFTER = timedelta(minutes=2)


def run_import(office_id: int, import_id: int) -> None:
    """Imports a registered file; a file that can't be taken says so in its row."""
    try:
        imports.run_import(office_id, import_id, now=utc_now())
    except AppError as problem:
        log.warning("import_failed", office_id=office_id, import_id=import_id, code=problem.code)


def sweep_imports(office_id: int) -> None:
    """Hands over again the imports whose job or process was lost; runs them here when Redis is away."""
    with transaction(office_id) as session:
        lost = [] if imports.is_importing(session) else imports.unfinished(session, utc_now() - _LOST_AFTER)
    for import_id in lost:
        if not enqueue("campaigns.jobs.run_import", office_id, import_id):
            run_import(office_id, import_id)


def settle_promises(office_id: int) -> None:
    """Judges all promises at the turn of the day."""
    now = utc_now()
    with transaction(office_id) as session:
        settle(session, today=local_day(now), now=now)
