"""What a list changes, as `ImportFile.changes` holds it: counts per field, and examples with what was there before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from campaigns.debtors.listing import DEBT_KEY
from campaigns.imports.changes import EXAMPLES, changed_fields, example
from campaigns.imports.staging import run

_HIDDEN = ("name_key", "kana_key")  # follow from the name
_DEBT_KEY = ("debtor_no", *DEBT_KEY)
_SHOWN = ("due_on", "outstanding", "status")


def note_phones(session: Session) -> None:
    """Keeps, before numbers change, the numbers of the debtors that will be shown."""
    run(
        session,
        f"""CREATE TEMPORARY TABLE phones_before ON COMMIT DROP AS
            SELECT d.id, coalesce((SELECT jsonb_agg(p.original ORDER BY p.position, p.id) FROM phone_number p
              WHERE p.office_id = :office AND p.debtor_id = d.id AND p.is_listed), '[]') AS phones
            FROM (SELECT debtor_id AS id FROM phone_diff UNION SELECT debtor_id FROM phone_gone ORDER BY 1) t
            JOIN debtor d ON d.office_id = :office AND d.id = t.id
            WHERE NOT EXISTS (SELECT FROM list_owner o WHERE o.is_new AND o.id = t.id)
            ORDER BY d.id LIMIT {EXAMPLES}""",
    )


def _told(columns: Mapping[str, str]) -> list[str]:
    return [name for name in columns if name not in _HIDDEN]


def _counted(session: Session, table: str, source: str, columns: Mapping[str, str]) -> dict[str, int]:
    counts = ", ".join(f"count(*) FILTER (WHERE c.was_{name} IS DISTINCT FROM {columns[name]}) AS {name}" for name in _told(columns))
    found = run(session, f"SELECT {counts} FROM {table} c JOIN {source} WHERE c.id IS NOT NULL").mappings().one()
    return {name: count for name, count in found.items() if count}


def _debts(session: Session, columns: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Examples of created, updated and closed debts."""
    key = ", ".join(f"s.{name}" for name in _DEBT_KEY)
    named = "JOIN debtor d ON d.office_id = :office AND d.debtor_no = s.debtor_no"
    created = run(
        session,
        f"""SELECT s.row, {key}, d.name, s.due_on, s.outstanding, s.status FROM
            (SELECT row FROM debt_diff WHERE id IS NULL ORDER BY row LIMIT {EXAMPLES}) c
            JOIN list_debt s ON s.row = c.row {named} ORDER BY s.row""",
    ).mappings()
    now = ", ".join(f"{value} AS is_{name}" for name, value in columns.items())
    updated = run(
        session,
        f"""SELECT s.row, {key}, d.name, {", ".join(f"c.was_{name}" for name in columns)}, {now} FROM
            (SELECT * FROM debt_diff WHERE id IS NOT NULL ORDER BY row LIMIT {EXAMPLES}) c
            JOIN list_debt s ON s.row = c.row {named} ORDER BY s.row""",
    ).mappings()
    closed = run(
        session,
        f"""SELECT c.row, d.debtor_no, {", ".join(f"b.{name}" for name in DEBT_KEY)}, d.name, b.due_on, b.outstanding, b.status FROM
            (SELECT * FROM debt_closed ORDER BY row, id LIMIT {EXAMPLES}) c
            JOIN debt b ON b.office_id = :office AND b.id = c.id JOIN debtor d ON d.office_id = :office AND d.id = b.debtor_id
            ORDER BY c.row, b.id""",
    ).mappings()
    return {
        "created": [example(row, _DEBT_KEY, _SHOWN) for row in created],
        "updated": [example(row, _DEBT_KEY) | {"fields": changed_fields(row, _told(columns))} for row in updated],
        "closed": [example(row, _DEBT_KEY, _SHOWN) for row in closed],
    }


