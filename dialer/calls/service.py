"""Calls on record: opened before the carrier is asked, moved by what the carrier tells, each with its consequences in one transaction.

Rows are locked in the order call, attempt, operator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from callcenter.core.faults import passing
from callcenter.core.live import publish
from campaigns.attempts import closing
from campaigns.attempts.codes import LineResult
from campaigns.attempts.locking import hold_attempts
from campaigns.attempts.models import Attempt
from dialer.agents import service as agents
from dialer.agents.state import ON_LINE
from dialer.calls import binding, robocalls
from dialer.calls.binding import PREDICTIVE, Joining
from dialer.calls.following import ROBOCALL, follow
from dialer.calls.models import Call, CallEvent
from dialer.calls.state import CallState, CallView, Change, advance
from dialer.calls.told import note_events
from dialer.telephony.events import CarrierEvent, EventKind

log = structlog.get_logger(__name__)

LOST = "lost"  # why a call was ended: the carrier does not have it, and nobody told how it ended
TOLD_AFTER = binding.PATIENCE + timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Applied:
    """What an event did: the call, whether somebody answered or it ended, and what the dialer must ask of the carrier now.

    Attributes:
        hang_up: the channel to be hung up; join: the answered call and the operator's leg it found; waits: it found none yet.
    """

    call_id: int
    has_moved: bool
    hang_up: str | None = None
    join: Joining | None = None
    waits: bool = False


def open_call(
    session: Session,
    attempt: Attempt,
    *,
    carrier: str,
    mode: str,
    node: str,
    now: datetime,
    agent_session_id: int | None = None,
) -> Call:
    """Puts a call on record. Commit before the carrier is asked: then a crash can't make a call that nobody knows of."""
    return open_calls(session, [attempt], carrier=carrier, mode=mode, node=node, now=now, agent_session_id=agent_session_id)[0]


def open_calls(
    session: Session,
    opened: Sequence[Attempt],
    *,
    carrier: str,
    mode: str,
    node: str,
    now: datetime,
    agent_session_id: int | None = None,
) -> list[Call]:
    """The same for several attempts: a call of each."""
    made = [
        Call(
            attempt_id=attempt.id,
            campaign_id=attempt.campaign_id,
            agent_session_id=agent_session_id,
            carrier=carrier,
            channel_id=f"o{office_of(session)}-c-{uuid4().hex[:20]}",
            mode=mode,
            state=CallState.PLACING.value,
            placed_at=now,
            node=node,
        )
        for attempt in opened
    ]
    session.add_all(made)
    session.flush()
    for _ in made:
        passing("call.opened")
    return made


def office_of_channel(channel_id: str) -> int | None:
    """The office in whose name one of our channels was made; None for a foreign one."""
    head, _, rest = channel_id.partition("-")
    return int(head[1:]) if rest and head[:1] == "o" and head[1:].isdecimal() else None


def apply_event(session: Session, event: CarrierEvent, now: datetime) -> Applied | None:
    """Writes one carrier event down and does what follows from it; None for a stranger's channel, a duplicate or old news."""
    own = select(Call).where(Call.channel_id == event.channel_id).with_for_update()
    call = session.scalar(own, execution_options={"populate_existing": True})  # it may have been read before it was locked
    if call is None or not _remember(session, call, event):
        return None
    return _step(session, call, event, now)


def apply_events(session: Session, events: Sequence[CarrierEvent], now: datetime) -> list[Applied | None]:
    """The same for events of several calls, in their order: what they have in common is read and written once.

    For calls no operator has a part in: their rows are locked all calls first, then all attempts.
    """
    channels = {event.channel_id for event in events}
    rows = session.scalars(select(Call).where(Call.channel_id.in_(channels)).order_by(Call.id).with_for_update()).all()
    known = {call.channel_id: call for call in rows}
    new = note_events(session, [(known[event.channel_id].id, event) for event in events if event.channel_id in known])
    hold_attempts(session, [call.attempt_id for call in rows])
    applied: list[Applied | None] = []
    with closing.together(session):
        for event in events:
            call = known.get(event.channel_id)
            if call is None or (call.id, event.key) not in new:
                applied.append(None)
                continue
            new.discard((call.id, event.key))  # told twice in one breath
            applied.append(_step(session, call, event, now))
    return applied


def _step(session: Session, call: Call, event: CarrierEvent, now: datetime) -> Applied | None:
    """What follows from an event that is on record; the call is locked."""
    passing("event.noted")
    change = advance(view_of(session, call, event), event)
    if event.kind is EventKind.TRANSFER and call.mode == ROBOCALL:
        found = robocalls.find_operator(session, call, now)
        return Applied(call.id, True, join=None if found is None else Joining(*found))
    is_over = call.state == CallState.ENDED
    if change is not None:
        _write(call, change)
    if is_over and event.node and call.mode == ROBOCALL:
        robocalls.amend(session, call, now)
    if change is None:
        return None
    join, hang_up = follow(session, call, change, event, now)
    waits = change.is_answer and call.mode == PREDICTIVE and call.agent_session_id is None
    return Applied(call.id, change.is_answer or change.is_end or change.is_abandoned, hang_up, join, waits)


