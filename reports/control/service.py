"""Setting targets and cycles, deciding, and seeing alerts; every change is put on record by its door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.errors import Conflict, InvalidInput, NotFound
from reports.control.models import Cycle, Decision, DecisionKind, DecisionState, MetricAlert, MetricTarget, MetricWatch
from reports.control.series import USUAL_CYCLES, WATCHABLE
from reports.metrics import BY_CODE, Metric, Unit
from reports.periods import read_day, read_month

METRICS: Final = {metric.code: metric for metric in WATCHABLE}
MOST_MONTHS = 24
LONGEST_WHAT, LONGEST_WHO, LONGEST_REMARK = 400, 80, 400
Errors = list[tuple[str, str]]
"""What is wrong with a form: field and code of the problem."""


@dataclass(frozen=True, slots=True)
class TargetForm:
    """A target as it was asked for: the same value for each month from `first` to `last`."""

    metric: str
    first: date
    last: date
    value: float


def read_target(given: Mapping[str, str]) -> tuple[TargetForm | None, Errors]:
    """A target from a form; rates are written in per cent."""
    errors: Errors = []
    metric = METRICS.get(given.get("metric", ""))
    if metric is None:
        errors.append(("metric", "metric"))
    first = _month(given, "first", errors)
    last = _month(given, "last", errors) if given.get("last", "").strip() else first
    if first and last and not first <= last < first + timedelta(days=31 * MOST_MONTHS):
        errors.append(("last", "months"))
    value = None if metric is None else read_value(metric, given.get("value", ""))
    if metric is not None and value is None:
        errors.append(("value", "percent" if metric.is_rate else "amount"))
    if errors or metric is None or first is None or last is None or value is None:
        return None, errors
    return TargetForm(metric.code, first, last, value), []


def read_value(metric: Metric, text: str) -> float | None:
    """A target's value: per cent for rates, a whole number for counts, one decimal for calls per hour; None when it is none."""
    try:
        number = Decimal(text.strip().replace(",", "").removesuffix("%"))
    except InvalidOperation:
        return None
    places = 1 if metric.is_rate or metric.unit is Unit.CALLS_PER_HOUR else 0
    most = 100 if metric.is_rate else 100_000_000
    if not number.is_finite() or not 0 < number <= most or round(number, places) != number:
        return None
    return float(number / 100) if metric.is_rate else float(number)


def _month(given: Mapping[str, str], name: str, errors: Errors) -> date | None:
    try:
        month = read_month(given.get(name, ""))
    except InvalidInput:
        month = date.min
    if not date(2000, 1, 1) <= month <= date(2199, 12, 1):
        errors.append((name, "month"))
        return None
    return month


def set_target(session: Session, form: TargetForm, user_id: int, now: datetime) -> int:
    """Keeps the target for each of its months, in place of what was there; returns how many months."""
    month, count = form.first, 0
    while month <= form.last:
        row = session.scalar(select(MetricTarget).where(MetricTarget.month == month, MetricTarget.metric == form.metric))
        row = row or MetricTarget(month=month, metric=form.metric)
        row.value, row.updated_by, row.updated_at = form.value, user_id, now
        session.add(row)
        month, count = (month + timedelta(days=32)).replace(day=1), count + 1
    session.flush()
    return count


def forget_target(session: Session, month: date, metric: str) -> None:
    """Takes a month's target away, if there is one."""
    row = session.scalar(select(MetricTarget).where(MetricTarget.month == month, MetricTarget.metric == metric))
    if row is not None:
        session.delete(row)
        session.flush()


def targets_of(session: Session, month: date) -> dict[str, float]:
    """The targets of a month by figure."""
    rows = session.execute(select(MetricTarget.metric, MetricTarget.value).where(MetricTarget.month == month.replace(day=1)))
    return {row.metric: row.value for row in rows}


def targets_between(session: Session, first: date, last: date) -> dict[str, dict[date, float]]:
    """The targets of the months from `first` to `last`: by figure, then by month."""
    wanted = select(MetricTarget).where(MetricTarget.month >= first.replace(day=1), MetricTarget.month <= last)
    found: dict[str, dict[date, float]] = {}
    for row in session.scalars(wanted.order_by(MetricTarget.metric, MetricTarget.month)):
        found.setdefault(row.metric, {})[row.month] = row.value
    return found


def cycles_of(session: Session) -> dict[str, Cycle]:
    """How often each watchable figure is looked at."""
    chosen = {row.metric: Cycle(row.cycle) for row in session.scalars(select(MetricWatch).order_by(MetricWatch.id))}
    return {code: chosen.get(code, USUAL_CYCLES.get(code, Cycle.NEVER)) for code in METRICS}


