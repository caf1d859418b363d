"""What the page of a campaign shows: its cycle with two bars, its ladder as a picture with who stands where, and the form's choices."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from callcenter.web import phrases
from callcenter.web.i18n import Translate
from callcenter.web.ladder_form import GROUPS, MAX_STEPS, SPARE_STEPS
from campaigns.attempts.codes import Channel, LineResult
from campaigns.planning.conduct import Conduct
from campaigns.planning.cycles import Restart
from campaigns.planning.ladder import AtEnd, DoneOn, Ladder, Numbers, StepChannel, StepRule
from campaigns.planning.models import Campaign
from campaigns.planning.position import Position, position_at
from campaigns.planning.progress import SETTLED, OnStep, Progress, closed_cycles, progress_of
from campaigns.planning.turning import cycle_line
from campaigns.segmentation.reasons import reason_text

IMAGES = {StepChannel.SMS: "msg", StepChannel.AUTO_CALL: "auto", StepChannel.OPERATOR_CALL: "phone", StepChannel.VISIT: "visit"}
END_IMAGES = {AtEnd.NEXT_CYCLE: "clock", AtEnd.VISIT: "visit", AtEnd.TAX_OFFICER: "user"}


def campaign_model(session: Session, campaign: Campaign, now: datetime, t: Translate, lang: str) -> dict[str, Any]:
    """The page without its form."""
    position = position_at(session, campaign, now)
    progress = progress_of(session, campaign.id, position.cycle)
    return {
        "cycle": _cycle(session, campaign, position, progress),
        "ladder": _ladder(position.conduct.ladder, progress, t, lang),
        "outcomes": _outcomes(progress, t, lang),
        "by_rule": progress.by_rule,
        "closed": closed_cycles(session, campaign.id),
    }


def form_model(conduct: Conduct, values: Mapping[str, str], t: Translate, lang: str) -> dict[str, Any]:
    """The form's fields with their choices; `values` are those to show."""
    shown = max((row + 1 for row in range(MAX_STEPS) if values.get(f"step.{row}.channel")), default=0)
    return {
        "form": values,
        "rows": range(min(MAX_STEPS, shown + SPARE_STEPS)),
        "channels": [("", "—"), *((channel.value, phrases.label(lang, Channel(channel))) for channel in StepChannel)],
        "needs": {group: [("", t("ladder.any")), *((n.value, t(f"ladder_need.{n}")) for n in needs)] for group, needs in GROUPS.items()},
        "restarts": [(word.value, t(f"ladder_restart.{word}")) for word in Restart],
        "numbers": [(word.value, t(f"ladder_numbers.{word}")) for word in Numbers],
        "ends": [(word.value, t(f"ladder_end.{word}")) for word in AtEnd],
        "done_on": [(word.value, t(f"ladder_done.{word}")) for word in DoneOn],
        "results": [(result.value, phrases.label(lang, result)) for result in LineResult],
        "statuses": [("", t("ladder.status_none")), ("dead", t("ladder.status_dead")), ("refused", t("ladder.status_refused"))],
        "is_waiting_in_business_days": conduct.ladder.in_business_days,
    }


def _cycle(session: Session, campaign: Campaign, position: Position, progress: Progress) -> dict[str, Any]:
    cycle, line = position.cycle, cycle_line(session, campaign)
    day = (position.today - cycle.starts_on).days + 1
    return {
        "number": cycle.number,
        "starts_on": cycle.starts_on,
        "ends_on": cycle.ends_on,
        "is_open": line is not None and line["state"] == "open",
        "day": day,
        "days": cycle.days,
        "day_percent": 100 * day / cycle.days,
        "done": progress.done_total,
        "total": progress.total,
        "done_percent": 100 * progress.done_total / progress.total if progress.total else 0,
        "is_monthly": position.conduct.cycle.days == 0,
        "restart": position.conduct.cycle.restart.value,
    }


def _ladder(ladder: Ladder, progress: Progress, t: Translate, lang: str) -> dict[str, Any]:
    most = max((step.due + step.waiting for step in progress.steps.values()), default=0)
    steps = [_step(ladder, n, progress.steps.get(n + 1, OnStep()), most, t, lang) for n in range(len(ladder.steps))]
    end = progress.steps.get(len(ladder.steps) + 1, OnStep())
    return {
        "steps": steps,
        "end": {
            "image": END_IMAGES[ladder.at_end],
            "text": t(f"ladder_end.{ladder.at_end}"),
            "wait": "" if ladder.at_end is AtEnd.NEXT_CYCLE else _days(ladder.end_wait_days, ladder, t),
            "due": end.due,
            "waiting": end.waiting,
            "over": sum(progress.ended.values()),
        },
        "done_on": [t(f"ladder_done.{word}") for word in ladder.done_on],
        "done_paid_percent": ladder.done_paid_percent,
        "max_attempts": ladder.max_attempts,
        "numbers": t(f"ladder_numbers.{ladder.numbers}"),
    }


def _step(ladder: Ladder, n: int, on: OnStep, most: int, t: Translate, lang: str) -> dict[str, Any]:
    step = ladder.steps[n]
    return {
        "number": n + 1,
        "channel": phrases.label(lang, Channel(step.channel)),
        "image": IMAGES[step.channel],
        "attempts": t("ladder.rounds" if step.channel is StepChannel.AUTO_CALL else "ladder.attempts", n=step.attempts),
        "wait": _days(step.wait_days, ladder, t) if n else "",
        "between": t("ladder.between", days=_days(step.between_days, ladder, t)) if step.between_days and step.attempts > 1 else "",
        "conditions": _conditions(step, t),
        "due": on.due,
        "waiting": on.waiting,
        "due_percent": 100 * on.due / most if most else 0,
        "waiting_percent": 100 * on.waiting / most if most else 0,
    }


def _conditions(step: StepRule, t: Translate) -> list[str]:
    told = [t(f"ladder_need.{need}") for need in step.needs]
    lines = [t(f"ladder_line.{line}") for line in step.lines]
    if lines:
        told.append(t("ladder.lines_are", lines="→".join(lines)))
    if step.min_yen:
        told.append(t("ladder.min_yen_is", yen=f"{step.min_yen:,}"))
    return told


def _days(days: int, ladder: Ladder, t: Translate) -> str:
    if not days:
        return t("ladder.at_once")
    return t("ladder.business_days" if ladder.in_business_days else "ladder.days", n=days)


def _outcomes(progress: Progress, t: Translate, lang: str) -> list[dict[str, Any]]:
    rows = [*progress.done.items(), *progress.ended.items()]
    most = max((people for _, people in rows), default=0)
    return [
        {
            "label": t("ladder.settled") if reason == SETTLED else reason_text(reason, lang),
            "is_done": reason in progress.done,
            "people": people,
            "percent": 100 * people / most,
        }
        for reason, people in sorted(rows, key=lambda row: (row[0] not in progress.done, -row[1]))
    ]
