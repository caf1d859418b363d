"""What a check is and what it found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from reports.words import Words

SHOWN_ROWS = 20


@dataclass(frozen=True, slots=True)
class Facts:
    """What a check may ask for: the moment and the office's day, the tables that belong to offices, the application's role.

    `data_dir` is where files are kept.
    """

    now: datetime
    today: date
    tenant_tables: tuple[str, ...]
    app_role: str
    data_dir: Path | None = None


class Found(NamedTuple):
    """How many rows or tables break an invariant, and the names of the first."""

    broken: int
    rows: tuple[str, ...]


Find = Callable[[Session, Facts], Found]


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant: what it says, what to do when it is broken, and `find`, which counts and names the rows or tables that break it.

    A check written in SQL is made by `by_sql`; others, such as one that reads seals, bring their own `find`.
    """

    name: str
    says: Words
    todo: Words
    find: Find


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, of one office or, with `office` None, of the schema; `rows` are the first of `broken`."""

    check: str
    says: str
    todo: str
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
            "todo": self.todo,
            "office": self.office,
            "ok": self.is_ok,
            "broken": self.broken,
            "rows": list(self.rows),
        }


def by_sql(statement: str) -> Find:
    """A check by a statement whose one column names what is broken; it may use :now, :today, :tables and :role."""
    counted = f"WITH broken (name) AS ({statement}) SELECT name::text, count(*) OVER () FROM broken LIMIT {SHOWN_ROWS}"

    def find(session: Session, facts: Facts) -> Found:
        values = {"now": facts.now, "today": facts.today, "tables": list(facts.tenant_tables), "role": facts.app_role}
        rows = session.execute(text(counted), {name: value for name, value in values.items() if f":{name}" in statement}).all()
        return Found(rows[0][1] if rows else 0, tuple(row[0] for row in rows))

    return find


def run_check(check: Check, session: Session, facts: Facts, office: str | None, lang: str) -> Finding:
    """Runs one check in the caller's transaction."""
    found = check.find(session, facts)
    return Finding(check.name, check.says.in_language(lang), check.todo.in_language(lang), office, found.broken, found.rows)
