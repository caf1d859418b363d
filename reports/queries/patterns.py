"""When people answer, and how far the list has come: the report page's table of hours and its funnel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.promises.settle import PAID_IN_TIME
from reports.charts import FEW, HeatMap, heat_map
from reports.cuts import Cut
from reports.facts.models import ANY_CAMPAIGN
from reports.facts.read import Cover, Tally, cover
from reports.periods import Period
from reports.queries.columns import count
from reports.queries.headline import tallied
from reports.queries.raw import ALL_CHANNELS, HANDED_OVER, HeadlineQuery, filters_of, parameters
from reports.queries.sides import side_of

_HEAT = """
SELECT extract(hour FROM a.began_at AT TIME ZONE :zone)::integer AS hour,
       extract(isodow FROM a.began_at AT TIME ZONE :zone)::integer - 1 AS weekday, count(*) AS n,
       count(*) FILTER (WHERE a.line_result = :answered AND a.party = ANY(:contact_parties)) AS contacts
FROM attempt a
WHERE a.office_id = :office AND a.began_at >= :start AND a.began_at < :end AND {handed_over} {filters}
GROUP BY 1, 2
"""


HEAT_OF_FACTS = f"""
SELECT CAST(key AS integer) AS hour, CAST(extract(isodow FROM day) AS integer) - 1 AS weekday, CAST(sum(attempts) AS bigint) AS n,
       CAST(sum(contacts) AS bigint) AS contacts
FROM fact
WHERE office_id = :office AND dimension = 'hour' AND grain = 'd' AND campaign_id = coalesce(:campaign, {ANY_CAMPAIGN}) AND day = ANY(:days)
  AND (:channel = '{ALL_CHANNELS}' OR channel = :channel) AND attempts > 0
GROUP BY 1, 2
"""


def contact_hours(session: Session, query: HeadlineQuery, now: datetime, few: int = FEW) -> HeatMap:
    """Contact rate per call by hour and weekday, over the query's period, channel and campaign."""
    period = query.period
    if query.staff is not None and query.until is None:
        return heat_map(_hours_of_staff(session, query, now), few)
    found = cover(session, period.first, period.last, str(period.zone), uses_months=False)
    if not found.is_worth_it or query.until is not None:
        found = Cover((), (), (), ((period.first, period.last),))
    counts: Counter[tuple[int, int]] = Counter()
    contacts: Counter[tuple[int, int]] = Counter()
    statements = [(HEAT_OF_FACTS, query, {"days": list(found.days)})] if found.days else []
    raw = _HEAT.format(handed_over=HANDED_OVER, filters=filters_of(query))
    statements += [(raw, replace(query, period=Period(*gap, period.zone)), {}) for gap in found.gaps]
    for statement, part, more in statements:
        for row in session.execute(text(statement), parameters(part, office_of(session), now) | more):
            counts[row.hour, row.weekday] += row.n
            contacts[row.hour, row.weekday] += row.contacts
    return heat_map({place: (n, contacts[place]) for place, n in counts.items()}, few)


def _hours_of_staff(session: Session, query: HeadlineQuery, now: datetime) -> dict[tuple[int, int], tuple[int, int]]:
    """The same counts from the columns of the days' calls: facts of hours know no operators."""
    values = parameters(query, office_of(session), now)
    table = count(session, query, (side_of(session, Cut.HOUR, values), side_of(session, Cut.WEEKDAY, values)), has_persons=False)
    return {(int(hour), int(weekday) - 1): (n["attempts"], n["contacts"]) for (hour, weekday), n in table.cells.items()}


@dataclass(frozen=True, slots=True)
class Funnel:
    """Persons at each step. `with_number` have a number that can be used, as `further_metrics.WITH_NUMBER` says.

    `due` are those promisers whose date plus grace has passed: the denominator of `kept`.
    """

    listed: int
    with_number: int
    attempted: int
    contacted: int
    promised: int
    due: int
    kept: int
    settled: int


