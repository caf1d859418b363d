"""What is owed to a caller nobody talked to: a call back, as a work item where a campaign has a place for it, else on the list."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.attempts.codes import Channel
from campaigns.compliance.policy import ContactPolicy
from campaigns.compliance.windows import is_open, next_open
from campaigns.debtors.models import Suppression
from campaigns.worklist.claim import CALLBACK_PRIORITY
from campaigns.worklist.models import WorkItem
from dialer.inbound.callers import campaign_for, live_item
from dialer.inbound.models import InboundCall

REASON = "called_in"


def owe_callback(session: Session, call: InboundCall, policy: ContactPolicy, now: datetime) -> None:
    """Notes the call back: made for the one person who has the number, wanted where nobody can be named; nothing for a withheld number."""
    if call.callback != "none" or not call.caller:
        return
    call.callback = "wanted"
    if call.debtor_id is None:
        return
    moment = now if is_open(policy.hours, Channel.OPERATOR_CALL, now) else next_open(policy.hours, Channel.OPERATOR_CALL, now)
    item = _item_for(session, call, moment or now, now)
    if item is None:
        return
    call.callback, call.work_item_id = "made", item.id
    session.add(Suppression(debtor_id=call.debtor_id, reason="wished_time", starts_at=now, ends_at=moment or now, note=REASON))
    session.flush()


def _item_for(session: Session, call: InboundCall, moment: datetime, now: datetime) -> WorkItem | None:
    assert call.debtor_id is not None
    item = live_item(session, call.debtor_id)
    if item is None:
        campaign_id = campaign_for(session, call.debtor_id)
        if campaign_id is None or _is_live(session, campaign_id, call.debtor_id):
            return None
        item = WorkItem(campaign_id=campaign_id, debtor_id=call.debtor_id, channel=Channel.OPERATOR_CALL.value, created_at=now)
        session.add(item)
    item.channel, item.is_callback, item.priority, item.reason = Channel.OPERATOR_CALL.value, True, CALLBACK_PRIORITY, REASON
    item.not_before, item.phone_id, item.user_id, item.updated_at = moment, call.phone_id, None, now
    session.flush()
    return item


def _is_live(session: Session, campaign_id: int, debtor_id: int) -> bool:
    """Whether somebody is at the debtor's item just now: that is a call already."""
    live = select(WorkItem.id).where(WorkItem.campaign_id == campaign_id, WorkItem.debtor_id == debtor_id)
    return session.scalar(live.where(WorkItem.state.in_(("ready", "claimed")))) is not None


def settle_callback(session: Session, debtor_id: int, now: datetime) -> None:
    """Somebody talked to the debtor: what was owed is done."""
    owed = select(InboundCall).where(InboundCall.debtor_id == debtor_id, InboundCall.callback.in_(("wanted", "made")))
    for call in session.scalars(owed.with_for_update(skip_locked=True)):
        call.callback, call.handled_at = "done", now
