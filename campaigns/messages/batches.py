"""A batch from its order to its last row: `preparing` writes its messages and calls; `moving` is what becomes of it afterwards,
`release` hands messages over, the dialer dials the calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from callcenter.core.db import advisory_lock
from callcenter.core.errors import Conflict, InvalidInput, NotFound
from callcenter.core.live import publish
from campaigns.attempts.codes import Channel
from campaigns.compliance import gate, sets
from campaigns.messages import candidates as among
from campaigns.messages.models import Batch
from campaigns.messages.moving import end_window, find_batch, move_batch, note
from campaigns.messages.preparing import Outline, Tell, keep_control, list_date, write_all
from campaigns.messages.spread import next_window
from campaigns.messages.state import LIVE_BATCHES, BatchState
from campaigns.messages.terms import load_terms
from campaigns.messages.texts import load_texts
from campaigns.planning.models import Campaign
from campaigns.planning.position import position_at

BATCH_CHANNELS = (Channel.SMS, Channel.AUTO_CALL)
LOST_AFTER = timedelta(minutes=2)
"""A preparation that has told nothing for so long is taken up by somebody else."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What was prepared; `batch` is None for a dry run. `reasons` counts refusals."""

    batch: int | None
    prepared: int
    refused: int
    withdrawn: int
    release_from: datetime | None
    release_until: datetime | None
    reasons: dict[str, int]


def prepare_batch(
    session: Session,
    campaign_id: int,
    channel: Channel,
    as_of: datetime,
    *,
    now: datetime | None = None,
    dry_run: bool = False,
    user_id: int | None = None,
    waits: bool = False,
    batch: Batch | None = None,
    tell: Tell | None = None,
) -> BatchResult:
    """Prepares the batch whose release begins with the first contact window from `as_of` on.

    Args:
        waits: whether somebody must release it; else it is released by itself.
        batch: the batch that was ordered; a new one otherwise.
        tell: is told how far it is; may raise to end it.

    Raises:
        NotFound: no such campaign.  Conflict: it is finished or was never planned.
        InvalidInput: no batch of that channel, no call-back number, a text that may not go out, or no window in sight.
    """
    now = now or as_of
    outline = _outline(session, campaign_id, channel, as_of, now, stores=not dry_run)
    window = outline.window
    if not dry_run:
        advisory_lock(session, f"batch {campaign_id} {channel}")
    withdrawn = 0 if dry_run else _end_passed(session, campaign_id, channel, as_of, now)
    found = among.set_apart(session, campaign_id, channel, outline.position, as_of)
    if dry_run:
        tally = write_all(session, outline, found, None, None, tell)
        return BatchResult(None, tally.prepared, found.total - tally.prepared, 0, window.opens, window.closes, tally.reasons)
    if batch is None:
        batch = order_batch(session, campaign_id, channel, as_of, now, user_id=user_id)
    check = sets.open_check(session, campaign_id, "batch", outline.policy, now, user_id)
    tally = write_all(session, outline, found, batch, check, tell)
    sets.close_check(check, now, batch_id=batch.id)
    _freeze(session, batch, outline)
    batch.prepared, batch.segments, batch.refused = tally.prepared, tally.segments, found.total - tally.prepared
    batch.withdrawn, batch.reasons = withdrawn, tally.reasons
    keep_control(session, outline, batch)
    move_batch(session, batch, BatchState.READY if tally.prepared else BatchState.DONE, now)
    if not tally.prepared:
        batch.finished_at = now
    note(session, batch, "prepared", now, user_id, {"prepared": batch.prepared, "refused": batch.refused})
    if not waits:
        batch.approved_at = now
        note(session, batch, "by_itself", now, None)
    return BatchResult(batch.id, batch.prepared, batch.refused, withdrawn, window.opens, window.closes, tally.reasons)


def order_batch(
    session: Session, campaign_id: int, channel: Channel, as_of: datetime, now: datetime, *, user_id: int | None = None
) -> Batch:
    """Puts a batch that is to be prepared on record.

    Raises:
        NotFound, Conflict, InvalidInput: it can't be prepared.
    """
    campaign = _campaign(session, campaign_id)
    _require_channel(channel)
    batch = Batch(
        campaign_id=campaign.id,
        channel=channel.value,
        state=BatchState.PREPARING.value,
        as_of=as_of,
        heartbeat_at=now,
        created_by=user_id,
        created_at=now,
        prepared=0,
        segments=0,
        refused=0,
        withdrawn=0,
        moved=0,
        moves=0,
        reasons={},
        state_reason="",
    )
    session.add(batch)
    session.flush()
    publish(session, "batch")
    return batch


