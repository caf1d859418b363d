"""Wordings of text messages in the browser: the list, a new version with a live preview, putting one to use, and a test on one's phone."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Form as Field
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.core.clock import utc_now
from callcenter.core.errors import InvalidInput
from callcenter.core.queue import enqueue_after_commit
from callcenter.web.dependencies import Form, Once, SignedIn, Tx, may, once
from callcenter.web.pages import fragment, lang_of, page, shell_of, words_of
from callcenter.web.supervisor_pages import back
from callcenter.web.template_model import draft_of_row, form_model, list_model, preview_model, version_model
from campaigns.messages.templates import DEFAULT_BODY, FIELDS, PERSONAL
from campaigns.messages.tryouts import service as tryouts
from campaigns.messages.wordings import Draft, activate_template, add_template, draft_of, find_version, review_draft

router = APIRouter(prefix="/templates")
Editor = Annotated[SignedIn, may(Action.EDIT_TEMPLATES)]


@router.get("")
def list_wordings(request: Request, session: Tx, who: Editor) -> Response:
    """All wordings: what is used, and what waits for a second person."""
    t = words_of(request)
    return page(request, "wordings.html", shell_of(request, t("templates.title")), **list_model(session, t))


@router.get("/new")
def begin(request: Request, session: Tx, who: Editor, based_on: int = 0) -> Response:
    """The form, empty or with a version to change."""
    row = find_version(session, based_on) if based_on else None
    draft = draft_of_row(row) if row is not None else Draft("", DEFAULT_BODY)
    return _form_page(request, session, draft, 200)


@router.post("/preview")
def preview(request: Request, session: Tx, who: Editor, form: Form) -> Response:
    """The phone, the lengths and the problems of what is typed; nothing is kept."""
    seen = review_draft(session, _draft(form))
    return fragment(request, "wording_preview.html", preview=preview_model(seen, lang_of(request)))


@router.post("")
def save(request: Request, session: Tx, who: Editor, form: Form) -> Response:
    """Keeps a new version; with anything wrong nothing is kept, and the form comes back as it was typed (422)."""
    draft, now = _draft(form), utc_now()
    try:
        row, _ = add_template(session, draft, who.user_id, now)
    except InvalidInput as problem:
        error = words_of(request)("templates.bad_code") if problem.code == "template_code" else ""
        return _form_page(request, session, draft, 422, error)
    if row.created_at == now:
        _note(session, who, "template.saved", row.id, {"version": row.version, "is_neutral": draft.is_neutral})
    return RedirectResponse(f"/templates/{row.id}", 303)


@router.get("/{template_id}")
def show(request: Request, session: Tx, who: Editor, template_id: int) -> Response:
    """One version as people get it."""
    row = find_version(session, template_id)
    t = words_of(request)
    model = version_model(session, row, who.user_id, t, lang_of(request))
    return page(request, "wording.html", shell_of(request, t("templates.version_title", code=row.code, n=row.version)), **model)


@router.post("/{template_id}/activate")
def activate(request: Request, session: Tx, who: Editor, template_id: int) -> Response:
    """Puts a version to use; one that is more than neutral only by another person than who wrote it."""
    was_active = find_version(session, template_id).is_active
    row = activate_template(session, template_id, who.user_id, utc_now())
    if not was_active:
        _note(session, who, "template.activated", row.id, {"version": row.version})
    return back(request, f"/templates/{template_id}")


@router.post("/{template_id}/test")
def send_test(request: Request, session: Tx, who: Editor, done: Annotated[Once, once], template_id: int) -> Response:
    """Has a version, with examples in it, sent to the person's own verified number."""
    row = find_version(session, template_id)
    if not done.is_repeat:
        seen = review_draft(session, draft_of_row(row))
        tryouts.queue_test(session, who.user_id, f"{row.code}@{row.version}"[:40], seen.sample, utc_now())
        enqueue_after_commit(session, "campaigns.jobs.send_tests")
        _note(session, who, "template.tested", row.id, {"version": row.version, "segments": seen.segments})
    return back(request, f"/templates/{template_id}")


@router.post("/{template_id}/number")
def note_number(
    request: Request,
    session: Tx,
    who: Editor,
    done: Annotated[Once, once],
    template_id: int,
    number: Annotated[str, Field(max_length=40)] = "",
) -> Response:
    """Has a code sent to the number that is to be the person's own."""
    if not done.is_repeat:
        row = tryouts.ask_code(session, who.user_id, number, utc_now())
        enqueue_after_commit(session, "campaigns.jobs.send_tests")
        audit.record(session, "own_number.noted", "own_number", row.id, who.user_id, who.address, {}, utc_now())
    return back(request, f"/templates/{template_id}")


@router.post("/{template_id}/verify")
def verify_number(
    request: Request,
    session: Tx,
    who: Editor,
    template_id: int,
    code: Annotated[str, Field(max_length=20)] = "",
) -> Response:
    """Takes the code that was sent; a wrong one is counted."""
    row = find_version(session, template_id)
    if tryouts.verify_code(session, who.user_id, code, utc_now()):
        audit.record(session, "own_number.verified", "own_number", None, who.user_id, who.address, {}, utc_now())
        return RedirectResponse(f"/templates/{template_id}", 303)
    t = words_of(request)
    model = version_model(session, row, who.user_id, t, lang_of(request))
    model["own"] |= {"error": t("templates.wrong_code")}
    return page(request, "wording.html", shell_of(request, t("templates.version_title", code=row.code, n=row.version)), 422, **model)


def _draft(form: FormData) -> Draft:
    def told(name: str, most: int) -> str:
        value = form.get(name)
        return value[:most] if isinstance(value, str) else ""

    allowed = [name for name in FIELDS if name in PERSONAL and form.get(f"field_{name}")]
    return draft_of(told("code", 60), told("body", 2_000), allows_tax_words=bool(form.get("allows_tax_words")), allowed_fields=allowed)


def _form_page(request: Request, session: Session, draft: Draft, status: int, code_error: str = "") -> Response:
    lang = lang_of(request)
    seen = preview_model(review_draft(session, draft), lang)
    model: dict[str, Any] = {"form": form_model(draft, lang), "preview": seen, "code_error": code_error, "is_refused": status == 422}
    return page(request, "wording_new.html", shell_of(request, words_of(request)("templates.new")), status, **model)


def _note(session: Session, who: SignedIn, action: str, template_id: int, detail: dict[str, Any]) -> None:
    audit.record(session, action, "template", template_id, who.user_id, who.address, detail, utc_now())
