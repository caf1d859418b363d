"""Signing in at the office's identity provider, and linking it with one's own account."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi import Form as Field
from limits import parse
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit, identity, throttling
from callcenter.auth.identity import Ask, Identity, NotIdentified, Provider, provider_of
from callcenter.auth.offices import all_offices, find_office
from callcenter.auth.permissions import Action
from callcenter.auth.sessions import find_session
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import AppError, NotFound
from callcenter.core.settings import get_settings
from callcenter.web import second_step, signing
from callcenter.web.cookies import OIDC, VISIT, drop_cookie, read_cookie, session_cookie, set_cookie
from callcenter.web.dependencies import SignedIn, Tx, address_of, local_path, may
from callcenter.web.entering import enter, entrant_of
from callcenter.web.factor_pages import account_page, require_password

router = APIRouter()
Myself = Annotated[SignedIn, may(Action.OWN_ACCOUNT)]
ONCE = parse("1 per 15 minutes")


@router.get("/login/oidc")
def begin_sign_in(
    request: Request, office: Annotated[str, Query(max_length=40)] = "", next: Annotated[str, Query(max_length=300)] = ""
) -> Response:
    """Leads to the provider; the browser keeps, sealed, what the answer has to match."""
    with transaction(None) as session:
        offices = all_offices(session)
        chosen = find_office(session, office) if office else offices[0] if len(offices) == 1 else None
    if chosen is None:
        return RedirectResponse("/login", 303)
    return _begin(_provider(request), chosen.id, {"next": local_path(next), "link": 0})


@router.post("/account/identity")
def begin_link(request: Request, session: Tx, who: Myself, password: Annotated[str, Field(max_length=400)] = "") -> Response:
    """Links one's account with the provider: the password again, then the provider is asked."""
    try:
        require_password(session, who, password)
    except AppError as problem:
        return account_page(request, session, who, problem.status, problem)
    return _begin(_provider(request), who.office_id, {"next": "/account", "link": who.user_id})


@router.post("/account/identity/drop")
def drop_link(request: Request, session: Tx, who: Myself) -> Response:
    """Takes the link away; the password remains."""
    identity.unlink(session, who.user_id, get_settings().oidc_issuer)
    audit.record(session, "identity.unlinked", "user", who.user_id, who.user_id, who.address, None, utc_now())
    return RedirectResponse("/account", 303)


@router.get("/login/oidc/answer")
def take_answer(
    request: Request,
    code: Annotated[str, Query(max_length=2000)] = "",
    state: Annotated[str, Query(max_length=200)] = "",
    iss: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Takes the provider's answer, once, from the browser that asked; then whatever the account still needs."""
    provider = _provider(request)
    held = signing.unseal(read_cookie(request, OIDC))
    office_id = held.get("office") if held else None
    try:
        if held is None or not isinstance(office_id, int):
            raise NotIdentified("cookie")
        found = _identify(provider, held, code, state, iss)
        response = _link(request, office_id, held, found) if held["link"] else _sign_in(request, office_id, held, found)
    except NotIdentified as problem:
        if isinstance(office_id, int):
            with transaction(office_id) as session:
                detail = {"step": "oidc", "why": problem.why}
                audit.record(session, "session.refused", "user", None, None, address_of(request), detail, utc_now())
        response = RedirectResponse("/login?problem=oidc", 303)
    drop_cookie(response, OIDC)
    return response


def _identify(provider: Provider, held: dict[str, object], code: str, state: str, iss: str) -> Identity:
    """Whom the answer is about. Raises NotIdentified for one that does not match what was asked, or that came before."""
    ask = Ask(str(held["state"]), str(held["nonce"]), str(held["verifier"]))
    if not code or not secrets.compare_digest(state.encode(), ask.state.encode()):
        raise NotIdentified("state")
    if iss and iss != provider.issuer:
        raise NotIdentified("issuer")  # RFC 9207: the answer of another provider
    if not throttling.take(ONCE, ("oidc", ask.state)):
        raise NotIdentified("replayed")
    return provider.identify(code, ask)


def _sign_in(request: Request, office_id: int, held: dict[str, object], found: Identity) -> Response:
    with transaction(office_id) as session:
        user = identity.user_of(session, found)
        if user is None:
            raise NotIdentified("nobody")
        entrant = entrant_of(session, office_id, user, has_second=found.has_second)
    next_page = local_path(str(held["next"]))
    if not entrant.missing:
        return enter(request, entrant, next_page, "oidc")
    visit = secrets.token_urlsafe(18)  # the sign-in form's cookie does not come along from another site
    response = second_step.show(request, entrant, visit, next_page)
    set_cookie(response, VISIT, visit, signing.FORM_SECONDS)
    return response


def _link(request: Request, office_id: int, held: dict[str, object], found: Identity) -> Response:
    """Only in the session that asked for it."""
    cookie, now = session_cookie(request), utc_now()
    if cookie is None or cookie[0] != office_id:
        raise NotIdentified("session")
    with transaction(office_id) as session:
        who = find_session(session, cookie[1], now)
        if who is None or who.is_locked or who.user_id != held["link"]:
            raise NotIdentified("session")
        identity.link(session, who.user_id, found, now)
        audit.record(session, "identity.linked", "user", who.user_id, who.user_id, address_of(request), None, now)
    return RedirectResponse("/account", 303)


def _provider(request: Request) -> Provider:
    found = provider_of(get_settings(), str(request.base_url))
    if found is None:
        raise NotFound("認証基盤でのサインインは設定されていません。", code="no_provider")
    return found


def _begin(provider: Provider, office_id: int, more: dict[str, object]) -> Response:
    address, ask = provider.begin()
    response = RedirectResponse(address, 303)
    set_cookie(response, OIDC, signing.seal({"office": office_id, **asdict(ask), **more}), signing.STEP_SECONDS)
    return response
