"""The one query behind the gate: everything it must know about a set of debtors, a row each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.attempts.codes import RIGHT_PARTIES, Channel, LineResult, Party
from campaigns.compliance.rules import ContactFacts, ContactPolicy, SuppressionFact

VOICE_LINES = ("fixed", "ip", "mobile", "toll_free")
LINES: Mapping[Channel, tuple[str, ...]] = {
    Channel.SMS: ("mobile",),
    Channel.AUTO_CALL: VOICE_LINES,
    Channel.OPERATOR_CALL: VOICE_LINES,
}
USABLE_STATUSES = ("unverified", "works")
CONVERSATION_PARTIES = tuple(sorted(RIGHT_PARTIES | {Party.DEBTOR_UNVERIFIED}))
CAP_DAYS = 8

# An attempt counts when it was handed over, is under way, or came with the history; equipment failures reached nobody.
COUNTS = "(a.handed_over_at IS NOT NULL OR a.state <> 'closed' OR a.source = 'imported') AND a.line_result IS DISTINCT FROM :failed"

FACTS = text(f"""
WITH wanted AS (SELECT unnest(CAST(:debtors AS bigint[])) AS id, unnest(CAST(:phones AS bigint[])) AS phone_id),
owed AS (
  SELECT debtor_id, sum(outstanding) AS outstanding, array_agg(DISTINCT hold) AS holds
  FROM debt WHERE office_id = :office AND status = 'open' AND debtor_id = ANY(:debtors) GROUP BY debtor_id),
reach AS (
  SELECT p.debtor_id, bool_or(p.status = ANY(:usable)) AS usable, bool_or(p.status = 'refused') AS refused,
         bool_or(p.status = 'wrong_person') AS wrong_person, bool_or(p.status = 'dead') AS dead
  FROM phone_number p JOIN wanted w ON w.id = p.debtor_id AND (w.phone_id IS NULL OR w.phone_id = p.id)
  WHERE p.office_id = :office AND p.debtor_id = ANY(:debtors) AND p.e164 IS NOT NULL AND p.line_type = ANY(:lines)
    AND p.is_listed GROUP BY p.debtor_id),
barred AS (
  SELECT debtor_id,
         array_agg(reason ORDER BY id) FILTER (WHERE reason <> 'wished_time') AS reasons,
         array_agg(ends_at ORDER BY id) FILTER (WHERE reason <> 'wished_time') AS ends
  FROM suppression WHERE office_id = :office AND debtor_id = ANY(:debtors) AND (channel IS NULL OR channel = :channel)
    AND lifted_at IS NULL AND starts_at <= :now AND (ends_at IS NULL OR ends_at > :now) GROUP BY debtor_id),
wished AS (
  SELECT s.debtor_id, max(s.ends_at) AS callback_at
  FROM suppression s WHERE s.office_id = :office AND s.debtor_id = ANY(:debtors) AND s.reason = 'wished_time'
    AND s.lifted_at IS NULL AND s.starts_at <= :now AND s.ends_at > :callback_since
    AND NOT EXISTS (SELECT FROM attempt a WHERE a.office_id = :office AND a.debtor_id = s.debtor_id
                    AND a.began_at >= s.ends_at AND a.began_at <= :now AND {COUNTS}) GROUP BY s.debtor_id),
promised AS (
  SELECT debtor_id,
         max(due_on + grace_days) FILTER (WHERE state = 'open' AND due_on + grace_days >= :today) AS until,
         max(due_on + grace_days) FILTER (WHERE state IN ('open', 'broken', 'part_kept')
                                          AND due_on + grace_days < :today) AS lapsed_on
  FROM promise WHERE office_id = :office AND debtor_id = ANY(:debtors) AND made_at <= :now GROUP BY debtor_id),
plans AS (
  SELECT DISTINCT debtor_id FROM instalment_plan
  WHERE office_id = :office AND debtor_id = ANY(:debtors) AND state = 'good_standing'),
