"""A batch as its pages want it: state and what may be done, what it was prepared from, the sums, the hours, the funnel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.auth.models import Office, User
from callcenter.auth.permissions import Action, may
from callcenter.core.clock import OFFICE_ZONE
from callcenter.core.errors import AppError
from callcenter.core.settings import get_settings
from callcenter.web import phrases
from callcenter.web.dependencies import SignedIn
from callcenter.web.i18n import Translate
from campaigns.attempts.codes import Channel
from campaigns.compliance.gate import load_policy
from campaigns.debtors.models import Debtor
from campaigns.messages.accounting import USUAL_CALL, Account, Group, account, called_again, cost, estimate, sent_by_hour
from campaigns.messages.models import Batch, BatchEvent, Message, Template
from campaigns.messages.moving import release_refusal
from campaigns.messages.rate import rates_of
from campaigns.messages.reactions import REACTIONS, Difference, Effect, effect_of
from campaigns.messages.senders.registry import open_sender
from campaigns.messages.spread import Window, by_hour, capacity, shares, window_of
from campaigns.messages.state import BatchState
from campaigns.messages.terms import CHOICES, EVEN, NEXT, RANGES, load_terms
from campaigns.messages.words import reason_words
from campaigns.planning.models import Campaign, RuleSet

PAGE = 50
LEAST_HOURS, MOST_HOURS = 4, 48
LOOKS = {
    "preparing": ("run", "clock"),
    "ready": ("", "clock"),
    "unreleased": ("warn", "open"),
    "releasing": ("run", "msg"),
    "paused": ("warn", "hold"),
    "done": ("ok", "check"),
    "cancelled": ("off", "stop"),
}
LIVE = (BatchState.PREPARING, BatchState.READY, BatchState.RELEASING, BatchState.PAUSED)
B = BatchState
MOVES: dict[str, tuple[tuple[BatchState, str], ...]] = {  # what may be asked for in a state, and its button
    B.PREPARING: ((B.CANCELLED, "cancel"),),
    B.READY: ((B.PAUSED, "pause"), (B.CANCELLED, "cancel")),
    B.RELEASING: ((B.PAUSED, "pause"), (B.CANCELLED, "cancel")),
    B.PAUSED: ((B.READY, "resume"), (B.CANCELLED, "cancel")),
    B.DONE: (),
    B.CANCELLED: (),
}


def list_model(session: Session, lang: str, campaign_id: int | None, page_no: int) -> dict[str, Any]:
    """Fields of batches.html."""
    wanted = select(Batch, Campaign.name).join(Campaign, (Campaign.office_id == Batch.office_id) & (Campaign.id == Batch.campaign_id))
    counted = select(func.count()).select_from(Batch)
    if campaign_id is not None:
        wanted, counted = wanted.where(Batch.campaign_id == campaign_id), counted.where(Batch.campaign_id == campaign_id)
    first, total = (page_no - 1) * PAGE, session.scalar(counted) or 0
    rows = session.execute(wanted.order_by(Batch.id.desc()).offset(first).limit(PAGE)).all()
    here = {"campaign": campaign_id} if campaign_id is not None else {}
    return {
        "rows": [
            {
                "href": f"/batches/{batch.id}",
                "number": batch.id,
                "campaign": name,
                "channel": phrases.label(lang, Channel(batch.channel)),
                "state": shown_state(batch),
                "look": LOOKS[shown_state(batch)],
                "release_from": batch.release_from,
                "release_until": batch.release_until,
                "prepared": batch.prepared,
                "refused": batch.refused,
            }
            for batch, name in rows
        ],
        "pages": {
            "first": first + 1 if rows else 0,
            "last": first + len(rows),
            "total": total,
            "previous_href": _address("/batches", here | {"page_no": page_no - 1}) if page_no > 1 else None,
            "next_href": _address("/batches", here | {"page_no": page_no + 1}) if first + len(rows) < total else None,
        },
    }


def shown_state(batch: Batch) -> str:
    """The state as people are told it: what waits for its release says so."""
    return "unreleased" if batch.state == BatchState.READY and batch.approved_at is None else batch.state


def page_model(session: Session, batch: Batch, who: SignedIn, now: datetime, t: Translate, lang: str) -> dict[str, Any]:
    """Fields of batch.html, those of batch_body.html included."""
    campaign = session.get_one(Campaign, (batch.office_id, batch.campaign_id))
    return {
        "campaign": {"name": campaign.name, "href": f"/campaigns/{campaign.id}"},
        "frozen": _frozen(session, batch),
        "wordings": _wordings(session, batch) if batch.channel == Channel.SMS else [],
        "refusals": _reasons(batch, lang),
        "history": _history(session, batch, t, lang),
        "edit": _edit(batch, who, t),
        **body_model(session, batch, who, now, t, lang),
    }


def body_model(session: Session, batch: Batch, who: SignedIn, now: datetime, t: Translate, lang: str) -> dict[str, Any]:
    """Fields of batch_body.html."""
    told = account(session, batch)
    again, next_at = called_again(session, batch)
    return {
        "again": {"count": again, "at": next_at},
        "batch": {
            "id": batch.id,
            "channel": batch.channel,
            "channel_label": phrases.label(lang, Channel(batch.channel)),
            "state": shown_state(batch),
            "look": LOOKS[shown_state(batch)],
            "is_live": batch.state in LIVE,
            "why": reason_words(batch.state_reason, lang) if batch.state_reason else "",
            "release_from": batch.release_from,
            "release_until": batch.release_until,
            "prepared": batch.prepared,
            "refused": batch.refused,
            "moved": batch.moved,
            "progress": batch.progress,
            "progress_total": batch.progress_total,
        },
        "does": _does(session, batch, who),
        "account": _account(batch, told, lang),
        "hours": _hours(session, batch, told, now, lang),
        "funnel": _funnel(batch, told, effect_of(session, batch, now), t),
    }


def _does(session: Session, batch: Batch, who: SignedIn) -> dict[str, Any]:
    """What this person may do now; a refusal is a code of [batch_refusal]."""
    campaign = session.get_one(Campaign, (batch.office_id, batch.campaign_id))
    may_act = may(who.role, Action.RELEASE_BATCHES)
    refusal = release_refusal(batch, load_terms(session, campaign.options).release, who.user_id)
    wants_release = batch.approved_at is None and batch.state in (BatchState.READY, BatchState.PAUSED)
    return {
        "wants_release": wants_release,
        "release_refusal": "" if not wants_release else refusal or ("" if may_act else "role"),
        "moves": [{"value": state.value, "name": name} for state, name in MOVES[batch.state]] if may_act else [],
    }


def _frozen(session: Session, batch: Batch) -> dict[str, Any]:
    rule_set = session.scalar(select(RuleSet).where(RuleSet.id == batch.rule_set_id))
    template = session.scalar(select(Template).where(Template.id == batch.template_id))
    return {
        "rule_set": None
        if rule_set is None
        else {"name": rule_set.name, "version": rule_set.version, "href": f"/rules/{rule_set.id}/preview"},
        "policy_version": batch.policy_version,
        "template": None if template is None else f"{template.code} v{template.version}",
        "list_as_of": batch.list_as_of,
        "as_of": batch.as_of,
        "segments": batch.segments,
        "estimate": estimate(batch),
        "unit_price": (batch.segment_price if batch.channel == Channel.SMS else batch.minute_price) / 100,
        "pace": batch.pace,
        "leftover": batch.leftover,
        "rounds": batch.rounds,
        "reaction_days": batch.reaction_days,
        "created_by": name_of(session, batch.created_by),
        "created_at": batch.created_at,
        "edited_by": name_of(session, batch.edited_by) if batch.edited_at else None,
        "approved_by": name_of(session, batch.approved_by) if batch.approved_at else None,
        "approved_at": batch.approved_at,
    }


def name_of(session: Session, user_id: int | None) -> str:
    """Who did it; empty for the program."""
    return "" if user_id is None else session.scalar(select(User.display_name).where(User.id == user_id)) or ""


def _wordings(session: Session, batch: Batch) -> list[dict[str, Any]]:
    """The texts by template and length; one that differs from person to person is not shown here."""
    rows = session.execute(
        select(
            Message.template_id, Message.segments, func.count(), func.min(Message.body), func.min(Message.body) == func.max(Message.body)
        )
        .where(Message.batch_id == batch.id)
        .group_by(Message.template_id, Message.segments)
        .order_by(func.count().desc())
    ).all()
    names = {row.id: f"{row.code} v{row.version}" for row in session.execute(select(Template.id, Template.code, Template.version))}
    return [
        {
            "template": names.get(template_id or batch.template_id, ""),
            "segments": segments,
            "characters": len(body) if is_same else None,
            "count": count,
            "body": body if is_same else "",
        }
        for template_id, segments, count, body, is_same in rows
    ]


def _reasons(batch: Batch, lang: str) -> list[dict[str, Any]]:
    """Why people were left out when it was prepared."""
    rows = sorted(batch.reasons.items(), key=lambda item: -item[1])
    return [
        {"label": reason_words(code, lang), "count": count, "percent": percent}
        for (code, count), percent in zip(rows, shares([count for _, count in rows]), strict=True)
    ]


def _history(session: Session, batch: Batch, t: Translate, lang: str) -> list[dict[str, Any]]:
    rows = session.execute(
        select(BatchEvent, User.display_name)
        .outerjoin(User, (User.office_id == BatchEvent.office_id) & (User.id == BatchEvent.user_id))
        .where(BatchEvent.batch_id == batch.id)
        .order_by(BatchEvent.id.desc())
        .limit(50)
    )
    return [
        {"at": event.at, "action": t(f"batch_event.{event.action}"), "who": name or "", "detail": _detail(event.detail, t, lang)}
        for event, name in rows
    ]


def _detail(detail: dict[str, Any], t: Translate, lang: str) -> str:
    told = []
    if "reason" in detail:
        told.append(reason_words(str(detail["reason"]), lang))
    if "count" in detail:
        told.append(t("batches.people", n=f"{detail['count']:,}"))
    if "prepared" in detail:
        told.append(t("batches.people", n=f"{detail['prepared']:,}"))
    told += [f"{t('batch_term.' + name)}: {_choice(name, detail[name], t)}" for name in ("pace", "leftover", "rounds") if name in detail]
    return "・".join(told)


def _choice(name: str, value: Any, t: Translate) -> str:
    return t(f"batch_choice.{value}") if name in CHOICES else str(value)


def _edit(batch: Batch, who: SignedIn, t: Translate) -> dict[str, Any] | None:
    """The form that changes how it is released; None where it can't be changed."""
    if not may(who.role, Action.RUN_CAMPAIGNS) or batch.state not in (BatchState.READY, BatchState.PAUSED):
        return None
    choices = {
        name: [{"value": value, "label": t(f"batch_choice.{value}"), "is_chosen": value == getattr(batch, name)} for value in CHOICES[name]]
        for name in ("pace", "leftover")
    }
    low, high = RANGES["rounds"]
    rounds = [{"value": n, "label": str(n), "is_chosen": n == batch.rounds} for n in range(low, high + 1)]
    return choices | {"rounds": rounds if batch.channel == Channel.AUTO_CALL else []}


