"""The port: what the dialer asks of a carrier, in intention verbs.

To add a carrier, copy `simulator/`, fulfil `Carrier`, and register it in `dialer/telephony/registry.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from dialer.telephony.conversation import RecordingPlan, SupervisionRequest
from dialer.telephony.events import CarrierEvent


@dataclass(frozen=True, slots=True)
class RobocallPlan:
    """What an automated call says and which keys it understands.

    Attributes:
        prompt: name of the recorded or synthesised sound (without extension), known to the carrier's sound folder.
        text: the same in words, for carriers that speak themselves (`<Say language="ja-JP">`) and for the simulator.
        keys: digits that are answers, for instance "1239".
        repeats: how often the prompt is played before giving up.
        wait_seconds: how long to wait for a key after each playing.
        thanks: sound played after a key, thanks_text the same in words.
    """

    prompt: str
    text: str
    keys: str = "1239"
    repeats: int = 2
    wait_seconds: float = 4.0
    thanks: str = ""
    thanks_text: str = ""


@dataclass(frozen=True, slots=True)
class OriginateRequest:
    """A call to a debtor.

    Attributes:
        channel_id: our id of the channel, unique for ever; the carrier must use it or map it.
        number: E.164, for instance "+81312345678"; already passed by the gate.
        caller_id: the published number of the office, E.164.
        ring_seconds: give up after this long without an answer.
        leg_id: the operator's standing leg that is joined on answer; None for a robocall.
        robocall: what to say; None for an operator's call.
        recording: how the conversation is recorded; None leaves it unrecorded.
    """

    channel_id: str
    number: str
    caller_id: str
    ring_seconds: float = 30.0
    leg_id: str | None = None
    robocall: RobocallPlan | None = None
    recording: RecordingPlan | None = None


@dataclass(frozen=True, slots=True)
class LegRequest:
    """An operator's own voice leg, nailed up while signed in.

    Attributes:
        leg_id: our id of the leg's channel; the conference room of the operator has the same name.
        address: where the operator's phone is, in the carrier's terms (PJSIP endpoint name, client identity, E.164).
    """

    leg_id: str
    address: str


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One line of `callcenter telephony check`: what was tried, whether it worked, what to do if not."""

    name: str
    is_ok: bool
    detail: str
    hint: str = ""


class Carrier(Protocol):
    """A way to make calls. Methods are called by one dialer thread; events may be collected on others.

    Raises (every verb): CarrierRefused, CarrierUnreachable, HandoverUnknown of `dialer.telephony.errors`.
    """

    name: str

    def connect(self) -> None:
        """Connects, or starts connecting in the background; a lost connection is remade without being asked."""

    def close(self) -> None:
        """Lets go of everything; no thread may survive it."""

    def is_connected(self) -> bool:
        """Whether a call could be handed over now."""

    def originate(self, request: OriginateRequest) -> None:
        """Hands one call over; returns once the carrier has it, does not wait for its end."""

    def hang_up(self, channel_id: str) -> None:
        """Ends a channel; unknown ids are a no-op."""

    def bridge(self, channel_id: str, leg_id: str) -> None:
        """Joins an answered channel with an operator's leg (when it was not named in the request)."""

    def open_leg(self, request: LegRequest) -> None:
        """Calls an operator's phone and keeps it in its conference room."""

    def close_leg(self, leg_id: str) -> None:
        """Ends an operator's leg; unknown ids are a no-op."""

    def supervise(self, request: SupervisionRequest) -> None:
        """Calls a supervisor's phone to an operator's conversation, or changes what it does there; LEG_UP tells that it took effect."""

    def poll(self, timeout: float) -> Sequence[CarrierEvent]:
        """Events since the last poll, in order of arrival; waits up to `timeout` seconds for the first one."""

    def live_channels(self) -> frozenset[str] | None:
        """Ids of all channels alive on the carrier; None when it can't be told now."""

    def check(self) -> Sequence[CheckLine]:
        """Tries the connection and the settings without calling anybody."""


@dataclass(frozen=True, slots=True)
class CarrierLimits:
    """Caps of a trunk: calls per second and concurrent lines."""

    calls_per_second: float = 1.0
    max_lines: int = 8
    blocked_prefixes: tuple[str, ...] = field(default=())
