"""Checks of files: every upload on disk belongs to an import, and every import still has its upload."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.imports.models import ImportFile
from reports.checks.model import SHOWN_ROWS, Check, Facts, Found
from reports.words import Words

YOUNG = timedelta(hours=1)  # a file is stored before its row is committed


def _told(names: list[str]) -> Found:
    return Found(len(names), tuple(sorted(names)[:SHOWN_ROWS]))


def _uploads(facts: Facts, office_id: int) -> dict[str, Path]:
    folder = None if facts.data_dir is None else facts.data_dir / "imports" / str(office_id)
    if folder is None or not folder.is_dir():
        return {}
    return {path.name: path for path in folder.iterdir() if path.is_file()}


def find_orphans(session: Session, facts: Facts) -> Found:
    """Files of an hour ago or older that no import names; personal data nobody would delete."""
    known: set[str] = set()
    for stored, rejected in session.execute(select(ImportFile.stored_path, ImportFile.rejected_path)):
        known.update(Path(path).name for path in (stored, rejected) if path)
    found = []
    for name, path in _uploads(facts, office_of(session)).items():
        age = facts.now - datetime.fromtimestamp(path.stat().st_mtime, UTC)
        if name not in known and age > YOUNG:
            found.append(f"imports/{office_of(session)}/{name}")
    return _told(found)


def find_missing(session: Session, facts: Facts) -> Found:
    """Imports that wait for a file that is gone; only where this machine keeps the office's files."""
    there = _uploads(facts, office_of(session))
    if not there:
        return Found(0, ())
    waiting = session.execute(select(ImportFile.id, ImportFile.stored_path).where(ImportFile.status.in_(("registered", "running"))))
    return _told([f"import_file {number}" for number, stored in waiting if Path(stored).name not in there])


FILES: tuple[Check, ...] = (
    Check(
        "uploads_are_known",
        Words("保存した取込ファイルはすべて取込の記録がある", "every stored upload belongs to an import"),
        Words("ファイルを確かめ、不要なら消す(個人情報です)", "look at the file and delete it if nobody needs it: it holds personal data"),
        find_orphans,
    ),
    Check(
        "uploads_are_there",
        Words("待っている取込のファイルがある", "every import that waits still has its file"),
        Words("そのファイルをもう一度アップロードする", "upload that file again"),
        find_missing,
    ),
)
