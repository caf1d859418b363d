"""The idle lock: a screen nobody has touched is blurred and shows nothing until its own user is back. The call goes on meanwhile."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi import Form as Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit, factors, throttling
from callcenter.auth.passwords import check_password
from callcenter.auth.permissions import Action
from callcenter.auth.service import require_user
from callcenter.auth.sessions import lock_session, unlock_session
from callcenter.core.clock import utc_now
from callcenter.core.errors import AppError, InvalidInput
from callcenter.web import signing
from callcenter.web.dependencies import SignedIn, Tx, local_path, may
from callcenter.web.errors import is_fragment, note_event
from callcenter.web.pages import page, shell_of, words_of
from dialer.agents import service as agents
from dialer.agents.state import AgentState, PauseReason

router = APIRouter()
Myself = Annotated[SignedIn, may(Action.OWN_ACCOUNT)]


class Braked(AppError):
    """Too many wrong tries."""

    status = 429
    code = "unlock_braked"


@router.post("/lock")
def lock(request: Request, session: Tx, who: Myself) -> Response:
    """Locks all pages of this session; an operator gets no further call until they are back."""
    now = utc_now()
    if not who.is_locked:
        lock_session(session, who.session_id, now)
        _pause(session, who)
        audit.record(session, "session.locked", "user", who.user_id, who.user_id, who.address, None, now)
    return Response(status_code=204) if is_fragment(request) else RedirectResponse("/unlock", 303)


@router.get("/unlock")
def show_lock(request: Request, who: Myself, next: str = "") -> Response:
    """The locked page: nothing of the office but the form."""
    if not who.is_locked:
        return RedirectResponse(local_path(next) or "/", 303)
    return _page(request, 200, next)


@router.post("/unlock")
def unlock(
    request: Request,
    session: Tx,
    who: Myself,
    secret: Annotated[str, Field(max_length=400)] = "",
    next: Annotated[str, Field(max_length=300)] = "",
) -> Response:
    """Takes the password or a one-time code."""
    now = utc_now()
    attempt = throttling.Attempt(who.office_id, f"{who.sign_in_name}#unlock", who.address)
    if throttling.is_braked(attempt):
        raise Braked("まちがいが続きました。", hint="10分ほど待つか、サインアウトしてください。")
    if not _is_theirs(session, who, secret):
        throttling.count_failure(attempt)
        note_event(request, "session.unlock_refused", who.user_id, now)
        problem = InvalidInput("パスワードまたはコードが違います。", code="unlock_wrong")
        if is_fragment(request):
            raise problem
        return _page(request, 422, next, problem)
    throttling.forget(attempt)
    unlock_session(session, who.session_id)
    audit.record(session, "session.unlocked", "user", who.user_id, who.user_id, who.address, None, now)
    return Response(status_code=204) if is_fragment(request) else RedirectResponse(local_path(next) or "/", 303)


def _is_theirs(session: Session, who: SignedIn, secret: str) -> bool:
    user = require_user(session, who.user_id)
    if factors.ONE_TIME.fullmatch(secret.strip()):
        return factors.check(session, who.user_id, secret, signing.seal_key(), utc_now()) == "code"
    return check_password(secret, user.password_hash)[0]


def _pause(session: Session, who: SignedIn) -> None:
    agent = agents.find_live(session, who.user_id)
    if agent is not None and agent.state not in (AgentState.PAUSED, AgentState.ENDED):
        agents.pause(session, who.user_id, PauseReason.OTHER.value, utc_now())


def _page(request: Request, status: int, next_page: str, problem: AppError | None = None) -> Response:
    t = words_of(request)
    shell = shell_of(request, t("lock.title"), is_live=False)
    return page(request, "unlock.html", shell, status, next=local_path(next_page), error=t("lock.wrong") if problem else "")
