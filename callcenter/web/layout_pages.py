"""Layouts of the office's own files: the list, and one with its versions."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit
from callcenter.core.clock import utc_now
from callcenter.web.dependencies import Tx
from callcenter.web.layout_lists import layout_model, list_model
from callcenter.web.pages import lang_of, page, shell_of, words_of
from callcenter.web.uploads import Importer
from campaigns.imports.layout_documents import document_of_layout, load_layout, write_document
from campaigns.imports.layout_reading import read_layout
from campaigns.imports.layouts import Layout
from campaigns.imports.models import ImportLayout
from campaigns.imports.office_layouts import activate, layout_row, retire

router = APIRouter(prefix="/imports/layouts")


@router.get("")
def list_layouts(request: Request, session: Tx, who: Importer, kind: str = "", based_on: str = "") -> Response:
    """All layouts, and the form that begins a new one."""
    t = words_of(request)
    model = list_model(session, t, kind=kind[:10], based_on=based_on[:40])
    return page(request, "layouts.html", shell_of(request, t("layouts.title")), **model)


@router.get("/built-in/{kind}/{name}")
def show_built_in(request: Request, session: Tx, who: Importer, kind: str, name: str) -> Response:
    """A built-in layout, to read and to take a document from."""
    layout = load_layout(kind, name)
    return _layout_page(request, session, layout, None)


@router.get("/built-in/{kind}/{name}/document.toml")
def download_built_in(who: Importer, kind: str, name: str) -> Response:
    """A built-in layout as the beginning of an own one."""
    layout = load_layout(kind, name)
    return _attachment(write_document(document_of_layout(layout)), f"{kind}-{layout.name}")


@router.get("/{layout_id}")
def show_layout(request: Request, session: Tx, who: Importer, layout_id: int) -> Response:
    """One version of an own layout with its fields, and the other versions."""
    row = layout_row(session, layout_id)
    return _layout_page(request, session, read_layout(row.document), row)


@router.get("/{layout_id}/document.toml")
def download_layout(session: Tx, who: Importer, layout_id: int) -> Response:
    """The layout's document."""
    row = layout_row(session, layout_id)
    return _attachment(row.document, f"{row.kind}-{row.name}-{row.version}")


@router.post("/{layout_id}/activate")
def activate_layout(session: Tx, who: Importer, layout_id: int) -> Response:
    """Makes this version the one that is used."""
    row = activate(session, layout_id)
    detail = {"kind": row.kind, "version": row.version}
    audit.record(session, "layout.activated", "import_layout", row.id, who.user_id, who.address, detail, utc_now())
    return RedirectResponse(f"/imports/layouts/{row.id}", 303)


@router.post("/{layout_id}/retire")
def retire_layout(session: Tx, who: Importer, layout_id: int) -> Response:
    """Takes a layout out of use; its versions stay on record."""
    row = retire(session, layout_id)
    audit.record(session, "layout.retired", "import_layout", row.id, who.user_id, who.address, {"kind": row.kind}, utc_now())
    return RedirectResponse("/imports/layouts", 303)


def _attachment(text: str, stem: str) -> Response:
    name = quote(f"{stem}.toml", safe="")
    headers = {"Content-Disposition": f"attachment; filename=\"layout.toml\"; filename*=UTF-8''{name}"}
    return Response(text, media_type="application/toml; charset=utf-8", headers=headers)


def _layout_page(request: Request, session: Session, layout: Layout, row: ImportLayout | None) -> Response:
    model = layout_model(session, layout, row, words_of(request), lang_of(request))
    return page(request, "layout.html", shell_of(request, layout.name), **model)
