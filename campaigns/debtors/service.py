"""Which debtors are on the list: those with an open debt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from campaigns.imports.staging import run
from campaigns.worklist.withdraw import withdraw_for_debtors

_CHUNK = 10_000  # a statement takes at most 65,535 parameters


def refresh_listed(session: Session, now: datetime, reason: str, *, debtor_ids: Sequence[int] | None = None) -> list[int]:
    """Sets `is_listed` by whether a debtor has an open debt, and withdraws the work of those who have none any more.

    Args:
        debtor_ids: only these; None means everybody.

    Returns the debtors who left the list.
    """
    among = "" if debtor_ids is None else " AND d.id = ANY(CAST(:debtors AS bigint[]))"
    facts = {"now": now, "debtors": list(debtor_ids or ())}
    open_debt = "SELECT FROM debt b WHERE b.office_id = d.office_id AND b.debtor_id = d.id AND b.status = 'open'"
    head = "UPDATE debtor d SET updated_at = :now, is_listed ="
    run(session, f"{head} true WHERE d.office_id = :office AND NOT d.is_listed AND EXISTS ({open_debt}){among}", **facts)
    which = f"d.office_id = :office AND d.is_listed AND NOT EXISTS ({open_debt}){among}"
    gone = [int(row[0]) for row in run(session, f"{head} false WHERE {which} RETURNING d.id", **facts)]
    for start in range(0, len(gone), _CHUNK):
        withdraw_for_debtors(session, gone[start : start + _CHUNK], reason, now)
    return gone
