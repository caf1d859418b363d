"""What the rows of a parsed file do to the tables, inside the one transaction of an import."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import insert, literal, select
from sqlalchemy.orm import Session

from callcenter.core.eras import fiscal_year
from campaigns.debtors.merging import ListOptions, merge_list
from campaigns.imports.contact_history import record_history
from campaigns.imports.models import ImportFile, Rejection
from campaigns.imports.parsing import PROBLEM_SCHEMA, ParsedFile, with_vintage
from campaigns.imports.rejections import original_rows, reason_text, write_rejected
from campaigns.imports.staging import Progress
from campaigns.payments.service import record

KEPT_REJECTIONS = 10_000  # rows shown on the page; the file of rejected rows holds all of them
KEPT_NOTES = 1_000


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows by what they did, and the rows that were refused while merging (columns of `ParsedFile.problems`)."""

    created: int
    updated: int
    unchanged: int
    closed: int
    problems: pl.DataFrame
    changes: dict[str, Any] = field(default_factory=dict)


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


def take(session: Session, row: ImportFile, parsed: ParsedFile, now: datetime, tell: Progress) -> Counts:
    """Brings the rows into the tables of their kind; rows refused there are added to the problems."""
    if row.kind == "debts":
        frame = with_vintage(parsed.frame, row.as_of)
        options = ListOptions(row.mode == "full", row.as_of, row.id, now)
        listed = merge_list(session, frame, parsed.refused, options, tell)
        return Counts(listed.created, listed.updated, listed.unchanged, listed.closed, pl.DataFrame(schema=PROBLEM_SCHEMA), listed.changes)
    if row.kind == "payments":
        paid = record(session, parsed.frame, import_id=row.id, now=now, progress=tell)
        return Counts(
            paid.created, paid.updated, paid.unchanged, 0, _refusals(paid.refused, "収納履歴番号", "changed_payment"), paid.changes
        )
    told = record_history(session, parsed.frame, now=now, progress=tell)
    return Counts(told.created, told.updated, told.unchanged, 0, _refusals(told.refused, "宛名番号", "unknown_debtor"), told.changes)


def _refusals(rows: tuple[int, ...], column: str, code: str) -> pl.DataFrame:
    size = len(rows)
    return pl.DataFrame({"row": rows, "column": [column] * size, "code": [code] * size, "value": [""] * size}, schema=PROBLEM_SCHEMA)


def note_result(session: Session, row: ImportFile, parsed: ParsedFile, counts: Counts, now: datetime) -> None:
    """Writes the counts, the refused rows and their file, and the unreadable glyphs into the import's row."""
    problems = pl.concat([parsed.problems, counts.problems]).sort("row", maintain_order=True)
    row.rows, row.rejected = parsed.rows, problems["row"].n_unique() if problems.height else 0
    row.created, row.updated, row.unchanged, row.closed = counts.created, counts.updated, counts.unchanged, counts.closed
    row.status, row.finished_at, row.step, row.progress_rows = "done", now, "done", parsed.rows
    row.changes = counts.changes
    row.notes = [
        {"row": lost.row, "column": parsed.table.headers[lost.column - 1], "bytes": lost.bytes_hex} for lost in parsed.lost[:KEPT_NOTES]
    ]
    if problems.height:
        path = Path(row.stored_path).with_suffix(".rejected.csv")
        write_rejected(path, parsed, problems)
        row.rejected_path = str(path)
        _keep_rejections(session, row.id, parsed, problems)


def _keep_rejections(session: Session, import_id: int, parsed: ParsedFile, problems: pl.DataFrame) -> None:
    shown = problems.head(KEPT_REJECTIONS)
    originals = original_rows(parsed, shown["row"].unique().to_list())
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
            for number, column, code, _ in shown.iter_rows()
        ],
    )


def keep_rejections_of(session: Session, earlier_id: int, import_id: int) -> None:
    """Notes for a repeated file the rows that were refused the first time."""
    columns = ("row_no", "column", "code", "reason", "original")
    found = select(literal(import_id), *(getattr(Rejection, name) for name in columns)).where(Rejection.import_id == earlier_id)
    session.execute(insert(Rejection).from_select(["import_id", *columns], found))
