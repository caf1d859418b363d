"""How far a campaign's cycle has come: how many debtors stand on each step, wait for it, are done, or are left to a rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.attempts.codes import Channel
from campaigns.planning.cycles import Cycle
from campaigns.planning.models import CampaignCycle
from campaigns.segmentation.models import ChannelAssignment

DONE = ("done_contact", "open_promise", "done_payment")
ENDED = ("cycle_budget", "ladder_end", "ladder_no_step")
SETTLED = "settled"

_SETTLED = text("""
SELECT count(DISTINCT p.debtor_id) FROM payment p
WHERE p.office_id = :office AND p.status = 'matched' AND p.paid_on BETWEEN :first AND :last
  AND NOT EXISTS (SELECT FROM debt d WHERE d.office_id = :office AND d.debtor_id = p.debtor_id AND d.status = 'open')
""")


@dataclass(frozen=True, slots=True)
class OnStep:
    """Debtors on one step: whose turn it is now, and who waits for it."""

    due: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """A campaign's debtors as of its last plan.

    Attributes:
        steps: by the step's number, one more for the ladder's end.
        done, ended: by reason; done also counts who paid everything in the cycle.
        by_rule: whom a rule of the rule set decided about.
    """

    steps: dict[int, OnStep] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    by_rule: int = 0

    @property
    def done_total(self) -> int:
        """Everybody who is done in this cycle."""
        return sum(self.done.values())

    @property
    def total(self) -> int:
        """Everybody the ladder is for."""
        return self.done_total + sum(self.ended.values()) + sum(step.due + step.waiting for step in self.steps.values())


def progress_of(session: Session, campaign_id: int, cycle: Cycle) -> Progress:
    """Counts the present assignments."""
    columns = (ChannelAssignment.step, ChannelAssignment.channel, ChannelAssignment.reason_codes)
    rows = session.execute(select(*columns, func.count()).where(ChannelAssignment.campaign_id == campaign_id).group_by(*columns))
    steps: dict[int, OnStep] = {}
    done: dict[str, int] = {}
    ended: dict[str, int] = {}
    by_rule = 0
    for step, channel, reasons, people in rows:
        if step:
            known = steps.get(step, OnStep())
            is_due = channel != Channel.NONE
            steps[step] = OnStep(known.due + people * is_due, known.waiting + people * (not is_due))
        elif reasons[0] in DONE:
            done[reasons[0]] = done.get(reasons[0], 0) + people
        elif reasons[0] in ENDED:
            ended[reasons[0]] = ended.get(reasons[0], 0) + people
        else:
            by_rule += people
    values = {"office": office_of(session), "first": cycle.starts_on, "last": cycle.ends_on}
    settled = session.scalar(_SETTLED, values) or 0
    return Progress(steps, done | ({SETTLED: settled} if settled else {}), ended, by_rule)


def closed_cycles(session: Session, campaign_id: int, limit: int = 12) -> Sequence[dict[str, Any]]:
    """What earlier cycles came to, the newest first."""
    wanted = select(CampaignCycle).where(CampaignCycle.campaign_id == campaign_id, CampaignCycle.state == "closed")
    rows = session.scalars(wanted.order_by(CampaignCycle.number.desc()).limit(limit))
    return [{"number": row.number, "starts_on": row.starts_on, "ends_on": row.ends_on, **row.counts} for row in rows]