tried AS (
  SELECT a.debtor_id, array_agg(a.began_at) FILTER (WHERE {COUNTS}) AS attempts,
         max(a.began_at) FILTER (WHERE a.line_result = :answered AND a.party = ANY(:parties)) AS conversed_at
  FROM attempt a WHERE a.office_id = :office AND a.debtor_id = ANY(:debtors)
    AND a.began_at > :since AND a.began_at <= :now GROUP BY a.debtor_id)
SELECT d.id, d.do_not_contact, d.is_listed, owed.outstanding, owed.holds, reach.usable, reach.refused, reach.wrong_person,
       reach.dead, barred.reasons, barred.ends, wished.callback_at, promised.until, promised.lapsed_on,
       plans.debtor_id IS NOT NULL AS has_plan, tried.attempts, tried.conversed_at
FROM debtor d
LEFT JOIN owed ON owed.debtor_id = d.id LEFT JOIN reach ON reach.debtor_id = d.id
LEFT JOIN barred ON barred.debtor_id = d.id LEFT JOIN wished ON wished.debtor_id = d.id
LEFT JOIN promised ON promised.debtor_id = d.id LEFT JOIN plans ON plans.debtor_id = d.id
LEFT JOIN tried ON tried.debtor_id = d.id
WHERE d.office_id = :office AND d.id = ANY(:debtors)
""")  # noqa: S608 - COUNTS is a constant of this module


def load_facts(
    session: Session,
    debtors: Mapping[int, int | None],
    channel: Channel,
    policy: ContactPolicy,
    now: datetime,
) -> dict[int, ContactFacts]:
    """Facts of each debtor that exists; `debtors` maps a debtor's id to the one number meant, or None for any."""
    if not debtors:
        return {}
    rows = session.execute(FACTS, _parameters(session, debtors, channel, policy, now)).mappings()
    return {row["id"]: _facts_of(dict(row), channel) for row in rows}


def _parameters(
    session: Session, debtors: Mapping[int, int | None], channel: Channel, policy: ContactPolicy, now: datetime
) -> dict[str, Any]:
    look_back = max(CAP_DAYS, policy.quiet_days + 2)
    return {
        "office": office_of(session),
        "debtors": list(debtors),
        "phones": list(debtors.values()),
        "channel": channel.value,
        "lines": list(LINES.get(channel, VOICE_LINES)),
        "usable": list(USABLE_STATUSES),
        "parties": list(CONVERSATION_PARTIES),
        "failed": LineResult.FAILED.value,
        "answered": LineResult.ANSWERED.value,
        "now": now,
        "today": now.astimezone(policy.hours.zone).date(),
        "since": now - timedelta(days=look_back),
        "callback_since": now - timedelta(days=policy.callback_days),
    }


def _facts_of(row: Mapping[str, Any], channel: Channel) -> ContactFacts:
    reasons: Sequence[str] = row["reasons"] or ()
    ends: Sequence[datetime | None] = row["ends"] or ()
    outstanding = int(row["outstanding"] or 0) if row["is_listed"] else 0
    return ContactFacts(
        channel=channel,
        do_not_contact=row["do_not_contact"],
        outstanding=outstanding,
        holds=frozenset(row["holds"] or (0,)),
        suppressions=tuple(SuppressionFact(reason, end) for reason, end in zip(reasons, ends, strict=True)),
        number=_number_of(row, channel),
        has_plan=row["has_plan"],
        recent_attempts=tuple(row["attempts"] or ()),
        promise_until=row["until"],
        promise_lapsed_on=row["lapsed_on"],
        conversed_at=row["conversed_at"],
        callback_at=row["callback_at"],
    )


def _number_of(row: Mapping[str, Any], channel: Channel) -> str:
    if channel is Channel.VISIT or row["usable"]:
        return "usable"
    return next((status for status in ("refused", "wrong_person", "dead") if row[status]), "none")
