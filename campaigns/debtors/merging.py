"""Bringing a delinquent list into the debtors' tables, set by set, inside the caller's transaction.

What differs is written down first (`debtor_diff`, `phone_diff`, `debt_diff`, each with what was there before), then applied: so that a
list that changes little writes little, and what it changes can be shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import polars as pl
from sqlalchemy.orm import Session

from campaigns.debtors import changes
from campaigns.debtors.listing import DEBT_FIELDS, DEBT_KEY, DEBTOR_FIELDS, PHONE_FIELDS, debt_rows, debtor_rows, phone_rows
from campaigns.debtors.service import refresh_listed
from campaigns.imports.changes import was
from campaigns.imports.staging import Progress, run, stage
from campaigns.payments.ledger import last_full_list
from campaigns.payments.listing import settle_with_list, take_out_of_list

_KEY_TYPES = {"tax_code": "text", "levy_year": "smallint", "base_year": "smallint", "term": "smallint", "notice_no": "text"}
_SAME_DEBT = " AND ".join(f"b.{name} = s.{name}" for name in DEBT_KEY)
_OWNER = "d.office_id = :office AND d.debtor_no = s.debtor_no"


@dataclass(frozen=True, slots=True)
class ListCounts:
    """Rows of a list by what they did; `closed` are debts, beside them; `changes` as in `ImportFile.changes`."""

    created: int
    updated: int
    unchanged: int
    closed: int
    changes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ListOptions:
    """How a list is taken: `is_full` closes what it no longer holds; `as_of` is its date; `import_id` the file it came in."""

    is_full: bool
    as_of: date
    import_id: int
    now: datetime

    @property
    def facts(self) -> dict[str, Any]:
        """Parameters of the statements that write."""
        return {"now": self.now, "import_id": self.import_id}


def _values(fields: Mapping[str, tuple[str, str, str]], present: Iterable[str]) -> dict[str, str]:
    """Column → expression over the staged row `s`, for the fields the file has."""
    found = {}
    for name in present:
        column, _, empty = fields[name]
        found[column] = f"coalesce(s.{name}, {empty})" if empty != "NULL" else f"s.{name}"
    return found


def _assignments(values: Mapping[str, str]) -> str:
    return ", ".join(f"{column} = {expression}" for column, expression in values.items())


def _differs(table: str, values: Mapping[str, str]) -> str:
    own = ", ".join(f"{table}.{column}" for column in values)
    return f"({own}) IS DISTINCT FROM ({', '.join(values.values())})"


def _merge_debtors(session: Session, values: Mapping[str, str], options: ListOptions) -> None:
    run(
        session,
        f"""CREATE TEMPORARY TABLE debtor_diff ON COMMIT DROP AS
            SELECT s.debtor_no, d.id, {was("d", values)} FROM list_debtor s LEFT JOIN debtor d ON {_OWNER}
            WHERE d.id IS NULL OR {_differs("d", values)}""",
    )
    run(
        session,
        f"""UPDATE debtor d SET {_assignments(values)}, updated_at = :now, list_import_id = :import_id
            FROM list_debtor s JOIN debtor_diff c ON c.debtor_no = s.debtor_no WHERE d.office_id = :office AND d.id = c.id""",
        **options.facts,
    )
    run(
        session,
        f"""INSERT INTO debtor (office_id, debtor_no, {", ".join(values)}, list_import_id, created_at, updated_at)
            SELECT :office, s.debtor_no, {", ".join(values.values())}, :import_id, :now, :now
            FROM list_debtor s JOIN debtor_diff c ON c.debtor_no = s.debtor_no WHERE c.id IS NULL ORDER BY s.debtor_no""",
        **options.facts,
    )


def _merge_phones(session: Session, options: ListOptions) -> None:
    """Numbers are the same when they dial the same; what is known of a number (dead, wrong person) outlives another way of writing it."""
    values = {"position": "s.position", "remark": "coalesce(s.remark, '')", "line_type": "s.line_type", "is_listed": "true"}
    run(
        session,
        f"""CREATE TEMPORARY TABLE phone_diff ON COMMIT DROP AS
            SELECT k.* FROM (
              SELECT DISTINCT ON (d.id, s.same_as) p.id, d.id AS debtor_id, s.position, s.original, s.e164, s.line_type, s.remark,
                     p.id IS NOT NULL AS is_known, p.position AS was_position, p.remark AS was_remark, p.line_type AS was_line_type,
                     p.is_listed AS was_listed
              FROM list_phone s JOIN debtor d ON {_OWNER}
              LEFT JOIN phone_number p ON p.office_id = :office AND p.debtor_id = d.id AND coalesce(p.e164, p.original) = s.same_as
              ORDER BY d.id, s.same_as, p.id) k
            WHERE NOT k.is_known OR (k.was_position, k.was_remark, k.was_line_type, k.was_listed)
                  IS DISTINCT FROM (k.position, coalesce(k.remark, ''), k.line_type, true)""",
    )
    run(
        session,
        """CREATE TEMPORARY TABLE phone_gone ON COMMIT DROP AS
           SELECT p.id, p.debtor_id FROM phone_number p JOIN debtor d ON d.office_id = :office AND d.id = p.debtor_id
           JOIN list_debtor l ON l.debtor_no = d.debtor_no
           WHERE p.office_id = :office AND p.source = 'list' AND p.is_listed
             AND NOT EXISTS (SELECT FROM list_phone s WHERE s.debtor_no = d.debtor_no AND s.same_as = coalesce(p.e164, p.original))""",
    )
    changes.note_phones(session)
    run(
        session,
        f"""UPDATE phone_number p SET {_assignments(values)}, updated_at = :now FROM phone_diff s
            WHERE p.office_id = :office AND p.id = s.id""",
        now=options.now,
    )
    run(
        session,
        """UPDATE phone_number p SET is_listed = false, updated_at = :now FROM phone_gone g WHERE p.office_id = :office AND p.id = g.id""",
        now=options.now,
    )
    run(
        session,
        """INSERT INTO phone_number (office_id, debtor_id, position, original, e164, line_type, remark, updated_at)
           SELECT :office, s.debtor_id, s.position, s.original, s.e164, s.line_type, coalesce(s.remark, ''), :now
           FROM phone_diff s WHERE NOT s.is_known ORDER BY s.debtor_id, s.position
           ON CONFLICT (office_id, debtor_id, original) DO UPDATE SET e164 = excluded.e164, line_type = excluded.line_type""",
        now=options.now,
    )


def _merge_debts(session: Session, values: Mapping[str, str], options: ListOptions) -> int:
    """Changes and adds debts; returns how many were added."""
    run(
        session,
        f"""CREATE TEMPORARY TABLE debt_diff ON COMMIT DROP AS
            SELECT s.row, d.id AS debtor_id, b.id, {was("b", values)} FROM list_debt s JOIN debtor d ON {_OWNER}
            LEFT JOIN debt b ON b.office_id = :office AND b.debtor_id = d.id AND {_SAME_DEBT}
            WHERE CASE WHEN b.id IS NULL THEN NOT s.is_deleted ELSE {_differs("b", values)} END""",
    )
    run(
        session,
        f"""UPDATE debt b SET {_assignments(values)}, updated_at = :now, list_import_id = :import_id,
                   listed_outstanding = NULL, listed_received = NULL, listed_by = NULL,
                   closed_at = CASE WHEN s.status = 'open' THEN NULL ELSE coalesce(b.closed_at, :now) END
            FROM list_debt s JOIN debt_diff c ON c.row = s.row WHERE b.office_id = :office AND b.id = c.id""",
        **options.facts,
    )
    added = run(
        session,
        f"""INSERT INTO debt (office_id, debtor_id, {", ".join(DEBT_KEY)}, {", ".join(values)}, list_import_id, updated_at)
            SELECT :office, c.debtor_id, {", ".join("s." + name for name in DEBT_KEY)}, {", ".join(values.values())}, :import_id, :now
            FROM list_debt s JOIN debt_diff c ON c.row = s.row WHERE c.id IS NULL ORDER BY c.debtor_id, s.row""",
        **options.facts,
    )
    return added.rowcount


def _close(session: Session, options: ListOptions, *, has_deleted: bool, closes_unlisted: bool) -> int:
    """Writes down in `debt_closed` what the list closes, closes it and returns how many.

    Those are open debts that the list itself marks as deleted (削除フラグ; closed by their row), and those a full list no longer holds. A
    row that was refused still lists its debt: those stay as they are.
    """
    run(session, "CREATE TEMPORARY TABLE debt_closed (row integer, id bigint) ON COMMIT DROP")
    if has_deleted:
        run(
            session,
            "INSERT INTO debt_closed SELECT c.row, c.id FROM debt_diff c JOIN list_debt s ON s.row = c.row "
            "WHERE s.is_deleted AND c.was_status = 'open'",
        )
    if closes_unlisted:
        run(
            session,
            f"""INSERT INTO debt_closed SELECT NULL, b.id FROM debt b JOIN debtor d ON d.office_id = :office AND d.id = b.debtor_id
                WHERE b.office_id = :office AND b.status = 'open'
                  AND NOT EXISTS (SELECT FROM list_debt s WHERE s.debtor_no = d.debtor_no AND {_SAME_DEBT})
                  AND NOT EXISTS (SELECT FROM list_refused s WHERE s.debtor_no = d.debtor_no
                    AND {" AND ".join(f"(s.{name} IS NULL OR b.{name} = s.{name})" for name in DEBT_KEY)})""",
        )
        run(
            session,
            """UPDATE debt b SET status = 'not_listed', closed_at = :now, updated_at = :now, list_import_id = :import_id,
                      listed_outstanding = coalesce(b.listed_outstanding, b.outstanding),
                      listed_received = coalesce(b.listed_received, b.received),
                      listed_by = coalesce(b.listed_by, greatest(b.list_import_id, CAST(:last_full AS bigint)))
               FROM debt_closed c WHERE c.row IS NULL AND b.office_id = :office AND b.id = c.id""",
            **options.facts,
            last_full=last_full_list(session),
        )
    return int(run(session, "SELECT count(*) FROM debt_closed").scalar_one())


def _stage_list(session: Session, frame: pl.DataFrame, refused: pl.DataFrame, progress: Progress | None) -> tuple[list[str], list[str]]:
    """Stages the list as list_debtor, list_phone, list_debt and list_refused; the debtor's and the debt's fields it has."""
    debtors, is_told = debtor_rows(frame)
    fields = [name for name in DEBTOR_FIELDS if name in debtors.columns]
    keys = {name: "text" for name in ("name_key", "kana_key") if name in debtors.columns}
    stage(session, "list_debtor", debtors, {"debtor_no": "text"} | {name: DEBTOR_FIELDS[name][1] for name in fields} | keys, progress)
    phone_columns = dict.fromkeys(("debtor_no", "original", "e164", "line_type", "remark", "same_as"), "text") | {"position": "smallint"}
    stage(session, "list_phone", phone_rows(debtors), phone_columns, progress)
    rows = debt_rows(frame, is_told)
    debt_fields = [name for name in DEBT_FIELDS if name in rows.columns]
    debt_columns = {"row": "integer", "debtor_no": "text"} | _KEY_TYPES | {name: DEBT_FIELDS[name][1] for name in debt_fields}
    stage(session, "list_debt", rows, debt_columns | {"status": "text", "is_deleted": "boolean", "is_told": "boolean"}, progress)
    named = refused.filter(pl.col("debtor_no").is_not_null())
    stage(session, "list_refused", named, {"debtor_no": "text"} | _KEY_TYPES)
    return fields, debt_fields


def merge_list(
    session: Session, frame: pl.DataFrame, refused: pl.DataFrame, options: ListOptions, progress: Progress | None = None
) -> ListCounts:
    """Brings the rows of a delinquent list into debtors, numbers and debts.

    Args:
        frame: `ParsedFile.frame` of a debts file, with `vintage` filled in.
        refused: `ParsedFile.refused`: rows that could not be taken, whose debts are left as they are.

    Returns:
        Counts of the frame's rows: a row is updated when its debt, its debtor or a number changed by it.
    """
    fields, debt_fields = _stage_list(session, frame, refused, progress)
    debtor_values = _values(DEBTOR_FIELDS, fields) | {"name_key": "s.name_key"}
    if "name_kana" in fields:
        debtor_values["kana_key"] = "s.kana_key"
    debt_values = _values(DEBT_FIELDS, debt_fields) | {"status": "s.status"}
    is_first = not run(session, "SELECT EXISTS (SELECT FROM debtor WHERE office_id = :office)").scalar_one()
    say = progress or (lambda _step, _rows: None)
    say("debtors", frame.height)
    _merge_debtors(session, debtor_values, options)
    has_phones = any(name in frame.columns for name in PHONE_FIELDS)
    if has_phones:  # a list without numbers says nothing about them
        say("phones", frame.height)
        _merge_phones(session, options)
    say("debts", frame.height)
    if not is_first:
        take_out_of_list(session, import_id=options.import_id, as_of=options.as_of, has_assessed="assessed" in debt_fields)
    created = _merge_debts(session, debt_values, options)
    say("close", frame.height)
    closed = _close(session, options, has_deleted="is_deleted" in frame.columns, closes_unlisted=options.is_full and not is_first)
    settle_with_list(session, import_id=options.import_id, is_full=options.is_full, now=options.now)
    refresh_listed(session, options.now, "not_listed")
    updated = _updated(session, has_phones=has_phones)
    told = changes.summary(session, debtor_values, debt_values, has_phones=has_phones)
    return ListCounts(created, updated, frame.height - created - updated, closed, told)


def _updated(session: Session, *, has_phones: bool) -> int:
    """A row counts as updated when it changed its debt, or when it tells new particulars of its debtor; new debts count as created only."""
    changed = int(run(session, "SELECT count(*) FROM debt_diff WHERE id IS NOT NULL").scalar_one())
    phones = "UNION SELECT debtor_id FROM phone_diff UNION SELECT debtor_id FROM phone_gone" if has_phones else ""
    told = run(
        session,
        f"""SELECT count(*) FROM list_debt s JOIN debtor d ON {_OWNER}
            WHERE s.is_told AND d.id IN (SELECT id FROM debtor_diff WHERE id IS NOT NULL {phones})
              AND NOT EXISTS (SELECT FROM debt_diff c WHERE c.row = s.row)
              AND EXISTS (SELECT FROM debt b WHERE b.office_id = :office AND b.debtor_id = d.id AND {_SAME_DEBT})""",
    )
    return changed + int(told.scalar_one())
