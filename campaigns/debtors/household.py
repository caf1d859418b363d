"""The household as a dialling group: that others of it are on the list and whether one is to be called today, never who or what they owe.

Who may, opens it and sees the names; that is a view of them and on record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.debtors.models import Debtor

MOST = 50


@dataclass(frozen=True, slots=True)
class Household:
    """`others` of the household on the list; `is_called_today`: one of them is waiting to be called, is being called or was today."""

    number: str
    others: int
    is_called_today: bool


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of the household, as opened."""

    id: int
    debtor_no: str
    name: str
    is_listed: bool


_OTHERS = text("""
SELECT count(*) FILTER (WHERE d.is_listed) AS others,
       coalesce(bool_or(EXISTS (SELECT FROM work_item w WHERE w.office_id = :office AND w.debtor_id = d.id
                                AND w.channel IN ('operator_call', 'auto_call')
                                AND (w.state = 'claimed' OR w.state = 'ready' AND w.not_before < :tomorrow))
                     OR EXISTS (SELECT FROM attempt a WHERE a.office_id = :office AND a.debtor_id = d.id
                                AND a.channel IN ('operator_call', 'auto_call') AND a.began_at >= :today AND a.began_at < :tomorrow)),
                false) AS is_called
FROM debtor d WHERE d.office_id = :office AND d.household_no = :household AND d.id <> :debtor
""")
_MEMBERS = text("""
SELECT id, debtor_no, name, is_listed FROM debtor
WHERE office_id = :office AND household_no = :household AND id <> :debtor ORDER BY is_listed DESC, debtor_no LIMIT :most
""")


def household_of(session: Session, debtor: Debtor, today: datetime, tomorrow: datetime) -> Household | None:
    """What may be told of a debtor's household to whoever may see the debtor; None where there is none (moments: the day's bounds)."""
    if not debtor.household_no:
        return None
    facts = {"office": office_of(session), "household": debtor.household_no, "debtor": debtor.id, "today": today, "tomorrow": tomorrow}
    row = session.execute(_OTHERS, facts).one()
    return Household(debtor.household_no, int(row.others), bool(row.is_called)) if row.others else None


def members_of(session: Session, debtor: Debtor) -> Sequence[Member]:
    """The others by name, those on the list first; whoever calls this puts the view on record."""
    if not debtor.household_no:
        return []
    facts = {"office": office_of(session), "household": debtor.household_no, "debtor": debtor.id, "most": MOST}
    return [Member(*row) for row in session.execute(_MEMBERS, facts)]
