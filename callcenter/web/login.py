"""Signing in and out, and the page's language."""

from __future__ import annotations

import secrets
from typing import Annotated

import structlog
from fastapi import APIRouter
from fastapi import Form as Field
from sqlalchemy import select, update
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit, throttling
from callcenter.auth.models import User
from callcenter.auth.offices import all_offices, find_office
from callcenter.auth.permissions import HOME
from callcenter.auth.service import authenticate
from callcenter.auth.sessions import end_session, find_session
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput
from callcenter.core.settings import get_settings
from callcenter.web import second_step, signing
from callcenter.web.cookies import DEVICE, LANG, SESSION, VISIT, drop_cookie, read_cookie, session_cookie, set_cookie
from callcenter.web.dependencies import SignedIn, Tx, address_of, local_path, raise_forged, require_token, signed_in
from callcenter.web.entering import Entrant, enter, entrant_of
from callcenter.web.i18n import LANGUAGES
from callcenter.web.pages import Shell, page, words_of
from dialer.agents import preview
from dialer.agents import service as agents

log = structlog.get_logger(__name__)
router = APIRouter()
LANG_SECONDS = 365 * 86400
EXPIRED = "expired"


@router.get("/")
def go_home(who: Annotated[SignedIn, signed_in()]) -> Response:
    """Each role has its own first page."""
    return RedirectResponse(HOME[who.role], 303)


@router.get("/login")
def show_login(request: Request, next: str = "", problem: str = "") -> Response:
    """The sign-in form; whoever is signed in already goes on."""
    cookie = session_cookie(request)
    if cookie is not None:
        with transaction(cookie[0]) as session:
            if (found := find_session(session, cookie[1], utc_now())) is not None:
                return RedirectResponse(HOME[found.role], 303)
    return _form(request, 200, error="oidc" if problem == "oidc" else "", next=next)


@router.post("/login")
def sign_in(
    request: Request,
    sign_in_name: Annotated[str, Field(max_length=80)] = "",
    password: Annotated[str, Field(max_length=400)] = "",
    office: Annotated[str, Field(max_length=40)] = "",
    next: Annotated[str, Field(max_length=300)] = "",
    csrf_token: Annotated[str, Field(max_length=300)] = "",
) -> Response:
    """Checks name and password; a new session takes the place of any older one of this browser."""
    if not signing.is_form_token(csrf_token, read_cookie(request, VISIT)):
        return _form(request, 403, error="expired", next=next)
    with transaction(None) as session:
        offices = all_offices(session)
        chosen = find_office(session, office) if office else offices[0] if len(offices) == 1 else None
    if chosen is None:
        return _form(request, 422, error="office_missing", sign_in_name=sign_in_name, next=next)
    attempt = _attempt(request, chosen.id, sign_in_name)
    if throttling.is_braked(attempt):
        _note(chosen.id, "session.throttled", None, request)
        return _form(request, 429, error="throttled", sign_in_name=sign_in_name, office=chosen.code, next=next)
    entrant = _check(chosen.id, sign_in_name, password)
    if entrant is None:
        throttling.count_failure(attempt)
        _note(chosen.id, "session.refused", None, request)
        return _form(request, 401, error="wrong", sign_in_name=sign_in_name, office=chosen.code, next=next)
    throttling.forget(attempt)
    if entrant == EXPIRED:
        _note(chosen.id, "session.expired", None, request)
        return _form(request, 401, error="first_expired", sign_in_name=sign_in_name, office=chosen.code, next=next)
    assert isinstance(entrant, Entrant)
    if entrant.missing:
        return second_step.show(request, entrant, read_cookie(request, VISIT), local_path(next))
    return enter(request, entrant, local_path(next), "password")


@router.post("/logout")
def sign_out(request: Request, session: Tx, who: Annotated[SignedIn, signed_in()]) -> Response:
    """Ends the session on the server; an operator takes no more calls."""
    now = utc_now()
    if agents.find_live(session, who.user_id) is not None:
        preview.sign_out(session, who.user_id, now)
    end_session(session, who.session_id, who.user_id, now)
    audit.record(session, "session.ended", "user", who.user_id, who.user_id, who.address, None, now)
    response = RedirectResponse("/login", 303)
    drop_cookie(response, SESSION)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@router.post("/language")
def choose_language(
    request: Request, lang: Annotated[str, Field(max_length=2)], csrf_token: Annotated[str, Field(max_length=300)] = ""
) -> Response:
    """Keeps the language, for the person or for this browser before signing in, and shows the same page again."""
    if lang not in LANGUAGES:
        raise InvalidInput("その言語はありません。", hint=", ".join(LANGUAGES), code="bad_lang")
    cookie = session_cookie(request)
    who = None
    if cookie is not None:
        with transaction(cookie[0]) as session:
            who = find_session(session, cookie[1], utc_now())
            if who is not None:
                require_token(csrf_token, who.csrf)
                session.execute(update(User).where(User.id == who.user_id).values(lang=lang))
    if who is None and not signing.is_form_token(csrf_token, read_cookie(request, VISIT)):
        raise_forged()
    response = RedirectResponse(_came_from(request) or (HOME[who.role] if who else "/login"), 303)
    set_cookie(response, LANG, lang, LANG_SECONDS)
    return response


def _came_from(request: Request) -> str:
    address = request.headers.get("referer", "")
    base = str(request.base_url)
    return local_path("/" + address.removeprefix(base)) if address.startswith(base) else ""


def _attempt(request: Request, office_id: int, sign_in_name: str) -> throttling.Attempt:
    device = None
    if mark := read_cookie(request, DEVICE):
        with transaction(office_id) as session:
            user_id = session.scalar(select(User.id).where(User.sign_in_name == sign_in_name))
        device = signing.device_of(mark, office_id, user_id)
    return throttling.Attempt(office_id, sign_in_name, address_of(request), device)


def _check(office_id: int, sign_in_name: str, password: str) -> Entrant | str | None:
    """Who gave the right name and password; `EXPIRED` when it was a first password whose time is over; None when it was wrong."""
    with transaction(office_id) as session:
        user = authenticate(session, sign_in_name, password)
        if user is None:
            return None
        if user.password_until is not None and user.password_until <= utc_now():
            return EXPIRED
        return entrant_of(session, office_id, user)


def _note(office_id: int, action: str, user_id: int | None, request: Request) -> None:
    with transaction(office_id) as session:
        audit.record(session, action, "user", None, user_id, address_of(request), None, utc_now())


def _form(request: Request, status: int, *, error: str = "", sign_in_name: str = "", office: str = "", next: str = "") -> Response:
    with transaction(None) as session:
        offices = all_offices(session)
    visit = read_cookie(request, VISIT) or secrets.token_urlsafe(18)
    t, settings = words_of(request), get_settings()
    form = {
        "office_code": office or (offices[0].code if len(offices) == 1 else ""),
        "sign_in_name": sign_in_name,
        "offices": [{"value": each.code, "label": each.name, "is_chosen": each.code == office} for each in offices],
        "error": t(f"login.{error}") if error else "",
        "next": local_path(next),
        "provider": settings.oidc_label or t("oidc.button") if settings.oidc_issuer else "",
    }
    name = offices[0].name if len(offices) == 1 else ""
    shell = Shell(office_name=name, title=t("login.title"), csrf_token=signing.form_token(visit), now=utc_now())
    response = page(request, "login.html", shell, status, form=form)
    set_cookie(response, VISIT, visit, signing.FORM_SECONDS)
    return response
