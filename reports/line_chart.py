"""Lines over months as an SVG's coordinates: the page has figures in a table beside it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 420, 200, 40, 64, 14, 166


def line_chart(labels: Sequence[str], series: Sequence[tuple[str, Sequence[Decimal | float | None]]]) -> dict[str, Any] | None:
    """Where everything stands, on one scale from a round number below the lowest value to one above the highest; None without values.

    {width, height, marks: [{y, text}], labels: [{x, text}], lines: [{name, points, last: {x, y, text}, dots: [{x, y, text}]}]}
    """
    values = [float(value) for _, line in series for value in line if value is not None]
    if not values:
        return None
    low, high, step = scale_of(min(values), max(values))
    span = (WIDTH - LEFT - RIGHT) / max(len(labels) - 1, 1)

    def x(place: int) -> float:
        return round(LEFT + place * span, 1)

    def y(value: Decimal | float) -> float:
        return round(BOTTOM - (float(value) - low) / (high - low) * (BOTTOM - TOP), 1)

    marks = []
    mark = low
    while mark <= high + step / 2:
        marks.append({"y": y(mark), "text": f"{mark:g}"})
        mark = round(mark + step, 6)
    lines = []
    for name, line in series:
        dots = [{"x": x(place), "y": y(value), "text": f"{value}"} for place, value in enumerate(line) if value is not None]
        if dots:
            lines.append({"name": name, "points": " ".join(f"{dot['x']},{dot['y']}" for dot in dots), "dots": dots, "last": dots[-1]})
    thin = max(1, -(-len(labels) // 8))
    shown = [{"x": x(place), "text": text} for place, text in enumerate(labels) if place % thin == 0]
    return {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT, "marks": marks, "labels": shown, "lines": lines}


def scale_of(lowest: float, highest: float) -> tuple[float, float, float]:
    """Round bounds and a step of about five marks."""
    room = max(highest - lowest, 0.5)
    step = next(step for step in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 1e2, 1e3, 1e4, 1e6, 1e8, 1e12) if room / step <= 6)
    low = step * int(lowest // step)
    high = step * (int(highest // step) + 1)
    return round(low, 6), round(high, 6), step
