"""Files that came in and the rows that could not be taken."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import Base, OfficeMixin, within_office


class ImportFile(OfficeMixin, Base):
    """One file: `status` goes registered → running → done, or failed with `error`.

    Counts are of rows of the file's kind: rows = created + updated + unchanged + rejected; `closed` is beside them.
    `as_of` is the list's date; `has_as_of` says that the user gave it and it isn't merely the day of loading.
    `notes` lists glyphs that could not be read: row, column, their bytes in hex. `layout` is a layout's reference (name, or name@version of
    an office's own). `rehearsal_id` is the rehearsal whose result was looked at before this file was taken.
    While it runs, `step` names what is being done (read, debtors, phones, debts, close, payments, attempts, save), and `progress_rows` of
    `progress_total` rows of it are done (0: not known yet). `tries` counts how often it was begun.

    `changes` says what a file changes, or for a rehearsal would change, beside the counts; {} until it is done and for a repeated file:

        {"fields":  {field: n, ...},               how many rows of the file's kind (and debtors) differ in this field
         "created": [example, ...],                at most 20 each, in the order of the file
         "updated": [example, ...],
         "closed":  [example, ...],                debts no longer listed, or deleted by the list; row is null for those not in the file
         "debtors": [example, ...],                debtors whose particulars or numbers change
         "totals":  {"debtors_created": n, "debtors_updated": n, "phones_added": n, "phones_dropped": n}}     lists only

    An example is {"row": number in the file or null, "key": {field: value}, "name": debtor's name or "", "values": {field: value},
    "fields": [{"field": field, "before": value, "after": value}, ...]}. `fields` is empty but for updated rows and debtors, `values` is
    empty but for created and closed ones. Fields are the layout's names (debtor_no, tax_code, outstanding, address, ...), and `phones`
    for a debtor's numbers as a list; values are JSON: whole yen, ISO dates, booleans, strings, null. It holds personal data.
    """

    __tablename__ = "import_file"
    __table_args__ = (
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        within_office("rehearsal_id", "import_file"),
        Index(None, "office_id", "created_at"),
        CheckConstraint("kind in ('debts','payments','attempts')", name="kind"),
        CheckConstraint("status in ('registered','running','done','failed')", name="status"),
        CheckConstraint("mode in ('full','diff')", name="mode"),
    )

    kind: Mapped[str] = mapped_column(String(10))
    layout: Mapped[str] = mapped_column(String(40))
    rehearsal_id: Mapped[int | None]
    mode: Mapped[str] = mapped_column(String(4), server_default="full")
    as_of: Mapped[date]
    has_as_of: Mapped[bool] = mapped_column(server_default=text("false"))
    is_dry_run: Mapped[bool] = mapped_column(server_default=text("false"))
    original_name: Mapped[str] = mapped_column(String(200))
    stored_path: Mapped[str] = mapped_column(String(300))
    rejected_path: Mapped[str | None] = mapped_column(String(300))
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int]
    status: Mapped[str] = mapped_column(String(12), server_default="registered")
    step: Mapped[str] = mapped_column(String(30), server_default="")
    progress_rows: Mapped[int] = mapped_column(server_default="0")
    progress_total: Mapped[int] = mapped_column(server_default="0")
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    rows: Mapped[int] = mapped_column(server_default="0")
    created: Mapped[int] = mapped_column(server_default="0")
    updated: Mapped[int] = mapped_column(server_default="0")
    unchanged: Mapped[int] = mapped_column(server_default="0")
    closed: Mapped[int] = mapped_column(server_default="0")
    rejected: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str] = mapped_column(String(500), server_default="")
    notes: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    changes: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_by: Mapped[int | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Rejection(OfficeMixin, Base):
    """A row that was not taken: where, which column, what was expected; the original row for correction."""

    __tablename__ = "rejection"
    __table_args__ = (within_office("import_id", "import_file", ondelete="CASCADE"), Index(None, "office_id", "import_id"))

    import_id: Mapped[int]
    row_no: Mapped[int]
    column: Mapped[str] = mapped_column(String(60))
    code: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(300))
    original: Mapped[list[Any]]


class ImportLayout(OfficeMixin, Base):
    """One version of a layout that an office made for its own files; `document` is its TOML text, `parsed` the same as data.

    Versions are never changed; of each kind and name at most one is active: the one that is meant where no version is named.
    """

    __tablename__ = "import_layout"
    __table_args__ = (
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        UniqueConstraint("office_id", "kind", "name", "version"),
        Index("uq_import_layout_active", "office_id", "kind", "name", unique=True, postgresql_where=text("is_active")),
        CheckConstraint("kind in ('debts','payments','attempts')", name="kind"),
    )

    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(30))
    version: Mapped[int]
    document: Mapped[str] = mapped_column(Text)
    parsed: Mapped[dict[str, Any]]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_by: Mapped[int | None]
    created_at: Mapped[datetime]


class LayoutDraft(OfficeMixin, Base):
    """A layout being made on the screen from a sample file, which is kept until the layout is saved, for a day at most.

    `choices` is what was chosen so far (`campaigns.imports.mapping.Choices` as data).
    """

    __tablename__ = "layout_draft"
    __table_args__ = (
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        within_office("created_by", "app_user"),
        CheckConstraint("kind in ('debts','payments','attempts')", name="kind"),
    )

    kind: Mapped[str] = mapped_column(String(10))
    original_name: Mapped[str] = mapped_column(String(200))
    stored_path: Mapped[str] = mapped_column(String(300))
    choices: Mapped[dict[str, Any]]
    created_by: Mapped[int | None]
    created_at: Mapped[datetime]
