"""What the rows of a parsed file do to the tables, inside the one transaction of an import."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import insert, literal, select
from sqlalchemy.orm import Session

from callcenter.core.eras import fiscal_year
from campaigns.debtors.merging import ListMerge, ListOptions
from campaigns.debtors.parts import ListParts
from campaigns.imports.ahead import ahead
from campaigns.imports.contact_history import record_history
from campaigns.imports.models import ImportFile, Rejection
from campaigns.imports.reading import FileReader
from campaigns.imports.rejections import reason_text, write_rejected
from campaigns.imports.staging import Progress
from campaigns.imports.uploads import REJECTED
from campaigns.payments.service import record

KEPT_REJECTIONS = 10_000  # rows shown on the page; the file of rejected rows holds all of them


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows by what they did; `changes` as in `ImportFile.changes`."""

    created: int
    updated: int
    unchanged: int
    closed: int
    changes: dict[str, Any]


def same_file_before(session: Session, row: ImportFile) -> ImportFile | None:
    """The office's last list, if it was this very file read in the same way: then there is nothing to do, and payments since then stay.

    Only lists: payments and attempts are known by their keys, and a row refused for an unknown debtor may be welcome now.
    """
    if row.kind != "debts":
        return None
    last = session.scalar(
        select(ImportFile)
        .where(ImportFile.kind == "debts", ImportFile.status == "done", ImportFile.is_dry_run.is_(False))
        .order_by(ImportFile.finished_at.desc(), ImportFile.id.desc())
        .limit(1)
    )
    if last is None or (last.sha256, last.layout, last.mode) != (row.sha256, row.layout, row.mode):
        return None
    return last if fiscal_year(last.as_of) == fiscal_year(row.as_of) else None


def repeat(session: Session, row: ImportFile, earlier: ImportFile, now: datetime) -> None:
    """Notes for a repeated file that it changes nothing; it need not even be read."""
    row.rows, row.rejected, row.rejected_path, row.notes = earlier.rows, earlier.rejected, earlier.rejected_path, earlier.notes
    row.unchanged, row.status, row.step = earlier.rows - earlier.rejected, "done", "done"
    row.progress_rows = row.progress_total = earlier.rows
    row.finished_at = now
    columns = ("row_no", "column", "code", "reason", "original")
    found = select(literal(row.id), *(getattr(Rejection, name) for name in columns)).where(Rejection.import_id == earlier.id)
    session.execute(insert(Rejection).from_select(["import_id", *columns], found))


def take(session: Session, row: ImportFile, reader: FileReader, now: datetime, tell: Progress) -> Counts:
    """Brings the rows into the tables of their kind, each part while the next one is read; rows refused there are added to the reader's."""
    if row.kind == "debts":
        return _take_list(session, row, reader, now, tell)
    frames = _frames(reader, tell)
    if row.kind == "payments":
        paid = record(session, frames, import_id=row.id, now=now, progress=tell)
        reader.refuse(paid.refused, "source_ref", "changed_payment")
        return Counts(paid.created, paid.updated, paid.unchanged, 0, paid.changes)
    told = record_history(session, frames, now=now, progress=tell)
    reader.refuse(told.refused, "debtor_no", "unknown_debtor")
    return Counts(told.created, told.updated, told.unchanged, 0, told.changes)


def _frames(reader: FileReader, tell: Progress) -> Iterator[pl.DataFrame]:
    for parsed in ahead(reader.parts()):
        yield parsed.frame
        tell("read", reader.rows, reader.expected)


def _take_list(session: Session, row: ImportFile, reader: FileReader, now: datetime, tell: Progress) -> Counts:
    merge = ListMerge(session, ListOptions(row.mode == "full", row.as_of, row.id, now))
    ready = ListParts(row.as_of, is_first=merge.is_first)
    for part in ahead(ready.parts(reader.parts())):
        merge.take(part)
        tell("read", merge.rows, reader.expected)
    listed = merge.finish(tell)
    return Counts(listed.created, listed.updated, listed.unchanged, listed.closed, listed.changes)


def note_result(session: Session, row: ImportFile, reader: FileReader, counts: Counts, now: datetime) -> None:
    """Writes the counts, the refused rows and their file, and the unreadable glyphs into the import's row."""
    problems = reader.problems()
    row.rows, row.rejected = reader.rows, problems["row"].n_unique() if problems.height else 0
    row.created, row.updated, row.unchanged, row.closed = counts.created, counts.updated, counts.unchanged, counts.closed
    row.status, row.finished_at, row.step = "done", now, "done"
    row.progress_rows = row.progress_total = reader.rows
    row.changes = counts.changes
    row.notes = [{"row": lost.row, "column": reader.headers[lost.column - 1], "bytes": lost.bytes_hex} for lost in reader.lost]
    if problems.height:
        path = Path(row.stored_path).with_suffix(REJECTED)
        write_rejected(path, reader, problems)
        row.rejected_path = str(path)
        _keep_rejections(session, row.id, reader, problems.head(KEPT_REJECTIONS))


def _keep_rejections(session: Session, import_id: int, reader: FileReader, shown: pl.DataFrame) -> None:
    originals = dict(reader.originals(shown["row"].unique()))
    session.execute(
        Rejection.__table__.insert(),  # type: ignore[attr-defined]
        [
            {
                "import_id": import_id,
                "row_no": number,
                "column": column[:60],
                "code": code,
                "reason": reason_text(code),
                "original": originals[number],
            }
            for number, column, code in shown.iter_rows()
        ],
    )
