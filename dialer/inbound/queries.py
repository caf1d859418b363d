"""Who waits at the published number right now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dialer.inbound.models import InboundCall


@dataclass(frozen=True, slots=True)
class Callers:
    """Callers that no operator has taken yet, since when the first of them waits, and how many talk."""

    waiting: int = 0
    since: datetime | None = None
    talking: int = 0


def callers(session: Session) -> Callers:
    """One look at the calls that are in."""
    is_waiting, is_talking = InboundCall.state.in_(("ringing", "waiting")), InboundCall.state == "talking"
    counts = select(
        func.count().filter(is_waiting), func.min(InboundCall.came_at).filter(is_waiting), func.count().filter(is_talking)
    ).where(InboundCall.state != "ended")
    waiting, since, talking = session.execute(counts).one()
    return Callers(waiting, since, talking)
