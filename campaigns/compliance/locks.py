"""Who decides about a person now: between the question and the attempt on record nobody else may ask, or a cap could be passed twice.

A lock is taken before the facts are read and ends with the transaction that puts the attempt on record. Nobody waits for one: whoever
finds it taken is refused for a moment, so that no two processes can stop each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.compliance.policy import ContactPolicy

# One key per person and, where their caps count, per household and number; each of a debtor's must be had. In one order, so that of two
# who want the same at the same time one gets all. The rows are ordered before the lock function sees them.
_LOCK = text("""
SELECT debtor_id, bool_and(pg_try_advisory_xact_lock(:office, hashtext(key))) AS is_mine, array_agg(key) AS keys FROM (
  SELECT id AS debtor_id, 'gate p' || id AS key FROM unnest(CAST(:debtors AS bigint[])) id
  UNION ALL
  SELECT id, 'gate h' || household_no FROM debtor
  WHERE :households AND office_id = :office AND id = ANY(:debtors) AND household_no <> ''
  UNION ALL
  SELECT debtor_id, 'gate n' || e164 FROM phone_number
  WHERE :numbers AND office_id = :office AND debtor_id = ANY(:debtors) AND e164 IS NOT NULL AND is_listed
    AND (id = ANY(:phones) OR CAST(:any_phone AS boolean))
  ORDER BY 2 OFFSET 0) keys GROUP BY debtor_id
""")


@dataclass(frozen=True, slots=True)
class Locked:
    """Whether all of a debtor's locks were had, and what they are: two debtors of one set may share a household or a number."""

    is_mine: bool
    keys: frozenset[str]


def lock_for_contact(session: Session, debtors: Mapping[int, int | None], policy: ContactPolicy) -> dict[int, Locked]:
    """Takes the locks of these debtors (id → the number meant, or None).

    Call it before the facts are read: a later statement sees what was committed meanwhile. The same transaction gets a lock again.
    """
    phones = [phone for phone in debtors.values() if phone is not None]
    rows = session.execute(
        _LOCK,
        {
            "office": office_of(session),
            "debtors": list(debtors),
            "phones": phones,
            "any_phone": len(phones) < len(debtors),
            "households": policy.asks_households,
            "numbers": policy.asks_numbers,
        },
    )
    return {row.debtor_id: Locked(row.is_mine, frozenset(row.keys)) for row in rows}
