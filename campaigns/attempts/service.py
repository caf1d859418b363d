"""Opening attempts before the carrier is asked, and closing them with all that follows, in one transaction.

open_attempt → (commit, carrier) → mark_handed_over → record_line_result → [wrap-up] record_outcome
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from callcenter.core.errors import Conflict, InvalidInput
from callcenter.core.faults import passing
from callcenter.core.live import publish
from campaigns.attempts import effects
from campaigns.attempts.asked import Asked
from campaigns.attempts.closing import Closed, fact_of, follow_up, policy_of
from campaigns.attempts.codes import Channel, LineResult, Outcome, Party
from campaigns.attempts.locking import hold_attempt
from campaigns.attempts.models import Attempt
from campaigns.attempts.moving import Moved, campaign_of, judge_number, retry_rules
from campaigns.attempts.rules import PromiseTerms, Result, check_result, consequence_of
from campaigns.compliance.rules import ContactPolicy
from campaigns.compliance.windows import is_open, next_open
from campaigns.debtors.models import PhoneNumber
from campaigns.promises.models import Promise
from campaigns.worklist.models import WorkItem

WRAP_UP = timedelta(seconds=90)


def open_attempt(
    session: Session,
    item: WorkItem | None,
    phone: PhoneNumber | None,
    now: datetime,
    channel: Channel,
    operator_id: int | None = None,
    *,
    debtor_id: int | None = None,
    campaign_id: int | None = None,
) -> Attempt:
    """Opens an attempt; the caller commits before the carrier is asked. Without an item, name the debtor."""
    debtor = item.debtor_id if item is not None else debtor_id
    assert debtor is not None
    campaign = item.campaign_id if item is not None else campaign_id
    attempt = _opened(debtor, campaign, item, phone, now, channel, operator_id)
    session.add(attempt)
    session.flush()
    return attempt


def open_attempts(
    session: Session,
    cases: Sequence[tuple[WorkItem, PhoneNumber]],
    now: datetime,
    channel: Channel,
    operator_id: int | None = None,
    *,
    script_versions: Sequence[str] = (),
) -> list[Attempt]:
    """The same for several items and their numbers at once; `script_versions` has what each is spoken with, where a machine speaks."""
    made = [_opened(item.debtor_id, item.campaign_id, item, phone, now, channel, operator_id) for item, phone in cases]
    for attempt, version in zip(made, script_versions, strict=False):
        attempt.script_version = version
    session.add_all(made)
    session.flush()
    return made


def _opened(
    debtor_id: int,
    campaign_id: int | None,
    item: WorkItem | None,
    phone: PhoneNumber | None,
    now: datetime,
    channel: Channel,
    operator_id: int | None,
) -> Attempt:
    if item is not None:
        item.tries += 1
    return Attempt(
        debtor_id=debtor_id,
        campaign_id=campaign_id,
        work_item_id=None if item is None else item.id,
        channel=channel.value,
        phone_id=None if phone is None else phone.id,
        phone_text="" if phone is None else phone.original[:80],
        operator_id=operator_id,
        began_at=now,
    )


def mark_handed_over(session: Session, attempt_id: int, now: datetime) -> None:
    """Notes that the carrier took the call; from then on it counts in reports. A call that came in never does."""
    attempt = hold_attempt(session, attempt_id)
    if not attempt.is_inbound:
        attempt.handed_over_at = attempt.handed_over_at or now


def record_line_result(
    session: Session,
    attempt_id: int,
    line_result: LineResult,
    now: datetime,
    *,
    answered_at: datetime | None = None,
    ended_at: datetime | None = None,
    talk_seconds: int | None = None,
    wrap_up: timedelta = WRAP_UP,
) -> Attempt:
    """What the line did, told by the machine. Repeating it is a no-op; a closed attempt is left as it is.

    An answered call with an operator goes to wrap-up and waits for `record_outcome`. Everything else closes here: nobody (or, for an
    answered automated call without a key, an unknown listener) and no result, and the item is tried again or given up.
    """
    attempt = hold_attempt(session, attempt_id)
    if attempt.state == "closed":
        return attempt
    if attempt.state == "open":
        attempt.line_result = line_result.value
        attempt.answered_at = attempt.answered_at or answered_at
        attempt.ended_at = ended_at or now
        attempt.talk_seconds = talk_seconds if talk_seconds is not None else _talk_seconds(attempt)
        if line_result is not LineResult.FAILED and not attempt.is_inbound:
            attempt.handed_over_at = attempt.handed_over_at or attempt.began_at
    passing("line_result.noted")
    if line_result is LineResult.ANSWERED and _talked_with(attempt) is Channel.OPERATOR_CALL:
        if attempt.state == "open":
            attempt.state = "wrap_up"
            attempt.wrap_up_until = now + wrap_up
        publish(session, "call", attempt.operator_id)
        return attempt
    party = Party.UNKNOWN if line_result is LineResult.ANSWERED else Party.NOBODY
    _close(session, attempt, Result(party, Outcome.NO_RESULT), policy_of(session), now, attempt.operator_id)
    return attempt


def record_outcome(
    session: Session,
    attempt_id: int,
    party: Party,
    outcome: Outcome,
    note: str = "",
    *,
    promise: PromiseTerms | None = None,
    callback_at: datetime | None = None,
    escalate: str | None = None,
    line_result: LineResult | None = None,
    callback_user_id: int | None = None,
    asked: Sequence[Asked] = (),
    script_version: str | None = None,
    now: datetime,
    user_id: int | None = None,
    is_amended: bool = False,
) -> Attempt:
    """Records who answered and what came of it, with all that follows.

    Args:
        line_result: the operator's correction of "answered", for instance an answering machine the line did not recognise; a
            robocall's key press passes ANSWERED while the call may still be up.
        callback_user_id: the one operator who is to call back; None is anybody.
        asked: what the debtor asks the office for besides.
        script_version: of the words on the operator's screen.
        is_amended: a late word of the carrier takes the place of what was recorded by the machine (`late.reopen_robocall`).

    Raises:
        InvalidInput: a combination that makes no sense.  NotFound: no such attempt.
        Conflict: another result was recorded already. The same result again is a no-op.
    """
    result = Result(party, outcome, note.strip(), promise, callback_at, escalate, line_result, callback_user_id, tuple(asked))
    attempt = hold_attempt(session, attempt_id)
    if attempt.state == "closed":
        if _is_recorded(session, attempt, result):
            return attempt
        raise Conflict("Another result was recorded for this attempt.", hint="Look at it again.", code="already_recorded")
    line = line_result or LineResult(attempt.line_result or LineResult.ANSWERED)
    check_result(
        result,
        channel=_talked_with(attempt),
        line_result=line,
        is_verified=attempt.verified_at is not None,
        now=now,
        today=local_day(now),
    )
    policy = policy_of(session)
    attempt.line_result, attempt.script_version = line.value, script_version or attempt.script_version
    if not attempt.is_inbound:
        attempt.handed_over_at = attempt.handed_over_at or attempt.began_at
    attempt.ended_at = attempt.ended_at or now
    _close(session, attempt, result, policy, now, user_id, is_amended=is_amended)
    return attempt


def _talked_with(attempt: Attempt) -> Channel:
    """The channel by which it was talked: a robocall that was put through to an operator is an operator's."""
    return Channel.OPERATOR_CALL if attempt.operator_id is not None else Channel(attempt.channel)