def _account(batch: Batch, told: Account, lang: str) -> dict[str, Any]:
    lines = [
        {
            "group": line.group.value,
            "state": line.state,
            "reason": reason_words(line.reason, lang) if line.reason and line.reason != "batch" else "",
            "count": line.count,
            "href": people_href(batch.id, state=line.state, reason=line.reason),
        }
        for line in told.lines
    ]
    groups = [
        {
            "name": group.value,
            "count": told.count(group),
            "share": told.count(group) / told.prepared if told.prepared else None,
            "percent": round(told.count(group) * 100 / told.prepared) if told.prepared else 0,
            "lines": [line for line in lines if line["group"] == group.value],
        }
        for group in Group
    ]
    return {
        "groups": groups,
        "total": told.total,
        "adds_up": told.adds_up,
        "settled": told.total - told.count(Group.WAITING),
        "percent": told.settled_percent,
        "spent": cost(batch, told.amount(Group.SENT)),
    }


def people_href(batch_id: int, **asked: Any) -> str:
    """The list behind a number."""
    return _address(f"/batches/{batch_id}/people", asked)


def _address(path: str, asked: dict[str, Any]) -> str:
    query = urlencode({name: value for name, value in asked.items() if value not in ("", None)})
    return f"{path}?{query}" if query else path


