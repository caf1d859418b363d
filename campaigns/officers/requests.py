"""What officers ask of the contractor's supervisor, and the supervisor's answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, aliased

from callcenter.auth.models import User
from callcenter.core.clock import local_day
from callcenter.core.errors import Conflict, InvalidInput, NotFound
from callcenter.core.live import publish
from campaigns.debtors.models import Debtor
from campaigns.officers.cases import TOPIC, require_words
from campaigns.officers.models import OfficerRequest
from campaigns.officers.state import ANSWERS, WAITING, RequestKind, RequestState

LONGEST = timedelta(days=366)
MOST = 200


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request with the names around it."""

    request: OfficerRequest
    debtor_no: str
    asked_by: str
    answered_by: str

    def is_late(self, today: date) -> bool:
        """Whether it waits although its day has passed."""
        return self.request.state in WAITING and self.request.due_on is not None and self.request.due_on < today


def ask(
    session: Session, debtor_id: int, kind: str, body: str, due_on: date | None, user_id: int, now: datetime, *, case_id: int | None = None
) -> OfficerRequest:
    """Puts a request on the supervisor's desk. Raises InvalidInput: no kind, no words, or a day that has passed or lies years ahead."""
    if kind not in set(RequestKind):
        raise InvalidInput("頼むことを選んでください。", code="request_kind")
    words = require_words(body)
    if due_on is not None and not local_day(now) <= due_on <= local_day(now) + LONGEST:
        raise InvalidInput("期日は、今日から1年以内にしてください。", code="request_due")
    row = OfficerRequest(
        debtor_id=debtor_id, escalation_id=case_id, kind=kind, body=words, due_on=due_on, created_by=user_id, created_at=now
    )
    session.add(row)
    session.flush()
    publish(session, TOPIC)
    return row


def answer(session: Session, request_id: int, state: str, reply: str, user_id: int, now: datetime) -> OfficerRequest:
    """The supervisor's answer: in hand, done, or declined (with why). Raises InvalidInput, NotFound, Conflict."""
    row = _locked(session, request_id)
    if state not in set(RequestState) or RequestState(state) not in ANSWERS[RequestState.OPEN]:
        raise InvalidInput("返事を選んでください。", code="request_answer")
    if RequestState(state) not in ANSWERS[RequestState(row.state)]:
        raise Conflict("この依頼は、もう先へ進んでいます。", hint="画面を最新にしてください。", code="request_over")
    row.reply = require_words(reply, is_needed=state == RequestState.DECLINED) or row.reply
    row.state, row.replied_by, row.replied_at = state, user_id, now
    session.flush()
    publish(session, TOPIC)
    return row


def withdraw(session: Session, request_id: int, now: datetime) -> OfficerRequest:
    """The officers take a request back. Raises NotFound, Conflict."""
    row = _locked(session, request_id)
    if row.state not in WAITING:
        raise Conflict("この依頼は、もう終わっています。", hint="画面を最新にしてください。", code="request_over")
    row.state, row.replied_at = RequestState.WITHDRAWN.value, now
    session.flush()
    publish(session, TOPIC)
    return row


def list_requests(
    session: Session, *, debtor_id: int | None = None, is_waiting: bool | None = None, since: datetime | None = None
) -> Sequence[RequestRow]:
    """Requests: those that wait first, by their day, then the newest.

    Args:
        since: of those that are over only what was answered since then.
    """
    asker, answerer = aliased(User), aliased(User)
    waits = OfficerRequest.state.in_(WAITING)
    which: list[ColumnElement[bool]] = []
    if debtor_id is not None:
        which.append(OfficerRequest.debtor_id == debtor_id)
    if is_waiting is not None:
        which.append(waits if is_waiting else ~waits)
    if since is not None:
        which.append(waits | (OfficerRequest.replied_at >= since))
    rows = session.execute(
        select(OfficerRequest, Debtor.debtor_no, asker.display_name, answerer.display_name)
        .join(Debtor, (Debtor.office_id == OfficerRequest.office_id) & (Debtor.id == OfficerRequest.debtor_id))
        .outerjoin(asker, (asker.office_id == OfficerRequest.office_id) & (asker.id == OfficerRequest.created_by))
        .outerjoin(answerer, (answerer.office_id == OfficerRequest.office_id) & (answerer.id == OfficerRequest.replied_by))
        .where(*which)
        .order_by(waits.desc(), OfficerRequest.due_on.asc().nulls_last(), OfficerRequest.created_at.desc(), OfficerRequest.id.desc())
        .limit(MOST)
    )
    return [RequestRow(row, number, asked or "", answered or "") for row, number, asked, answered in rows]


def count_waiting(session: Session) -> int:
    """How many wait for the supervisor, or are in hand."""
    return session.scalar(select(func.count()).select_from(OfficerRequest).where(OfficerRequest.state.in_(WAITING))) or 0


def _locked(session: Session, request_id: int) -> OfficerRequest:
    row = session.scalar(select(OfficerRequest).where(OfficerRequest.id == request_id).with_for_update())
    if row is None:
        raise NotFound("その依頼はありません。", code="no_request")
    return row
