"""One drawn tree of errors; each knows whether trying again can help and what to tell the user.

AppError
├── InvalidInput        the caller sent something unusable (HTTP 422, exit status 1)
├── NotFound            no such thing in this office (404)
├── Conflict            the thing has moved on meanwhile (409)
├── NotAllowed          the role or the state forbids it (403)
└── Unavailable         a server we depend on does not answer (503); not permanent
    └── StoreUnavailable   the database or Redis
"""

from __future__ import annotations


class AppError(Exception):
    """An error with one clear line for a person.

    Args:
        message: what is wrong, where, and what was expected; free of names, numbers and amounts of debtors.
        hint: what to do next.
        code: a stable machine-readable word.
    """

    permanent = True
    status = 500
    code = "error"

    def __init__(self, message: str, *, hint: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InvalidInput(AppError):
    """The caller sent something unusable."""

    status = 422
    code = "invalid_input"


class NotFound(AppError):
    """No such thing in this office."""

    status = 404
    code = "not_found"


class Conflict(AppError):
    """The thing has moved on meanwhile; look again and repeat."""

    status = 409
    code = "conflict"


class NotAllowed(AppError):
    """The role or the state forbids it."""

    status = 403
    code = "not_allowed"


class Unavailable(AppError):
    """A server we depend on does not answer."""

    permanent = False
    status = 503
    code = "unavailable"


class StoreUnavailable(Unavailable):
    """The database or Redis does not answer."""

    code = "store_unavailable"
