"""What follows when debtor and operator hear each other: the recording is on record, and who listens is, too."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from dialer.calls.models import Call
from dialer.recordings import beginning as recordings
from dialer.supervising import carrying as supervising


def joined(session: Session, call_id: int, now: datetime) -> None:
    """The call has become a conversation."""
    call = session.scalars(select(Call).where(Call.id == call_id)).one()
    recordings.begin(session, call)
    supervising.note_joined(session, call, now)
