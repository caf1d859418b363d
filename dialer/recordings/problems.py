"""What can be wrong with a recording: each is an alert on the board until somebody has seen it."""

from __future__ import annotations

from datetime import timedelta

import structlog
from sqlalchemy.orm import Session

from callcenter.core.live import publish
from dialer.recordings.models import Recording

log = structlog.get_logger(__name__)

NOT_STARTED, MISSING, EMPTY, CUT_SHORT, NOT_STORED, LATE, SILENT, OPERATOR_SILENT, LEFT_BEHIND = (
    "not_started",
    "missing",
    "empty",
    "cut_short",
    "not_stored",
    "late",
    "silent",
    "operator_silent",
    "left_behind",
)
PROBLEMS = (NOT_STARTED, MISSING, EMPTY, CUT_SHORT, NOT_STORED, LATE, SILENT, OPERATOR_SILENT, LEFT_BEHIND)
IS_LATE_AFTER = timedelta(minutes=10)


def note_problem(session: Session, row: Recording, problem: str) -> None:
    """The board shows it until somebody has seen it; the same problem is told once."""
    if row.problem != problem:
        row.problem, row.seen_by = problem, None
        log.warning("recording_problem", recording=row.id, problem=problem)
        publish(session, "board")
