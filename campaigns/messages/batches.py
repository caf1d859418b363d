"""Preparing a night's batch: who is assigned to the channel, asked at the gate for the moment of release, with frozen inputs.

SMS become `Message` rows, automated calls become `WorkItem` rows that the dialer dials inside the window.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.db import advisory_lock, office_of
from callcenter.core.errors import Conflict, InvalidInput, NotFound
from callcenter.core.live import publish
from callcenter.core.phones import format_national
from campaigns.attempts.codes import Channel
from campaigns.attempts.retry import RetryPolicy, other_part
from campaigns.compliance import gate, sets
from campaigns.compliance.rules import ContactPolicy
from campaigns.compliance.windows import open_spans, spans_on
from campaigns.messages.candidates import Candidate, candidates, choose
from campaigns.messages.models import Batch, Message, Template
from campaigns.messages.state import BATCH_TRANSITIONS, LIVE_BATCHES, BatchState, MessageState
from campaigns.messages.templates import DEFAULT_BODY, DEFAULT_CODE, check_text, render, segments_of
from campaigns.planning.models import Campaign
from campaigns.planning.position import position_at
from campaigns.segmentation.models import ChannelAssignment
from campaigns.worklist.models import WorkItem

CHUNK = 5_000
BATCH_CHANNELS = (Channel.SMS, Channel.AUTO_CALL)
MOST_ROUNDS = 99


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
) -> BatchResult:
    """Prepares the batch whose release begins with the first contact window from `as_of` on.

    Raises:
        NotFound: no such campaign.  Conflict: it is finished or was never planned.
        InvalidInput: no batch of that channel, no call-back number, a text that may not go out, or no window in sight.
    """
    if channel not in BATCH_CHANNELS:
        raise InvalidInput(f"There are no batches of '{channel}'.", hint="Expected sms or auto_call.", code="usage")
    campaign = _campaign(session, campaign_id)
    policy = gate.load_policy(session)
    release_from, release_until = _window(policy, channel, as_of)
    is_sms = channel is Channel.SMS
    template, body = _text(session, campaign, now or as_of, stores=not dry_run) if is_sms else (None, "")
    own = _own_texts(session, campaign, now or as_of, stores=not dry_run) if is_sms else {}
    if not dry_run:
        advisory_lock(session, f"batch {campaign_id} {channel}")
    withdrawn = 0 if dry_run else _lapse(session, campaign_id, channel, as_of, now or as_of)
    position = position_at(session, campaign, as_of, policy)
    rows = candidates(session, campaign_id, channel, position, as_of)
    chosen, reasons = choose(rows, position.conduct.ladder.max_attempts)
    phones = {row.debtor_id: row.phone_id if channel is Channel.SMS else None for row in chosen}
    check = None if dry_run else sets.open_check(session, campaign_id, "batch", policy, now or as_of, user_id)
    decisions = sets.ask(session, phones, channel, release_from, policy, check)
    reasons |= gate.count_reasons(decisions.values())
    allowed = [row for row in chosen if decisions[row.debtor_id].is_allowed]
    if dry_run:
        return BatchResult(None, len(allowed), len(rows) - len(allowed), 0, release_from, release_until, reasons)
    batch = Batch(
        campaign_id=campaign_id,
        channel=channel.value,
        state=(BatchState.READY if allowed else BatchState.DONE).value,
        template_id=None if template is None else template.id,
        rule_set_id=campaign.rule_set_id,
        as_of=as_of,
        release_from=release_from,
        release_until=release_until,
        refused=len(rows) - len(allowed),
        withdrawn=withdrawn,
        reasons=reasons,
        created_by=user_id,
        created_at=now or as_of,
    )
    session.add(batch)
    session.flush()
    if channel is Channel.SMS:
        batch.prepared = _write_messages(session, batch, allowed, body, own, now or as_of)
    else:
        retry = RetryPolicy(policy, channel, position.conduct.retry)
        batch.prepared = _write_items(session, batch, allowed, retry, now or as_of)
    if check is not None:
        sets.close_check(check, now or as_of, batch_id=batch.id)
    publish(session, "batch")
    return BatchResult(batch.id, batch.prepared, batch.refused, withdrawn, release_from, release_until, reasons)


def set_batch_state(session: Session, batch_id: int, wanted: BatchState, now: datetime, *, reason: str = "") -> Batch:
    """Pauses, resumes or cancels a batch; cancelling withdraws what was not handed over. Repeating it is not an error.

    Raises:
        NotFound: no such batch.  Conflict: the state can't follow the present one.
    """
    batch = session.scalar(select(Batch).where(Batch.id == batch_id).with_for_update())
    if batch is None:
        raise NotFound("There is no such batch.")
    present = BatchState(batch.state)
    if present is wanted:
        return batch
    if wanted not in BATCH_TRANSITIONS[present]:
        raise Conflict(f"The batch is {present}; it can't become {wanted}.")
    batch.state = wanted.value
    if wanted is BatchState.CANCELLED:
        batch.finished_at = now
        batch.withdrawn += withdraw_waiting(session, batch.id, "batch_cancelled", now)
    if reason:
        batch.reasons = {**batch.reasons, reason: batch.reasons.get(reason, 0) + 1}
    publish(session, "batch")
    return batch


def progress(session: Session, batch_id: int) -> dict[str, int]:
    """A batch's messages or calls by their present state; they add up to what was prepared."""
    batch = session.scalar(select(Batch).where(Batch.id == batch_id))
    if batch is None:
        raise NotFound("There is no such batch.")
    rows = Message if batch.channel == Channel.SMS.value else WorkItem
    counted = select(rows.state, func.count()).where(rows.batch_id == batch_id).group_by(rows.state)
    return {row[0]: row[1] for row in session.execute(counted)}


