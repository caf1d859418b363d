"""A debtor's numbers: adding one, what is known of it, and who said so when; a number that is dead is dead for everybody who has it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.orm import Session

from callcenter.core.errors import Conflict, InvalidInput, NotFound
from callcenter.core.phones import parse_phone
from campaigns.compliance.facts import USABLE_STATUSES
from campaigns.compliance.lines import SMS_LINES, voice_lines
from campaigns.debtors.models import Debtor, PhoneEvent, PhoneNumber, SearchPending
from campaigns.worklist.withdraw import withdraw_for_phones

STATUSES = ("unverified", "works", "wrong_person", "dead", "refused")
UNUSABLE = ("wrong_person", "dead", "refused")
SOURCES = ("research", "operator")
MAX_WHY = 200


def is_usable(phone: PhoneNumber) -> bool:
    """Whether it may be called at all."""
    return phone.is_listed and phone.e164 is not None and phone.status in USABLE_STATUSES and phone.line_type in voice_lines()


def takes_sms(phone: PhoneNumber) -> bool:
    """Whether a message may be sent to it."""
    return is_usable(phone) and phone.line_type in SMS_LINES


def numbers_of(session: Session, debtor_id: int) -> Sequence[PhoneNumber]:
    """Those of the present list first, in the office's order of preference."""
    return session.scalars(
        select(PhoneNumber)
        .where(PhoneNumber.debtor_id == debtor_id)
        .order_by(PhoneNumber.is_listed.desc(), PhoneNumber.position, PhoneNumber.id)
    ).all()


def require_reason(why: str) -> str:
    """What a person gave as reason. Raises InvalidInput when there is none or it is too long."""
    told = why.strip()
    if not told:
        raise InvalidInput("理由を入れてください。", hint="あとで見る人のための一言です。", code="why_missing")
    if len(told) > MAX_WHY:
        raise InvalidInput("理由が長すぎます。", hint=f"{MAX_WHY}文字までです。", code="why_long")
    return told


def add_number(session: Session, debtor_id: int, typed: str, source: str, why: str, now: datetime, user_id: int) -> PhoneNumber:
    """Adds a number somebody found or was told; one that a list had dropped comes back.

    A number whose holder refused calls stays refused, whoever it is added to.

    Raises:
        InvalidInput: no number in Japan that can be called, or no reason.  Conflict: the debtor has it already.
    """
    why = require_reason(why)
    if source not in SOURCES:
        raise InvalidInput("入手元を選んでください。", code="phone_source")
    phone = parse_phone(typed[:80])
    if phone is None or phone.e164 is None:
        hint = "市外局番から入れてください(例: 03-1234-5678、090-1234-5678)。"
        raise InvalidInput("電話番号として読めません。", hint=hint, code="phone_unreadable")
    if phone.line_type not in voice_lines():
        raise InvalidInput("掛けられない種類の番号です。", hint="固定、携帯と、設定が許すときのIP電話の番号だけです。", code="phone_line")
    if session.scalar(select(Debtor.id).where(Debtor.id == debtor_id).with_for_update()) is None:
        raise NotFound("その対象者はいません。", code="no_debtor")
    known = session.scalar(select(PhoneNumber).where(PhoneNumber.debtor_id == debtor_id, PhoneNumber.e164 == phone.e164).limit(1))
    if known is not None and known.is_listed:
        raise Conflict("その番号はもう登録されています。", hint="状態を変えるときは、番号の「変える」から。", code="phone_known")
    refused = select(PhoneNumber.id).where(PhoneNumber.e164 == phone.e164, PhoneNumber.status == "refused").limit(1)
    status = "refused" if session.scalar(refused) is not None else "unverified"
    if known is not None:
        old, known.is_listed, known.source, known.status, known.updated_at = known.status, True, source, status, now
        row = known
    else:
        last = session.scalar(select(func.max(PhoneNumber.position)).where(PhoneNumber.debtor_id == debtor_id)) or 0
        row = PhoneNumber(
            debtor_id=debtor_id, position=last + 1, original=phone.original, e164=phone.e164, line_type=str(phone.line_type),
            remark=phone.remark[:80], status=status, source=source, updated_at=now,
        )  # fmt: skip
        session.add(row)
        old = None
    session.flush()
    event = PhoneEvent(debtor_id=debtor_id, phone_id=row.id, at=now, old_status=old, new_status=status, why=why, user_id=user_id)
    session.add(event)
    session.execute(insert_or(SearchPending).values(debtor_id=debtor_id).on_conflict_do_nothing())
    return row


