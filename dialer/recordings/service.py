"""What is done with recordings: opened with a reason, kept, deleted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.db import after_commit
from callcenter.core.errors import Conflict, InvalidInput, NotFound
from callcenter.core.live import publish
from dialer.recordings import keys, vault
from dialer.recordings.models import Recording, RecordingAccess
from dialer.recordings.sealing import BrokenSeal, unwrap
from dialer.recordings.terms import office_terms

REASONS = ("quality", "complaint", "promise", "training", "audit", "other")  # why somebody wants to hear a recording
SHORTEST_NOTE = 5


def find(session: Session, recording_id: int, *, lock: bool = False) -> Recording:
    """One recording. Raises NotFound."""
    query = select(Recording).where(Recording.id == recording_id)
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound("There is no such recording.", hint="It may belong to another office.")
    return row


def open_recording(session: Session, recording_id: int, user_id: int, reason: str, note: str, now: datetime) -> RecordingAccess:
    """Lets a person hear a recording for a while. Raises NotFound, InvalidInput without a reason, Conflict when nothing is there."""
    row = find(session, recording_id)
    require_stored(row)
    note = " ".join(note.split())[:200]
    if reason not in REASONS:
        raise InvalidInput("A recording is opened for a reason.", hint="Choose one.", code="recording_reason")
    if reason == "other" and len(note) < SHORTEST_NOTE:
        raise InvalidInput("Another reason is written down.", hint=f"At least {SHORTEST_NOTE} characters.", code="recording_note")
    ends_at = now + timedelta(minutes=office_terms(session).open_minutes)
    access = RecordingAccess(recording_id=row.id, user_id=user_id, reason=reason, note=note, opened_at=now, ends_at=ends_at)
    session.add(access)
    session.flush()
    return access


def access_of(session: Session, recording_id: int, user_id: int, now: datetime) -> RecordingAccess | None:
    """The reason under which this person may hear it now; None when there is none any more."""
    mine = select(RecordingAccess).where(RecordingAccess.recording_id == recording_id, RecordingAccess.user_id == user_id)
    return session.scalar(mine.where(RecordingAccess.ends_at > now).order_by(RecordingAccess.id.desc()).limit(1))


def key_of(session: Session, data_dir: Path, row: Recording) -> bytes:
    """The key of a stored recording. Raises Conflict, KeyMissing, Unreadable."""
    require_stored(row)
    assert row.wrapped_key is not None
    assert row.key_version is not None
    office_key = keys.key_of(session, data_dir, row.key_version)
    try:
        return unwrap(office_key, row.wrapped_key, vault.label_of(row), row.key_version)
    except BrokenSeal as problem:
        raise vault.Unreadable("The recording's key can't be read: it was changed.", hint="Look into the backups.") from problem


def require_stored(row: Recording) -> None:
    """Raises Conflict when there is nothing to be heard."""
    if row.state != "stored":
        raise Conflict("This recording can't be heard.", hint=f"Its state is: {row.state}.", code="recording_not_stored")


def keep(session: Session, recording_id: int, why: str) -> Recording:
    """Takes a recording out of the rules of retention, or with no reason puts it back."""
    row = find(session, recording_id, lock=True)
    require_stored(row)
    row.kept_for = " ".join(why.split())[:200]
    return row


def delete(session: Session, recording_id: int, data_dir: Path, now: datetime, *, why: str, user_id: int | None) -> Recording:
    """Deletes a recording for good: its key at once, its file after the commit. Raises NotFound, InvalidInput, Conflict."""
    row = find(session, recording_id, lock=True)
    require_stored(row)
    if row.kept_for:
        raise Conflict("This recording is kept on purpose.", hint=f"Lift that first: {row.kept_for}", code="recording_kept")
    if len(why.strip()) < SHORTEST_NOTE:
        raise InvalidInput("A deletion needs its reason.", hint=f"At least {SHORTEST_NOTE} characters.", code="recording_why")
    destroy(session, [row], data_dir, now, why=why, user_id=user_id)
    return row


def destroy(session: Session, rows: Iterable[Recording], data_dir: Path, now: datetime, *, why: str, user_id: int | None) -> None:
    """Deletes keys and peaks now and files after the commit; without its key a file is noise, wherever copies of it are."""
    paths = []
    for row in rows:
        row.state, row.wrapped_key, row.peaks, row.problem = "deleted", None, None, ""
        row.deleted_at, row.deleted_by, row.deleted_for = now, user_id, why[:200]
        paths.append(vault.vault_path(data_dir, row.office_id, row.name))
    session.flush()
    publish(session, "recording")
    after_commit(session, lambda: (remove_files(paths), None)[1])


def remove_files(paths: Iterable[Path]) -> int:
    """Removes files that are there; returns how many."""
    found = [path for path in paths if path.exists()]
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)