def withdraw_waiting(session: Session, batch_id: int, reason: str, now: datetime) -> int:
    """Withdraws the messages and calls of a batch that nobody has begun; returns their number."""
    values = {"state": MessageState.WITHDRAWN.value, "reason": reason, "updated_at": now}
    messages = update(Message).where(Message.batch_id == batch_id, Message.state == MessageState.READY.value).values(values)
    items = update(WorkItem).where(WorkItem.batch_id == batch_id, WorkItem.state == "ready").values(values)
    return len(session.scalars(messages.returning(Message.id)).all()) + len(session.scalars(items.returning(WorkItem.id)).all())


def _campaign(session: Session, campaign_id: int) -> Campaign:
    campaign = session.scalar(select(Campaign).where(Campaign.id == campaign_id))
    if campaign is None:
        raise NotFound("There is no such campaign.", hint="`callcenter campaign list` shows them.")
    if campaign.status == "finished":
        raise Conflict(f"The campaign '{campaign.name}' is finished.", hint="Make a new campaign.")
    if campaign.planned_as_of is None:
        raise Conflict(f"The campaign '{campaign.name}' has no plan yet.", hint="Run `callcenter plan` first.")
    return campaign


def _window(policy: ContactPolicy, channel: Channel, as_of: datetime) -> tuple[datetime, datetime]:
    for opens, _ in open_spans(policy.hours, channel, as_of):
        day = opens.astimezone(policy.hours.zone).date()
        return max(opens, as_of), spans_on(policy.hours, channel, day)[-1][1]
    raise InvalidInput("No contact window is in sight.", hint="Check the contact hours and the closing days.", code="no_window")


def _own_texts(session: Session, campaign: Campaign, now: datetime, *, stores: bool) -> dict[int, tuple[int, str]]:
    """Debtors whose rule names a wording of its own: that template's id and the finished text."""
    named = select(ChannelAssignment.debtor_id, ChannelAssignment.template).where(
        ChannelAssignment.campaign_id == campaign.id, ChannelAssignment.channel == Channel.SMS.value, ChannelAssignment.template != ""
    )
    wanted = {row.debtor_id: row.template for row in session.execute(named)}
    texts = {code: _text(session, campaign, now, stores=stores, code=code) for code in sorted(set(wanted.values()))}
    return {debtor_id: (texts[code][0].id, texts[code][1]) for debtor_id, code in wanted.items()}


