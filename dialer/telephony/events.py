"""What carriers tell, in our words: frozen, with a key that makes a second delivery a no-op."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from campaigns.attempts.codes import LineResult


class EventKind(StrEnum):
    """Kinds of carrier events; for a debtor's channel unless said otherwise."""

    PLACED = "placed"  # the carrier took the request
    PROGRESS = "progress"  # the network is at work on the call, and plays its sounds perhaps; about the trunk, never on a call's record
    RINGING = "ringing"
    ANSWERED = "answered"
    MACHINE = "machine"  # an answering machine was recognised
    BRIDGED = "bridged"  # debtor and operator hear each other
    ABANDONED = "abandoned"  # answered, no operator in time: the debtor hears why and the call ends
    DIGIT = "digit"  # one key pressed by the debtor
    PROMPT_DONE = "prompt_done"  # a robocall's message was played to its end
    NODE = "node"  # a robocall went on to this node of its script
    INCOMING = "incoming"  # somebody calls the published number; carries `caller` and `called`
    TRANSFER = "transfer"  # a robocall's listener asks for an operator and waits
    RECORDED = "recorded"  # the carrier holds a recording of the call: for whoever keeps recordings, never for the call
    ENDED = "ended"  # the call is over; carries `line_result`
    LEG_UP = "leg_up"  # an operator's own voice leg stands (channel_id is the leg's)
    LEG_DOWN = "leg_down"
    RESYNC = "resync"  # connection (re)made: `live` holds every channel the carrier still has


@dataclass(frozen=True, slots=True)
class CarrierEvent:
    """One thing that happened on a carrier.

    Attributes:
        kind: what happened.
        channel_id: our own id of the channel (`Call.channel_id` or `AgentSession.leg_id`); empty for RESYNC.
        at: when, aware, UTC.
        key: unique per carrier and happening; the same happening told twice has the same key.
        line_result: for ENDED, how the line ended before any answer, or ANSWERED; None when the carrier's word is unknown. For
            LEG_DOWN of a phone that never stood, why.
        cause: Q.850 cause where known.
        sip_code: SIP status where known.
        digit: for DIGIT, one of 0-9*#.
        node: the node of a robocall's script that was entered, for NODE, TRANSFER, and where a carrier tells both at once DIGIT.
        step: for those, the how manieth node of the call it is, from 1.
        caller, called: for INCOMING, E.164; None where withheld or not told.
        live: for RESYNC, the ids of all channels alive on the carrier.
    """

    kind: EventKind
    channel_id: str
    at: datetime
    key: str
    line_result: LineResult | None = None
    cause: int | None = None
    sip_code: int | None = None
    digit: str | None = None
    node: str | None = None
    step: int = 0
    caller: str | None = None
    called: str | None = None
    live: frozenset[str] = frozenset()
