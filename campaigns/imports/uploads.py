"""Uploaded files on disk: received piece by piece under names of our own, and what nobody refers to any more taken away."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

from callcenter.core.errors import InvalidInput
from callcenter.core.settings import get_settings
from campaigns.imports.decoding import XLSX_MAGIC, no_text

_PIECE = 1 << 20
UPLOAD = ".upload"
REJECTED = ".rejected.csv"


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored upload: where, its check sum and its size."""

    path: Path
    sha256: str
    size: int


def folder_of(office_id: int) -> Path:
    """The office's uploads, which nobody else can read."""
    folder = get_settings().data_dir / "imports" / str(office_id)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


@contextmanager
def as_file(content: bytes | Path, file_name: str) -> Iterator[Path]:
    """What came in as a file that can be opened. Raises InvalidInput when it can't."""
    if isinstance(content, bytes):
        with NamedTemporaryFile() as spool:
            spool.write(content)
            spool.flush()
            yield Path(spool.name)
        return
    try:
        content.open("rb").close()
    except OSError as problem:
        raise InvalidInput(
            f"{file_name}: ファイルを開けません。", hint="パスと読み取りの権限を確かめてください。", code="no_file"
        ) from problem
    yield content


def store(office_id: int, source: Path, file_name: str) -> Stored:
    """Copies an upload to the office's folder.

    Raises InvalidInput when it holds what no text and no workbook does; nothing is stored then.
    """
    path = folder_of(office_id) / f"{uuid.uuid4().hex}{UPLOAD}"
    digest = hashlib.sha256()
    size = 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out, source.open("rb") as file:
            is_workbook = file.read(len(XLSX_MAGIC)) == XLSX_MAGIC
            file.seek(0)
            while piece := file.read(_PIECE):
                if not is_workbook and b"\x00" in piece:
                    raise no_text(file_name)
                digest.update(piece)
                size += len(piece)
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Stored(path, digest.hexdigest(), size)


def strays(office_id: int, before: datetime) -> list[Path]:
    """Uploads and files of rejected rows that were last changed before a moment: those of them that no row names can go."""
    ours = [path for path in folder_of(office_id).iterdir() if path.name.endswith((UPLOAD, REJECTED))]
    return [path for path in ours if path.stat().st_mtime < before.timestamp()]
