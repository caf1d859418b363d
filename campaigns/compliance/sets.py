"""The gate asked about whole sets at planning: who of a campaign will be skipped and why, and what stays on record of it.

A check counts what it asked; its refusals are rows that hold from the check that first said so until one that says otherwise. What a later
check finds unchanged is not written again, so that a million debtors asked every night cost what changed since yesterday.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from callcenter.core.db import numbers_array, office_of
from campaigns.attempts.codes import Channel
from campaigns.compliance.caps import When
from campaigns.compliance.gate import CHANNELS, SET_SIZE, decide_part, in_parts
from campaigns.compliance.known import ContactFacts, Decision, Denied
from campaigns.compliance.models import ComplianceCheck
from campaigns.compliance.policy import ContactPolicy
from campaigns.compliance.trace import write_inputs
from campaigns.compliance.windows import next_open
from campaigns.segmentation.models import ChannelAssignment

NEVER = "never"

_REFUSED = """
refused AS (SELECT * FROM jsonb_to_recordset(CAST(:refused AS jsonb))
            AS r (debtor_id bigint, phone_id bigint, reason text, next_allowed_at timestamptz, inputs jsonb))"""
_IS_SAME = """c.debtor_id = r.debtor_id AND c.reason = r.reason AND c.policy_version = :version
  AND c.next_allowed_at IS NOT DISTINCT FROM r.next_allowed_at"""
_IS_CURRENT = """c.office_id = :office AND c.campaign_id = :campaign AND c.channel = CAST(:channel AS text)
  AND c.check_id IS NOT NULL AND c.ended_at IS NULL"""
_END = text(f"""
WITH {_REFUSED}
UPDATE compliance_decision c SET ended_at = :now
WHERE {_IS_CURRENT} AND c.debtor_id = ANY(:asked) AND NOT EXISTS (SELECT FROM refused r WHERE {_IS_SAME})
""")  # noqa: S608 - constants of this module
_WRITE = text(f"""
WITH {_REFUSED}
INSERT INTO compliance_decision (office_id, at, debtor_id, campaign_id, check_id, phone_id, channel, reason, policy_version, inputs,
                                 next_allowed_at)
SELECT :office, :now, r.debtor_id, :campaign, :check, r.phone_id, CAST(:channel AS text), r.reason, :version, r.inputs, r.next_allowed_at
FROM refused r WHERE NOT EXISTS (SELECT FROM compliance_decision c WHERE {_IS_CURRENT} AND {_IS_SAME})
ORDER BY r.debtor_id
""")  # noqa: S608 - constants of this module
_END_REASSIGNED = text("""
UPDATE compliance_decision c SET ended_at = :now
WHERE c.office_id = :office AND c.campaign_id = :campaign AND c.check_id IS NOT NULL AND c.ended_at IS NULL
  AND NOT EXISTS (SELECT FROM channel_assignment a WHERE a.office_id = :office AND a.campaign_id = c.campaign_id
                  AND a.debtor_id = c.debtor_id AND a.channel = c.channel)
