"""The counts behind the further metrics over one period, and the figures made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from callcenter.core.memory import give_back
from campaigns.attempts.codes import Channel
from campaigns.promises.settle import ITS_REVERSAL, NET_YEN, PAID_IN_TIME
from reports.facts.calls import CHANNELS, FLAGS, HEARD, KINDS, Numbers, calls_of, numbers
from reports.figures import ratio
from reports.further_metrics import REACTION_DAYS
from reports.metrics import HEADLINE, Metric
from reports.money_metrics import COLLECTED_DAYS
from reports.queries.columns import wanted_of
from reports.queries.headline import headline
from reports.queries.raw import ALL_CHANNELS, TAKEN_BY, HeadlineQuery, filters_of, parameters
from reports.queries.sides import in_bytes
from reports.queries.worth import worth


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


_HOUR = 3_600_000_000  # microseconds
_STATES = """
SELECT coalesce(sum(seconds), 0)::bigint AS staffed_seconds,
  coalesce(sum(seconds) FILTER (WHERE state IN ('reserved', 'ringing', 'talking', 'wrap_up')), 0)::bigint AS busy_seconds,
  coalesce(sum(seconds) FILTER (WHERE state = 'wrap_up'), 0)::bigint AS wrap_up_seconds,
  count(*) FILTER (WHERE state = 'wrap_up') AS wrap_ups
FROM (SELECT state, extract(epoch FROM least(coalesce(ended_at, :now), :end) - greatest(began_at, :start)) AS seconds
      FROM agent_state_span WHERE office_id = :office AND state NOT IN ('paused', 'ended') AND began_at < :end
        AND (ended_at IS NULL OR ended_at > :start) {by_staff}) span WHERE seconds > 0"""

_LIST = """
SELECT count(*) AS listed, count(*) FILTER (WHERE has_number) AS with_number,
  count(*) FILTER (WHERE has_number AND name_kana <> '' AND postal_code <> '' AND address <> ''
                   AND (birth_date IS NOT NULL OR kind <> 'person')) AS complete_records,
  string_agg(int8send(id), '') FILTER (WHERE owes) AS owing, string_agg(int8send(id), '') FILTER (WHERE NOT owes) AS clear
FROM (
  SELECT d.*, n.debtor_id IS NOT NULL AS has_number, o.debtor_id IS NOT NULL AS owes
  FROM debtor d
  LEFT JOIN (SELECT DISTINCT debtor_id FROM phone_number WHERE office_id = :office AND e164 IS NOT NULL
             AND status NOT IN ('dead', 'wrong_person', 'refused')) n ON n.debtor_id = d.id
  LEFT JOIN (SELECT DISTINCT debtor_id FROM debt WHERE office_id = :office AND status = 'open') o ON o.debtor_id = d.id
  WHERE d.office_id = :office AND {listed}) person"""
_LISTED = {
    False: "d.is_listed",
    True: "d.id IN (SELECT g.debtor_id FROM channel_assignment g WHERE g.office_id = :office AND g.campaign_id = :campaign)",
}

_MESSAGES = f"""
SELECT count(*) AS sms_sent, count(*) FILTER (WHERE m.state = 'delivered') AS sms_delivered,
  count(*) FILTER (WHERE m.state = 'delivered' AND (
    EXISTS (SELECT FROM payment y LEFT JOIN {ITS_REVERSAL}
            WHERE y.office_id = :office AND y.debtor_id = m.debtor_id AND NOT y.is_reversal AND {NET_YEN} > 0
            AND y.paid_on - (m.handed_over_at AT TIME ZONE :zone)::date BETWEEN 0 AND {REACTION_DAYS})
    OR EXISTS (SELECT FROM attempt a WHERE a.office_id = :office AND a.debtor_id = m.debtor_id AND a.line_result = :answered
               AND a.party = ANY(:contact_parties) AND a.began_at > m.handed_over_at
               AND a.began_at <= m.handed_over_at + interval '{REACTION_DAYS} days'))) AS sms_reacted
FROM message m JOIN batch b ON b.office_id = m.office_id AND b.id = m.batch_id
WHERE m.office_id = :office AND b.channel = 'sms' AND m.handed_over_at >= :start AND m.handed_over_at < :end {{by_campaign}}"""

_AMOUNTS = """
SELECT coalesce(sum(p.amount), 0)::bigint AS promised_yen,
  coalesce(sum(least(greatest(coalesce(paid.yen, 0), 0), p.amount)), 0)::bigint AS kept_yen
