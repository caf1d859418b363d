"""How often `AMD`, as `amd.conf` sets it, takes a person for a machine, and how often it misses a machine, on spoken greetings.

The greetings are generated (one voice in several paces and pitches, with different pauses before the first word): a first look, no
replacement for measuring on an office's own line.
"""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any

from dialer.ivr.speech import to_telephone
from dialer.telephony.asterisk.carrier import AsteriskCarrier
from dialer.telephony.events import EventKind
from dialer.telephony.port import OriginateRequest
from dialer.telephony.robocall import NodeKind, OnMachine, PlanNode, RobocallPlan
from tests.telephony import sipp
from tests.telephony.captures import write_speech
from tests.telephony.listening import listen_to_the_end
from tests.telephony.rig import CALLER_ID, Rig, RigMissing

PEOPLE = (
    "もしもし",
    "はい",
    "はい、もしもし",
    "はい、山田です",
    "もしもし、佐藤でございます",
    "はい、鈴木ですが",
    "どちら様ですか",
    "はい、もしもし、どちら様でしょうか",
)
MACHINES = (
    "ただいま留守にしております。発信音のあとに、お名前とご用件をお話しください。",
    "はい、山田です。ただいま電話に出ることができません。のちほどお掛け直しください。",
    "留守番電話サービスに接続します。発信音のあとに、メッセージをお話しください。",
    "お掛けになった電話を、お呼びしましたが、お出になりません。発信音のあとにメッセージをどうぞ。",
)
MANNERS = tuple(itertools.product((0.9, 1.15), (-2.0, 2.0), (0.2, 0.9)))  # pace, half tones, seconds before the first word
AT_ONCE = 8
SECONDS = 9.0


class GreetingRig(Rig):
    """The far end speaks the greeting that the number's last four digits name."""

    count = 0

    def _prepare(self) -> None:
        super()._prepare()
        tests = "".join(sipp._matches(f"^INVITE sip:[^@]*{n:04d}@", f"is{n:04d}") for n in range(self.count))
        jumps = "".join(f'<nop next="g{n:04d}" test="is{n:04d}"/>' for n in range(self.count))
        blocks = "".join(
            f'<label id="g{n:04d}"/>{sipp._answer()}{sipp._play(self.folder / f"greeting{n}.pcap")}<nop next="untilBye"/>'
            for n in range(self.count)
        )
        names = ",".join(f"is{n:04d}" for n in range(self.count))
        (self.folder / "far_end.xml").write_text(
            f"""<?xml version="1.0" encoding="UTF-8"?>
<scenario name="greetings">
<recv request="INVITE"><action>
<ereg regexp="^INVITE sip:([^@]*)@" search_in="msg" assign_to="line,party"/>
{tests}</action></recv>
{jumps}
{blocks}
<label id="untilBye"/>{sipp._recv("BYE", "bye")}{sipp._final("200 OK")}<nop next="end"/>
<label id="end"/><nop/>
<Reference variables="line,party,{names}"/>
</scenario>
""",
            encoding="utf-8",
        )


def run(*, quick: bool) -> dict[str, Any]:
    """Shares of people taken for machines and of machines missed; quick uses half of the manners."""
    import numpy as np
    import pyopenjtalk

    manners = MANNERS[::2] if quick else MANNERS
    said = [(text, is_machine, manner) for is_machine, texts in ((False, PEOPLE), (True, MACHINES)) for text in texts for manner in manners]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for n, (text, _, (pace, pitch, silence)) in enumerate(said):
            samples, rate = pyopenjtalk.tts(text, speed=pace, half_tone=pitch)
            voice = to_telephone(np.asarray(samples, dtype=np.float64) / 32768, int(rate))
            whole = np.zeros(int(SECONDS * 8000), dtype=np.int64)
            start = int(silence * 8000)
            whole[start : start + len(voice)] = voice[: len(whole) - start]
            write_speech(folder / f"greeting{n}.pcap", whole.tolist())
        GreetingRig.count = len(said)
        try:
            with GreetingRig(folder) as rig:
                found = _call_all(rig.carrier(), len(said))
        except RigMissing as problem:
            raise RuntimeError(str(problem)) from problem
    people = [found[n] for n, (_, is_machine, _) in enumerate(said) if not is_machine]
    machines = [found[n] for n, (_, is_machine, _) in enumerate(said) if is_machine]
    wrong = sorted({text for n, (text, is_machine, _) in enumerate(said) if found[n] and not is_machine})
    return {
        "people": len(people),
        "people taken for machines": sum(people) / len(people),
        "machines": len(machines),
        "machines missed": 1 - sum(machines) / len(machines),
        "greetings of people taken for machines": ", ".join(wrong) or "none",
    }


def _call_all(carrier: AsteriskCarrier, count: int) -> dict[int, bool]:
    """Whether each greeting was taken for a machine."""
    plan = RobocallPlan((PlanNode("start", NodeKind.END, "thanks"),), OnMachine.HANG_UP)
    found: dict[int, bool] = {}
    carrier.connect()
    try:
        if not carrier.wait_connected(20):
            raise RuntimeError("Asterisk did not answer")
        for first in range(0, count, AT_ONCE):
            batch = {f"amd-{n}": n for n in range(first, min(count, first + AT_ONCE))}
            for channel_id, n in batch.items():
                carrier.originate(OriginateRequest(channel_id, f"+819011{n:06d}", CALLER_ID, robocall=plan))
            heard = listen_to_the_end(carrier, list(batch), seconds=60)
            machines = {event.channel_id for event in heard if event.kind is EventKind.MACHINE}
            found |= {n: channel_id in machines for channel_id, n in batch.items()}
    finally:
        carrier.close()
    return found
