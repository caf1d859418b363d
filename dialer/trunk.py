"""Whether the trunk carries calls at all: one that fails or says nothing is left alone, then tried with one call. Pure.

A carrier without a circuit answers 503 at once; dialled at its usual pace, a list would be gone in minutes with nobody reached. So, as in
Nygard's "Release It!" (circuit breaker): `MOST_FAILURES` calls in a row hold all others back for a pause, then one call goes out. Its word
decides: made, and all go on as before; failed, and the next pause is longer, but never so long that people wait for a trunk that is back.

A carrier that swallows calls says nothing, which is not the silence of people: a telephone that nobody picks up is told to ring, or the
network plays its sounds. A trunk is silent once `MOST_UNHEARD` calls have had no word at all for longer than any call takes to begin to
ring, and no other call had one since they left. What follows an answer is no such word: talks that our own operators end say nothing.
Where telephones ring for less than that, `MOST_BRIEF` calls have to end in silence; one let go before most calls ring says nothing. Nor
does silence where a trunk never tells of ringing, as an answer without it shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from campaigns.attempts.codes import LineResult
from dialer.telephony.errors import CarrierRefused
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.telephony.port import is_leg_id

MOST_FAILURES = 5
IN_A_ROW_SECONDS = 60.0  # failures further apart than that are no row
MOST_UNHEARD = 5
WORD_SECONDS = 12.0  # ITU-T E.721: a call rings within 11 s in 95 of 100 cases even abroad
KEPT_UNHEARD = 50
BRIEF_SECONDS, MOST_BRIEF = 8.0, 10  # the same source: within the country a call rings within 8 s in 95 of 100 cases
PAUSES = (5.0, 10.0, 15.0)  # seconds; the last one as often as it takes
PROBE_SECONDS = 20.0  # nothing is told of the one call that tries: another may
CARRIER_DOWN, TRUNK_FAILING, TRUNK_SILENT = "carrier_down", "trunk_failing", "trunk_silent"
# The network took the call, and knows where to.
RINGS = frozenset({EventKind.PROGRESS, EventKind.RINGING})
STANDS = frozenset({EventKind.ANSWERED, EventKind.MACHINE, EventKind.BRIDGED, EventKind.INCOMING})
SAYS_NOTHING = (None, LineResult.NO_ANSWER)  # a trunk that is dead rings nobody either
# Refusals that are about the number and not about us; Twilio's error dictionary.
OF_THE_NUMBER = frozenset({"twilio_13223", "twilio_13224", "twilio_21211", "twilio_21214", "twilio_21217"})


@dataclass(frozen=True, slots=True)
class Trunk:
    """What is known of the trunk; moments are seconds of a clock that nobody sets.

    Attributes:
        failed: channels of the last calls, if the trunk could make none of them; failed_at: when the last one failed.
        unheard: channels handed over since any call had a word, and when; those that had to end before one was due are not among them.
        brief: those of them that ended a little before, when nearly all calls ring already.
        held_until: calls are held back until then, and after it but for one at a time; None while all goes well.
        is_silent: they are since nothing is told of any, not since calls fail.
        pauses: how many pauses there were in a row.
        probe: channel of the one call that tries; probed_at: since when.
        is_mute: somebody answered a call that was never told to ring: so it is with all of this trunk. None until one has shown.
        standing: channels of calls that were answered or came in: what is told of them from then on may be our own doing.
    """

    failed: tuple[str, ...] = ()
    failed_at: float = 0.0
    unheard: tuple[tuple[str, float], ...] = ()
    brief: tuple[str, ...] = ()
    held_until: float | None = None
    is_silent: bool = False
    pauses: int = 0
    probe: str = ""
    probed_at: float = 0.0
    is_mute: bool | None = field(default=None, compare=False)
    standing: frozenset[str] = field(default=frozenset(), compare=False)

    @property
    def problem(self) -> str:
        """Why calls are held back, as waiting operators and the board are told; "" while they are not."""
        if self.held_until is None:
            return ""
        return TRUNK_SILENT if self.is_silent else TRUNK_FAILING

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
        if self.held_until is not None:
            return replace(self, probe=channel_id, probed_at=at)
        return replace(self, unheard=(*self.unheard, (channel_id, at))[:KEPT_UNHEARD])

    def made(self, channel_id: str) -> Trunk:
        """The trunk made this call. While it is held back for failures, calls of before say nothing about it."""
        is_old_news = self.held_until is not None and not self.is_silent and channel_id != self.probe
        return self if is_old_news else Trunk(is_mute=self.is_mute, standing=self.standing)

    def could_not(self, channel_id: str, at: float) -> Trunk:
        """The trunk could not make this call; told twice it counts once."""
        if self.held_until is not None:
            if channel_id != self.probe:
                return self
            return replace(self, held_until=at + _pause(self.pauses), is_silent=False, pauses=self.pauses + 1, probe="")
        if channel_id in self.failed:
            return self
        failed = (*self.failed, channel_id) if at - self.failed_at <= IN_A_ROW_SECONDS else (channel_id,)
        heard = replace(self._without(channel_id), failed=failed, failed_at=at)
        return heard if len(failed) < MOST_FAILURES else replace(heard, held_until=at + _pause(0), pauses=1)

    def waited(self, at: float) -> Trunk:
        """As it stands by now, nothing having been told since: silent, once too many calls have had no word for too long."""
        if self.is_mute or self.held_until is not None:
            return self
        overdue = sum(at - since >= WORD_SECONDS for _, since in self.unheard)
        is_silent = overdue >= MOST_UNHEARD or overdue + len(self.brief) >= MOST_BRIEF
        return replace(self, held_until=at + _pause(0), is_silent=True, pauses=1) if is_silent else self

    def heard(self, event: CarrierEvent, at: float) -> Trunk:
        """What the carrier tells of a call to a debtor, or that it is connected anew: what it told meanwhile nobody heard."""
        if event.kind is EventKind.RESYNC:
            return replace(self, unheard=(), brief=(), standing=self.standing & event.live)
        if is_leg_id(event.channel_id):
            return self
        if event.line_result is LineResult.FAILED:
            return self.could_not(event.channel_id, at)
        if event.channel_id in self.standing and event.kind not in RINGS:
            return replace(self, standing=self.standing - {event.channel_id}) if event.kind is EventKind.ENDED else self
        if event.kind in STANDS:
            stands = replace(self, standing=self.standing | {event.channel_id})
            return stands if event.kind is EventKind.INCOMING else stands._listened(event.kind).made(event.channel_id)
        if event.kind in RINGS or event.line_result not in SAYS_NOTHING:
            return self._listened(event.kind).made(event.channel_id)
        return self._ended_unheard(event.channel_id, at) if event.kind is EventKind.ENDED else self

    def _listened(self, kind: EventKind) -> Trunk:
        if kind in RINGS:
            return replace(self, is_mute=False)
        return replace(self, is_mute=True) if kind is EventKind.ANSWERED and self.is_mute is None else self

    def _ended_unheard(self, channel_id: str, at: float) -> Trunk:
        """We let go of a call: long before its first word was due that says nothing, a little before not much."""
        since = dict(self.unheard).get(channel_id)
        if since is None or at - since >= WORD_SECONDS:
            return self
        left = self._without(channel_id)
        return left if at - since < BRIEF_SECONDS else replace(left, brief=(*self.brief, channel_id)[:MOST_BRIEF])

    def _without(self, channel_id: str) -> Trunk:
        return replace(self, unheard=tuple(one for one in self.unheard if one[0] != channel_id))


def is_of_the_trunk(problem: CarrierRefused) -> bool:
    """Whether a refusal would meet the next number as well."""
    return problem.code == CarrierRefused.code or (problem.code.startswith("twilio_") and problem.code not in OF_THE_NUMBER)


def _pause(count: int) -> float:
    return PAUSES[min(count, len(PAUSES) - 1)]
