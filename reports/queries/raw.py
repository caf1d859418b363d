"""The headline figures counted from the raw rows: one statement per question, and its pieces for whoever counts the same things.

Counted by the moment the attempt began, in the office's zone. Operators' hours come from the spans of operators' states, clipped to the
period; promises due come from promises and payments alone, never from a stored state.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns.attempts.codes import CONTACT_PARTIES, PROMISE_OUTCOMES, RIGHT_PARTIES, Channel, LineResult
from campaigns.promises.settle import PAID_IN_TIME
from reports.cut_forms import AMOUNT_BOUNDS, FORMS, UNCUT
from reports.cuts import Cut, CutForm
from reports.periods import Period
from reports.staff import Staff

ALL_CHANNELS = "all"
CHANNELS = (Channel.SMS, Channel.AUTO_CALL, Channel.OPERATOR_CALL, Channel.VISIT, ALL_CHANNELS)


@dataclass(frozen=True, slots=True)
class HeadlineQuery:
    """What is asked: a period, the cut, one channel or `all`, and a campaign or None for everything.

    `staff` leaves only what these operators did: their attempts, their hours, the promises made to them.
    `until` leaves out what began from that moment on, for comparing a day that is not over with another. `has_persons`: whether the
    numbers of persons belong to the answer; without them they are 0 or not, and the facts of many keys are read much faster.
    """

    period: Period
    cut: Cut | None = None
    channel: str = Channel.OPERATOR_CALL
    campaign_id: int | None = None
    until: datetime | None = None
    has_persons: bool = True
    staff: Staff | None = None

    @property
    def form(self) -> CutForm:
        """The SQL of the cut."""
        return UNCUT if self.cut is None else FORMS[self.cut]

    @property
    def has_hours(self) -> bool:
        """Whether operators' hours mean anything here: they can't be shared out among taxes, nor among channels without operators."""
        return bool(self.form.hours_key) and self.channel in (Channel.OPERATOR_CALL, ALL_CHANNELS)


HITS: dict[str, str] = {
    "answered": "a.line_result = :answered",
    "abandoned": "a.line_result = :abandoned",
    "live_answers": "a.line_result IN (:answered, :abandoned)",
    "contacts": "a.line_result = :answered AND a.party = ANY(:contact_parties)",
    "right_party_contacts": "a.line_result = :answered AND a.party = ANY(:right_parties)",
    "promises": "a.outcome = ANY(:promise_outcomes)",
}
"""Which attempts a figure counts."""
HANDED_OVER = "(a.handed_over_at IS NOT NULL OR a.source = 'imported') AND a.line_result IS DISTINCT FROM :failed"
"""Imported history has no moment of handing over: all of it was handed over but what failed in the equipment."""

_CALLS = """
counted AS (
    SELECT {attempt_key} AS key, a.debtor_id, count(*) AS attempts,
           count(*) FILTER (WHERE a.line_result = :answered AND a.party = ANY(:contact_parties)) AS contacts,
           count(*) FILTER (WHERE a.line_result = :answered AND a.party = ANY(:right_parties)) AS right_party_contacts,
           count(*) FILTER (WHERE a.outcome = ANY(:promise_outcomes)) AS promises,
           count(*) FILTER (WHERE a.source = 'imported') AS imported
    FROM attempt a {join}
    WHERE a.office_id = :office AND a.began_at >= :start AND a.began_at < :end AND {handed_over} {attempt_filter}
    GROUP BY 1, 2
),
calls AS (
    SELECT key, sum(attempts) AS attempts, sum(contacts) AS contacts, sum(right_party_contacts) AS right_party_contacts,
           count(*) AS persons_attempted, count(*) FILTER (WHERE contacts > 0) AS persons_contacted,
           count(*) FILTER (WHERE right_party_contacts > 0) AS persons_right_party,
           sum(promises) AS promises, sum(imported) AS imported{persons}
    FROM counted GROUP BY key
)"""

_NO_CALLS = """
calls AS (
    SELECT {attempt_key} AS key, 0 AS attempts, 0 AS contacts, 0 AS right_party_contacts, 0 AS persons_attempted, 0 AS persons_contacted,
           0 AS persons_right_party, 0 AS promises, 0 AS imported
    FROM attempt a {join} WHERE false
)"""

_DUE = """
due AS (
    SELECT key, count(*) AS promises_due, count(*) FILTER (WHERE is_kept) AS promises_kept
    FROM (
        SELECT {due_key} AS key, coalesce(paid.yen, 0) * 100 >= p.amount * p.threshold_percent AS is_kept
        FROM promise p
        LEFT JOIN attempt a ON a.office_id = p.office_id AND a.id = p.attempt_id
        {join}
        LEFT JOIN LATERAL ({paid_in_time}) paid ON true
        WHERE p.office_id = :office AND p.state <> 'cancelled' AND p.due_on <= :last
          AND p.due_on + p.grace_days::integer BETWEEN :first AND :last {due_filter}
    ) judged GROUP BY key
)"""

_SPANS = """
span AS (
    SELECT s.user_id, greatest(s.began_at, :start) AS began, least(coalesce(s.ended_at, :now), :end) AS ended
    FROM agent_state_span s
    WHERE s.office_id = :office AND s.state NOT IN ('paused', 'ended') AND s.began_at < :end
      AND (s.ended_at IS NULL OR s.ended_at > :start) {session_filter}
),
slot AS (SELECT user_id, began AS slot, began, ended FROM span WHERE ended > began {slots}),
worked AS (SELECT {hours_key} AS key, sum(extract(epoch FROM ended - began)) AS seconds FROM slot GROUP BY 1)"""

_IN_CAMPAIGN = """
      AND s.agent_session_id IN (
        SELECT g.id FROM agent_session g WHERE g.office_id = :office AND (g.campaign_id = :campaign OR g.campaign_id IS NULL AND EXISTS (
            SELECT FROM attempt t WHERE t.office_id = :office AND t.campaign_id = :campaign
              AND t.operator_id = g.user_id AND t.began_at >= g.signed_in_at AND (g.ended_at IS NULL OR t.began_at <= g.ended_at))))"""
"""Sessions for this campaign alone, and those for any campaign in which it was worked for."""

_BY_HOUR = """AND false
    UNION ALL
    SELECT user_id, h, greatest(began, h), least(ended, h + interval '1 hour') FROM span,
        generate_series(date_trunc('hour', began, :zone), ended, interval '1 hour') h
    WHERE ended > began AND least(ended, h + interval '1 hour') > greatest(began, h)"""

_BY_DAY = """AND false
    UNION ALL
    SELECT user_id, d AT TIME ZONE :zone, greatest(began, d AT TIME ZONE :zone), least(ended, (d + interval '1 day') AT TIME ZONE :zone)
    FROM span, generate_series(date_trunc('day', began AT TIME ZONE :zone), ended AT TIME ZONE :zone, interval '1 day') d
    WHERE ended > began AND least(ended, (d + interval '1 day') AT TIME ZONE :zone) > greatest(began, d AT TIME ZONE :zone)"""

_SLOTS = {Cut.HOUR: _BY_HOUR, **dict.fromkeys((Cut.DAY, Cut.WEEKDAY, Cut.WEEK, Cut.MONTH), _BY_DAY)}
_NO_HOURS = "worked AS (SELECT key, NULL::numeric AS seconds FROM calls WHERE false)"

_TO_MERGE = """
SELECT {plain} AS key, coalesce(attempts, 0) AS attempts, coalesce(contacts, 0) AS contacts,
       coalesce(right_party_contacts, 0) AS right_party_contacts, coalesce(promises, 0) AS promises, coalesce(imported, 0) AS imported,
       coalesce(promises_due, 0) AS promises_due, coalesce(promises_kept, 0) AS promises_kept, (seconds * 1000000)::bigint AS worked_us,
       coalesce(attempted, '{{}}') AS attempted, coalesce(contacted, '{{}}') AS contacted, coalesce(right_party, '{{}}') AS right_party,
       coalesce(promised, '{{}}') AS promised
