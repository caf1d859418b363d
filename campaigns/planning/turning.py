"""Opening and closing a campaign's cycles: one transaction, harmless when it runs twice, and it catches up after any downtime."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.core.clock import day_bounds, local_day
from callcenter.core.db import advisory_lock
from callcenter.core.live import publish
from campaigns.attempts.codes import RIGHT_PARTIES
from campaigns.attempts.models import Attempt
from campaigns.planning.conduct import conduct_of
from campaigns.planning.cycles import Cycle, cycle_after, first_cycle
from campaigns.planning.models import Campaign, CampaignCycle
from campaigns.planning.position import cycle_of
from campaigns.planning.state import CampaignStatus
from campaigns.segmentation.models import ChannelAssignment
from campaigns.worklist.withdraw import withdraw_cycle

CYCLE_ENDED = "cycle_ended"


@dataclass(frozen=True, slots=True)
class Turned:
    """Numbers of the cycles that were opened and closed, and how much queued work was taken back."""

    opened: tuple[int, ...] = ()
    closed: tuple[int, ...] = ()
    withdrawn: int = 0


def turn(session: Session, campaign_id: int, now: datetime) -> Turned:
    """Closes what has ended and opens what has begun, so that a campaign under way has the one open cycle of today.

    Cycles that were missed are opened and closed on record, so that their numbers have no gap. A draft has none yet; a finished campaign
    only has its open one closed.
    """
    advisory_lock(session, f"cycle {campaign_id}")
    campaign = session.scalar(select(Campaign).where(Campaign.id == campaign_id))
    if campaign is None or campaign.status == CampaignStatus.DRAFT:
        return Turned()
    settings, today = conduct_of(campaign.options).cycle, local_day(now)
    newest = select(CampaignCycle).where(CampaignCycle.campaign_id == campaign_id).order_by(CampaignCycle.number.desc()).limit(1)
    opened: list[int] = []
    closed: list[int] = []
    withdrawn = 0
    while True:
        row = session.scalar(newest)
        if row is not None and row.state == "open":
            if row.ends_on >= today and campaign.status != CampaignStatus.FINISHED:
                break
            withdrawn += _close(session, row, now)
            closed.append(row.number)
        elif campaign.status == CampaignStatus.FINISHED:
            break
        else:
            cycle = first_cycle(settings, today, campaign.starts_on) if row is None else cycle_after(settings, cycle_of(row))
            _open(session, campaign_id, cycle, now)
            opened.append(cycle.number)
    if opened or closed:
        publish(session, "board")
    return Turned(tuple(opened), tuple(closed), withdrawn)


def is_planned_before_its_cycle(session: Session, campaign_id: int) -> bool:
    """Whether the last plan of a running campaign is older than its open cycle; what was never planned is not meant."""
    statement = (
        select(Campaign.planned_as_of, CampaignCycle.starts_on)
        .join(CampaignCycle, (CampaignCycle.office_id == Campaign.office_id) & (CampaignCycle.campaign_id == Campaign.id))
        .where(Campaign.id == campaign_id, Campaign.status == CampaignStatus.RUNNING, CampaignCycle.state == "open")
    )
    row = session.execute(statement).one_or_none()
    return row is not None and row[0] is not None and local_day(row[0]) < row[1]


def _open(session: Session, campaign_id: int, cycle: Cycle, now: datetime) -> None:
    session.add(
        CampaignCycle(
            campaign_id=campaign_id,
            number=cycle.number,
            starts_on=cycle.starts_on,
            ends_on=cycle.ends_on,
            counts_from=cycle.counts_from,
            before_from=cycle.before_from,
            opened_at=now,
        )
    )
    session.flush()


def _close(session: Session, row: CampaignCycle, now: datetime) -> int:
    """Takes back what is still queued and writes down what the cycle came to."""
    withdrawn = withdraw_cycle(session, row.campaign_id, CYCLE_ENDED, now)
    row.counts = cycle_counts(session, row.campaign_id, row.starts_on, row.ends_on) | {"withdrawn": withdrawn}
    row.state = "closed"
    row.closed_at = now
    session.flush()
    return withdrawn


def cycle_line(session: Session, campaign: Campaign) -> dict[str, Any] | None:
    """The campaign's newest cycle in short; None while it has none."""
    newest = select(CampaignCycle).where(CampaignCycle.campaign_id == campaign.id).order_by(CampaignCycle.number.desc()).limit(1)
    row = session.scalar(newest)
    return None if row is None else {"number": row.number, "starts_on": row.starts_on, "ends_on": row.ends_on, "state": row.state}


def cycle_counts(session: Session, campaign_id: int, starts_on: date, ends_on: date) -> dict[str, Any]:
    """What a cycle came to: debtors by step and by why, attempts by channel, persons tried and met."""
    rows = session.execute(
        select(ChannelAssignment.step, ChannelAssignment.reason_codes, func.count())
        .where(ChannelAssignment.campaign_id == campaign_id)
        .group_by(ChannelAssignment.step, ChannelAssignment.reason_codes)
    ).all()
    first, after = day_bounds(starts_on, ends_on)
    within = (Attempt.campaign_id == campaign_id, Attempt.began_at >= first, Attempt.began_at < after)
    met = Attempt.party.in_(sorted(RIGHT_PARTIES))
    by_channel = select(Attempt.channel, func.count()).where(*within).group_by(Attempt.channel)
    persons = session.execute(
        select(func.count(Attempt.debtor_id.distinct()), func.count(Attempt.debtor_id.distinct()).filter(met)).where(*within)
    ).one()
    steps: dict[str, int] = {}
    reasons: dict[str, int] = {}
    for step, codes, people in rows:
        steps[str(step)] = steps.get(str(step), 0) + people
        reasons[codes[0]] = reasons.get(codes[0], 0) + people
    return {
        "debtors": sum(steps.values()),
        "steps": steps,
        "reasons": reasons,
        "attempts": {row[0]: row[1] for row in session.execute(by_channel)},
        "persons_attempted": persons[0],
        "persons_right_party": persons[1],
    }
