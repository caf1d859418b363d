"""Processing stored reports: many in one transaction, in the order they came; one that can't be processed is noted, not lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

import structlog
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from callcenter.core.errors import AppError, InvalidInput
from campaigns.messages import events
from campaigns.messages.inbox import replies
from campaigns.messages.inbox.models import MessageInbox, MessageReply
from campaigns.messages.models import Batch, Message
from campaigns.messages.moving import set_batch_state
from campaigns.messages.senders import choice, twilio
from campaigns.messages.senders.gateway import hearing
from campaigns.messages.senders.port import SmsNews, SmsStatus
from campaigns.messages.senders.troubles import IS_ACCOUNT
from campaigns.messages.senders.twilio import TwilioSender
from campaigns.messages.state import BATCH_TRANSITIONS, BatchState
from campaigns.messages.tryouts import service as tryouts

log = structlog.get_logger(__name__)

SessionFactory = Callable[[], AbstractContextManager[Session]]
CHUNK = 200
UNKNOWN_REFERENCE, UNREADABLE, REFUSED_BY_DATABASE = "unknown_reference", "unreadable", "refused_by_database"


def process(session_factory: SessionFactory, now: datetime, *, limit: int = CHUNK) -> int:
    """Processes up to `limit` reports that wait and returns how many there were.

    What a report does it does once: events are unique by their key, so that processing again changes nothing.
    """
    try:
        with session_factory() as session:
            rows = _waiting(session, limit)
            _process_rows(session, rows, now)
            return len(rows)
    except (AppError, DataError, IntegrityError):
        return _one_by_one(session_factory, now, limit)


def replay(session: Session, *, since: datetime | None = None, inbox_ids: Sequence[int] = (), only_problems: bool = False) -> int:
    """Lets stored reports be processed again and returns how many; harmless for those that were processed well.

    Raises:
        InvalidInput: nothing says which.
    """
    which: list[ColumnElement[bool]] = []
    if since is not None:
        which.append(MessageInbox.received_at >= since)
    if inbox_ids:
        which.append(MessageInbox.id.in_(inbox_ids))
    if only_problems:
        which.append(MessageInbox.problem != "")
    if not which:
        raise InvalidInput("Nothing says which reports.", hint="Give numbers, --since or --problems.", code="usage")
    again = update(MessageInbox).where(*which, MessageInbox.processed_at.is_not(None)).values(processed_at=None, problem="")
    return len(session.scalars(again.returning(MessageInbox.id)).all())


def counts(session: Session) -> Mapping[str, int]:
    """How many reports wait, how many could not be processed, how many there are."""
    waiting, problems, every = session.execute(
        select(
            func.count().filter(MessageInbox.processed_at.is_(None)),
            func.count().filter(MessageInbox.problem != ""),
            func.count(),
        ).select_from(MessageInbox)
    ).one()
    return {"waiting": waiting, "problems": problems, "all": every}


def problem_counts(session: Session) -> dict[str, int]:
    """Reports that could not be processed, by why."""
    counted = (
        select(MessageInbox.problem, func.count()).where(MessageInbox.problem != "").group_by(MessageInbox.problem).order_by("problem")
    )
    return {row[0]: row[1] for row in session.execute(counted)}


def _waiting(session: Session, limit: int) -> Sequence[MessageInbox]:
    waiting = select(MessageInbox).where(MessageInbox.processed_at.is_(None)).order_by(MessageInbox.id).limit(limit)
    return session.scalars(waiting.with_for_update(skip_locked=True)).all()


def _process_rows(session: Session, rows: Sequence[MessageInbox], now: datetime) -> None:
    told: list[tuple[MessageInbox, SmsNews]] = []
    for row in rows:
        row.processed_at = now
        if row.kind == "reply":
            row.problem = _follow_reply(session, row, now)
        elif (news := _news_of(session, row)) is None:
            row.problem = UNREADABLE
        else:
            told.append((row, news))
    references = {news.reference for _, news in told}
    found = select(Message.reference, Message.id).where(Message.reference.in_(references))
    ids: dict[str, int] = {row.reference: row.id for row in session.execute(found)} if references else {}
    for row, news in told:
        is_known = news.reference in ids or tryouts.note_news(session, news.reference, news.status.reason or news.status.state.value)
        row.problem = "" if is_known else UNKNOWN_REFERENCE
    known = [(row, news, ids[news.reference]) for row, news in told if news.reference in ids]
    session.flush()
    if known:
        events.keep_events(session, [(number, f"{row.source}:{row.event_key}", news.status) for row, news, number in known], now)
    for together in _rounds([(number, news.status) for _, news, number in known]):
        events.tell(session, [events.News(number, one.state, one.reason, one.provider_id) for number, one in together.items()], now)
    for message_id, code in sorted({(number, news.status.reason) for _, news, number in known if news.status.reason in IS_ACCOUNT}):
        _pause(session, message_id, code, now)


def _rounds(news: Sequence[tuple[int, SmsStatus]]) -> list[dict[int, SmsStatus]]:
    """The news in the order it came, each message at most once a round: one statement moves a message one step."""
    rounds: list[dict[int, SmsStatus]] = []
    seen: dict[int, int] = {}
    for message_id, status in news:
        number = seen[message_id] = seen.get(message_id, -1) + 1
        if number == len(rounds):
            rounds.append({})
        rounds[number][message_id] = status
    return rounds


def _news_of(session: Session, row: MessageInbox) -> SmsNews | None:
    if row.source == TwilioSender.name:
        return twilio.read_report(row.payload)
    document = choice.gateway_named(session, row.source)
    return None if document is None else hearing.read_report(document, row.payload)


def _follow_reply(session: Session, row: MessageInbox, now: datetime) -> str:
    """Keeps a reply and follows it, once; returns the problem, if there is one."""
    if session.scalar(select(MessageReply.id).where(MessageReply.inbox_id == row.id)) is not None:
        return ""
    document = None if row.source == TwilioSender.name else choice.gateway_named(session, row.source)
    reply = twilio.read_reply(row.payload) if document is None else hearing.read_reply(document, row.payload)
    if reply is None:
        return UNREADABLE
    replies.follow(session, row.id, reply.number, reply.text, row.received_at, now)
    return ""


def _pause(session: Session, message_id: int, code: str, now: datetime) -> None:
    """A report may say more than what became of one message: that the account takes none any more. Then its batch waits."""
    batch = session.scalar(select(Batch).join(Message, Message.batch_id == Batch.id).where(Message.id == message_id))
    if batch is not None and batch.state != BatchState.PAUSED.value and BatchState.PAUSED in BATCH_TRANSITIONS[BatchState(batch.state)]:
        set_batch_state(session, batch.id, BatchState.PAUSED, now, reason=code)
        log.warning("batch_paused", batch_id=batch.id, code=code)


def _one_by_one(session_factory: SessionFactory, now: datetime, limit: int) -> int:
    """The same in a transaction each, so that one bad report does not hold up the others."""
    with session_factory() as session:
        ids = [row.id for row in _waiting(session, limit)]
    for inbox_id in ids:
        row_is = MessageInbox.id == inbox_id
        try:
            with session_factory() as session:
                waiting = select(MessageInbox).where(row_is, MessageInbox.processed_at.is_(None)).with_for_update(skip_locked=True)
                _process_rows(session, session.scalars(waiting).all(), now)
        except (AppError, DataError, IntegrityError) as problem:
            log.warning("report_not_processed", inbox_id=inbox_id, error=type(problem).__name__)
            code = problem.code if isinstance(problem, AppError) else REFUSED_BY_DATABASE
            with session_factory() as session:
                session.execute(update(MessageInbox).where(row_is).values(problem=code[:40], processed_at=now))
    return len(ids)
