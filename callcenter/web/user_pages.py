"""Accounts, for administrators: making, disabling, new passwords; and everybody's own password."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Form as Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit, factors
from callcenter.auth import service as accounts
from callcenter.auth.models import Role, User
from callcenter.auth.permissions import Action
from callcenter.auth.sessions import end_sessions_of
from callcenter.core.clock import utc_now
from callcenter.core.errors import AppError
from callcenter.web.dependencies import SignedIn, Tx, may
from callcenter.web.factor_pages import account_page
from callcenter.web.i18n import Translate
from callcenter.web.pages import leads_to, page, shell_of, words_of

router = APIRouter()
Administrator = Annotated[SignedIn, may(Action.MANAGE_USERS)]
Myself = Annotated[SignedIn, may(Action.OWN_ACCOUNT)]


@router.get("/users")
def list_users(request: Request, session: Tx, who: Administrator) -> Response:
    """All accounts of the office."""
    return _page(request, session, 200)


@router.post("/users")
def add_user(
    request: Request,
    session: Tx,
    who: Administrator,
    sign_in_name: Annotated[str, Field(max_length=80)] = "",
    display_name: Annotated[str, Field(max_length=80)] = "",
    role: Annotated[str, Field(max_length=20)] = "",
    phone_address: Annotated[str, Field(max_length=80)] = "",
    team: Annotated[str, Field(max_length=80)] = "",
) -> Response:
    """Makes an account; its first password is shown on this answer and nowhere else."""
    user, password = accounts.add_user(
        session, sign_in_name=sign_in_name, display_name=display_name or sign_in_name, role=role, phone_address=phone_address, team=team
    )
    _note(session, who, "user.added", user)
    return _page(request, session, 200, told={"name": user.sign_in_name, "password": password})


@router.get("/users/{user_id}")
def show_user(request: Request, session: Tx, who: Administrator, user_id: int) -> Response:
    """One account, to be changed."""
    t, user = words_of(request), accounts.require_user(session, user_id)
    shown = {name: getattr(user, name) for name in ("id", "sign_in_name", "display_name", "phone_address", "team")}
    teams = accounts.teams(session)
    return page(request, "user.html", shell_of(request, t("users.edit_title")), user=shown, roles=_roles(t, user.role), teams=teams)


@router.post("/users/{user_id}")
def change_user(
    request: Request,
    session: Tx,
    who: Administrator,
    user_id: int,
    display_name: Annotated[str, Field(max_length=80)] = "",
    role: Annotated[str, Field(max_length=20)] = "",
    phone_address: Annotated[str, Field(max_length=80)] = "",
    team: Annotated[str, Field(max_length=80)] = "",
) -> Response:
    """Changes name, role, telephone and team; with another role the person signs in anew."""
    user = accounts.require_user(session, user_id)
    accounts.change_user(session, user, display_name=display_name, role=role, phone_address=phone_address, team=team, now=utc_now())
    _note(session, who, "user.changed", user)
    return leads_to(request, "/users")


@router.post("/users/{user_id}/disable")
def disable_user(request: Request, session: Tx, who: Administrator, user_id: int) -> Response:
    """Shuts an account; whoever is signed in with it is out at once."""
    user = accounts.require_user(session, user_id)
    accounts.disable_user(session, user, utc_now())
    _note(session, who, "user.disabled", user)
    return RedirectResponse("/users", 303)


@router.post("/users/{user_id}/enable")
def enable_user(request: Request, session: Tx, who: Administrator, user_id: int) -> Response:
    """Opens a shut account again."""
    user = accounts.require_user(session, user_id)
    accounts.enable_user(session, user)
    _note(session, who, "user.enabled", user)
    return RedirectResponse("/users", 303)


@router.post("/users/{user_id}/password")
def renew_password(request: Request, session: Tx, who: Administrator, user_id: int) -> Response:
    """A new password, shown on this answer and nowhere else; the account's sessions end."""
    user = accounts.require_user(session, user_id)
    password = accounts.renew_password(session, user, utc_now())
    _note(session, who, "user.password_renewed", user)
    return _page(request, session, 200, told={"name": user.sign_in_name, "password": password})


@router.post("/account/password")
def change_password(
    request: Request,
    session: Tx,
    who: Myself,
    old: Annotated[str, Field(max_length=400)] = "",
    new: Annotated[str, Field(max_length=400)] = "",
) -> Response:
    """Changes it; the old one is needed, and all sessions of the account end."""
    user = accounts.require_user(session, who.user_id)
    try:
        accounts.change_password(session, user, old, new)
    except AppError as problem:
        return account_page(request, session, who, problem.status, problem)
    _note(session, who, "user.password_changed", user)
    end_sessions_of(session, user.id, utc_now())
    return RedirectResponse("/login", 303)


@router.post("/users/{user_id}/factor")
def drop_factor(request: Request, session: Tx, who: Administrator, user_id: int) -> Response:
    """Takes a lost second factor away; the account's sessions end, and where the role needs one, the next sign-in sets up another."""
    user = accounts.require_user(session, user_id)
    factors.drop(session, user)
    end_sessions_of(session, user.id, utc_now())
    _note(session, who, "factor.dropped", user)
    return RedirectResponse("/users", 303)


def _note(session: Session, who: SignedIn, action: str, user: User) -> None:
    detail = {"role": str(user.role)} | ({"team": user.team} if user.team else {})
    audit.record(session, action, "user", user.id, who.user_id, who.address, detail, utc_now())


def _page(request: Request, session: Session, status: int, told: dict[str, str] | None = None) -> Response:
    t, with_factor = words_of(request), factors.with_factors(session)
    rows: list[dict[str, Any]] = [
        {
            "id": user.id,
            "sign_in_name": user.sign_in_name,
            "display_name": user.display_name,
            "role": t(f"role.{user.role}"),
            "team": user.team,
            "is_enabled": user.is_enabled,
            "has_password": user.password_hash is not None,
            "has_factor": user.id in with_factor,
            "first_until": user.password_until,
        }
        for user in accounts.all_users(session)
    ]
    shell, teams = shell_of(request, t("nav.users")), accounts.teams(session)
    return page(request, "users.html", shell, status, users=rows, roles=_roles(t, Role.OPERATOR), told=told, teams=teams)


def _roles(t: Translate, chosen: str) -> list[dict[str, Any]]:
    return [{"value": role.value, "label": t(f"role.{role.value}"), "is_chosen": role == chosen} for role in Role]