FROM calls FULL JOIN due USING (key) FULL JOIN worked USING (key)"""

_PERSONS = """,
           array_agg(debtor_id) AS attempted, array_agg(debtor_id) FILTER (WHERE contacts > 0) AS contacted,
           array_agg(debtor_id) FILTER (WHERE right_party_contacts > 0) AS right_party,
           array_agg(debtor_id) FILTER (WHERE promises > 0) AS promised"""

_TOGETHER = """
SELECT {shown} AS key, {named} AS name, coalesce(attempts, 0) AS attempts, coalesce(contacts, 0) AS contacts,
       coalesce(right_party_contacts, 0) AS right_party_contacts, coalesce(persons_attempted, 0) AS persons_attempted,
       coalesce(persons_contacted, 0) AS persons_contacted, coalesce(persons_right_party, 0) AS persons_right_party,
       coalesce(promises, 0) AS promises, coalesce(promises_due, 0) AS promises_due, coalesce(promises_kept, 0) AS promises_kept,
       CASE WHEN coalesce(imported, 0) = 0 THEN seconds END AS operator_seconds
FROM calls FULL JOIN due USING (key) FULL JOIN worked USING (key)"""


TAKEN_BY = "coalesce(a.operator_id, p.made_by)"
"""Whom a promise `p` was made to; its attempt `a` may be missing."""


def filters_of(query: HeadlineQuery, operator: str = "a.operator_id") -> str:
    """The channel, the campaign and the operators as conditions on an attempt `a`; `operator` is whose the counted thing is."""
    by_channel = "" if query.channel == ALL_CHANNELS else "AND a.channel = :channel"
    by_campaign = "" if query.campaign_id is None else "AND a.campaign_id = :campaign"
    by_staff = "" if query.staff is None else f"AND {operator} = ANY(:staff)"
    return f"{by_channel} {by_campaign} {by_staff}"


def statement(query: HeadlineQuery, *, to_merge: bool = False, has_calls: bool = True) -> str:
    """The SQL of a report; values travel as parameters.

    Args:
        to_merge: gives plain keys, and the debtors themselves instead of their number, so that other days can be added.
        has_calls: whether calls are counted; without them what is left are promises due and hours.
    """
    form = query.form
    filters = filters_of(query)
    attempt_key, attempt_join = form.attempts_by()
    due_key, due_join = form.due_by()
    calls = (_CALLS if has_calls else _NO_CALLS).format(
        attempt_key=attempt_key,
        join=attempt_join,
        handed_over=HANDED_OVER,
        attempt_filter=filters,
        persons=_PERSONS if to_merge else "",
    )
    due = _DUE.format(
        due_key=due_key,
        join=due_join,
        paid_in_time=PAID_IN_TIME,
        due_filter=filters_of(query, TAKEN_BY),
    )
    worked = _NO_HOURS
    if query.has_hours:
        worked = _SPANS.format(
            session_filter=(_IN_CAMPAIGN if query.campaign_id is not None else "") + ("AND s.user_id = ANY(:staff)" if query.staff else ""),
            slots=_SLOTS.get(query.cut, "") if query.cut else "",
            hours_key=form.hours_key,
        )
    plain = form.shown if query.cut is Cut.HOUR else "''" if query.cut is None else "key::text"
    chosen = _TO_MERGE.format(plain=plain) if to_merge else _TOGETHER.format(shown=form.shown, named=form.named)
    return f"WITH {calls}, {due}, {worked} {chosen}"


def parameters(query: HeadlineQuery, office_id: int, now: datetime) -> dict[str, Any]:
    """The values of a report's statement."""
    start, end = query.period.bounds
    end = min(end, query.until or end)
    return {
        "office": office_id,
        "zone": str(query.period.zone),
        "start": start,
        "end": end,
        "first": query.period.first,
        "last": query.period.last,
        "now": now,
        "channel": str(query.channel),
        "campaign": query.campaign_id,
        "staff": list(query.staff.ids) if query.staff else [],
        "amounts": list(AMOUNT_BOUNDS),
        "failed": str(LineResult.FAILED),
        "answered": str(LineResult.ANSWERED),
        "abandoned": str(LineResult.ABANDONED),
        "contact_parties": sorted(CONTACT_PARTIES),
        "right_parties": sorted(RIGHT_PARTIES),
        "promise_outcomes": sorted(PROMISE_OUTCOMES),
    }
