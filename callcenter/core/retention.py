"""What is kept for a while only: each kind of data is one declared object, counted before it goes and forgotten in portions.

Each room declares the kinds it owns; an office may keep each longer or shorter in `Office.options["retention"]`, within the kind's limits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from callcenter.core.db import OfficeMixin

KEY = "retention"
CHUNK = 1_000
MOST_DAYS = 3_650
Forget = Callable[[Session, Sequence[int]], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of data.

    Attributes:
        name: as in the office's options.
        table: whose rows they are.
        at: the column that tells their age.
        days, least: how long they are kept unless the office says otherwise, and the shortest time it may say.
        also: what else must hold for a row to go.
        forget: what happens to rows by their ids; None deletes them.
    """

    name: str
    table: type[OfficeMixin]
    at: InstrumentedAttribute[Any]
    days: int
    least: int
    also: ColumnElement[bool] | None = None
    forget: Forget | None = None

    def due(self, now: datetime, days: int) -> ColumnElement[bool]:
        """Whether a row's time is over."""
        is_old = self.at < now - timedelta(days=days)
        return is_old if self.also is None else and_(is_old, self.also)


@dataclass(frozen=True, slots=True)
class Due:
    """What would go now: how many rows, and the oldest one's moment."""

    count: int
    oldest: datetime | None


def days_of(kind: Kind, options: Mapping[str, Any]) -> int:
    """How long an office keeps that kind; a value outside the limits counts as the usual one."""
    days = options.get(KEY, {}).get(kind.name, kind.days)
    return days if isinstance(days, int) and kind.least <= days <= MOST_DAYS else kind.days


def preview(session: Session, kind: Kind, now: datetime, days: int) -> Due:
    """What would go now if that kind were kept for `days`."""
    count, oldest = session.execute(select(func.count(), func.min(kind.at)).select_from(kind.table).where(kind.due(now, days))).one()
    return Due(int(count), oldest)


def forget_some(session: Session, kind: Kind, now: datetime, days: int) -> int:
    """Forgets up to a thousand rows whose time is over; returns how many."""
    query = select(kind.table.id).where(kind.due(now, days)).order_by(kind.table.id).limit(CHUNK)
    ids = list(session.scalars(query.with_for_update(skip_locked=True)))
    if not ids:
        return 0
    if kind.forget is not None:
        kind.forget(session, ids)
    else:
        session.execute(delete(kind.table).where(kind.table.id.in_(ids)))
    return len(ids)
