"""From the debtor's answer to both in one room: the whole dialer with its database writes, against a bare line of dialplan.

    python -m benchmarks.answer_bridge [--calls 60] [--json]

Both take turns on the same Asterisk: a bare call (AMI socket, one `ConfBridge` line), then one that the dialer claims, asks the gate about,
puts on record and places for a ready operator. The moments are read from loopback, as root: the far end's 200 OK, and Asterisk's word that
the debtor is in the operator's room. The far end (SIPp) answers at once and hangs up, so that each call ends before the next. Also told:
how long until the database says that the operator talks. Needs what the telephony tests need.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import statistics
import struct
import tempfile
import threading
import time
from pathlib import Path

from sqlalchemy import select, update

from benchmarks.calling import add_person, open_office
from benchmarks.originate import BareAmi
from benchmarks.scratch import database
from callcenter.auth.models import Role, User
from callcenter.core.clock import SystemClock, utc_now
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings
from campaigns.attempts import service as attempts
from campaigns.attempts.codes import Outcome, Party
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import PhoneNumber
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.calls.models import Call
from dialer.sharing import WakeUp
from dialer.telephony.port import CarrierLimits
from dialer.worker import Dialer, DialerSettings
from tests.telephony.rig import CALLER_ID, Rig, RigMissing
from tests.telephony.sipp import Behaviour, number_of

BARE = """
[bare]
exten => leg,1,ConfBridge(bare-room,callcenter_room,callcenter_operator)
exten => join,1,ConfBridge(bare-room,callcenter_room,callcenter_debtor)
"""
PATIENCE = 60.0
TCP, UDP = 6, 17
SO_TIMESTAMPNS = 35  # Linux; not in the socket module


class BareRig(Rig):
    """The rig with two more lines of dialplan."""

    def _prepare(self) -> None:
        super()._prepare()
        with (self.home / "etc/extensions.conf").open("a", encoding="utf-8") as file:
            file.write(BARE)


class Onlooker:
    """Reads loopback like a wiretap, each packet with the kernel's own time stamp, so that nobody's slowness counts but Asterisk's."""

    def __init__(self, rig: Rig, far_port: int) -> None:
        if not hasattr(socket, "AF_PACKET") or os.geteuid() != 0:
            raise RuntimeError("only root may read packets from loopback")
        self._ami_port, self._far_port = rig.ami_port, far_port
        self._changed, self._closing = threading.Condition(), threading.Event()
        self._moments: dict[tuple[str, str], float] = {}
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        self._socket.bind(("lo", 0))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 23)
        self._socket.settimeout(0.2)
        self._thread = threading.Thread(target=self._listen, name="onlooker")
        self._thread.start()

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                packet, extra, _, _ = self._socket.recvmsg(1 << 17, 64)
            except TimeoutError:
                continue
            seconds, nanoseconds = struct.unpack("@ll", extra[0][2][:16])
            self._read(packet, seconds + nanoseconds / 1e9)

    def _read(self, packet: bytes, at: float) -> None:
        begins = (packet[0] & 0x0F) * 4
        port = int.from_bytes(packet[begins : begins + 2], "big")
        if packet[9] == UDP and port == self._far_port and packet[begins + 8 :].startswith(b"SIP/2.0 200") and b" INVITE" in packet:
            found = re.search(rb"\nTo:[^\n]*sip:(\d+)@", packet)
            if found is not None:
                self._note(found[1].decode(), "answered", at)
        elif packet[9] == TCP and port == self._ami_port:
            for event in packet.split(b"\r\n\r\n"):
                kind = "joined" if b"Event: ConfbridgeJoin" in event else "gone" if b"Event: Hangup\r" in event else ""
                found = re.search(rb"\nUniqueid: (\S+)", event)
                if kind and found is not None:
                    self._note(found[1].decode(), kind, at)

    def _note(self, whose: str, kind: str, at: float) -> None:
        with self._changed:
            self._moments.setdefault((whose, kind), at)
            self._changed.notify_all()

    def wait(self, whose: str, kind: str) -> float:
        """The moment (seconds since 1970), once it has come; `whose` is a channel, or a dialled number for the answer."""
        with self._changed:
            if not self._changed.wait_for(lambda: (whose, kind) in self._moments, PATIENCE):
                raise RuntimeError(f"{whose} was never {kind}")
            return self._moments[whose, kind]

    def took(self, channel_id: str, number: str) -> float:
        """Milliseconds from the 200 OK to both in one room, after the call is over."""
        took = (self.wait(channel_id, "joined") - self.wait(number, "answered")) * 1000
        self.wait(channel_id, "gone")
        return took

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
        self._socket.close()