def per_second(session: Session, batch: Batch) -> float | None:
    """Messages or calls a second that could leave; None where no sender is set up."""
    settings = get_settings()
    if batch.channel == Channel.AUTO_CALL:
        share = load_terms(session).robocall_share / 100
        return min(settings.calls_per_second, max(1, settings.lines * share) / USUAL_CALL.total_seconds())
    is_training = session.scalars(select(Office.is_training).where(Office.id == batch.office_id)).one()
    try:
        sender = open_sender(settings, batch.office_id, is_training=is_training)
    except AppError:
        return None
    length = batch.segments / batch.prepared if batch.prepared and batch.segments else 1.0
    return sum(rates_of(sender).values()) / length


def _hours(session: Session, batch: Batch, told: Account, now: datetime, lang: str) -> dict[str, Any] | None:
    """The window hour by hour: what was sent, and what is still to come."""
    if batch.release_from is None or batch.release_until is None or not batch.prepared:
        return None
    sent = sent_by_hour(session, batch)
    waiting = told.count(Group.WAITING) if batch.state in LIVE else 0
    rate = per_second(session, batch) if waiting else None
    policy = load_policy(session)
    begins = max(now, batch.release_from).astimezone(OFFICE_ZONE)
    window: Window | None = None
    if waiting and rate and begins < batch.release_until:
        window = window_of(policy.hours, Channel(batch.channel), begins, batch.release_until.astimezone(OFFICE_ZONE))
    coming = dict(by_hour(window, batch.pace, waiting, rate)) if window is not None and rate else {}
    hours = _hours_shown([*sent, *(hour for hour, count in coming.items() if count)], batch.release_from.astimezone(OFFICE_ZONE))
    rows = [(hour, sent.get(hour, 0), coming.get(hour, 0)) for hour in hours]
    top = max([gone + left for _, gone, left in rows], default=0)
    fits = min(waiting, capacity(window, rate)) if window is not None and rate else 0
    return {
        "rows": [{"hour": hour, "sent": gone, "coming": left} for hour, gone, left in rows],
        "columns": [
            {
                "label": f"{hour:%H}" if lang == "en" else f"{hour.hour}時",
                "value": gone + left or None,
                "is_partial": bool(left),
                "note": "",
            }
            for hour, gone, left in rows
        ],
        "top": _round_up(top),
        "waiting": waiting,
        "left_over": waiting - fits if window is not None else 0,
        "goes_on": batch.leftover == NEXT,
        "is_even": batch.pace == EVEN,
        "rate": rate,
        "has_sender": not waiting or rate is not None,
    }