def _debtors(session: Session, columns: Mapping[str, str], *, has_phones: bool) -> list[dict[str, Any]]:
    """Examples of debtors whose particulars or numbers change."""
    now = ", ".join(f"{value} AS is_{name}" for name, value in columns.items())
    before = ", ".join(f"c.was_{name}" for name in columns)
    found = run(
        session,
        f"""SELECT s.debtor_no, d.name, {before}, {now} FROM
            (SELECT * FROM debtor_diff ORDER BY id LIMIT {EXAMPLES}) c
            JOIN list_debtor s ON s.row = c.row JOIN debtor d ON d.office_id = :office AND d.id = c.id ORDER BY d.id""",
    ).mappings()
    told = {
        row["debtor_no"]: example(row, ("debtor_no",)) | {"fields": fields}
        for row in found
        if (fields := changed_fields(row, _told(columns)))
    }
    if has_phones:
        numbers = run(
            session,
            """SELECT d.debtor_no, d.name, w.phones AS was_phones, coalesce((SELECT jsonb_agg(p.original ORDER BY p.position, p.id)
                 FROM phone_number p WHERE p.office_id = :office AND p.debtor_id = d.id AND p.is_listed), '[]') AS is_phones
               FROM phones_before w JOIN debtor d ON d.office_id = :office AND d.id = w.id ORDER BY d.id""",
        ).mappings()
        for row in numbers:
            shown = told.setdefault(row["debtor_no"], example(row, ("debtor_no",)))
            shown["fields"] += changed_fields(row, ("phones",))
    return [shown for shown in told.values() if shown["fields"]][:EXAMPLES]


def new_debts(session: Session) -> list[dict[str, Any]]:
    """Examples of debts that are new with their debtor, out of the part just staged."""
    found = run(
        session,
        f"""SELECT s.row, {", ".join("s." + name for name in _DEBT_KEY)}, d.name, s.due_on, s.outstanding, s.status
            FROM (SELECT * FROM new_debt WHERE NOT is_deleted ORDER BY row LIMIT {EXAMPLES}) s
            JOIN new_debtor d ON d.row = s.owner ORDER BY s.row""",
    ).mappings()
    return [example(row, _DEBT_KEY, _SHOWN) for row in found]


def of_first(created: list[dict[str, Any]], totals: dict[str, int]) -> dict[str, Any]:
    """`ImportFile.changes` of an office's first list."""
    return {"fields": {}, "created": created, "updated": [], "closed": [], "debtors": [], "totals": totals}


def summary(session: Session, debtor_columns: Mapping[str, str], debt_columns: Mapping[str, str], *, has_phones: bool) -> dict[str, Any]:
    """`ImportFile.changes` of a list that has just been merged (columns: name → expression over the staged row)."""
    fields = _counted(session, "debt_diff", "list_debt s ON s.row = c.row", debt_columns)
    fields |= _counted(session, "debtor_diff", "list_debtor s ON s.row = c.row", debtor_columns)
    created = "(SELECT count(*) FROM list_owner WHERE is_last AND is_new) AS debtors_created"
    changed = run(session, f"SELECT {created}, (SELECT count(*) FROM debtor_diff) AS debtors_updated")
    totals = dict(changed.mappings().one())
    if has_phones:
        touched = "SELECT debtor_id FROM phone_diff UNION SELECT debtor_id FROM phone_gone"
        numbers = run(
            session,
            f"""SELECT (SELECT count(*) FROM phone_diff WHERE NOT is_known) AS phones_added,
                       (SELECT count(*) FROM phone_gone) AS phones_dropped,
                       (SELECT count(*) FROM ({touched}) t
                        WHERE NOT EXISTS (SELECT FROM list_owner o WHERE o.is_new AND o.id = t.debtor_id)) AS phones""",
        )
        totals |= dict(numbers.mappings().one())
        if phones := totals.pop("phones"):
            fields["phones"] = phones
    return {"fields": fields, **_debts(session, debt_columns), "debtors": _debtors(session, debtor_columns, has_phones=has_phones)} | {
        "totals": totals
    }
