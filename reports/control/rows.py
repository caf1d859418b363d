"""Targets and effects as people read them, for pages and the pack."""

from __future__ import annotations

from typing import Any

from reports.control.limits import Change
from reports.control.series import WATCHABLE
from reports.exports.table import DASH, rounded, shown
from reports.figures import Figures
from reports.metrics import Metric


def month_rows(figures: Figures, targets: dict[str, float], lang: str) -> list[dict[str, Any]]:
    """One row for each figure that can have a target: what it should reach in the month, and where it stands."""
    rows = []
    for metric in WATCHABLE:
        value, target = figures.value(metric.code), targets.get(metric.code)
        gap = None if value is None or target is None else value - target
        rows.append(
            {
                "code": metric.code,
                "name": metric.name.in_language(lang),
                "numbers": (value, target, gap),
                "target": shown(target if metric.is_rate or target is None else plain(target), metric),
                "has_target": target is not None,
                "value": shown(value, metric),
                "gap": DASH if gap is None else signed(gap, metric),
                "is_reached": gap is not None and gap >= 0,
                "percent": 0 if value is None or not target else round(min(100.0, 100 * value / target), 1),
            }
        )
    return rows


def plain(value: float) -> float | int:
    """A whole number as one."""
    return int(value) if value == int(value) else value


def signed(difference: float, metric: Metric) -> str:
    """A difference with its sign; shares in points."""
    sign = "+" if difference > 0 else "−" if difference < 0 else "±"
    if metric.is_rate:
        return f"{sign}{abs(rounded(difference * 100))}pt"
    return f"{sign}{shown(abs(plain(round(difference, 3))), metric)}"


def effect_words(change: Change, metric: Metric, direction: str) -> dict[str, Any]:
    """Before, after, the difference with its interval, and which of better, worse, unclear it is."""
    wanted = change.difference > 0 if direction == "up" else change.difference < 0
    return {
        "before": shown(change.before, metric),
        "after": shown(change.after, metric),
        "difference": signed(change.difference, metric),
        "interval": f"{signed(change.low, metric)} – {signed(change.high, metric)}",
        "verdict": "unclear" if not change.is_more_than_noise else "better" if wanted else "worse",
    }
