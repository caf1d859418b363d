"""Bringing a delinquent list into the debtors' tables, set by set, inside the caller's transaction.

What differs is written down first (`debtor_diff`, `phone_diff`, `debt_diff`, each with what was there before), then applied: so that a
list that changes little writes little, and what it changes can be shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from campaigns.debtors import changes, history
from campaigns.debtors.first_load import FirstLoad
from campaigns.debtors.listing import DEBT_FIELDS, DEBT_KEY, DEBTOR_FIELDS
from campaigns.debtors.parts import Columns, ListPart, create_tables, fill_tables
from campaigns.debtors.service import refresh_listed
from campaigns.imports.changes import EXAMPLES, was
from campaigns.imports.staging import Progress, plan_for, run
from campaigns.payments.ledger import last_full_list
from campaigns.payments.listing import settle_with_list, take_out_of_list
from campaigns.worklist.forbidden import withdraw_forbidden

_SAME_DEBT = " AND ".join(f"b.{name} = s.{name}" for name in DEBT_KEY)


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


class ListMerge:
    """A delinquent list on its way into debtors, numbers and debts: first every part, then `finish`. `rows` counts those taken."""

    def __init__(self, session: Session, options: ListOptions) -> None:
        self._session = session
        self._options = options
        self.is_first = not run(session, "SELECT EXISTS (SELECT FROM debtor WHERE office_id = :office)").scalar_one()
        self._columns: Columns | None = None
        self._first: FirstLoad | None = None
        self.rows = self._staged = 0
        self._has_repeated = False
        self._is_all_open = True
        self._shown: list[dict[str, Any]] = []

    def _begin(self, columns: Columns) -> None:
        self._columns = columns
        create_tables(self._session, columns, is_first=self.is_first)
        values = _values(DEBTOR_FIELDS, columns.debtor_fields) | {"name_key": "s.name_key"}
        self._debtors = values | ({"kana_key": "s.kana_key"} if "kana_key" in columns.debtors else {})
        self._debts = _values(DEBT_FIELDS, columns.debt_fields) | {"status": "s.status"}
        if self.is_first:
            self._first = FirstLoad(self._session, self._debtors, self._debts, self._options.facts)

    def take(self, part: ListPart) -> None:
        """Brings the next part to the server; an office's first list goes into the tables at once."""
        if self._columns is None:
            self._begin(part.columns)
        fill_tables(self._session, part)
        self.rows += part.rows
        self._staged += part.staged
        self._has_repeated |= part.has_repeated_debtors
        self._is_all_open &= part.is_all_open
        if self._first is not None:
            if len(self._shown) < EXAMPLES:
                self._shown += changes.new_debts(self._session)
            self._first.insert(part)

    def finish(self, progress: Progress) -> ListCounts:
        """Merges what has been staged.

        Returns:
            Counts of the rows taken: a row is updated when its debt, its debtor or a number changed by it.
        """
        columns = self._columns
        assert columns is not None
        session, options = self._session, self._options
        plan_for(session, self._staged, *columns.tables("list"), "list_refused")
        if self._first is not None and not self._staged:
            return self._finish_first(self._first, 0)
        progress("debtors", 0, self.rows)
        _resolve_owners(session, self._debtors, has_repeated=self._has_repeated, is_first=self.is_first)
        _merge_debtors(session, self._debtors, options)
        if columns.has_phones:  # a list without numbers says nothing about them
            progress("phones", 0, self.rows)
            _merge_phones(session, options)
        progress("debts", 0, self.rows)
        if not self.is_first:
            has_assessed = "assessed" in columns.debt_fields
            take_out_of_list(session, import_id=options.import_id, as_of=options.as_of, has_assessed=has_assessed)
        created = _merge_debts(session, self._debts, options)
        if self._first is not None:
            return self._finish_first(self._first, created)
        progress("close", 0, self.rows)
        closed = _close(session, options, closes_unlisted=options.is_full)
        settle_with_list(session, import_id=options.import_id, is_full=options.is_full, now=options.now)
        refresh_listed(session, options.now, "not_listed")
        withdraw_forbidden(session, options.now)
        updated = _updated(session, has_phones=columns.has_phones)
        history.note_list(session, options.import_id, options.now, self._debtors, self._debts, has_phones=columns.has_phones)
        told = changes.summary(session, self._debtors, self._debts, has_phones=columns.has_phones)
        return ListCounts(created, updated, self.rows - created - updated, closed, told)

    def _finish_first(self, first: FirstLoad, late: int) -> ListCounts:
        """Where nobody was known before, nothing can have been updated or closed; `late` debts were added beside the load's own."""
        session, options = self._session, self._options
        plan_for(session, self.rows)
        has_payments = run(session, "SELECT EXISTS (SELECT FROM payment WHERE office_id = :office)").scalar_one()
        if has_payments:  # they came before their debts
            settle_with_list(session, import_id=options.import_id, is_full=options.is_full, now=options.now)
        if has_payments or not self._is_all_open:
            refresh_listed(session, options.now, "not_listed")
        numbers = run(session, "SELECT count(*) FROM phone_number WHERE office_id = :office AND is_listed").scalar_one()
        totals = {"debtors_created": first.debtors, "debtors_updated": 0, "phones_added": numbers, "phones_dropped": 0}
        created = first.debts + late
        return ListCounts(created, 0, self.rows - created, 0, changes.of_first(self._shown[:EXAMPLES], totals))


