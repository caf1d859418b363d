"""Checking a whole campaign before launch, some thousands at a time, each part in a transaction of its own; and what the check found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, text
from sqlalchemy.orm import Session

from callcenter.core.db import advisory_lock, office_of
from campaigns.attempts.codes import Channel
from campaigns.compliance import sets
from campaigns.compliance.models import ComplianceCheck, ComplianceDecision
from campaigns.compliance.versions import load_policy
from campaigns.debtors.models import Debtor
from campaigns.segmentation.models import ChannelAssignment

SessionFactory = Callable[[], AbstractContextManager[Session]]
UNFINISHED = ("waiting", "running")
PLAN = "plan"
LOST_AFTER = timedelta(seconds=60)


def request_check(session: Session, campaign_id: int, now: datetime, user_id: int | None = None) -> tuple[ComplianceCheck, bool]:
    """The campaign's check that waits or runs, else a new one; whether it is new. Hand it to a job after the commit."""
    advisory_lock(session, f"check {campaign_id}")
    found = session.scalar(_checks(campaign_id).where(ComplianceCheck.state.in_(UNFINISHED)))
    if found is not None:
        return found, False
    total = session.scalar(select(func.count()).where(ChannelAssignment.campaign_id == campaign_id, _is_contact())) or 0
    return sets.open_check(session, campaign_id, PLAN, load_policy(session), now, user_id, state="waiting", total=total), True


def run_check(session_factory: SessionFactory, check_id: int, now: datetime) -> ComplianceCheck | None:
    """Asks the gate about everybody a campaign has assigned; begun again from the start after an interruption. None when there is none."""
    with session_factory() as session:
        check = session.scalar(select(ComplianceCheck).where(ComplianceCheck.id == check_id, ComplianceCheck.state.in_(UNFINISHED)))
        if check is None:
            return None
        policy = load_policy(session)
        population = sets.population(session, check.campaign_id, policy, now)
        check.at, check.state, check.policy_version = now, "running", policy.version
        check.counts, check.moments = {}, {}
        check.asked = check.allowed = check.refused = check.written = 0
        campaign_id = check.campaign_id
    for channel, moment in population.items():
        after = 0
        while True:
            with session_factory() as session:
                ids = next(sets.parts(session, campaign_id, channel, after=after), [])
                if ids:
                    sets.ask(session, dict.fromkeys(ids), channel, moment, policy, _get(session, check_id))
            if not ids:
                break
            after = ids[-1]
    with session_factory() as session:
        check = _get(session, check_id)
        sets.end_reassigned(session, campaign_id, now)
        sets.close_check(check, now)
        return check


def unfinished(session: Session, now: datetime) -> Sequence[int]:
    """Checks that began a while ago and were not ended."""
    late = select(ComplianceCheck.id).where(ComplianceCheck.state.in_(UNFINISHED), ComplianceCheck.at < now - LOST_AFTER)
    return session.scalars(late.order_by(ComplianceCheck.id)).all()


def latest(session: Session, campaign_id: int, *, is_done: bool = True) -> ComplianceCheck | None:
    """The newest check of the whole campaign: the newest that ended, or that waits or runs."""
    states = ("done",) if is_done else UNFINISHED
    return session.scalar(_checks(campaign_id).where(ComplianceCheck.state.in_(states)))


@dataclass(frozen=True, slots=True)
class SkipFilter:
    """Which refusals are meant; "" is all. `until` is a day by which they end, `never` asks for those without an end."""

    channel: str = ""
    reason: str = ""
    next_on: str = ""


@dataclass(frozen=True, slots=True)
class SkippedPerson:
    """One who will be skipped."""

    debtor_id: int
    debtor_no: str
    name: str
    channel: str
    reason: str
    at: datetime
    next_allowed_at: datetime | None
    rules_version: int
    inputs: dict[str, Any]


def reasons_of(session: Session, campaign_id: int) -> dict[tuple[str, str], int]:
    """(channel, reason) → how many are skipped as of now."""
    counted = (
        select(ComplianceDecision.channel, ComplianceDecision.reason, func.count())
        .where(ComplianceDecision.campaign_id == campaign_id, *_IS_CURRENT)
        .group_by(ComplianceDecision.channel, ComplianceDecision.reason)
    )
    return {(row[0], row[1]): row[2] for row in session.execute(counted)}


def next_days(session: Session, campaign_id: int, chosen: SkipFilter, zone: str) -> dict[date | None, int]:
    """The office's day on which contact is possible again → how many; None for those without an end."""
    rows = session.execute(
        text("""
        SELECT (next_allowed_at AT TIME ZONE :zone)::date AS day, count(*) AS people FROM compliance_decision
        WHERE office_id = :office AND campaign_id = :campaign AND check_id IS NOT NULL AND ended_at IS NULL
          AND (:channel = '' OR channel = :channel) AND (:reason = '' OR reason = :reason) GROUP BY 1 ORDER BY 1
        """),
        {"zone": zone, "office": office_of(session), "campaign": campaign_id, "channel": chosen.channel, "reason": chosen.reason},
    )
    return {row.day: row.people for row in rows}


def people(session: Session, campaign_id: int, chosen: SkipFilter, zone: str, *, offset: int = 0, count: int = 50) -> list[SkippedPerson]:
    """Some of those who are skipped, in the order of their numbers."""
    statement = (
        select(ComplianceDecision, Debtor.debtor_no, Debtor.name)
        .join(Debtor, (Debtor.office_id == ComplianceDecision.office_id) & (Debtor.id == ComplianceDecision.debtor_id))
        .where(ComplianceDecision.campaign_id == campaign_id, *_IS_CURRENT)
        .order_by(Debtor.debtor_no, ComplianceDecision.channel)
        .offset(offset)
        .limit(count)
    )
    if chosen.channel:
        statement = statement.where(ComplianceDecision.channel == chosen.channel)
    if chosen.reason:
        statement = statement.where(ComplianceDecision.reason == chosen.reason)
    if chosen.next_on == sets.NEVER:
        statement = statement.where(ComplianceDecision.next_allowed_at.is_(None))
    elif chosen.next_on:
        local = func.timezone(zone, ComplianceDecision.next_allowed_at)
        statement = statement.where(func.date(local) == date.fromisoformat(chosen.next_on))
    return [
        SkippedPerson(row.debtor_id, number, name, row.channel, row.reason, row.at, row.next_allowed_at, row.policy_version, row.inputs)
        for row, number, name in session.execute(statement)
    ]


_IS_CURRENT = (ComplianceDecision.check_id.is_not(None), ComplianceDecision.ended_at.is_(None))


def _checks(campaign_id: int) -> Select[ComplianceCheck]:
    statement = select(ComplianceCheck).where(ComplianceCheck.campaign_id == campaign_id, ComplianceCheck.purpose == PLAN)
    return statement.order_by(ComplianceCheck.id.desc()).limit(1)


def _get(session: Session, check_id: int) -> ComplianceCheck:
    return session.get_one(ComplianceCheck, (office_of(session), check_id))


def _is_contact() -> ColumnElement[bool]:
    return ChannelAssignment.channel.in_([Channel.SMS.value, Channel.AUTO_CALL.value, Channel.OPERATOR_CALL.value, Channel.VISIT.value])
