"""Around every request: its id, its size, the security headers of its answer, its line in the log, and the last resort for errors."""

from __future__ import annotations

import secrets
import time
import traceback
from typing import Any

import structlog
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callcenter.web.cookies import is_secure

log = structlog.get_logger(__name__)

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "media-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)


def policy_with(socket_url: str) -> str:
    """The policy of the one page that may also open this web socket, and no other; "" changes nothing."""
    return (
        CONTENT_SECURITY_POLICY.replace("connect-src 'self'", f"connect-src 'self' {socket_url}") if socket_url else CONTENT_SECURITY_POLICY
    )


HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}
RAW_HEADERS = [(name.lower().encode(), value.encode()) for name, value in {**HEADERS, "Cache-Control": "no-store"}.items()]
HSTS = "max-age=63072000; includeSubDomains"
BODY_LIMIT = 1_000_000
UPLOADS = frozenset({"/imports", "/imports/layouts", "/api/v1/imports"})
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class BodyTooLarge(Exception):
    """The body has more bytes than this route takes."""


class Shield:
    """Middleware around everything, written to the bare protocol so that event streams pass untouched.

    Args:
        upload_limit: how many bytes a file upload may have; other bodies may have `BODY_LIMIT`.
    """

    def __init__(self, app: ASGIApp, upload_limit: int) -> None:
        self.app, self.upload_limit = app, upload_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send, self.limit_of(scope))
        try:
            if exchange.is_from_another_site():
                await exchange.refuse(403, "cross_site", "The request came from another site.")
            elif exchange.is_announced_too_large():
                await exchange.refuse(413, "too_large", "The body is too large.")
            else:
                await self.app(scope, exchange.receive, exchange.send)
        except BodyTooLarge:
            await exchange.refuse(413, "too_large", "The body is too large.")
        except Exception as problem:  # noqa: BLE001 - the request's outermost loop: the person gets an id, the log gets the trace
            log.error("request_failed", request_id=exchange.request_id, error=type(problem).__name__, at=places(problem))
            await exchange.refuse(500, "internal", "Something went wrong here.")
        finally:
            exchange.note()

    def limit_of(self, scope: Scope) -> int:
        """How many bytes this request's body may have."""
        return self.upload_limit if scope["path"] in UPLOADS else BODY_LIMIT


def places(problem: BaseException) -> list[str]:
    """Where it happened, innermost last; without the message and the values, which may be personal."""
    frames = traceback.extract_tb(problem.__traceback__)[-8:]
    return [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames]


class Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        self.scope, self._receive, self._send, self.limit = scope, receive, send, limit
        self.request_id = secrets.token_hex(8)
        self.began, self.status, self.received = time.perf_counter(), 0, 0
        scope.setdefault("state", {})["request_id"] = self.request_id

    def is_from_another_site(self) -> bool:
        """Whether a browser says that another site caused this change."""
        if self.scope["method"] not in UNSAFE or self.scope["path"].startswith("/webhooks/"):
            return False
        return Headers(scope=self.scope).get("sec-fetch-site", "same-origin") in ("cross-site", "same-site")

    def is_announced_too_large(self) -> bool:
        """Whether the body says of itself that it is too large."""
        length = Headers(scope=self.scope).get("content-length", "")
        return length.isascii() and length.isdigit() and int(length) > self.limit

    async def receive(self) -> Message:
        """Passes the body on as long as it is within its limit."""
        message = await self._receive()
        if message["type"] == "http.request":
            self.received += len(message.get("body", b""))
            if self.received > self.limit:
                self.scope["state"]["is_too_large"] = True  # the framework turns the exception into its own
                raise BodyTooLarge
        return message

    async def send(self, message: Message) -> None:
        """Puts the headers on the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = message.setdefault("headers", [])
            own = {name.lower() for name, _ in headers}
            headers.extend(pair for pair in RAW_HEADERS if pair[0] not in own)
            headers.append((b"x-request-id", self.request_id.encode()))
            if is_secure():
                headers.append((b"strict-transport-security", HSTS.encode()))
        await self._send(message)

    async def refuse(self, status: int, code: str, message: str) -> None:
        """Answers by a plain page or JSON, without templates or database; not once an answer has begun."""
        if self.status:
            return
        from callcenter.web.errors import plain_answer

        response = plain_answer(Request(self.scope), status, code, message)
        await response(self.scope, self._receive, self.send)

    def note(self) -> None:
        """One line in the log: route, not path or query, so that nothing personal gets there."""
        if self.scope["state"].get("is_counted_elsewhere"):
            return
        route: Any = self.scope.get("route")
        log.info(
            "request",
            request_id=self.request_id,
            method=self.scope["method"],
            route=getattr(route, "path", "-"),
            status=self.status or 499,
            ms=round((time.perf_counter() - self.began) * 1000, 1),
            office_id=self.scope["state"].get("office_id"),
            user_id=self.scope["state"].get("user_id"),
        )
