"""The counts behind the further metrics over one period, and the figures made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.attempts.codes import Channel
from campaigns.promises.settle import ITS_REVERSAL, NET_YEN, PAID_IN_TIME
from reports.figures import ratio
from reports.further_metrics import COLLECTED_DAYS, REACTION_DAYS
from reports.metrics import HEADLINE, Metric
from reports.queries.headline import headline
from reports.queries.raw import ALL_CHANNELS, HANDED_OVER, HITS, HeadlineQuery, filters_of, parameters


@dataclass(frozen=True, slots=True)
class Measures:
    """Every metric of one period: a count by its code, None where it could not be known."""

    counts: Mapping[str, int | float | None]

    def value(self, metric: Metric) -> int | float | None:
        """The metric's figure; None where a count is unknown or there is nothing to divide by."""
        if not metric.under:
            return self.counts.get(metric.code)
        over, under = self.counts.get(metric.over), self.counts.get(metric.under)
        if over is None or under is None:
            return None
        return ratio(over, under) if isinstance(over, int) and isinstance(under, int) else over / under if under else None


_CALLS = """
SELECT count(*) AS clock_hours, {sums} FROM (
  SELECT count(*) AS attempts, {hits}, coalesce(sum(a.talk_seconds), 0) AS talk_seconds FROM attempt a
  WHERE a.office_id = :office AND a.began_at >= :start AND a.began_at < :end AND {handed_over} {filters}
  GROUP BY date_trunc('hour', a.began_at, :zone)) hours"""
_COUNTED = (*HITS, "attempts", "talk_seconds")

_STATES = """
SELECT coalesce(sum(seconds), 0)::bigint AS staffed_seconds,
  coalesce(sum(seconds) FILTER (WHERE state IN ('reserved', 'ringing', 'talking', 'wrap_up')), 0)::bigint AS busy_seconds,
  coalesce(sum(seconds) FILTER (WHERE state = 'wrap_up'), 0)::bigint AS wrap_up_seconds,
  count(*) FILTER (WHERE state = 'wrap_up') AS wrap_ups
FROM (SELECT state, extract(epoch FROM least(coalesce(ended_at, :now), :end) - greatest(began_at, :start)) AS seconds
      FROM agent_state_span WHERE office_id = :office AND state NOT IN ('paused', 'ended') AND began_at < :end
        AND (ended_at IS NULL OR ended_at > :start)) span WHERE seconds > 0"""

_LIST = """
SELECT count(*) AS listed, count(*) FILTER (WHERE has_number) AS with_number, count(*) FILTER (WHERE is_tried) AS listed_attempted,
  count(*) FILTER (WHERE is_reached OR NOT owes) AS finished,
  count(*) FILTER (WHERE has_number AND name_kana <> '' AND postal_code <> '' AND address <> ''
                   AND (birth_date IS NOT NULL OR kind <> 'person')) AS complete_records
FROM (
  SELECT d.*, n.debtor_id IS NOT NULL AS has_number, t.debtor_id IS NOT NULL AS is_tried, coalesce(t.is_reached, false) AS is_reached,
    o.debtor_id IS NOT NULL AS owes
  FROM debtor d
  LEFT JOIN (SELECT DISTINCT debtor_id FROM phone_number WHERE office_id = :office AND e164 IS NOT NULL
             AND status NOT IN ('dead', 'wrong_person', 'refused')) n ON n.debtor_id = d.id
  LEFT JOIN (SELECT a.debtor_id, bool_or(a.line_result = :answered AND a.party = ANY(:right_parties)) AS is_reached FROM attempt a
             WHERE a.office_id = :office AND a.began_at >= :start AND a.began_at < :end AND {handed_over} {filters} GROUP BY 1) t
    ON t.debtor_id = d.id
  LEFT JOIN (SELECT DISTINCT debtor_id FROM debt WHERE office_id = :office AND status = 'open') o ON o.debtor_id = d.id
  WHERE d.office_id = :office AND {listed}) person"""
_LISTED = {
    False: "d.is_listed",
    True: "d.id IN (SELECT g.debtor_id FROM channel_assignment g WHERE g.office_id = :office AND g.campaign_id = :campaign)",
}

