"""The operator's notice that a team leader is with their conversation; shown unless the office says otherwise."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from callcenter.auth.permissions import Action
from callcenter.web.dependencies import SignedIn, Tx, may
from callcenter.web.pages import fragment
from dialer.recordings.terms import office_terms
from dialer.supervising.queries import watched_by

router = APIRouter()


@router.get("/operator/watched")
def show_watchers(request: Request, session: Tx, who: Annotated[SignedIn, may(Action.TAKE_CALLS)]) -> HTMLResponse:
    """Who is with this operator now."""
    found = watched_by(session, who.user_id) if office_terms(session).shows_supervision else []
    return fragment(request, "operator/watched.html", watchers=[{"name": name, "mode": mode} for name, mode in found])
