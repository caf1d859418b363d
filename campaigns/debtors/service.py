"""Bringing a delinquent list into the debtors' tables, set by set, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
from sqlalchemy.orm import Session

from campaigns.debtors.listing import DEBT_FIELDS, DEBT_KEY, DEBTOR_FIELDS, PHONE_FIELDS, debt_rows, debtor_rows, phone_rows
from campaigns.imports.staging import Progress, run, stage
from campaigns.worklist.withdraw import withdraw_for_debtors

_KEY_TYPES = {"tax_code": "text", "levy_year": "smallint", "base_year": "smallint", "term": "smallint", "notice_no": "text"}
_CHUNK = 10_000  # a statement takes at most 65,535 parameters
_SAME_DEBT = " AND ".join(f"b.{name} = s.{name}" for name in DEBT_KEY)


@dataclass(frozen=True, slots=True)
class ListCounts:
    """Rows of a list by what they did; `closed` are debts, beside them."""

    created: int
    updated: int
    unchanged: int
    closed: int


@dataclass(frozen=True, slots=True)
class ListOptions:
    """How a list is taken: `is_full` closes what it no longer holds; `as_of` is its date; `import_id` the file it came in."""

    is_full: bool
    as_of: date
    import_id: int
    now: datetime


def _values(fields: Mapping[str, tuple[str, str, str]], present: Iterable[str]) -> dict[str, str]:
    """Column → expression over the staged row `s`, for the fields the file has."""
    found = {}
    for name in present:
        column, kind, empty = fields[name]
        found[column] = f"coalesce(s.{name}, {empty})" if empty != "NULL" else f"s.{name}"
        assert kind
    return found


def _assignments(values: Mapping[str, str]) -> str:
    return ", ".join(f"{column} = {expression}" for column, expression in values.items())


def _differs(table: str, values: Mapping[str, str]) -> str:
    own = ", ".join(f"{table}.{column}" for column in values)
    return f"({own}) IS DISTINCT FROM ({', '.join(values.values())})"


def _merge_debtors(session: Session, fields: list[str], options: ListOptions) -> None:
    values = _values(DEBTOR_FIELDS, fields) | {"name_key": "s.name_key"}
    if "name_kana" in fields:
        values["kana_key"] = "s.kana_key"
    facts = {"now": options.now, "import_id": options.import_id}
    run(
        session,
        f"""WITH changed AS (
              UPDATE debtor d SET {_assignments(values)}, updated_at = :now, list_import_id = :import_id FROM list_debtor s
              WHERE d.office_id = :office AND d.debtor_no = s.debtor_no AND {_differs("d", values)} RETURNING d.id)
            INSERT INTO changed_debtor SELECT id FROM changed""",
        **facts,
    )
    run(
        session,
        f"""INSERT INTO debtor (office_id, debtor_no, {", ".join(values)}, list_import_id, created_at, updated_at)
            SELECT :office, s.debtor_no, {", ".join(values.values())}, :import_id, :now, :now FROM list_debtor s
            WHERE NOT EXISTS (SELECT FROM debtor d WHERE d.office_id = :office AND d.debtor_no = s.debtor_no)
            ORDER BY s.debtor_no""",
        **facts,
    )


def _merge_phones(session: Session, options: ListOptions, *, is_first: bool) -> None:
    """Numbers are the same when they dial the same; what is known of a number (dead, wrong person) outlives another way of writing it."""
    values = {"position": "s.position", "remark": "coalesce(s.remark, '')", "line_type": "s.line_type", "is_listed": "true"}
    owner = "debtor d ON d.office_id = :office AND d.debtor_no = s.debtor_no"
    if not is_first:
        same = "p.office_id = :office AND p.debtor_id = d.id AND coalesce(p.e164, p.original) = s.same_as"
        run(
            session,
            f"""WITH known AS (
                  SELECT DISTINCT ON (p.debtor_id, s.same_as) p.id, d.id AS debtor_id, s.*
                  FROM list_phone s JOIN {owner} JOIN phone_number p ON {same} ORDER BY p.debtor_id, s.same_as, p.id),
                changed AS (
                  UPDATE phone_number p SET {_assignments(values)}, updated_at = :now FROM known s
                  WHERE p.office_id = :office AND p.id = s.id AND {_differs("p", values)} RETURNING p.debtor_id),
                dropped AS (
                  UPDATE phone_number p SET is_listed = false, updated_at = :now FROM debtor d JOIN list_debtor l USING (debtor_no)
                  WHERE d.office_id = :office AND p.office_id = :office AND p.debtor_id = d.id AND p.source = 'list' AND p.is_listed
                    AND NOT EXISTS (SELECT FROM list_phone s WHERE s.debtor_no = d.debtor_no AND s.same_as = coalesce(p.e164, p.original))
                  RETURNING p.debtor_id)
                INSERT INTO changed_debtor SELECT debtor_id FROM changed UNION SELECT debtor_id FROM dropped""",
            now=options.now,
        )
    unknown = """NOT EXISTS (SELECT FROM phone_number p WHERE p.office_id = :office AND p.debtor_id = d.id
                              AND coalesce(p.e164, p.original) = s.same_as)"""
    run(
        session,
        f"""WITH added AS (
              INSERT INTO phone_number (office_id, debtor_id, position, original, e164, line_type, remark, updated_at)
              SELECT :office, d.id, s.position, s.original, s.e164, s.line_type, coalesce(s.remark, ''), :now
              FROM list_phone s JOIN {owner} WHERE {"true" if is_first else unknown} ORDER BY d.id, s.position
              ON CONFLICT (office_id, debtor_id, original) DO UPDATE SET e164 = excluded.e164, line_type = excluded.line_type
              RETURNING debtor_id)
            INSERT INTO changed_debtor SELECT debtor_id FROM added WHERE NOT :is_first""",
        now=options.now,
        is_first=is_first,
    )


def _subtract_later_payments(session: Session, as_of: date) -> None:
    """A payment posted on or after the list's date is not in its amounts yet: paid means stop, whatever an older list says."""
    run(
        session,
        f"""UPDATE list_debt s SET outstanding = s.outstanding - least(l.yen, s.outstanding),
                   received = s.received + least(l.yen, s.outstanding),
                   status = CASE WHEN s.status = 'open' AND l.yen >= s.outstanding THEN 'settled' ELSE s.status END
            FROM debtor d, debt b, (
              SELECT a.debt_id, sum(a.principal) AS yen
              FROM allocation a JOIN payment p ON p.office_id = a.office_id AND p.id = a.payment_id
              WHERE a.office_id = :office AND coalesce(p.posted_on, (p.recorded_at AT TIME ZONE 'Asia/Tokyo')::date) >= :as_of
              GROUP BY a.debt_id HAVING sum(a.principal) > 0) l
            WHERE d.office_id = :office AND d.debtor_no = s.debtor_no AND b.office_id = :office AND b.debtor_id = d.id AND {_SAME_DEBT}
              AND b.id = l.debt_id""",
        as_of=as_of,
    )


