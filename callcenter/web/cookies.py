"""The cookies: `session` carries `office_id.token`, `visit` binds the sign-in form, `device` marks a known browser, `lang` its language,
`oidc` holds, sealed, what a provider's answer must match.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from callcenter.core.settings import get_settings

SESSION, VISIT, DEVICE, LANG, OIDC = "session", "visit", "device", "lang", "oidc"


def is_secure() -> bool:
    """Whether the console is reached by https; then cookies are `Secure` and `__Host-`."""
    settings = get_settings()
    return settings.cookie_secure or settings.public_url.startswith("https://")


def cookie_name(kind: str) -> str:
    """The name a cookie goes by here."""
    return f"__Host-{kind}" if is_secure() else kind


def set_cookie(response: Response, kind: str, value: str, seconds: int | None = None) -> None:
    """Sets a cookie that scripts can't read and other sites can't send; without `seconds` it ends with the browser."""
    response.set_cookie(
        cookie_name(kind),
        value,
        max_age=seconds,
        path="/",
        secure=is_secure(),
        httponly=True,
        samesite="strict" if kind == VISIT else "lax",
    )


def drop_cookie(response: Response, kind: str) -> None:
    """Takes a cookie back."""
    response.delete_cookie(cookie_name(kind), path="/", secure=is_secure(), httponly=True, samesite="lax")


def read_cookie(request: Request, kind: str) -> str:
    """The cookie's value, empty when there is none."""
    return request.cookies.get(cookie_name(kind), "")


def session_cookie(request: Request) -> tuple[int, str] | None:
    """Office and token of the session cookie; None when there is none or it is no such thing."""
    office, _, token = read_cookie(request, SESSION).partition(".")
    if not (office.isascii() and office.isdigit() and len(office) < 10 and 20 <= len(token) <= 100):
        return None
    return int(office), token
