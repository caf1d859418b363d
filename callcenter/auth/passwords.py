"""Passwords: argon2id with OWASP's parameters, a minimum length, no composition rules, and first passwords made by us."""

from __future__ import annotations

import secrets
from functools import lru_cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from callcenter.core.errors import InvalidInput

# ASVS 5.0 appendix C: m >= 46 MiB, t = 1, p = 1 (here a little above).
MEMORY_KIB = 48 * 1024
MIN_LENGTH, MAX_LENGTH = 12, 200
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # no l, o, 0, 1: they are read out and typed
COMMON = frozenset(
    {
        "password1234",
        "passwordpassword",
        "123456789012",
        "1234567890123",
        "qwertyuiop12",
        "qwertyuiopas",
        "administrator",
        "callcenter12",
        "callcentercallcenter",
        "abcdefghijkl",
        "zeimuzeimu12",
        "nouzeinouzei",
        "iloveyou1234",
        "letmeinletmein",
        "welcome12345",
        "changeme1234",
        "changemechangeme",
        "adminadmin12",
        "p@ssword1234",
        "qwerty123456",
        "1q2w3e4r5t6y",
        "1qaz2wsx3edc",
        "asdfghjkl123",
        "zxcvbnm12345",
        "sakurasakura",
    }
)

_hasher = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=MEMORY_KIB, parallelism=1),))


def hash_password(password: str) -> str:
    """The argon2id hash to be stored."""
    return _hasher.hash(password)


def check_password(password: str, stored: str | None) -> tuple[bool, str | None]:
    """Whether `password` is the stored one, and a new hash where the parameters have grown since.

    Someone without a hash (unknown name, history only) costs the same time, so that names can't be found out by the clock.
    """
    if stored is None or len(password) > MAX_LENGTH:
        _hasher.verify("", _nobody())
        return False, None
    return _hasher.verify_and_update(password, stored)


def new_password() -> str:
    """A first password: 20 letters and digits in groups of five, 100 bits."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(20))
    return "-".join(letters[start : start + 5] for start in range(0, 20, 5))


def require_strong(password: str, sign_in_name: str = "") -> str:
    """The password itself, if it is long enough and not one that everybody tries first.

    Raises:
        InvalidInput: too short, too long, the user's own name, or on the list of common ones.
    """
    if len(password) < MIN_LENGTH:
        raise InvalidInput("パスワードが短すぎます。", hint=f"{MIN_LENGTH}文字以上にしてください。", code="password_short")
    if len(password) > MAX_LENGTH:
        raise InvalidInput("パスワードが長すぎます。", hint=f"{MAX_LENGTH}文字以内にしてください。", code="password_long")
    plain = password.casefold()
    if plain in COMMON or len(set(plain)) < 4 or (sign_in_name and plain == sign_in_name.casefold()):
        raise InvalidInput("推測されやすいパスワードです。", hint="ほかの人が使わない言葉をつないでください。", code="password_common")
    return password


@lru_cache(maxsize=1)
def _nobody() -> str:
    return _hasher.hash(secrets.token_urlsafe(16))
