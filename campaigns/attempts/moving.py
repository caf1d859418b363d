"""What becomes of a work item after its attempt: done, called back when the debtor said so, or tried again at the next good moment.

The ladder is asked first: an item whose step is used up is done, and the night's plan takes the debtor on to the next step.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.attempts.codes import Channel, LineResult
from campaigns.attempts.models import Attempt
from campaigns.attempts.phones import pick_phone
from campaigns.attempts.retry import UNANSWERED, PastTry, RetryPolicy, RetryRules, another_part, next_try_at, soon_again
from campaigns.attempts.rules import Consequence, Move, Result
from campaigns.compliance.rules import ContactPolicy
from campaigns.compliance.windows import next_open
from campaigns.debtors.phones import set_number_status
from campaigns.messages.models import Batch
from campaigns.messages.state import OPEN_BATCHES
from campaigns.planning.conduct import conduct_of
from campaigns.planning.models import Campaign
from campaigns.planning.position import facts_for, position_at
from campaigns.planning.standing import Step, Wait
from campaigns.worklist import claim
from campaigns.worklist.models import WorkItem

HISTORY = timedelta(days=30)
ANOTHER_ROUND = "another_round"


def campaign_of(session: Session, attempt: Attempt) -> Campaign | None:
    """The campaign an attempt belongs to, if any."""
    return None if attempt.campaign_id is None else session.get(Campaign, (office_of(session), attempt.campaign_id))


def retry_rules(campaign: Campaign | None) -> RetryRules:
    """A campaign's retry rules; the defaults where there is no campaign."""
    return conduct_of({} if campaign is None else campaign.options).retry


def judge_number(session: Session, attempt: Attempt, rules: RetryRules, now: datetime) -> None:
    """Gives a number the status that a line result, repeated as often as the rules say, proves."""
    if attempt.phone_id is None or attempt.line_result is None:
        return
    rule = rules.of(LineResult(attempt.line_result))
    if not rule.status:
        return
    same = select(func.count()).where(Attempt.phone_id == attempt.phone_id, Attempt.line_result == attempt.line_result)
    if (session.scalar(same) or 0) >= rule.status_after:
        set_number_status(session, attempt.phone_id, rule.status, now, attempt_id=attempt.id)


def move_item(
    session: Session,
    attempt: Attempt,
    campaign: Campaign | None,
    result: Result,
    follows: Consequence,
    policy: ContactPolicy,
    rules: RetryRules,
    now: datetime,
) -> None:
    """Moves the item of an attempt whose result is on record."""
    item_id = attempt.work_item_id
    assert item_id is not None
    channel = Channel(attempt.channel)
    if follows.move is Move.DONE or channel is Channel.SMS:
        claim.complete(session, item_id, now, result.outcome.value)
        return
    if follows.move is Move.CALLBACK or result.callback_at is not None:
        moment = result.callback_at or next_open(policy.hours, Channel.OPERATOR_CALL, now)
        claim.requeue(session, item_id, moment or now, "callback", now, is_callback=True, user_id=result.callback_user_id)
        return
    if pick_phone(session, attempt.debtor_id, channel, now - HISTORY, allows_workplace=policy.allows_workplace) is None:
        claim.complete(session, item_id, now, "no_usable_number")
        return
    line = LineResult(attempt.line_result or LineResult.FAILED)
    retry = RetryPolicy(contact=policy, channel=channel, rules=rules)
    history = _history(session, attempt, now)
    item = session.scalar(select(WorkItem).where(WorkItem.id == item_id))
    left_by = _left_by(session, attempt, item, campaign, policy, now)
    if left_by in ("", "waits_for_next_round") and (again := _next_round(session, attempt, line, history, retry, now)) is not None:
        claim.requeue(session, item_id, again, ANOTHER_ROUND, now)
        return
    if left_by == "":
        moment = next_try_at(history, line, retry, now)
    else:  # only what reached nobody for a moment, or was no try at all, is tried again in this step
        moment = soon_again(history, line, retry, now) if left_by == "waits_for_next_round" or not rules.of(line).counts else None
    if moment is None:
        claim.complete(session, item_id, now, left_by or "tries_exhausted")
    else:
        claim.requeue(session, item_id, moment, f"after_{line.value}", now, item=item)


def _next_round(
    session: Session, attempt: Attempt, line: LineResult, history: Sequence[PastTry], retry: RetryPolicy, now: datetime
) -> datetime | None:
    """When an automated call that nobody answered is made once more in its batch's window, at another part of it; None if not at all.

    A short interval that the line result has (busy) comes first and is no round.
    """
    if attempt.channel != Channel.AUTO_CALL.value or line not in UNANSWERED:
        return None
    batch = session.execute(
        select(Batch.rounds, Batch.release_until)
        .join(WorkItem, (WorkItem.office_id == Batch.office_id) & (WorkItem.batch_id == Batch.id))
        .where(WorkItem.id == attempt.work_item_id, Batch.state.in_(OPEN_BATCHES))
    ).one_or_none()
    if batch is None or batch.release_until is None:
        return None
    rounds = select(func.count()).where(
        Attempt.debtor_id == attempt.debtor_id,
        Attempt.work_item_id == attempt.work_item_id,
        Attempt.line_result.in_([result.value for result in UNANSWERED]),
    )
    return None if (session.scalar(rounds) or 0) >= batch.rounds else another_part(history, batch.release_until, retry, now)


def _left_by(
    session: Session, attempt: Attempt, item: WorkItem | None, campaign: Campaign | None, policy: ContactPolicy, now: datetime
) -> str:
    """Why the ladder takes a debtor off the step of this attempt; empty when another try belongs to it, or no ladder decided."""
    if item is None or campaign is None:
        return ""
    position = position_at(session, campaign, now, policy)
    facts = facts_for(session, attempt.debtor_id, position, now)
    if facts is None:
        return "settled"
    if not item.step:
        spent = facts["cycle_attempts"]
        return "cycle_budget" if isinstance(spent, int) and spent >= position.conduct.ladder.max_attempts else ""
    found = position.step_of(facts)
    if isinstance(found, Step) and found.number == item.step:
        return ""
    return found.why if isinstance(found, Wait) and found.number == item.step else "step_used_up" if isinstance(found, Step) else found.why


def _history(session: Session, attempt: Attempt, now: datetime) -> list[PastTry]:
    rows = session.execute(
        select(Attempt.began_at, Attempt.line_result, Attempt.channel)
        .where(Attempt.debtor_id == attempt.debtor_id, Attempt.began_at > now - HISTORY, Attempt.began_at <= now)
        .order_by(Attempt.began_at, Attempt.id)
    )
    return [PastTry(row[0], LineResult(row[1]) if row[1] else None, Channel(row[2])) for row in rows]
