"""The life of one call: a pure state machine that does not care in which order, or how often, the carrier tells things.

A view only ever grows: moments keep their earliest value, the state only moves right, and what a call came to is worked out from
everything known. So duplicates, late and lost events leave the same view as the orderly tale, as long as the end is told or reconciled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from campaigns.attempts.codes import LineResult
from dialer.telephony.events import CarrierEvent, EventKind


class CallState(StrEnum):
    """States of a call, in the order in which they follow each other."""

    PLACING = "placing"  # on record, perhaps handed to the carrier: nobody knows yet
    PLACED = "placed"
    RINGING = "ringing"
    ANSWERED = "answered"
    BRIDGED = "bridged"
    ENDED = "ended"


UNANSWERED = (CallState.PLACING, CallState.PLACED, CallState.RINGING)

_S = CallState
TRANSITIONS: Mapping[CallState, frozenset[CallState]] = {
    # Carriers leave steps out: a mobile may answer without ringing, a refused call ends without having been placed.
    _S.PLACING: frozenset({_S.PLACED, _S.RINGING, _S.ANSWERED, _S.BRIDGED, _S.ENDED}),
    _S.PLACED: frozenset({_S.RINGING, _S.ANSWERED, _S.BRIDGED, _S.ENDED}),
    _S.RINGING: frozenset({_S.ANSWERED, _S.BRIDGED, _S.ENDED}),
    _S.ANSWERED: frozenset({_S.BRIDGED, _S.ENDED}),
    _S.BRIDGED: frozenset({_S.ENDED}),
    _S.ENDED: frozenset(),
}

_REACHED: Mapping[EventKind, CallState] = {
    EventKind.PLACED: CallState.PLACED,
    EventKind.RINGING: CallState.RINGING,
    EventKind.ANSWERED: CallState.ANSWERED,
    EventKind.MACHINE: CallState.ANSWERED,
    EventKind.ABANDONED: CallState.ANSWERED,
    EventKind.DIGIT: CallState.ANSWERED,
    EventKind.PROMPT_DONE: CallState.ANSWERED,
    EventKind.NODE: CallState.ANSWERED,
    EventKind.TRANSFER: CallState.ANSWERED,
    EventKind.BRIDGED: CallState.BRIDGED,
    EventKind.ENDED: CallState.ENDED,
}


@dataclass(frozen=True, slots=True)
class CallView:
    """What is known of a call.

    Attributes:
        line_result: what the line did so far; final once `state` is ended.
        told_result: the carrier's own word at the end, before a machine or an answer overrules it.
        is_machine: an answering machine was recognised.
        is_guessed: the end was concluded, not told: the carrier's own word, however late, takes its place.
        is_abandoned: the debtor was told that no operator is there; joined with one all the same, it was not so.
        keys: pressed keys with their moment and event key, in the order of pressing.
    """

    state: CallState = CallState.PLACING
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    bridged_at: datetime | None = None
    ended_at: datetime | None = None
    is_machine: bool = False
    is_abandoned: bool = False
    is_guessed: bool = False
    told_result: LineResult | None = None
    cause: int | None = None
    sip_code: int | None = None
    keys: tuple[tuple[datetime, str, str], ...] = ()

    @property
    def digits(self) -> str:
        """The pressed keys as one string."""
        return "".join(digit for _, _, digit in self.keys)

    @property
    def line_result(self) -> LineResult | None:
        """回線結果 as far as it is known; a call that ended without a known word of the carrier has failed."""
        if self.is_machine:
            return LineResult.MACHINE
        if self.is_abandoned and self.bridged_at is None:
            return LineResult.ABANDONED
        if self.answered_at is not None:
            return LineResult.ANSWERED
        if self.state is not CallState.ENDED:
            return None
        return self.told_result or LineResult.FAILED


@dataclass(frozen=True, slots=True)
class Change:
    """A step of a call: the view after it, and what is new in it."""

    view: CallView
    was: CallState
    is_answer: bool = False
    is_end: bool = False
    is_machine: bool = False
    is_abandoned: bool = False
    is_correction: bool = False

    @property
    def state(self) -> CallState:
        """The state after the step."""
        return self.view.state


def advance(view: CallView, event: CarrierEvent) -> Change | None:
    """Folds one carrier event into the view; None when it says nothing new.

    `is_correction` marks a late event that changes what an ended call came to.
    """
    reached = _REACHED.get(event.kind)
    if reached is None:
        return None
    after = _with_facts(view, event, reached)
    if reached is not view.state and reached in TRANSITIONS[view.state]:
        after = replace(after, state=reached)
    if after == view:
        return None
    has_ended = view.state is CallState.ENDED
    return Change(
        view=after,
        was=view.state,
        is_answer=view.answered_at is None and after.answered_at is not None and not has_ended,
        is_end=not has_ended and after.state is CallState.ENDED,
        is_machine=after.is_machine and not view.is_machine and not has_ended,
        is_abandoned=after.line_result is LineResult.ABANDONED and not view.is_abandoned and not has_ended,
        is_correction=has_ended and (after.line_result, after.digits) != (view.line_result, view.digits),
    )


def _with_facts(view: CallView, event: CarrierEvent, reached: CallState) -> CallView:
    if reached is CallState.RINGING:
        return replace(view, ringing_at=_earlier(view.ringing_at, event.at))
    if reached is CallState.ANSWERED:
        answered = replace(view, answered_at=_earlier(view.answered_at, event.at))
        if event.kind is EventKind.DIGIT and event.digit:
            return _with_key(answered, (event.at, event.key, event.digit))
        if event.kind is EventKind.ABANDONED:
            return replace(answered, is_abandoned=True)
        return replace(answered, is_machine=True) if event.kind is EventKind.MACHINE else answered
    if reached is CallState.BRIDGED:
        # Who is joined with an operator has answered, even if that event went lost.
        return replace(view, answered_at=_earlier(view.answered_at, event.at), bridged_at=_earlier(view.bridged_at, event.at))
    return _with_end(view, event) if reached is CallState.ENDED else view


def _with_key(view: CallView, key: tuple[datetime, str, str]) -> CallView:
    known = {known[1] for known in view.keys}
    return view if key[1] in known else replace(view, keys=tuple(sorted((*view.keys, key))))


def _with_end(view: CallView, event: CarrierEvent) -> CallView:
    if view.ended_at is not None and (not view.is_guessed or event.line_result is None):
        return view
    is_machine = view.is_machine or event.line_result is LineResult.MACHINE
    is_answered = is_machine or event.line_result is LineResult.ANSWERED
    ended_at = _earlier(view.ended_at, event.at)
    return replace(
        view,
        ended_at=ended_at,
        answered_at=view.answered_at or (ended_at if is_answered else None),
        is_machine=is_machine,
        is_guessed=False,
        told_result=event.line_result,
        cause=event.cause,
        sip_code=event.sip_code,
    )


def _earlier(known: datetime | None, told: datetime) -> datetime:
    return told if known is None else min(known, told)
