"""An office's own layouts: found before the built-in ones, kept in versions that never change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from callcenter.core.db import advisory_lock, office_of
from callcenter.core.errors import InvalidInput, NotFound
from campaigns.imports.layout_documents import built_in_layouts, document_of, refuse_unknown_kind, unknown_layout
from campaigns.imports.layout_reading import read_layout
from campaigns.imports.layouts import STANDARD, Layout
from campaigns.imports.models import ImportLayout

_LOCK = "import_layout"


@dataclass(frozen=True)
class Known:
    """A layout there is: its own row is None for a built-in one."""

    layout: Layout
    row: ImportLayout | None


def _layout_of(row: ImportLayout) -> Layout:
    return replace(read_layout(row.document), version=row.version)


def _active(session: Session, kind: str) -> list[ImportLayout]:
    wanted = select(ImportLayout).where(ImportLayout.kind == kind, ImportLayout.is_active).order_by(ImportLayout.name)
    return list(session.scalars(wanted))


def known_layouts(session: Session, kind: str) -> list[Known]:
    """The layouts for files of a kind, the office's own first; an own one takes the place of a built-in one of the same name."""
    own = _active(session, kind)
    names = {row.name for row in own}
    built_in = [Known(layout, None) for name, layout in built_in_layouts(kind).items() if name not in names]
    return [*(Known(_layout_of(row), row) for row in own), *built_in]


def find_layout(session: Session, kind: str, name: str | None = None) -> Layout:
    """The layout called `name` (default: the standard one), or `name@version`: the office's own before the built-in ones.

    Raises InvalidInput naming the layouts there are.
    """
    refuse_unknown_kind(kind)
    wanted = STANDARD if name in (None, "", kind) else str(name)
    plain, _, version = wanted.partition("@")
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 0
    chosen = ImportLayout.version == number if version else ImportLayout.is_active
    if (row := session.scalar(select(ImportLayout).where(ImportLayout.kind == kind, ImportLayout.name == plain, chosen))) is not None:
        return _layout_of(row)
    if wanted in built_in_layouts(kind):
        return built_in_layouts(kind)[wanted]
    raise unknown_layout(kind, wanted, [known.layout.name for known in known_layouts(session, kind)])


def layout_row(session: Session, layout_id: int) -> ImportLayout:
    """One version of an own layout. Raises NotFound."""
    row = session.get(ImportLayout, (office_of(session), layout_id))
    if row is None:
        raise NotFound("レイアウトが見つかりません。", hint="レイアウトの一覧から選び直してください。")
    return row


def versions_of(session: Session, kind: str, name: str) -> Sequence[ImportLayout]:
    """All versions of an own layout, the newest first."""
    wanted = select(ImportLayout).where(ImportLayout.kind == kind, ImportLayout.name == name)
    return session.scalars(wanted.order_by(ImportLayout.version.desc())).all()


def save_layout(session: Session, document: str, *, user_id: int | None, now: datetime) -> ImportLayout:
    """Keeps a document as the next version of its layout and makes that the active one; the active one's own text makes no new version.

    Raises InvalidInput (bad_layout) when the document is none.
    """
    layout = read_layout(document)
    advisory_lock(session, _LOCK)
    versions = versions_of(session, layout.kind, layout.name)
    current = next((row for row in versions if row.is_active), None)
    if current is not None and current.document == document:
        return current
    _retire(session, layout.kind, layout.name)
    row = ImportLayout(
        kind=layout.kind,
        name=layout.name,
        version=versions[0].version + 1 if versions else 1,
        document=document,
        parsed=document_of(document),
        created_by=user_id,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def _retire(session: Session, kind: str, name: str) -> None:
    mine = update(ImportLayout).where(ImportLayout.kind == kind, ImportLayout.name == name, ImportLayout.is_active)
    session.execute(mine.values(is_active=False))


def activate(session: Session, layout_id: int) -> ImportLayout:
    """Makes one version the active one again. Raises NotFound."""
    row = layout_row(session, layout_id)
    advisory_lock(session, _LOCK)
    _retire(session, row.kind, row.name)
    session.refresh(row)
    row.is_active = True
    session.flush()
    return row


def retire(session: Session, layout_id: int) -> ImportLayout:
    """Takes a layout out of use with all its versions, which stay on record. Raises NotFound."""
    row = layout_row(session, layout_id)
    advisory_lock(session, _LOCK)
    _retire(session, row.kind, row.name)
    session.refresh(row)
    return row


def count_own(session: Session) -> int:
    """How many own layouts are in use."""
    return session.scalar(select(func.count()).select_from(ImportLayout).where(ImportLayout.is_active)) or 0


def own_layout(session: Session, kind: str, name: str) -> ImportLayout:
    """The active version of an own layout. Raises InvalidInput naming the layouts there are."""
    row = session.scalar(select(ImportLayout).where(ImportLayout.kind == kind, ImportLayout.name == name, ImportLayout.is_active))
    if row is None:
        raise InvalidInput(f"{kind} のレイアウト {name} は、この自治体のものではありません。", hint="レイアウトの一覧を確かめてください。")
    return row
