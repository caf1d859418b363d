"""What a draft of the contact rules would change today: what waits, decided under the active rules and under the draft."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from campaigns.attempts.codes import Channel
from campaigns.compliance.gate import CHANNELS, check_set
from campaigns.compliance.known import Decision, Denied
from campaigns.compliance.policy import ContactPolicy
from campaigns.compliance.windows import next_open
from campaigns.messages.models import Message
from campaigns.worklist.models import WorkItem

MOST = 5_000
"""So many of a channel's queue are asked; of a longer one a sample by a fixed draw."""


@dataclass(frozen=True, slots=True)
class ChannelEffect:
    """One channel's queue under both rules; `waiting` is all of it, `asked` those that were decided.

    `newly_refused` counts by the draft's reason, `newly_allowed` by the active rules' one.
    """

    channel: Channel
    moment: datetime
    waiting: int
    asked: int
    refused_now: int
    refused_then: int
    newly_refused: dict[str, int]
    newly_allowed: dict[str, int]

    @property
    def is_sample(self) -> bool:
        """Whether not everybody was asked."""
        return self.asked < self.waiting


def effect(session: Session, draft: ContactPolicy, active: ContactPolicy, now: datetime) -> list[ChannelEffect]:
    """Decides today's queue under both rules, each channel for the next moment at which the active rules are open."""
    told = []
    for channel in CHANNELS:
        queue = _queue(session, channel, now, active)
        if not queue:
            continue
        moment = next_open(active.hours, channel, now) or now
        chosen = queue if len(queue) <= MOST else dict(Random(len(queue)).sample(sorted(queue.items()), MOST))  # noqa: S311 - a sample
        present = check_set(session, chosen, channel, moment, active)
        planned = check_set(session, chosen, channel, moment, draft)
        told.append(_compared(channel, moment, len(queue), present, planned))
    return told


def _queue(session: Session, channel: Channel, now: datetime, policy: ContactPolicy) -> dict[int, int | None]:
    """Who waits today → the number meant, if one is."""
    tomorrow = datetime.combine(local_day(now, policy.hours.zone) + timedelta(days=1), datetime.min.time(), policy.hours.zone)
    items = select(WorkItem.debtor_id, WorkItem.phone_id).where(
        WorkItem.state == "ready", WorkItem.channel == channel.value, WorkItem.not_before < tomorrow
    )
    found = {row[0]: row[1] for row in session.execute(items)}
    if channel is Channel.SMS:
        messages = select(Message.debtor_id, Message.phone_id).where(Message.state == "ready")
        found |= {row[0]: row[1] for row in session.execute(messages)}
    return found


def _compared(
    channel: Channel, moment: datetime, waiting: int, present: dict[int, Decision], planned: dict[int, Decision]
) -> ChannelEffect:
    newly_refused: dict[str, int] = {}
    newly_allowed: dict[str, int] = {}
    for debtor, before in present.items():
        after = planned[debtor]
        if before.is_allowed and isinstance(after, Denied):
            newly_refused[after.reason.value] = newly_refused.get(after.reason.value, 0) + 1
        elif after.is_allowed and isinstance(before, Denied):
            newly_allowed[before.reason.value] = newly_allowed.get(before.reason.value, 0) + 1
    return ChannelEffect(
        channel,
        moment,
        waiting,
        len(present),
        sum(not decision.is_allowed for decision in present.values()),
        sum(not decision.is_allowed for decision in planned.values()),
        dict(sorted(newly_refused.items(), key=lambda item: -item[1])),
        dict(sorted(newly_allowed.items(), key=lambda item: -item[1])),
    )
