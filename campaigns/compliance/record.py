"""Decisions just before contact on record: allowed and refused, with their inputs, the version of the rules, and what was done on them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from callcenter.core.db import office_of
from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Attempt
from campaigns.compliance.known import Allowed, ContactFacts, Decision, Denied
from campaigns.compliance.models import ComplianceDecision
from campaigns.compliance.policy import ContactPolicy
from campaigns.compliance.trace import write_inputs

# A refusal that was said a moment ago, with nothing changed, is not said again.
_SAME = text("""
SELECT DISTINCT ON (debtor_id) debtor_id, id, reason, phone_id, next_allowed_at FROM compliance_decision
WHERE office_id = :office AND debtor_id = ANY(:debtors) AND channel = :channel AND mode = :mode AND check_id IS NULL AND NOT is_allowed
  AND policy_version = :version AND at > :since AND at <= :now
ORDER BY debtor_id, id DESC
""")

# One statement for a set: an ORM insert that returns keys in order makes a round trip of each row.
_WRITE = text("""
INSERT INTO compliance_decision (office_id, at, debtor_id, campaign_id, work_item_id, message_id, phone_id, channel, mode, is_allowed,
  reason, policy_version, inputs, next_allowed_at, valid_until)
SELECT :office, r.at, r.debtor_id, r.campaign_id, r.work_item_id, r.message_id, r.phone_id, r.channel, r.mode, r.is_allowed, r.reason,
  r.policy_version, r.inputs, r.next_allowed_at, r.valid_until
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (at timestamptz, debtor_id bigint, campaign_id bigint, work_item_id bigint,
  message_id bigint, phone_id bigint, channel text, mode text, is_allowed boolean, reason text, policy_version integer, inputs jsonb,
  next_allowed_at timestamptz, valid_until timestamptz)
RETURNING id, debtor_id, work_item_id, message_id, phone_id, is_allowed
""")
_ATTACH = text("""
UPDATE compliance_decision c SET attempt_id = made.attempt
FROM unnest(CAST(:decisions AS bigint[]), CAST(:attempts AS bigint[])) AS made (decision, attempt)
WHERE c.office_id = :office AND c.id = made.decision
""")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and what was decided."""

    debtor_id: int
    phone_id: int | None
    campaign_id: int | None
    work_item_id: int | None
    message_id: int | None
    decision: Decision


def record_contacts(
    session: Session,
    asked: Sequence[Asked],
    facts: Mapping[int, ContactFacts],
    channel: Channel,
    mode: str,
    policy: ContactPolicy,
    now: datetime,
) -> list[Decision]:
    """Writes the decisions down and returns them with the numbers of their rows.

    A refusal that is on record with the same reason and moment, and is no older than a decision may be, is not written again. Nothing is
    kept about a debtor who does not exist.
    """
    said = _said_before(session, asked, channel, mode, policy, now)
    told: list[Decision] = [replace(one.decision, decision_id=said.get(place)) for place, one in enumerate(asked)]
    new = [place for place, one in enumerate(asked) if place not in said and one.debtor_id in facts]
    if not new:
        return told
    rows = [_row(asked[place], facts[asked[place].debtor_id], channel, mode, policy, now) for place in new]
    made: dict[tuple[Any, ...], list[int]] = {}
    for found in session.execute(_WRITE, {"office": office_of(session), "rows": json.dumps(rows, default=_plain)}):
        made.setdefault(tuple(found[1:]), []).append(found.id)
    for place, row in zip(new, rows, strict=True):
        key = tuple(row[name] for name in ("debtor_id", "work_item_id", "message_id", "phone_id", "is_allowed"))
        told[place] = replace(told[place], decision_id=made[key].pop(0))
    return told


def _plain(value: object) -> str:
    """Moments and days as JSON."""
    assert isinstance(value, date)
    return value.isoformat()


def attach(session: Session, made: Mapping[int | None, int]) -> None:
    """Notes the attempts that were made on allowed decisions: numbers of decisions → those of attempts."""
    pairs = {decision: attempt for decision, attempt in made.items() if decision is not None}
    if pairs:
        session.execute(_ATTACH, {"office": office_of(session), "decisions": list(pairs), "attempts": list(pairs.values())})


def valid_until(session: Session, attempt_id: int) -> datetime | None:
    """How long the decision an attempt rests on may be acted upon; None where there is none, and then it may not."""
    allowed = select(ComplianceDecision.valid_until).where(ComplianceDecision.attempt_id == attempt_id, ComplianceDecision.is_allowed)
    return session.scalar(allowed)


def is_still_valid(attempt_id: ColumnElement[int] | InstrumentedAttribute[int], now: datetime) -> ColumnElement[bool]:
    """Whether the decision an attempt rests on may still be acted upon: a condition for a statement; false where there is none."""
    return exists().where(
        ComplianceDecision.debtor_id == Attempt.debtor_id,
        ComplianceDecision.attempt_id == Attempt.id,
        ComplianceDecision.is_allowed,
        ComplianceDecision.valid_until > now,
        Attempt.id == attempt_id,
    )


def _said_before(
    session: Session, asked: Sequence[Asked], channel: Channel, mode: str, policy: ContactPolicy, now: datetime
) -> dict[int, int]:
    """Places of refusals that are on record already → the numbers of their rows."""
    refused = {one.debtor_id for one in asked if isinstance(one.decision, Denied)}
    if not refused:
        return {}
    values = {
        "office": office_of(session),
        "debtors": list(refused),
        "channel": channel.value,
        "mode": mode,
        "version": policy.version,
        "since": now - timedelta(seconds=policy.decision_seconds),
        "now": now,
    }
    before = {row.debtor_id: row for row in session.execute(_SAME, values)}
    found: dict[int, int] = {}
    for place, one in enumerate(asked):
        row, decision = before.get(one.debtor_id), one.decision
        if row is None or not isinstance(decision, Denied) or (row.reason, row.phone_id) != (decision.reason, one.phone_id):
            continue
        is_same_wait = row.next_allowed_at is not None and row.next_allowed_at > now and decision.next_allowed_at is not None
        if is_same_wait or row.next_allowed_at == decision.next_allowed_at:
            found[place] = row.id
    return found


def _row(one: Asked, facts: ContactFacts, channel: Channel, mode: str, policy: ContactPolicy, now: datetime) -> dict[str, Any]:
    decision = one.decision
    return {
        "at": now,
        "debtor_id": one.debtor_id,
        "campaign_id": one.campaign_id,
        "work_item_id": one.work_item_id,
        "message_id": one.message_id,
        "phone_id": one.phone_id,
        "channel": channel.value,
        "mode": mode,
        "is_allowed": decision.is_allowed,
        "reason": decision.reason.value if isinstance(decision, Denied) else "",
        "policy_version": policy.version,
        "inputs": write_inputs(facts, policy, now),
        "next_allowed_at": decision.next_allowed_at if isinstance(decision, Denied) else None,
        "valid_until": decision.valid_until if isinstance(decision, Allowed) else now + timedelta(seconds=policy.decision_seconds),
    }
