"""A batch's figures as its page wants them: everybody in one sum, the window hour by hour, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.clock import OFFICE_ZONE
from callcenter.core.errors import AppError
from callcenter.core.settings import get_settings
from callcenter.web.i18n import Translate
from campaigns.attempts.codes import Channel
from campaigns.compliance.gate import load_policy
from campaigns.messages.accounting import USUAL_CALL, Account, Group, cost, sent_by_hour
from campaigns.messages.models import Batch
from campaigns.messages.rate import rates_of
from campaigns.messages.reactions import REACTIONS, Difference, Effect
from campaigns.messages.senders.registry import open_sender
from campaigns.messages.spread import Window, by_hour, capacity, window_of
from campaigns.messages.state import BatchState
from campaigns.messages.terms import EVEN, NEXT, load_terms
from campaigns.messages.words import reason_words

LEAST_HOURS, MOST_HOURS = 4, 48
LIVE = (BatchState.PREPARING, BatchState.READY, BatchState.RELEASING, BatchState.PAUSED)


def account_model(batch: Batch, told: Account, lang: str) -> dict[str, Any]:
    """Everybody by what became of them, with the reasons; the groups add up to what was prepared."""
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
    return address(f"/batches/{batch_id}/people", asked)


def address(path: str, asked: dict[str, Any]) -> str:
    """A path with what is asked of it, empty ones left out."""
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


def hours_model(session: Session, batch: Batch, told: Account, now: datetime, lang: str) -> dict[str, Any] | None:
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
                "full": gone,
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


def funnel_model(batch: Batch, told: Account, effect: Effect | None, t: Translate) -> dict[str, Any]:
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
