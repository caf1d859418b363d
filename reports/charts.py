"""Charts made on the server: series for the page's charts, SVG for paper, the hour × weekday table, and how sure a rate is."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from callcenter.core.intervals import Interval, wilson
from reports.exports.table import per_cent
from reports.metrics import BY_CODE
from reports.queries.headline import Headline

FEW = 30
"""Below this many calls a rate says nothing yet."""


def differ(intervals: list[Interval]) -> bool:
    """Whether any two of the intervals lie apart: only then is a difference more than noise."""
    return bool(intervals) and max(one.low for one in intervals) > min(one.high for one in intervals)


@dataclass(frozen=True, slots=True)
class Series:
    """One figure along the rows of a report: labels, values (None where there is none), and the denominators behind rates."""

    code: str
    name: str
    unit: str
    labels: tuple[str, ...]
    values: tuple[float | None, ...]
    n: tuple[int | float | None, ...]


def headline_chart(report: Headline, code: str, lang: str = "ja") -> Series:
    """The figure `code` of every row."""
    metric = BY_CODE[code]
    rows = report.rows
    return Series(
        code=code,
        name=metric.name.in_language(lang),
        unit="percent" if metric.is_rate else "number",
        labels=tuple(row.label_en if lang == "en" else row.label for row in rows),
        values=tuple(row.figures.value(code) for row in rows),
        n=tuple(row.figures.value(metric.under or code) for row in rows),
    )


def nice_top(value: float) -> float:
    """The smallest of 1, 2, 2.5, 5 × 10ⁿ that is at least `value`."""
    step = 1.0
    while True:
        for factor in (1, 2, 2.5, 5):
            if factor * step >= value:
                return factor * step
        step *= 10


WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 960, 220, 48, 190, 16


def bar_chart_svg(series: Series, font: str = "sans-serif") -> str:
    """A bar chart for paper; every bar says its value when there is room, labels are thinned out when there is none."""
    values = [value or 0.0 for value in series.values]
    top = nice_top(max([*values, 1.0]))
    step = (WIDTH - LEFT) / max(len(values), 1)
    height = BOTTOM - TOP
    thin = max(1, -(-len(values) // 24))
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="{escape(font)}" xmlns="http://www.w3.org/2000/svg"><title>{escape(series.name)}</title>'
    ]
    for share in (0.0, 0.5, 1.0):
        y = BOTTOM - height * share
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH}" stroke="#cccccc" stroke-width="1"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" font-size="12" text-anchor="end">{top * share:,.0f}</text>')
    for number, value in enumerate(values):
        x, tall = LEFT + number * step, height * value / top
        parts.append(
            f'<rect x="{x + step * 0.15:.1f}" y="{BOTTOM - tall:.1f}" width="{step * 0.7:.1f}" height="{tall:.1f}" fill="#0055ad"/>'
        )
        if number % thin == 0:
            middle = x + step / 2
            parts.append(
                f'<text x="{middle:.1f}" y="{BOTTOM + 16}" font-size="12" text-anchor="middle">{escape(series.labels[number])}</text>'
            )
            parts.append(f'<text x="{middle:.1f}" y="{BOTTOM - tall - 4:.1f}" font-size="12" text-anchor="middle">{value:,.0f}</text>')
    return "".join([*parts, "</svg>"])


@dataclass(frozen=True, slots=True)
class HeatCell:
    """Contact rate of one hour of one weekday; `is_few` when `n` is too small to say."""

    n: int
    contacts: int
    rate: float | None
    is_few: bool
    interval: Interval | None

    def step(self, places: int) -> int | None:
        """1 (low) to 5 (high), the colour of the rate as it is written with so many decimals; 0 for too few, None when empty."""
        if self.rate is None or self.is_few:
            return None if self.rate is None else 0
        return 1 + sum(per_cent(self.rate, places) >= bound for bound in STEPS)


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Hours down, weekdays (0 Monday … 6 Sunday) across; only those in which there was any call."""

    hours: tuple[int, ...]
    weekdays: tuple[int, ...]
    cells: dict[tuple[int, int], HeatCell]
    few: int = FEW

    def cell(self, hour: int, weekday: int) -> HeatCell:
        """The cell; an empty one where nobody was called."""
        return self.cells.get((hour, weekday), HeatCell(0, 0, None, False, None))


STEPS = (25, 30, 35, 40)
"""Bounds of the colours in per cent: under 25 %, 25, 30, 35, 40 % and over."""


def heat_cell(n: int, contacts: int, few: int = FEW) -> HeatCell:
    """The cell of so many calls."""
    return HeatCell(n, contacts, contacts / n, n < few, wilson(contacts, n)) if n else HeatCell(0, 0, None, False, None)


def heat_map(counts: dict[tuple[int, int], tuple[int, int]], few: int = FEW) -> HeatMap:
    """The table from (hour, weekday) → (attempts, contacts)."""
    cells = {place: heat_cell(n, contacts, few) for place, (n, contacts) in counts.items() if n}
    return HeatMap(tuple(sorted({hour for hour, _ in cells})), tuple(sorted({weekday for _, weekday in cells})), cells, few)
