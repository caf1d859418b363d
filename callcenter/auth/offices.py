"""Offices: the tenants of an installation."""

from __future__ import annotations

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.errors import Conflict, InvalidInput
from callcenter.core.phones import parse_phone

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,38}", re.IGNORECASE)


def find_office(session: Session, code: str) -> Office | None:
    """The office with this code, or None."""
    return session.scalar(select(Office).where(Office.code == code))


def first_office(session: Session) -> Office | None:
    """The office that was made first, or None in an empty installation."""
    return session.scalar(select(Office).order_by(Office.id).limit(1))


def all_offices(session: Session) -> list[Office]:
    """All offices in the order they were made."""
    return list(session.scalars(select(Office).order_by(Office.id)))


def add_office(
    session: Session,
    *,
    code: str,
    name: str,
    name_en: str = "",
    desk_name: str = "",
    phone: str = "",
    is_training: bool = False,
) -> Office:
    """Makes an office.

    Raises:
        InvalidInput: the code is not letters, digits and hyphens, or the phone is no number.
        Conflict: there is one with that code.
    """
    if not CODE.fullmatch(code):
        raise InvalidInput(f"'{code}' can't be an office code.", hint="Expected letters, digits and hyphens, at most 39.")
    if find_office(session, code) is not None:
        raise Conflict(f"There is an office '{code}' already.")
    office = Office(code=code, name=name, name_en=name_en, desk_name=desk_name, phone=published_number(phone), is_training=is_training)
    session.add(office)
    session.flush()
    return office


def published_number(text: str) -> str:
    """The number that debtors call back and that calls show, E.164 as carriers need it; "" for none. Raises InvalidInput.

    One that is written as E.164 is taken as it is: made-up towns have made-up numbers, which no numbering plan knows.
    """
    if E164.fullmatch(text.strip()):
        return text.strip()
    parsed = parse_phone(text)
    if parsed is not None and parsed.e164 is None:
        raise InvalidInput("The office's published number is no telephone number.", hint="Write it like 03-1234-5678.", code="office_phone")
    return parsed.e164 or "" if parsed is not None else ""
