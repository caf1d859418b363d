"""What a route asks for: a transaction of the signed-in person's office, the person, the form, and whether this POST was done already.

One request is one transaction: it begins with the first look at the session and commits before the answer leaves.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn

from fastapi import Depends
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.requests import Request

from callcenter.auth.models import IdempotencyKey, Role
from callcenter.auth.permissions import PERMISSIONS, Action
from callcenter.auth.sessions import OpenSession, find_session
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import AppError, InvalidInput, NotAllowed
from callcenter.web.cookies import session_cookie
from callcenter.web.shield import UNSAFE

# Each waiting request would hold a thread, each started one a connection: fewer than the pool's 30 connections are let in at a time.
CONCURRENT_REQUESTS = 24
REFRESHES = frozenset({"/operator/panel"})  # a call that appears is a sign that its operator is there


WHILE_LOCKED = frozenset({"/unlock", "/lock", "/logout", "/language", "/events"})  # the stream carries names of events only


class Locked(AppError):
    """The screen is locked: first the password, or a one-time code."""

    status = 423
    code = "locked"

    def __init__(self) -> None:
        super().__init__("画面がロックされています。", hint="パスワードを入れて開いてください。")


class NotSignedIn(AppError):
    """No session, or it is over."""

    status = 401
    code = "not_signed_in"

    def __init__(self) -> None:
        super().__init__("サインインしていません。", hint="もう一度サインインしてください。")


@dataclass(frozen=True, slots=True)
class SignedIn(OpenSession):
    """The person behind this request, and where the request came from."""

    address: str = ""


def address_of(request: Request) -> str:
    """The peer's address; a proxy's word counts only where uvicorn was told to trust that proxy."""
    return request.client.host if request.client else ""


def local_path(path: str) -> str:
    """The path if it leads to a page of this console, else nothing: never to another site."""
    is_local = path.startswith("/") and not path.startswith(("//", "/\\")) and "\\" not in path and path.isprintable()
    return path if is_local and not path.startswith("/logout") else ""


def is_refresh(request: Request) -> bool:
    """Whether a page is refreshing itself: no sign of life of the person."""
    is_fragment = request.headers.get("hx-request") == "true"
    return request.method == "GET" and is_fragment and request.url.path not in REFRESHES


def _begin(request: Request) -> Iterator[Session]:
    cookie = session_cookie(request)
    if cookie is None:
        raise NotSignedIn
    with transaction(cookie[0]) as session:
        yield session


_transaction = Depends(_begin, scope="function", max_concurrency=CONCURRENT_REQUESTS)
Tx = Annotated[Session, _transaction]


def _identify(request: Request, session: Tx) -> SignedIn:
    cookie = session_cookie(request)
    found = cookie and find_session(session, cookie[1], utc_now(), touch=not is_refresh(request))
    if not found:
        raise NotSignedIn
    request.state.office_id, request.state.user_id, request.state.lang = found.office_id, found.user_id, found.lang
    who = SignedIn(
        **{name: getattr(found, name) for name in OpenSession.__dataclass_fields__},
        address=address_of(request),
    )
    request.state.who = who
    return who


async def _form(request: Request) -> AsyncIterator[FormData]:
    """The form of this request, read once and its files closed at the end; empty where the body is no form."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if request.method not in UNSAFE or kind not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        yield FormData()
        return
    form = await request.form()
    try:
        yield form
    finally:
        await form.close()


Form = Annotated[FormData, Depends(_form, scope="function")]


async def _checked(request: Request, who: Annotated[SignedIn, Depends(_identify, scope="function")], form: Form) -> SignedIn:
    """Refuses a change without the session's own token, in the header `X-CSRF-Token` or the field `csrf_token`."""
    if request.method in UNSAFE:
        told = request.headers.get("x-csrf-token") or form.get("csrf_token")
        require_token(told if isinstance(told, str) else "", who.csrf)
    if who.is_locked and request.url.path not in WHILE_LOCKED:
        raise Locked
    return who


def require_token(told: str, expected: str) -> None:
    """Raises NotAllowed unless the token told is the expected one."""
    if not secrets.compare_digest(told.encode(), expected.encode()):
        raise_forged()


def raise_forged() -> NoReturn:
    """The form did not come from a page of ours, or that page is too old."""
    raise NotAllowed("このフォームは確認できませんでした。", hint="ページを開き直してください。", code="csrf")


Guard = Callable[..., Coroutine[Any, Any, SignedIn]]


def signed_in(*roles: Role) -> Any:
    """A dependency giving the `SignedIn` person; with roles, only those may pass (403 for others)."""
    allowed = frozenset(roles) or frozenset(Role)

    async def guard(who: Annotated[SignedIn, Depends(_checked, scope="function")]) -> SignedIn:
        if who.role not in allowed:
            raise NotAllowed("この役割ではできません。", hint="担当の役割の人に頼んでください。", code="role")
        return who

    return Depends(guard, scope="function")


def may(action: Action) -> Any:
    """The same by action: whoever the table of permissions lets do it."""
    return signed_in(*PERMISSIONS[action])


@dataclass(frozen=True, slots=True)
class Once:
    """Whether this POST was carried out before; then it is answered from the present state without doing it again."""

    is_repeat: bool


def _once(request: Request, form: Form, session: Tx, who: Annotated[SignedIn, Depends(_checked, scope="function")]) -> Once:
    key = request.headers.get("idempotency-key") or form.get("idempotency_key")
    if key is None and request.headers.get("hx-request") != "true":
        return Once(is_repeat=False)  # a form without scripts
    if not isinstance(key, str) or not 8 <= len(key) <= 64 or not key.isascii() or not key.isprintable():
        raise InvalidInput("この操作に番号がありません。", hint="ページを開き直してください。", code="idempotency_key")
    route = getattr(request.scope.get("route"), "path", request.url.path)
    statement = (
        insert(IdempotencyKey)
        .values(key=f"{who.user_id}:{key}"[:64], user_id=who.user_id, route=str(route)[:120], at=utc_now())
        .on_conflict_do_nothing(index_elements=["office_id", "key"])
        .returning(IdempotencyKey.id)
    )
    return Once(is_repeat=session.scalar(statement) is None)


once = Depends(_once, scope="function")
