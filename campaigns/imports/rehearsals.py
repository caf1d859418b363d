"""Taking a file whose rehearsal was looked at: only as it was rehearsed, and only while what the rehearsal said still holds."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.core.db import advisory_lock
from callcenter.core.errors import Conflict, InvalidInput
from campaigns.debtors.models import Debt
from campaigns.imports.layouts import REJECTION_HEADERS
from campaigns.imports.models import ImportFile
from campaigns.imports.service import register_upload

_LOCK = "import_rehearsal"
REASONS_OF = 20_000  # rejected rows that are looked at to count reasons
SHOWN_ROWS = 50


@dataclass(frozen=True)
class Closing:
    """What a list would close: debts, of how many open ones, and whether that is so many that somebody must confirm it."""

    closed: int
    open: int
    is_loud: bool

    @property
    def percent(self) -> float:
        """Share of the open debts."""
        return 100 * self.closed / self.open if self.open else 0.0


def closing_of(session: Session, row: ImportFile, *, loud_percent: int) -> Closing:
    """How much of what is open a rehearsed file would close; loud above `loud_percent` of it."""
    if row.kind != "debts" or not row.closed or not row.is_dry_run:  # what was open before a file was taken is not kept
        return Closing(row.closed, 0, is_loud=False)
    total = session.scalar(select(func.count()).select_from(Debt).where(Debt.status == "open")) or 0
    return Closing(row.closed, total, is_loud=100 * row.closed > loud_percent * total)


def taken_from(session: Session, rehearsal: ImportFile) -> ImportFile | None:
    """The file that was taken after this rehearsal, unless taking it failed."""
    taken = select(ImportFile).where(ImportFile.rehearsal_id == rehearsal.id, ImportFile.status != "failed")
    return session.scalar(taken.order_by(ImportFile.id.desc()).limit(1))


def is_stale(session: Session, rehearsal: ImportFile) -> bool:
    """Whether another file has been taken, or is being taken, since: then what the rehearsal says may no longer hold."""
    others = select(ImportFile.id).where(
        ImportFile.is_dry_run.is_(False),
        (ImportFile.status.in_(("registered", "running")) | (ImportFile.finished_at > rehearsal.finished_at))
        & (ImportFile.status != "failed"),
    )
    return session.scalar(others.limit(1)) is not None


def take_rehearsed(
    session: Session, rehearsal: ImportFile, *, user_id: int | None, now: datetime, loud_percent: int, is_confirmed: bool
) -> ImportFile:
    """Registers the rehearsed file to be taken, exactly as it was rehearsed.

    Raises:
        Conflict: it is no finished rehearsal, was taken already, or another file was taken meanwhile.
        InvalidInput: it closes so many debts that it must be confirmed, and was not.
    """
    advisory_lock(session, _LOCK)
    if not rehearsal.is_dry_run or rehearsal.status != "done":
        raise Conflict("このファイルは、確認の済んだものではありません。", hint="一覧から選び直してください。", code="not_rehearsed")
    if taken_from(session, rehearsal) is not None:
        raise Conflict("このファイルは、すでに取り込みました。", hint="一覧で結果を確かめてください。", code="already_taken")
    if is_stale(session, rehearsal):
        raise Conflict(
            "確認のあとに、別のファイルが取り込まれました。",
            hint="「もう一度確認する」で、いまの内容と比べ直してください。",
            code="stale_rehearsal",
        )
    closing = closing_of(session, rehearsal, loud_percent=loud_percent)
    if closing.is_loud and not is_confirmed:
        raise InvalidInput(
            f"未完了の {closing.percent:.1f} % にあたる {closing.closed:,} 件を完了にする名簿です。",
            hint="正しい全件の名簿であることを確かめ、確認の欄に印を付けてください。",
            code="confirm_closing",
        )
    row = repeat_upload(session, rehearsal, user_id=user_id, now=now, is_dry_run=False)
    row.rehearsal_id = rehearsal.id
    session.flush()
    return row


def repeat_upload(session: Session, earlier: ImportFile, *, user_id: int | None, now: datetime, is_dry_run: bool) -> ImportFile:
    """Registers a stored file once more, as it was registered before. Raises InvalidInput when the stored file is gone."""
    return register_upload(
        session,
        earlier.kind,
        earlier.original_name,
        Path(earlier.stored_path),
        mode=earlier.mode,
        layout=earlier.layout,
        as_of=earlier.as_of if earlier.has_as_of else None,
        user_id=user_id,
        now=now,
        is_dry_run=is_dry_run,
    )


@dataclass(frozen=True)
class RejectedRows:
    """Rejected rows of a file: how many per column and reason among the first `REASONS_OF`, and the first ones with their cells."""

    reasons: tuple[tuple[str, str, int], ...]
    headers: tuple[str, ...]
    rows: tuple[tuple[int, str, str, tuple[str, ...]], ...]


def rejected_rows(row: ImportFile) -> RejectedRows | None:
    """What the file of rejected rows of an import holds; None when there is none."""
    path = Path(row.rejected_path) if row.rejected_path else None
    if path is None or not path.is_file():
        return None
    csv.field_size_limit(1 << 24)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        headers = next(reader, [])
        width = len(headers) - len(REJECTION_HEADERS)
        counts: Counter[tuple[str, str]] = Counter()
        shown = []
        for number, cells in enumerate(islice(reader, REASONS_OF)):
            row_no, column, reason = cells[width:]
            counts[column, reason] += 1
            if number < SHOWN_ROWS:
                shown.append((int(row_no), column, reason, tuple(cells[:width])))
    reasons = tuple((column, reason, count) for (column, reason), count in counts.most_common(20))
    return RejectedRows(reasons, tuple(headers[:width]), tuple(shown))
