"""Files that came in, as JSON."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy import select

from callcenter.auth.permissions import Action
from callcenter.web.dependencies import SignedIn, Tx, may
from campaigns.imports.models import ImportFile
from campaigns.imports.service import import_file

router = APIRouter(prefix="/api/v1/imports")
Importer = Annotated[SignedIn, may(Action.IMPORT_FILES)]
COUNTS = ("rows", "created", "updated", "unchanged", "closed", "rejected", "progress_rows")


@router.get("")
def list_imports(session: Tx, who: Importer) -> list[dict[str, Any]]:
    """The last hundred files."""
    return [_line(row) for row in session.scalars(select(ImportFile).order_by(ImportFile.id.desc()).limit(100))]


@router.get("/{import_id}")
def read_import(session: Tx, who: Importer, import_id: int) -> dict[str, Any]:
    """One file: how far it is and what it did."""
    return _line(import_file(session, import_id))


def _line(row: ImportFile) -> dict[str, Any]:
    facts = {
        "id": row.id,
        "kind": row.kind,
        "mode": row.mode,
        "as_of": row.as_of,
        "status": row.status,
        "step": row.step,
        "error": row.error,
    }
    return facts | {name: getattr(row, name) for name in COUNTS}
