"""The offices' keys for recordings: files outside the database, one per version, readable by the processes' user alone.

Rotation wraps the recordings' own keys anew; the sealed files stay as they are. Once the file of an old version is destroyed, copies of
the database from before open nothing any more, so a deleted recording is gone from backups, too.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.db import advisory_lock, after_commit, office_of
from callcenter.core.errors import Unavailable
from dialer.recordings.models import Recording, RecordingKey
from dialer.recordings.sealing import Label, new_key, unwrap, wrap

LOCK = "recording_keys"


class KeyMissing(Unavailable):
    """The office's key is not on this machine, or is another one."""

    code = "recording_key"


def key_path(data_dir: Path, office_id: int, version: int) -> Path:
    """Where a version's key lies."""
    return data_dir / "keys" / f"recordings-{office_id}-v{version}.key"


def current_key(session: Session, data_dir: Path, now: datetime) -> tuple[int, bytes]:
    """The newest version and its key, made at first use; holds the keys still until the transaction ends."""
    advisory_lock(session, LOCK)
    version = session.scalar(select(RecordingKey.version).where(RecordingKey.retired_at.is_(None)).order_by(RecordingKey.version.desc()))
    return (1, _begin(session, data_dir, 1, now)) if version is None else (version, key_of(session, data_dir, version))


def key_of(session: Session, data_dir: Path, version: int) -> bytes:
    """The key of one version.

    Raises:
        KeyMissing: its file is not there, can't be read, or is not the key the database knows.
    """
    key = _read(key_path(data_dir, office_of(session), version))
    known = session.scalar(select(RecordingKey.fingerprint).where(RecordingKey.version == version))
    if key is None or fingerprint(key) != known:
        raise KeyMissing(
            f"The key of recordings, version {version}, is not on this machine or is another one.",
            hint=f"Restore {key_path(data_dir, office_of(session), version).name} from its copy into the folder keys of the data folder.",
        )
    return key


def fingerprint(key: bytes) -> str:
    """Tells keys apart without giving them away."""
    return hashlib.sha256(b"callcenter recording key" + key).hexdigest()[:16]


def rotate(session: Session, data_dir: Path, now: datetime, *, destroy: bool = False) -> tuple[int, int]:
    """Makes a new version and wraps every recording's key with it; returns the version and how many were wrapped.

    Args:
        destroy: removes the old versions' files once this is committed; copies of the database from before then open no recording.
    """
    before, _ = current_key(session, data_dir, now)
    version = before + 1
    fresh = _begin(session, data_dir, version, now)
    known: dict[int, bytes] = {}
    rows = session.scalars(select(Recording).where(Recording.wrapped_key.is_not(None)).with_for_update()).all()
    for row in rows:
        assert row.key_version is not None
        assert row.wrapped_key is not None
        assert row.sealed_version is not None
        if row.key_version not in known:
            known[row.key_version] = key_of(session, data_dir, row.key_version)
        label = Label(row.office_id, row.call_id, row.sealed_version)
        key = unwrap(known[row.key_version], row.wrapped_key, label, row.key_version)
        row.wrapped_key, row.key_version = wrap(fresh, key, label, version), version
    old = session.scalars(select(RecordingKey).where(RecordingKey.version < version)).all()
    for each in old:
        each.retired_at = each.retired_at or now
    session.flush()
    if destroy:
        paths = [key_path(data_dir, office_of(session), each.version) for each in old]
        after_commit(session, lambda: _remove(paths))
    return version, len(rows)


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _begin(session: Session, data_dir: Path, version: int, now: datetime) -> bytes:
    """A new version; a file that an undone transaction left behind is used, never overwritten."""
    path = key_path(data_dir, office_of(session), version)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = _read(path)
    if key is None:
        key = new_key()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(base64.b64encode(key) + b"\n")
            out.flush()
            os.fsync(out.fileno())
    session.add(RecordingKey(version=version, fingerprint=fingerprint(key), made_at=now))
    session.flush()
    return key


def _read(path: Path) -> bytes | None:
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except (OSError, binascii.Error):
        return None
    return key if len(key) == 32 else None
