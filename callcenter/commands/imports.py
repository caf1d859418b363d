"""`callcenter import debts|payments|attempts FILE`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.commands.import_changes import lines_of, unreadable_lines
from callcenter.commands.language import chosen_language, pick, words
from callcenter.commands.runtime import EXIT_REJECTED, open_office, put, say, usage_error
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.eras import parse_date
from callcenter.core.errors import InvalidInput
from callcenter.core.settings import get_settings
from campaigns.debtors.models import Debt
from campaigns.imports.closing import ClosingGuard
from campaigns.imports.layout_choice import told_layout
from campaigns.imports.layout_documents import built_in_layouts
from campaigns.imports.layouts import KINDS
from campaigns.imports.office_layouts import find_layout
from campaigns.imports.service import MODES, ImportResult, import_file, register_upload, run_import
from campaigns.imports.staging import Progress as Tell

AUTO = "auto"
STEPS_JA = {
    "read": "読み取り",
    "rows": "読み取り",
    "debtors": "対象者",
    "phones": "電話番号",
    "debts": "案件",
    "close": "完了の処理",
    "payments": "入金",
    "attempts": "架電記録",
    "check": "確認",
    "save": "保存",
}


def _step(step: str) -> str:
    return pick(chosen_language(), STEPS_JA.get(step, step), step)


@contextmanager
def progress_bar() -> Iterator[Tell | None]:
    """A bar on standard error when that is a terminal; None otherwise."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(_step("read"), total=None)

        def tell(step: str, done: int, total: int) -> None:
            bar.update(task, description=_step(step), completed=done, total=total or None)

        yield tell


def _day(text: str | None) -> date | None:
    try:
        return parse_date(text)
    except InvalidInput:
        usage_error("--as-of is no date.", "Expected for instance 2026-11-01.")


def refuse_missing(file: Path) -> None:
    """Raises InvalidInput when there is no such file."""
    if not file.is_file():
        raise InvalidInput(f"{file}: ファイルがありません。", hint="パスを確かめてください。", code="no_file")


def _layout(session: Session, kind: str, name: str | None, file: Path) -> str:
    """The reference of the layout meant; ends with status 2 when there is no such layout."""
    if name == AUTO:
        return told_layout(session, kind, file, file.name).reference
    try:
        found = find_layout(session, kind, name)
    except InvalidInput as problem:
        usage_error(problem.message, problem.hint)
    refuse_missing(file)
    return found.reference


def _details(office_id: int, import_id: int, result: ImportResult) -> list[str]:
    """What could not be read, and what a rehearsal found, in lines."""
    with transaction(office_id) as session:
        row = import_file(session, import_id)
        unreadable = unreadable_lines(row.notes)
        if not result.dry_run:
            return unreadable
        open_debts = session.scalar(select(func.count()).select_from(Debt).where(Debt.status == "open")) or 0
        return unreadable + lines_of(row.changes, result.closed, open_debts)


def _lines(result: ImportResult) -> list[str]:
    lines = [
        f"{result.file}: rows {result.rows:,} = created {result.created:,} + updated {result.updated:,}"
        f" + unchanged {result.unchanged:,} + rejected {result.rejected:,}; closed {result.closed:,}"
    ]
    if result.dry_run:
        lines.append("rehearsal only: nothing was changed")
    elif not (result.created or result.updated or result.closed) and result.unchanged:
        lines.append("nothing has changed since this was imported")
    if result.rejected_file:
        lines.append(f"rejected rows, to correct and load again: {result.rejected_file}")
    return [words(line) for line in lines]


def import_command(
    kind: str = typer.Argument(help="debts, payments or attempts."),
    file: Path = typer.Argument(help="A CSV (CP932 or UTF-8) or .xlsx file."),
    layout: str | None = typer.Option(None, "--layout", help="The layout, by default the standard one; auto: told by the file."),
    mode: str | None = typer.Option(None, "--mode", help="full closes debts that a list no longer holds, diff does not; default: full."),
    as_of: str | None = typer.Option(None, "--as-of", help="The list's date."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Rehearses: counts, and changes nothing."),
    confirm_closing: int = typer.Option(
        0, "--confirm-closing", min=0, metavar="N", help="Take a list that closes up to N debts, though that is much of what is open."
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Imports a file of the core system; ends with 3 when rows were rejected."""
    if kind not in KINDS:
        usage_error(f"'{kind}' is no kind of file.", f"Expected one of: {', '.join(KINDS)}.")
    if mode is not None and mode not in MODES:
        usage_error(f"'{mode}' is no mode.", "Expected full or diff.")
    day = _day(as_of)
    if layout in (None, "", kind, AUTO) or layout in built_in_layouts(kind):
        refuse_missing(file)  # before any store is opened
    now, guard = utc_now(), ClosingGuard(get_settings().close_warning_percent, confirm_closing)
    with open_office(create=True) as office:
        with transaction(office.id) as session:
            chosen = _layout(session, kind, layout, file)
            row = register_upload(
                session, kind, file.name, file, mode=mode, layout=chosen, as_of=day, now=now, is_dry_run=dry_run, is_queued=False
            )
        with progress_bar() as tell:
            result = run_import(office.id, row.id, now=now, progress=tell, guard=guard)
        told = [] if as_json else _details(office.id, row.id, result)
    put(result.document(), as_json_document=as_json, lines=lambda: _lines(result) + told)
    if result.rejected:
        say(f"{result.rejected:,} rows were rejected")
        raise typer.Exit(EXIT_REJECTED)