FROM promise p LEFT JOIN attempt a ON a.office_id = p.office_id AND a.id = p.attempt_id
LEFT JOIN LATERAL ({paid_in_time}) paid ON true
WHERE p.office_id = :office AND p.state <> 'cancelled' AND p.due_on <= :last
  AND p.due_on + p.grace_days::integer BETWEEN :first AND :last {filters}"""

# Contacts that are no attempts of ours: whoever called us is never handed over, but was spoken to.
_INWARD = """
SELECT string_agg(int8send(debtor_id), '') AS debtors, string_agg(int8send(CAST(day - date '0001-01-01' + 1 AS bigint)), '') AS days
FROM (SELECT a.debtor_id, max((a.began_at AT TIME ZONE :zone)::date) AS day FROM attempt a
      WHERE a.office_id = :office AND a.began_at >= :start AND a.began_at < :end AND a.handed_over_at IS NULL AND a.source <> 'imported'
        AND a.line_result = :answered AND a.party = ANY(:contact_parties) {filters} GROUP BY 1) reached"""
_PAID = f"""
SELECT string_agg(int8send(debtor_id), '') AS debtors, string_agg(int8send(CAST(paid_on - date '0001-01-01' + 1 AS bigint)), '') AS days,
  string_agg(int8send(CAST(yen AS bigint)), '') AS yen
FROM (SELECT y.debtor_id, y.paid_on, {NET_YEN} AS yen FROM payment y LEFT JOIN {ITS_REVERSAL}
      WHERE y.office_id = :office AND NOT y.is_reversal AND y.debtor_id IS NOT NULL
        AND y.paid_on BETWEEN :first AND CAST(:last AS date) + {COLLECTED_DAYS}) paid"""


NO_OPERATOR = (
    "abandoned", "live_answers", "auto_answered", "auto_keyed", "auto_heard", "sms_sent", "sms_delivered", "sms_reacted",
    "listed", "with_number", "complete_records", "listed_attempted", "finished", "contract_cost", "attributed_yen",
    "worked_arm_persons", "worked_arm_yen", "idle_arm_persons", "idle_arm_yen",
)  # fmt: skip
"""Counts of what has no operator: a call that found none, a machine's call, a message, the list, a contract, an experiment."""


def knows_operator(metric: Metric) -> bool:
    """Whether the metric can be told of some operators."""
    return not {metric.code, metric.over, metric.under} & set(NO_OPERATOR)


class _Persons:
    """What is known of each debtor from the calls: whether tried, reached in person, and the last day of a contact."""

    def __init__(self) -> None:
        self.low, self.is_tried, self.is_reached, self.last = 0, np.zeros(0, bool), np.zeros(0, bool), np.zeros(0, np.int32)

    def at(self, debtors: Numbers) -> Numbers:
        """Their places, after making room for them."""
        if len(debtors):
            low, high = int(debtors.min()), int(debtors.max())
            self.low = self.low if len(self.last) else low
            room = max(0, self.low - low), max(0, high + 1 - self.low - len(self.last))
            self.is_tried, self.is_reached = np.pad(self.is_tried, room), np.pad(self.is_reached, room)
            self.last, self.low = np.pad(self.last, room), self.low - room[0]
        return debtors - self.low


