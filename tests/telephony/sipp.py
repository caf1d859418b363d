"""The far end of every call: one SIPp that behaves by the dialled number, and writes down for each call what it did.

A debtor's number is 090, two digits that choose the behaviour (`Behaviour`), and six that make it unique. An operator's phone is the user
part `op-…`. The log has one line for each thing done: `<number or phone> <word>`.
"""

from __future__ import annotations

import itertools
from enum import IntEnum
from pathlib import Path
from xml.sax.saxutils import escape

from tests.telephony.captures import write_key, write_tone


class Behaviour(IntEnum):
    """What the called party does."""

    ANSWERS = 11
    ANSWERS_LATE = 12
    BUSY = 13
    NO_ANSWER = 14
    UNKNOWN_NUMBER = 15
    GONE = 16
    UNAVAILABLE = 17
    INCOMPLETE = 18
    SERVER_ERROR = 19
    NO_CIRCUIT = 21
    DECLINED = 22
    MACHINE = 23
    PRESSES_1 = 24
    PRESSES_2 = 25
    PRESSES_3 = 26
    PRESSES_9 = 27
    PRESSES_BY_INFO = 28  # the last digit of the number
    HANGS_UP = 29
    RINGS_THEN_UNAVAILABLE = 31
    FORBIDDEN = 32
    PRESSES_1_THEN_2 = 34
    SILENT = 33  # a trunk that answers nothing at all
    EARLY_SOUND = 35  # 183 and never 180, as where the network itself plays what the caller hears


REFUSALS = {
    Behaviour.BUSY: (486, "Busy Here"),
    Behaviour.UNKNOWN_NUMBER: (404, "Not Found"),
    Behaviour.GONE: (410, "Gone"),
    Behaviour.UNAVAILABLE: (480, "Temporarily Unavailable"),
    Behaviour.INCOMPLETE: (484, "Address Incomplete"),
    Behaviour.SERVER_ERROR: (500, "Server Internal Error"),
    Behaviour.NO_CIRCUIT: (503, "Service Unavailable"),
    Behaviour.DECLINED: (603, "Decline"),
    Behaviour.FORBIDDEN: (403, "Forbidden"),
}
KEYS = {
    Behaviour.PRESSES_1: "1",
    Behaviour.PRESSES_2: "2",
    Behaviour.PRESSES_3: "3",
    Behaviour.PRESSES_9: "9",
}
BETWEEN_KEYS_MS = 1200
LATE_MS, HANGS_UP_MS, THINKS_MS, SHORT_MS = 600, 300, 400, 700
_serials = itertools.count(1000)  # below that: numbers that tests give themselves
_TAG = "tag=far[pid]n[call_number]"


def new_serial(count: int = 1) -> int:
    """The first of `count` serial numbers that no other test of this process has had.

    All tests of a process share one far end, whose log is by number: a number of another test would show that test's calls.
    """
    first, *_ = (next(_serials) for _ in range(count))
    return first


def number_of(behaviour: Behaviour, n: int) -> str:
    """The E.164 number of the `n`-th party (0 … 999999) with this behaviour."""
    return f"+8190{behaviour:02d}{n:06d}"


def write_scenario(folder: Path) -> Path:
    """Writes the scenario and the captures it plays."""
    for key in KEYS.values():
        write_key(folder / f"key{key}.pcap", key)
    write_tone(folder / "machine.pcap", seconds=7.0)
    path = folder / "far_end.xml"
    path.write_text(_scenario(folder), encoding="utf-8")
    return path


def _scenario(folder: Path) -> str:
    tests = "".join(_matches(f"^INVITE sip:(\\+81|0)90{case:02d}", f"is{case:02d}") for case in Behaviour)
    tests += _matches("^INVITE sip:op-", "isPhone") + _matches("^INVITE sip:op-away", "isAway")
    tests += _matches("^INVITE sip:op-short", "isShort")
    names = [f"is{case:02d}" for case in Behaviour]
    jumps = "".join(f'<nop next="b{case:02d}" test="is{case:02d}"/>' for case in Behaviour)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<scenario name="far end">
