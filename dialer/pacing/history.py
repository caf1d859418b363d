"""What a campaign's calls tell the pacing, read from the database: how lines and operators ended, and the abandoned share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of

REBUILD_DAYS = 14
MOST_CALLS = 20_000  # of a rebuild: more than that has faded anyway
WRITES_NO_LONGER = timedelta(minutes=15)

MODES = ["preview", "progressive", "predictive"]  # robocalls have other answers, and who calls us answers nothing

# A call is learned from when its ringing ends: at the answer, or at an end without one. What the trunk could not make, and what had no word
# at all, tells nothing of people: a trunk that swallows calls would teach that nobody answers, and once it is back everybody does. Where it
# seldom tells of ringing (`is_mute`), no word is no sign of that.
_RINGING = """
SELECT * FROM (
  SELECT answered_at AS at, extract(epoch FROM answered_at - placed_at) AS seconds, true AS is_hit, false AS is_ours FROM call
  WHERE office_id = :office AND campaign_id = :campaign AND mode = ANY(:modes) AND answered_at > :since AND answered_at <= :until
  UNION ALL
  SELECT ended_at, extract(epoch FROM ended_at - placed_at), false, hangup_requested_at IS NOT NULL FROM call
  WHERE office_id = :office AND campaign_id = :campaign AND mode = ANY(:modes) AND answered_at IS NULL
    AND ended_at > :since AND ended_at <= :until AND line_result IS DISTINCT FROM 'failed'
    AND (:is_mute OR ringing_at IS NOT NULL OR line_result IS DISTINCT FROM 'no_answer')
  ORDER BY 1 DESC LIMIT :most) newest ORDER BY at
"""
_IS_MUTE = """
SELECT coalesce(avg((ringing_at IS NULL)::int) > 0.2, false) FROM (
  SELECT ringing_at FROM call WHERE office_id = :office AND campaign_id = :campaign AND mode = ANY(:modes) AND answered_at <= :until
  ORDER BY answered_at DESC LIMIT 50) newest
"""
_TALKS = """
SELECT * FROM (
  SELECT ended_at AS at, extract(epoch FROM ended_at - coalesce(bridged_at, answered_at)) AS seconds FROM call
  WHERE office_id = :office AND campaign_id = :campaign AND mode = ANY(:modes) AND ended_at > :since AND ended_at <= :until
    AND agent_session_id IS NOT NULL AND line_result = 'answered'
  ORDER BY 1 DESC LIMIT :most) newest ORDER BY at
"""
_WRAPS = """
SELECT * FROM (
  SELECT a.recorded_at AS at, greatest(0, extract(epoch FROM a.recorded_at - c.ended_at)) AS seconds
  FROM call c JOIN attempt a ON a.office_id = c.office_id AND a.id = c.attempt_id
  WHERE c.office_id = :office AND c.campaign_id = :campaign AND c.mode = ANY(:modes) AND c.ended_at > :before AND c.ended_at <= :until
    AND c.agent_session_id IS NOT NULL AND c.line_result = 'answered' AND a.recorded_at > :since AND a.recorded_at <= :until
    AND a.recorded_at < c.ended_at + :longest
  ORDER BY 1 DESC LIMIT :most) newest ORDER BY at
"""
# Live answers: by a person, or by nobody knows whom; of all calls for operators, however they were dialled.
_ANSWERS = """
SELECT count(*) AS answers, count(*) FILTER (WHERE line_result = 'abandoned') AS abandoned, min(answered_at) AS first_at FROM call
WHERE office_id = :office AND campaign_id = :campaign AND mode = ANY(:modes) AND answered_at >= :since AND answered_at < :until
  AND line_result IS DISTINCT FROM 'machine'
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """One thing that ended: `kind` answer, fail, let_go, talk or wrap, after so many seconds."""

    at: datetime
    kind: str
    seconds: float


def ended_between(session: Session, campaign_id: int, since: datetime, until: datetime) -> Iterator[Ended]:
    """Everything of a campaign that ended in (since, until], each kind oldest first."""
    values: dict[str, Any] = {
        "office": office_of(session),
        "campaign": campaign_id,
        "since": since,
        "before": since - WRITES_NO_LONGER,
        "longest": WRITES_NO_LONGER,
        "until": until,
        "most": MOST_CALLS,
        "modes": MODES,
    }
    values["is_mute"] = session.scalar(text(_IS_MUTE), values)
    for row in session.execute(text(_RINGING), values):
        kind = "answer" if row.is_hit else "let_go" if row.is_ours else "fail"
        yield Ended(row.at, kind, max(0.0, float(row.seconds)))
    for kind, statement in (("talk", _TALKS), ("wrap", _WRAPS)):
        for row in session.execute(text(statement), values):
            yield Ended(row.at, kind, max(0.0, float(row.seconds)))


@dataclass(frozen=True, slots=True)
class Answers:
    """Live answers of a span, those of them that found no operator, and the first one's moment."""

    count: int = 0
    abandoned: int = 0
    first_at: datetime | None = None

    def __add__(self, later: Answers) -> Answers:
        return Answers(self.count + later.count, self.abandoned + later.abandoned, self.first_at or later.first_at)


def count_answers(session: Session, campaign_id: int, since: datetime, until: datetime) -> Answers:
    """The live answers in [since, until)."""
    values = {"office": office_of(session), "campaign": campaign_id, "since": since, "until": until, "modes": MODES}
    row = session.execute(text(_ANSWERS), values).one()
    return Answers(row.answers, row.abandoned, row.first_at)
