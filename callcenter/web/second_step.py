"""Between the right password and a session: the one-time code, or setting one up where the role needs it. No session exists before."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi import Form as Field
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit, factors, throttling
from callcenter.auth.service import require_user
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput
from callcenter.web import signing
from callcenter.web.cookies import VISIT, read_cookie
from callcenter.web.dependencies import address_of, local_path
from callcenter.web.entering import ENROL, Entrant, enter, entrant_of, give_cookies, start_session
from callcenter.web.pages import Shell, page, words_of
from callcenter.web.qr import picture_of

router = APIRouter()
Code = Annotated[str, Field(max_length=60)]
Step = Annotated[str, Field(max_length=400)]
Next = Annotated[str, Field(max_length=300)]


def show(request: Request, entrant: Entrant, visit: str, next_page: str) -> Response:
    """Asks for what is missing; a seed is made for whoever has none."""
    if entrant.missing == ENROL:
        with transaction(entrant.office_id) as session:
            factors.begin(session, entrant.user_id, signing.seal_key(), utc_now())
    return _page(request, entrant, visit, next_page, 200)


@router.post("/login/code")
def give_code(request: Request, code: Code = "", step: Step = "", next: Next = "") -> Response:
    """Takes the one-time code or a recovery code; the right one opens the session."""
    visit, next_page = read_cookie(request, VISIT), local_path(next)
    entrant = _entrant(step, visit)
    if entrant is None or entrant.missing == ENROL:
        return RedirectResponse("/login", 303)
    if throttling.is_braked(attempt := _attempt(request, entrant)):
        return _page(request, entrant, visit, next_page, 429, error="throttled")
    now = utc_now()
    with transaction(entrant.office_id) as session:
        how = factors.check(session, entrant.user_id, code, signing.seal_key(), now)
        if how == "recovery":
            left = {"left": factors.codes_left(session, entrant.user_id)}
            audit.record(session, "factor.recovery_used", "user", entrant.user_id, entrant.user_id, address_of(request), left, now)
        if not how:
            audit.record(session, "session.refused", "user", entrant.user_id, None, address_of(request), {"step": "code"}, now)
    if not how:
        throttling.count_failure(attempt)
        return _page(request, entrant, visit, next_page, 401, error="wrong")
    throttling.forget(attempt)
    return enter(request, entrant, next_page, f"password+{how}")


@router.post("/login/enrol")
def enrol(request: Request, code: Code = "", step: Step = "", next: Next = "") -> Response:
    """Takes the first code of a seed just set up; then the session, and the recovery codes, shown on this answer and nowhere else."""
    visit, next_page = read_cookie(request, VISIT), local_path(next)
    entrant = _entrant(step, visit)
    if entrant is None or entrant.missing != ENROL:
        return RedirectResponse("/login", 303)
    if throttling.is_braked(attempt := _attempt(request, entrant)):
        return _page(request, entrant, visit, next_page, 429, error="throttled")
    now = utc_now()
    try:
        with transaction(entrant.office_id) as session:
            codes = factors.confirm(session, entrant.user_id, code, signing.seal_key(), now)
            audit.record(session, "factor.enrolled", "user", entrant.user_id, entrant.user_id, address_of(request), None, now)
            token, home = start_session(session, request, entrant, "password+code", now)
    except InvalidInput:
        throttling.count_failure(attempt)
        return _page(request, entrant, visit, next_page, 422, error="wrong")
    shell = Shell(office_name="", title=words_of(request)("factor.codes"), csrf_token="", now=now)
    response = page(request, "factor_codes.html", shell, codes=codes, next=next_page or home)
    give_cookies(response, entrant, token)
    return response


def _entrant(step: str, visit: str) -> Entrant | None:
    """Whoever gave the password in this browser a moment ago, if the account still stands."""
    held = signing.step_of(step, visit)
    if held is None:
        return None
    with transaction(held[0]) as session:
        user = require_user(session, held[1])
        return entrant_of(session, held[0], user) if user.is_enabled else None


def _attempt(request: Request, entrant: Entrant) -> throttling.Attempt:
    return throttling.Attempt(entrant.office_id, f"{entrant.sign_in_name}#code", address_of(request))


def _page(request: Request, entrant: Entrant, visit: str, next_page: str, status: int, *, error: str = "") -> Response:
    t = words_of(request)
    picture = None
    if entrant.missing == ENROL:
        with transaction(entrant.office_id) as session:
            seed = factors.begun(session, entrant.user_id, signing.seal_key())
        if seed is None:
            return RedirectResponse("/login", 303)
        picture = picture_of(seed, t("shell.product"), entrant.sign_in_name)
    shell = Shell(office_name="", title=t("factor.title"), csrf_token=signing.form_token(visit), now=utc_now())
    return page(
        request,
        "second_step.html",
        shell,
        status,
        action="/login/enrol" if entrant.missing == ENROL else "/login/code",
        step=signing.step_token(visit, entrant.office_id, entrant.user_id),
        next=next_page,
        picture=picture,
        error=t(f"factor.{error}") if error else "",
    )
