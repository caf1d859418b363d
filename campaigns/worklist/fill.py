"""Turns assignments into work for operators: idempotent, one live item per debtor and campaign.

A debtor whose item is done is queued again only when a later plan decided anew about them, or when the cycle has passed.
Messages and automated calls are queued by batches, not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, text
from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from callcenter.core.db import office_of
from callcenter.core.live import publish
from campaigns.planning.assigning import AS_A_WHOLE, configured
from campaigns.planning.conduct import conduct_of
from campaigns.planning.models import Campaign
from campaigns.planning.position import cycle_at
from campaigns.worklist.forbidden import withdraw_forbidden
from campaigns.worklist.hours import learn_hours

WITHDRAW = text("""
UPDATE work_item w SET state = 'withdrawn', reason = 'reassigned', updated_at = :now
WHERE w.office_id = :office AND w.campaign_id = :campaign AND w.state = 'ready' AND NOT w.is_callback
  AND NOT EXISTS (SELECT FROM channel_assignment a WHERE a.office_id = :office AND a.campaign_id = w.campaign_id
                  AND a.debtor_id = w.debtor_id AND a.channel = w.channel)
""")
INSERT = text("""
INSERT INTO work_item (office_id, campaign_id, debtor_id, channel, state, priority, not_before, reason, step, created_at, updated_at)
SELECT :office, a.campaign_id, a.debtor_id, a.channel, 'ready', a.priority, :now, a.reason_codes[1], a.step, :now, :now
FROM channel_assignment a
WHERE a.office_id = :office AND a.campaign_id = :campaign AND a.channel = 'operator_call'
  AND NOT EXISTS (SELECT FROM work_item w WHERE w.office_id = :office AND w.campaign_id = a.campaign_id AND w.debtor_id = a.debtor_id
                  AND (w.state IN ('ready', 'claimed')
                       OR (w.state = 'done' AND w.updated_at >= :cycle_from AND w.updated_at >= a.assigned_at)))
ORDER BY a.priority, a.debtor_id
ON CONFLICT (office_id, campaign_id, debtor_id) WHERE state IN ('ready', 'claimed') DO NOTHING
""")

RESTEP = text("""
UPDATE work_item w SET step = a.step, priority = a.priority, updated_at = :now
FROM channel_assignment a WHERE a.office_id = :office AND a.campaign_id = :campaign AND a.debtor_id = w.debtor_id AND a.channel = w.channel
  AND w.office_id = :office AND w.campaign_id = :campaign AND w.state = 'ready' AND NOT w.is_callback
  AND (w.step, w.priority) IS DISTINCT FROM (a.step, a.priority)
""")


@dataclass(frozen=True, slots=True)
class Filled:
    """How many items were made and how many ready ones taken back because the assignment changed."""

    made: int
    withdrawn: int


def fill(session: Session, campaign_id: int, now: datetime) -> Filled:
    """Brings the operators' queue of a campaign in line with its assignments, and learns once a day which hours are good ones."""
    campaign = session.get_one(Campaign, (office_of(session), campaign_id))
    cycle = cycle_at(session, campaign, conduct_of(campaign.options), local_day(now))
    values = {"office": office_of(session), "campaign": campaign_id, "now": now, "cycle_from": cycle.moments()["cycle_from"]}
    with configured(session, AS_A_WHOLE):
        session.execute(RESTEP, values)
        withdrawn: CursorResult[Any] = session.execute(WITHDRAW, values)  # type: ignore[assignment]
        made: CursorResult[Any] = session.execute(INSERT, values)  # type: ignore[assignment]
    learn_hours(session, now)
    forbidden = withdraw_forbidden(session, now)  # a rule set of the office's own may assign whom the gate would refuse
    result = Filled(made.rowcount, withdrawn.rowcount + forbidden)
    if result.made or result.withdrawn:
        publish(session, "queue")
    return result
