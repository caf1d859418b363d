"""What has to go: recordings older than their campaign, else their office, keeps them, unless somebody keeps one on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from campaigns.planning.models import Campaign
from dialer.recordings.models import Recording
from dialer.recordings.service import destroy
from dialer.recordings.terms import OfficeTerms, office_terms

WHY = "retention"
CHUNK = 500
_OF_CAMPAIGN = and_(Campaign.office_id == Recording.office_id, Campaign.id == Recording.campaign_id)


@dataclass(frozen=True, slots=True)
class Due:
    """Recordings of one campaign that would go now; `keep_days` is the rule that says so."""

    campaign: str
    keep_days: int
    count: int
    bytes: int
    oldest: datetime


def preview(session: Session, now: datetime, terms: OfficeTerms | None = None) -> list[Due]:
    """What would go now, by campaign; `terms` in place of the office's own shows what a change would do."""
    terms = terms or office_terms(session)
    days = _days(terms)
    counted = select(
        func.coalesce(Campaign.name, "").label("name"),
        days.label("days"),
        func.count().label("number"),
        func.sum(Recording.size).label("size"),
        func.min(Recording.began_at).label("oldest"),
    )
    joined = counted.select_from(Recording).outerjoin(Campaign, _OF_CAMPAIGN)
    query = joined.where(_is_due(days, now)).group_by(Campaign.name, days).order_by(Campaign.name)
    return [Due(row.name, int(row.days), int(row.number), int(row.size or 0), row.oldest) for row in session.execute(query)]


def forget_some(session: Session, data_dir: Path, now: datetime) -> int:
    """Deletes up to 500 of those whose time is over; returns how many."""
    days = _days(office_terms(session))
    due = select(Recording).outerjoin(Campaign, _OF_CAMPAIGN).where(_is_due(days, now)).order_by(Recording.id).limit(CHUNK)
    rows: Sequence[Recording] = session.scalars(due.with_for_update(of=Recording, skip_locked=True)).all()
    destroy(session, rows, data_dir, now, why=WHY, user_id=None)
    return len(rows)


def ends_at(row: Recording, campaign: Campaign | None, terms: OfficeTerms) -> datetime | None:
    """When this recording goes by itself; None while it is kept on purpose."""
    if row.kept_for:
        return None
    own = (campaign.options.get("recording") or {}).get("keep_days") if campaign else None
    return row.began_at + timedelta(days=own or terms.keep_days)


def _days(terms: OfficeTerms) -> ColumnElement[int]:
    return func.coalesce(Campaign.options["recording"]["keep_days"].as_integer(), terms.keep_days)


def _is_due(days: ColumnElement[int], now: datetime) -> ColumnElement[bool]:
    age = func.make_interval(0, 0, 0, days)
    return and_(Recording.state == "stored", Recording.kept_for == "", Recording.began_at < now - age)
