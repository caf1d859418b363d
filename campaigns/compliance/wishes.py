"""Times a debtor named: put down when they say so, lifted when they take it back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, time

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from callcenter.core.errors import InvalidInput, NotFound
from campaigns.attempts.codes import Channel
from campaigns.compliance.days import Hours, hours_text, read_hours
from campaigns.compliance.known import CONTACT_CHANNELS
from campaigns.compliance.models import ContactWish
from campaigns.compliance.words import WEEKDAYS, channel_word, pick
from campaigns.debtors.models import Debtor

MOST_WISHES = 10


def put_down(
    session: Session,
    debtor_id: int,
    *,
    is_only: bool,
    hours: str,
    weekdays: Collection[int] = (),
    channel: str = "",
    ends_on: date | None = None,
    user_id: int | None = None,
    now: datetime,
) -> list[ContactWish]:
    """Notes times: the only ones to be contacted at, or those to be avoided; one row for each span of `hours`, like `09:00-12:00`.

    Raises:
        NotFound: no such debtor.  InvalidInput: hours, weekdays or a channel that can't be read, or too many wishes.
    """
    if session.scalar(select(Debtor.id).where(Debtor.id == debtor_id)) is None:
        raise NotFound("その対象者はいません。", code="no_debtor")
    if channel and channel not in CONTACT_CHANNELS:
        raise InvalidInput("その手段はありません。", code="bad_channel")
    if not set(weekdays) <= set(range(7)):
        raise InvalidInput("曜日を読めません。", code="bad_weekdays")
    try:
        parts = read_hours(hours or "00:00-24:00")
    except ValueError as problem:
        told = getattr(problem, "ja", "")
        raise InvalidInput(f"時間帯を読めません。{told}", hint="09:00-12:00 のように書いてください。", code="bad_hours") from problem
    if len(in_force(session, debtor_id, now)) + len(parts) > MOST_WISHES:
        raise InvalidInput(f"申し出は{MOST_WISHES}件までです。", hint="古い申し出を取り消してください。", code="too_many_wishes")
    rows = [
        ContactWish(
            debtor_id=debtor_id,
            is_only=is_only,
            weekdays=",".join(str(day) for day in sorted(set(weekdays))),
            opens=part.opens,
            closes=part.closes,
            channel=channel or None,
            ends_on=ends_on,
            created_by=user_id,
            created_at=now,
        )
        for part in parts
    ]
    session.add_all(rows)
    session.flush()
    return rows


def lift(session: Session, debtor_id: int, wish_id: int, user_id: int | None, now: datetime) -> ContactWish:
    """Takes a wish back. Lifting it again is a no-op. Raises NotFound."""
    row = session.scalar(select(ContactWish).where(ContactWish.id == wish_id, ContactWish.debtor_id == debtor_id).with_for_update())
    if row is None:
        raise NotFound("その申し出はありません。", code="no_wish")
    if row.lifted_at is None:
        row.lifted_at, row.lifted_by = now, user_id
    return row


def in_force(session: Session, debtor_id: int, now: datetime) -> Sequence[ContactWish]:
    """The wishes that hold."""
    holds = (ContactWish.lifted_at.is_(None), or_(ContactWish.ends_on.is_(None), ContactWish.ends_on >= local_day(now)))
    return session.scalars(select(ContactWish).where(ContactWish.debtor_id == debtor_id, *holds).order_by(ContactWish.id)).all()


def words_of(row: ContactWish, lang: str) -> str:
    """午前は避ける(月・水、SMS): a wish in words."""
    names = WEEKDAYS["en" if lang == "en" else "ja"]
    days = [names[int(day)] for day in row.weekdays.split(",") if day]
    whole = (row.opens, row.closes) == (time(0, 0), time(0, 0))
    hours = pick(lang, "終日", "all day") if whole else hours_text([Hours(row.opens, row.closes)]).replace("-", pick(lang, "〜", "–"))
    when = f"{pick(lang, '・', ', ').join(days) or pick(lang, '毎日', 'every day')} {hours}"
    by = f"({channel_word(Channel(row.channel), lang)})" if row.channel else ""
    if lang == "en":
        return f"{'only' if row.is_only else 'not'} {when} {by}".rstrip()
    return f"{when} {'だけ' if row.is_only else 'は避ける'}{by}"