class Desk:
    """One operator with work before them, and the dialer in a thread of its own."""

    def __init__(self, rig: Rig, calls: int) -> None:
        now = utc_now()
        self.office_id, campaign_id = open_office("bench")
        with transaction(self.office_id) as session:
            for n in range(calls):
                add_person(session, campaign_id, n, number_of(Behaviour.HANGS_UP, 2 * n + 1), "operator_call")
            user = User(sign_in_name="op", display_name="op", role=Role.OPERATOR, phone_address="op-1")
            session.add(user)
            session.flush()
            self.user_id = user.id
            agents.sign_in(session, user.id, now=now)
        self.carrier, self._stopping = rig.carrier(), threading.Event()
        self._rig = rig

    def run(self) -> None:
        """The dialer's own loop, until `close`."""
        url = get_settings().database_url
        assert url is not None
        with WakeUp(url.get_secret_value(), "bench") as wake_up:
            limits = CarrierLimits(calls_per_second=50, max_lines=4)
            Dialer(self.carrier, SystemClock(), DialerSettings("bench", CALLER_ID, limits), wake_up).run(self._stopping.is_set)

    def agent(self) -> AgentSession:
        with transaction(self.office_id) as session:
            return session.scalars(select(AgentSession)).one()

    def wait_state(self, *states: str) -> AgentSession:
        """The operator, once in one of these states with a leg that stands."""
        end = time.monotonic() + PATIENCE
        while (agent := self.agent()).state not in states or not agent.is_leg_up:
            if time.monotonic() > end:
                raise RuntimeError(f"the operator is {agent.state}, never {states}")
            time.sleep(0.02)  # more often would be a load of its own
        return agent

    def one_call(self, onlooker: Onlooker) -> tuple[float, float]:
        """Ready, one call, its result, paused again: milliseconds until joined, and until the database says so."""
        with transaction(self.office_id) as session:
            agents.ready(session, self.user_id, utc_now())
        talking = self.wait_state("talking", "wrap_up")
        seen = time.time()
        with transaction(self.office_id) as session:
            channel_id = session.scalars(select(Call.channel_id).where(Call.attempt_id == talking.attempt_id)).one()
            dialled = select(PhoneNumber.e164).join(Attempt, Attempt.phone_id == PhoneNumber.id).where(Attempt.id == talking.attempt_id)
            number = f"0{str(session.scalars(dialled).one())[3:]}"
        took = onlooker.took(channel_id, number)
        told = (seen - onlooker.wait(number, "answered")) * 1000
        done = self.wait_state("wrap_up")
        with transaction(self.office_id) as session:
            now = utc_now()
            agents.pause(session, self.user_id, "break", now)
            attempt = session.scalars(select(Attempt).where(Attempt.id == done.attempt_id)).one()
            attempts.record_outcome(session, attempt.id, Party.UNKNOWN, Outcome.NO_RESULT, now=now, user_id=self.user_id)
            agents.finish_wrap_up(session, self.user_id, attempt.id, now)
            session.execute(update(AgentSession).values(last_seen_at=now))
        return took, told

    def close(self, thread: threading.Thread) -> None:
        self._stopping.set()
        thread.join(20)


def _figures(name: str, values: list[float]) -> dict[str, float]:
    return {f"{name}_p50_ms": statistics.median(values), f"{name}_p99_ms": statistics.quantiles(values, n=100)[98]}


def measure(calls: int) -> dict[str, float]:
    """The figures over that many pairs of calls."""
    bare: list[float] = []
    ours: list[float] = []
    told: list[float] = []
    with database(), tempfile.TemporaryDirectory() as folder, BareRig(Path(folder)) as rig:
        desk, onlooker, socket_only = Desk(rig, calls), Onlooker(rig, rig.far_port), BareAmi(rig)
        thread = threading.Thread(target=desk.run, name="dialer")
        thread.start()
        try:
            desk.wait_state("paused")
            _bare(socket_only, "bare-leg", "op-2", "leg")
            onlooker.wait("bare-leg", "joined")
            for n in range(calls):
                number = f"0{number_of(Behaviour.HANGS_UP, 2 * n)[3:]}"
                _bare(socket_only, f"bare-{n}", f"{number}@carrier", "join")
                bare.append(onlooker.took(f"bare-{n}", number))
                took, seen = desk.one_call(onlooker)
                ours.append(took)
                told.append(seen)
        finally:
            onlooker.close()
            socket_only.close()
            desk.close(thread)
    found = {"calls": calls, **_figures("bare", bare), **_figures("ours", ours), **_figures("told", told)}
    found["ratio_p50"] = found["ours_p50_ms"] / found["bare_p50_ms"]
    found["ratio_p99"] = found["ours_p99_ms"] / found["bare_p99_ms"]
    return found


def _bare(ami: BareAmi, channel_id: str, where: str, exten: str) -> None:
    fields = {
        "Action": "Originate",
        "ActionID": channel_id,
        "ChannelId": channel_id,
        "Channel": f"PJSIP/{where}",
        "Context": "bare",
        "Exten": exten,
        "Priority": "1",
        "Timeout": "8000",
        "Async": "true",
    }
    ami.ask("".join(f"{key}: {value}\r\n" for key, value in fields.items()) + "\r\n", channel_id)


def run(quick: bool = True) -> dict[str, float]:
    """The figures over 60 pairs, or 400. Raises RuntimeError where Asterisk or SIPp is missing."""
    try:
        return measure(60 if quick else 400)
    except RigMissing as problem:
        raise RuntimeError(str(problem)) from problem


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    try:
        found = measure(given.calls)
    except RigMissing as missing:
        print(f"answer_bridge: NOT RUN: {missing}")
        return 1
    print(json.dumps({"answer_bridge": found}) if given.json else "\n".join(f"{name}: {value:.2f}" for name, value in found.items()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
