"""Who may be in a night's batch, set apart in a table of the transaction: those assigned to its channel, with the number that would be
used, what the cycle has seen of them, and why some are left out before the gate is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.attempts.codes import Channel, LineResult
from campaigns.compliance.facts import COUNTS, USABLE_STATUSES
from campaigns.compliance.lines import lines_of
from campaigns.planning.assigning import AS_A_WHOLE, configured
from campaigns.planning.position import Position
from campaigns.worklist.budget import SPENT

Candidate = Row[Any]
SAME_NUMBER, ALREADY_QUEUED, NO_NUMBER = "same_number", "already_queued", "no_usable_number"
SIZE = 5_000

_MAKE = """
DROP TABLE IF EXISTS pg_temp.batch_candidate;
CREATE TEMPORARY TABLE batch_candidate (place bigint, rank bigint, debtor_id bigint NOT NULL, priority smallint, step smallint,
  template text, phone_id bigint, e164 text, rounds timestamptz[], reason text) ON COMMIT DROP
"""
# Thousands at a time are worth a plan of their own, and none is worth compiling.
_FOR_SETS = text("SELECT set_config('jit', 'off', true), set_config('plan_cache_mode', 'force_custom_plan', true)")
_MINE = "ca.office_id = :office AND ca.campaign_id = :campaign AND ca.channel = CAST(:channel AS text)"
_FILL = text(f"""
INSERT INTO batch_candidate (place, rank, debtor_id, priority, step, template, phone_id, e164, rounds, reason)
WITH phone AS (
  SELECT DISTINCT ON (p.debtor_id) p.debtor_id, p.id, p.e164 FROM phone_number p
  JOIN channel_assignment ca ON {_MINE} AND ca.debtor_id = p.debtor_id
  WHERE p.office_id = :office AND p.is_listed AND p.e164 IS NOT NULL AND p.status = ANY(:usable) AND p.line_type = ANY(:lines)
  ORDER BY p.debtor_id, p.position, p.id),
had AS (
  SELECT a.debtor_id, count(*) FILTER (WHERE a.began_at >= :cycle_from) AS attempts,
    array_agg(a.began_at ORDER BY a.began_at) FILTER (WHERE a.channel = CAST(:channel AS text)) AS rounds
  FROM attempt a JOIN channel_assignment ca ON {_MINE} AND ca.debtor_id = a.debtor_id
  WHERE a.office_id = :office AND a.began_at >= :counts_from AND a.began_at <= :as_of AND {COUNTS} GROUP BY a.debtor_id),
queued AS (
  SELECT w.debtor_id FROM work_item w WHERE w.office_id = :office AND w.campaign_id = :campaign AND w.state IN ('ready', 'claimed')
  UNION SELECT m.debtor_id FROM message m WHERE m.office_id = :office AND m.state IN ('ready', 'claimed', 'handed_over', 'unknown')),
judged AS (
  SELECT ca.debtor_id, ca.priority, ca.step, ca.template, phone.id AS phone_id, phone.e164, had.rounds,
    CASE WHEN queued.debtor_id IS NOT NULL THEN '{ALREADY_QUEUED}' WHEN phone.id IS NULL THEN '{NO_NUMBER}'
         WHEN had.attempts >= :most THEN '{SPENT}' END AS reason
  FROM channel_assignment ca LEFT JOIN phone ON phone.debtor_id = ca.debtor_id LEFT JOIN had ON had.debtor_id = ca.debtor_id
  LEFT JOIN queued ON queued.debtor_id = ca.debtor_id
  WHERE {_MINE}),
once AS (
  SELECT judged.*, coalesce(reason, CASE WHEN row_number() OVER (
    PARTITION BY CASE WHEN reason IS NULL THEN e164 ELSE debtor_id::text END ORDER BY priority, debtor_id) > 1
    THEN '{SAME_NUMBER}' END) AS why FROM judged)
SELECT row_number() OVER (ORDER BY priority, debtor_id),
  count(*) FILTER (WHERE why IS NULL) OVER (ORDER BY priority, debtor_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - 1,
  debtor_id, priority, step, template, phone_id, e164, rounds, why
FROM once ORDER BY priority, debtor_id
""")  # noqa: S608 - constants only
_PART = text("""
SELECT place, rank, debtor_id, priority, step, template, phone_id, e164, rounds FROM batch_candidate
WHERE place > :after AND reason IS NULL ORDER BY place LIMIT :size
""")
_REASONS = text("SELECT reason, count(*) FROM batch_candidate GROUP BY reason ORDER BY reason")


@dataclass(frozen=True, slots=True)
class Candidates:
    """How many there are, how many of them the gate is to be asked about, and why the others are left out."""

    total: int
    chosen: int
    reasons: dict[str, int]


def set_apart(session: Session, campaign_id: int, channel: Channel, position: Position, as_of: datetime) -> Candidates:
    """Sets everybody assigned to the channel apart, in the order of priority: left out are those queued already, without a number, with
    the cycle's attempts used up, and all but the first of those who share a number (a household)."""
    values = position.values() | {
        "office": office_of(session),
        "campaign": campaign_id,
        "channel": channel.value,
        "usable": list(USABLE_STATUSES),
        "lines": list(lines_of(channel)),
        "as_of": as_of,
        "failed": LineResult.FAILED.value,
        "most": position.conduct.ladder.max_attempts,
    }
    session.execute(_FOR_SETS)
    for statement in _MAKE.split(";"):
        session.execute(text(statement))
    with configured(session, AS_A_WHOLE):  # without statistics, as right after the first list, nested loops would take hours
        session.execute(_FILL, values)
    session.execute(text("CREATE UNIQUE INDEX ON batch_candidate (place)"))
    session.execute(text("ANALYZE batch_candidate"))
    counts = {row[0]: int(row[1]) for row in session.execute(_REASONS)}
    chosen = counts.pop(None, 0)
    return Candidates(chosen + sum(counts.values()), chosen, counts)


def parts(session: Session, size: int = SIZE) -> Iterator[Sequence[Candidate]]:
    """Those to ask the gate about, some at a time: place, rank (from 0), debtor_id, priority, step, template, phone_id, e164, rounds."""
    after = 0
    while rows := session.execute(_PART, {"after": after, "size": size}).all():
        yield rows
        after = rows[-1].place