_MESSAGES = f"""
SELECT count(*) AS sms_sent, count(*) FILTER (WHERE m.state = 'delivered') AS sms_delivered,
  count(*) FILTER (WHERE m.state = 'delivered' AND (
    EXISTS (SELECT FROM payment y WHERE y.office_id = :office AND y.debtor_id = m.debtor_id AND NOT y.is_reversal
            AND y.paid_on - (m.handed_over_at AT TIME ZONE :zone)::date BETWEEN 0 AND {REACTION_DAYS})
    OR EXISTS (SELECT FROM attempt a WHERE a.office_id = :office AND a.debtor_id = m.debtor_id AND a.line_result = :answered
               AND a.party = ANY(:contact_parties) AND a.began_at > m.handed_over_at
               AND a.began_at <= m.handed_over_at + interval '{REACTION_DAYS} days'))) AS sms_reacted
FROM message m JOIN batch b ON b.office_id = m.office_id AND b.id = m.batch_id
WHERE m.office_id = :office AND b.channel = 'sms' AND m.handed_over_at >= :start AND m.handed_over_at < :end {{by_campaign}}"""

_AUTOMATIC = """
SELECT count(*) FILTER (WHERE a.line_result = :answered) AS auto_answered,
  count(*) FILTER (WHERE a.line_result = :answered AND a.robocall_keys <> '') AS auto_keyed,
  count(*) FILTER (WHERE a.line_result = :answered AND (a.robocall_keys <> '' OR a.robocall_path LIKE '%>%')) AS auto_heard
FROM attempt a WHERE a.office_id = :office AND a.channel = 'auto_call' AND a.began_at >= :start AND a.began_at < :end
  AND {handed_over} {filters}"""

_AMOUNTS = """
SELECT coalesce(sum(p.amount), 0)::bigint AS promised_yen,
  coalesce(sum(least(greatest(coalesce(paid.yen, 0), 0), p.amount)), 0)::bigint AS kept_yen
FROM promise p LEFT JOIN attempt a ON a.office_id = p.office_id AND a.id = p.attempt_id
LEFT JOIN LATERAL ({paid_in_time}) paid ON true
WHERE p.office_id = :office AND p.state <> 'cancelled' AND p.due_on <= :last
  AND p.due_on + p.grace_days::integer BETWEEN :first AND :last {filters}"""

_COLLECTED = f"""
SELECT coalesce(sum({NET_YEN}), 0)::bigint AS collected_after_contact
FROM (SELECT a.debtor_id, max((a.began_at AT TIME ZONE :zone)::date) AS day FROM attempt a
      WHERE a.office_id = :office AND a.began_at >= :start AND a.began_at < :end AND a.line_result = :answered
        AND a.party = ANY(:contact_parties) {{filters}} GROUP BY 1) reached
JOIN payment y ON y.office_id = :office AND y.debtor_id = reached.debtor_id AND NOT y.is_reversal
  AND y.paid_on BETWEEN reached.day AND reached.day + {COLLECTED_DAYS}
LEFT JOIN {ITS_REVERSAL}"""


def measured(session: Session, query: HeadlineQuery, now: datetime) -> Measures:
    """Every metric over the query's period, channel and campaign; its cut and `until` are left aside."""
    whole = replace(query, cut=None, until=None)
    counts: dict[str, int | float | None] = {}
    figures = headline(session, whole, now).rows[0].figures
    counts.update({metric.code: figures.value(metric.code) for metric in HEADLINE if not metric.under})
    values = parameters(whole, office_of(session), now)
    filters = filters_of(whole)
    every = filters_of(replace(whole, channel=ALL_CHANNELS))
    asked: list[str] = [
        _CALLS.format(
            sums=", ".join(f"coalesce(sum({name}), 0)::bigint AS {name}" for name in _COUNTED),
            hits=", ".join(f"count(*) FILTER (WHERE {condition}) AS {name}" for name, condition in HITS.items()),
            handed_over=HANDED_OVER,
            filters=filters,
        ),
        _LIST.format(handed_over=HANDED_OVER, filters=filters, listed=_LISTED[whole.campaign_id is not None]),
        _MESSAGES.format(by_campaign="" if whole.campaign_id is None else "AND b.campaign_id = :campaign"),
        _AUTOMATIC.format(handed_over=HANDED_OVER, filters=every),
        _AMOUNTS.format(paid_in_time=PAID_IN_TIME, filters=filters),
        _COLLECTED.format(filters=filters),
    ]
    if whole.channel in (Channel.OPERATOR_CALL, ALL_CHANNELS) and whole.campaign_id is None:
        asked.append(_STATES)
    for statement in asked:
        found = session.execute(text(statement), values).mappings().one()
        counts.update({name: int(value) for name, value in found.items()})
    return Measures(counts)