def _text(session: Session, campaign: Campaign, now: datetime, *, stores: bool, code: str = "") -> tuple[Template, str]:
    """The campaign's template (made on first use), or the one named, and the finished text: it is the same for everybody."""
    code = code or str(campaign.options.get("template", DEFAULT_CODE))
    statement = select(Template).where(Template.code == code, Template.is_active).order_by(Template.version.desc()).limit(1)
    template = session.scalar(statement)
    if template is None and code != DEFAULT_CODE:
        raise NotFound(f"There is no active template '{code}'.", hint="Add it, or change the campaign's option 'template'.")
    if template is None:
        template = Template(code=DEFAULT_CODE, body=DEFAULT_BODY, allows_tax_words=False, created_at=now)
        if stores:
            session.add(template)
            session.flush()
    office = session.get_one(Office, office_of(session))
    if not office.phone:
        raise InvalidInput(
            "The office has no call-back number.", hint="Set the office's published number first.", code="no_callback_number"
        )
    body = render(template.body, {"office_name": office.name, "callback_number": format_national(office.phone)})
    check_text(body, allows_tax_words=template.allows_tax_words)
    return template, body


def _lapse(session: Session, campaign_id: int, channel: Channel, as_of: datetime, now: datetime) -> int:
    """Ends earlier batches whose window has passed: what they did not get to is planned anew."""
    passed = select(Batch).where(
        Batch.campaign_id == campaign_id,
        Batch.channel == channel.value,
        Batch.state.in_(LIVE_BATCHES),
        Batch.release_until <= as_of,
    )
    return sum(lapse_batch(session, batch, now) for batch in session.scalars(passed).all())


def lapse_batch(session: Session, batch: Batch, now: datetime) -> int:
    """Ends a batch whose window has passed and returns what is withdrawn."""
    count = withdraw_waiting(session, batch.id, "window_passed", now)
    batch.withdrawn += count
    batch.state = BatchState.DONE.value
    batch.finished_at = now
    return count


def _write_messages(
    session: Session, batch: Batch, rows: Sequence[Candidate], body: str, own: Mapping[int, tuple[int, str]], now: datetime
) -> int:
    """One message a person, in the wording of the person's rule where it names one, else the campaign's."""
    office = office_of(session)
    texts = {row.debtor_id: own.get(row.debtor_id, (None, body)) for row in rows}
    lengths = {text: segments_of(text) for _, text in texts.values()}
    for start in range(0, len(rows), CHUNK):
        session.execute(
            insert(Message),
            [
                {
                    "batch_id": batch.id,
                    "debtor_id": row.debtor_id,
                    "phone_id": row.phone_id,
                    "e164": row.e164,
                    "template_id": texts[row.debtor_id][0],
                    "body": texts[row.debtor_id][1],
                    "segments": lengths[texts[row.debtor_id][1]],
                    "reference": f"{office}-{uuid.uuid4().hex}"[:40],
                    "updated_at": now,
                }
                for row in rows[start : start + CHUNK]
            ],
        )
    return len(rows)


def _write_items(session: Session, batch: Batch, rows: Sequence[Candidate], retry: RetryPolicy, now: datetime) -> int:
    """Queues the automated calls; a further round begins in another part of the day than the rounds before."""
    opens, closes = batch.release_from, batch.release_until
    assert opens is not None
    assert closes is not None
    for start in range(0, len(rows), CHUNK):
        session.execute(
            pg_insert(WorkItem).on_conflict_do_nothing(),
            [
                {
                    "campaign_id": batch.campaign_id,
                    "debtor_id": row.debtor_id,
                    "channel": Channel.AUTO_CALL.value,
                    "priority": row.priority,
                    "not_before": max(opens, other_part(row.rounds, opens, closes, retry)) if row.rounds else opens,
                    "batch_id": batch.id,
                    "step": row.step,
                    "round": min(len(row.rounds or ()) + 1, MOST_ROUNDS),
                    "reason": "batch",
                    "created_at": now,
                    "updated_at": now,
                }
                for row in rows[start : start + CHUNK]
            ],
        )
    return session.scalar(select(func.count()).where(WorkItem.batch_id == batch.id)) or 0
