"""Answers for what went wrong: one line, what to do next and an id; a page, a fragment or JSON, never a trace."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.permissions import HOME
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import AppError
from callcenter.web.dependencies import Locked, NotSignedIn, address_of
from callcenter.web.pages import fragment, lang_of, page, shell_of, words_of
from callcenter.web.problems import FIELDS, told

log = structlog.get_logger(__name__)

WORDS: dict[int, tuple[str, str, str]] = {
    400: ("bad_request", "要求を読み取れませんでした。", "The request could not be read."),
    404: ("not_found", "ページがありません。", "There is no such page."),
    405: ("method", "この操作はここではできません。", "That can't be done here."),
    413: ("too_large", "ファイルまたは入力が大きすぎます。", "The file or form is too large."),
    422: ("invalid_input", "入力に不足か誤りがあります。", "Something is missing or wrong in the form."),
    500: (
        "internal",
        "処理できませんでした。もう一度試し、続くときは番号を管理者に伝えてください。",
        "Something went wrong. Try again, then tell the id to your administrator.",
    ),
    503: (
        "unavailable",
        "データベースに接続できません。しばらくしてから試してください。",
        "The database does not answer. Try again shortly.",
    ),
}


def wants_json(request: Request) -> bool:
    """Whether a program asks, not a person."""
    return request.url.path.startswith(("/api/", "/webhooks/", "/events")) or "application/json" in request.headers.get("accept", "")


def is_fragment(request: Request) -> bool:
    """Whether a part of an open page asks."""
    return request.headers.get("hx-request") == "true"


def plain_answer(request: Request, status: int, code: str, message: str, hint: str = "") -> Response:
    """An answer that needs neither templates nor a database."""
    request_id = getattr(request.state, "request_id", "")
    if wants_json(request):
        return JSONResponse({"code": code, "message": message, "hint": hint, "request_id": request_id}, status)
    lines = f"<h1>{escape(message)}</h1><p>{escape(hint)}</p><p>{escape(request_id)}</p>"
    body = (
        f'<!doctype html><html lang="ja"><head><meta charset="utf-8"><title>{status}</title></head><body><main>{lines}</main></body></html>'
    )
    return HTMLResponse(body, status)


KINDS: dict[int, str] = {403: "not_allowed", 404: "not_found", 405: "not_found", 409: "conflict", 429: "throttled", 503: "unavailable"}


def answer(request: Request, status: int, code: str, message: str, hint: str = "") -> Response:
    """A page, a fragment for the open page's error place, or JSON saying what is wrong."""
    if wants_json(request):
        return plain_answer(request, status, code, message, hint)
    if is_fragment(request):
        if status == 409:
            return fragment(request, "conflict.html", status, conflict={"text": f"{message}{hint}", "at": utc_now()})
        return fragment(request, "errors.html", status, errors=[{"field_id": FIELDS.get(code, ""), "message": f"{message} {hint}".strip()}])
    who = getattr(request.state, "who", None)
    kind = KINDS.get(status, "invalid" if status < 500 else "broken")
    error = {
        "kind": kind,
        "request_id": getattr(request.state, "request_id", ""),
        "home_href": HOME[who.role] if who else "/login",
        "message": message,
        "hint": hint,
    }
    title = words_of(request)(f"error.{kind}")
    return page(request, "error.html", shell_of(request, title, is_live=False), status, error=error)


def words(request: Request, status: int) -> tuple[str, str]:
    """Code and sentence for a bare status, in the person's language."""
    code, ja, en = WORDS.get(status, WORDS[500] if status >= 500 else WORDS[400])
    return code, en if lang_of(request) == "en" else ja


async def on_app_error(request: Request, problem: Exception) -> Response:
    """An expected error: its status, its line."""
    assert isinstance(problem, AppError)
    if isinstance(problem, NotSignedIn):
        return on_not_signed_in(request, problem)
    if isinstance(problem, Locked) and request.method == "GET" and not (wants_json(request) or is_fragment(request)):
        return RedirectResponse(f"/unlock?next={quote(request.url.path, safe='/')}", 303)
    if problem.status == 403:
        await run_in_threadpool(note_refusal, request, problem.code, utc_now())
    message, hint = told(problem, lang_of(request))
    return answer(request, problem.status, problem.code, message, hint)


def on_not_signed_in(request: Request, problem: NotSignedIn) -> Response:
    """Pages lead to the sign-in form; fragments, streams, changes and programs get 401 (a redirect would loop silently there)."""
    if wants_json(request) or is_fragment(request) or request.method not in ("GET", "HEAD"):
        return plain_answer(request, 401, problem.code, problem.message, problem.hint)
    return RedirectResponse(f"/login?next={quote(request.url.path, safe='/')}", 303)


def note_refusal(request: Request, code: str, now: datetime) -> None:
    """A refusal of the role or of a forged form is on record, in a transaction of its own: the request's was rolled back."""
    who = getattr(request.state, "who", None)
    if who is not None:
        note_event(request, "request.refused", None, now, {"code": code})


def note_event(request: Request, action: str, subject_id: int | None, now: datetime, detail: Mapping[str, Any] | None = None) -> None:
    """Puts something on record that must stay there although the request's own transaction is rolled back."""
    who = request.state.who
    route = str(getattr(request.scope.get("route"), "path", ""))
    subject_type = "route" if subject_id is None else "user"
    with transaction(who.office_id) as session:
        told = {**(detail or {}), "route": route}
        audit.record(session, action, subject_type, subject_id, who.user_id, address_of(request), told, now)


async def on_validation_error(request: Request, problem: Exception) -> Response:
    """A malformed field: which one, never what was typed."""
    assert isinstance(problem, RequestValidationError)
    fields = sorted({str(error["loc"][-1]) for error in problem.errors()})
    code, message = words(request, 422)
    return answer(request, 422, code, message, ", ".join(fields))


async def on_http_error(request: Request, problem: Exception) -> Response:
    """404, 405 and the like of the framework."""
    assert isinstance(problem, HTTPException)
    status = 413 if getattr(request.state, "is_too_large", False) else problem.status_code
    code, message = words(request, status)
    response = answer(request, status, code, message)
    if problem.headers and "Allow" in problem.headers:
        response.headers["Allow"] = problem.headers["Allow"]
    return response


async def on_database_error(request: Request, problem: Exception) -> Response:
    """The database is away, or a value does not fit where all checks before let it pass."""
    if isinstance(problem, DataError | IntegrityError):
        log.warning("value_refused_by_database", error=type(problem).__name__, request_id=getattr(request.state, "request_id", ""))
        status = 409 if isinstance(problem, IntegrityError) else 422
        message = "ほかの操作と重なったか、入力が受け付けられませんでした。"
        return answer(request, status, "conflict" if status == 409 else "invalid_input", message, "ページを開き直してください。")
    log.error("database_unavailable", error=type(problem).__name__, request_id=getattr(request.state, "request_id", ""))
    return plain_answer(request, 503, *words(request, 503))


def install(app: FastAPI) -> None:
    """Registers all of it."""
    handlers: dict[Any, Any] = {
        AppError: on_app_error,
        RequestValidationError: on_validation_error,
        HTTPException: on_http_error,
        OperationalError: on_database_error,
        PoolTimeout: on_database_error,
        DataError: on_database_error,
        IntegrityError: on_database_error,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
