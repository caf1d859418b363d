"""What will come of a call that is handed over, if nobody interferes. Pure."""

from __future__ import annotations

from campaigns.attempts.codes import LineResult
from dialer.telephony.events import EventKind
from dialer.telephony.port import OriginateRequest
from dialer.telephony.simulator.town import Fate
from dialer.telephony.simulator.walk import Moment, moments

JOIN_SECONDS = 0.003  # from the answer, or from the order to join, until both hear each other
ANNOUNCEMENT_SECONDS = 6.0  # how long the words last that an abandoned call hears
_DETECTION_SECONDS = 1.5
_RINGS_NOWHERE = frozenset({LineResult.UNOBTAINABLE, LineResult.FAILED, LineResult.BUSY, LineResult.UNREACHABLE})


def course(request: OriginateRequest, fate: Fate, prompt_seconds: float, *, has_leg: bool, detects_machines: bool) -> list[Moment]:
    """Everything the carrier will tell of the call, in the order in which it is planned.

    Args:
        has_leg: the operator's leg that the request names stands in its room.
        detects_machines: machines are told as such.
    """
    found = [Moment(EventKind.PLACED, 0.0)]
    if fate.line_result not in _RINGS_NOWHERE:
        found.append(Moment(EventKind.RINGING, min(1.0, fate.ring / 2)))
    if fate.line_result not in (LineResult.ANSWERED, LineResult.MACHINE):
        return [*found, Moment(EventKind.ENDED, min(fate.ring, request.ring_seconds), line_result=fate.line_result)]
    if fate.ring >= request.ring_seconds:
        return [*found, Moment(EventKind.ENDED, request.ring_seconds, line_result=LineResult.NO_ANSWER)]
    found.append(Moment(EventKind.ANSWERED, fate.ring))
    if fate.line_result is LineResult.MACHINE and detects_machines:
        found.append(Moment(EventKind.MACHINE, fate.ring + _DETECTION_SECONDS))
    told, ends_after = _after_the_answer(request, fate, prompt_seconds, has_leg=has_leg)
    return [*found, *told, Moment(EventKind.ENDED, ends_after, line_result=fate.line_result)]


def _after_the_answer(request: OriginateRequest, fate: Fate, prompt_seconds: float, *, has_leg: bool) -> tuple[list[Moment], float]:
    """What happens between the answer and the end, and when the end is."""
    if request.robocall is not None:
        return moments(request.robocall, fate, prompt_seconds)
    if has_leg:
        return [Moment(EventKind.BRIDGED, fate.ring + JOIN_SECONDS)], fate.ring + fate.talk
    if request.nobody is not None:
        alone = fate.ring + request.nobody.patience
        return [Moment(EventKind.ABANDONED, alone)], alone + ANNOUNCEMENT_SECONDS
    return [], fate.ring + fate.talk
