"""When people answer, and how far the list has come: the report page's table of hours and its funnel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from reports.charts import FEW, HeatMap, heat_map
from reports.queries.raw import ALL_CHANNELS, HANDED_OVER, PAID_IN_TIME, HeadlineQuery, parameters

_HEAT = """
SELECT extract(hour FROM a.began_at AT TIME ZONE :zone)::integer AS hour,
       extract(isodow FROM a.began_at AT TIME ZONE :zone)::integer - 1 AS weekday, count(*) AS n,
       count(*) FILTER (WHERE a.line_result = :answered AND a.party = ANY(:contact_parties)) AS contacts
FROM attempt a
WHERE a.office_id = :office AND a.began_at >= :start AND a.began_at < :end AND {handed_over} {filters}
GROUP BY 1, 2
"""


def contact_hours(session: Session, query: HeadlineQuery, now: datetime, few: int = FEW) -> HeatMap:
    """Contact rate per call by hour and weekday, over the query's period, channel and campaign."""
    statement = _HEAT.format(handed_over=HANDED_OVER, filters=_filters(query))
    found = session.execute(text(statement), parameters(query, office_of(session), now))
    return heat_map({(row.hour, row.weekday): (row.n, row.contacts) for row in found}, few)


@dataclass(frozen=True, slots=True)
class Funnel:
    """Persons at each step. `due` are those promisers whose date plus grace has passed: the denominator of `kept`."""

    listed: int
    with_number: int
    attempted: int
    contacted: int
    promised: int
    due: int
    kept: int
    settled: int


_FUNNEL = """
WITH person AS (
    SELECT a.debtor_id, bool_or(a.line_result = :answered AND a.party = ANY(:contact_parties)) AS is_contacted,
           bool_or(a.outcome = ANY(:promise_outcomes)) AS has_promised
    FROM attempt a
    WHERE a.office_id = :office AND a.began_at >= :start AND a.began_at < :end AND {handed_over} {filters}
    GROUP BY a.debtor_id
),
judged AS (
    SELECT p.debtor_id, bool_or(coalesce(paid.yen, 0) * 100 >= p.amount * p.threshold_percent) AS is_kept
    FROM promise p JOIN attempt a ON a.office_id = p.office_id AND a.id = p.attempt_id
    LEFT JOIN LATERAL ({paid_in_time}) paid ON true
    WHERE p.office_id = :office AND a.began_at >= :start AND a.began_at < :end
      AND p.due_on + p.grace_days::integer < (CAST(:now AS timestamptz) AT TIME ZONE :zone)::date {filters}
    GROUP BY p.debtor_id
)
SELECT (SELECT count(*) FROM debtor d WHERE d.office_id = :office {listed}) AS listed,
       (SELECT count(*) FROM debtor d WHERE d.office_id = :office {listed} AND EXISTS (
            SELECT FROM phone_number n WHERE n.office_id = d.office_id AND n.debtor_id = d.id AND n.e164 IS NOT NULL)) AS with_number,
       (SELECT count(*) FROM person) AS attempted,
       (SELECT count(*) FROM person WHERE is_contacted) AS contacted,
       (SELECT count(*) FROM person WHERE has_promised) AS promised,
       (SELECT count(*) FROM judged) AS due,
       (SELECT count(*) FROM judged WHERE is_kept) AS kept,
       (SELECT count(*) FROM judged j WHERE is_kept AND NOT EXISTS (
            SELECT FROM debt b WHERE b.office_id = :office AND b.debtor_id = j.debtor_id AND b.status = 'open')) AS settled
"""

_LISTED = {
    False: "AND d.is_listed",
    True: "AND d.id IN (SELECT g.debtor_id FROM channel_assignment g WHERE g.office_id = :office AND g.campaign_id = :campaign)",
}


def funnel(session: Session, query: HeadlineQuery, now: datetime) -> Funnel:
    """How many of the list (of the campaign, if one is named) have a number, were called, reached, promised, kept it, and owe nothing."""
    statement = _FUNNEL.format(
        handed_over=HANDED_OVER,
        filters=_filters(query),
        paid_in_time=PAID_IN_TIME,
        listed=_LISTED[query.campaign_id is not None],
    )
    found = session.execute(text(statement), parameters(query, office_of(session), now)).mappings().one()
    return Funnel(**found)


def _filters(query: HeadlineQuery) -> str:
    by_channel = "" if query.channel == ALL_CHANNELS else "AND a.channel = :channel"
    by_campaign = "" if query.campaign_id is None else "AND a.campaign_id = :campaign"
    return f"{by_channel} {by_campaign}"
