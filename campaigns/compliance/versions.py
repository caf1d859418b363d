"""The office's contact rules as they are stored: which version holds, now or at a moment of the past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.db import office_of
from campaigns.compliance.days import DeclaredDay
from campaigns.compliance.documents import from_document, read_day
from campaigns.compliance.models import CalendarDay, ContactPolicyVersion
from campaigns.compliance.policy import ContactPolicy
from campaigns.compliance.presets import municipality, training


@dataclass(frozen=True, slots=True)
class _Read:
    """What a policy was read from; reading is repeated only when something of it changed."""

    document: Mapping[str, Any] | None
    version: int
    days: Sequence[Sequence[Any]]
    zone: str
    is_training: bool


_known: dict[int, tuple[_Read, ContactPolicy]] = {}


def load_policy(session: Session, as_of: datetime | None = None) -> ContactPolicy:
    """The office's active contact rules with its declared days; a preset where it has stored none.

    A training office (simulated carrier only) is always open; every other office falls back to the municipality's rules.

    Args:
        as_of: a moment of the past whose version is meant; days are as declared now.

    Raises:
        InvalidInput: the stored rules can't be read: then nobody is contacted.
    """
    office = office_of(session)
    read = _read(session, office, as_of)
    known = _known.get(office)
    if known is not None and known[0] == read:
        return known[1]
    policy = _policy_of(read)
    if as_of is None:
        _known[office] = (read, policy)
    return policy


def declared_days(session: Session) -> dict[date, DeclaredDay]:
    """The office's own days."""
    return {row[0]: _day_of(row) for row in _day_rows(session)}


def day_of_row(row: CalendarDay) -> DeclaredDay:
    """A declared day as it is stored."""
    return _day_of((row.day, row.kind, row.hours, row.until, row.channels, row.name))


def _read(session: Session, office: int, as_of: datetime | None) -> _Read:
    stored = select(ContactPolicyVersion.id)
    if as_of is None:
        stored = stored.where(ContactPolicyVersion.is_active)
    else:
        since = func.coalesce(ContactPolicyVersion.activated_at, ContactPolicyVersion.created_at)
        was_active = or_(ContactPolicyVersion.activated_at.is_not(None), ContactPolicyVersion.is_active)
        until = or_(ContactPolicyVersion.retired_at.is_(None), ContactPolicyVersion.retired_at > as_of)
        stored = stored.where(was_active, since <= as_of, until).order_by(since.desc()).limit(1)
    days = select(func.json_agg(aggregate_order_by(func.json_build_array(*_DAY), CalendarDay.day.asc())))
    found = session.execute(
        select(ContactPolicyVersion.document, ContactPolicyVersion.version, Office.time_zone, Office.is_training, days.scalar_subquery())
        .select_from(Office)
        .outerjoin(
            ContactPolicyVersion,
            (ContactPolicyVersion.office_id == Office.id) & (ContactPolicyVersion.id == stored.scalar_subquery()),
        )
        .where(Office.id == office)
    ).one()
    return _Read(found[0], found[1] or 0, found[4] or (), found.time_zone, found.is_training)


_DAY = (CalendarDay.day, CalendarDay.kind, CalendarDay.hours, CalendarDay.until, CalendarDay.channels, CalendarDay.name)


def _day_rows(session: Session) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in session.execute(select(*_DAY).order_by(CalendarDay.day))]


def _day_of(row: Sequence[Any]) -> DeclaredDay:
    day, kind, hours, until, channels, name = row
    return read_day(f"days.{day}", {"kind": kind, "hours": hours, "until": until, "channels": channels, "name": name})


def _policy_of(read: _Read) -> ContactPolicy:
    days = {date.fromisoformat(row[0]): _day_of(row) for row in read.days}
    zone = ZoneInfo(read.zone)
    if read.document is not None:
        return from_document(read.document, days, zone=zone, version=read.version)
    base = training() if read.is_training else municipality()
    return replace(base, hours=replace(base.hours, days=days, zone=zone, spans={}))
