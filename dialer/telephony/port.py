"""The port: what the dialer asks of a carrier, in intention verbs.

To add a carrier, copy `simulator/`, fulfil `Carrier`, and register it in `dialer/telephony/registry.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from dialer.telephony.conversation import RecordingPlan, SupervisionRequest
from dialer.telephony.events import CarrierEvent
from dialer.telephony.robocall import RobocallPlan


@dataclass(frozen=True, slots=True)
class Announcement:
    """What an answered debtor hears when no operator is there within `patience` seconds; then the carrier hangs up.

    Attributes:
        sound: name of the recorded or synthesised sound (without extension), as for a robocall's prompt; text: the same in words.
    """

    sound: str
    text: str
    patience: float = 2.0


@dataclass(frozen=True, slots=True)
class OriginateRequest:
    """A call to a debtor.

    Attributes:
        channel_id: our id of the channel, unique for ever; the carrier must use it or map it.
        number: E.164, for instance "+81312345678"; already passed by the gate.
        caller_id: the published number of the office, E.164.
        ring_seconds: give up after this long without an answer.
        leg_id: the room of the operator's standing leg, joined on answer; None for a robocall and for a predictive call.
        robocall: what to say; None for an operator's call.
        recording: how the conversation is recorded; None leaves it unrecorded.
        nobody: said when no operator is there; a predictive call has it, and is joined by `bridge` once an operator is chosen.
        valid_until: the permission to call ends; whoever comes later to hand the call over must leave it.
    """

    channel_id: str
    number: str
    caller_id: str
    ring_seconds: float = 30.0
    leg_id: str | None = None
    robocall: RobocallPlan | None = None
    recording: RecordingPlan | None = None
    nobody: Announcement | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class LegRequest:
    """An operator's own voice leg, nailed up while signed in.

    Attributes:
        leg_id: our id of the leg's channel; contains "leg-".
        address: where the operator's phone is, in the carrier's terms (PJSIP endpoint name, client identity, E.164).
        room: the conference room the leg stands in, the same after each break; "" is a room named after the leg.
        is_muted: the leg begins muted.
        is_guest: a tax officer who is asked into the operator's room: the room does not depend on this leg.
        caller_id: shown on that phone, E.164 or "".
    """

    leg_id: str
    address: str
    room: str = ""
    is_muted: bool = False
    is_guest: bool = False
    caller_id: str = ""

    @property
    def room_id(self) -> str:
        """The room's name."""
        return self.room or self.leg_id


def is_leg_id(channel_id: str) -> bool:
    """Whether one of our channel ids is a phone of ours (an operator's or an officer's), not a debtor's."""
    return "leg-" in channel_id


@dataclass(frozen=True, slots=True)
class PhoneLogin:
    """A browser's phone that may register.

    Attributes:
        name: of the phone; also the address of its leg.
        realm: REALM.
        digest: MD5 of name:realm:password in hexadecimal; the password itself goes to the browser only.
    """

    name: str
    digest: str


REALM = "callcenter"


@dataclass(frozen=True, slots=True)
class CallerNotice:
    """What a caller is told: sounds by name, each with its words for carriers that speak themselves; then they wait, or the line ends."""

    channel_id: str
    sounds: tuple[tuple[str, str], ...]
    is_last: bool = False


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

    Attributes:
        can_predict: whether it keeps an answered call for an operator, and says `OriginateRequest.nobody` by itself when none comes.
        keeps_until_polled: what `poll` gave would be given again after a crash, until it is called once more: by then it must be on record.
    """

    name: str
    can_predict: bool
    keeps_until_polled: bool

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
        """Joins an answered channel with whoever is in the room `leg_id`: when it was not named in the request, and after a hold.

        An answer that waited too long for it hears `OriginateRequest.nobody` instead.
        """

    def announce(self, notice: CallerNotice) -> None:
        """Answers a call that came in, if it is not yet, and tells the caller something."""

    def hold(self, channel_id: str) -> None:
        """Takes an answered debtor out of the room: a quiet tone there, silence for the operator. `bridge` ends it."""

    def mute(self, leg_id: str, room: str, *, is_muted: bool) -> None:
        """Nobody in the room hears this leg any more, or again."""

    def send_keys(self, channel_id: str, keys: str, room: str) -> None:
        """Presses keys (0-9 * #) towards the debtor, who is in `room`."""

    def hand_over(self, channel_id: str, guest_id: str) -> None:
        """Moves the debtor and the guest's leg into a room of their own; the operator's leg stays where it is."""

    def make_phone(self, login: PhoneLogin) -> None:
        """Lets a browser's phone register; the same again is a no-op, another digest replaces the former."""

    def drop_phone(self, name: str) -> None:
        """It may not register any more; unknown names are a no-op."""

    def open_leg(self, request: LegRequest) -> None:
        """Calls a phone and keeps it in its conference room; LEG_UP when it stands there, LEG_DOWN when it is gone or was not answered."""

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
