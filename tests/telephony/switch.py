"""A trunk that can be turned to another telephone company: SIP over UDP forwarded from one loopback port to one of two.

What belongs to a call goes where its INVITE went, whatever the switch says meanwhile.
"""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from dialer.telephony.asterisk.render import AsteriskPlan
from tests.lines import whole_lines
from tests.telephony.rig import Rig, until_held

_CALL_ID = re.compile(rb"^(?:call-id|i)[ \t]*:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)
_REFUSES = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="no circuit for anybody">
<recv request="INVITE"><action>
<ereg regexp="^INVITE sip:([^@]*)@" search_in="msg" assign_to="line,party"/>
<log message="[$party] invited"/>
</action></recv>
<send><![CDATA[

SIP/2.0 503 Service Unavailable
[last_Via:]
[last_From:]
[last_To:];tag=none[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
<recv request="ACK"/>
<Reference variables="line"/>
</scenario>
"""


class Switch:
    """Forwards `port` to `target` until closed."""

    def __init__(self) -> None:
        self._front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for one in (self._front, self._back):
            one.bind(("127.0.0.1", 0))
        self.port: int = self._front.getsockname()[1]
        self.target = 0
        self._asterisk: Any = None
        self._of_call: dict[bytes, int] = {}
        for work in (self._there, self._back_again):
            threading.Thread(target=work, daemon=True).start()

    def close(self) -> None:
        """Nothing is forwarded any more."""
        for one in (self._front, self._back):
            one.close()

    def _there(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                packet, self._asterisk = self._front.recvfrom(65536)
                found = _CALL_ID.search(packet)
                target = self._of_call.setdefault(found[1], self.target) if found else self.target
                self._back.sendto(packet, ("127.0.0.1", target))

    def _back_again(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                packet, _ = self._back.recvfrom(65536)
                self._front.sendto(packet, self._asterisk)


class SwitchedRig(Rig):
    """A rig whose trunk leads to the usual far end, or to one that answers 503 to everybody; operators' phones stay where they are."""

    def __init__(self, folder: Path) -> None:
        self.switch = Switch()
        self._refusing: subprocess.Popen[bytes] | None = None
        super().__init__(folder)

    def plan(self) -> AsteriskPlan:
        plan = super().plan()
        return replace(plan, trunk=replace(plan.trunk, port=self.switch.port))

    def start_asterisk(self) -> None:
        self.switch.target = self.far_port
        super().start_asterisk()

    def refuse_everybody(self, *, is_refusing: bool) -> None:
        """From here on the trunk leads to the other far end, or back."""
        if self._refusing is None:
            self._start_refusing()
        self.switch.target = self._refusing_port if is_refusing else self.far_port

    def _start_refusing(self) -> None:
        scenario = self.folder / "refusing.xml"
        scenario.write_text(_REFUSES, "utf-8")
        (self._refusing_port,) = self.free_ports(1)
        command = ["setpriv", "--pdeathsig", "KILL", "sipp", "-sf", str(scenario), "-i", "127.0.0.1", "-p", str(self._refusing_port)]
        command += ["-nostdin", "-trace_logs", "-log_file", str(self.folder / "refusing.log")]
        with (self.folder / "refusing.out").open("ab") as out:
            self._refusing = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.folder)
        until_held({"udp": (self._refusing_port,)}, self._refusing, "the refusing SIPp", self.folder / "refusing.out")

    def refused(self) -> list[str]:
        """The numbers that were answered 503, in order."""
        return ["+81" + line.split()[0][1:] for line in whole_lines(self.folder / "refusing.log")]

    def close(self) -> None:
        if self._refusing is not None:
            self._refusing.kill()
            self._refusing.wait()
            self._refusing = None
        super().close()
        self.switch.close()
