"""What the list of layouts and the page of one of them show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from callcenter.core.settings import get_settings
from callcenter.web.i18n import Translate
from callcenter.web.mapper_model import label_of, meaning_of, option
from campaigns.imports.layouts import KINDS, Field, Layout
from campaigns.imports.models import ImportLayout, LayoutDraft
from campaigns.imports.office_layouts import Known, known_layouts, versions_of


def list_model(session: Session, t: Translate, *, kind: str = "", based_on: str = "", errors: Sequence[Any] = ()) -> dict[str, Any]:
    """The list, the drafts not finished yet, and the form that begins a new one; fields as in layouts.html."""
    known = [each for name in KINDS for each in known_layouts(session, name)]
    users = _names(session, [each.row for each in known if each.row])
    drafts = session.scalars(select(LayoutDraft).order_by(LayoutDraft.id.desc()).limit(10))
    return {
        "layouts": [_list_line(each, users) for each in known],
        "drafts": [
            {"href": f"/imports/layouts/drafts/{draft.id}", "file_name": draft.original_name, "kind": draft.kind, "at": draft.created_at}
            for draft in drafts
        ],
        "upload": {
            "kinds": [option("", t("layouts.kind_told"), not kind)] + [option(each, t(f"kind.{each}"), each == kind) for each in KINDS],
            "limit_mb": get_settings().upload_max_mb,
            "based_on": based_on,
            "errors": list(errors),
        },
    }


def _names(session: Session, rows: Sequence[ImportLayout]) -> dict[int, str]:
    """Who made them, by user."""
    wanted = {row.created_by for row in rows if row.created_by}
    return {user.id: user.display_name for user in session.scalars(select(User).where(User.id.in_(wanted)))}


def _href(layout: Layout, row: ImportLayout | None) -> str:
    return f"/imports/layouts/{row.id}" if row else f"/imports/layouts/built-in/{layout.kind}/{layout.name}"


def _list_line(known: Known, users: dict[int, str]) -> dict[str, Any]:
    layout, row = known.layout, known.row
    return {
        "href": _href(layout, row),
        "name": layout.name,
        "kind": layout.kind,
        "title": layout.title,
        "version": layout.version,
        "mode": layout.mode,
        "at": row.created_at if row else None,
        "user": users.get(row.created_by or 0, "") if row else "",
    }


def layout_model(session: Session, layout: Layout, row: ImportLayout | None, t: Translate, lang: str) -> dict[str, Any]:
    """One layout with its fields, and its versions when it is an own one; fields as in layout.html."""
    versions = versions_of(session, row.kind, row.name) if row else []
    users = _names(session, versions)
    return {
        "layout": _facts(layout, row, t),
        "fields": [_field_line(field, t, lang) for field in layout.fields],
        "versions": [
            {
                "href": f"/imports/layouts/{each.id}",
                "version": each.version,
                "at": each.created_at,
                "user": users.get(each.created_by or 0, ""),
                "is_active": each.is_active,
                "is_this": row is not None and each.id == row.id,
            }
            for each in versions
        ],
        "upload": {"limit_mb": get_settings().upload_max_mb},
    }


def _facts(layout: Layout, row: ImportLayout | None, t: Translate) -> dict[str, Any]:
    base = _href(layout, row)
    return {
        "name": layout.name,
        "kind": layout.kind,
        "title": layout.title,
        "mode": layout.mode,
        "version": row.version if row else 0,
        "is_active": row.is_active if row else True,
        "is_own": row is not None,
        "document_href": f"{base}/document.toml",
        "activate_href": f"{base}/activate",
        "retire_href": f"{base}/retire",
        "encoding": t(f"layout_encoding.{layout.source.encoding.replace('-', '')}"),
        "delimiter": t(f"layout_delimiter.{layout.source.delimiter}"),
        "header_row": layout.source.header_row,
        "skip": ", ".join(f"{name} = {' / '.join(sorted(values))}" for name, values in layout.source.skip.items()),
    }


def _field_line(field: Field, t: Translate, lang: str) -> dict[str, Any]:
    codes: dict[str, list[str]] = {}
    for theirs, ours in field.codes.items():
        codes.setdefault(ours, []).append(theirs)

    def meaning(ours: str) -> str:
        return meaning_of(t, lang, field.name, ours) if field.type == "choice" else ours

    return {
        "label": label_of(t, field.name),
        "is_required": field.is_required,
        "headers": [field.label] if field.column or field.join else list(field.headers),
        "part": list(field.part) if field.part else None,
        "value": field.value,
        "styles": [t(f"layout_style.{style}") for style in field.styles],
        "codes": [
            {"ours": meaning_of(t, lang, field.name, ours) if field.type == "choice" else ours, "theirs": theirs}
            for ours, theirs in codes.items()
        ],
    }
