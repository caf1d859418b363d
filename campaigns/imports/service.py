"""Files coming in: received and stored, then imported in one transaction each, one at a time per office."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from callcenter.core.db import advisory_lock, count_anew_after_commit, office_of, transaction
from callcenter.core.errors import AppError, InvalidInput, NotFound
from callcenter.core.live import publish
from callcenter.core.queue import enqueue_after_commit
from campaigns.imports.closing import ClosingGuard
from campaigns.imports.layouts import match_headers
from campaigns.imports.merging import note_result, repeat, same_file_before, take
from campaigns.imports.models import ImportFile
from campaigns.imports.office_layouts import find_layout
from campaigns.imports.reading import FileReader
from campaigns.imports.sources import is_rejected_file
from campaigns.imports.staging import Progress
from campaigns.imports.tables import read_header
from campaigns.imports.uploads import as_file, store, strays

LOCK = "import"
MODES = ("full", "diff")
TABLES = {"debts": ("debtor", "debt", "phone_number"), "payments": ("payment",), "attempts": ("attempt",)}
SMALL_CHANGE = 500  # rows after which no statistics are looked at
MAX_TRIES = 5  # a file that ends its process each time must not do so for ever
RESULT_COLUMNS = (
    "rows",
    "created",
    "updated",
    "unchanged",
    "closed",
    "rejected",
    "rejected_path",
    "status",
    "step",
    "progress_rows",
    "progress_total",
    "finished_at",
    "notes",
    "changes",
)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did: rows = created + updated + unchanged + rejected; closed debts stand beside them."""

    file: str
    layout: str
    mode: str
    dry_run: bool
    rows: int
    created: int
    updated: int
    unchanged: int
    closed: int
    rejected: int
    rejected_file: str | None

    def document(self) -> dict[str, Any]:
        """The contract's JSON document."""
        return asdict(self)


class _DryRun(Exception):
    """Rolls a finished import back, carrying what its row would say."""

    def __init__(self, columns: dict[str, Any]) -> None:
        super().__init__()
        self.columns = columns


def register_upload(
    session: Session,
    kind: str,
    original_name: str,
    content: bytes | Path,
    *,
    mode: str | None = None,
    layout: str | None = None,
    as_of: date | None = None,
    user_id: int | None = None,
    now: datetime,
    is_dry_run: bool = False,
    is_queued: bool = True,
) -> ImportFile:
    """Receives a file: refuses what can't be an upload of this kind, stores the rest and lets a job import it after commit.

    Args:
        kind: debts, payments or attempts.
        mode: full (default) closes debts a list no longer holds, diff changes only what is there.
        as_of: the list's date, by default today; decides 現年・滞繰 and which payments a list already holds.
        is_queued: false when the caller runs the import itself.

    Raises:
        InvalidInput: unknown kind, layout or mode, or a file that is empty, too large, of a wrong kind, without a required column, or
            with 個人番号. Nothing has been stored then.
    """
    chosen = find_layout(session, kind, layout)
    if (mode or "full") not in MODES:
        raise InvalidInput(f"取込方法 {mode} はありません。", hint="full(全件)または diff(差分)です。")
    name = Path(original_name.replace("\\", "/")).name[:200] or "file"
    with as_file(content, name) as path:
        headers = read_header(path, name, chosen.source)
        match_headers(chosen, headers, name)
        stored = store(office_of(session), path, name)
    row = ImportFile(
        kind=kind,
        layout=chosen.reference,
        mode="diff" if is_rejected_file(headers) else mode or chosen.mode or "full",
        as_of=as_of or local_day(now),
        has_as_of=as_of is not None,
        is_dry_run=is_dry_run,
        original_name=name,
        stored_path=str(stored.path),
        sha256=stored.sha256,
        size_bytes=stored.size,
        created_by=user_id,
        created_at=now,
    )
    session.add(row)
    session.flush()
    publish(session, "import")
    if is_queued:
        enqueue_after_commit(session, "campaigns.jobs.run_import", row.id)
    return row


def import_file(session: Session, import_id: int) -> ImportFile:
    """One file of this office. Raises NotFound."""
    row = session.get(ImportFile, (office_of(session), import_id))
    if row is None:
        raise NotFound("取込ファイルが見つかりません。", hint="取込の一覧から選び直してください。")
    return row


def result_of(row: ImportFile) -> ImportResult:
    """What a finished import did."""
    return ImportResult(
        row.original_name,
        row.layout.partition("@")[0],
        row.mode,
        row.is_dry_run,
        row.rows,
        row.created,
        row.updated,
        row.unchanged,
        row.closed,
        row.rejected,
        row.rejected_path,
    )


