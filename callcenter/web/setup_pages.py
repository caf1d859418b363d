"""The first run: office and administrator on one page, open once and only with the data folder's code; then what is still to be done."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Form as Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit, throttling
from callcenter.auth.factors import has_factor
from callcenter.auth.models import AuditEvent, Role, User
from callcenter.auth.offices import all_offices
from callcenter.auth.permissions import Action
from callcenter.auth.setup import CODE_FILE, is_fresh, require_code, set_up, setup_code
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import AppError
from callcenter.core.phones import parse_phone
from callcenter.core.settings import get_settings
from callcenter.web import signing
from callcenter.web.cookies import VISIT, read_cookie, set_cookie
from callcenter.web.dependencies import SignedIn, Tx, address_of, may
from callcenter.web.entering import NOTHING, Entrant, enter
from callcenter.web.pages import Shell, lang_of, page, shell_of, words_of
from callcenter.web.problems import told
from campaigns.compliance.models import CalendarDay
from campaigns.imports.models import ImportFile

router = APIRouter()
Administrator = Annotated[SignedIn, may(Action.SHAPE_OFFICE)]
Short = Annotated[str, Field(max_length=100)]
ASKED = ("name", "code", "phone", "sign_in_name", "display_name")


@router.get("/setup")
def show_setup(request: Request) -> Response:
    """The form, as long as nobody can sign in; the sign-in form afterwards."""
    if not is_fresh():
        return RedirectResponse("/login", 303)
    setup_code(get_settings().data_dir)  # so that there is a file to look into
    with transaction(None) as session:
        offices = all_offices(session)
    first = offices[0] if offices else None
    return _page(request, 200, {"name": first.name if first else "", "code": first.code if first else "main"})


@router.post("/setup")
def do_setup(
    request: Request,
    setup: Short = "",
    name: Short = "",
    code: Short = "",
    phone: Short = "",
    sign_in_name: Short = "",
    display_name: Short = "",
    password: Annotated[str, Field(max_length=400)] = "",
    csrf_token: Annotated[str, Field(max_length=300)] = "",
) -> Response:
    """Makes both, signs the administrator in and shows what comes next."""
    typed = dict(zip(ASKED, (name, code, phone, sign_in_name, display_name), strict=True))
    if not is_fresh():
        return RedirectResponse("/login", 303)
    if not signing.is_form_token(csrf_token, read_cookie(request, VISIT)):
        return _page(request, 403, typed, error=words_of(request)("login.expired"))
    attempt = throttling.Attempt(0, "#setup", address_of(request))
    if throttling.is_braked(attempt):
        return _page(request, 429, typed, error=words_of(request)("login.throttled"))
    data = get_settings().data_dir
    number = parse_phone(phone)
    try:
        require_code(data, setup)
        made = set_up(
            data,
            code=code,
            name=name,
            phone=number.e164 or "" if number else "",
            sign_in_name=sign_in_name,
            display_name=display_name,
            password=password,
        )
    except AppError as problem:
        if problem.status == 403:
            throttling.count_failure(attempt)
        return _page(request, problem.status, typed, error=" ".join(told(problem, lang_of(request))).strip())
    office_id, user_id, _ = made
    with transaction(office_id) as session:
        audit.record(session, "installation.set_up", "office", office_id, user_id, address_of(request), None, utc_now())
    return enter(request, Entrant(office_id, user_id, sign_in_name, NOTHING), "/first-steps", "setup")


@router.get("/first-steps")
def show_steps(request: Request, session: Tx, who: Administrator) -> Response:
    """What is done and what is still to be done before the first call."""
    t = words_of(request)
    steps = _steps(session, who)
    done = sum(step["is_done"] for step in steps)
    return page(request, "first_steps.html", shell_of(request, t("nav.first_steps")), steps=steps, done=done)


def _steps(session: Session, who: SignedIn) -> list[dict[str, Any]]:
    """Each step by what the database says of it."""

    def exists(query: Any) -> bool:
        return session.scalar(select(func.count()).select_from(query.limit(1).subquery())) == 1

    able = select(User.id).where(User.is_enabled, User.password_hash.is_not(None))
    changed = select(AuditEvent.id).where(AuditEvent.action == "office.changed")
    tested = select(AuditEvent.id).where(AuditEvent.action == "carrier.tested", AuditEvent.detail["is_ok"].as_boolean())
    found = {
        "office": exists(changed),
        "factor": has_factor(session, who.user_id),
        "supervisor": exists(able.where(User.role == Role.SUPERVISOR)),
        "operator": exists(able.where(User.role == Role.OPERATOR)),
        "calendar": exists(select(CalendarDay.id)),
        "carrier": exists(tested),
        "list": exists(select(ImportFile.id).where(ImportFile.kind == "debts", ImportFile.status == "done", ~ImportFile.is_dry_run)),
    }
    links = {
        "office": "/office",
        "factor": "/account",
        "supervisor": "/users",
        "operator": "/users",
        "calendar": "/policy",
        "carrier": "/carriers",
    }
    return [{"name": name, "is_done": is_done, "href": links.get(name)} for name, is_done in found.items()]


def _page(request: Request, status: int, typed: dict[str, str], *, error: str = "") -> Response:
    t = words_of(request)
    visit = read_cookie(request, VISIT) or secrets.token_urlsafe(18)
    shell = Shell(office_name="", title=t("setup.title"), csrf_token=signing.form_token(visit), now=utc_now())
    fields = {name: typed.get(name, "") for name in ASKED}
    response = page(request, "setup.html", shell, status, fields=fields, file=CODE_FILE, error=error)
    set_cookie(response, VISIT, visit, signing.FORM_SECONDS)
    return response
