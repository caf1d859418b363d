"""What a list changed of debtors who were known before, kept for each of them: at most one row for a debtor and an import.

Written in one statement from what the merge wrote down (`debtor_diff`, `phone_diff`, `phone_gone`, `debt_diff`, `debt_closed`), only for
real changes: fees and charges that a core system computes anew every night are none. An office's first list changes nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from campaigns.debtors.listing import DEBT_KEY
from campaigns.imports.staging import run

DEBTOR_FIELDS = ("kind", "name", "name_kana", "birth_date", "postal_code", "address", "household_no", "do_not_contact")
DEBT_FIELDS = ("due_on", "assessed", "received", "outstanding", "hold", "status")


def _before_and_after(fields: Iterable[str], table: str) -> str:
    """{field: [before, after]} of those that differ between the row `c` of a diff and the table."""
    pairs = (
        f"'{name}', CASE WHEN c.was_{name} IS DISTINCT FROM {table}.{name} THEN jsonb_build_array(c.was_{name}, {table}.{name}) END"
        for name in fields
    )
    return f"jsonb_build_object({', '.join(pairs)})"


def _differs(fields: Iterable[str], table: str) -> str:
    return " OR ".join(f"c.was_{name} IS DISTINCT FROM {table}.{name}" for name in fields) or "false"


def note_list(
    session: Session, import_id: int, now: datetime, debtor_columns: Iterable[str], debt_columns: Iterable[str], *, has_phones: bool
) -> int:
    """Keeps what the list just merged changed, and the renamed for searching; returns how many debtors it changed.

    Args:
        debtor_columns, debt_columns: the columns the list had, for which the diffs have was_column.
    """
    debtor = [name for name in DEBTOR_FIELDS if name in set(debtor_columns)]
    debt = [name for name in DEBT_FIELDS if name in set(debt_columns)]
    parts = [_particulars(debtor), _debts(debt), _ADDED, *([_PHONES] if has_phones else [])]
    kept = run(
        session,
        f"""INSERT INTO debtor_change (office_id, debtor_id, import_id, at, changes)
            SELECT :office, debtor_id, :import_id, :now, jsonb_object_agg(part, change) FROM ({" UNION ALL ".join(parts)}) p
            GROUP BY debtor_id ORDER BY debtor_id ON CONFLICT DO NOTHING""",
        import_id=import_id,
        now=now,
    )
    renamed = " OR ".join(f"c.was_{name} IS DISTINCT FROM d.{name}" for name in ("name_key", "kana_key") if name in set(debtor_columns))
    run(
        session,
        f"""INSERT INTO search_pending (office_id, debtor_id) SELECT :office, d.id FROM debtor_diff c
            JOIN debtor d ON d.office_id = :office AND d.id = c.id WHERE {renamed or "false"} ON CONFLICT DO NOTHING""",
    )
    return kept.rowcount


def _particulars(fields: list[str]) -> str:
    return f"""SELECT d.id AS debtor_id, 'debtor' AS part, jsonb_strip_nulls({_before_and_after(fields, "d")}) AS change
               FROM debtor_diff c JOIN debtor d ON d.office_id = :office AND d.id = c.id WHERE {_differs(fields, "d")}"""


def _debts(fields: list[str]) -> str:
    return f"""SELECT debtor_id, 'debts', jsonb_agg(change ORDER BY change->'id') FROM (
                 SELECT b.debtor_id, jsonb_strip_nulls({_before_and_after(fields, "b")}) || jsonb_build_object('id', b.id) AS change
                 FROM debt_diff c JOIN debt b ON b.office_id = :office AND b.id = c.id WHERE {_differs(fields, "b")}
                 UNION ALL
                 SELECT b.debtor_id, jsonb_build_object('id', b.id, 'status', jsonb_build_array('open', b.status))
                 FROM debt_closed c JOIN debt b ON b.office_id = :office AND b.id = c.id WHERE c.row IS NULL) x GROUP BY debtor_id"""


_SAME_DEBT = " AND ".join(f"b.{name} = s.{name}" for name in DEBT_KEY)
_WAS_KNOWN = "NOT EXISTS (SELECT FROM list_owner o WHERE o.is_new AND o.id = c.debtor_id)"
_ADDED = f"""SELECT b.debtor_id, 'added', jsonb_agg(b.id ORDER BY b.id) FROM debt_diff c JOIN list_debt s ON s.row = c.row
             JOIN debt b ON b.office_id = :office AND b.debtor_id = c.debtor_id AND {_SAME_DEBT}
             WHERE c.id IS NULL AND {_WAS_KNOWN} GROUP BY b.debtor_id"""
_SAME_NUMBER = "p.debtor_id = c.debtor_id AND coalesce(p.e164, p.original) = coalesce(c.e164, c.original)"
_PHONES = f"""SELECT debtor_id, 'phones', jsonb_object_agg(word, ids) FROM (
               SELECT c.debtor_id, 'added' AS word, jsonb_agg(p.id ORDER BY p.id) AS ids FROM phone_diff c
               JOIN phone_number p ON p.office_id = :office AND {_SAME_NUMBER}
               WHERE (NOT c.is_known OR NOT c.was_listed) AND {_WAS_KNOWN} GROUP BY c.debtor_id
               UNION ALL SELECT debtor_id, 'gone', jsonb_agg(id ORDER BY id) FROM phone_gone GROUP BY debtor_id) x GROUP BY debtor_id"""
