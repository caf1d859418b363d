"""Accounts: making, disabling, passwords, and checking who signs in."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import Role, User
from callcenter.auth.passwords import check_password, hash_password, new_password, require_strong
from callcenter.auth.sessions import end_sessions_of
from callcenter.core.clock import utc_now
from callcenter.core.errors import Conflict, InvalidInput, NotFound

FIRST_PASSWORD = timedelta(days=14)  # ASVS 6.4.1: what we made and somebody carried over does not become the password for good
SIGN_IN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{1,79}")
LONGEST_TEAM = 40


def authenticate(session: Session, sign_in_name: str, password: str) -> User | None:
    """The enabled user with this name and password, else None; takes as long for a name that does not exist."""
    user = session.scalar(select(User).where(User.sign_in_name == sign_in_name))
    is_right, better = check_password(password, user.password_hash if user is not None else None)
    if user is None or not is_right or not user.is_enabled:
        return None
    if better is not None:
        user.password_hash = better
    return user


def add_user(
    session: Session,
    *,
    sign_in_name: str,
    display_name: str,
    role: Role | str,
    lang: str = "ja",
    phone_address: str = "",
    team: str = "",
    password: str | None = None,
) -> tuple[User, str]:
    """Makes an account with a first password of ours (or `password`) and returns both; the password is kept nowhere else.

    Raises:
        InvalidInput: the name has other characters than letters, digits and . _ @ -, there is no such role, or the team's name is none.
        Conflict: there is one with that name.
    """
    if not SIGN_IN_NAME.fullmatch(sign_in_name):
        raise InvalidInput(
            "サインイン名に使えない文字があります。", hint="半角の英数字と . _ @ - で2〜80文字にしてください。", code="bad_name"
        )
    _require_person(display_name, role)
    team = team_name(team)
    if lang not in ("ja", "en"):
        raise InvalidInput("言語は ja か en です。", code="bad_lang")
    user = session.scalar(select(User).where(User.sign_in_name == sign_in_name))
    if user is not None and (user.password_hash is not None or not user.is_enabled):
        raise Conflict("そのサインイン名は使われています。", hint="別の名前にしてください。", code="name_taken")
    first = new_password() if password is None else require_strong(password, sign_in_name)
    if user is None:
        user = User(sign_in_name=sign_in_name)
        session.add(user)
    # A name that imported history brought along becomes the account of that person.
    user.display_name, user.role, user.lang = display_name.strip(), Role(role), lang
    user.phone_address, user.team, user.password_hash = phone_address, team, hash_password(first)
    user.password_until = utc_now() + FIRST_PASSWORD if password is None else None
    session.flush()
    return user, first


def require_user(session: Session, user_id: int) -> User:
    """The user of this office. Raises NotFound."""
    user = session.scalar(select(User).where(User.id == user_id))
    if user is None:
        raise NotFound("そのような利用者はいません。", code="no_user")
    return user


def find_user(session: Session, sign_in_name: str) -> User:
    """The user with this sign-in name. Raises NotFound."""
    user = session.scalar(select(User).where(User.sign_in_name == sign_in_name))
    if user is None:
        raise NotFound("そのような利用者はいません。", hint="`callcenter user list` で確かめてください。", code="no_user")
    return user


def all_users(session: Session) -> list[User]:
    """All accounts by name."""
    return list(session.scalars(select(User).order_by(User.sign_in_name)))


def teams(session: Session) -> list[str]:
    """The names of all teams that anybody is in."""
    return list(session.scalars(select(User.team).where(User.team != "").distinct().order_by(User.team)))


def team_name(text: str) -> str:
    """A team's name as it is kept: full and half width are one, spaces are single; "" is no team.

    Raises:
        InvalidInput: too long, a bare dash, or with characters that can't be seen.
    """
    name = " ".join(unicodedata.normalize("NFKC", text).split())
    if len(name) > LONGEST_TEAM or name == "-" or not name.isprintable():
        raise InvalidInput(
            "その班の名前は使えません。", hint=f"{LONGEST_TEAM}文字以内で入れてください。班に入れないときは空にします。", code="bad_team"
        )
    return name


def set_team(session: Session, user: User, team: str) -> None:
    """Puts a user into a team, or with "" into none. Raises InvalidInput."""
    user.team = team_name(team)
    session.flush()


def change_user(session: Session, user: User, *, display_name: str, role: Role | str, phone_address: str, team: str, now: datetime) -> None:
    """Another name, role, telephone or team; with another role the account's sessions end, for they carry what the old one might do.

    Raises:
        InvalidInput: no name, one too long, there is no such role, or the team's name is none.
        Conflict: the last administrator who can sign in would be none any more.
    """
    _require_person(display_name, role)
    team = team_name(team)
    if user.role == Role.ADMINISTRATOR and role != Role.ADMINISTRATOR and not _other_administrators(session, user.id):
        raise Conflict("最後の管理者の役割は変えられません。", hint="先に別の管理者を作ってください。", code="last_administrator")
    is_other_role = user.role != role
    user.display_name, user.role, user.phone_address, user.team = display_name.strip(), Role(role), phone_address.strip(), team
    session.flush()
    if is_other_role:
        end_sessions_of(session, user.id, now)


def disable_user(session: Session, user: User, now: datetime) -> None:
    """Shuts an account: all its sessions end with this transaction.

    Raises:
        Conflict: it is the last administrator who can sign in.
    """
    if user.role == Role.ADMINISTRATOR and not _other_administrators(session, user.id):
        raise Conflict("最後の管理者は停止できません。", hint="先に別の管理者を作ってください。", code="last_administrator")
    user.is_enabled = False
    session.flush()
    end_sessions_of(session, user.id, now)


def enable_user(session: Session, user: User) -> None:
    """Opens a shut account again; the person signs in anew."""
    user.is_enabled = True
    session.flush()


def renew_password(session: Session, user: User, now: datetime) -> str:
    """Replaces a password by one of ours, returned once; all sessions of the user end."""
    password = new_password()
    user.password_hash, user.password_until = hash_password(password), now + FIRST_PASSWORD
    session.flush()
    end_sessions_of(session, user.id, now)
    return password


def change_password(session: Session, user: User, old: str, new: str) -> None:
    """The user's own change. Raises InvalidInput when the old one is wrong or the new one too weak."""
    if not check_password(old, user.password_hash)[0]:
        raise InvalidInput("今のパスワードが違います。", code="password_wrong")
    user.password_hash, user.password_until = hash_password(require_strong(new, user.sign_in_name)), None
    session.flush()


def _require_person(display_name: str, role: Role | str) -> None:
    if not display_name.strip() or len(display_name) > 80:
        raise InvalidInput("表示名がないか、長すぎます。", hint="80文字以内で入れてください。", code="bad_display_name")
    if role not in set(Role):
        raise InvalidInput("そのような役割はありません。", hint="役割: " + ", ".join(Role), code="bad_role")


def _other_administrators(session: Session, user_id: int) -> bool:
    query = select(User.id).where(User.role == Role.ADMINISTRATOR, User.is_enabled, User.password_hash.is_not(None), User.id != user_id)
    return session.scalar(query.limit(1)) is not None
