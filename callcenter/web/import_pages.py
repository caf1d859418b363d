"""Files in: upload, what one would change, taking it, progress, what was refused. A job does the work after commit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from callcenter.auth import audit
from callcenter.core.clock import utc_now
from callcenter.core.db import set_office
from callcenter.core.eras import parse_date
from callcenter.core.errors import AppError, InvalidInput, NotFound
from callcenter.core.settings import get_settings
from callcenter.web.dependencies import Form, Once, SignedIn, Tx, once
from callcenter.web.import_model import import_model, list_model, upload_model
from callcenter.web.import_words import refusal
from callcenter.web.pages import fragment, lang_of, leads_to, page, shell_of, words_of
from callcenter.web.uploads import Importer, Uploaded, note_received
from campaigns.imports.layout_choice import told_layout
from campaigns.imports.layouts import KINDS
from campaigns.imports.models import ImportFile
from campaigns.imports.rehearsals import repeat_upload, take_rehearsed, taken_from
from campaigns.imports.service import import_file, register_upload

router = APIRouter()


@router.get("/imports")
def list_imports(request: Request, session: Tx, who: Importer, page_no: int = 1) -> Response:
    """The upload form and the files so far."""
    return _list_page(request, session, 200, page_no, {}, ())


@router.get("/imports/list")
def refresh_list(request: Request, session: Tx, who: Importer, page_no: int = 1) -> Response:
    """The list of files alone."""
    return fragment(request, "imports_list.html", shell=shell_of(request, ""), **list_model(session, words_of(request), page_no))


@router.post("/imports")
def upload(request: Request, session: Tx, who: Importer, done: Annotated[Once, once], form: Form, file: Uploaded) -> Response:
    """Receives a file and lets a job look through or import it; the answer leads to its page."""
    if done.is_repeat:
        return RedirectResponse("/imports", 303)
    try:
        row = _register(session, who, form, *file)
    except InvalidInput as problem:
        session.rollback()
        return _refused(request, session, who, form, problem)
    note_received(session, who, row, utc_now())
    return leads_to(request, f"/imports/{row.id}")


def _told(form: FormData) -> dict[str, str]:
    return {key: str(form.get(key) or "") for key in ("kind", "layout", "mode", "as_of", "how")}


def _register(session: Session, who: SignedIn, form: FormData, name: str, path: Path) -> ImportFile:
    told = _told(form)
    kind, layout = told["kind"], told["layout"]
    if kind not in KINDS:
        raise InvalidInput("ファイルの種類を選んでください。", hint="名簿・入金・架電記録のいずれかです。", code="bad_kind")
    if layout in ("", "auto"):
        layout = told_layout(session, kind, path, name).name
    elif ":" in layout:
        of_kind, _, layout = layout.partition(":")
        if of_kind != kind:
            raise InvalidInput("選んだ様式は、別の種類のファイルのものです。", hint="種類か様式を選び直してください。", code="other_kind")
    is_check = told["how"] != "now"
    row = register_upload(
        session,
        kind,
        name,
        path,
        mode=None if told["mode"] in ("", "auto") else told["mode"],
        layout=layout,
        as_of=parse_date(told["as_of"]),
        user_id=who.user_id,
        now=utc_now(),
        is_dry_run=is_check,
    )
    if not is_check and row.kind == "debts" and row.mode == "full":
        raise InvalidInput(
            "全件の名簿は、取り込む前に確認します。", hint="「取り込む前に確認する」を選んで送ってください。", code="check_first"
        )
    return row


def _refused(request: Request, session: Session, who: SignedIn, form: FormData, problem: AppError) -> Response:
    """The form again with what is wrong; a script gets the list alone."""
    errors = [{"field_id": "file", "message": refusal(problem, lang_of(request))}]
    if request.headers.get("hx-request") == "true":
        return fragment(request, "errors.html", problem.status, errors=errors)
    set_office(session, who.office_id)
    return _list_page(request, session, problem.status, 1, _told(form), errors)


@router.get("/imports/{import_id}")
def show_import(request: Request, session: Tx, who: Importer, import_id: int) -> Response:
    """One file with what it did or would do; examples and rejected rows hold personal data, so the view is on record."""
    return _import_page(request, session, who, import_file(session, import_id), 200, ())


@router.get("/imports/{import_id}/body")
def refresh_import(request: Request, session: Tx, who: Importer, import_id: int) -> Response:
    """What changes while it runs; the first look at a result is on record like that at the page."""
    row = import_file(session, import_id)
    if row.status == "done":
        _note_view(session, who, row)
    model = import_model(session, row, words_of(request), lang_of(request))
    return fragment(request, "import_body.html", shell=shell_of(request, ""), errors=(), **model)


@router.post("/imports/{import_id}/apply")
def apply_import(request: Request, session: Tx, who: Importer, done: Annotated[Once, once], form: Form, import_id: int) -> Response:
    """Takes a file whose rehearsal was looked at."""
    rehearsal = import_file(session, import_id)
    if done.is_repeat and (taken := taken_from(session, rehearsal)) is not None:
        return leads_to(request, f"/imports/{taken.id}")
    now = utc_now()
    try:
        row = take_rehearsed(
            session,
            rehearsal,
            user_id=who.user_id,
            now=now,
            loud_percent=get_settings().close_warning_percent,
            is_confirmed=form.get("confirm_closing") == "true",
        )
    except InvalidInput as problem:
        errors = [{"field_id": "confirm_closing", "message": refusal(problem, lang_of(request))}]
        if request.headers.get("hx-request") == "true":
            return fragment(request, "errors.html", problem.status, errors=errors)
        return _import_page(request, session, who, rehearsal, problem.status, errors)
    detail = {"kind": row.kind, "mode": row.mode, "rehearsal": rehearsal.id, "closes": rehearsal.closed}
    audit.record(session, "import.applied", "import", row.id, who.user_id, who.address, detail, now)
    return leads_to(request, f"/imports/{row.id}")


@router.post("/imports/{import_id}/again")
def try_again(request: Request, session: Tx, who: Importer, done: Annotated[Once, once], import_id: int) -> Response:
    """Looks a stored file through once more: after a failure, or when the rehearsal no longer holds."""
    earlier = import_file(session, import_id)
    if done.is_repeat:
        return leads_to(request, "/imports")
    now = utc_now()
    row = repeat_upload(session, earlier, user_id=who.user_id, now=now, is_dry_run=True)
    note_received(session, who, row, now)
    return leads_to(request, f"/imports/{row.id}")


@router.get("/imports/{import_id}/rejected.csv")
def download_rejected(session: Tx, who: Importer, import_id: int) -> Response:
    """The rejected rows in the file's own form, as an attachment that no browser shows."""
    row = import_file(session, import_id)
    if not row.rejected_path or not Path(row.rejected_path).is_file():
        raise NotFound("取り込めなかった行はありません。")
    audit.record(session, "import.rejected_downloaded", "import", row.id, who.user_id, who.address, {"rows": row.rejected}, utc_now())
    stem = Path(row.original_name).stem.replace("\r", "").replace("\n", "")[:80]
    name = quote(f"{stem}.rejected.csv", safe="")
    headers = {"Content-Disposition": f"attachment; filename=\"import-{row.id}.rejected.csv\"; filename*=UTF-8''{name}"}
    return FileResponse(row.rejected_path, media_type="text/csv; charset=utf-8", headers=headers)


def _note_view(session: Session, who: SignedIn, row: ImportFile) -> None:
    detail = {"rejected": row.rejected, "rehearsal": row.is_dry_run}
    audit.record(session, "import.viewed", "import", row.id, who.user_id, who.address, detail, utc_now())


def _import_page(request: Request, session: Session, who: SignedIn, row: ImportFile, status: int, errors: Any) -> Response:
    _note_view(session, who, row)
    t = words_of(request)
    model = import_model(session, row, t, lang_of(request))
    return page(request, "import.html", shell_of(request, t("imports.title")), status, errors=errors, **model)


def _list_page(request: Request, session: Session, status: int, page_no: int, told: dict[str, str], errors: Any) -> Response:
    t = words_of(request)
    form = upload_model(session, t, told, errors)
    shell = shell_of(request, t("imports.title"))
    return page(request, "imports.html", shell, status, upload=form, refresh_url="/imports/list", **list_model(session, t, page_no))
