"""Asks whether debtors may be contacted, and leaves a trace of every refusal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.db import office_of
from campaigns.attempts.codes import Channel
from campaigns.compliance.facts import load_facts
from campaigns.compliance.models import CalendarDay, ComplianceDecision, ContactPolicyVersion
from campaigns.compliance.presets import from_document, municipality, training
from campaigns.compliance.reasons import DenialReason
from campaigns.compliance.rules import Allowed, ContactFacts, ContactPolicy, Decision, Denied
from campaigns.compliance.rules import check as decide
from campaigns.compliance.windows import DayKind

SET_SIZE = 5_000


def load_policy(session: Session) -> ContactPolicy:
    """The office's active contact rules with its declared days; a preset where it has stored none.

    A training office (simulated carrier only) is always open; every other office falls back to the municipality's rules.
    """
    days = {row.day: DayKind(row.kind) for row in session.scalars(select(CalendarDay))}
    stored = session.scalar(select(ContactPolicyVersion.document).where(ContactPolicyVersion.is_active))
    if stored is not None:
        return from_document(stored, days)
    is_training = session.scalar(select(Office.is_training).where(Office.id == office_of(session)))
    preset = training() if is_training else municipality()
    return replace(preset, hours=replace(preset.hours, days=days, spans={}))


def check(
    session: Session,
    debtor_id: int,
    channel: Channel,
    now: datetime,
    phone_id: int | None = None,
    *,
    campaign_id: int | None = None,
    work_item_id: int | None = None,
    policy: ContactPolicy | None = None,
) -> Decision:
    """Decides for one debtor just before contact; a refusal is written down in this transaction.

    Args:
        phone_id: the one number that would be called; None asks whether any number is usable.
        policy: the rules if the caller has them already.
    """
    policy = policy or load_policy(session)
    facts = load_facts(session, {debtor_id: phone_id}, channel, policy, now)
    decision = _decide(facts.get(debtor_id), policy, now)
    if isinstance(decision, Denied):
        record(session, {debtor_id: decision}, channel, now, campaign_id=campaign_id, work_items={debtor_id: work_item_id})
    return decision


def check_set(
    session: Session,
    debtors: Mapping[int, int | None],
    channel: Channel,
    now: datetime,
    policy: ContactPolicy | None = None,
) -> dict[int, Decision]:
    """Decides for many debtors (id → the one number meant, or None) at `now`; writes nothing, see `record`."""
    policy = policy or load_policy(session)
    ids = list(debtors)
    decisions: dict[int, Decision] = {}
    for start in range(0, len(ids), SET_SIZE):
        part = {debtor: debtors[debtor] for debtor in ids[start : start + SET_SIZE]}
        facts = load_facts(session, part, channel, policy, now)
        decisions.update((debtor, _decide(facts.get(debtor), policy, now)) for debtor in part)
    return decisions


def preview(session: Session, debtor_id: int, now: datetime, policy: ContactPolicy | None = None) -> dict[Channel, Decision]:
    """What the gate would say for each channel; writes nothing."""
    policy = policy or load_policy(session)
    channels = (Channel.SMS, Channel.AUTO_CALL, Channel.OPERATOR_CALL, Channel.VISIT)
    return {channel: check_set(session, {debtor_id: None}, channel, now, policy)[debtor_id] for channel in channels}


def record(
    session: Session,
    decisions: Mapping[int, Decision],
    channel: Channel,
    now: datetime,
    *,
    campaign_id: int | None = None,
    work_items: Mapping[int, int | None] | None = None,
) -> int:
    """Writes the refusals among `decisions` down and returns their number."""
    rows = [
        {
            "at": now,
            "debtor_id": debtor,
            "campaign_id": campaign_id,
            "work_item_id": (work_items or {}).get(debtor),
            "channel": channel.value,
            "reason": decision.reason.value,
            "next_allowed_at": decision.next_allowed_at,
        }
        for debtor, decision in decisions.items()
        if isinstance(decision, Denied)
    ]
    for start in range(0, len(rows), SET_SIZE):
        session.execute(insert(ComplianceDecision), rows[start : start + SET_SIZE])
    return len(rows)


def count_reasons(decisions: Iterable[Decision]) -> dict[str, int]:
    """How often each reason refused, most frequent first."""
    counts: dict[str, int] = {}
    for decision in decisions:
        if isinstance(decision, Denied):
            counts[decision.reason.value] = counts.get(decision.reason.value, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def allowed_ids(decisions: Mapping[int, Decision]) -> Sequence[int]:
    """The debtors that may be contacted."""
    return [debtor for debtor, decision in decisions.items() if isinstance(decision, Allowed)]


def _decide(facts: ContactFacts | None, policy: ContactPolicy, now: datetime) -> Decision:
    """A debtor about whom nothing could be read is not contacted."""
    return Denied(DenialReason.UNKNOWN_FACTS) if facts is None else decide(facts, policy, now)
