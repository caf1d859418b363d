"""Whether the trunk carries calls at all: after some in a row that it could not make it is left alone, then tried with one. Pure.

A carrier without a circuit answers 503 at once; dialled at its usual pace, a list would be gone in minutes with nobody reached. So, as in
Nygard's "Release It!" (circuit breaker): `MOST_FAILURES` calls in a row hold all others back for a pause, then one call goes out. Its word
decides: made, and all go on as before; failed, and the next pause is longer, but never so long that people wait for a trunk that is back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from campaigns.attempts.codes import LineResult
from dialer.telephony.errors import CarrierRefused
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.telephony.port import is_leg_id

MOST_FAILURES = 5
IN_A_ROW_SECONDS = 60.0  # failures further apart than that are no row
PAUSES = (5.0, 10.0, 15.0)  # seconds; the last one as often as it takes
PROBE_SECONDS = 20.0  # nothing is told of the one call that tries: another may
CARRIER_DOWN, TRUNK_FAILING = "carrier_down", "trunk_failing"
# The network took the call, and knows where to.
PROOFS = frozenset({EventKind.RINGING, EventKind.ANSWERED, EventKind.MACHINE, EventKind.BRIDGED})
SAYS_NOTHING = (None, LineResult.NO_ANSWER)  # a trunk that is dead rings nobody either
# Refusals that are about the number and not about us; Twilio's error dictionary.
OF_THE_NUMBER = frozenset({"twilio_13223", "twilio_13224", "twilio_21211", "twilio_21214", "twilio_21217"})


@dataclass(frozen=True, slots=True)
class Trunk:
    """What is known of the trunk; moments are seconds of a clock that nobody sets.

    Attributes:
        failed: channels of the last calls, if the trunk could make none of them; failed_at: when the last one failed.
        held_until: calls are held back until then, and after it but for one at a time; None while all goes well.
        pauses: how many pauses there were in a row.
        probe: channel of the one call that tries; probed_at: since when.
    """

    failed: tuple[str, ...] = ()
    failed_at: float = 0.0
    held_until: float | None = None
    pauses: int = 0
    probe: str = ""
    probed_at: float = 0.0

    @property
    def problem(self) -> str:
        """Why calls are held back, as waiting operators and the board are told; "" while they are not."""
        return TRUNK_FAILING if self.held_until is not None else ""

    def opens_at(self, at: float) -> float:
        """From when on a call may be handed over."""
        if self.held_until is None:
            return at
        return max(self.held_until, self.probed_at + PROBE_SECONDS) if self.probe else self.held_until

    def calls_now(self, at: float, wanted: int) -> int:
        """How many of the wanted calls may be handed over."""
        if self.held_until is None:
            return wanted
        return min(wanted, 1) if at >= self.opens_at(at) else 0

    def handed_over(self, channel_id: str, at: float) -> Trunk:
        """A call was handed over, or perhaps was; while others are held back it is the one that tries."""
        return self if self.held_until is None else replace(self, probe=channel_id, probed_at=at)

    def made(self, channel_id: str) -> Trunk:
        """The trunk made this call. While it is held back, calls of before say nothing about it."""
        return self if self.held_until is not None and channel_id != self.probe else Trunk()

    def could_not(self, channel_id: str, at: float) -> Trunk:
        """The trunk could not make this call; told twice it counts once."""
        if self.held_until is not None:
            is_probe = channel_id == self.probe
            return replace(self, held_until=at + _pause(self.pauses), pauses=self.pauses + 1, probe="") if is_probe else self
        if channel_id in self.failed:
            return self
        failed = (*self.failed, channel_id) if at - self.failed_at <= IN_A_ROW_SECONDS else (channel_id,)
        if len(failed) < MOST_FAILURES:
            return Trunk(failed, at)
        return Trunk(failed, at, held_until=at + _pause(0), pauses=1)

    def heard(self, event: CarrierEvent, at: float) -> Trunk:
        """What the carrier tells of a call to a debtor."""
        if is_leg_id(event.channel_id):
            return self
        if event.line_result is LineResult.FAILED:
            return self.could_not(event.channel_id, at)
        is_made = event.kind in PROOFS or event.line_result not in SAYS_NOTHING
        return self.made(event.channel_id) if is_made else self


def is_of_the_trunk(problem: CarrierRefused) -> bool:
    """Whether a refusal would meet the next number as well."""
    return problem.code == CarrierRefused.code or (problem.code.startswith("twilio_") and problem.code not in OF_THE_NUMBER)


def _pause(count: int) -> float:
    return PAUSES[min(count, len(PAUSES) - 1)]
