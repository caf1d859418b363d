"""Everything that ever happened with one debtor, in one order: attempts, messages, promises, money, lists, decisions, and who looked.

Each source is one SELECT with the same columns (`at`, `rank`, `id`, `kind`, `facts`, `user_id`); a page is what lies before a mark in the
order of (at, rank, id), so that no page is counted through and none shows an entry twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from callcenter.core.errors import InvalidInput
from campaigns.debtors.timeline_sources import SOURCES, Group, Source

PAGE = 40
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened; what `facts` holds depends on `kind`."""

    at: datetime
    rank: int
    id: int
    kind: str
    facts: Mapping[str, Any]
    user: str

    @property
    def mark(self) -> str:
        """The place of this entry in the order, as `before` takes it; tells nothing of a person."""
        return f"{(self.at - EPOCH) // MICROSECOND}~{self.rank}~{self.id}"


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first; `next_mark` where older ones follow, else empty."""

    entries: Sequence[Entry]
    next_mark: str


_MARK = re.compile(r"(\d{1,17})~(\d{1,3})~(\d{1,18})")


def read_timeline(
    session: Session, debtor_id: int, groups: frozenset[Group], *, before: str = "", may_see_views: bool = False, count: int = PAGE
) -> Page:
    """A page of what happened before a mark, of the groups asked for (none: all); who looked is shown only to those who may.

    Raises:
        InvalidInput: the mark is none of ours.
    """
    wanted = groups or frozenset(Group)
    if not may_see_views:
        wanted -= {Group.VIEW}
    facts: dict[str, Any] = {"office": office_of(session), "debtor": debtor_id, "most": count + 1}
    if before:
        facts |= _read_mark(before)
    sources = [_select(source, has_mark=bool(before)) for source in SOURCES if source.group in wanted]
    if not sources:
        return Page((), "")
    statement = f"""SELECT e.*, u.display_name FROM ({" UNION ALL ".join(sources)}) e
                    LEFT JOIN app_user u ON u.office_id = :office AND u.id = e.user_id
                    ORDER BY e.at DESC, e.rank DESC, e.id DESC LIMIT :most"""
    rows = session.execute(text(statement), facts).all()
    entries = [Entry(row.at, row.rank, row.id, row.kind, row.facts, row.display_name or "") for row in rows[:count]]
    return Page(entries, entries[-1].mark if len(rows) > count else "")


def _select(source: Source, *, has_mark: bool) -> str:
    place = f"({source.at}, {source.rank}, {source.number})"
    earlier = f" AND {source.at} <= :at AND {place} < (:at, :rank, :id)" if has_mark else ""
    return f"""(SELECT {source.at} AS at, {source.rank} AS rank, {source.number} AS id, '{source.kind}' AS kind, {source.facts} AS facts,
                       {source.user} AS user_id FROM {source.rows}{earlier} ORDER BY 1 DESC, 3 DESC LIMIT :most)"""


def _read_mark(mark: str) -> dict[str, Any]:
    found = _MARK.fullmatch(mark)
    if found is None:
        raise InvalidInput("続きの場所を読めません。", hint="ページを開き直してください。", code="bad_mark")
    return {"at": EPOCH + int(found[1]) * MICROSECOND, "rank": int(found[2]), "id": int(found[3])}
