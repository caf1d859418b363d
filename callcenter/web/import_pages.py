"""Files in: upload, progress, what was refused. A file is streamed to disk, judged by its content, and imported by a job after commit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.models import User
from callcenter.core.clock import local_day, utc_now
from callcenter.core.eras import parse_date
from callcenter.core.errors import AppError, InvalidInput, NotFound
from callcenter.core.settings import get_settings
from callcenter.web import phrases
from callcenter.web.dependencies import Form, Once, SignedIn, Tx, once
from callcenter.web.pages import fragment, lang_of, page, shell_of, words_of
from callcenter.web.uploads import Importer, Uploaded
from campaigns.imports.models import ImportFile, Rejection
from campaigns.imports.service import import_file, register_upload

router = APIRouter()
PAGE = 30
REJECTED_PAGE = 50
KINDS = ("debts", "payments", "attempts")
STEPS = {"read": "reading", "rows": "checking"}


@router.get("/imports")
def list_imports(request: Request, session: Tx, who: Importer, page_no: int = 1) -> Response:
    """The upload form and the files so far."""
    return _list_page(request, session, 200, page_no, ())


@router.get("/imports/list")
def refresh_list(request: Request, session: Tx, who: Importer, page_no: int = 1) -> Response:
    """The list of files alone."""
    return fragment(request, "imports_list.html", shell=shell_of(request, ""), **_files(session, request, page_no))


@router.post("/imports")
def upload(
    request: Request,
    session: Tx,
    who: Importer,
    done: Annotated[Once, once],
    form: Form,
    file: Uploaded,
) -> Response:
    """Receives a file and lets a job import it; the answer leads to its page."""
    if done.is_repeat:
        return RedirectResponse("/imports", 303)
    try:
        row = _register(session, who, form, *file)
    except InvalidInput as problem:
        session.rollback()
        return _refused(request, session, who, problem)
    detail = {"kind": row.kind, "mode": row.mode, "bytes": row.size_bytes}
    audit.record(session, "import.received", "import", row.id, who.user_id, who.address, detail, utc_now())
    if request.headers.get("hx-request") == "true":
        return Response(status_code=204, headers={"HX-Redirect": f"/imports/{row.id}"})
    return RedirectResponse(f"/imports/{row.id}", 303)


def _register(session: Session, who: SignedIn, form: FormData, name: str, path: Path) -> ImportFile:
    told = {key: str(form.get(key) or "") for key in ("kind", "layout", "mode", "as_of", "is_dry_run")}
    if told["kind"] not in KINDS:
        raise InvalidInput("ファイルの種類を選んでください。", hint="名簿・入金・架電記録のいずれかです。", code="bad_kind")
    return register_upload(
        session,
        told["kind"],
        name,
        path,
        mode=told["mode"] or None,
        layout=None if told["layout"] in ("", "auto") else told["layout"],
        as_of=parse_date(told["as_of"]),
        user_id=who.user_id,
        now=utc_now(),
        is_dry_run=told["is_dry_run"] == "true",
    )


def _refused(request: Request, session: Session, who: SignedIn, problem: AppError) -> Response:
    """The form again with what is wrong; a script gets the list alone."""
    errors = [{"field_id": "file", "message": f"{problem.message} {problem.hint}".strip()}]
    if request.headers.get("hx-request") == "true":
        return fragment(request, "errors.html", problem.status, errors=errors)
    from callcenter.core.db import set_office

    set_office(session, who.office_id)
    return _list_page(request, session, problem.status, 1, errors)


@router.get("/imports/{import_id}")
def show_import(request: Request, session: Tx, who: Importer, import_id: int, page_no: int = 1) -> Response:
    """One file with what it did; its rejected rows hold personal data, so the view is on record."""
    row = import_file(session, import_id)
    audit.record(session, "import.viewed", "import", row.id, who.user_id, who.address, {"rejected": row.rejected}, utc_now())
    model = _import_model(session, request, row, page_no)
    return page(request, "import.html", shell_of(request, words_of(request)("imports.title")), **model)


@router.get("/imports/{import_id}/body")
def refresh_import(request: Request, session: Tx, who: Importer, import_id: int, page_no: int = 1) -> Response:
    """What changes while it runs."""
    model = _import_model(session, request, import_file(session, import_id), page_no)
    return fragment(request, "import_body.html", shell=shell_of(request, ""), **model)


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


def _list_page(request: Request, session: Session, status: int, page_no: int, errors: Any) -> Response:
    t, lang = words_of(request), lang_of(request)
    shell = shell_of(request, t("imports.title"))
    layouts = [{"value": "auto", "label": phrases.pick(lang, ("自動", "Automatic")), "is_chosen": True}]
    form = {
        "kinds": [{"value": kind, "label": t(f"kind.{kind}"), "is_chosen": kind == "debts"} for kind in KINDS],
        "layouts": layouts,
        "modes": [{"value": mode, "label": t(f"mode.{mode}"), "is_chosen": mode == "full"} for mode in ("full", "diff")],
        "as_of": local_day(utc_now()).isoformat(),
        "limit_mb": get_settings().upload_max_mb,
        "errors": list(errors),
    }
    return page(request, "imports.html", shell, status, upload=form, refresh_url="/imports/list", **_files(session, request, page_no))


def _files(session: Session, request: Request, page_no: int) -> dict[str, Any]:
    total = session.scalar(select(func.count()).select_from(ImportFile)) or 0
    page_no = max(1, min(page_no, max(1, -(-total // PAGE))))
    rows = session.execute(
        select(ImportFile, User.display_name)
        .outerjoin(User, (User.office_id == ImportFile.office_id) & (User.id == ImportFile.created_by))
        .order_by(ImportFile.id.desc())
        .offset((page_no - 1) * PAGE)
        .limit(PAGE)
    )
    return {"files": [_file(row, name or "") for row, name in rows], "pages": _pages("/imports", page_no, PAGE, total)}


def _file(row: ImportFile, user: str) -> dict[str, Any]:
    counts = {name: getattr(row, name) for name in ("rows", "created", "updated", "unchanged", "closed", "rejected")}
    return counts | {
        "id": row.id,
        "href": f"/imports/{row.id}",
        "name": row.original_name,
        "kind": row.kind,
        "mode": row.mode,
        "as_of": row.as_of,
        "at": row.created_at,
        "user": user,
        "status": row.status,
        "step": STEPS.get(row.step, "writing") if row.status == "running" and row.step else "",
        "done_rows": row.progress_rows,
        "total_rows": max(row.rows, row.progress_rows),
        "rejected_href": f"/imports/{row.id}/rejected.csv" if row.rejected_path else "",
        "is_dry_run": row.is_dry_run,
    }


def _import_model(session: Session, request: Request, row: ImportFile, page_no: int) -> dict[str, Any]:
    lang = lang_of(request)
    page_no = max(1, page_no)
    refused = session.scalars(
        select(Rejection)
        .where(Rejection.import_id == row.id)
        .order_by(Rejection.row_no, Rejection.id)
        .offset((page_no - 1) * REJECTED_PAGE)
        .limit(REJECTED_PAGE)
    )
    total = session.scalar(select(func.count()).select_from(Rejection).where(Rejection.import_id == row.id)) or 0
    file = _file(row, "") | {
        "error": row.error,
        "next": phrases.pick(
            lang,
            (
                "ファイルを直して、もう一度送ってください。何も変わっていません。",
                "Correct the file and send it again. Nothing was changed.",
            ),
        ),
        "finished_at": row.finished_at,
        "size": f"{row.size_bytes:,} bytes",
        "sha256": row.sha256,
    }
    rows = [
        {"row_no": each.row_no, "column": each.column, "reason": each.reason, "original": " | ".join(map(str, each.original))}
        for each in refused
    ]
    return {
        "file": file,
        "rejected": {"total": total, "csv_href": f"/imports/{row.id}/rejected.csv", "rows": rows},
        "pages": _pages(f"/imports/{row.id}", page_no, REJECTED_PAGE, total),
        "refresh_url": f"/imports/{row.id}/body",
    }


def _pages(href: str, page_no: int, size: int, total: int) -> dict[str, Any]:
    last = min(page_no * size, total)
    return {
        "first": (page_no - 1) * size + 1 if total else 0,
        "last": last,
        "total": total,
        "previous_href": f"{href}?page_no={page_no - 1}" if page_no > 1 else None,
        "next_href": f"{href}?page_no={page_no + 1}" if last < total else None,
    }
