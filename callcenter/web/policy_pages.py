"""The contact rules in the browser: what holds, drafts with their effect, and making a draft valid by a second person."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Form as Field
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.core.clock import utc_now
from callcenter.web.dependencies import Form, Once, SignedIn, Tx, may, once
from callcenter.web.pages import lang_of, page, shell_of, words_of
from callcenter.web.policy_form import document_of, form_model, problems_of
from callcenter.web.policy_model import draft_model, overview_model, version_model
from campaigns.compliance import editing
from campaigns.compliance.presets import municipality, to_document

router = APIRouter(prefix="/policy")
Shaper = Annotated[SignedIn, may(Action.SHAPE_POLICY)]


@router.get("")
def show_policy(request: Request, session: Tx, who: Shaper) -> Response:
    """The rules that hold with their sources, the coming days, and all versions."""
    model = overview_model(session, lang_of(request), utc_now())
    return page(request, "policy.html", shell_of(request, words_of(request)("policy.title")), **model)


@router.post("/drafts")
def start_draft(
    request: Request, session: Tx, who: Shaper, done: Annotated[Once, once], base: Annotated[str, Field(max_length=20)] = "municipality"
) -> Response:
    """A draft that begins as a preset or as one of the versions."""
    if done.is_repeat:
        return RedirectResponse("/policy", 303)
    row = editing.start_draft(session, base, who.user_id, utc_now())
    _note(session, who, "policy.drafted", row.id, {"version": row.version, "base": base})
    return RedirectResponse(f"/policy/drafts/{row.id}", 303)


@router.get("/drafts/{policy_id}")
def show_draft(request: Request, session: Tx, who: Shaper, policy_id: int) -> Response:
    """A draft: its form, what it says in words, where it is looser, and what it would change today."""
    row = editing.find(session, policy_id)
    if not editing.is_draft(row):
        return RedirectResponse(f"/policy/versions/{policy_id}", 303)
    lang = lang_of(request)
    model = draft_model(session, row, who.user_id, lang, utc_now())
    return page(request, "policy_draft.html", _shell(request, row.version), form=form_model(row.document, (), lang), **model)


@router.post("/drafts/{policy_id}")
def save_draft(request: Request, session: Tx, who: Shaper, form: Form, done: Annotated[Once, once], policy_id: int) -> Response:
    """Saves a draft; with anything unreadable nothing is saved, and the form comes back as it was typed (422)."""
    row, lang = editing.find(session, policy_id), lang_of(request)
    document = document_of(form, str(row.document["name"]))
    problems = problems_of(document, to_document(municipality()))
    if problems:
        model = draft_model(session, row, who.user_id, lang, utc_now()) | {"note": str(form.get("note") or "")[:500]}
        shell = _shell(request, row.version)
        return page(request, "policy_draft.html", shell, 422, form=form_model(document, problems, lang), **model)
    if not done.is_repeat:
        editing.save_draft(
            session, policy_id, document, str(form.get("note") or ""), who.user_id, utc_now(), seen=str(form.get("seen") or "")
        )
        _note(session, who, "policy.changed", policy_id, {"version": row.version})
    return RedirectResponse(f"/policy/drafts/{policy_id}", 303)


@router.post("/drafts/{policy_id}/activate")
def activate(
    session: Tx, who: Shaper, done: Annotated[Once, once], policy_id: int, seen: Annotated[str, Field(max_length=40)] = ""
) -> Response:
    """Makes a draft the office's rules; only somebody who did not write it may."""
    if not done.is_repeat:
        row = editing.activate(session, policy_id, who.user_id, utc_now(), seen=seen)
        _note(session, who, "policy.activated", policy_id, {"version": row.version, "loosened": len(row.loosened)})
    return RedirectResponse("/policy", 303)


@router.post("/drafts/{policy_id}/discard")
def discard(session: Tx, who: Shaper, done: Annotated[Once, once], policy_id: int) -> Response:
    """Throws a draft away."""
    if not done.is_repeat:
        editing.discard(session, policy_id)
        _note(session, who, "policy.discarded", policy_id, {})
    return RedirectResponse("/policy", 303)


@router.get("/versions/{policy_id}")
def show_version(request: Request, session: Tx, who: Shaper, policy_id: int) -> Response:
    """A version to read: what it says, what it changed, and who made it valid."""
    row = editing.find(session, policy_id)
    return page(request, "policy_version.html", _shell(request, row.version), **version_model(session, row, lang_of(request)))


def _shell(request: Request, version: int) -> Any:
    return shell_of(request, words_of(request)("policy.version_title", n=version))


def _note(session: Tx, who: SignedIn, action: str, policy_id: int, detail: dict[str, Any]) -> None:
    audit.record(session, action, "contact_policy", policy_id, who.user_id, who.address, detail, utc_now())
