"""What debtors ask the office for in a call: a new payment slip, the form for direct debit, a change of address; and who has seen to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from callcenter.core.errors import Conflict, InvalidInput, NotFound
from campaigns.attempts.codes import Outcome
from campaigns.attempts.models import Attempt, ServiceRequest
from campaigns.debtors.models import Debtor

SLIP, DIRECT_DEBIT, ADDRESS_CHANGE = KINDS = ("slip", "direct_debit", "address_change")
IMPLIED = {Outcome.REISSUE_SLIP: SLIP, Outcome.DIRECT_DEBIT_WISH: DIRECT_DEBIT}
MAX_DETAIL = 300
SHOWN = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """One wish; `detail` is what the debtor said: where to send it, the new address."""

    kind: str
    detail: str = ""


def check_asked(asked: Sequence[Asked]) -> None:
    """Raises InvalidInput for an unknown wish, a change without the new address, or too long a text."""
    for wish in asked:
        if wish.kind not in KINDS:
            raise InvalidInput("その依頼は受け付けられません。", code="asked_kind")
        if wish.kind == ADDRESS_CHANGE and not wish.detail.strip():
            raise InvalidInput("新しい住所を入れてください。", code="address_missing")
        if len(wish.detail) > MAX_DETAIL:
            raise InvalidInput(f"依頼の内容は{MAX_DETAIL}文字までです。", code="asked_long")


def note_asked(session: Session, attempt: Attempt, asked: Sequence[Asked], outcome: Outcome, now: datetime, user_id: int | None) -> None:
    """Puts the wishes of a call on the office's list; a result that is itself such a wish adds it."""
    wishes = {wish.kind: wish.detail.strip() for wish in asked}
    if outcome in IMPLIED:
        wishes.setdefault(IMPLIED[outcome], "")
    for kind, detail in wishes.items():
        row = ServiceRequest(
            debtor_id=attempt.debtor_id, attempt_id=attempt.id, kind=kind, detail=detail, created_by=user_id, created_at=now
        )
        session.add(row)
    if wishes:
        session.flush()


def list_requests(session: Session, *, is_open: bool) -> Sequence[Row[ServiceRequest, str, str, str]]:
    """The wishes with the debtor's number and name and who took them: the open ones oldest first, the done ones newest first."""
    order = ServiceRequest.created_at if is_open else ServiceRequest.created_at.desc()
    query = (
        select(ServiceRequest, Debtor.debtor_no, Debtor.name, User.display_name)
        .join(Debtor, (Debtor.office_id == ServiceRequest.office_id) & (Debtor.id == ServiceRequest.debtor_id))
        .outerjoin(User, (User.office_id == ServiceRequest.office_id) & (User.id == ServiceRequest.created_by))
        .where(ServiceRequest.state == ("open" if is_open else "done"))
    )
    return session.execute(query.order_by(order, ServiceRequest.id).limit(SHOWN)).all()


def requests_of(session: Session, debtor_id: int) -> Sequence[ServiceRequest]:
    """A debtor's wishes, newest first."""
    mine = select(ServiceRequest).where(ServiceRequest.debtor_id == debtor_id)
    return session.scalars(mine.order_by(ServiceRequest.created_at.desc(), ServiceRequest.id.desc()).limit(5)).all()


def settle(session: Session, request_id: int, user_id: int, now: datetime) -> ServiceRequest:
    """Notes that somebody has seen to it. Raises NotFound, or Conflict when it was done already."""
    row = session.scalar(select(ServiceRequest).where(ServiceRequest.id == request_id).with_for_update())
    if row is None:
        raise NotFound("その依頼はありません。", code="no_request")
    if row.state == "done":
        raise Conflict("その依頼は済んでいます。", hint="画面を最新にしてください。", code="request_done")
    row.state, row.done_by, row.done_at = "done", user_id, now
    return row
