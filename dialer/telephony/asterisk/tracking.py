"""What Asterisk's events mean for one of our channels: a pure state machine that does not care about their order.

Asterisk does not fix the order of OriginateResponse, Newstate and Hangup (every order was seen), so each is folded into a `Track`, and a
call ends once and only once:
  - by Hangup, at once if the call was answered;
  - by Hangup and OriginateResponse together if it was not, since only the response's Reason 3 tells our own timeout from a real 480;
    `settle` decides without the response when it does not come;
  - by a failed OriginateResponse alone when no channel ever appeared; `settle` decides after the same grace.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from campaigns.attempts.codes import LineResult
from dialer.telephony.asterisk.mapping import classify, sip_status_of
from dialer.telephony.events import CarrierEvent, EventKind

_STATE_RINGING, _STATE_UP = "5", "6"
_PROGRESS = frozenset({"PROGRESS", "PROCEEDING"})
_REASON_TIMEOUT = "3"
_DIGITS = frozenset("0123456789*#")
_CAUSE = re.compile(r"[0-9]{1,3}", re.ASCII)


class Originated(StrEnum):
    """What the OriginateResponse said."""

    UNTOLD = "untold"
    ANSWERED = "answered"
    TIMED_OUT = "timed_out"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Track:
    """All that is known of one channel.

    Attributes:
        is_leg: an operator's voice leg, else a call to a debtor.
        is_ours: this process handed it over, so an OriginateResponse will come.
        is_withdrawn: we hung it up ourselves, so the cause says nothing about the line.
        is_hungup, cause, sip_status: from Hangup.
    """

    channel_id: str
    is_leg: bool = False
    is_ours: bool = True
    is_seen: bool = False
    has_rung: bool = False
    has_progress: bool = False
    is_answered: bool = False
    is_machine: bool = False
    is_joined: bool = False
    is_withdrawn: bool = False
    is_hungup: bool = False
    has_ended: bool = False
    originated: Originated = Originated.UNTOLD
    cause: int | None = None
    sip_status: int | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether the end depends on a second event that may never come."""
        return not self.has_ended and (self.is_hungup or self.originated in {Originated.TIMED_OUT, Originated.FAILED})


Step = tuple[Track, Sequence[CarrierEvent]]


def observe(track: Track, name: str, fields: Mapping[str, str], at: datetime) -> Step:
    """Folds one manager event into the track; nothing is told twice, and nothing after the end."""
    if track.has_ended:
        return track, ()
    match name:
        case "Newchannel":
            return _seen(track, at)
        case "Newstate":
            return _state(track, fields.get("ChannelState", ""), at)
        case "DialState":
            return _progress(track, fields.get("DialStatus", ""), at)
        case "OriginateResponse":
            return _response(track, fields, at)
        case "ConfbridgeJoin":
            return _joined(track, at)
        case "UserEvent":
            return _reported(track, fields, at)
        case "Hangup":
            return _hung_up(track, fields, at)
        case _:
            return track, ()


def settle(track: Track, at: datetime) -> Step:
    """Ends a waiting track with what is known, once the grace for the second event is over."""
    return _end(track, at) if track.is_waiting else (track, ())


def _event(track: Track, kind: EventKind, at: datetime) -> CarrierEvent:
    return CarrierEvent(kind, track.channel_id, at, key=f"{track.channel_id}:{kind}")


def _seen(track: Track, at: datetime) -> Step:
    if track.is_seen:
        return track, ()
    told = () if track.is_leg else (_event(track, EventKind.PLACED, at),)
    return replace(track, is_seen=True), told


def _state(track: Track, state: str, at: datetime) -> Step:
    if state == _STATE_UP:
        return _answered(track, at)
    if state != _STATE_RINGING or track.has_rung:
        return track, ()
    told = () if track.is_leg or track.is_answered else (_event(track, EventKind.RINGING, at),)
    return replace(track, is_seen=True, has_rung=True), told


def _progress(track: Track, status: str, at: datetime) -> Step:
    """SIP's 183: no telephone is known to ring, but the trunk is at work on the call."""
    if status not in _PROGRESS or track.is_leg or track.has_progress:
        return track, ()
    return replace(track, is_seen=True, has_progress=True), (_event(track, EventKind.PROGRESS, at),)


def _answered(track: Track, at: datetime) -> Step:
    if track.is_answered:
        return track, ()
    told = () if track.is_leg else (_event(track, EventKind.ANSWERED, at),)
    return replace(track, is_seen=True, is_answered=True), told


