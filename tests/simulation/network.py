"""The telephone network as it truly is, and the carrier through which a dialer sees it: late, twice, out of order, or not at all."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from campaigns.attempts.codes import LineResult
from dialer.telephony.errors import CarrierRefused, CarrierUnreachable, HandoverUnknown
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.telephony.port import CheckLine, LegRequest, OriginateRequest, PhoneLogin, SupervisionRequest
from dialer.telephony.robocall import NodeKind
from tests.simulation.log import SWALLOWED, LogLine, NetworkLog
from tests.simulation.plan import ShiftPlan
from tests.simulation.world import Deed, World

_RESULTS = (
    (LineResult.ANSWERED, 50),
    (LineResult.NO_ANSWER, 13),
    (LineResult.BUSY, 13),
    (LineResult.MACHINE, 8),
    (LineResult.UNREACHABLE, 4),
    (LineResult.UNOBTAINABLE, 4),
    (LineResult.REJECTED, 4),
    (LineResult.FAILED, 4),
)


@dataclass(frozen=True, slots=True)
class Fate:
    """What will come of a call if nobody ends it before."""

    result: LineResult
    ring: float
    talk: float
    keys: str
    is_told: bool  # a machine that the carrier recognises


def fate_of(seed: int, number: str, nth: int) -> Fate:
    """What the seed has for the `nth` call to a number."""
    draw = Random(f"fate/{seed}/{number}/{nth}")
    (result,) = draw.choices([one for one, _ in _RESULTS], [weight for _, weight in _RESULTS])
    talk = draw.choice((4.0, 9.0, 20.0, 40.0, 40.0, 150.0))
    return Fate(result, draw.uniform(1.0, 12.0), talk, draw.choice(("", "1", "2", "3", "9")), draw.random() < 0.7)


@dataclass
class TrueCall:
    """A call as it is."""

    request: OriginateRequest
    node: str
    fate: Fate
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    is_joined: bool = False
    is_told: bool = False


@dataclass
class Mailbox:
    """What the network has told a node and its dialer has not taken yet; `is_open` while somebody is connected."""

    due: list[tuple[datetime, int, CarrierEvent]] = field(default_factory=list)
    is_open: bool = False
    connection: int = 0


class Network:
    """Every call and every leg; writes the log."""

    def __init__(self, world: World, plan: ShiftPlan) -> None:
        self.world, self.plan, self.log = world, plan, NetworkLog()
        self.calls: dict[str, TrueCall] = {}
        self.legs: dict[str, tuple[str, str]] = {}  # leg -> its node and its room
        self.mail: dict[str, Mailbox] = {}
        self.is_up, self.is_failing, self.is_calm, self.has_refused = True, False, False, False
        self.is_swallowing = False  # calls are taken and nothing becomes of them: no ring, no refusal
        self._tries: Counter[str] = Counter()
        self._order = itertools.count()
        self._draw = Random(f"network/{plan.seed}")

    def note(self, what: str, channel: str = "", number: str = "", detail: str = "") -> None:
        """Writes a line of the log."""
        self.log.lines.append(LogLine(what, self.world.now, self.world.machine_now(), channel, number, detail))

    def chance(self, share: float) -> bool:
        """Whether something that happens now and then happens now."""
        return not self.is_calm and self._draw.random() < share

    def live(self) -> frozenset[str]:
        """Channels and legs that are up."""
        return frozenset(name for name, call in self.calls.items() if call.ended_at is None) | frozenset(self.legs)

    def invite(self, request: OriginateRequest, node: str) -> None:
        """A call goes out."""
        if request.channel_id in self.calls:
            self.note("invited_again", request.channel_id, request.number)
            raise CarrierRefused("this channel id was used before", code="used_twice")
        nth = self._tries[request.number] = self._tries[request.number] + 1
        call = self.calls[request.channel_id] = TrueCall(request, node, fate_of(self.plan.seed, request.number, nth))
        channel = request.channel_id
        if self.is_failing or call.fate.result is LineResult.FAILED:
            self.note("refused_503", channel, request.number)
            self._after(0.2, call, lambda: self.end(channel, LineResult.FAILED, 503))
            return
        self.note("invited", channel, request.number, SWALLOWED if self.is_swallowing else "")
        self.tell(node, EventKind.PLACED, channel)
        if self.is_swallowing:
            self._after(request.ring_seconds, call, lambda: self.end(channel, LineResult.NO_ANSWER))
            return
        fate = call.fate
        if fate.result in (LineResult.ANSWERED, LineResult.MACHINE, LineResult.NO_ANSWER, LineResult.REJECTED):
            self._after(min(1.0, fate.ring / 2), call, lambda: self._ring(channel))
        if fate.result in (LineResult.ANSWERED, LineResult.MACHINE):
            self._after(fate.ring, call, lambda: self._answer(channel))
        elif fate.result is LineResult.NO_ANSWER:
            self._after(request.ring_seconds, call, lambda: self.end(channel, LineResult.NO_ANSWER))
        else:
            self._after(fate.ring / 4, call, lambda: self.end(channel, fate.result))

    def _after(self, seconds: float, call: TrueCall, deed: Deed) -> None:
        def do() -> None:
            if call.ended_at is None:
                deed()

        self.world.later(seconds, do)

    def _ring(self, channel: str) -> None:
        self.note("ringing", channel)
        self.tell(self.calls[channel].node, EventKind.RINGING, channel)

    def _answer(self, channel: str) -> None:
        call = self.calls[channel]
        call.answered_at = self.world.now
        fate, request = call.fate, call.request
        is_person = fate.result is LineResult.ANSWERED
        self.note("answered" if is_person else "machine", channel)
        self.tell(call.node, EventKind.ANSWERED, channel)
        if not is_person and fate.is_told:
            self._after(1.5, call, lambda: self.tell(call.node, EventKind.MACHINE, channel))
        if request.robocall is not None:
            first = request.robocall.nodes[0]
            goes_to = {node.code for node in request.robocall.nodes if node.kind is not NodeKind.TRANSFER}
            if is_person and first.keys.get(fate.keys) in goes_to:
                node = first.keys[fate.keys]
                self._after(4.0, call, lambda: self.tell(call.node, EventKind.DIGIT, channel, digit=fate.keys, walked=(node, 2)))
            self._after(6.0, call, lambda: self.tell(call.node, EventKind.PROMPT_DONE, channel))
            self._after(8.0, call, lambda: self.end(channel, fate.result))
            return
        if request.nobody is not None:
            self._after(request.nobody.patience, call, lambda: self._give_up(channel))
        elif request.leg_id in self.rooms():
            self.join(channel)
        else:
            self._after(2.0, call, lambda: self._leave_alone(channel))
        self._after(fate.talk, call, lambda: self.end(channel, fate.result))

    def _give_up(self, channel: str) -> None:
        """No operator in time: the debtor is told so, and the line ends."""
        call = self.calls[channel]
        if call.is_joined:
            return
        call.is_told = True
        if call.fate.result is LineResult.ANSWERED:
            self.note("abandoned", channel)
        self.tell(call.node, EventKind.ABANDONED, channel)
        self._after(4.0, call, lambda: self.end(channel, call.fate.result))

    def rooms(self) -> set[str]:
        """Rooms in which an operator's leg stands."""
        return {room for _, room in self.legs.values()}

    def join(self, channel: str) -> None:
        """The debtor is in the operator's room."""
        call = self.calls[channel]
        call.is_joined = True
        if call.fate.result is LineResult.ANSWERED:
            self.note("joined", channel)
        self.tell(call.node, EventKind.BRIDGED, channel)

    def _leave_alone(self, channel: str) -> None:
        if self.calls[channel].fate.result is LineResult.ANSWERED and not self.calls[channel].is_joined:
            self.note("left_alone", channel)

    def end(self, channel: str, result: LineResult, sip_code: int | None = None) -> None:
        """A line ends, whoever ended it."""
        call = self.calls[channel]
        if call.ended_at is not None:
            return
        call.ended_at = self.world.now
        self.note("ended", channel, detail=result.value)
        told = result if result is not LineResult.MACHINE or call.fate.is_told else LineResult.ANSWERED
        self.tell(call.node, EventKind.ENDED, channel, line_result=told, sip_code=sip_code)

    def tell(
        self,
        node: str,
        kind: EventKind,
        channel: str,
        *,
        line_result: LineResult | None = None,
        sip_code: int | None = None,
        digit: str | None = None,
        walked: tuple[str | None, int] = (None, 0),
    ) -> None:
        """Sends word of something to a node; the way is as bad as the plan says."""
        event = CarrierEvent(
            kind,
            channel,
            self.world.machine_now(),
            f"{channel}:{kind}",
            line_result=line_result,
            sip_code=sip_code,
            digit=digit,
            node=walked[0],
            step=walked[1],
        )
        box = self.mail.setdefault(node, Mailbox())
        if self.plan.mail == "stream" and not (box.is_open and self.is_up):
            return
        if self.chance(self.plan.lost):
            return
        self._post(box, event, self._draw.uniform(0.5, 8.0) if self.chance(self.plan.late) else 0.003)
        if self.chance(self.plan.doubled):
            self._post(box, event, self._draw.uniform(0.0, 90.0))

    def _post(self, box: Mailbox, event: CarrierEvent, seconds: float) -> None:
        heapq.heappush(box.due, (self.world.now + timedelta(seconds=seconds), next(self._order), event))

    def resync(self, node: str) -> None:
        """A new connection is told what is alive."""
        box = self.mail.setdefault(node, Mailbox())
        now = self.world.machine_now()
        self._post(box, CarrierEvent(EventKind.RESYNC, "", now, f"resync:{next(self._order)}", live=self.live()), 0.01)

    def lose_leg(self, leg_id: str) -> None:
        """An operator's leg falls."""
        stood = self.legs.pop(leg_id, None)
        if stood is not None:
            self.note("leg_down", leg_id)
            self.tell(stood[0], EventKind.LEG_DOWN, leg_id)

    def go_down(self, *, is_dead: bool) -> None:
        """The carrier can't be reached; dead: all its calls and legs are gone without a word."""
        self.is_up = False
        self.note("carrier_down", detail="dead" if is_dead else "away")
        if self.plan.mail == "stream":
            for box in self.mail.values():
                box.due.clear()
        if is_dead:
            for channel, call in self.calls.items():
                if call.ended_at is None:
                    call.ended_at = self.world.now
                    self.note("ended", channel, detail="cut_off")
            for leg_id in list(self.legs):
                self.legs.pop(leg_id)
                self.note("leg_down", leg_id)

    def come_up(self) -> None:
        """The carrier is back; connections are remade and told what is alive."""
        self.is_up = True
        self.note("carrier_up")
        for node, box in self.mail.items():
            if box.is_open:
                self.resync(node)