<recv request="INVITE"><action>
<ereg regexp="^INVITE sip:([^@]*)@" search_in="msg" assign_to="line,party"/>
<ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="cseq"/>
<ereg regexp="sip:[^>]*" search_in="hdr" header="Contact:" assign_to="contact"/>
<ereg regexp="[^ ].*" search_in="hdr" header="From:" assign_to="from"/>
<ereg regexp="[^ ].*" search_in="hdr" header="To:" assign_to="to"/>
<ereg regexp="sip:[^@]*([0-9])@" search_in="hdr" header="To:" assign_to="toLine,last"/>
{tests}
<log message="[$party] invited"/>
</action></recv>
<nop next="away" test="isAway"/><nop next="phone" test="isPhone"/><nop next="b33" test="is33"/>
{_send("100 Trying")}
{jumps}
{_refusals()}
{_answering()}
{_ringing()}
{_keys(folder)}
{_phones()}
<label id="hangUp"/>{_log("hung up")}{_request("BYE", 2)}<recv response="200" next="end"/>
<label id="untilBye"/>{_recv("BYE", "bye")}{_final("200 OK")}<nop next="end"/>
<label id="cancelled"/>{_final("200 OK")}
{_send("487 Request Terminated", cseq="[$cseq] INVITE")}<recv request="ACK" next="end"/>
<label id="b33"/><nop/>
<label id="end"/><nop/>
<Reference variables="line,toLine,last,contact,from,to,cseq,isPhone,isAway,isShort,{",".join(names)}"/>
</scenario>
"""


def _refusals() -> str:
    blocks = [
        f'<label id="b{case:02d}"/>{_log(f"refused {code}")}{_send(f"{code} {text}")}<recv request="ACK" next="end"/>'
        for case, (code, text) in REFUSALS.items()
    ]
    pause = '<pause milliseconds="300"/>'
    ring = f"{_send('180 Ringing')}{pause}{_log('refused 480')}{_send('480 Temporarily Unavailable')}"
    blocks.append(f'<label id="b{Behaviour.RINGS_THEN_UNAVAILABLE:02d}"/>{ring}<recv request="ACK" next="end"/>')
    return "".join(blocks)


def _answering() -> str:
    return (
        f'<label id="b{Behaviour.ANSWERS:02d}"/>{_answer(then="untilBye")}'
        f'<label id="b{Behaviour.HANGS_UP:02d}"/>{_answer()}<pause milliseconds="{HANGS_UP_MS}"/><nop next="hangUp"/>'
    )


def _ringing() -> str:
    late = _recv("CANCEL", "cancelled", f'timeout="{LATE_MS}" ontimeout="pickUp" next="cancelled"')
    return (
        f'<label id="b{Behaviour.ANSWERS_LATE:02d}"/>{_send("180 Ringing")}{late}'
        f'<label id="pickUp"/>{_answer(then="untilBye")}'
        f'<label id="b{Behaviour.NO_ANSWER:02d}"/>{_send("180 Ringing")}'
        + _recv("CANCEL", "cancelled", 'next="cancelled"')
        + f'<label id="b{Behaviour.EARLY_SOUND:02d}"/>{_send("183 Session Progress")}'
        + _recv("CANCEL", "cancelled", 'next="cancelled"')
    )


def _keys(folder: Path) -> str:
    think = f'<pause milliseconds="{THINKS_MS}"/>'
    blocks = [
        f'<label id="b{case:02d}"/>{_answer()}{think}{_log(f"pressed {key}")}{_play(folder / f"key{key}.pcap")}<nop next="untilBye"/>'
        for case, key in KEYS.items()
    ]
    two = _request("INFO", 2, "Signal=2\nDuration=160\n", "application/dtmf-relay")
    blocks.append(
        f'<label id="b{Behaviour.PRESSES_1_THEN_2:02d}"/>{_answer()}{think}{_log("pressed 1")}{_play(folder / "key1.pcap")}'
        f'<pause milliseconds="{BETWEEN_KEYS_MS}"/>{_log("pressed 2")}{two}<recv response="200"/><nop next="untilBye"/>'
    )
    info = _request("INFO", 2, "Signal=[$last]\nDuration=160\n", "application/dtmf-relay")
    blocks.append(
        f'<label id="b{Behaviour.PRESSES_BY_INFO:02d}"/>{_answer()}{think}{_log("pressed [$last]")}{info}'
        '<recv response="200"/><nop next="untilBye"/>'
    )
    machine = _play(folder / "machine.pcap")
    blocks.append(f'<label id="b{Behaviour.MACHINE:02d}"/>{_answer()}{machine}{_log("greeted")}<nop next="untilBye"/>')
    return "".join(blocks)


def _phones() -> str:
    return (
        f'<label id="away"/>{_log("refused 486")}{_send("486 Busy Here")}<recv request="ACK" next="end"/>'
        f'<label id="phone"/>{_send("180 Ringing")}{_answer()}<nop next="short" test="isShort"/><nop next="untilBye"/>'
        f'<label id="short"/><pause milliseconds="{SHORT_MS}"/><nop next="hangUp"/>'
    )


def _matches(pattern: str, variable: str) -> str:
    return f'<ereg regexp="{escape(pattern)}" search_in="msg" assign_to="{variable}"/>\n'


def _log(words: str) -> str:
    return f'<nop><action><log message="[$party] {words}"/></action></nop>'


def _play(capture: Path) -> str:
    return f'<nop><action><exec play_pcap_audio="{capture}"/></action></nop>'


def _send(status: str, *, cseq: str = "", body: str = "", extra: str = "") -> str:
    """A response to the INVITE, or to what came last."""
    sequence = f"CSeq: {cseq}" if cseq else "[last_CSeq:]"
    retrans = ' retrans="500"' if body else ""
    return f"""<send{retrans}><![CDATA[

SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:];{_TAG}
[last_Call-ID:]
{sequence}
Contact: <sip:far@[local_ip]:[local_port]>
{extra}Content-Length: [len]

{body}]]></send>
"""


def _final(status: str) -> str:
    """A response to a request inside the call, which has the tag already, or to a CANCEL."""
    return f"""<send><![CDATA[

SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
"""


def _recv(request: str, words: str, attributes: str = "") -> str:
    """Waits for a request and writes it down at once: SIPp is deaf while it walks through `nop`s."""
    return f'<recv request="{request}" {attributes}><action><log message="[$party] {words}"/></action></recv>'


def _answer(then: str = "") -> str:
    body = """v=0
o=far 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
"""
    ok = _send("200 OK", body=body, extra="Content-Type: application/sdp\n")
    return ok + _recv("ACK", "answered", f'next="{then}"' if then else "")


def _request(method: str, cseq: int, body: str = "", kind: str = "") -> str:
    content = f"Content-Type: {kind}\n" if kind else ""
    return f"""<send retrans="500"><![CDATA[

{method} [$contact] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: [$to];{_TAG}
To: [$from]
[last_Call-ID:]
CSeq: {cseq} {method}
Max-Forwards: 70
Contact: <sip:far@[local_ip]:[local_port]>
{content}Content-Length: [len]

{body}]]></send>
"""
