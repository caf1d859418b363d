"""Making a layout on the screen: a sample comes in, its columns are mapped, the layout is saved and perhaps used at once."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit
from callcenter.core.clock import utc_now
from callcenter.core.db import set_office
from callcenter.core.eras import parse_date
from callcenter.core.errors import AppError, InvalidInput
from callcenter.web.dependencies import Form, Once, SignedIn, Tx, once
from callcenter.web.import_words import refusal
from callcenter.web.layout_forms import read_choices
from callcenter.web.layout_lists import list_model
from callcenter.web.mapper_model import mapper_model
from callcenter.web.pages import fragment, lang_of, leads_to, page, shell_of, words_of
from callcenter.web.uploads import Importer, Uploaded, note_received
from campaigns.imports.layout_drafts import choose, draft_of, drop_draft, sample_of_draft, save_draft, start_draft
from campaigns.imports.models import LayoutDraft
from campaigns.imports.service import register_upload

router = APIRouter(prefix="/imports/layouts")


@router.post("")
def begin(request: Request, session: Tx, who: Importer, done: Annotated[Once, once], form: Form, file: Uploaded) -> Response:
    """Receives a sample and leads to the page on which its columns are mapped."""
    if done.is_repeat:
        return RedirectResponse("/imports/layouts", 303)
    kind, based_on = str(form.get("kind") or ""), str(form.get("based_on") or "")
    now = utc_now()
    try:
        draft = start_draft(session, *file, kind=kind, based_on=based_on, user_id=who.user_id, now=now)
    except InvalidInput as problem:
        session.rollback()
        errors = [{"field_id": "file", "message": refusal(problem, lang_of(request))}]
        if request.headers.get("hx-request") == "true":
            return fragment(request, "errors.html", problem.status, errors=errors)
        set_office(session, who.office_id)
        return _list_again(request, session, problem.status, kind, based_on, errors)
    audit.record(session, "layout.sample_received", "layout_draft", draft.id, who.user_id, who.address, {"kind": draft.kind}, now)
    address = f"/imports/layouts/drafts/{draft.id}"
    return leads_to(request, address)


@router.get("/drafts/{draft_id}")
def show_draft(request: Request, session: Tx, who: Importer, draft_id: int) -> Response:
    """The columns of a sample, what they mean, and the first rows as they would be read; personal data, so the view is on record."""
    draft = draft_of(session, draft_id)
    return _mapper_page(request, session, who, draft, 200, ())


@router.post("/drafts/{draft_id}/choices")
def change_draft(request: Request, session: Tx, who: Importer, form: Form, draft_id: int) -> Response:
    """Keeps what was chosen and shows what follows."""
    draft = draft_of(session, draft_id, is_changed=True)
    kind, choices = read_choices(form)
    try:
        choose(draft, choices, kind)
    except InvalidInput as problem:
        if request.headers.get("hx-request") != "true":
            raise
        errors = [{"field_id": "encoding", "message": refusal(problem, lang_of(request))}]
        return fragment(request, "errors.html", problem.status, errors=errors)
    if request.headers.get("hx-request") != "true":
        return RedirectResponse(f"/imports/layouts/drafts/{draft.id}", 303)
    _note_view(session, who, draft)
    model = mapper_model(session, draft, sample_of_draft(draft), words_of(request), lang_of(request))
    return fragment(request, "layout_mapper.html", shell=shell_of(request, ""), errors=(), **model)


@router.post("/drafts/{draft_id}/save")
def keep_draft(request: Request, session: Tx, who: Importer, form: Form, draft_id: int) -> Response:
    """Saves the layout as a new version, and hands the sample over to be looked at as a list when that was asked for."""
    draft = draft_of(session, draft_id, is_changed=True)
    kind, choices = read_choices(form)
    now = utc_now()
    try:
        choose(draft, choices, kind)
        session.flush()
        with session.begin_nested():
            address = _save(session, who, form, draft, now)
    except AppError as problem:
        errors = [{"field_id": "name", "message": refusal(problem, lang_of(request))}]
        return _mapper_page(request, session, who, draft, problem.status, errors)
    return RedirectResponse(address, 303)


def _save(session: Session, who: SignedIn, form: FormData, draft: LayoutDraft, now: datetime) -> str:
    """Saves the draft's layout and, when asked to, rehearses its sample as a list; returns where to go on."""
    saved = save_draft(session, draft, user_id=who.user_id, now=now)
    detail: dict[str, Any] = {"kind": saved.kind, "version": saved.version}
    audit.record(session, "layout.saved", "import_layout", saved.id, who.user_id, who.address, detail, now)
    address = f"/imports/layouts/{saved.id}"
    if form.get("then") == "import":
        row = register_upload(
            session,
            draft.kind,
            draft.original_name,
            Path(draft.stored_path),
            layout=saved.name,
            as_of=parse_date(str(form.get("as_of") or "")),
            user_id=who.user_id,
            now=now,
            is_dry_run=True,
        )
        note_received(session, who, row, now)
        address = f"/imports/{row.id}"
    drop_draft(session, draft)
    return address


@router.post("/drafts/{draft_id}/discard")
def discard_draft(session: Tx, who: Importer, draft_id: int) -> Response:
    """Gives a draft up and removes its sample."""
    draft = draft_of(session, draft_id, is_changed=True)
    audit.record(session, "layout.sample_dropped", "layout_draft", draft.id, who.user_id, who.address, None, utc_now())
    drop_draft(session, draft)
    return RedirectResponse("/imports/layouts", 303)


def _note_view(session: Session, who: SignedIn, draft: LayoutDraft) -> None:
    audit.record(session, "layout.sample_viewed", "layout_draft", draft.id, who.user_id, who.address, {"kind": draft.kind}, utc_now())


def _mapper_page(request: Request, session: Session, who: SignedIn, draft: LayoutDraft, status: int, errors: Any) -> Response:
    _note_view(session, who, draft)
    t = words_of(request)
    model = mapper_model(session, draft, sample_of_draft(draft), t, lang_of(request))
    return page(request, "layout_new.html", shell_of(request, t("layouts.new_title")), status, errors=errors, **model)


def _list_again(request: Request, session: Session, status: int, kind: str, based_on: str, errors: Any) -> Response:
    t = words_of(request)
    model = list_model(session, t, kind=kind, based_on=based_on, errors=errors)
    return page(request, "layouts.html", shell_of(request, t("layouts.title")), status, **model)
