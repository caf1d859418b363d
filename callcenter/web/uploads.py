"""A file that a form brings: streamed to disk under a name of our own, gone after the request."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.core.errors import InvalidInput
from callcenter.core.settings import get_settings
from callcenter.web.dependencies import Form, SignedIn, may
from campaigns.imports.models import ImportFile

Importer = Annotated[SignedIn, may(Action.IMPORT_FILES)]


def uploaded(form: Form, who: Importer) -> Iterator[tuple[str, Path]]:
    """The uploaded file under a name of our own, and what its sender calls it; gone after the request."""
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise InvalidInput("ファイルを選んでください。", code="no_file")
    folder = get_settings().data_dir / "tmp"
    folder.mkdir(mode=0o700, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=folder, suffix=".upload")
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            while piece := file.file.read(1 << 20):
                out.write(piece)
        yield file.filename[:200], path
    finally:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


Uploaded = Annotated[tuple[str, Path], Depends(uploaded, scope="function")]


def note_received(session: Session, who: SignedIn, row: ImportFile, now: datetime) -> None:
    """Puts a received file on record."""
    detail = {"kind": row.kind, "mode": row.mode, "bytes": row.size_bytes, "rehearsal": row.is_dry_run}
    audit.record(session, "import.received", "import", row.id, who.user_id, who.address, detail, now)
