"""How an office guards its accounts and screens: second factors, the idle lock, the pace of reading; kept in `Office.options["access"]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import Office, Role
from callcenter.core.db import office_of

KEY = "access"


@dataclass(frozen=True, slots=True)
class AccessTerms:
    """What holds for everybody of an office.

    Attributes:
        second_factor_roles: who can't sign in without a second factor.
        lock_minutes: after how many minutes without a key or a click a screen is locked; 0 never.
        reads_per_minute, reads_per_hour: how many taxpayers' pages one person may open before it is taken for copying.
    """

    second_factor_roles: tuple[Role, ...] = ()
    lock_minutes: int = 10
    reads_per_minute: int = 40
    reads_per_hour: int = 400


NAMES = tuple(field.name for field in fields(AccessTerms))


def terms_of(options: Mapping[str, Any]) -> AccessTerms:
    """The terms in an office's options; what is not there is as usual, and so is a role that does not exist."""
    kept = {name: value for name, value in options.get(KEY, {}).items() if name in NAMES}
    if "second_factor_roles" in kept:
        kept["second_factor_roles"] = tuple(role for role in Role if role in kept["second_factor_roles"])
    return AccessTerms(**kept)


def load_terms(session: Session) -> AccessTerms:
    """The terms of this office."""
    return terms_of(session.scalars(select(Office.options).where(Office.id == office_of(session))).one())
