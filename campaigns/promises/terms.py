"""What the office settled about promises and plans: grace, threshold, and how long postings take; kept in `Office.options`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.db import office_of
from callcenter.core.errors import InvalidInput

RANGES: Mapping[str, tuple[int, int]] = {
    "promise_grace_days": (0, 60),
    "promise_threshold_percent": (1, 100),
    "posting_lag_days": (0, 60),
    "plan_grace_days": (0, 60),
    "plan_allowed_misses": (0, 12),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """Days of grace and the percentage at which a promise counts as kept; days a posting may take; grace and allowed misses of plans."""

    promise_grace_days: int = 7
    promise_threshold_percent: int = 100
    posting_lag_days: int = 14
    plan_grace_days: int = 7
    plan_allowed_misses: int = 0


def checked(name: str, value: Any) -> int:
    """A term's value. Raises InvalidInput for an unknown term and a value out of its range."""
    if name not in RANGES:
        raise InvalidInput(f"'{name}' is none of the terms.", hint="Known: " + ", ".join(RANGES) + ".", code="unknown_term")
    low, high = RANGES[name]
    text = str(value).strip()
    if isinstance(value, bool) or not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise InvalidInput(f"{name} can't be '{text[:20]}'.", hint=f"Expected a whole number from {low} to {high}.", code=f"bad_{name}")
    return int(text)


def terms_of(options: Mapping[str, Any]) -> Terms:
    """The terms in an office's options; what is not there is as usual."""
    given = {field.name: checked(field.name, options[field.name]) for field in fields(Terms) if field.name in options}
    return Terms(**given)


def load_terms(session: Session) -> Terms:
    """The terms of this office."""
    return terms_of(session.scalars(select(Office.options).where(Office.id == office_of(session))).one())


def change_terms(session: Session, changes: Mapping[str, Any]) -> Terms:
    """Changes some terms of this office. Raises InvalidInput; nothing is changed then."""
    new = {name: checked(name, value) for name, value in changes.items()}
    office = session.scalars(select(Office).where(Office.id == office_of(session)).with_for_update()).one()
    office.options = {**office.options, **new}
    session.flush()
    return terms_of(office.options)
