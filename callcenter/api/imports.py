"""Files that came in, as JSON: how far one is and what it did, without anything of a debtor."""

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
FACTS = (
    "id", "kind", "layout", "mode", "as_of", "is_dry_run", "rehearsal_id", "status", "step", "error",
    "rows", "created", "updated", "unchanged", "closed", "rejected", "progress_rows", "progress_total",
)  # fmt: skip


@router.get("")
def list_imports(session: Tx, who: Importer) -> list[dict[str, Any]]:
    """The last hundred files."""
    return [_line(row) for row in session.scalars(select(ImportFile).order_by(ImportFile.id.desc()).limit(100))]


@router.get("/{import_id}")
def read_import(session: Tx, who: Importer, import_id: int) -> dict[str, Any]:
    """One file: how far it is, what it did, and which fields it changed how often (no examples: those are on its page)."""
    row = import_file(session, import_id)
    counts = {name: row.changes.get(name, {}) for name in ("fields", "totals")}
    return _line(row) | {"changes": counts}


def _line(row: ImportFile) -> dict[str, Any]:
    return {name: getattr(row, name) for name in FACTS}
