"""The simulated carrier: keeps every promise of the port, calls nobody, and runs in real or virtual time.

Everything that will happen stands in its `Future`; `poll` hands out what is due. With a `ManualClock` time passes when told to,
with a `SystemClock` `poll` waits. What truly happened is kept in `calls`, for the check against reports and for simulated operators.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from callcenter.core.clock import Clock
from campaigns.attempts.codes import LineResult
from dialer.telephony.conversation import SupervisionMode, SupervisionRequest
from dialer.telephony.errors import CarrierError, CarrierRefused, CarrierUnreachable, HandoverUnknown, NotSupported
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.telephony.numbers import require_dialable
from dialer.telephony.port import CallerNotice, CheckLine, LegRequest, OriginateRequest, PhoneLogin
from dialer.telephony.simulator.course import ANNOUNCEMENT_SECONDS, JOIN_SECONDS, course
from dialer.telephony.simulator.future import Future
from dialer.telephony.simulator.town import Fate, TownBehaviour, fate_of, returned_call
from dialer.telephony.simulator.truth import SimulatedCall, Truth

GUEST_RINGS = 3.0  # seconds until a tax officer of the made-up town picks up
LAST_WORDS_SECONDS = 8.0


class SimulatedCarrier:
    """Fulfils `Carrier` with a town instead of a telephone network."""

    name = "simulator"
    can_predict = True
    keeps_until_polled = False

    def __init__(
        self,
        clock: Clock,
        seed: int = 1,
        town: TownBehaviour | None = None,
        *,
        is_scripted: bool = True,
        detects_machines: bool = True,
        spool: Path | None = None,
    ) -> None:
        self._clock = clock
        self._seed = seed
        self._town = town or TownBehaviour()
        self._is_scripted = is_scripted
        self._detects_machines = detects_machines
        self._future = Future(clock)
        self._plan = self._future.plan
        self._live: set[str] = set()
        self.supervisors: dict[str, SupervisionRequest] = {}
        self._legs: dict[str, str] = {}  # channel -> room
        self.sent_keys: dict[str, str] = {}
        self._waiting: set[str] = set()
        self._tries: Counter[str] = Counter()
        self._is_up = False
        self._next_error: CarrierError | None = None
        self.refuses_legs = False
        self._truth = Truth(spool)
        self.calls, self.incoming = self._truth.calls, self._truth.incoming
        self.said: list[CallerNotice] = []

    def connect(self) -> None:
        self._is_up = True
        live = frozenset(self._live | set(self._legs) | set(self.supervisors))
        self._future.tell(CarrierEvent(EventKind.RESYNC, "", self._clock.now(), f"resync:{uuid4().hex}", live=live))

    def close(self) -> None:
        self._is_up = False

    def drop(self, *, calls_survive: bool = True) -> None:
        """A fault for tests: the connection goes; with it, if the carrier itself died, every call and leg, without a word."""
        self._is_up = False
        if not calls_survive:
            self._future.clear()
            self._live.clear()
            self._legs.clear()
            self.supervisors.clear()

    def fail_next(self, error: CarrierError) -> None:
        """A fault for tests: the next hand-over raises this; after HandoverUnknown the call is made all the same."""
        self._next_error = error

    def is_connected(self) -> bool:
        return self._is_up

    def originate(self, request: OriginateRequest) -> None:
        self._require_up()
        require_dialable(request.number)
        if request.channel_id in self.calls:
            raise CarrierRefused("this channel id was used before; the call was not made again", code="used_twice")
        error, self._next_error = self._next_error, None
        if error is not None and not isinstance(error, HandoverUnknown):
            raise error
        self._begin(request)
        if error is not None:
            raise error

    def _begin(self, request: OriginateRequest) -> None:
        now = self._clock.now()
        self._tries[request.number] += 1
        nth = self._tries[request.number]
        fate = fate_of(request.number, nth, now, self._town, self._seed, is_scripted=self._is_scripted)
        is_robocall, channel_id = request.robocall is not None, request.channel_id
        call = SimulatedCall(channel_id, request.number, fate, now, is_robocall, request.leg_id, caller_id=request.caller_id)
        self._truth.begin(call, request.recording.name if request.recording is not None else None)
        self._live.add(channel_id)
        has_leg = request.leg_id is not None and request.leg_id in self._legs.values()
        planned = course(request, fate, self._town.prompt_seconds, has_leg=has_leg, detects_machines=self._detects_machines)
        for one in planned:
            self._plan(channel_id, one.kind, one.seconds, line_result=one.line_result, digit=one.digit, node=one.node, step=one.step)
        if any(one.kind is EventKind.ABANDONED for one in planned):
            self._waiting.add(channel_id)

    def hang_up(self, channel_id: str) -> None:
        if channel_id not in self._live:
            return
        call = self.incoming.get(channel_id) or self.calls[channel_id]
        line_result = LineResult.NO_ANSWER if call.answered_at is None else call.fate.line_result
        self._forget(channel_id)
        self._live.add(channel_id)
        self._plan(channel_id, EventKind.ENDED, 0.0, line_result=line_result)

    def bridge(self, channel_id: str, leg_id: str) -> None:
        self._require_up()
        if channel_id not in self._live:
            raise CarrierRefused("there is no such call to join")
        if channel_id in self._waiting:
            self._end_waiting(channel_id, leg_id)
            return
        if leg_id not in self._legs.values():
            raise CarrierRefused("there is no such voice leg to join")
        call = self._truth.find(channel_id)
        if call is not None and call.leg_id is None and call.bridged_at is None:  # what else would have happened does not any more
            self._forget(channel_id)
            self._live.add(channel_id)
            self._plan(channel_id, EventKind.ENDED, max(1.0, call.fate.talk), line_result=call.fate.line_result)
        self._plan(channel_id, EventKind.BRIDGED, JOIN_SECONDS)

    def _end_waiting(self, channel_id: str, leg_id: str) -> None:
        """The wait for an operator ends: they talk, or the debtor hears that nobody is there. Once told so, a call stays abandoned."""
        call = self.calls[channel_id]
        if not self._future.expects(channel_id, EventKind.ABANDONED):
            return
        self._waiting.discard(channel_id)
        self._forget(channel_id, but=EventKind.MACHINE)
        self._live.add(channel_id)
        if leg_id not in self._legs.values():
            self._plan(channel_id, EventKind.ABANDONED, 0.0)
            self._plan(channel_id, EventKind.ENDED, ANNOUNCEMENT_SECONDS, line_result=call.fate.line_result)
            return
        self.calls[channel_id] = replace(call, leg_id=leg_id)
        self._plan(channel_id, EventKind.BRIDGED, JOIN_SECONDS)
        self._plan(channel_id, EventKind.ENDED, call.fate.talk, line_result=call.fate.line_result)

    def come_in(self, caller: str | None, called: str | None, fate: Fate, seconds: float = 0.0) -> str:
        """Somebody of the town will call: they wait as long as `fate.ring` and talk as long as `fate.talk`. Returns the channel."""
        channel_id = f"in-{self._future.number()}_{uuid4().hex[:8]}"
        at = self._clock.now() + timedelta(seconds=seconds)
        self.incoming[channel_id] = SimulatedCall(channel_id, caller or "", fate, at, is_robocall=False)
        event = CarrierEvent(EventKind.INCOMING, channel_id, at, f"{channel_id}:{EventKind.INCOMING}", caller=caller, called=called)
        self._future.tell(event)
        self._plan(channel_id, EventKind.ENDED, seconds + fate.ring, line_result=LineResult.NO_ANSWER)
        return channel_id

    def announce(self, notice: CallerNotice) -> None:
        self._require_up()
        if notice.channel_id not in self._live:
            raise CarrierRefused("there is no such line to speak on")
        self.said.append(notice)
        if notice.is_last:
            self._forget(notice.channel_id)
            self._live.add(notice.channel_id)
            self._plan(notice.channel_id, EventKind.ENDED, LAST_WORDS_SECONDS, line_result=LineResult.ANSWERED)

    def hold(self, channel_id: str) -> None:
        self._require_call(channel_id)

    def mute(self, leg_id: str, room: str, *, is_muted: bool) -> None:
        self._require_up()
        if leg_id not in self._legs:
            raise CarrierRefused("there is no such voice leg")

    def send_keys(self, channel_id: str, keys: str, room: str) -> None:
        self._require_call(channel_id)
        self.sent_keys[channel_id] = self.sent_keys.get(channel_id, "") + keys

    def hand_over(self, channel_id: str, guest_id: str) -> None:
        self._require_call(channel_id)
        if guest_id not in self._legs:
            raise CarrierRefused("there is no such voice leg to hand over to")
        self._legs[guest_id] = guest_id

    def make_phone(self, login: PhoneLogin) -> None:
        raise NotSupported("the simulated carrier has no browser phones", hint="Choose the desk phone.")

    def drop_phone(self, name: str) -> None:
        """There are none."""

    def open_leg(self, request: LegRequest) -> None:
        self._require_up()
        if self.refuses_legs:
            raise CarrierRefused("a fault for tests: no voice leg is opened", code="leg_refused")
        self._legs[request.leg_id] = request.room_id
        self._plan(request.leg_id, EventKind.LEG_UP, GUEST_RINGS if request.is_guest else 0.0)

    def close_leg(self, leg_id: str) -> None:
        is_known = self._legs.pop(leg_id, None) is not None
        if self.supervisors.pop(leg_id, None) is not None or is_known:
            self._forget(leg_id)
            self._plan(leg_id, EventKind.LEG_DOWN, 0.0)

    def supervise(self, request: SupervisionRequest) -> None:
        """Keeps to the rules of a real carrier; what is heard is left to the imagination."""
        self._require_up()
        if (request.was is None) is (request.leg_id in self.supervisors) or request.operator_channel not in self._legs:
            raise CarrierRefused("there is no such voice leg to be with", code="no_conversation")
        if request.mode is SupervisionMode.TAKE_OVER and (request.was is None or request.channel_id not in self._live):
            raise CarrierRefused("there is no conversation to take over", code="no_conversation")
        self.supervisors[request.leg_id] = request
        self._plan(request.leg_id, EventKind.LEG_UP, 0.5 if request.was is None else 0.0)

    def poll(self, timeout: float) -> Sequence[CarrierEvent]:
        if not self._is_up:
            self._clock.sleep(timeout)
            return ()
        found = self._take_due()
        if found or timeout <= 0:
            return found
        next_at = self._future.next_at()
        until_next = timeout if next_at is None else (next_at - self._clock.now()).total_seconds()
        self._clock.sleep(max(0.0, min(timeout, until_next)))
        return self._take_due()

    def next_at(self) -> datetime | None:
        """When something happens next; for virtual time."""
        return self._future.next_at() if self._is_up else None

    def is_busy(self) -> bool:
        """Whether any call is under way."""
        return bool(self._live)

    def live_channels(self) -> frozenset[str] | None:
        return frozenset(self._live | set(self._legs) | set(self.supervisors)) if self._is_up else None

    def check(self) -> Sequence[CheckLine]:
        return (CheckLine("simulator", is_ok=True, detail="calls nobody; answers as published rates say"),)

    def _require_call(self, channel_id: str) -> None:
        self._require_up()
        if channel_id not in self._live:
            raise CarrierRefused("there is no such call")

    def _require_up(self) -> None:
        if not self._is_up:
            raise CarrierUnreachable("the simulated carrier is not connected")

    def _forget(self, channel_id: str, *, but: EventKind | None = None) -> None:
        self._live.discard(channel_id)
        self._future.forget(channel_id, but=but)

    def _take_due(self) -> list[CarrierEvent]:
        found = []
        while (event := self._future.take()) is not None:
            self._note(event)
            found.append(event)
        return found

    def _note(self, event: CarrierEvent) -> None:
        call = self._truth.note(event)
        if call is None:
            return
        if event.kind is EventKind.INCOMING:
            self._live.add(event.channel_id)
        elif event.kind is EventKind.ENDED:
            self._live.discard(event.channel_id)
            self._waiting.discard(event.channel_id)
            if event.line_result is LineResult.NO_ANSWER and event.channel_id not in self.incoming:
                self._may_call_back(call)

    def _may_call_back(self, call: SimulatedCall) -> None:
        back = returned_call(call.number, self._tries[call.number], self._town, self._seed)
        if back is not None:
            self.come_in(call.number, call.caller_id, *back)