""")


@dataclass
class ChannelCount:
    """What the gate said of everybody assigned to one channel, asked for `moment`; `next_days` counts refusals by the day they end."""

    channel: Channel
    moment: datetime
    asked: int = 0
    allowed: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    next_days: dict[str, int] = field(default_factory=dict)

    @property
    def refused(self) -> int:
        """How many will be skipped."""
        return self.asked - self.allowed

    def add(self, decision: Decision, zone_day: date | None) -> None:
        """Counts one decision."""
        self.asked += 1
        if not isinstance(decision, Denied):
            self.allowed += 1
            return
        self.reasons[decision.reason.value] = self.reasons.get(decision.reason.value, 0) + 1
        key = zone_day.isoformat() if zone_day else NEVER
        self.next_days[key] = self.next_days.get(key, 0) + 1


def ask(
    session: Session,
    debtors: Mapping[int, int | None],
    channel: Channel,
    moment: datetime,
    policy: ContactPolicy,
    check: ComplianceCheck | None = None,
) -> dict[int, Decision]:
    """Decides for many debtors (id → the one number meant, or None) at `moment`; with a check, the refusals are put on record."""
    when = When(policy, moment)
    decisions: dict[int, Decision] = {}
    for part in in_parts(debtors):
        facts, decided = decide_part(session, part, channel, when)
        if check is not None:
            _record(session, check, part, channel, when, facts, decided)
        decisions |= decided
    return decisions


def population(session: Session, campaign_id: int, policy: ContactPolicy, now: datetime) -> dict[Channel, datetime]:
    """The channels a campaign has assigned, each with the moment it is asked for: the next one at which its hours are open."""
    assigned = select(ChannelAssignment.channel).where(ChannelAssignment.campaign_id == campaign_id).distinct()
    present = set(session.scalars(assigned))
    return {channel: next_open(policy.hours, channel, now) or now for channel in CHANNELS if channel in present}


def parts(session: Session, campaign_id: int, channel: Channel, *, after: int = 0, size: int = SET_SIZE) -> Iterator[list[int]]:
    """Everybody assigned to a channel, some at a time, in the order of their ids."""
    while True:
        statement = (
            select(ChannelAssignment.debtor_id)
            .where(ChannelAssignment.campaign_id == campaign_id, ChannelAssignment.debtor_id > after)
            .where(ChannelAssignment.channel == channel.value)
            .order_by(ChannelAssignment.debtor_id)
            .limit(size)
        )
        found = list(session.scalars(statement))
        if not found:
            return
        yield found
        after = found[-1]


def survey(
    session: Session, campaign_id: int, policy: ContactPolicy, now: datetime, channels: tuple[Channel, ...] = CHANNELS
) -> list[ChannelCount]:
    """Who of a campaign would be skipped and why, counted from the facts of this moment; writes nothing."""
    counts = []
    for channel, moment in population(session, campaign_id, policy, now).items():
        if channel in channels:
            count = ChannelCount(channel, moment)
            for ids in parts(session, campaign_id, channel):
                count_up(count, ask(session, dict.fromkeys(ids), channel, moment, policy), policy)
            counts.append(count)
    return counts


def count_up(count: ChannelCount, decisions: Mapping[int, Decision], policy: ContactPolicy) -> None:
    """Adds decisions to a count."""
    days: dict[datetime, date] = {}
    for decision in decisions.values():
        at = decision.next_allowed_at if isinstance(decision, Denied) else None
        if at is not None and at not in days:
            days[at] = at.astimezone(policy.hours.zone).date()
        count.add(decision, None if at is None else days[at])


def open_check(
    session: Session,
    campaign_id: int,
    purpose: str,
    policy: ContactPolicy,
    now: datetime,
    user_id: int | None = None,
    *,
    state: str = "running",
    total: int = 0,
) -> ComplianceCheck:
    """Begins a check."""
    check = ComplianceCheck(
        at=now,
        campaign_id=campaign_id,
        purpose=purpose,
        state=state,
        policy_version=policy.version,
        total=total,
        created_by=user_id,
        moments={},
        counts={},
        asked=0,
        allowed=0,
        refused=0,
        written=0,
    )
    session.add(check)
    session.flush()
    return check


def close_check(check: ComplianceCheck, now: datetime, *, batch_id: int | None = None) -> None:
    """Ends a check."""
    check.state, check.finished_at, check.batch_id = "done", now, batch_id


def end_reassigned(session: Session, campaign_id: int, now: datetime) -> None:
    """Ends the refusals of whom the campaign does not contact by that channel any more."""
    session.execute(_END_REASSIGNED, {"office": office_of(session), "campaign": campaign_id, "now": now})


def _record(
    session: Session,
    check: ComplianceCheck,
    debtors: Mapping[int, int | None],
    channel: Channel,
    when: When,
    facts: Mapping[int, ContactFacts],
    decided: Mapping[int, Decision],
) -> None:
    """Ends what does not hold any more, writes what is new, and counts."""
    denied = {debtor: decision for debtor, decision in decided.items() if isinstance(decision, Denied)}
    refused = [
        {
            "debtor_id": debtor,
            "phone_id": debtors[debtor],
            "reason": decision.reason.value,
            "next_allowed_at": decision.next_allowed_at.isoformat() if decision.next_allowed_at else None,
            "inputs": write_inputs(facts[debtor], when.policy, when.now),
        }
        for debtor, decision in denied.items()
        if debtor in facts
    ]
    values = {
        "office": office_of(session),
        "campaign": check.campaign_id,
        "channel": channel.value,
        "check": check.id,
        "version": when.policy.version,
        "now": check.at,
        "asked": numbers_array(debtors),
        "refused": json.dumps(refused),
    }
    session.execute(_END, {key: value for key, value in values.items() if key != "check"})
    written: Any = session.execute(_WRITE, {key: value for key, value in values.items() if key != "asked"}) if refused else None
    _count_check(check, channel, when.now, len(decided), denied, 0 if written is None else written.rowcount)


def _count_check(
    check: ComplianceCheck, channel: Channel, moment: datetime, asked: int, denied: Mapping[int, Denied], written: int
) -> None:
    told = dict(check.counts.get(channel.value, {"asked": 0, "allowed": 0, "reasons": {}}))
    reasons = dict(told["reasons"])
    for decision in denied.values():
        reasons[decision.reason.value] = reasons.get(decision.reason.value, 0) + 1
    allowed = asked - len(denied)
    told |= {"asked": told["asked"] + asked, "allowed": told["allowed"] + allowed, "reasons": reasons}
    check.counts = check.counts | {channel.value: told}
    check.moments = check.moments | {channel.value: moment.isoformat()}
    check.asked += asked
    check.allowed += allowed
    check.refused += len(denied)
    check.written += written
