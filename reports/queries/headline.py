"""The headline figures: attempts, contacts, right-party contacts, promises and their rates, cut by one thing.

Past days come from the facts where these stand, cuts that facts do not know from the columns of the days' calls, everything else from the
raw rows; all give the same figures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import Any

from pyroaring import BitMap64
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from callcenter.core.db import office_of
from campaigns.planning.models import Campaign
from reports.cut_forms import NAMES_OF, label, team_of
from reports.cuts import Cut
from reports.facts.read import SETS, SUMS, Tally, cover, tallies
from reports.figures import Figures, Row
from reports.metrics import HEADLINE, definition
from reports.periods import Period
from reports.queries.columns import count
from reports.queries.raw import ALL_CHANNELS, CHANNELS, HeadlineQuery, parameters, statement
from reports.queries.sides import side_of

__all__ = ["ALL_CHANNELS", "CHANNELS", "Headline", "HeadlineQuery", "headline", "read_row"]

# Cut → dimension of the facts and the column that is its key; other cuts are counted from the columns of the days' calls.
IN_FACTS: dict[Cut | None, tuple[str, str]] = {
    None: ("all", "''"),
    Cut.DAY: ("all", "day"),
    Cut.WEEK: ("all", "date_trunc('week', day)::date"),
    Cut.MONTH: ("all", "to_char(day, 'YYYY-MM')"),
    Cut.CHANNEL: ("all", "channel"),
    Cut.HOUR: ("hour", "key"),
    Cut.OPERATOR: ("operator", "key"),
    Cut.TEAM: ("operator", team_of("CAST(fact.key AS bigint)").replace(":office", "%(office)s")),
}


@dataclass(frozen=True, slots=True)
class Headline:
    """The answer: rows sorted by key, and the moment up to which it was counted.

    `whole` are the persons themselves, where nothing is cut and facts could tell; `campaign` is the name of the one that was asked for.
    """

    query: HeadlineQuery
    rows: tuple[Row, ...]
    as_of: datetime
    whole: Tally | None = None
    campaign: str = ""

    def document(self) -> dict[str, Any]:
        """The report as the contract with other programs has it."""
        period = self.query.period
        codes = [metric.code for metric in HEADLINE]
        return {
            "from": period.first.isoformat(),
            "to": period.last.isoformat(),
            "time_zone": str(period.zone),
            "definitions": [definition(metric, self.query.form.note_on(metric)) for metric in HEADLINE],
            "rows": [{"key": row.key} | {code: row.figures.value(code) for code in codes} for row in self.rows],
        }


def headline(session: Session, query: HeadlineQuery, now: datetime) -> Headline:
    """The headline figures, counted up to `now` (spans that are still open end there)."""
    campaign = "" if query.campaign_id is None else session.scalar(select(Campaign.name).where(Campaign.id == query.campaign_id)) or ""
    if not _in_facts(query) and query.until is None:
        return Headline(query, _from_columns(session, query, now), now, campaign=campaign)
    parts = tallied(session, query, now)
    rows = [] if parts is None else _rows(session, query.cut, parts)
    if parts is None:
        found = session.execute(text(statement(query)), parameters(query, office_of(session), now))
        rows = [read_row(query.cut, row._mapping) for row in found]
    if query.cut is None and not rows:
        rows = [read_row(None, {})]
    whole = parts.get("") if parts and query.cut is None else None
    return Headline(query, tuple(sorted(rows, key=lambda row: row.key or "")), now, whole, campaign)


def _in_facts(query: HeadlineQuery) -> bool:
    """Whether facts can tell: those of hours know no operators."""
    return query.cut in IN_FACTS and not (query.staff is not None and query.cut is Cut.HOUR)


def tallied(session: Session, query: HeadlineQuery, now: datetime) -> dict[str, Tally] | None:
    """Standing facts and the raw rows of the days between, by plain key; None when the raw rows alone are quicker, or alone can tell."""
    if not _in_facts(query) or query.until is not None:
        return None
    dimension, key = IN_FACTS[query.cut]
    if query.staff is not None:
        dimension = "operator"
    period = query.period
    by_month = query.cut not in (Cut.DAY, Cut.WEEK)
    by_week = dimension == "all" and query.cut is not Cut.DAY
    found = cover(session, period.first, period.last, str(period.zone), uses_months=by_month, uses_weeks=by_week)
    if not found.is_worth_it:
        return None
    channel = None if query.channel == ALL_CHANNELS else str(query.channel)
    persons: tuple[str, ...] | None = SETS if query.has_persons else ()
    if query.cut is Cut.DAY and channel is not None and query.staff is None:
        persons = None  # a day of one channel is one fact
    parts = tallies(
        session,
        found,
        dimension,
        key,
        channel=channel,
        campaign_id=query.campaign_id,
        has_hours=query.has_hours,
        persons=persons,
        only=None if query.staff is None else query.staff.ids,
    )
    for first, last in found.gaps:
        gap = replace(query, period=Period(first, last, period.zone))
        for row in session.execute(text(statement(gap, to_merge=True)), parameters(gap, office_of(session), now)).mappings():
            parts.setdefault(row["key"], Tally()).add(_tally(row))
    return parts


def _from_columns(session: Session, query: HeadlineQuery, now: datetime) -> tuple[Row, ...]:
    """The rows of a cut that no fact knows: calls from the columns of their days, promises due and hours by SQL."""
    values = parameters(query, office_of(session), now)
    table = count(session, query, (side_of(session, query.cut, values), side_of(session, None, values)), has_persons=query.has_persons)
    rows: dict[str, dict[str, Any]] = {key: {"key": key, "name": ""} | counts for (key, _), counts in table.rows.items()}
    for found in session.execute(text(statement(query, has_calls=False)), values).mappings():
        row = rows.setdefault(found["key"], {"key": found["key"]})
        row |= {name: found[name] for name in ("name", "promises_due", "promises_kept")}
        row["operator_seconds"] = None if row.get("imported") else found["operator_seconds"]
    if query.cut is Cut.CAMPAIGN:
        for number, name in session.execute(select(Campaign.id, Campaign.name).where(Campaign.id.in_([int(key) for key in rows if key]))):
            rows[str(number)]["name"] = name
    if query.cut in NAMES_OF:
        for key, name in session.execute(text(NAMES_OF[query.cut]), {"office": office_of(session), "keys": list(rows)}):
            rows[key]["name"] = name
    return tuple(read_row(query.cut, rows[key]) for key in sorted(rows))


def _tally(row: Any) -> Tally:
    attempted, contacted, right_party, promised = (BitMap64(row[name]) for name in SETS)
    return Tally({name: int(row[name]) for name in SUMS}, row["worked_us"], attempted, contacted, right_party, promised)


def _rows(session: Session, cut: Cut | None, parts: dict[str, Tally]) -> list[Row]:
    people: dict[str, tuple[str, str]] = {}
    if cut is Cut.OPERATOR:
        known = session.execute(select(User.id, User.sign_in_name, User.display_name).where(User.id.in_([int(key) for key in parts])))
        people = {str(row[0]): (row[1], row[2]) for row in known}
    rows = []
    for key, tally in parts.items():
        found: dict[str, Any] = {name: tally.counts[name] for name in SUMS} | {
            "key": key,
            "persons_attempted": tally.persons("attempted"),
            "persons_contacted": tally.persons("contacted"),
            "persons_right_party": tally.persons("right_party"),
        }
        if tally.worked_us is not None and not tally.counts["imported"]:
            found["operator_seconds"] = Fraction(tally.worked_us, 1_000_000)
        if cut is Cut.OPERATOR:
            found["key"], found["name"] = people.get(key, ("", ""))
        rows.append(read_row(cut, found))
    return rows


def read_row(cut: Cut | None, found: Any) -> Row:
    """One row of the answer; missing counts are 0."""
    counts = {name: int(found.get(name, 0)) for name in Figures.__dataclass_fields__ if name != "operator_seconds"}
    seconds = found.get("operator_seconds")
    figures = Figures(**counts, operator_seconds=None if seconds is None else Fraction(seconds))
    key = found.get("key", "")
    words = label(cut, key, found.get("name") or "")
    return Row(None if cut is None else key, words.ja, words.en, figures)