_PERSONS = """
SELECT count(*) AS attempted, count(*) FILTER (WHERE is_contacted) AS contacted, count(*) FILTER (WHERE has_promised) AS promised
FROM (
    SELECT a.debtor_id, bool_or(a.line_result = :answered AND a.party = ANY(:contact_parties)) AS is_contacted,
           bool_or(a.outcome = ANY(:promise_outcomes)) AS has_promised
    FROM attempt a
    WHERE a.office_id = :office AND a.began_at >= :start AND a.began_at < :end AND {handed_over} {filters}
    GROUP BY a.debtor_id
) person
"""

_FUNNEL = """
WITH judged AS (
    SELECT p.debtor_id, bool_or(coalesce(paid.yen, 0) * 100 >= p.amount * p.threshold_percent) AS is_kept
    FROM promise p JOIN attempt a ON a.office_id = p.office_id AND a.id = p.attempt_id
    LEFT JOIN LATERAL ({paid_in_time}) paid ON true
    WHERE p.office_id = :office AND p.state <> 'cancelled' AND a.began_at >= :start AND a.began_at < :end
      AND p.due_on + p.grace_days::integer < (CAST(:now AS timestamptz) AT TIME ZONE :zone)::date {filters}
    GROUP BY p.debtor_id
)
SELECT (SELECT count(*) FROM debtor d WHERE d.office_id = :office {listed}) AS listed,
       (SELECT count(*) FROM debtor d WHERE d.office_id = :office {listed} AND EXISTS (
            SELECT FROM phone_number n WHERE n.office_id = d.office_id AND n.debtor_id = d.id AND n.e164 IS NOT NULL
            AND n.status NOT IN ('dead', 'wrong_person', 'refused'))) AS with_number,
       (SELECT count(*) FROM judged) AS due,
       (SELECT count(*) FROM judged WHERE is_kept) AS kept,
       (SELECT count(*) FROM judged j WHERE is_kept AND NOT EXISTS (
            SELECT FROM debt b WHERE b.office_id = :office AND b.debtor_id = j.debtor_id AND b.status = 'open')) AS settled
"""

_LISTED = {
    False: "AND d.is_listed",
    True: "AND d.id IN (SELECT g.debtor_id FROM channel_assignment g WHERE g.office_id = :office AND g.campaign_id = :campaign)",
}


def funnel(
    session: Session, query: HeadlineQuery, now: datetime, whole: Tally | None = None, counted: Mapping[str, int] | None = None
) -> Funnel:
    """How many of the list (of the campaign, if one is named) have a number, were called, reached, promised, kept it, and owe nothing.

    Args:
        whole: the persons of the same query, where they were read before.
        counted: what `list_counts` says of it, where that was asked before.
    """
    counted = list_counts(session, query, now) if counted is None else counted
    return Funnel(**counted, **_persons(session, query, now, whole))


def list_counts(session: Session, query: HeadlineQuery, now: datetime) -> dict[str, int]:
    """Of the funnel: listed, with_number, due, kept, settled. The list knows no operators: with `staff` its counts are 0."""
    statement = _FUNNEL.format(
        filters=filters_of(query),
        paid_in_time=PAID_IN_TIME,
        listed="AND false" if query.staff else _LISTED[query.campaign_id is not None],
    )
    return dict(session.execute(text(statement), parameters(query, office_of(session), now)).mappings().one())


def _persons(session: Session, query: HeadlineQuery, now: datetime, whole: Tally | None) -> dict[str, int]:
    """Persons called, reached and promising, from the facts where these stand."""
    parts = None if whole else tallied(session, replace(query, cut=None), now)
    if parts is not None:
        whole = parts.get("", Tally())
    if whole is not None:
        return {"attempted": len(whole.attempted), "contacted": len(whole.contacted), "promised": len(whole.promised)}
    statement = _PERSONS.format(handed_over=HANDED_OVER, filters=filters_of(query))
    return dict(session.execute(text(statement), parameters(query, office_of(session), now)).mappings().one())