def tell_progress(session: Session, batch_id: int, done: int, total: int, now: datetime) -> None:
    """Notes how far a preparation is. Raises Conflict: it was cancelled meanwhile."""
    told: Any = session.execute(
        update(Batch)
        .where(Batch.id == batch_id, Batch.state == BatchState.PREPARING.value)
        .values(progress=done, progress_total=total, heartbeat_at=now)
    )
    if not told.rowcount:
        raise Conflict("The batch is not being prepared any more.", code="not_preparing")
    publish(session, "batch")


def give_up(session: Session, batch_id: int, reason: str, now: datetime) -> None:
    """Ends a batch that can't be prepared."""
    batch = find_batch(session, batch_id, locks=True)
    if batch.state == BatchState.PREPARING.value:
        move_batch(session, batch, BatchState.CANCELLED, now, reason=reason)
        batch.finished_at = now
        note(session, batch, "not_prepared", now, None, {"reason": reason})


def unprepared(session: Session, now: datetime) -> list[int]:
    """Batches whose preparation was ordered and that nobody has worked on for a while."""
    lost = Batch.heartbeat_at <= now - LOST_AFTER
    return list(session.scalars(select(Batch.id).where(Batch.state == BatchState.PREPARING.value, lost).order_by(Batch.id)))


def _outline(session: Session, campaign_id: int, channel: Channel, as_of: datetime, now: datetime, *, stores: bool) -> Outline:
    _require_channel(channel)
    campaign = _campaign(session, campaign_id)
    policy = gate.load_policy(session)
    window = next_window(policy.hours, channel, as_of)
    if window is None:
        raise InvalidInput("No contact window is in sight.", hint="Check the contact hours and the closing days.", code="no_window")
    texts = load_texts(session, campaign, now, stores=stores) if channel is Channel.SMS else None
    position = position_at(session, campaign, as_of, policy)
    return Outline(campaign, channel, policy, window, load_terms(session, campaign.options), position, texts, now)


def _freeze(session: Session, batch: Batch, outline: Outline) -> None:
    """Keeps with the batch what it was prepared from; not before its end, since its row is where others see how far it is."""
    terms = outline.terms
    batch.template_id = None if outline.texts is None else outline.texts.main.template_id
    batch.rule_set_id, batch.policy_version = outline.campaign.rule_set_id, outline.policy.version
    batch.list_as_of = list_date(session)
    batch.release_from, batch.release_until = outline.window.opens, outline.window.closes
    batch.pace, batch.leftover, batch.rounds = terms.pace, terms.leftover, terms.rounds
    batch.reaction_days, batch.segment_price, batch.minute_price = terms.reaction_days, terms.segment_price, terms.minute_price


def _campaign(session: Session, campaign_id: int) -> Campaign:
    campaign = session.scalar(select(Campaign).where(Campaign.id == campaign_id))
    if campaign is None:
        raise NotFound("There is no such campaign.", hint="`callcenter campaign list` shows them.")
    if campaign.status == "finished":
        raise Conflict(f"The campaign '{campaign.name}' is finished.", hint="Make a new campaign.")
    if campaign.planned_as_of is None:
        raise Conflict(f"The campaign '{campaign.name}' has no plan yet.", hint="Run `callcenter plan` first.")
    return campaign


def _require_channel(channel: Channel) -> None:
    if channel not in BATCH_CHANNELS:
        raise InvalidInput(f"There are no batches of '{channel}'.", hint="Expected sms or auto_call.", code="usage")


def _end_passed(session: Session, campaign_id: int, channel: Channel, as_of: datetime, now: datetime) -> int:
    """Ends earlier batches whose window has passed: what they did not get to is planned anew, unless they go on."""
    passed = select(Batch).where(
        Batch.campaign_id == campaign_id,
        Batch.channel == channel.value,
        Batch.state.in_(LIVE_BATCHES),
        Batch.state != BatchState.PREPARING.value,
        Batch.release_until <= as_of,
    )
    return sum(end_window(session, batch, now) for batch in session.scalars(passed).all())
