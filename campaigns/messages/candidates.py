"""Who may be in a night's batch: those assigned to its channel, with the number that would be used and what the cycle has seen of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.attempts.codes import Channel, LineResult
from campaigns.compliance.facts import COUNTS, LINES, USABLE_STATUSES
from campaigns.planning.position import Position
from campaigns.worklist.budget import SPENT

Candidate = Row[Any]
SAME_NUMBER, ALREADY_QUEUED, NO_NUMBER = "same_number", "already_queued", "no_usable_number"

CANDIDATES = text(f"""
SELECT ca.debtor_id, ca.priority, ca.step, p.id AS phone_id, p.e164, had.attempts, had.rounds,
  EXISTS (SELECT FROM work_item w WHERE w.office_id = :office AND w.debtor_id = ca.debtor_id AND w.campaign_id = :campaign
          AND w.state IN ('ready', 'claimed'))
  OR EXISTS (SELECT FROM message m JOIN batch b ON b.office_id = m.office_id AND b.id = m.batch_id
             WHERE m.office_id = :office AND m.debtor_id = ca.debtor_id
             AND m.state IN ('ready', 'claimed', 'handed_over', 'unknown')) AS is_queued
FROM channel_assignment ca
LEFT JOIN LATERAL (SELECT p.id, p.e164 FROM phone_number p WHERE p.office_id = :office AND p.debtor_id = ca.debtor_id AND p.is_listed
    AND p.e164 IS NOT NULL AND p.status = ANY(:usable) AND p.line_type = ANY(:lines) ORDER BY p.position, p.id LIMIT 1) p ON true
LEFT JOIN LATERAL (SELECT count(*) FILTER (WHERE a2.began_at >= :cycle_from) AS attempts,
    array_agg(a2.began_at ORDER BY a2.began_at) FILTER (WHERE a2.channel = :channel AND a2.began_at >= :counts_from) AS rounds
  FROM (SELECT a.channel, a.began_at FROM attempt a WHERE a.office_id = :office AND a.debtor_id = ca.debtor_id
    AND a.began_at >= :counts_from AND a.began_at <= :as_of AND {COUNTS}) a2) had ON true
WHERE ca.office_id = :office AND ca.campaign_id = :campaign AND ca.channel = :channel
ORDER BY ca.priority, ca.debtor_id
""")  # noqa: S608 - COUNTS is a constant


def candidates(session: Session, campaign_id: int, channel: Channel, position: Position, as_of: datetime) -> Sequence[Candidate]:
    """Everybody assigned to the channel: debtor_id, priority, step, phone_id, e164, is_queued; `attempts` of the cycle over all channels,
    `rounds` the moments of those of this channel."""
    values = position.values() | {
        "office": office_of(session),
        "campaign": campaign_id,
        "channel": channel.value,
        "usable": list(USABLE_STATUSES),
        "lines": list(LINES[channel]),
        "as_of": as_of,
        "failed": LineResult.FAILED.value,
    }
    return session.execute(CANDIDATES, values).all()


def choose(rows: Sequence[Candidate], most: int) -> tuple[list[Candidate], dict[str, int]]:
    """Those to ask the gate about: not queued already, with a number, fewer than `most` attempts in the cycle, and each number once (a
    household shares one)."""
    chosen: list[Candidate] = []
    reasons: dict[str, int] = {}
    seen: set[str] = set()
    for row in rows:
        refusals = (
            (row.is_queued, ALREADY_QUEUED),
            (row.phone_id is None, NO_NUMBER),
            (row.attempts >= most, SPENT),
            (row.e164 in seen, SAME_NUMBER),
        )
        reason = next((word for is_so, word in refusals if is_so), "")
        if reason:
            reasons[reason] = reasons.get(reason, 0) + 1
            continue
        seen.add(row.e164)
        chosen.append(row)
    return chosen, reasons