def _resolve_owners(session: Session, values: Mapping[str, str], *, has_repeated: bool, is_first: bool) -> None:
    """Who the staged debtors are: list_owner (row, id, is_new, is_changed, says), with the rows of earlier parts pointing to the last one.

    Of a debtor in several parts the last row counts, and one row's 連絡禁止 is enough.
    """
    forbids = "do_not_contact" in values
    run(session, "CREATE TEMPORARY TABLE list_former (row integer, last integer) ON COMMIT DROP")
    if has_repeated:
        run(
            session,
            f"""CREATE TEMPORARY TABLE list_again ON COMMIT DROP AS
                SELECT debtor_no, max(row) AS last, {"bool_or(do_not_contact)" if forbids else "NULL::boolean"} AS do_not_contact
                FROM list_debtor GROUP BY debtor_no HAVING count(*) > 1""",
        )
        run(
            session,
            """WITH former AS (DELETE FROM list_debtor l USING list_again a WHERE l.debtor_no = a.debtor_no AND l.row <> a.last
                 RETURNING l.row, a.last) INSERT INTO list_former SELECT row, last FROM former""",
        )
        if forbids:
            run(session, "UPDATE list_debtor l SET do_not_contact = true FROM list_again a WHERE l.row = a.last AND a.do_not_contact")
    if is_first and forbids:  # what an earlier part forbade stands in the table already
        run(
            session,
            """UPDATE list_debtor l SET do_not_contact = true FROM debtor d
               WHERE d.office_id = :office AND d.debtor_no = l.debtor_no AND d.do_not_contact""",
        )
    run(
        session,
        f"""CREATE TEMPORARY TABLE list_owner ON COMMIT DROP AS
            SELECT s.row, coalesce(d.id, nextval('debtor_id_seq')) AS id, d.id IS NULL AS is_new,
                   d.id IS NOT NULL AND {_differs("d", values)} AS is_changed, s.says, true AS is_last
            FROM list_debtor s LEFT JOIN debtor d ON d.office_id = :office AND d.debtor_no = s.debtor_no""",
    )
    if has_repeated:
        run(
            session,
            """INSERT INTO list_owner SELECT f.row, o.id, o.is_new, o.is_changed, o.says, false
               FROM list_former f JOIN list_owner o ON o.row = f.last""",
        )
    run(session, "ANALYZE list_owner")


def _merge_debtors(session: Session, values: Mapping[str, str], options: ListOptions) -> None:
    run(
        session,
        f"""CREATE TEMPORARY TABLE debtor_diff ON COMMIT DROP AS
            SELECT o.row, o.id, {was("d", values)} FROM list_owner o JOIN debtor d ON d.office_id = :office AND d.id = o.id
            WHERE o.is_last AND o.is_changed""",
    )
    run(
        session,
        f"""UPDATE debtor d SET {_assignments(values)}, updated_at = :now, list_import_id = :import_id
            FROM list_debtor s JOIN debtor_diff c ON c.row = s.row WHERE d.office_id = :office AND d.id = c.id""",
        **options.facts,
    )
    run(
        session,
        f"""INSERT INTO debtor (office_id, id, debtor_no, {", ".join(values)}, list_import_id, created_at, updated_at)
            SELECT :office, o.id, s.debtor_no, {", ".join(values.values())}, :import_id, :now, :now
            FROM list_debtor s JOIN list_owner o ON o.row = s.row WHERE o.is_last AND o.is_new ORDER BY o.id""",
        **options.facts,
    )


