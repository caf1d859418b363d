"""What the month's meeting sees of targets, alerts and decisions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from reports.control.checking import effects
from reports.control.models import Decision, DecisionKind, DecisionState, MetricAlert
from reports.control.rows import effect_words, month_rows, plain
from reports.control.service import decisions_between, targets_of
from reports.exports.table import DASH, shown
from reports.figures import Figures
from reports.metrics import BY_CODE
from reports.periods import zone_of

RULES_JA = {"outside": "範囲の外", "run": "8期間続けて片側"}
CYCLES_JA = {"daily": "", "weekly": "の週", "monthly": "の月"}
STATES_JA = {DecisionState.OPEN: "実施中", DecisionState.DONE: "済み", DecisionState.DROPPED: "取りやめ"}
VERDICTS_JA = {"better": "ねらいどおり", "worse": "逆", "unclear": "偶然の範囲"}


@dataclass(frozen=True, slots=True)
class MeetingControl:
    """Rows for people, in Japanese: `targets` as of `rows.month_rows`, alerts of the month, decisions of the month and those still open.

    Targets and alerts have a `code` and their `numbers` besides, for the workbook: value, target, gap; value, low, high.
    """

    targets: tuple[dict[str, Any], ...]
    alerts: tuple[dict[str, Any], ...]
    decisions: tuple[dict[str, str], ...]


def meeting_control(session: Session, first: date, last: date, figures: Figures, now: datetime) -> MeetingControl:
    """What the pack of the month from `first` to `last` shows."""
    targets = [row for row in month_rows(figures, targets_of(session, first), "ja") if row["has_target"]]
    wanted = select(MetricAlert).where(MetricAlert.first >= first, MetricAlert.first <= last, MetricAlert.withdrawn_at.is_(None))
    alerts = session.scalars(wanted.order_by(MetricAlert.first, MetricAlert.metric, MetricAlert.rule))
    return MeetingControl(tuple(targets), tuple(_alert(row) for row in alerts), tuple(_decisions(session, first, last, now)))


def _alert(row: MetricAlert) -> dict[str, Any]:
    metric = BY_CODE[row.metric]
    return {
        "code": row.metric,
        "numbers": (row.value, row.low, row.high),
        "name": metric.name.ja,
        "period": f"{row.first.month}月{row.first.day}日{CYCLES_JA[row.cycle]}",
        "value": shown(plain(row.value), metric),
        "range": f"{shown(plain(row.low), metric)}–{shown(plain(row.high), metric)}",
        "rule": RULES_JA[row.rule],
        "remark": row.remark or "未確認",
    }


def _decisions(session: Session, first: date, last: date, now: datetime) -> list[dict[str, str]]:
    """Those that start in the month, and earlier ones that are still under way; the oldest first."""
    mine = decisions_between(session, first, last)
    before = select(Decision).where(
        Decision.starts_on < first, Decision.state == DecisionState.OPEN, Decision.kind == DecisionKind.DECISION
    )
    found = [*session.scalars(before.order_by(Decision.starts_on, Decision.id)), *reversed(mine)]
    changes = effects(session, found, now)
    today = local_day(now, zone_of(session))
    rows = []
    for each in found:
        metric, change = BY_CODE.get(each.metric), changes.get(each.id)
        words = effect_words(change, metric, each.direction) if metric and change else None
        is_late = each.state == DecisionState.OPEN and each.due_on is not None and each.due_on < today
        rows.append(
            {
                "starts_on": f"{each.starts_on.month}月{each.starts_on.day}日",
                "what": each.what,
                "who": each.who or DASH,
                "due_on": f"{each.due_on.month}月{each.due_on.day}日" + ("（期限切れ）" if is_late else "") if each.due_on else DASH,
                "metric": f"{metric.name.ja}{'↑' if each.direction == 'up' else '↓'}" if metric else DASH,
                "effect": f"{words['difference']}（{words['interval']}）{VERDICTS_JA[words['verdict']]}" if words else DASH,
                "state": DASH if each.kind == DecisionKind.NOTE else STATES_JA[DecisionState(each.state)],
            }
        )
    return rows
