"""A citizen's phone that calls in: one SIPp that dials a published number, writes down what happens, and hangs up or is hung up on.

with calling(rig, "+819012345678", "+81312345678", seconds=3) as phone:
    …
    assert phone.told() == ["answered", "hung up"]
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.lines import whole_lines
from tests.telephony.rig import Rig

_serial = count(1)


@dataclass
class Phone:
    """One call; `process` ends with it."""

    log: Path
    process: subprocess.Popen[bytes]

    def told(self) -> list[str]:
        """What has happened so far, in order."""
        return whole_lines(self.log)

    def wait_for(self, words: str, seconds: float = 60.0) -> list[str]:
        """Waits until something has happened."""
        deadline = time.monotonic() + seconds
        while words not in (found := self.told()):
            if time.monotonic() > deadline:
                raise AssertionError(f"the caller never wrote {words!r}, only {found}")
            time.sleep(0.02)
        return found


@contextmanager
def calling(rig: Rig, caller: str, called: str, *, seconds: float | None = None, is_withheld: bool = False) -> Iterator[Phone]:
    """Calls in; hangs up `seconds` after the answer, or waits for the other side to (None)."""
    folder = rig.folder / f"caller{next(_serial)}"
    folder.mkdir()
    scenario = folder / "caller.xml"
    scenario.write_text(_scenario(_national(caller), _national(called), seconds, is_withheld=is_withheld), encoding="utf-8")
    command = ["sipp", f"127.0.0.1:{rig.sip_port}", "-sf", str(scenario), "-i", "127.0.0.1", "-m", "1", "-nostdin"]
    command += ["-trace_logs", "-log_file", str(folder / "told.log"), "-mi", "127.0.0.1"]
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder
        )
    try:
        yield Phone(folder / "told.log", process)
    finally:
        process.kill()
        process.wait()


def _national(number: str) -> str:
    return "0" + number.removeprefix("+81")


def _scenario(caller: str, called: str, seconds: float | None, *, is_withheld: bool) -> str:
    shown = '"Anonymous" <sip:anonymous@anonymous.invalid>' if is_withheld else f"<sip:{caller}@127.0.0.1:[local_port]>"
    privacy = "Privacy: id\n" if is_withheld else ""
    head = f"""Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: {shown};tag=in[call_number]
Call-ID: [call_id]
Contact: <sip:{caller}@[local_ip]:[local_port]>
Max-Forwards: 70
{privacy}"""
    if seconds is None:
        ending = f'<recv request="BYE"/>{_log("hung up on")}' + _send(
            "SIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\n"
        )
    else:
        bye = f"BYE sip:{called}@[remote_ip]:[remote_port] SIP/2.0\n{head}To: <sip:{called}@127.0.0.1>[peer_tag_param]\nCSeq: 2 BYE\n"
        ending = f'<pause milliseconds="{round(seconds * 1000)}"/>{_log("hung up")}{_send(bye, "500")}<recv response="200"/>'
    sdp = """v=0
o=in 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
"""
    invite = f"INVITE sip:{called}@[remote_ip]:[remote_port] SIP/2.0\n{head}To: <sip:{called}@127.0.0.1>\nCSeq: 1 INVITE\n"
    ack = f"ACK sip:{called}@[remote_ip]:[remote_port] SIP/2.0\n{head}To: <sip:{called}@127.0.0.1>[peer_tag_param]\nCSeq: 1 ACK\n"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<scenario name="caller">
{_send(invite, "500", sdp)}
<recv response="100" optional="true"/><recv response="180" optional="true"/><recv response="183" optional="true"/>
<recv response="200"/>{_send(ack)}{_log("answered")}
{ending}
</scenario>
"""


def _log(words: str) -> str:
    return f'<nop><action><log message="{words}"/></action></nop>'


def _send(head: str, retrans: str = "", body: str = "") -> str:
    kind = "Content-Type: application/sdp\n" if body else ""
    attribute = f' retrans="{retrans}"' if retrans else ""
    return f"<send{attribute}><![CDATA[\n\n{head}{kind}Content-Length: [len]\n\n{body}]]></send>\n"
