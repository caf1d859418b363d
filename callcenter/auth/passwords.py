"""Passwords: argon2id with OWASP's parameters, a minimum length and zxcvbn's estimate, no composition rules, and first ones made by us."""

from __future__ import annotations

import re
import secrets
from functools import lru_cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from callcenter.core.errors import InvalidInput

# ASVS 5.0 appendix C: m >= 46 MiB, t = 1, p = 1 (here a little above).
MEMORY_KIB = 48 * 1024
MIN_LENGTH, MAX_LENGTH = 12, 200
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # no l, o, 0, 1: they are read out and typed
WORDS = ("callcenter", "administrator", "zeimu", "nouzei", "zeikin", "shiyakusho", "kakuu")  # what everybody here thinks of first
WEAK = 3  # zxcvbn's scale ends at 4; below 3, 10^8 guesses find it
ESTIMATED = 72  # letters zxcvbn looks at

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
    from zxcvbn import zxcvbn  # its lists take half a second to load: only where a password is chosen

    known = [*WORDS, *re.split(r"[^a-z0-9]+", sign_in_name.casefold()), sign_in_name.casefold()]
    if zxcvbn(password[:ESTIMATED], user_inputs=[word for word in known if word])["score"] < WEAK:
        raise InvalidInput("推測されやすいパスワードです。", hint="ほかの人が使わない言葉をつないでください。", code="password_common")
    return password


@lru_cache(maxsize=1)
def _nobody() -> str:
    return _hasher.hash(secrets.token_urlsafe(16))