def change_status(session: Session, debtor_id: int, phone_id: int, status: str, why: str, now: datetime, user_id: int) -> int:
    """What a person knows of a number; returns how many debtors' rows changed.

    Wrong, dead and refused hold wherever the office has the number, and queued work for it is withdrawn or takes another number. That it
    works, or is to be tried again, is said of this debtor only.

    Raises:
        InvalidInput: no such status, or no reason.  NotFound: not this debtor's number.  Conflict: it has that status already.
    """
    why = require_reason(why)
    if status not in STATUSES:
        raise InvalidInput("状態を選んでください。", code="phone_status")
    phone = session.scalar(select(PhoneNumber).where(PhoneNumber.id == phone_id, PhoneNumber.debtor_id == debtor_id).with_for_update())
    if phone is None:
        raise NotFound("その番号はありません。", code="no_phone")
    if phone.status == status:
        raise Conflict("その番号は、すでにその状態です。", hint="画面を最新にしてください。", code="phone_same")
    if status in UNUSABLE:
        return len(set_number_status(session, phone_id, status, now, why=why, user_id=user_id))
    return _set(session, [phone], status, now, why=why, user_id=user_id)


def set_number_status(
    session: Session,
    phone_id: int,
    status: str,
    now: datetime,
    *,
    why: str = "",
    attempt_id: int | None = None,
    user_id: int | None = None,
) -> Sequence[int]:
    """Gives a number a status wherever the office knows it, and stops what is queued for it; returns the rows' ids.

    A number that is wrong, dead or refused is so for every debtor who has it: somebody else lives there.
    """
    e164 = session.scalar(select(PhoneNumber.e164).where(PhoneNumber.id == phone_id))
    same = PhoneNumber.e164 == e164 if e164 else PhoneNumber.id == phone_id
    others = select(PhoneNumber).where(same, PhoneNumber.status != status).order_by(PhoneNumber.id).with_for_update()
    changed = session.scalars(others).all()
    _set(session, changed, status, now, why=why, attempt_id=attempt_id, user_id=user_id)
    ids = [phone.id for phone in changed]
    withdraw_for_phones(session, ids, f"number_{status}", now)
    return ids


def confirm_number(session: Session, phone_id: int, now: datetime, *, attempt_id: int | None = None, user_id: int | None = None) -> None:
    """Notes that the debtor was met at a number; that says nothing about others who have it."""
    unconfirmed = update(PhoneNumber).where(PhoneNumber.id == phone_id, PhoneNumber.status == "unverified")
    debtor_id = session.scalar(unconfirmed.values(status="works", updated_at=now).returning(PhoneNumber.debtor_id))
    if debtor_id is not None:
        told = {"old_status": "unverified", "new_status": "works", "attempt_id": attempt_id, "user_id": user_id}
        session.execute(insert(PhoneEvent).values(debtor_id=debtor_id, phone_id=phone_id, at=now, **told))


def _set(
    session: Session,
    phones: Sequence[PhoneNumber],
    status: str,
    now: datetime,
    *,
    why: str = "",
    attempt_id: int | None = None,
    user_id: int | None = None,
) -> int:
    if not phones:
        return 0
    told = {"at": now, "new_status": status, "why": why[:MAX_WHY], "attempt_id": attempt_id, "user_id": user_id}
    session.execute(insert(PhoneEvent), [{"debtor_id": p.debtor_id, "phone_id": p.id, "old_status": p.status} | told for p in phones])
    session.execute(
        update(PhoneNumber)
        .where(PhoneNumber.id.in_([phone.id for phone in phones]))
        .values(status=status, updated_at=now)
        .execution_options(synchronize_session="fetch")
    )
    return len(phones)


def events_of(session: Session, debtor_id: int) -> Sequence[PhoneEvent]:
    """What happened to a debtor's numbers, newest first."""
    return session.scalars(
        select(PhoneEvent).where(PhoneEvent.debtor_id == debtor_id).order_by(PhoneEvent.at.desc(), PhoneEvent.id.desc()).limit(200)
    ).all()