def set_cycle(session: Session, metric: str, cycle: str, user_id: int, now: datetime) -> None:
    """Chooses how often a figure is looked at.

    Raises:
        InvalidInput: no such figure or cycle.
    """
    if metric not in METRICS or cycle not in set(Cycle):
        raise InvalidInput("指標か周期を読めません。", hint="画面を開き直してください。", code="bad_cycle")
    row = session.scalar(select(MetricWatch).where(MetricWatch.metric == metric)) or MetricWatch(metric=metric)
    row.cycle, row.updated_by, row.updated_at = cycle, user_id, now
    session.add(row)
    session.flush()


def read_decision(given: Mapping[str, str]) -> tuple[Decision | None, Errors]:
    """A decision from a form, not yet kept."""
    errors: Errors = []
    texts = {name: given.get(name, "").strip() for name in ("what", "who", "metric")}
    kind = given.get("kind", DecisionKind.DECISION)
    if not 1 <= len(texts["what"]) <= LONGEST_WHAT:
        errors.append(("what", "what"))
    if len(texts["who"]) > LONGEST_WHO or (kind == DecisionKind.DECISION and not texts["who"]):
        errors.append(("who", "who"))
    if texts["metric"] and texts["metric"] not in BY_CODE:
        errors.append(("metric", "metric"))
    starts_on, due_on = _day(given, "starts_on", errors), _day(given, "due_on", errors, is_needed=kind == DecisionKind.DECISION)
    if starts_on and due_on and due_on < starts_on:
        errors.append(("due_on", "due"))
    if kind not in set(DecisionKind) or given.get("direction", "up") not in ("up", "down"):
        errors.append(("kind", "kind"))
    if errors or starts_on is None:
        return None, errors
    return Decision(kind=kind, starts_on=starts_on, due_on=due_on, **texts, direction=given.get("direction", "up")), []


def _day(given: Mapping[str, str], name: str, errors: Errors, *, is_needed: bool = True) -> date | None:
    text = given.get(name, "").strip()
    if not text and not is_needed:
        return None
    try:
        return read_day(text, name)
    except InvalidInput:
        errors.append((name, "day"))
        return None


def decide(session: Session, decision: Decision, user_id: int, now: datetime) -> Decision:
    """Keeps a decision."""
    decision.created_by, decision.created_at = user_id, now
    session.add(decision)
    session.flush()
    return decision


def move_decision(session: Session, decision_id: int, state: str, user_id: int, now: datetime) -> Decision:
    """Says that a decision was carried out or dropped, or is open again.

    Raises:
        NotFound: there is none. InvalidInput: no such state. Conflict: it is in that state already.
    """
    found = session.scalar(select(Decision).where(Decision.id == decision_id).with_for_update())
    if found is None:
        raise NotFound("その決定はありません。", code="no_decision")
    if state not in set(DecisionState):
        raise InvalidInput("状態を読めません。", hint="画面を開き直してください。", code="bad_state")
    if found.state == state:
        raise Conflict("ほかの人が先に変えています。", hint="画面を更新してください。", code="decision_moved")
    found.state, found.changed_by, found.changed_at = state, user_id, now
    session.flush()
    return found


def decisions_between(session: Session, first: date, last: date) -> list[Decision]:
    """Decisions and notes that start in the period, the newest first."""
    wanted = select(Decision).where(Decision.starts_on >= first, Decision.starts_on <= last)
    return list(session.scalars(wanted.order_by(Decision.starts_on.desc(), Decision.id.desc())))


def alerts_since(session: Session, first: date, *, only_open: bool = False) -> list[MetricAlert]:
    """Alerts of periods from `first` on that still stand, the newest first; `only_open`: those nobody has seen."""
    wanted = select(MetricAlert).where(MetricAlert.first >= first, MetricAlert.withdrawn_at.is_(None))
    if only_open:
        wanted = wanted.where(MetricAlert.seen_at.is_(None))
    return list(session.scalars(wanted.order_by(MetricAlert.first.desc(), MetricAlert.metric, MetricAlert.rule)))


def see_alert(session: Session, alert_id: int, remark: str, user_id: int, now: datetime) -> MetricAlert:
    """Says who has looked into an alert, and what it was.

    Raises:
        NotFound: there is none. InvalidInput: no remark, or too long. Conflict: somebody was first.
    """
    found = session.scalar(select(MetricAlert).where(MetricAlert.id == alert_id).with_for_update())
    if found is None:
        raise NotFound("その知らせはありません。", code="no_alert")
    if not 1 <= len(remark.strip()) <= LONGEST_REMARK:
        raise InvalidInput(
            f"分かったことを1〜{LONGEST_REMARK}字で書いてください。", hint="原因が不明なら、その旨を書きます。", code="no_remark"
        )
    if found.seen_at is not None:
        raise Conflict("ほかの人が先に確認しています。", hint="画面を更新してください。", code="alert_seen")
    found.seen_by, found.seen_at, found.remark = user_id, now, remark.strip()
    session.flush()
    return found
