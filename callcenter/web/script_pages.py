"""Robocall scripts in the browser: the list, one version with its picture and sounds, its form, and who says yes to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi import Form as Field
from sqlalchemy import select
from sqlalchemy.orm import Session, undefer
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.permissions import PERMISSIONS, Action
from callcenter.core.clock import utc_now
from callcenter.core.errors import InvalidInput, NotFound
from callcenter.core.settings import get_settings
from callcenter.web.dependencies import Form, Once, SignedIn, Tx, may, once
from callcenter.web.pages import page, shell_of, words_of
from callcenter.web.script_form import read_script
from callcenter.web.script_model import list_model, problem_text, script_model
from dialer.ivr import recordings, versions
from dialer.ivr.documents import to_document
from dialer.ivr.models import RobocallRecording, RobocallScript
from dialer.ivr.script import DEFAULT, Script
from dialer.ivr.service import plan_to_prepare, read
from dialer.ivr.speech import prepare_sound

router = APIRouter(prefix="/scripts")
Reader = Annotated[SignedIn, may(Action.SEE_SCRIPTS)]
Writer = Annotated[SignedIn, may(Action.EDIT_SCRIPTS)]
Sent = Annotated[Once, once]
LARGEST = recordings.LARGEST + 1


@router.get("")
def list_scripts(request: Request, session: Tx, who: Reader) -> Response:
    """All versions and recordings."""
    return page(request, "scripts.html", shell_of(request, words_of(request)("scripts.title")), can_edit=_can(who), **list_model(session))


@router.post("/new")
def begin_script(session: Tx, who: Writer, done: Sent, code: Annotated[str, Field(max_length=40)]) -> Response:
    """A new script, to begin with what the built-in one says; a code that exists gets a copy of its newest version."""
    known = session.scalar(select(RobocallScript).where(RobocallScript.code == code).order_by(RobocallScript.version.desc()).limit(1))
    row = known or versions.add_version(session, code, to_document(DEFAULT), utc_now(), who.user_id)
    if known is None:
        _note(session, who, "script.added", row)
    return RedirectResponse(_href(row), 303)


def uploaded(form: Form) -> Iterator[tuple[str, bytes]]:
    """The recording's name and the file's content."""
    file, name = form.get("file"), form.get("name")
    if not isinstance(file, UploadFile) or not file.filename:
        raise InvalidInput("ファイルを選んでください。", code="no_file")
    yield str(name or "").strip(), file.file.read(LARGEST)


@router.post("/recordings/add")
def add_recording(
    session: Tx, who: Writer, done: Sent, sent: Annotated[tuple[str, bytes], Depends(uploaded, scope="function")]
) -> Response:
    """Keeps a recording for scripts to play; a name again means the new one from now on."""
    row = recordings.save(session, *sent, utc_now(), who.user_id)
    audit.record(session, "recording.uploaded", "robocall_recording", row.id, who.user_id, who.address, {"name": row.name}, utc_now())
    return RedirectResponse("/scripts", 303)


@router.get("/recordings/{name}.wav")
def hear_recording(session: Tx, who: Reader, name: str) -> Response:
    """The newest recording of a name."""
    newest = select(RobocallRecording).where(RobocallRecording.name == name).order_by(RobocallRecording.id.desc()).limit(1)
    row = session.scalar(newest.options(undefer(RobocallRecording.sound)))
    if row is None:
        raise NotFound("その録音はありません。", code="no_recording")
    return _sound(row.sound)


@router.get("/built-in")
def show_built_in(request: Request, session: Tx, who: Reader) -> Response:
    """The script that is spoken where the office has none of its own."""
    return _page(request, session, who, DEFAULT, None)


@router.get("/built-in/{node}.wav")
def hear_built_in(session: Tx, who: Reader, node: str) -> Response:
    """One node of it as it sounds."""
    return _spoken(session, DEFAULT, node)


@router.get("/{code}/{version}")
def show_script(request: Request, session: Tx, who: Reader, code: str, version: int) -> Response:
    """One version."""
    row = versions.get_version(session, code, version)
    return _page(request, session, who, read(row), row)


@router.get("/{code}/{version}/{node}.wav")
def hear_node(session: Tx, who: Reader, code: str, version: int, node: str) -> Response:
    """One node as it sounds on the telephone; `_machine` is the message for answering machines."""
    return _spoken(session, read(versions.get_version(session, code, version)), node)


@router.post("/{code}/{version}/save")
def save_script(session: Tx, who: Writer, done: Sent, form: Form, code: str, version: int) -> Response:
    """Writes a version that never was in use anew; one that was becomes the next version."""
    row = versions.get_version(session, code, version)
    script = read_script(form, code, version)
    if row.activated_at is None and not row.is_active:
        versions.change_draft(session, row, script, who.user_id)
    else:
        row = versions.add_version(session, code, to_document(script), utc_now(), who.user_id)
    _note(session, who, "script.saved", row)
    return RedirectResponse(_href(row), 303)


@router.post("/{code}/{version}/activate")
def activate_script(request: Request, session: Tx, who: Writer, done: Sent, code: str, version: int) -> Response:
    """Says yes: from the next call on this version is spoken."""
    row = versions.get_version(session, code, version)
    found = versions.problems_of(session, read(row))
    if found:
        raise InvalidInput(problem_text(found[0], words_of(request)), code="script_problems")
    versions.activate(session, row, utc_now(), who.user_id)
    _note(session, who, "script.activated", row)
    return RedirectResponse(_href(row), 303)


@router.post("/{code}/{version}/withdraw")
def withdraw_script(session: Tx, who: Writer, done: Sent, code: str, version: int) -> Response:
    """Takes a version out of use."""
    row = versions.get_version(session, code, version)
    versions.withdraw(session, row)
    _note(session, who, "script.withdrawn", row)
    return RedirectResponse(_href(row), 303)


def _page(request: Request, session: Session, who: SignedIn, script: Script, row: RobocallScript | None) -> Response:
    t = words_of(request)
    model = script_model(session, script, row, t, who.user_id)
    return page(request, "script.html", shell_of(request, script.title or script.label), can_edit=_can(who), **model)


def _spoken(session: Session, script: Script, code: str) -> Response:
    plan = plan_to_prepare(session, script)
    node = plan.message if code == "_machine" else plan.node(code)
    if node is None or not node.sound:
        raise NotFound("このノードは何も話しません。", code="no_sound")
    if node.recording is not None:
        return _sound(node.recording)
    return _sound(prepare_sound(node.sound, node.text, get_settings().data_dir / "prompts").read_bytes())


def _sound(content: bytes) -> Response:
    return Response(content, media_type="audio/wav", headers={"Cache-Control": "no-store"})


def _href(row: RobocallScript) -> str:
    return f"/scripts/{row.code}/{row.version}"


def _can(who: SignedIn) -> bool:
    return who.role in PERMISSIONS[Action.EDIT_SCRIPTS]


def _note(session: Session, who: SignedIn, action: str, row: RobocallScript) -> None:
    detail = {"code": row.code, "version": row.version}
    audit.record(session, action, "robocall_script", row.id, who.user_id, who.address, detail, utc_now())