def run_import(
    office_id: int, import_id: int, *, now: datetime, progress: Progress | None = None, guard: ClosingGuard | None = None
) -> ImportResult:
    """Imports a registered file in one transaction, so that an interrupted import leaves no trace.

    A file that was imported already is not imported again. Imports of one office wait for each other. Progress goes to the file's row
    in short transactions of its own, and to `progress`.

    Args:
        guard: refuses a list that closes too much.

    Raises:
        InvalidInput: the file as a whole can't be taken; its row then says why.
    """
    with transaction(office_id) as session:
        row = import_file(session, import_id)
        if row.status == "done":
            return result_of(row)
        row.status, row.started_at, row.error, row.step, row.tries = "running", now, "", "read", row.tries + 1
        is_hopeless = row.tries > MAX_TRIES
    if is_hopeless:
        _fail(office_id, import_id, f"取込が {MAX_TRIES} 回中断されました。何も変更していません。", now)
        raise InvalidInput("取込が何度も中断されました。", hint="ファイルを分けるか、管理者に知らせてください。", code="interrupted")
    try:
        return _import(office_id, import_id, now, _teller(office_id, import_id, progress), guard)
    except AppError as problem:
        _fail(office_id, import_id, str(problem), now)
        raise
    except OSError as problem:
        _fail(office_id, import_id, "保存したファイルを読めません。", now)
        raise InvalidInput("保存したファイルを読めません。", hint="もう一度アップロードしてください。") from problem
    except OperationalError:
        raise  # the database went away: the sweeper tries again
    except SQLAlchemyError as problem:
        _fail(office_id, import_id, f"取込を続けられません({type(problem).__name__})。何も変更していません。", now)
        raise


def _fail(office_id: int, import_id: int, why: str, now: datetime) -> None:
    with transaction(office_id) as session:
        row = import_file(session, import_id)
        if row.status != "done":
            row.status, row.error, row.finished_at = "failed", why[:500], now
            publish(session, "import")


def _teller(office_id: int, import_id: int, progress: Progress | None) -> Progress:
    """Tells how far an import is, in the terminal and, at most once a second, in the file's row."""
    last: list[Any] = ["", 0.0]

    def tell(step: str, done: int, total: int) -> None:
        if progress is not None:
            progress(step, done, total)
        if step != last[0] or monotonic() - last[1] >= 1:
            last[:] = [step, monotonic()]
            with transaction(office_id) as session:
                values = {"step": step[:30], "progress_rows": done, "progress_total": total}
                session.execute(update(ImportFile).where(ImportFile.id == import_id).values(values))

    return tell


def _import(office_id: int, import_id: int, now: datetime, tell: Progress, guard: ClosingGuard | None) -> ImportResult:
    """The one transaction of an import; rolled back at its end when it is a rehearsal."""
    try:
        with transaction(office_id) as session:
            advisory_lock(session, LOCK)
            row = import_file(session, import_id)
            if row.status == "done":
                return result_of(row)
            if (earlier := same_file_before(session, row)) is not None:
                repeat(session, row, earlier, now)
            else:
                tell("read", 0, 0)
                reader = FileReader(Path(row.stored_path), row.original_name, find_layout(session, row.kind, row.layout))
                counts = take(session, row, reader, now, tell)
                tell("save", reader.rows, reader.rows)
                note_result(session, row, reader, counts, now)
                if guard is not None and not row.is_dry_run:
                    guard.check(office_id, row.closed)
            publish(session, "import")
            if not row.is_dry_run:
                _count_anew(session, row)
            if row.is_dry_run:
                session.flush()
                raise _DryRun({name: getattr(row, name) for name in RESULT_COLUMNS})
            return result_of(row)
    except _DryRun as rehearsal:
        tell("rehearsed", 0, 0)
        with transaction(office_id) as session:
            kept = import_file(session, import_id)
            for name, value in rehearsal.columns.items():
                setattr(kept, name, value)
            return result_of(kept)


def _count_anew(session: Session, row: ImportFile) -> None:
    """Has the statistics of tables made anew that the file changed by a tenth or more: next to an office's first list, a file of payments
    was matched by reading all debts for each of them.
    """
    changed = row.created + row.updated + row.closed
    if changed <= SMALL_CHANGE:
        return
    for table in TABLES.get(row.kind, ()):
        known = session.scalar(text("SELECT reltuples FROM pg_class WHERE oid = CAST(:table AS regclass)"), {"table": table})
        if changed * 10 >= (known or 0):
            count_anew_after_commit(session, table)


def unfinished(session: Session, before: datetime) -> list[int]:
    """Files registered or begun before a moment and not finished: their job was lost, or its process."""
    waiting = select(ImportFile.id).where(
        (ImportFile.status == "registered") & (ImportFile.created_at < before)
        | (ImportFile.status == "running") & (ImportFile.started_at < before)
    )
    return list(session.scalars(waiting.order_by(ImportFile.id)))


def is_importing(session: Session) -> bool:
    """Whether an import of this office is being merged right now."""
    free = text("SELECT pg_try_advisory_xact_lock(:office, hashtext(:name))")
    return not session.scalar(free, {"office": office_of(session), "name": LOCK})


def remove_strays(session: Session, before: datetime) -> int:
    """Removes stored files that were last changed before a moment and that no import names; returns how many.

    A process that ends between storing a file and committing its row leaves one behind, and so does one that ends while it writes the
    rejected rows.
    """
    found = {str(path): path for path in strays(office_of(session), before)}
    if not found:
        return 0
    for column in (ImportFile.stored_path, ImportFile.rejected_path):
        for path in session.scalars(select(column).where(column.in_(list(found)))):
            found.pop(str(path), None)
    for stray in found.values():
        stray.unlink(missing_ok=True)
    return len(found)
