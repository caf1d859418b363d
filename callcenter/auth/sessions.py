"""Server-side sessions: a new token at each sign-in, kept as its SHA-256, ended by the server."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from callcenter.auth.models import Office, Role, User, UserSession
from callcenter.auth.terms import terms_of
from callcenter.core.live import publish

IDLE = timedelta(minutes=60)
ABSOLUTE = timedelta(hours=12)
TOUCH_EVERY = timedelta(seconds=60)  # `last_seen_at` is written at most once a minute


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Who is signed in, as each request finds it."""

    session_id: int
    user_id: int
    office_id: int
    office_name: str
    role: Role
    lang: str
    sign_in_name: str
    display_name: str
    csrf: str
    lock_minutes: int = 0
    is_locked: bool = False
    password_until: datetime | None = None
    phone_address: str = ""
    office_phone: str = ""
    office_options: Mapping[str, Any] = field(default_factory=dict)


def token_hash(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def open_session(session: Session, user: User, now: datetime) -> tuple[str, str]:
    """Starts a session and returns its token (256 bits, told only once) and its CSRF token."""
    token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    session.add(
        UserSession(
            user_id=user.id, token_hash=token_hash(token), csrf_token=csrf, created_at=now, last_seen_at=now, expires_at=now + ABSOLUTE
        )
    )
    session.flush()
    return token, csrf


def find_session(session: Session, token: str, now: datetime, *, touch: bool = True) -> OpenSession | None:
    """The open session of a token; None when it ended, stood idle too long, grew too old, or its user was disabled.

    Args:
        touch: whether this request is a sign of life of the person (a page refreshing itself is none).
    """
    row = session.execute(
        select(UserSession, User, Office.name, Office.options, Office.phone)
        .join(User, (User.office_id == UserSession.office_id) & (User.id == UserSession.user_id))
        .join(Office, Office.id == UserSession.office_id)
        .where(UserSession.token_hash == token_hash(token))
    ).one_or_none()
    if row is None:
        return None
    held, user, office_name, options, office_phone = row
    is_over = held.ended_at is not None or now >= held.expires_at or now - held.last_seen_at >= IDLE
    if is_over or not user.is_enabled:
        return None
    if touch and now - held.last_seen_at >= TOUCH_EVERY:
        session.execute(update(UserSession).where(UserSession.id == held.id).values(last_seen_at=now))
    return OpenSession(
        session_id=held.id,
        user_id=user.id,
        office_id=held.office_id,
        office_name=office_name,
        role=Role(user.role),
        lang=user.lang,
        sign_in_name=user.sign_in_name,
        display_name=user.display_name,
        csrf=held.csrf_token,
        lock_minutes=terms_of(options).lock_minutes,
        is_locked=held.locked_at is not None,
        password_until=user.password_until,
        phone_address=user.phone_address or "",
        office_phone=office_phone,
        office_options=options,
    )


def lock_session(session: Session, session_id: int, now: datetime) -> None:
    """Locks the screens of a session: until it is unlocked, nothing of the office is shown to it."""
    session.execute(update(UserSession).where(UserSession.id == session_id, UserSession.locked_at.is_(None)).values(locked_at=now))


def unlock_session(session: Session, session_id: int) -> None:
    """Opens the screens of a session again; the caller has made sure whose hands they are in."""
    session.execute(update(UserSession).where(UserSession.id == session_id).values(locked_at=None))


def sessions_of(session: Session, user_id: int, now: datetime) -> list[UserSession]:
    """The user's open sessions, the newest first."""
    query = select(UserSession).where(
        UserSession.user_id == user_id, UserSession.ended_at.is_(None), UserSession.expires_at > now, UserSession.last_seen_at > now - IDLE
    )
    return list(session.scalars(query.order_by(UserSession.created_at.desc(), UserSession.id.desc())))


def end_session(session: Session, session_id: int, user_id: int, now: datetime) -> None:
    """Ends one session; open event streams hear of it and close."""
    session.execute(update(UserSession).where(UserSession.id == session_id, UserSession.ended_at.is_(None)).values(ended_at=now))
    publish(session, "session", user_id)


def end_sessions_of(session: Session, user_id: int, now: datetime) -> None:
    """Ends all sessions of a user."""
    session.execute(update(UserSession).where(UserSession.user_id == user_id, UserSession.ended_at.is_(None)).values(ended_at=now))
    publish(session, "session", user_id)