def _hours_shown(busy: Sequence[datetime], opens: datetime) -> list[datetime]:
    """The hours from the first busy one to the last, some at least; of several days only those in between."""
    known = sorted({hour.replace(minute=0, second=0, microsecond=0) for hour in (*busy, opens)})
    hours = [known[0]]
    while hours[-1] < known[-1] or len(hours) < LEAST_HOURS:
        hours.append(hours[-1] + timedelta(hours=1))
    low, high = min(hour.hour for hour in known), max(hour.hour for hour in known)
    is_one_day = hours[0].date() == hours[-1].date()
    return hours if is_one_day else [hour for hour in hours if low <= hour.hour <= high or hour in known][:MOST_HOURS]


def _round_up(top: int) -> int:
    step = 10 ** max(0, len(str(top)) - 1)
    return -(-top // step) * step if top else 1


def _funnel(batch: Batch, told: Account, effect: Effect | None, t: Translate) -> dict[str, Any]:
    """Prepared → sent → delivered → reacted → paid, the kinds of reactions, and the difference to the arm left alone."""
    after = effect.after if effect else None
    is_sms = batch.channel == Channel.SMS
    steps = [
        ("prepared", told.prepared, people_href(batch.id)),
        ("sent", told.count(Group.SENT), people_href(batch.id, group="sent")),
        ("delivered" if is_sms else "answered", told.in_state("delivered", "answered"), ""),
        ("reacted", after.reacted if after else 0, people_href(batch.id, reaction="reacted")),
        ("paid", after.paid if after else 0, people_href(batch.id, reaction="paid")),
    ]
    return {
        "steps": [
            {"name": name, "count": count, "percent": round(count * 100 / told.prepared) if told.prepared else 0, "href": href}
            for name, count, href in steps
        ],
        "days": batch.reaction_days,
        "has_begun": effect is not None,
        "is_over": bool(effect and effect.is_over),
        "kinds": [
            {
                "name": name,
                "count": getattr(after, name),
                "share": getattr(after, name) / after.contacted if after.contacted else None,
                "href": people_href(batch.id, reaction=name),
            }
            for name in REACTIONS
            if not (name == "pressed" and is_sms) and not (name == "wrote" and not is_sms)
        ]
        if after
        else [],
        "differences": [
            _difference(name, found, t) for name, found in (("paid", effect.paid), ("reacted", effect.reacted)) if found is not None
        ]
        if effect
        else [],
    }


def _difference(name: str, found: Difference, t: Translate) -> dict[str, Any]:
    return {
        "name": name,
        "treated": found.treated,
        "treated_share": found.treated_hits / found.treated,
        "control": found.control,
        "control_share": found.control_hits / found.control,
        "points": found.value * 100,
        "low": found.low * 100,
        "high": found.high * 100,
        "verdict": t("batches.clear" if found.is_clear else "batches.unclear"),
    }


def examples_model(session: Session, batch: Batch, count: int = 10) -> list[dict[str, Any]]:
    """Some of the first messages with their people."""
    rows = session.execute(
        select(Message, Debtor.debtor_no, Debtor.name)
        .join(Debtor, (Debtor.office_id == Message.office_id) & (Debtor.id == Message.debtor_id))
        .where(Message.batch_id == batch.id)
        .order_by(Message.not_before, Message.id)
        .limit(count)
    )
    return [
        {
            "href": f"/debtors/{message.debtor_id}",
            "debtor_no": number,
            "name": name,
            "body": message.body,
            "segments": message.segments,
            "characters": len(message.body),
            "not_before": message.not_before,
        }
        for message, number, name in rows
    ]
