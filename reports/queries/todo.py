"""What the data lack, for the supervisor's desk (usable numbers, debts of payments, rejected rows), and whom the gate refused today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of

COUNTED_TO = 10_000
SHOWN = 20
FILES_OF = timedelta(days=30)

_UNREACHABLE = """
SELECT d.id, d.debtor_no FROM debtor d WHERE d.office_id = :office AND d.is_listed AND NOT d.do_not_contact AND NOT EXISTS (
  SELECT FROM phone_number p WHERE p.office_id = :office AND p.debtor_id = d.id AND p.is_listed AND p.e164 IS NOT NULL
    AND p.status IN ('unverified', 'works')) LIMIT :most
"""
_LARGEST = f"""
WITH lacking AS MATERIALIZED ({_UNREACHABLE})
SELECT s.id AS debtor_id, s.debtor_no, coalesce(sum(b.outstanding), 0)::bigint AS owed, (SELECT count(*) FROM lacking) AS people
FROM lacking s LEFT JOIN debt b ON b.office_id = :office AND b.debtor_id = s.id AND b.status = 'open'
GROUP BY s.id, s.debtor_no ORDER BY owed DESC, s.id LIMIT :shown
"""
_UNMATCHED = """
SELECT count(*) AS rows, coalesce(sum(principal + demand_fee + late_charge), 0)::bigint AS yen, min(recorded_at) AS oldest
FROM payment WHERE office_id = :office AND status = 'unmatched'
"""
_REJECTED = """
SELECT id, kind, original_name AS name, rejected, created_at AS at FROM import_file
WHERE office_id = :office AND rejected > 0 AND NOT is_dry_run AND created_at >= :since ORDER BY created_at DESC, id DESC LIMIT :shown
"""
_REFUSED = """
SELECT DISTINCT ON (c.debtor_id) c.debtor_id, d.debtor_no, c.reason, c.channel, c.at, c.next_allowed_at
FROM compliance_decision c JOIN debtor d ON d.office_id = :office AND d.id = c.debtor_id
WHERE c.office_id = :office AND NOT c.is_allowed AND c.at >= :start AND c.at <= :now
  AND c.reason = :reason AND c.channel = :channel
ORDER BY c.debtor_id, c.id DESC
"""
_REFUSED_PAGE = f"SELECT r.* FROM ({_REFUSED}) r ORDER BY r.at DESC, r.debtor_id OFFSET :skip LIMIT :shown"


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Somebody on the list without a usable number; `owed` in yen."""

    debtor_id: int
    debtor_no: str
    owed: int


@dataclass(frozen=True, slots=True)
class RejectedFile:
    """A file of which rows were rejected."""

    id: int
    kind: str
    name: str
    rejected: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Quality:
    """What is lacking: `people` without a number (counted up to `COUNTED_TO`), those who owe most of them; payments and rows likewise."""

    people: int
    unreachable: tuple[Unreachable, ...]
    unmatched: int
    unmatched_yen: int
    unmatched_since: datetime | None
    rejected: tuple[RejectedFile, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Somebody whom the gate refused today."""

    debtor_id: int
    debtor_no: str
    reason: str
    channel: str
    at: datetime
    next_allowed_at: datetime | None


def quality(session: Session, now: datetime) -> Quality:
    """What the data lack at this moment."""
    facts: dict[str, Any] = {"office": office_of(session), "most": COUNTED_TO, "shown": SHOWN, "since": now - FILES_OF}
    people = session.execute(text(_LARGEST), facts).all()
    money = session.execute(text(_UNMATCHED), facts).one()
    files = session.execute(text(_REJECTED), facts).mappings()
    return Quality(
        people=people[0].people if people else 0,
        unreachable=tuple(Unreachable(row.debtor_id, row.debtor_no, row.owed) for row in people),
        unmatched=money.rows,
        unmatched_yen=money.yen,
        unmatched_since=money.oldest,
        rejected=tuple(RejectedFile(**row) for row in files),
    )


def refused_today(session: Session, reason: str, channel: str, start: datetime, now: datetime, *, skip: int, count: int) -> list[Refused]:
    """Whom the gate refused for that reason since `start`, the latest first."""
    facts = {"office": office_of(session), "reason": reason, "channel": channel, "start": start, "now": now, "skip": skip, "shown": count}
    return [Refused(**row) for row in session.execute(text(_REFUSED_PAGE), facts).mappings()]
