"""The first list of an office: everybody is new, so each part goes straight into the tables while the next one is read.

Only here the foreign keys' triggers may rest. They ask once per row whether its debtor exists, which costs more than the row itself. Here
each number and debt takes its debtor's number from a join with the part's debtors, all of whom the same transaction has written just
before; nobody else sees them, so nobody can remove them meanwhile. Where the server does not let this user rest triggers, they work as
ever. The triggers that mark for the next plan whom a statement concerns rest too: one mark for everybody takes their place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy.orm import Session

from callcenter.core.db import APP_ROLE
from campaigns.debtors.listing import DEBT_KEY
from campaigns.debtors.parts import ListPart
from campaigns.imports.staging import run

_MAY_REST = """
SELECT current_setting('server_version_num')::integer >= 150000
   AND has_parameter_privilege(session_user, 'session_replication_role', 'SET')
   AND NOT EXISTS (SELECT FROM pg_trigger t WHERE NOT t.tgisinternal AND NOT starts_with(t.tgname::text, 'mark_plan_')
                   AND t.tgrelid = ANY(ARRAY['debtor', 'phone_number', 'debt']::regclass[]))
"""


class FirstLoad:
    """Inserts parts; `debtors`, `phones` and `debts` count what was inserted."""

    def __init__(self, session: Session, debtors: Mapping[str, str], debts: Mapping[str, str], facts: Mapping[str, Any]) -> None:
        """`debtors` and `debts`: column → expression over the staged row `s`; `facts`: import_id and now."""
        self._session = session
        self._facts = facts
        self._debtor_values, self._debt_values = debtors, debts
        self.debtors = self.phones = self.debts = 0
        self._may_rest = bool(run(session, _MAY_REST).scalar_one())
        if self._may_rest:  # the one question that the foreign key of debtors asks, and its lock
            run(session, "SELECT FROM office WHERE id = :office FOR KEY SHARE").one()
            run(session, "INSERT INTO plan_mark (office_id) VALUES (:office)")

    def insert(self, part: ListPart) -> None:
        """Moves what is in new_debtor, new_phone and new_debt into the tables and empties them."""
        with self._resting():
            debtors = self._insert_debtors()
            self.phones += self._insert_phones() if part.columns.has_phones else 0
            debts = self._insert_debts()
        if (debtors, debts) != (part.new_debtors, part.new_debts):
            raise RuntimeError("not every row of the part found its debtor")
        self.debtors += debtors
        self.debts += debts
        run(self._session, "TRUNCATE new_debtor, new_phone, new_debt")

    @contextmanager
    def _resting(self) -> Iterator[None]:
        """Lets triggers rest; rights and row-level security stay those of the application's role."""
        if not self._may_rest:
            yield
            return
        self._set("replica")
        yield
        self._set("origin")

    def _set(self, replication_role: str) -> None:
        for name, value in (("role", "none"), ("session_replication_role", replication_role), ("role", APP_ROLE)):
            run(self._session, "SELECT set_config(:name, :value, true)", name=name, value=value)

    def _insert_debtors(self) -> int:
        values = self._debtor_values
        return run(
            self._session,
            f"""INSERT INTO debtor (office_id, id, debtor_no, {", ".join(values)}, list_import_id, created_at, updated_at)
                SELECT :office, s.id, s.debtor_no, {", ".join(values.values())}, :import_id, :now, :now FROM new_debtor s""",
            **self._facts,
        ).rowcount

    def _insert_phones(self) -> int:
        return run(
            self._session,
            """INSERT INTO phone_number (office_id, debtor_id, position, original, e164, line_type, remark, updated_at)
               SELECT :office, d.id, s.position, s.original, s.e164, s.line_type, coalesce(s.remark, ''), :now
               FROM new_phone s JOIN new_debtor d ON d.row = s.owner""",
            **self._facts,
        ).rowcount

    def _insert_debts(self) -> int:
        values = self._debt_values
        return run(
            self._session,
            f"""INSERT INTO debt (office_id, debtor_id, {", ".join(DEBT_KEY)}, {", ".join(values)}, list_import_id, updated_at)
                SELECT :office, d.id, {", ".join("s." + name for name in DEBT_KEY)}, {", ".join(values.values())}, :import_id, :now
                FROM new_debt s JOIN new_debtor d ON d.row = s.owner WHERE NOT s.is_deleted""",
            **self._facts,
        ).rowcount
