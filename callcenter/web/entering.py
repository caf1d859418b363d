"""The one way in: a session for somebody whose password, second factor or identity was checked, and what stands between."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit, factors
from callcenter.auth.models import User
from callcenter.auth.permissions import HOME
from callcenter.auth.service import require_user
from callcenter.auth.sessions import end_session, find_session, open_session
from callcenter.auth.terms import load_terms
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.web import signing
from callcenter.web.cookies import DEVICE, SESSION, VISIT, drop_cookie, session_cookie, set_cookie
from callcenter.web.dependencies import address_of

NOTHING, CODE, ENROL = "", "code", "enrol"


@dataclass(frozen=True, slots=True)
class Entrant:
    """Somebody who gave the right first factor.

    Attributes:
        missing: what stands between them and a session: nothing, a `code`, or to `enrol` a second factor first.
    """

    office_id: int
    user_id: int
    sign_in_name: str
    missing: str


def entrant_of(session: Session, office_id: int, user: User, *, has_second: bool = False) -> Entrant:
    """What this user still has to show.

    Args:
        has_second: an identity provider has said that a second factor was used there.
    """
    missing = NOTHING
    if not has_second:
        if factors.has_factor(session, user.id):
            missing = CODE
        elif user.role in load_terms(session).second_factor_roles:
            missing = ENROL
    return Entrant(office_id, user.id, user.sign_in_name, missing)


def enter(request: Request, entrant: Entrant, next_page: str, by: str) -> Response:
    """Opens the session and leads to the page that was asked for, else to the role's own."""
    now = utc_now()
    with transaction(entrant.office_id) as session:
        token, home = start_session(session, request, entrant, by, now)
    response = RedirectResponse(next_page or home, 303)
    give_cookies(response, entrant, token)
    return response


def start_session(session: Session, request: Request, entrant: Entrant, by: str, now: datetime) -> tuple[str, str]:
    """A session in place of any older one of this browser; its token and the role's own page.

    Raises:
        NotFound: there is no such user any more.
    """
    user = require_user(session, entrant.user_id)
    cookie = session_cookie(request)
    if cookie is not None and cookie[0] == entrant.office_id and (old := find_session(session, cookie[1], now)) is not None:
        end_session(session, old.session_id, old.user_id, now)
    token, _ = open_session(session, user, now)
    audit.record(session, "session.opened", "user", user.id, user.id, address_of(request), {"by": by}, now)
    return token, HOME[user.role]


def give_cookies(response: Response, entrant: Entrant, token: str) -> None:
    """The session's cookie and the mark of a known device; the sign-in form's is taken back."""
    set_cookie(response, SESSION, f"{entrant.office_id}.{token}")
    set_cookie(response, DEVICE, signing.device_token(entrant.office_id, entrant.user_id), signing.DEVICE_SECONDS)
    drop_cookie(response, VISIT)
