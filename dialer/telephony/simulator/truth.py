"""What truly happened on the simulated lines, for the check against reports and for operators that work by themselves."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from campaigns.attempts.codes import LineResult
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.telephony.simulator.sound import write_tones
from dialer.telephony.simulator.town import Fate

_KEEP = 200_000


@dataclass(frozen=True, slots=True)
class SimulatedCall:
    """What truly happened to one call; `line_result` and `ended_at` are None while it lasts."""

    channel_id: str
    number: str
    fate: Fate
    placed_at: datetime
    is_robocall: bool
    leg_id: str | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    line_result: LineResult | None = None
    digits: str = ""
    is_abandoned: bool = False
    caller_id: str = ""
    bridged_at: datetime | None = None


class Truth:
    """Every call, by channel; calls that came in stand apart.

    Args:
        spool: where recordings are left; None leaves none.
    """

    def __init__(self, spool: Path | None = None) -> None:
        self.calls: OrderedDict[str, SimulatedCall] = OrderedDict()
        self.incoming: OrderedDict[str, SimulatedCall] = OrderedDict()
        self._spool = spool
        self._recorded: dict[str, str] = {}

    def begin(self, call: SimulatedCall, recording: str | None) -> None:
        """A call goes out; `recording` is the name of its files."""
        self.calls[call.channel_id] = call
        if len(self.calls) > _KEEP:
            self.calls.popitem(last=False)
        if recording is not None:
            self._recorded[call.channel_id] = recording

    def find(self, channel_id: str) -> SimulatedCall | None:
        """The call on a channel, whoever began it."""
        return self.incoming.get(channel_id) or self.calls.get(channel_id)

    def note(self, event: CarrierEvent) -> SimulatedCall | None:
        """Something has happened: the call as it stands now; None where a voice leg or nobody is meant."""
        call = self.find(event.channel_id)
        if call is None:
            return None
        match event.kind:
            case EventKind.BRIDGED:
                call = replace(call, bridged_at=call.bridged_at or event.at, answered_at=call.answered_at or event.at)
            case EventKind.ANSWERED:
                call = replace(call, answered_at=event.at)
            case EventKind.ABANDONED:
                call = replace(call, is_abandoned=True)
            case EventKind.DIGIT:
                call = replace(call, digits=call.digits + (event.digit or ""))
            case EventKind.ENDED:
                call = replace(call, ended_at=event.at, line_result=event.line_result)
                self._record(call)
        known = self.incoming if event.channel_id in self.incoming else self.calls
        known[event.channel_id] = call
        return call

    def _record(self, call: SimulatedCall) -> None:
        """Leaves a recording behind, as Asterisk's MixMonitor would."""
        name = self._recorded.pop(call.channel_id, None)
        if name is not None and self._spool is not None and call.answered_at is not None and call.ended_at is not None:
            write_tones(self._spool, name, (call.ended_at - call.answered_at).total_seconds())
