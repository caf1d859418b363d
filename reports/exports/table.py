"""A headline report as a table of cells, for every kind of file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from zoneinfo import ZoneInfo

from reports.cut_forms import CHANNEL_LABELS
from reports.eras import Years, rows_in, write_date
from reports.metrics import HEADLINE, UNIT_WORDS, Metric, Unit, definition
from reports.queries.headline import Headline
from reports.words import Words

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
DASH = "–"
TITLE = Words("架電の成果", "Results of calling")
DEFINITION_WORDS = {
    "name": Words("指標", "Figure"),
    "numerator": Words("分子", "Numerator"),
    "denominator": Words("分母", "Denominator"),
    "unit": Words("単位", "Unit"),
    "scope": Words("範囲", "Scope"),
    "version": Words("版", "Version"),
    "source": Words("出典", "Source"),
}

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """Title, subtitle, heads and rows; the first column is the key, the others are `metrics` in order."""

    title: str
    subtitle: str
    key_head: str
    metrics: tuple[Metric, ...]
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    definition_heads: tuple[str, ...]
    definitions: tuple[tuple[str, ...], ...]


def plain_text(value: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{value}" if value.startswith(FORMULA_STARTS) else value


def head(metric: Metric, lang: str) -> str:
    """A column's head; what is not per cent says its unit."""
    if metric.unit in (Unit.RATIO, Unit.CALLS, Unit.PERSONS, Unit.PROMISES):
        return metric.name.in_language(lang)
    return f"{metric.name.in_language(lang)} ({UNIT_WORDS[metric.unit].in_language(lang)})"


def channel_words(channel: str) -> Words:
    """A channel filter's name."""
    return CHANNEL_LABELS.get(channel, Words("すべて", "all"))


def _subtitle(report: Headline, years: Years) -> Words:
    """All that the figures are of, and as of when they were counted: a file leaves the page that it was made on."""
    query = report.query
    first, last = (write_date(day, years) for day in (query.period.first, query.period.last))
    channel = channel_words(query.channel)
    parts = [
        Words(f"{first}から{last}まで({query.period.zone})", f"{first} to {last} ({query.period.zone})"),
        Words(f"手段: {channel.ja}", f"channel: {channel.en}"),
        *([Words(f"業務: {report.campaign}", f"campaign: {report.campaign}")] if report.campaign else []),
        *([query.staff.told] if query.staff else []),
        counted_on(report.as_of, years, query.period.zone),
    ]
    return Words("。".join(part.ja for part in parts), ", ".join(part.en for part in parts))


def counted_on(moment: datetime, years: Years, zone: ZoneInfo) -> Words:
    """As of when a file's figures are, with the year: files are kept."""
    local = moment.astimezone(zone)
    at = f"{write_date(local.date(), years)} {local:%H:%M}"
    return Words(f"{at}に集計", f"counted {at}")


def build(report: Headline, lang: str, years: Years = Years.WESTERN) -> Table:
    """The report in one language, its dates written western or by era."""
    form = report.query.form
    rows = tuple(
        (row.label_en if lang == "en" else row.label, *(row.figures.value(metric.code) for metric in HEADLINE))
        for row in rows_in(report.rows, report.query.cut, years)
    )
    suffix = "_en" if lang == "en" else ""
    texts = [definition(metric, form.note_on(metric)) for metric in HEADLINE]
    fields = tuple(DEFINITION_WORDS)
    return Table(
        title=TITLE.in_language(lang),
        subtitle=_subtitle(report, years).in_language(lang),
        key_head=form.name.in_language(lang),
        metrics=HEADLINE,
        heads=(form.name.in_language(lang), *(head(metric, lang) for metric in HEADLINE)),
        rows=rows,
        definition_heads=tuple(words.in_language(lang) for words in DEFINITION_WORDS.values()),
        definitions=tuple(tuple(str(text.get(name if name == "version" else name + suffix) or DASH) for name in fields) for text in texts),
    )


def shown(value: Cell, metric: Metric) -> str:
    """A figure as people read it: rates as of `per_cent`, others rounded half up; a dash for no value."""
    if value is None:
        return DASH
    if metric.is_rate:
        return f"{per_cent(float(value))}%"
    if metric.unit is Unit.YEN_PER_YEN:
        return f"{value:.3f}"
    if isinstance(value, float):
        return f"{rounded(value):,}"
    return f"{value:,}"


def written(value: float, metric: Metric) -> Decimal:
    """The number that `shown` writes, for comparing what people read."""
    if metric.is_rate:
        return per_cent(value)
    return Decimal(value) if isinstance(value, int) else rounded(value, 3 if metric.unit is Unit.YEN_PER_YEN else 1)


def rounded(value: float, places: int = 1) -> Decimal:
    """So many decimals, half up, of the number's own decimal writing."""
    return Decimal(str(value)).quantize(_last_place(places), ROUND_HALF_UP)


@cache
def _last_place(places: int) -> Decimal:
    """One in the last of so many decimals: 0.01 of two."""
    return Decimal(1).scaleb(-places)


def per_cent(share: float, places: int = 1) -> Decimal:
    """A share in per cent, rounded half up; but what is not all is never written as all: 1,999 of 2,000 are 99.9 %."""
    written = (Decimal(str(share)) * 100).quantize(_last_place(places), ROUND_HALF_UP)
    return 100 - _last_place(places) if written >= 100 and share < 1 else written