def _close(
    session: Session,
    attempt: Attempt,
    result: Result,
    policy: ContactPolicy,
    now: datetime,
    user_id: int | None,
    *,
    is_amended: bool = False,
) -> None:
    _check_callback_hours(result, policy)
    follows = consequence_of(result.party, result.outcome, _talked_with(attempt))
    attempt.party = result.party.value
    attempt.outcome = result.outcome.value
    attempt.note = result.note
    attempt.state = "closed"
    attempt.recorded_at = now
    attempt.wrap_up_until = None
    if result.outcome is not Outcome.NO_RESULT:
        session.flush()  # what follows reads it
    campaign = campaign_of(session, attempt)
    retry = retry_rules(campaign)
    judge_number(session, attempt, retry, now)
    promise = effects.apply(session, attempt, result, follows, policy, now, user_id)
    line = LineResult(attempt.line_result or LineResult.FAILED)
    moved = None if attempt.work_item_id is None else Moved(attempt, campaign, line, result, follows, policy, retry, now)
    key = attempt.fact_key + (":amended" if is_amended else "")
    follow_up(session, Closed(attempt, key, fact_of(attempt, promise), now, moved))


def _check_callback_hours(result: Result, policy: ContactPolicy) -> None:
    moment = result.callback_at
    if moment is None or is_open(policy.hours, Channel.OPERATOR_CALL, moment):
        return
    opening = next_open(policy.hours, Channel.OPERATOR_CALL, moment)
    hint = f"The next possible time is {opening.astimezone(policy.hours.zone):%Y-%m-%d %H:%M}." if opening else ""
    raise InvalidInput("The call-back lies outside the contact hours.", hint=hint, code="callback_outside_hours")


def _is_recorded(session: Session, attempt: Attempt, result: Result) -> bool:
    """Whether exactly this result is what was recorded."""
    same = (attempt.party, attempt.outcome, attempt.note) == (result.party.value, result.outcome.value, result.note)
    made = session.scalar(select(Promise).where(Promise.attempt_id == attempt.id).order_by(Promise.id.desc()).limit(1))
    promised = None if made is None else (made.amount, made.due_on)
    asked = None if result.promise is None else (result.promise.amount, result.promise.due_on)
    return same and promised == asked


def _talk_seconds(attempt: Attempt) -> int:
    if attempt.answered_at is None or attempt.ended_at is None:
        return 0
    return max(0, round((attempt.ended_at - attempt.answered_at).total_seconds()))