def _response(track: Track, fields: Mapping[str, str], at: datetime) -> Step:
    if fields.get("Response") == "Success":
        track, told = _answered(replace(track, originated=Originated.ANSWERED), at)
    else:
        timed_out = fields.get("Reason") == _REASON_TIMEOUT
        track, told = replace(track, originated=Originated.TIMED_OUT if timed_out else Originated.FAILED), ()
    if not track.is_hungup:
        return track, told
    ended, more = _end(track, at)
    return ended, (*told, *more)


def _joined(track: Track, at: datetime) -> Step:
    if track.is_joined:
        return track, ()
    track, told = _answered(track, at)
    kind = EventKind.LEG_UP if track.is_leg else EventKind.BRIDGED
    return replace(track, is_joined=True), (*told, _event(track, kind, at))


def _reported(track: Track, fields: Mapping[str, str], at: datetime) -> Step:
    match fields.get("UserEvent"):
        case "CallcenterDigit":
            digit = fields.get("Digit", "")
            if digit not in _DIGITS or not digit:
                return track, ()
            key = f"{track.channel_id}:{EventKind.DIGIT}:{fields.get('Sequence', '')}"
            return track, (CarrierEvent(EventKind.DIGIT, track.channel_id, at, key, digit=digit),)
        case "CallcenterPromptDone":
            key = f"{track.channel_id}:{EventKind.PROMPT_DONE}:{fields.get('Sequence', '')}"
            return track, (CarrierEvent(EventKind.PROMPT_DONE, track.channel_id, at, key),)
        case "CallcenterSupervising" if track.is_leg:
            key = f"{track.channel_id}:{EventKind.LEG_UP}:{fields.get('Mode', '')}:{at.timestamp()}"
            return track, (CarrierEvent(EventKind.LEG_UP, track.channel_id, at, key),)
        case "CallcenterMessageLeft":
            return track, (CarrierEvent(EventKind.PROMPT_DONE, track.channel_id, at, f"{track.channel_id}:message_left"),)
        case "CallcenterNode" | "CallcenterTransfer":
            return track, _walked(track, fields, at)
        case "CallcenterAbandoned":
            return track, (_event(track, EventKind.ABANDONED, at),)
        case "CallcenterMachine":
            return replace(track, is_machine=True), (_event(track, EventKind.MACHINE, at),)
        case _:
            return track, ()


def _walked(track: Track, fields: Mapping[str, str], at: datetime) -> Sequence[CarrierEvent]:
    kind = EventKind.NODE if fields["UserEvent"] == "CallcenterNode" else EventKind.TRANSFER
    node, step = fields.get("Node", ""), fields.get("Sequence", "")
    if not node or not step.isdecimal():
        return ()
    return (CarrierEvent(kind, track.channel_id, at, f"{track.channel_id}:{kind}:{step}", node=node, step=int(step)),)


def _hung_up(track: Track, fields: Mapping[str, str], at: datetime) -> Step:
    cause = fields.get("Cause", "")
    was_up = fields.get("ChannelState") == _STATE_UP
    track = replace(
        track,
        is_seen=True,
        is_hungup=True,
        has_rung=track.has_rung or fields.get("ChannelState") == _STATE_RINGING,
        cause=int(cause) if _CAUSE.fullmatch(cause) else None,
        sip_status=sip_status_of(fields.get("TechCause", "")),
    )
    track, told = _answered(track, at) if was_up else (track, ())
    if not (track.is_answered or track.is_leg or not track.is_ours or track.originated is not Originated.UNTOLD):
        return track, told
    ended, more = _end(track, at)
    return ended, (*told, *more)


def _end(track: Track, at: datetime) -> Step:
    ended = replace(track, has_ended=True)
    if track.is_leg:
        why = None if track.is_joined else classify(track.cause, track.sip_status, has_timed_out=track.originated is Originated.TIMED_OUT)
        return ended, (replace(_event(track, EventKind.LEG_DOWN, at), line_result=why),)
    event = CarrierEvent(
        EventKind.ENDED,
        track.channel_id,
        at,
        key=f"{track.channel_id}:{EventKind.ENDED}",
        line_result=_line_result(track),
        cause=track.cause,
        sip_code=track.sip_status,
    )
    return ended, (event,)


def _line_result(track: Track) -> LineResult | None:
    if track.is_answered:
        return LineResult.MACHINE if track.is_machine else LineResult.ANSWERED
    if not track.is_seen:
        return LineResult.FAILED  # Asterisk could not even make the channel: endpoint missing or trunk unreachable
    if track.is_withdrawn:
        return LineResult.NO_ANSWER if track.has_rung else None
    timed_out = track.originated is Originated.TIMED_OUT
    return classify(track.cause, track.sip_status, has_rung=track.has_rung, has_timed_out=timed_out)
