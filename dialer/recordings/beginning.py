"""What a dialer does about recordings: planned with a call, begun with its conversation.

Nothing here works on sound: what does is slow to load, and nobody is called while a dialer starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from campaigns.attempts.models import Attempt
from dialer.calls.models import Call
from dialer.recordings.models import Recording
from dialer.recordings.terms import NOTICE_SOUND, NOTICE_TEXT, terms_of
from dialer.telephony.conversation import RecordingPlan


def plan_for(call: Call, options: Mapping[str, Any], *, has_notice_sound: bool) -> RecordingPlan | None:
    """How this call with an operator is recorded by its campaign's options; the call remembers that it has to be.

    A notice that must be played and can't be (its sound is missing) leaves the call unrecorded, and the board says so.
    """
    terms = terms_of(options)
    if not terms.is_on:
        return None
    call.is_recorded, call.has_notice = True, terms.notice == "voice"
    if not call.has_notice:
        return RecordingPlan(call.channel_id)
    return RecordingPlan(call.channel_id, NOTICE_SOUND, NOTICE_TEXT) if has_notice_sound else None


def begin(session: Session, call: Call) -> None:
    """A conversation that has to be recorded has begun; told twice is no news."""
    if not call.is_recorded:
        return
    attempt = session.get_one(Attempt, (call.office_id, call.attempt_id))
    row = insert(Recording).values(
        call_id=call.id,
        attempt_id=call.attempt_id,
        debtor_id=attempt.debtor_id,
        campaign_id=call.campaign_id,
        user_id=attempt.operator_id,
        node=call.node,
        name=call.channel_id,
        began_at=call.bridged_at or call.answered_at,
        is_simulated=call.carrier == "simulator",
        has_notice=call.has_notice,
    )
    session.execute(row.on_conflict_do_nothing(index_elements=["office_id", "call_id"]))
