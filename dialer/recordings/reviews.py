"""Score cards filled in: one per conversation and reviewer, which may be filled in anew; the operator sees them if the office says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from callcenter.core.errors import Conflict, InvalidInput
from callcenter.core.live import publish
from dialer.recordings.criteria import criteria_of, percent
from dialer.recordings.models import QualityReview, Recording
from dialer.recordings.terms import office_terms

LONGEST_COMMENT = 1000


def review(session: Session, row: Recording, reviewer_id: int, scores: Mapping[str, int], comment: str, now: datetime) -> QualityReview:
    """Fills in a card. Raises InvalidInput for a score that is missing, Conflict for a conversation without an operator."""
    if row.user_id is None:
        raise Conflict("This conversation had no operator.", code="no_operator")
    if len(comment) > LONGEST_COMMENT:
        raise InvalidInput(f"講評は{LONGEST_COMMENT}字までです。", code="comment")
    criteria = criteria_of(session)
    values = {
        "user_id": row.user_id,
        "criteria": [asdict(criterion) for criterion in criteria],
        "scores": {criterion.code: scores[criterion.code] for criterion in criteria if criterion.code in scores},
        "percent": percent(criteria, scores),
        "comment": comment.strip(),
        "is_shown": office_terms(session).shows_reviews,
        "reviewed_at": now,
        "read_at": None,
    }
    card = insert(QualityReview).values(recording_id=row.id, attempt_id=row.attempt_id, reviewer_id=reviewer_id, **values)
    card = card.on_conflict_do_update(index_elements=["office_id", "recording_id", "reviewer_id"], set_=values)
    made = session.scalars(card.returning(QualityReview), execution_options={"populate_existing": True}).one()
    if made.is_shown:
        publish(session, "review", made.user_id)
    return made


def of_recording(session: Session, recording_id: int) -> Sequence[QualityReview]:
    """All cards of a conversation, the newest first."""
    mine = select(QualityReview).where(QualityReview.recording_id == recording_id)
    return session.scalars(mine.order_by(QualityReview.reviewed_at.desc())).all()


def of_operator(session: Session, user_id: int, count: int = 50) -> Sequence[QualityReview]:
    """The cards an operator may see, the newest first."""
    mine = select(QualityReview).where(QualityReview.user_id == user_id, QualityReview.is_shown)
    return session.scalars(mine.order_by(QualityReview.reviewed_at.desc()).limit(count)).all()