def _merge_debts(session: Session, fields: list[str], options: ListOptions) -> int:
    """Changes and adds debts; returns how many were added. The rows that changed a debt are left in `changed_row`."""
    values = _values(DEBT_FIELDS, fields) | {"status": "s.status"}
    facts = {"now": options.now, "import_id": options.import_id}
    owner = "d.office_id = :office AND d.debtor_no = s.debtor_no"
    run(
        session,
        f"""WITH changed AS (
              UPDATE debt b SET {_assignments(values)}, updated_at = :now, list_import_id = :import_id,
                     closed_at = CASE WHEN s.status = 'open' THEN NULL ELSE coalesce(b.closed_at, :now) END
              FROM list_debt s, debtor d
              WHERE {owner} AND b.office_id = :office AND b.debtor_id = d.id AND {_SAME_DEBT} AND {_differs("b", values)}
              RETURNING s.row)
            INSERT INTO changed_row SELECT row FROM changed""",
        **facts,
    )
    added = run(
        session,
        f"""INSERT INTO debt (office_id, debtor_id, {", ".join(DEBT_KEY)}, {", ".join(values)}, list_import_id, updated_at)
            SELECT :office, d.id, {", ".join("s." + name for name in DEBT_KEY)}, {", ".join(values.values())}, :import_id, :now
            FROM list_debt s JOIN debtor d ON {owner}
            WHERE NOT s.is_deleted AND NOT EXISTS (
              SELECT FROM debt b WHERE b.office_id = :office AND b.debtor_id = d.id AND {_SAME_DEBT})
            ORDER BY d.id, s.row""",
        **facts,
    )
    return added.rowcount