def _counted(session: Session, query: HeadlineQuery, persons: _Persons) -> dict[str, int]:
    """The calls of the period, and of all channels what listeners of automated calls did."""
    period, counts = query.period, Counter[str]()
    automatic = CHANNELS.index(str(Channel.AUTO_CALL))
    whole = replace(query, channel=ALL_CHANNELS)
    columns = ("debtor", "campaign", "channel", "began", "flags", "talk", "pressed", *(("operator",) if query.staff else ()))
    for calls in calls_of(session, period.first, period.last, period.zone, columns):
        heard = _chosen(calls["channel"] == automatic, wanted_of(calls, whole)) & (calls["flags"] & FLAGS["answered"] > 0)
        counts["auto_answered"] += int(heard.sum())
        counts["auto_keyed"] += int((calls["pressed"][heard] > 0).sum())
        counts["auto_heard"] += int((calls["flags"][heard] & HEARD > 0).sum())
        mine = _chosen(np.ones(calls.count, bool), wanted_of(calls, query))
        flags, at = calls["flags"][mine], persons.at(calls["debtor"][mine])
        kinds = np.bincount(flags & (KINDS - 1), minlength=KINDS)
        counts.update({name: int(kinds[np.arange(KINDS) & bit > 0].sum()) for name, bit in FLAGS.items()})
        counts["attempts"] += len(flags)
        counts["talk_seconds"] += int(calls["talk"][mine].sum())
        offset = datetime.combine(calls.day, time(12), period.zone).utcoffset() or timedelta(0)
        counts["clock_hours"] += len(np.unique((calls["began"][mine] + offset // timedelta(microseconds=1)) // _HOUR))
        persons.is_tried[at] = True
        persons.is_reached[at[flags & FLAGS["right_party_contacts"] > 0]] = True
        persons.last[at[flags & FLAGS["contacts"] > 0]] = calls.day.toordinal()
    counts["live_answers"] = counts["answered"] + counts["abandoned"]
    names = ("clock_hours", "attempts", "talk_seconds", "live_answers", "auto_answered", "auto_keyed", "auto_heard")
    return {name: counts[name] for name in (*names, *FLAGS) if name != "imported"}


def _chosen(mask: Any, wanted: Any) -> Any:
    return mask if wanted is None else mask & wanted


def _of_list(session: Session, query: HeadlineQuery, values: dict[str, Any], persons: _Persons) -> dict[str, int]:
    """How far the list has come, by those tried and reached."""
    found = in_bytes(session, _LIST.format(listed=_LISTED[query.campaign_id is not None]), values)[0]
    owing, clear = (numbers(sent, ">i8") for sent in found[3:])
    at, cleared = persons.at(owing), persons.at(clear)
    at = owing - persons.low  # making room for the others may have moved them
    return {
        **dict(zip(("listed", "with_number", "complete_records"), found[:3], strict=True)),
        "listed_attempted": int(persons.is_tried[at].sum() + persons.is_tried[cleared].sum()),
        "finished": len(clear) + int(persons.is_reached[at].sum()),
    }


def _collected(session: Session, filters: str, values: dict[str, Any], persons: _Persons) -> int:
    """What the contacted paid within some days of their last contact in the period."""
    debtors, days = (numbers(sent, ">i8") for sent in in_bytes(session, _INWARD.format(filters=filters), values)[0])
    at = persons.at(debtors)
    persons.last[at] = np.maximum(persons.last[at], days)
    payers, paid, yen = (numbers(sent, ">i8") for sent in in_bytes(session, _PAID, values)[0])
    at = persons.at(payers)  # before the table is looked into: making room replaces it
    last = persons.last[at]
    return int(yen[(last > 0) & (paid >= last) & (paid <= last + COLLECTED_DAYS)].sum())


def measured(session: Session, query: HeadlineQuery, now: datetime) -> Measures:
    """Every metric over the query's period, channel, campaign and operators; its cut and `until` are left aside.

    With operators named, what knows none (`NO_OPERATOR` and what is made of it) is None: never the figure of everybody.
    """
    whole = replace(query, cut=None, until=None)
    counts: dict[str, int | float | None] = {}
    figures = headline(session, whole, now).rows[0].figures
    counts.update({metric.code: figures.value(metric.code) for metric in HEADLINE if not metric.under})
    values = parameters(whole, office_of(session), now)
    filters, persons = filters_of(whole), _Persons()
    counts |= _counted(session, whole, persons)
    if whole.staff is None:
        counts |= _of_list(session, whole, values, persons)
        counts |= worth(session, whole, now)
    counts["collected_after_contact"] = _collected(session, filters, values, persons)
    del persons
    give_back()
    asked: list[str] = [_AMOUNTS.format(paid_in_time=PAID_IN_TIME, filters=filters_of(whole, TAKEN_BY))]
    if whole.staff is None:
        asked.append(_MESSAGES.format(by_campaign="" if whole.campaign_id is None else "AND b.campaign_id = :campaign"))
    if whole.channel in (Channel.OPERATOR_CALL, ALL_CHANNELS) and whole.campaign_id is None:
        asked.append(_STATES.format(by_staff="AND user_id = ANY(:staff)" if whole.staff else ""))
    for statement in asked:
        found = session.execute(text(statement), values).mappings().one()
        counts.update({name: int(value) for name, value in found.items()})
    if counts["operator_hours"] is None and not counts.get("staffed_seconds"):
        counts |= dict.fromkeys(("staffed_seconds", "busy_seconds", "wrap_up_seconds", "wrap_ups"))  # as in imported history: not nought
    if whole.staff is not None:
        counts |= dict.fromkeys(NO_OPERATOR)
    return Measures(counts)
