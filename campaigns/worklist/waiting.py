"""What still waits for one person: the calls and messages that are queued, and from when on they may go out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.planning.models import Campaign
from campaigns.worklist.models import WorkItem
from campaigns.worklist.state import WorkState


@dataclass(frozen=True, slots=True)
class Waiting:
    """One queued contact; `tries` is how often it was tried before, `not_before` when the campaign wants it at the earliest."""

    channel: str
    campaign: str
    not_before: datetime
    tries: int
    is_callback: bool


def waiting_for(session: Session, debtor_id: int) -> list[Waiting]:
    """The queued contacts of running campaigns, the next first."""
    rows = session.execute(
        select(WorkItem.channel, Campaign.name, WorkItem.not_before, WorkItem.tries, WorkItem.is_callback)
        .join(Campaign, (Campaign.office_id == WorkItem.office_id) & (Campaign.id == WorkItem.campaign_id))
        .where(WorkItem.debtor_id == debtor_id, WorkItem.state == WorkState.READY, Campaign.status == "running")
        .order_by(WorkItem.not_before, WorkItem.id)
    )
    return [Waiting(*row) for row in rows]