class Trunk:
    """`Carrier` for one dialer process; a new process makes a new one."""

    name = "simulated"
    can_predict = True
    keeps_until_polled = False

    def __init__(self, network: Network, node: str) -> None:
        self._network, self.node = network, node
        self._box = network.mail.setdefault(node, Mailbox())

    def connect(self) -> None:
        self._box.is_open = True
        if self._network.is_up:
            self._network.resync(self.node)

    def close(self) -> None:
        self._box.is_open = False

    def die(self) -> None:
        """The process is gone: what was on its way over its connection is lost, webhooks wait in the inbox."""
        self._box.is_open = False
        if self._network.plan.mail == "stream":
            self._box.due.clear()

    def is_connected(self) -> bool:
        return self._network.is_up and self._box.is_open

    def _require_up(self) -> None:
        if not self.is_connected():
            raise CarrierUnreachable("the simulated carrier is away")

    def originate(self, request: OriginateRequest) -> None:
        self._require_up()
        network = self._network
        if network.plan.refuses_first and not network.has_refused:
            network.has_refused = True
            raise CarrierRefused("not this one")
        if network.chance(network.plan.lost / 3):
            raise CarrierUnreachable("nothing was handed over")
        if network.chance(network.plan.lost / 4):
            raise HandoverUnknown("no answer, and no call")
        network.invite(request, self.node)
        if network.chance(network.plan.lost / 2):
            raise HandoverUnknown("no answer, and the call is made")

    def hang_up(self, channel_id: str) -> None:
        self._require_up()
        call = self._network.calls.get(channel_id)
        if call is not None and call.ended_at is None:
            self._network.end(channel_id, LineResult.NO_ANSWER if call.answered_at is None else call.fate.result)

    def bridge(self, channel_id: str, leg_id: str) -> None:
        self._require_up()
        call = self._network.calls.get(channel_id)
        if call is None or call.answered_at is None or call.ended_at is not None or call.is_told or leg_id not in self._network.rooms():
            raise CarrierRefused("there is no such call or voice leg to join")
        self._network.join(channel_id)

    def open_leg(self, request: LegRequest) -> None:
        self._require_up()
        network, leg_id = self._network, request.leg_id

        def stand() -> None:
            if network.is_up:
                network.legs[leg_id] = (self.node, request.room_id)
                network.note("leg_up", leg_id)
                network.tell(self.node, EventKind.LEG_UP, leg_id)

        network.world.later(0.3, stand)

    def close_leg(self, leg_id: str) -> None:
        self._require_up()
        self._network.lose_leg(leg_id)

    def hold(self, channel_id: str) -> None:
        """Nobody holds in these shifts; nor is anybody muted, supervised or handed on."""

    def mute(self, leg_id: str, room: str, *, is_muted: bool) -> None:
        """See `hold`."""

    def send_keys(self, channel_id: str, keys: str, room: str) -> None:
        """See `hold`."""

    def hand_over(self, channel_id: str, guest_id: str) -> None:
        """See `hold`."""

    def make_phone(self, login: PhoneLogin) -> None:
        """Operators here have desk phones."""

    def drop_phone(self, name: str) -> None:
        """See `make_phone`."""

    def supervise(self, request: SupervisionRequest) -> None:
        """See `hold`."""

    def poll(self, timeout: float) -> Sequence[CarrierEvent]:
        if not self.is_connected():
            return ()
        now, due, found = self._network.world.now, self._box.due, []
        while due and due[0][0] <= now:
            found.append(heapq.heappop(due)[2])
        return found

    def next_at(self) -> datetime | None:
        """When the next word arrives."""
        return self._box.due[0][0] if self._box.due and self.is_connected() else None

    def live_channels(self) -> frozenset[str] | None:
        return self._network.live() if self.is_connected() else None

    def check(self) -> Sequence[CheckLine]:
        return ()