def end_call(session: Session, call: Call, line_result: LineResult | None, now: datetime, *, why: str) -> None:
    """Ends a call the carrier will tell no more about, as if it had."""
    event = CarrierEvent(EventKind.ENDED, call.channel_id, now, key=f"{call.channel_id}:{why}", line_result=line_result)
    apply_event(session, event, now)


def end_by_channel(session: Session, channel_id: str, line_result: LineResult | None, now: datetime, *, why: str) -> None:
    """Ends the call with this channel, if it is on record."""
    call = session.scalar(select(Call).where(Call.channel_id == channel_id))
    if call is not None:
        end_call(session, call, line_result, now, why=why)


def request_hang_up(session: Session, user_id: int, now: datetime) -> bool:
    """The operator ends the line; the dialer carries it out at once. False when there is no line."""
    agent = agents.find_live(session, user_id)
    if agent is None or agent.attempt_id is None or agent.state not in ON_LINE:
        return False  # a call that was handed over is not the operator's to end
    live = select(Call).where(Call.attempt_id == agent.attempt_id, Call.state != CallState.ENDED)
    call = session.scalar(live.with_for_update())
    if call is None:
        return False
    call.hangup_requested_at = now
    publish(session, "dial")
    return True


def note_let_go(session: Session, channels: Sequence[str], now: datetime) -> None:
    """These calls are about to be hung up by ourselves before anybody answered."""
    ringing = update(Call).where(Call.channel_id.in_(channels), Call.state != CallState.ENDED, Call.hangup_requested_at.is_(None))
    session.execute(ringing.values(hangup_requested_at=now).execution_options(synchronize_session=False))


def tell_abandoned(session: Session, node: str, now: datetime) -> int:
    """Answered calls that found no operator, of which the carrier has not told so: counted as abandoned all the same."""
    late = select(Call).where(binding.is_waiting(), Call.node == node, Call.answered_at < now - TOLD_AFTER)
    found = session.scalars(late.order_by(Call.id)).all()
    for call in found:
        at = (call.answered_at or now) + binding.PATIENCE
        apply_event(session, CarrierEvent(EventKind.ABANDONED, call.channel_id, at, key=f"{call.channel_id}:{EventKind.ABANDONED}"), now)
    return len(found)


def view_of(session: Session, call: Call, event: CarrierEvent | None = None) -> CallView:
    """The call as the pure state machine sees it; the moments of keys are read only where keys are at stake."""
    keys: tuple[tuple[datetime, str, str], ...] = ()
    if call.digits and event is not None and event.kind is EventKind.DIGIT:
        told = session.execute(
            select(CallEvent.at, CallEvent.event_key, CallEvent.detail["digit"].astext)
            .where(CallEvent.call_id == call.id, CallEvent.kind == EventKind.DIGIT, CallEvent.event_key != event.key)
            .order_by(CallEvent.at, CallEvent.event_key)
        )
        keys = tuple((at, key, digit) for at, key, digit in told)
    elif call.digits:
        keys = tuple((call.placed_at, f"known:{index}", digit) for index, digit in enumerate(call.digits))
    return CallView(
        state=CallState(call.state),
        ringing_at=call.ringing_at,
        answered_at=call.answered_at,
        bridged_at=call.bridged_at,
        ended_at=call.ended_at,
        is_machine=call.line_result == LineResult.MACHINE,
        is_abandoned=call.line_result == LineResult.ABANDONED,
        is_guessed=event is not None and event.kind is EventKind.ENDED and is_end_guessed(session, call, event.key),
        told_result=LineResult(call.line_result) if call.line_result else None,
        cause=call.cause,
        sip_code=call.sip_code,
        keys=keys,
    )


def is_end_guessed(session: Session, call: Call, but_for: str = "") -> bool:
    """Whether the call is over only because nobody told of it any more (`LOST`); but for the event of that key."""
    if call.state != CallState.ENDED:
        return False
    is_end = (CallEvent.call_id == call.id, CallEvent.kind == EventKind.ENDED, CallEvent.event_key != but_for)
    ends = select(CallEvent.event_key).where(*is_end)
    return set(session.scalars(ends)) == {f"{call.channel_id}:{LOST}"}


def _remember(session: Session, call: Call, event: CarrierEvent) -> bool:
    return bool(note_events(session, [(call.id, event)]))


def _write(call: Call, change: Change) -> None:
    view = change.view
    call.state = view.state.value
    call.ringing_at, call.answered_at = view.ringing_at, view.answered_at
    call.bridged_at, call.ended_at = view.bridged_at, view.ended_at
    call.line_result = view.line_result.value if view.line_result else None
    call.cause, call.sip_code, call.digits = view.cause, view.sip_code, view.digits
