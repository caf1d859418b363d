"""What a person searched for last: kept on the server for half an hour, so that nothing personal has to stand in an address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from campaigns.debtors.models import LastSearch

KEPT = timedelta(minutes=30)


def keep(session: Session, user_id: int, terms: Mapping[str, Any], now: datetime) -> None:
    """Keeps it in place of the one before; those of others that are too old go."""
    session.execute(delete(LastSearch).where(LastSearch.at < now - KEPT))
    statement = insert(LastSearch).values(user_id=user_id, terms=dict(terms), at=now)
    replaced = {"terms": statement.excluded.terms, "at": statement.excluded.at}
    session.execute(statement.on_conflict_do_update(index_elements=["office_id", "user_id"], set_=replaced))


def recall(session: Session, user_id: int, now: datetime) -> dict[str, Any] | None:
    """What it was; None where there was none or it is too long ago."""
    return session.scalar(select(LastSearch.terms).where(LastSearch.user_id == user_id, LastSearch.at >= now - KEPT))


def forget(session: Session, user_id: int) -> None:
    """Takes it away."""
    session.execute(delete(LastSearch).where(LastSearch.user_id == user_id))
