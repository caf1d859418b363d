"""Two cuts crossed from the facts: hours, operators and channels against each other's days, as far as facts tell them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from reports.cut_forms import FORMS, UNCUT, team_of
from reports.cuts import Cut, CutForm
from reports.facts.models import ANY_CAMPAIGN
from reports.facts.read import cover
from reports.metrics import Metric
from reports.periods import Period
from reports.queries.raw import ALL_CHANNELS, HANDED_OVER, HITS, HeadlineQuery, filters_of, parameters

KNOWN = ("attempts", "contacts", "right_party_contacts", "promises")
# Cut → dimension of the facts (any will do for what every fact knows) and the key as the cut's own form has it.
_KEYS: dict[Cut | None, tuple[str, str]] = {
    None: ("", "0"),
    Cut.DAY: ("", "day"),
    Cut.WEEKDAY: ("", "extract(isodow FROM day)::integer"),
    Cut.WEEK: ("", "date_trunc('week', day)::date"),
    Cut.MONTH: ("", "to_char(day, 'YYYY-MM')"),
    Cut.CHANNEL: ("", "channel"),
    Cut.HOUR: ("hour", "CAST(key AS integer)"),
    Cut.OPERATOR: ("operator", "CAST(key AS bigint)"),
    Cut.TEAM: ("operator", team_of("CAST(key AS bigint)")),
}
_FACTS = """
SELECT {row} AS r, {column} AS c, {sums} FROM fact
WHERE office_id = :office AND dimension = :dimension AND grain = 'd' AND campaign_id = coalesce(:campaign, {any}) AND day = ANY(:days)
  AND (:channel = '{all_channels}' OR channel = :channel) AND attempts > 0 {of_staff}
GROUP BY 1, 2"""
_RAW = """
SELECT {row} AS r, {column} AS c, count(*) AS attempts, {sums}
FROM attempt a
WHERE a.office_id = :office AND a.began_at >= :start AND a.began_at < :end AND {handed_over} {filters}
GROUP BY 1, 2"""


def from_facts(
    session: Session, query: HeadlineQuery, columns: Cut | None, metric: Metric, now: datetime
) -> dict[tuple[str, str], dict[str, int]] | None:
    """Counts by (row key, column key) in plain text; None where facts can't tell, or the raw rows alone are quicker."""
    wanted = {metric.over, metric.under} if metric.under else {metric.code}
    dimensions = {_KEYS[cut][0] for cut in (query.cut, columns) if cut in _KEYS} - {""} | ({"operator"} if query.staff else set())
    if not wanted <= set(KNOWN) or query.until is not None or len(dimensions) > 1 or not {query.cut, columns} <= _KEYS.keys():
        return None
    period = query.period
    found = cover(session, period.first, period.last, str(period.zone), uses_months=False)
    if not found.is_worth_it:
        return None
    form, other = query.form, UNCUT if columns is None else FORMS[columns]
    values = parameters(query, office_of(session), now) | {"days": list(found.days), "dimension": next(iter(dimensions), "all")}
    facts = _FACTS.format(
        row=_KEYS[query.cut][1],
        column=_KEYS[columns][1],
        sums=", ".join(f"sum({name})::bigint AS {name}" for name in KNOWN),
        any=ANY_CAMPAIGN,
        all_channels=ALL_CHANNELS,
        of_staff="AND CAST(key AS bigint) = ANY(:staff)" if query.staff else "",
    )
    raw = _RAW.format(
        row=form.attempts_by()[0],
        column=other.attempts_by()[0],
        sums=", ".join(f"count(*) FILTER (WHERE {HITS[name]}) AS {name}" for name in KNOWN if name in HITS),
        handed_over=HANDED_OVER,
        filters=filters_of(query),
    )
    sums: dict[tuple[str, str], Counter[str]] = {}
    _add(session, sums, facts, form, other, values)
    for gap in found.gaps:
        _add(session, sums, raw, form, other, parameters(replace(query, period=Period(*gap, period.zone)), office_of(session), now))
    return {place: dict(counts) for place, counts in sums.items()}


def _add(
    session: Session, sums: dict[tuple[str, str], Counter[str]], counted: str, form: CutForm, other: CutForm, values: dict[str, object]
) -> None:
    shown, head = (each.shown.replace("key", name) for each, name in ((form, "r"), (other, "c")))
    named = f"SELECT {shown} AS row_key, {head} AS column_key, {', '.join(KNOWN)} FROM ({counted}) g"
    for row in session.execute(text(named), values).mappings():
        sums.setdefault((row["row_key"], row["column_key"]), Counter()).update({name: int(row[name]) for name in KNOWN})
