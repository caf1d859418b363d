"""Drops call results as CSV files (経過記録) into a folder of the office, for the core system or an RPA robot to fetch.

The columns are those of the `attempts` layout, so that the file can be read back. A file is written under another name and renamed when
complete; it is named after the outbox rows it holds, so that a crash before the acknowledgement writes the same file again.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from callcenter.core.clock import OFFICE_ZONE
from campaigns.attempts.codes import CHANNEL_JA, LINE_RESULT_JA, OUTCOME_JA, PARTY_JA, Channel, LineResult, Outcome, Party
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import Debtor
from campaigns.sync.models import SyncOutbox
from campaigns.sync.outbox import ATTEMPT, acknowledge, unacknowledged

TARGET = "csv_drop"
COLUMNS = (
    "宛名番号",
    "実施日時",
    "手段",
    "電話番号",
    "担当者",
    "回線結果",
    "応対者",
    "交渉結果",
    "通話秒数",
    "約束額",
    "約束日",
    "備考",
)


@dataclass(frozen=True, slots=True)
class Dropped:
    """What one delivery wrote; `path` is None when there was nothing to tell."""

    rows: int
    path: Path | None


def deliver(session: Session, folder: Path, now: datetime, *, limit: int = 5_000) -> Dropped:
    """Writes what was not acknowledged yet into one file and acknowledges it in this transaction."""
    rows = unacknowledged(session, TARGET, limit)
    told = [row for row in rows if row.kind == ATTEMPT]
    path: Path | None = None
    lines: list[list[str]] = []
    if told:
        path = folder / f"results_{told[0].id:012d}-{told[-1].id:012d}.csv"
        lines = _lines(session, told)
        _write(path, lines)
    acknowledge(session, TARGET, rows, now, path.name if path else "nothing to tell")
    return Dropped(len(lines), path)


def _lines(session: Session, rows: Sequence[SyncOutbox]) -> list[list[str]]:
    """A line of each attempt; of one whose result was corrected meanwhile only the last, so that the file can be read back."""
    last = {int(row.payload["attempt_id"]): row.payload for row in rows}
    found = session.execute(
        select(Attempt, Debtor.debtor_no, User.sign_in_name)
        .join(Debtor, (Debtor.office_id == Attempt.office_id) & (Debtor.id == Attempt.debtor_id))
        .outerjoin(User, (User.office_id == Attempt.office_id) & (User.id == Attempt.operator_id))
        .where(Attempt.id.in_(last))
    )
    attempts = {attempt.id: (attempt, debtor_no, operator or "") for attempt, debtor_no, operator in found}
    return [_line(told, *attempts[number]) for number, told in last.items() if number in attempts]


def _line(told: Mapping[str, Any], attempt: Attempt, debtor_no: str, operator: str) -> list[str]:
    line_result, party, outcome = told["line_result"], told["party"], told["outcome"]
    return [
        debtor_no,
        attempt.began_at.astimezone(OFFICE_ZONE).strftime("%Y-%m-%d %H:%M:%S"),
        CHANNEL_JA[Channel(attempt.channel)],
        attempt.phone_text,
        operator,
        LINE_RESULT_JA[LineResult(line_result)] if line_result else "",
        PARTY_JA[Party(party)] if party else "",
        OUTCOME_JA[Outcome(outcome)] if outcome else "",
        str(told["talk_seconds"]),
        "" if told["promise_amount"] is None else str(told["promise_amount"]),
        told["promise_due_on"] or "",
        attempt.note,
    ]


def _write(path: Path, lines: Sequence[Sequence[str]]) -> None:
    """UTF-8 with BOM and CRLF, as spreadsheets and core systems here expect; complete or not there at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(lines)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(text.getvalue().encode("utf-8-sig"))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
