"""Second factors: one-time codes by time (RFC 6238) from an application on the user's telephone, and recovery codes on paper.

A code counts in its own half minute and in the one after it, and only once (ASVS 6.5.1, 6.5.5). The seed is sealed by a key that is not
in the database; recovery codes have 120 bits, so their SHA-256 is enough (ASVS 6.5.2).
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from datetime import datetime

import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from callcenter.auth.models import RecoveryCode, SecondFactor, User
from callcenter.auth.passwords import LETTERS
from callcenter.core.db import office_of
from callcenter.core.errors import Conflict, InvalidInput

STEP = 30
NONCE = 12
RECOVERY_CODES = 10
ONE_TIME = re.compile(r"[0-9]{6}")
RECOVERY = re.compile(r"[a-z0-9]{24}")


def begin(session: Session, user_id: int, key: bytes, now: datetime) -> str:
    """A fresh seed for a user who has none confirmed, in base 32; what was begun before is void.

    Args:
        key: 256 bits that seal the seed.

    Raises:
        Conflict: the user has a second factor.
    """
    row = _row(session, user_id)
    if row is not None and row.confirmed_at is not None:
        raise Conflict("二段階認証は設定済みです。", hint="先に解除してください。", code="factor_present")
    seed = pyotp.random_base32()
    if row is None:
        row = SecondFactor(user_id=user_id)
        session.add(row)
    row.sealed, row.made_at, row.last_step = _seal(seed, key, office_of(session), user_id), now, 0
    session.flush()
    return seed


def begun(session: Session, user_id: int, key: bytes) -> str | None:
    """The seed that waits to be confirmed, or None."""
    row = _row(session, user_id)
    return None if row is None or row.confirmed_at is not None else _open(row, key)


def address_of(seed: str, issuer: str, sign_in_name: str) -> str:
    """What the telephone's application reads from the picture."""
    return pyotp.TOTP(seed).provisioning_uri(name=sign_in_name, issuer_name=issuer)


def confirm(session: Session, user_id: int, code: str, key: bytes, now: datetime) -> list[str]:
    """Makes the begun seed the user's second factor and returns recovery codes, told only once.

    Raises:
        InvalidInput: the code is not that of this seed, or nothing was begun.
    """
    row = _row(session, user_id, for_update=True)
    if row is None or row.confirmed_at is not None or not _take(row, code, key, now):
        raise InvalidInput("確認コードが違います。", hint="アプリに表示されている6桁を、変わる前に入れてください。", code="factor_wrong")
    row.confirmed_at = now
    return renew_recovery_codes(session, user_id, now)


def renew_recovery_codes(session: Session, user_id: int, now: datetime) -> list[str]:
    """New recovery codes in place of all older ones."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    codes = ["".join(secrets.choice(LETTERS) for _ in range(24)) for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(user_id=user_id, code_hash=_hash(code), made_at=now) for code in codes)
    session.flush()
    return ["-".join(code[start : start + 6] for start in range(0, 24, 6)) for code in codes]


def has_factor(session: Session, user_id: int) -> bool:
    """Whether the user signs in with a second factor."""
    return (
        session.scalar(select(SecondFactor.id).where(SecondFactor.user_id == user_id, SecondFactor.confirmed_at.is_not(None))) is not None
    )


def with_factors(session: Session) -> set[int]:
    """The users of this office who have one."""
    return set(session.scalars(select(SecondFactor.user_id).where(SecondFactor.confirmed_at.is_not(None))))


def check(session: Session, user_id: int, code: str, key: bytes, now: datetime) -> str:
    """How the code was right: `code` or `recovery`; empty when it was not. A right one is used up."""
    told = re.sub(r"[\s-]", "", code).lower()
    if ONE_TIME.fullmatch(told):
        row = _row(session, user_id, for_update=True)
        return "code" if row is not None and row.confirmed_at is not None and _take(row, told, key, now) else ""
    if not RECOVERY.fullmatch(told) or not has_factor(session, user_id):
        return ""
    used = session.scalar(
        update(RecoveryCode)
        .where(RecoveryCode.user_id == user_id, RecoveryCode.code_hash == _hash(told), RecoveryCode.used_at.is_(None))
        .values(used_at=now)
        .returning(RecoveryCode.id)
    )
    return "" if used is None else "recovery"


def codes_left(session: Session, user_id: int) -> int:
    """How many recovery codes are unused."""
    return len(session.scalars(select(RecoveryCode.id).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))).all())


def drop(session: Session, user: User) -> None:
    """Takes the user's second factor and recovery codes away."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    session.execute(delete(SecondFactor).where(SecondFactor.user_id == user.id))


def _row(session: Session, user_id: int, *, for_update: bool = False) -> SecondFactor | None:
    query = select(SecondFactor).where(SecondFactor.user_id == user_id)
    return session.scalar(query.with_for_update() if for_update else query)


def _take(row: SecondFactor, code: str, key: bytes, now: datetime) -> bool:
    """Whether the code belongs to this half minute or the one before and was not used; then it is now."""
    seed = _open(row, key)
    if seed is None or not ONE_TIME.fullmatch(code):
        return False
    generator, current = pyotp.TOTP(seed), int(now.timestamp()) // STEP
    for step in (current, current - 1):
        if step > row.last_step and secrets.compare_digest(generator.at(step * STEP), code):
            row.last_step = step
            return True
    return False


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def _seal(seed: str, key: bytes, office_id: int, user_id: int) -> bytes:
    nonce = os.urandom(NONCE)
    return nonce + AESGCM(key).encrypt(nonce, seed.encode(), _label(office_id, user_id))


def _open(row: SecondFactor, key: bytes) -> str | None:
    """The seed; None where the key has changed since, so that no code fits."""
    try:
        return AESGCM(key).decrypt(row.sealed[:NONCE], row.sealed[NONCE:], _label(row.office_id, row.user_id)).decode()
    except InvalidTag:
        return None


def _label(office_id: int, user_id: int) -> bytes:
    return f"callcenter second factor 1|{office_id}|{user_id}".encode()
