"""Lists of recordings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from callcenter.core.clock import day_bounds
from campaigns.debtors.models import Debtor
from campaigns.planning.models import Campaign
from dialer.recordings.models import QualityReview, Recording

STATES = ("running", "stored", "missing", "empty", "failed", "deleted")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list shows; None and "" leave a field open."""

    campaign_id: int | None = None
    user_id: int | None = None
    first: date | None = None
    last: date | None = None
    state: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the list; `percent` is the mean of its score cards."""

    recording: Recording
    campaign: str
    operator: str
    debtor_no: str
    percent: int | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Recordings of one operator with the same problem that nobody has seen yet: how many, and the newest of them."""

    recording_id: int
    problem: str
    operator: str
    began_at: datetime
    count: int


def listed(session: Session, wanted: Wanted, offset: int, count: int) -> tuple[list[Listed], int]:
    """Recordings, the newest first, and how many there are in all."""
    total = session.scalar(_narrowed(select(func.count()).select_from(Recording), wanted)) or 0
    mean = select(func.avg(QualityReview.percent)).where(
        QualityReview.office_id == Recording.office_id, QualityReview.recording_id == Recording.id
    )
    query = (
        select(Recording, Campaign.name, User.display_name, Debtor.debtor_no, mean.scalar_subquery())
        .join(Debtor, and_(Debtor.office_id == Recording.office_id, Debtor.id == Recording.debtor_id))
        .outerjoin(Campaign, and_(Campaign.office_id == Recording.office_id, Campaign.id == Recording.campaign_id))
        .outerjoin(User, and_(User.office_id == Recording.office_id, User.id == Recording.user_id))
    )
    rows = session.execute(_narrowed(query, wanted).order_by(Recording.began_at.desc(), Recording.id.desc()).offset(offset).limit(count))
    found = [
        Listed(row, campaign or "", operator or "", number, None if percent is None else round(percent))
        for row, campaign, operator, number, percent in rows
    ]
    return found, total


def _narrowed(query: Select[Any], wanted: Wanted) -> Select[Any]:
    if wanted.campaign_id is not None:
        query = query.where(Recording.campaign_id == wanted.campaign_id)
    if wanted.user_id is not None:
        query = query.where(Recording.user_id == wanted.user_id)
    if wanted.state:
        query = query.where(Recording.state == wanted.state)
    if wanted.first is not None:
        query = query.where(Recording.began_at >= day_bounds(wanted.first, wanted.first)[0])
    if wanted.last is not None:
        query = query.where(Recording.began_at < day_bounds(wanted.last, wanted.last)[1])
    return query


def choices(session: Session) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """Campaigns and operators that recordings can be narrowed to."""
    campaigns = select(Campaign.id, Campaign.name).order_by(Campaign.id.desc()).limit(100)
    operators = select(User.id, User.display_name).where(User.role == "operator").order_by(User.display_name)
    return [(row.id, row.name) for row in session.execute(campaigns)], [(row.id, row.display_name) for row in session.execute(operators)]


def of_attempts(session: Session, attempt_ids: Collection[int]) -> dict[int, int]:
    """Recordings of these attempts that can be heard: attempt → recording."""
    stored = select(Recording.attempt_id, Recording.id).where(Recording.attempt_id.in_(attempt_ids), Recording.state == "stored")
    return {row.attempt_id: row.id for row in session.execute(stored)}


def gaps(session: Session, count: int = 20) -> Sequence[Gap]:
    """What went wrong with recordings and was not seen yet, the newest first: a microphone that is off must not bury all else."""
    alike = (Recording.user_id, Recording.problem)
    place = func.row_number().over(partition_by=alike, order_by=(Recording.began_at.desc(), Recording.id.desc()))
    unseen = (
        select(Recording.id, Recording.problem, User.display_name, Recording.began_at, place, func.count().over(partition_by=alike))
        .outerjoin(User, and_(User.office_id == Recording.office_id, User.id == Recording.user_id))
        .where(Recording.problem != "", Recording.seen_by.is_(None))
        .subquery("unseen")
        .columns
    )
    number, problem, name, began_at, nth, many = unseen
    newest = select(number, problem, name, began_at, many).where(nth == 1).order_by(began_at.desc(), number.desc()).limit(count)
    return [Gap(found[0], found[1], found[2] or "", found[3], found[4]) for found in session.execute(newest)]
