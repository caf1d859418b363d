"""What campaigns keep for a while only: delivered files with their rejected rows, unfinished notes, providers' reports as they came."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from callcenter.core.retention import Kind
from campaigns.attempts.models import Draft
from campaigns.imports.models import ImportFile, Rejection
from campaigns.messages.inbox.models import MessageInbox

GONE = ""


def forget_files(session: Session, ids: Sequence[int]) -> None:
    """Of imported files the counts stay; rows, examples and names of files go. The files themselves are then strays, which are swept."""
    session.execute(delete(Rejection).where(Rejection.import_id.in_(ids)))
    emptied = update(ImportFile).where(ImportFile.id.in_(ids))
    session.execute(emptied.values(stored_path=GONE, rejected_path=None, original_name=GONE, changes={}, notes=[]))


def empty_reports(session: Session, ids: Sequence[int]) -> None:
    """Of a provider's report the key stays, so that a repetition is still known; what it said goes."""
    session.execute(update(MessageInbox).where(MessageInbox.id.in_(ids)).values(payload={}))


KINDS = (
    Kind(
        "import_files",
        ImportFile,
        ImportFile.created_at,
        days=365,
        least=30,
        also=(ImportFile.stored_path != GONE) & ImportFile.status.in_(("done", "failed")),
        forget=forget_files,
    ),
    Kind("drafts", Draft, Draft.saved_at, days=30, least=1),
    Kind(
        "message_reports",
        MessageInbox,
        MessageInbox.received_at,
        days=180,
        least=30,
        also=MessageInbox.processed_at.is_not(None) & (MessageInbox.payload != {}),
        forget=empty_reports,
    ),
)
