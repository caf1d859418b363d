"""Who is written to when a figure leaves its usual range, and the letter: one about all alerts of a look, each alert once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.db import office_of
from callcenter.core.errors import Conflict, InvalidInput, NotFound
from reports.control.models import AlertRecipient, Cycle, MetricAlert
from reports.exports.table import shown
from reports.mail import ADDRESS
from reports.metrics import BY_CODE
from reports.words import Words

MOST, LONGEST = 50, 254
RULES = {"outside": Words("範囲の外", "outside the range"), "run": Words("8期間続けて片側", "eight in a row on one side")}


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter to everybody of one language: receivers, subject and text."""

    to: tuple[str, ...]
    subject: str
    body: str


def recipients(session: Session) -> list[AlertRecipient]:
    """All addresses of the office, by address."""
    return list(session.scalars(select(AlertRecipient).order_by(AlertRecipient.address)))


def add_recipient(session: Session, address: str, lang: str, user_id: int, now: datetime) -> AlertRecipient:
    """Keeps an address; alerts found from now on are sent to it.

    Raises:
        InvalidInput: no address of e-mail. Conflict: it is there already, or there are too many.
    """
    given = address.strip()
    if len(given) > LONGEST or not ADDRESS.fullmatch(given):
        raise InvalidInput("メールアドレスとして読めません。", hint="例: kikaku@city.example", code="bad_address")
    known = recipients(session)
    if any(one.address.lower() == given.lower() for one in known):
        raise Conflict("そのアドレスには、もう届きます。", hint="下の一覧にあります。", code="address_known")
    if len(known) >= MOST:
        raise Conflict(f"届け先は{MOST}件までです。", hint="使わないものを外してください。", code="too_many_addresses")
    row = AlertRecipient(address=given, lang=lang, added_by=user_id, added_at=now)
    session.add(row)
    session.flush()
    return row


def remove_recipient(session: Session, recipient_id: int) -> None:
    """Takes an address off.

    Raises:
        NotFound: there is none.
    """
    row = session.get(AlertRecipient, (office_of(session), recipient_id))
    if row is None:
        raise NotFound("その届け先はありません。", hint="画面を更新してください。", code="no_recipient")
    session.delete(row)
    session.flush()


def take_untold(session: Session, page: str, now: datetime, *, has_server: bool) -> tuple[list[int], list[Letter]]:
    """Marks the alerts nobody was written to about yet; gives their ids and the letters, none where there is nobody to write to.

    They are marked before a letter leaves, so that two turns at once never send it twice; `give_back` undoes it.
    """
    wanted = select(MetricAlert).where(MetricAlert.mailed_at.is_(None), MetricAlert.withdrawn_at.is_(None))
    in_order = wanted.order_by(MetricAlert.first.desc(), MetricAlert.metric, MetricAlert.cycle, MetricAlert.rule)
    alerts = list(session.scalars(in_order.with_for_update(skip_locked=True)))
    for alert in alerts:
        alert.mailed_at = now
    session.flush()
    if not alerts or not has_server:
        return [], []
    office, people = session.get_one(Office, office_of(session)).name, recipients(session)
    by_language = {lang: tuple(one.address for one in people if one.lang == lang) for lang in ("ja", "en")}
    letters = [write(office, alerts, page, lang, to) for lang, to in by_language.items() if to]
    return [alert.id for alert in alerts], letters


def give_back(session: Session, alerts: Sequence[int]) -> None:
    """Lets the next turn send what the mail server did not take."""
    session.execute(update(MetricAlert).where(MetricAlert.id.in_(alerts)).values(mailed_at=None))


def write(office: str, alerts: Sequence[MetricAlert], page: str, lang: str, to: tuple[str, ...]) -> Letter:
    """What left its range and when; figures of the whole office, nobody's own."""
    lines, count = "\n".join(_line(alert, lang) for alert in alerts), len(alerts)
    if lang == "ja":
        body = f"{office}で、いつもの範囲を出た指標があります。\n\n{lines}\n\n原因と対応は「目標と点検」に書けます。{page}\n"
        return Letter(to, f"{office} いつもの範囲を出た指標 {count}件", body)
    body = f"Figures of {office} left what is usual for them.\n\n{lines}\n\nWrite what it was under “Targets and checks”. {page}\n"
    return Letter(to, f"{office}: {count} figure{'s' if count > 1 else ''} outside the usual range", body)


def _line(alert: MetricAlert, lang: str) -> str:
    metric = BY_CODE[alert.metric]
    usual = f"{shown(alert.low, metric)}–{shown(alert.high, metric)}"
    name, rule, when = metric.name.in_language(lang), RULES[alert.rule].in_language(lang), _when(alert.first, alert.cycle, lang)
    if lang == "ja":
        return f"・{name}　{when}　{shown(alert.value, metric)}（いつもは{usual}）　{rule}"
    return f"- {name}, {when}: {shown(alert.value, metric)} (usually {usual}), {rule}"


def _when(first: date, cycle: str, lang: str) -> str:
    if lang == "ja":
        day = f"{first.year}年{first.month}月{first.day}日"
        return {Cycle.DAILY: day, Cycle.WEEKLY: f"{day}の週", Cycle.MONTHLY: f"{first.year}年{first.month}月"}[Cycle(cycle)]
    day = f"{first.day} {first:%B %Y}"
    return {Cycle.DAILY: day, Cycle.WEEKLY: f"the week of {day}", Cycle.MONTHLY: f"{first:%B %Y}"}[Cycle(cycle)]
