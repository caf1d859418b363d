"""The parts of a debtor's page as templates take them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from callcenter.auth.permissions import Action, may
from callcenter.core.clock import OFFICE_ZONE, local_day
from callcenter.core.eras import format_fiscal_year
from callcenter.web import debtor_words as words
from callcenter.web import phrases
from callcenter.web.debtor_timeline import entry_model
from callcenter.web.dependencies import SignedIn
from callcenter.web.formats import write_day
from campaigns.attempts.codes import Channel
from campaigns.compliance.reasons import DenialReason, denial_text
from campaigns.debtors import holds, phones
from campaigns.debtors.account import Account, Line
from campaigns.debtors.case import latest_posting
from campaigns.debtors.household import Household, household_of
from campaigns.debtors.models import Debt, Debtor, PhoneEvent, PhoneNumber, Suppression
from campaigns.debtors.timeline import read_timeline
from campaigns.debtors.timeline_sources import Group
from campaigns.planning.explain import explain
from campaigns.planning.service import latest_campaign
from campaigns.worklist.waiting import waiting_for
from dialer.recordings.queries import of_attempts as recordings_of

GROUPS: Mapping[str, tuple[str, str]] = {
    "": ("すべて", "All"),
    Group.CONTACT: ("連絡", "Contact"),
    Group.MONEY: ("納付・約束", "Money"),
    Group.LIST: ("名簿", "List"),
    Group.DECISION: ("判断・停止", "Decisions"),
    Group.VIEW: ("閲覧・操作", "Views"),
}


def person_model(debtor: Debtor, lang: str) -> dict[str, Any]:
    """Who it is."""
    kinds = {"person": ("個人", "Person"), "company": ("法人", "Company")}
    return {
        "id": debtor.id,
        "number": debtor.debtor_no,
        "name": debtor.name,
        "kana": debtor.name_kana,
        "kind": words.word(kinds, debtor.kind, lang),
        "birth_date": debtor.birth_date,
        "postal_code": debtor.postal_code,
        "address": debtor.address,
        "remark": debtor.remark,
        "is_listed": debtor.is_listed,
        "is_forbidden": debtor.do_not_contact,
    }


def debt_name(tax: str, levy_year: int, base_year: int, term: int, lang: str) -> str:
    """市県民税 令和7年度 4期, with the year it was levied for where that differs."""
    return f"{tax} {term_name(levy_year, base_year, term, lang)}"


def term_name(levy_year: int, base_year: int, term: int, lang: str) -> str:
    """令和7年度 4期."""
    if lang == "en":
        return f"FY{levy_year}{f' (for FY{base_year})' if base_year != levy_year else ''}, term {term}"
    other = f"（{format_fiscal_year(base_year)}相当）" if base_year != levy_year else ""
    return f"{format_fiscal_year(levy_year)}{other} {term}期"


def account_model(session: Session, account: Account, lang: str) -> dict[str, Any]:
    """What is owed, by tax and term."""
    posted = latest_posting(session)
    day = write_day(account.as_of, lang)
    notes = []
    if account.has_computed_charges:
        notes.append(
            phrases.pick(
                lang,
                (
                    f"延滞金のうち「未確定」は{day}現在の計算で、{day}に納めた場合の額です。",
                    f"Late charges marked “not fixed” are as of {day}: those of a payment that day.",
                ),
            )
        )
    if account.unknown_charges:
        notes.append(phrases.pick(lang, ("割合が公表されていない期は0円としています。", "Terms without a published rate show 0.")))
    if account.unknown_parts:
        told_parts = ("納付日の分からない一部納付の分は含みません。", "Part payments of unknown days bear no charge here.")
        notes.append(phrases.pick(lang, told_parts))
    told = "" if posted is None else write_day(posted, lang)
    return {
        "as_of": account.as_of,
        "taxes": [
            {"name": tax.name, "code": tax.code, "lines": [_line(line, lang) for line in tax.lines], "sums": tax.sums}
            for tax in account.taxes
        ],
        "sums": account.sums,
        "oldest": min((line.due_on for tax in account.taxes for line in tax.lines), default=None),
        "closed": [_line(line, lang) | {"tax": line.tax_name} for line in account.closed],
        "note": phrases.pick(lang, ("", " ")).join(notes),
        "posted_note": phrases.pick(lang, (f"入金は{told}納付分まで反映", f"Payments up to {told} are in")) if told else "",
    }


def _line(line: Line, lang: str) -> dict[str, Any]:
    return {
        "term": term_name(line.levy_year, line.base_year, line.term, lang),
        "notice_no": line.notice_no,
        "due_on": line.due_on,
        "demand_sent_on": line.demand_sent_on,
        "is_carried": line.is_carried,
        "assessed": line.assessed,
        "received": line.received,
        "outstanding": line.outstanding,
        "fee": line.fee,
        "charge": line.charge,
        "is_charge_open": bool(line.charge) and not line.is_charge_fixed,
        "total": line.total,
        "hold": words.hold_word(line.hold, lang) if line.hold else "",
        "status": words.word(words.DEBT_STATUSES, line.status, lang),
        "refund": line.refund,
        "remark": line.remark,
    }


def numbers_model(session: Session, debtor_id: int, who: SignedIn, lang: str) -> dict[str, Any]:
    """The numbers with what is known of them and how it came to be known."""
    rows, events = phones.numbers_of(session, debtor_id), phones.events_of(session, debtor_id)
    names = _names(session, {event.user_id for event in events})
    return {
        "rows": [_number(phone, [event for event in events if event.phone_id == phone.id], names, lang) for phone in rows],
        "can_edit": may(who.role, Action.EDIT_DEBTORS),
        "statuses": [{"value": status, "label": words.word(words.NUMBER_STATUSES, status, lang)} for status in phones.STATUSES],
        "sources": [{"value": s, "label": words.word(words.SOURCES, s, lang), "is_chosen": n == 0} for n, s in enumerate(phones.SOURCES)],
    }


def _number(phone: PhoneNumber, events: list[PhoneEvent], names: Mapping[int, str], lang: str) -> dict[str, Any]:
    kind, image = words.NUMBER_STATUSES[phone.status][:2]
    return {
        "id": phone.id,
        "number": phone.original,
        "line": words.line_word(phone.line_type, lang),
        "source": words.word(words.SOURCES, phone.source, lang),
        "position": phone.position,
        "status": phone.status,
        "badge": {"kind": kind, "image": image, "word": words.word(words.NUMBER_STATUSES, phone.status, lang)},
        "is_sms": phones.takes_sms(phone),
        "is_listed": phone.is_listed,
        "remark": phone.remark,
        "events": [
            {
                "at": event.at,
                "text": words.word(words.NUMBER_STATUSES, event.new_status, lang),
                "why": event.why or (phrases.pick(lang, ("架電の結果から", "From a call")) if event.attempt_id else ""),
                "user": names.get(event.user_id or 0, ""),
            }
            for event in events
        ],
    }


def holds_model(session: Session, debtor_id: int, who: SignedIn, lang: str, now: datetime) -> dict[str, Any]:
    """What forbids contact, and what did."""
    rows = holds.holds_of(session, debtor_id)
    names = _names(session, {user for row in rows for user in (row.created_by, row.lifted_by)})
    can_edit, is_officer = may(who.role, Action.EDIT_DEBTORS), may(who.role, Action.DECIDE_ESCALATIONS)
    reasons = [reason for reason in holds.MANUAL if is_officer or reason not in holds.OFFICERS_ONLY]
    models = [_hold(row, names, lang, now, can_lift=can_edit and (is_officer or row.reason not in holds.OFFICERS_ONLY)) for row in rows]
    every = {"value": "", "label": phrases.pick(lang, ("すべて", "All")), "is_chosen": True}
    return {
        "active": [model for model in models if model["is_active"]],
        "past": [model for model in models if not model["is_active"]],
        "can_edit": can_edit,
        "reasons": [{"value": r, "label": words.word(words.REASONS, r, lang), "is_chosen": n == 0} for n, r in enumerate(reasons)],
        "channels": [every, *({"value": c.value, "label": phrases.label(lang, c), "is_chosen": False} for c in holds.CHANNELS)],
        "first_day": local_day(now),
    }


def _hold(row: Suppression, names: Mapping[int, str], lang: str, now: datetime, *, can_lift: bool) -> dict[str, Any]:
    return {
        "id": row.id,
        "reason": words.word(words.REASONS, row.reason, lang),
        "channel": phrases.label(lang, Channel(row.channel)) if row.channel in set(Channel) else phrases.pick(lang, ("すべて", "All")),
        "from": row.starts_at,
        "until": row.ends_at if row.reason == "wished_time" or row.ends_at is None else row.ends_at - timedelta(seconds=1),
        "has_time": row.reason == "wished_time",
        "note": row.note,
        "user": names.get(row.created_by or 0, ""),
        "lifted_at": row.lifted_at,
        "lifted_by": names.get(row.lifted_by or 0, ""),
        "lift_note": row.lift_note,
        "is_active": holds.is_in_force(row, now),
        "can_lift": can_lift,
    }


def household_model(session: Session, debtor: Debtor, who: SignedIn, now: datetime) -> dict[str, Any] | None:
    """That there are others; never who."""
    start = datetime.combine(local_day(now), time(), OFFICE_ZONE)
    found: Household | None = household_of(session, debtor, start, start + timedelta(days=1))
    if found is None:
        return None
    return {"others": found.others, "is_called_today": found.is_called_today, "can_open": may(who.role, Action.OPEN_HOUSEHOLDS)}


def why_model(session: Session, debtor: Debtor, lang: str, now: datetime) -> dict[str, Any]:
    """The channel with its reasons, what is queued and from when on, and what the gate says now of each channel."""
    told = explain(session, debtor.debtor_no, latest_campaign(session), now, lang)
    allowed = {channel: answer["next_allowed_at"] for channel, answer in told["gate"].items() if not answer["allowed"]}
    return {
        "waiting": [
            {
                "channel": phrases.pick(lang, ("折り返し", "Call back")) if one.is_callback else phrases.label(lang, Channel(one.channel)),
                "at": max(filter(None, (one.not_before, allowed.get(one.channel), now))),
                "is_now": one.not_before <= now and one.channel not in allowed,
                "campaign": one.campaign,
                "tries": one.tries,
            }
            for one in waiting_for(session, debtor.id)
        ],
        "channel": phrases.label(lang, Channel(told["channel"])),
        "reasons": [str(reason.get("text") or reason.get("code") or "") for reason in told["reasons"]],
        "gate": [
            {
                "channel": phrases.label(lang, Channel(channel)),
                "is_allowed": answer["allowed"],
                "reason": denial_text(DenialReason(answer["reason"]), lang) if answer["reason"] else "",
                "next": answer["next_allowed_at"] if not answer["allowed"] else None,
            }
            for channel, answer in told["gate"].items()
        ],
    }


def timeline_model(session: Session, debtor_id: int, who: SignedIn, lang: str, now: datetime, *, show: str, before: str) -> dict[str, Any]:
    """A page of the timeline, and what it can be narrowed to."""
    may_see_views = may(who.role, Action.READ_AUDIT)
    chosen = Group(show) if show in set(Group) else None
    page = read_timeline(session, debtor_id, frozenset({chosen} if chosen else ()), before=before, may_see_views=may_see_views)
    names = {
        row.id: debt_name(row.tax_name or row.tax_code, row.levy_year, row.base_year, row.term, lang)
        for row in session.scalars(select(Debt).where(Debt.debtor_id == debtor_id))
    }
    groups = [(value, label) for value, label in GROUPS.items() if may_see_views or value != Group.VIEW]
    entries = [entry_model(entry, lang, names, local_day(now)) for entry in page.entries]
    if may(who.role, Action.HEAR_RECORDINGS):
        heard = recordings_of(session, [entry.id for entry in page.entries if entry.kind == "attempt"])
        for entry, told in zip(page.entries, entries, strict=True):
            if entry.kind == "attempt" and entry.id in heard:
                told["recording_href"] = f"/recordings/{heard[entry.id]}"
    return {
        "entries": entries,
        "next": page.next_mark,
        "show": chosen.value if chosen else "",
        "groups": [{"value": str(v), "label": phrases.pick(lang, w), "is_chosen": str(v) == (chosen or "")} for v, w in groups],
        "debtor_id": debtor_id,
        "is_first": not before,
    }


def _names(session: Session, users: set[int | None]) -> dict[int, str]:
    wanted = [user for user in users if user is not None]
    return {user.id: user.display_name for user in session.scalars(select(User).where(User.id.in_(wanted)))} if wanted else {}
