"""What the gate says of one debtor, in words: each channel with its reason and inputs, when it is possible again, and what was decided."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.clock import OFFICE_ZONE
from campaigns.attempts.codes import Channel
from campaigns.compliance import gate
from campaigns.compliance.caps import When
from campaigns.compliance.known import Denied
from campaigns.compliance.models import ComplianceDecision
from campaigns.compliance.reasons import DenialReason, denial_text
from campaigns.compliance.rules import objections
from campaigns.compliance.trace import write_inputs

A_MOMENT = timedelta(minutes=1)
PAST = {
    "ja": "過去の時点です。架電・約束・申し出・規則の版はその時点までに知られていたもの、"
    "滞納額・停止区分・連絡禁止・電話番号・分納・開庁日は今の値で判断しています。",
    "en": "A moment of the past: attempts, promises, wishes and the version of the rules are those known by then; debts, holds, "
    "do-not-contact marks, numbers, instalment plans and declared days are as they stand now.",
}


def tell_gate(session: Session, debtor_id: int, as_of: datetime, lang: str = "ja", now: datetime | None = None) -> dict[str, Any]:
    """What the gate says at a moment.

    Returns:
        `gate` by channel: allowed, reason, next_allowed_at. `gate_detail` by channel: the reason in words, what else objects, the inputs.
        `rules`: what it went by. `note`: not empty when the moment is past as seen from `now`.
    """
    is_past = now is not None and as_of < now - A_MOMENT
    policy = gate.load_policy(session, as_of if is_past else None)
    when = When(policy, as_of)
    told = {channel.value: _channel(session, debtor_id, channel, when, lang) for channel in gate.CHANNELS}
    return {
        "gate": {channel: short for channel, (short, _) in told.items()},
        "gate_detail": {channel: detail for channel, (_, detail) in told.items()},
        "rules": {"name": policy.name, "version": policy.version},
        "note": PAST["en" if lang == "en" else "ja"] if is_past else "",
    }


def _channel(session: Session, debtor_id: int, channel: Channel, when: When, lang: str) -> tuple[dict[str, Any], dict[str, Any]]:
    facts, decisions = gate.decide_part(session, {debtor_id: None}, channel, when)
    decision, known = decisions[debtor_id], facts.get(debtor_id)
    denied = decision if isinstance(decision, Denied) else None
    against = [] if known is None else objections(known, when.policy, when.now)
    short = {
        "allowed": denied is None,
        "reason": denied.reason.value if denied else None,
        "next_allowed_at": _local(denied.next_allowed_at if denied else when.now),
    }
    return short, {
        "text": denial_text(denied.reason, lang) if denied else "",
        "also": [reason.value for reason in against[1:]],
        "inputs": {} if known is None else write_inputs(known, when.policy, when.now),
    }


def decisions_of(session: Session, debtor_id: int, *, until: datetime | None = None, count: int = 10) -> Sequence[ComplianceDecision]:
    """The newest decisions about a debtor on record, newest first."""
    statement = select(ComplianceDecision).where(ComplianceDecision.debtor_id == debtor_id)
    if until is not None:
        statement = statement.where(ComplianceDecision.at <= until)
    return session.scalars(statement.order_by(ComplianceDecision.at.desc(), ComplianceDecision.id.desc()).limit(count)).all()


def decision_line(row: ComplianceDecision, lang: str = "ja") -> dict[str, Any]:
    """A decision on record for people and files; `asked` is contact or set."""
    return {
        "at": _local(row.at),
        "asked": "set" if row.check_id is not None else "contact",
        "channel": row.channel,
        "mode": row.mode,
        "allowed": row.is_allowed,
        "reason": row.reason or None,
        "text": "" if row.is_allowed or row.reason not in set(DenialReason) else denial_text(DenialReason(row.reason), lang),
        "next_allowed_at": _local(row.next_allowed_at),
        "ended_at": _local(row.ended_at),
        "rules_version": row.policy_version,
        "inputs": row.inputs,
        "attempt_id": row.attempt_id,
    }


def _local(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(OFFICE_ZONE)
