"""What may be done with a conversation under way: recording it, and a supervisor hearing, prompting, joining or taking it over."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class RecordingPlan:
    """How a call is recorded once debtor and operator are joined: one file for each direction, in the carrier's spool.

    Attributes:
        name: of the files, without direction and extension; letters, digits, '_' and '-' only.
        notice: sound that tells the debtor of the recording before the operator is heard; "" for none.
        notice_text: the same in words, for carriers that speak themselves.
    """

    name: str
    notice: str = ""
    notice_text: str = ""


RECORDING = "recording"  # the kind of the reports about recordings that the carrier holds itself
HELD_READY, HELD_EMPTY, HELD_FAILED = "ready", "empty", "failed"
GONE = "recording_gone"  # the code of a refusal: the carrier does not have this recording any more


@dataclass(frozen=True, slots=True)
class HeldRecording:
    """A recording that the carrier holds and has done with.

    Attributes:
        sid: the carrier's id of it.
        status: ready, empty or failed.
        key: of the report that says so; unique.
    """

    sid: str
    status: str
    key: str

    def noted(self, channel_id: str) -> dict[str, str]:
        """As it waits in the carrier's inbox."""
        return {"ref": channel_id, "event": RECORDING, "sid": self.sid, "status": self.status}


class SupervisionMode(StrEnum):
    """What a supervisor does with an operator's conversation."""

    LISTEN = "listen"  # hears both, is heard by nobody
    WHISPER = "whisper"  # hears both, is heard by the operator only
    BARGE = "barge"  # all three hear each other
    TAKE_OVER = "take_over"  # the supervisor talks with the debtor, the operator is out


@dataclass(frozen=True, slots=True)
class SupervisionRequest:
    """A supervisor's phone is to be with an operator's conversation, in some way.

    Attributes:
        leg_id: our id of the supervisor's leg.
        address: where the supervisor's phone is, in the carrier's terms.
        mode: what is wanted; a leg that is not up yet can't take over.
        room_id: the operator's room.
        operator_channel: the channel of the operator's phone in it.
        channel_id: the debtor's channel, if there is one now.
        was: what the leg does now; None when the phone has to be called first.
    """

    leg_id: str
    address: str
    mode: SupervisionMode
    room_id: str
    operator_channel: str
    channel_id: str | None = None
    was: SupervisionMode | None = None
