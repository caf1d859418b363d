"""What a check is and what it found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from reports.words import Words

SHOWN_ROWS = 20


@dataclass(frozen=True, slots=True)
class Facts:
    """What a check may ask for: the moment and the office's day, the tables that belong to offices, the application's role."""

    now: datetime
    today: date
    tenant_tables: tuple[str, ...]
    app_role: str


Find = Callable[[Session, Facts], list[str]]


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant. `find` names the rows or tables that break it: empty when it holds.

    A check written in SQL is made by `by_sql`; others, such as one that reads seals, bring their own `find`.
    """

    name: str
    says: Words
    find: Find


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, of one office or, with `office` None, of the schema; `rows` are the first of `broken`."""

    check: str
    says: str
    office: str | None
    broken: int
    rows: tuple[str, ...]

    @property
    def is_ok(self) -> bool:
        """Whether the invariant holds."""
        return self.broken == 0

    def document(self) -> Mapping[str, Any]:
        """The finding in `verify --json`."""
        return {
            "check": self.check,
            "says": self.says,
            "office": self.office,
            "ok": self.is_ok,
            "broken": self.broken,
            "rows": list(self.rows),
        }


def by_sql(statement: str) -> Find:
    """A check by a statement whose first column names what is broken; it may use :now, :today, :tables and :role."""

    def find(session: Session, facts: Facts) -> list[str]:
        values = {"now": facts.now, "today": facts.today, "tables": list(facts.tenant_tables), "role": facts.app_role}
        return [str(name) for name in session.scalars(text(statement), values)]

    return find


def run_check(check: Check, session: Session, facts: Facts, office: str | None, lang: str) -> Finding:
    """Runs one check in the caller's transaction."""
    found = check.find(session, facts)
    return Finding(check.name, check.says.in_language(lang), office, len(found), tuple(found[:SHOWN_ROWS]))
