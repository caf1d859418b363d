"""The states of an operator at work, and what follows a call: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class AgentState(StrEnum):
    """What an operator is doing."""

    PAUSED = "paused"
    READY = "ready"
    RESERVED = "reserved"  # a case is theirs, or a call is being made for them
    RINGING = "ringing"
    TALKING = "talking"
    WRAP_UP = "wrap_up"
    ENDED = "ended"


_A = AgentState
TRANSITIONS: Mapping[AgentState, frozenset[AgentState]] = {
    _A.PAUSED: frozenset({_A.READY, _A.WRAP_UP, _A.ENDED}),  # wrap-up: the last result was taken back
    # A predictive call is answered before anybody was reserved for it; wrap-up as above.
    _A.READY: frozenset({_A.RESERVED, _A.TALKING, _A.WRAP_UP, _A.PAUSED, _A.ENDED}),
    # A call may end before it rings, be answered at once, or its answer and its end may be told together after a lost connection.
    _A.RESERVED: frozenset({_A.RINGING, _A.TALKING, _A.WRAP_UP, _A.READY, _A.PAUSED, _A.ENDED}),
    _A.RINGING: frozenset({_A.TALKING, _A.WRAP_UP, _A.READY, _A.PAUSED, _A.ENDED}),
    _A.TALKING: frozenset({_A.WRAP_UP, _A.READY, _A.PAUSED, _A.ENDED}),  # without wrap-up when a machine was recognised
    _A.WRAP_UP: frozenset({_A.READY, _A.PAUSED, _A.ENDED}),
    _A.ENDED: frozenset(),
}

IN_CALL = frozenset({AgentState.RESERVED, AgentState.RINGING, AgentState.TALKING, AgentState.WRAP_UP})
ON_LINE = frozenset({AgentState.RESERVED, AgentState.RINGING, AgentState.TALKING})


class PauseReason(StrEnum):
    """離席理由: why an operator takes no calls; the last five are not the operator's to choose."""

    BREAK = "break"
    MEETING = "meeting"
    TRAINING = "training"
    PAPERWORK = "paperwork"
    OTHER = "other"
    SIGNED_IN = "signed_in"
    WRAP_UP_EXPIRED = "wrap_up_expired"
    CONSOLE_GONE = "console_gone"
    LEG_DOWN = "leg_down"
    BY_SUPERVISOR = "by_supervisor"


PAUSE_REASON_JA: Mapping[PauseReason, str] = {
    PauseReason.BREAK: "休憩",
    PauseReason.MEETING: "打合せ",
    PauseReason.TRAINING: "研修",
    PauseReason.PAPERWORK: "事務処理",
    PauseReason.OTHER: "その他",
    PauseReason.SIGNED_IN: "開始前",
    PauseReason.WRAP_UP_EXPIRED: "後処理の時間切れ",
    PauseReason.CONSOLE_GONE: "画面との接続切れ",
    PauseReason.LEG_DOWN: "音声回線が切れた",
    PauseReason.BY_SUPERVISOR: "リーダーによる離席",
}
CHOOSABLE_PAUSES = (PauseReason.BREAK, PauseReason.MEETING, PauseReason.TRAINING, PauseReason.PAPERWORK, PauseReason.OTHER)


@dataclass(frozen=True, slots=True)
class NextState:
    """Where an operator goes; `pause_reason` is for paused only."""

    state: AgentState
    pause_reason: str = ""


def after_call(next_state: str, next_pause_reason: str) -> NextState:
    """What follows the present call: what was asked for during it, else the next call."""
    if next_state == AgentState.PAUSED:
        return NextState(AgentState.PAUSED, next_pause_reason or PauseReason.OTHER)
    if next_state == AgentState.ENDED:
        return NextState(AgentState.ENDED)
    return NextState(AgentState.READY)


def can_move(was: AgentState, to: AgentState) -> bool:
    """Whether an operator may go from one state to another."""
    return to in TRANSITIONS[was]
