"""A batch as its pages want it: state and what may be done, what it was prepared from, its history and examples."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from callcenter.auth.permissions import Action, may
from callcenter.core.clock import local_day
from callcenter.web import phrases
from callcenter.web.batch_figures import LIVE, account_model, address, funnel_model, hours_model
from callcenter.web.dependencies import SignedIn
from callcenter.web.i18n import Translate
from campaigns.attempts.codes import Channel
from campaigns.debtors.models import Debtor
from campaigns.messages.accounting import account, called_again, estimate
from campaigns.messages.models import Batch, BatchEvent, Message, Template
from campaigns.messages.moving import release_refusal
from campaigns.messages.reactions import effect_of
from campaigns.messages.spread import shares
from campaigns.messages.state import BatchState
from campaigns.messages.terms import CHOICES, RANGES, load_terms
from campaigns.messages.words import reason_words
from campaigns.planning.models import Campaign, RuleSet

PAGE = 50
LOOKS = {
    "preparing": ("run", "clock"),
    "ready": ("", "clock"),
    "unreleased": ("warn", "open"),
    "releasing": ("run", "msg"),
    "paused": ("warn", "hold"),
    "done": ("ok", "check"),
    "cancelled": ("off", "stop"),
}
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
            "previous_href": address("/batches", here | {"page_no": page_no - 1}) if page_no > 1 else None,
            "next_href": address("/batches", here | {"page_no": page_no + 1}) if first + len(rows) < total else None,
        },
    }


def shown_state(batch: Batch) -> str:
    """The state as people are told it: what waits for its release says so."""
    return "unreleased" if batch.state == BatchState.READY and batch.approved_at is None else batch.state


def page_model(session: Session, batch: Batch, who: SignedIn, now: datetime, t: Translate, lang: str) -> dict[str, Any]:
    """Fields of batch.html, those of batch_body.html included."""
    campaign = session.get_one(Campaign, (batch.office_id, batch.campaign_id))
    return {
        "campaign": {"name": campaign.name, "href": f"/campaigns/{campaign.id}" if may(who.role, Action.RUN_CAMPAIGNS) else None},
        "frozen": _frozen(session, batch),
        "wordings": _wordings(session, batch) if batch.channel == Channel.SMS else [],
        "refusals": _reasons(batch, lang),
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
            "ends_on": _ends_on(batch),
            "prepared": batch.prepared,
            "refused": batch.refused,
            "moved": batch.moved,
            "progress": batch.progress,
            "progress_total": batch.progress_total,
        },
        "released": {"by": name_of(session, batch.approved_by), "at": batch.approved_at} if batch.approved_at else None,
        "history": _history(session, batch, t, lang),
        "does": _does(session, batch, who),
        "account": account_model(batch, told, lang),
        "hours": hours_model(session, batch, told, now, lang),
        "funnel": funnel_model(batch, told, effect_of(session, batch, now), t),
    }


def _ends_on(batch: Batch) -> datetime | None:
    """The last day of a window that goes on over midnight."""
    if batch.release_from is None or batch.release_until is None:
        return None
    last = batch.release_until - timedelta(seconds=1)  # midnight is the end of the day before
    return last if local_day(last) != local_day(batch.release_from) else None


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
