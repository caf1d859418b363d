"""A control chart as an SVG's coordinates: the figure, what is usual, its limits, the target, and marks for decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from reports.control.limits import Judged
from reports.line_chart import scale_of

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 210, 52, 708, 30, 176


def control_chart(
    judged: Sequence[Judged],
    targets: Mapping[date, float],
    marks: Sequence[tuple[date, str]],
    label: Callable[[date], str],
    scale: float = 1,
) -> dict[str, Any] | None:
    """Where everything stands; None when no period has a value.

    {width, height, left, right, top, bottom, grid: [{y, text}], labels: [{x, text}], lines: {value, center, low, high, target: points},
     dots: [{x, y, text, is_out}], marks: [{x, number, text}]}

    Args:
        targets: by the first day of a month.
        marks: a day and what happened then.
        scale: 100 shows shares in per cent.
    """
    shown = [one for one in judged if one.point.value is not None]
    if not shown:
        return None
    tracks = {
        "value": [one.point.value for one in shown],
        "center": [one.limits.center if one.limits else None for one in shown],
        "low": [one.limits.low if one.limits else None for one in shown],
        "high": [one.limits.high if one.limits else None for one in shown],
        "target": [targets.get(one.point.first.replace(day=1)) for one in shown],
    }
    values = [value * scale for track in tracks.values() for value in track if value is not None]
    room = max(0.1 * abs(max(values)), 1.0) if min(values) == max(values) else 0.0  # a line that never moves is no cliff
    low, high, step = scale_of(min(values) - room, max(values) + room)
    low, high = max(low, 0.0), min(high, 100.0) if scale == 100 else high
    span = (RIGHT - LEFT) / max(len(shown) - 1, 1)

    def x(place: int) -> float:
        return round(LEFT + place * span, 1)

    def y(value: float) -> float:
        return round(BOTTOM - (value * scale - low) / (high - low) * (BOTTOM - TOP), 1)

    grid, mark = [], low
    while mark <= high + step / 2:
        grid.append({"y": y(mark / scale), "text": f"{mark:,g}"})
        mark = round(mark + step, 6)
    thin = max(1, -(-len(shown) // 10))
    days = [one.point.first for one in shown]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": RIGHT,
        "top": TOP,
        "bottom": BOTTOM,
        "grid": grid,
        "labels": [{"x": x(place), "text": label(day)} for place, day in enumerate(days) if place % thin == 0],
        "lines": {
            name: " ".join(f"{x(place)},{y(value)}" for place, value in enumerate(track) if value is not None)
            for name, track in tracks.items()
        },
        "dots": [
            {"x": x(place), "y": y(one.point.value or 0.0), "text": label(days[place]), "is_out": bool(one.rules)}
            for place, one in enumerate(shown)
        ],
        "marks": [
            {"x": x(place), "number": number, "text": text}
            for number, (day, text) in enumerate(marks, start=1)
            if (place := next((at for at, first in enumerate(days) if first >= day), None)) is not None and day >= days[0]
        ],
    }
