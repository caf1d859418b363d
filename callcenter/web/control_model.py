"""Targets, control charts, alerts and decisions for their templates."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from callcenter.web import phrases
from callcenter.web.formats import write_day
from callcenter.web.i18n import translator
from reports.control.chart import control_chart
from reports.control.checking import SHOWN, Watched, effects, watched
from reports.control.limits import Change, Judged
from reports.control.models import Cycle, Decision, MetricAlert
from reports.control.rows import effect_words, month_rows
from reports.control.service import METRICS, alerts_since, cycles_of, decisions_between, targets_between, targets_of
from reports.exports.table import DASH, shown
from reports.metrics import BY_CODE, KEPT_RATE, Metric
from reports.periods import month_to_date, zone_of
from reports.queries.headline import HeadlineQuery, headline
from reports.queries.undecided import undecided, undecided_words

ALERT_DAYS = 100
LONG_AGO = date(2000, 1, 1)


def targets_model(session: Session, cycle: Cycle, now: datetime, lang: str) -> dict[str, Any]:
    """All fields of targets.html but `page`."""
    zone = zone_of(session)
    today = local_day(now, zone)
    cycles = cycles_of(session)
    in_order = sorted(METRICS, key=lambda code: cycles[code] is not cycle)
    found = watched(session, cycle, in_order, now, SHOWN[cycle])
    days = [judged.point.first for one in found for judged in one.points]
    first = min(days, default=today)
    decisions = [one for one in decisions_between(session, first, today) if one.metric]
    targets = targets_between(session, first, today)
    query = HeadlineQuery(month_to_date(today, zone))
    so_far = headline(session, query, now).rows[0].figures
    open_words = undecided_words(so_far, undecided(session, query))
    return {
        "charts": [_chart(one, cycles[one.metric] is cycle, decisions, targets.get(one.metric, {}), lang) for one in found],
        "alerts": [_alert(alert, lang) for alert in alerts_since(session, today - timedelta(days=ALERT_DAYS))],
        "this_month": month_rows(so_far, targets_of(session, today), lang),
        "undecided": f"{KEPT_RATE.name.in_language(lang)}: {open_words.in_language(lang)}" if open_words else "",
        "cycles": [
            {"code": code, "name": BY_CODE[code].name.in_language(lang), "options": _cycle_options(chosen, lang)}
            for code, chosen in cycles.items()
        ],
    }


def _cycle_options(chosen: Cycle, lang: str) -> list[dict[str, Any]]:
    say = translator(lang)
    return [{"value": each.value, "label": say(f"control_cycle.{each.value}"), "is_chosen": each is chosen} for each in Cycle]


def cycle_choices(chosen: Cycle, lang: str) -> list[dict[str, Any]]:
    """The cycles a page can show."""
    return [option for option in _cycle_options(chosen, lang) if option["value"] != Cycle.NEVER]


def period_words(first: date, cycle: str, lang: str) -> str:
    """The day, the week or the month that begins on `first`."""
    if cycle == Cycle.MONTHLY:
        return phrases.pick(lang, (f"{first.year}年{first.month}月", f"{first:%B %Y}"))
    day = write_day(first, lang)
    return phrases.pick(lang, (f"{day}の週", f"week of {day}")) if cycle == Cycle.WEEKLY else day


def _short(first: date, cycle: Cycle, lang: str) -> str:
    if cycle is Cycle.MONTHLY:
        return phrases.pick(lang, (f"{first.year % 100}年{first.month}月", f"{first:%b %y}"))
    return f"{first.month}/{first.day}"


def _chart(one: Watched, is_watched: bool, decisions: list[Decision], targets: dict[date, float], lang: str) -> dict[str, Any]:
    metric = BY_CODE[one.metric]
    mine = sorted((each for each in decisions if each.metric == one.metric), key=lambda each: (each.starts_on, each.id))
    marks = [(each.starts_on, each.what) for each in mine]
    rows = [_row(judged, one.cycle, metric, lang) for judged in reversed(one.points)]
    last = next((row for row, judged in zip(rows, reversed(one.points), strict=True) if judged.point.value is not None), None)
    return {
        "code": one.metric,
        "name": metric.name.in_language(lang),
        "is_watched": is_watched,
        "unit": "%" if metric.is_rate else "",
        "chart": control_chart(
            one.points,
            targets if metric.under or one.cycle is Cycle.MONTHLY else {},  # a month's count is no target for a day
            marks,
            lambda day: _short(day, one.cycle, lang),
            100 if metric.is_rate else 1,
        ),
        "last": last,
        "rows": rows,
        "marks": [{"number": number, "on": day, "text": text} for number, (day, text) in enumerate(marks, start=1)],
    }


def _row(judged: Judged, cycle: Cycle, metric: Metric, lang: str) -> dict[str, Any]:
    limits = judged.limits
    return {
        "period": period_words(judged.point.first, cycle, lang),
        "value": shown(judged.point.value, metric),
        "n": int(judged.point.n) if metric.is_rate else None,
        "center": shown(limits.center if limits else None, metric),
        "range": f"{shown(limits.low, metric)}–{shown(limits.high, metric)}" if limits else DASH,
        "rules": [rule.value for rule in judged.rules],
        "is_higher": bool(limits and judged.point.value is not None and judged.point.value > limits.center),
        "has_limits": limits is not None,
    }


def _alert(alert: MetricAlert, lang: str) -> dict[str, Any]:
    metric = BY_CODE[alert.metric]
    return {
        "id": alert.id,
        "name": metric.name.in_language(lang),
        "period": period_words(alert.first, alert.cycle, lang),
        "value": shown(alert.value, metric),
        "range": f"{shown(alert.low, metric)}–{shown(alert.high, metric)}",
        "rule": alert.rule,
        "is_higher": alert.value > alert.center,
        "remark": alert.remark,
        "is_open": alert.seen_at is None,
    }


def decisions_model(session: Session, first: date, last: date, now: datetime, lang: str) -> list[dict[str, Any]]:
    """The decisions of a period with what came of them."""
    found = decisions_between(session, first, last)
    changes = effects(session, found, now)
    today = local_day(now, zone_of(session))
    return [decision_row(each, changes.get(each.id), today, lang) for each in found]


def decision_row(decision: Decision, change: Change | None, today: date, lang: str) -> dict[str, Any]:
    """One decision for people."""
    metric = BY_CODE.get(decision.metric)
    return {
        "id": decision.id,
        "kind": decision.kind,
        "starts_on": decision.starts_on,
        "due_on": decision.due_on,
        "what": decision.what,
        "who": decision.who,
        "metric": metric.name.in_language(lang) if metric else "",
        "direction": decision.direction,
        "state": decision.state,
        "is_late": decision.state == "open" and decision.due_on is not None and decision.due_on < today,
        "effect": None if metric is None or change is None else effect_words(change, metric, decision.direction),
    }
