"""One's own second factor and open sessions: setting up and taking away need the password again (ASVS 7.5.1)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi import Form as Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit, factors, identity, throttling
from callcenter.auth.models import User
from callcenter.auth.passwords import check_password
from callcenter.auth.permissions import Action
from callcenter.auth.service import require_user
from callcenter.auth.sessions import end_session, sessions_of
from callcenter.auth.terms import load_terms
from callcenter.core.clock import utc_now
from callcenter.core.errors import AppError, InvalidInput, NotAllowed, NotFound
from callcenter.core.settings import get_settings
from callcenter.web import signing
from callcenter.web.dependencies import SignedIn, Tx, may
from callcenter.web.pages import lang_of, page, shell_of, words_of
from callcenter.web.problems import told
from callcenter.web.qr import picture_of

router = APIRouter()
Myself = Annotated[SignedIn, may(Action.OWN_ACCOUNT)]
Password = Annotated[str, Field(max_length=400)]


@router.get("/account")
def show_account(request: Request, session: Tx, who: Myself) -> Response:
    """One's own password, second factor and open sessions."""
    return account_page(request, session, who, 200)


@router.post("/account/factor")
def begin_factor(request: Request, session: Tx, who: Myself, password: Password = "") -> Response:
    """Makes a seed and shows it once for the telephone to take."""
    try:
        require_password(session, who, password)
        seed = factors.begin(session, who.user_id, signing.seal_key(), utc_now())
    except AppError as problem:
        return account_page(request, session, who, problem.status, problem)
    return _enrol_page(request, who, seed, 200)


@router.post("/account/factor/confirm")
def confirm_factor(request: Request, session: Tx, who: Myself, code: Annotated[str, Field(max_length=20)] = "") -> Response:
    """The telephone's first code makes it the second factor; recovery codes are shown on this answer and nowhere else."""
    seed = factors.begun(session, who.user_id, signing.seal_key())
    if seed is None:
        return RedirectResponse("/account", 303)
    try:
        codes = factors.confirm(session, who.user_id, code.strip(), signing.seal_key(), utc_now())
    except InvalidInput:
        return _enrol_page(request, who, seed, 422, error=words_of(request)("factor.wrong"))
    _note(session, who, "factor.enrolled")
    return page(request, "factor_codes.html", shell_of(request, words_of(request)("factor.codes")), codes=codes, next="/account")


@router.post("/account/factor/codes")
def renew_codes(request: Request, session: Tx, who: Myself, password: Password = "") -> Response:
    """New recovery codes; the old ones are void."""
    try:
        require_password(session, who, password)
        if not factors.has_factor(session, who.user_id):
            raise NotFound("二段階認証は設定されていません。", code="no_factor")
    except AppError as problem:
        return account_page(request, session, who, problem.status, problem)
    codes = factors.renew_recovery_codes(session, who.user_id, utc_now())
    _note(session, who, "factor.codes_renewed")
    return page(request, "factor_codes.html", shell_of(request, words_of(request)("factor.codes")), codes=codes, next="/account")


@router.post("/account/factor/drop")
def drop_factor(request: Request, session: Tx, who: Myself, password: Password = "") -> Response:
    """Takes it away, unless the role needs one."""
    try:
        user = require_password(session, who, password)
        if who.role in load_terms(session).second_factor_roles:
            raise NotAllowed("この役割では、二段階認証を解除できません。", code="factor_needed")
    except AppError as problem:
        return account_page(request, session, who, problem.status, problem)
    factors.drop(session, user)
    _note(session, who, "factor.dropped")
    return RedirectResponse("/account", 303)


@router.post("/account/sessions/{session_id}/end")
def end_own_session(request: Request, session: Tx, who: Myself, session_id: int) -> Response:
    """Ends one of one's own sessions, wherever it is open."""
    now = utc_now()
    if session_id not in {each.id for each in sessions_of(session, who.user_id, now)}:
        raise NotFound("そのサインインは、もう終わっています。", code="no_session")
    end_session(session, session_id, who.user_id, now)
    _note(session, who, "session.ended")
    return RedirectResponse("/account", 303)


def account_page(request: Request, session: Session, who: SignedIn, status: int, problem: AppError | None = None) -> Response:
    """Everything about one's own account."""
    now = utc_now()
    return page(
        request,
        "account.html",
        shell_of(request, words_of(request)("account.title")),
        status,
        error=" ".join(told(problem, lang_of(request))).strip() if problem else "",
        first_until=who.password_until,
        has_factor=factors.has_factor(session, who.user_id),
        is_needed=who.role in load_terms(session).second_factor_roles,
        has_provider=bool(get_settings().oidc_issuer),
        is_linked=identity.is_linked(session, who.user_id, get_settings().oidc_issuer),
        codes_left=factors.codes_left(session, who.user_id),
        sessions=[
            {"id": each.id, "since": each.created_at, "seen": each.last_seen_at, "is_this": each.id == who.session_id}
            for each in sessions_of(session, who.user_id, now)
        ],
    )


def require_password(session: Session, who: SignedIn, password: str) -> User:
    """The user, if the password is theirs. Raises InvalidInput; too many wrong ones are braked as at the sign-in."""
    user = require_user(session, who.user_id)
    attempt = throttling.Attempt(who.office_id, f"{who.sign_in_name}#account", who.address)
    if throttling.is_braked(attempt):
        raise InvalidInput("まちがいが続きました。", hint="10分ほど待ってください。", code="unlock_braked")
    if not check_password(password, user.password_hash)[0]:
        throttling.count_failure(attempt)
        raise InvalidInput("今のパスワードが違います。", code="password_wrong")
    return user


def _enrol_page(request: Request, who: SignedIn, seed: str, status: int, *, error: str = "") -> Response:
    t = words_of(request)
    picture = picture_of(seed, t("shell.product"), who.sign_in_name)
    shell = shell_of(request, t("factor.title"))
    return page(
        request, "second_step.html", shell, status, action="/account/factor/confirm", step="", next="", picture=picture, error=error
    )


def _note(session: Session, who: SignedIn, action: str) -> None:
    audit.record(session, action, "user", who.user_id, who.user_id, who.address, None, utc_now())