def _merge_phones(session: Session, options: ListOptions) -> None:
    """Numbers are the same when they dial the same; what is known of a number (dead, wrong person) outlives another way of writing it."""
    values = {"position": "s.position", "remark": "coalesce(s.remark, '')", "line_type": "s.line_type", "is_listed": "true"}
    run(
        session,
        """CREATE TEMPORARY TABLE phone_diff ON COMMIT DROP AS
           SELECT k.* FROM (
             SELECT DISTINCT ON (o.id, s.same_as) p.id, o.id AS debtor_id, s.position, s.original, s.e164, s.line_type, s.remark,
                    p.id IS NOT NULL AS is_known, p.position AS was_position, p.remark AS was_remark, p.line_type AS was_line_type,
                    p.is_listed AS was_listed
             FROM list_phone s JOIN list_owner o ON o.row = s.owner AND o.is_last
             LEFT JOIN phone_number p ON p.office_id = :office AND p.debtor_id = o.id AND coalesce(p.e164, p.original) = s.same_as
             ORDER BY o.id, s.same_as, p.id) k
           WHERE NOT k.is_known OR (k.was_position, k.was_remark, k.was_line_type, k.was_listed)
                 IS DISTINCT FROM (k.position, coalesce(k.remark, ''), k.line_type, true)""",
    )
    run(
        session,
        """CREATE TEMPORARY TABLE phone_gone ON COMMIT DROP AS
           SELECT p.id, p.debtor_id FROM phone_number p JOIN list_owner o ON o.id = p.debtor_id AND o.is_last
           WHERE p.office_id = :office AND p.source = 'list' AND p.is_listed
             AND NOT EXISTS (SELECT FROM list_phone s WHERE s.owner = o.row AND s.same_as = coalesce(p.e164, p.original))""",
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
            SELECT s.row, o.id AS debtor_id, b.id, s.is_deleted, {was("b", values)} FROM list_debt s JOIN list_owner o ON o.row = s.owner
            LEFT JOIN debt b ON b.office_id = :office AND b.debtor_id = o.id AND {_SAME_DEBT}
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


def _close(session: Session, options: ListOptions, *, closes_unlisted: bool) -> int:
    """Writes down in `debt_closed` what the list closes, closes it and returns how many.

    Those are open debts that the list itself marks as deleted (削除フラグ; closed by their row), and those a full list no longer holds. A
    row that was refused still lists its debt: those stay as they are.
    """
    run(
        session,
        """CREATE TEMPORARY TABLE debt_closed ON COMMIT DROP AS
           SELECT c.row, c.id FROM debt_diff c WHERE c.is_deleted AND c.was_status = 'open'""",
    )
    if closes_unlisted:
        run(
            session,
            f"""INSERT INTO debt_closed SELECT NULL, b.id FROM debt b JOIN debtor d ON d.office_id = :office AND d.id = b.debtor_id
                WHERE b.office_id = :office AND b.status = 'open'
                  AND NOT EXISTS (SELECT FROM list_debt s JOIN list_owner o ON o.row = s.owner WHERE o.id = b.debtor_id AND {_SAME_DEBT})
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


def _updated(session: Session, *, has_phones: bool) -> int:
    """A row counts as updated when it changed its debt, or when it tells new particulars of its debtor; new debts count as created only."""
    changed = int(run(session, "SELECT count(*) FROM debt_diff WHERE id IS NOT NULL").scalar_one())
    phones = "UNION SELECT debtor_id FROM phone_diff UNION SELECT debtor_id FROM phone_gone" if has_phones else ""
    told = run(
        session,
        f"""SELECT count(*) FROM list_debt s JOIN list_owner o ON o.row = s.owner AND o.says = s.says
            WHERE o.id IN (SELECT id FROM debtor_diff {phones}) AND NOT EXISTS (SELECT FROM debt_diff c WHERE c.row = s.row)
              AND EXISTS (SELECT FROM debt b WHERE b.office_id = :office AND b.debtor_id = o.id AND {_SAME_DEBT})""",
    )
    return changed + int(told.scalar_one())