def _count_deleted(session: Session) -> int:
    """Open debts that the list itself marks as deleted (削除フラグ)."""
    found = run(
        session,
        f"""SELECT count(*) FROM list_debt s JOIN debtor d ON d.office_id = :office AND d.debtor_no = s.debtor_no
            JOIN debt b ON b.office_id = :office AND b.debtor_id = d.id AND {_SAME_DEBT}
            WHERE s.is_deleted AND b.status = 'open'""",
    )
    return int(found.scalar_one())


def _close_unlisted(session: Session, options: ListOptions) -> int:
    """Closes open debts that a full list no longer holds. A row that was refused still lists its debt: those stay as they are."""
    closed = run(
        session,
        f"""UPDATE debt b SET status = 'not_listed', closed_at = :now, updated_at = :now, list_import_id = :import_id FROM debtor d
            WHERE d.office_id = :office AND b.office_id = :office AND b.debtor_id = d.id AND b.status = 'open'
              AND NOT EXISTS (SELECT FROM list_debt s WHERE s.debtor_no = d.debtor_no AND {_SAME_DEBT})
              AND NOT EXISTS (SELECT FROM list_refused s WHERE s.debtor_no = d.debtor_no
                AND {" AND ".join(f"(s.{name} IS NULL OR b.{name} = s.{name})" for name in DEBT_KEY)})""",
        now=options.now,
        import_id=options.import_id,
    )
    return closed.rowcount


def refresh_listed(session: Session, now: datetime, reason: str) -> list[int]:
    """Sets `is_listed` by whether a debtor has an open debt, and withdraws the work of those who have none any more.

    Returns the debtors who left the list.
    """
    open_debt = "SELECT FROM debt b WHERE b.office_id = d.office_id AND b.debtor_id = d.id AND b.status = 'open'"
    head = "UPDATE debtor d SET updated_at = :now, is_listed ="
    run(session, f"{head} true WHERE d.office_id = :office AND NOT d.is_listed AND EXISTS ({open_debt})", now=now)
    left = run(session, f"{head} false WHERE d.office_id = :office AND d.is_listed AND NOT EXISTS ({open_debt}) RETURNING d.id", now=now)
    gone = [int(row[0]) for row in left]
    for start in range(0, len(gone), _CHUNK):
        withdraw_for_debtors(session, gone[start : start + _CHUNK], reason, now)
    return gone


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
    run(session, "CREATE TEMPORARY TABLE changed_debtor (id bigint) ON COMMIT DROP")
    run(session, "CREATE TEMPORARY TABLE changed_row (row integer) ON COMMIT DROP")
    is_first = not run(session, "SELECT EXISTS (SELECT FROM debtor WHERE office_id = :office)").scalar_one()
    say = progress or (lambda _step, _rows: None)
    say("debtors", frame.height)
    _merge_debtors(session, fields, options)
    if any(name in frame.columns for name in PHONE_FIELDS):  # a list without numbers says nothing about them
        say("phones", frame.height)
        _merge_phones(session, options, is_first=is_first)
    say("debts", frame.height)
    if not is_first:
        _subtract_later_payments(session, options.as_of)
    has_deleted = bool(frame.height) and "is_deleted" in frame.columns
    closed = _count_deleted(session) if has_deleted else 0
    created = _merge_debts(session, debt_fields, options)
    if options.is_full and not is_first:
        closed += _close_unlisted(session, options)
    refresh_listed(session, options.now, "not_listed")
    return _counted(session, frame.height, created, closed, options.import_id)


def _counted(session: Session, rows: int, created: int, closed: int, import_id: int) -> ListCounts:
    """A row counts as updated when it changed its debt, or when it tells new particulars of its debtor; new debts count as created only."""
    updated = int(run(session, "SELECT count(*) FROM changed_row").scalar_one())
    if run(session, "SELECT EXISTS (SELECT FROM changed_debtor)").scalar_one():
        told = run(
            session,
            f"""SELECT count(*) FROM list_debt s JOIN debtor d ON d.office_id = :office AND d.debtor_no = s.debtor_no
                JOIN debt b ON b.office_id = :office AND b.debtor_id = d.id AND {_SAME_DEBT}
                WHERE s.is_told AND b.list_import_id IS DISTINCT FROM :import_id AND d.id IN (SELECT id FROM changed_debtor)""",
            import_id=import_id,
        )
        updated += int(told.scalar_one())
    return ListCounts(created, updated, rows - created - updated, closed)
