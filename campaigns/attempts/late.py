"""What the line tells besides the result: the answer while it lasts, and its end or a correction after the result was recorded."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from campaigns.attempts.closing import correct
from campaigns.attempts.codes import LineResult
from campaigns.attempts.models import Attempt
from campaigns.attempts.moving import campaign_of, judge_number, retry_rules


def note_answer(session: Session, attempt: Attempt, answered_at: datetime) -> None:
    """Somebody answered; the earliest moment told counts."""
    attempt.answered_at = min(answered_at, attempt.answered_at or answered_at)


def note_line_end(session: Session, attempt: Attempt, ended_at: datetime) -> None:
    """The line ended after the result had been written down: the talk lasted until now."""
    attempt.ended_at = ended_at
    if attempt.answered_at is not None:
        attempt.talk_seconds = max(0, round((ended_at - attempt.answered_at).total_seconds()))


def reopen_robocall(session: Session, attempt: Attempt) -> bool:
    """A key of a robocall was told after the end: what the machine recorded without it may be recorded again; what a person did may not."""
    if attempt.state != "closed" or attempt.operator_id is not None or attempt.outcome != "no_result" or attempt.party == "wrong_number":
        return False
    attempt.state = "open"
    session.flush()
    return True


def correct_line_result(session: Session, attempt: Attempt, line_result: LineResult, answered_at: datetime | None, now: datetime) -> None:
    """A late word of the carrier: the report tells what the line truly did, the number is judged by it, and the core systems are told; what
    a person recorded is left alone, and so is when the next try is due.
    """
    if attempt.recorded_at is not None and attempt.outcome not in (None, "no_result"):
        return
    attempt.line_result = line_result.value
    attempt.answered_at = attempt.answered_at or answered_at
    if line_result is LineResult.ANSWERED and attempt.party == "nobody":
        attempt.party = "unknown"
    session.flush()
    if attempt.state == "closed":
        judge_number(session, attempt, retry_rules(campaign_of(session, attempt)), now)
        correct(session, attempt, now)
