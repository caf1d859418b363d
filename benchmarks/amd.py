"""How often `AMD`, as `amd.conf` sets it, takes a person for a machine, and how often it misses a machine, on a real Asterisk.

    python -m benchmarks amd                                greetings made with one voice: a first look
    python -m benchmarks amd --recordings FOLDER [--keep]   recordings of one's own line, which is what counts

Shares come with their bounds (95 %, Wilson): no mistake among 32 people can still be one in nine of a town's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.greetings import Greeting, generated, in_a_din, recorded
from callcenter.core.clock import OFFICE_ZONE
from callcenter.core.settings import get_settings
from dialer.ivr.detection import Measured, Share, keep_measurement
from dialer.telephony.asterisk.carrier import AsteriskCarrier
from dialer.telephony.events import EventKind
from dialer.telephony.port import OriginateRequest
from dialer.telephony.robocall import NodeKind, OnMachine, PlanNode, RobocallPlan
from tests.telephony import sipp
from tests.telephony.captures import write_speech
from tests.telephony.listening import listen_to_the_end
from tests.telephony.rig import CALLER_ID, Rig, RigMissing

AT_ONCE = 8
A_RIG = 48  # greetings that one far end knows


class GreetingRig(Rig):
    """The far end speaks the greeting that the number's last four digits name."""

    def __init__(self, folder: Path, count: int) -> None:
        self.count = count
        super().__init__(folder)

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


def run(*, quick: bool, recordings: Path | None = None, keep: bool = False) -> dict[str, Any]:
    """Shares of people taken for machines and of machines missed, of generated greetings (quick: fewer) or of a folder's recordings."""
    said = generated(quick=quick) if recordings is None else recorded(recordings)
    found = measure(said)
    people, machines = ([n for n, each in enumerate(said) if each.is_machine is kind] for kind in (False, True))
    wrong, missed = [n for n in people if found[n]], [n for n in machines if not found[n]]
    told: dict[str, Any] = _told("people", "people taken for machines", Share(len(wrong), len(people)))
    told |= _told("machines", "machines missed", Share(len(missed), len(machines)))
    told["greetings of people taken for machines"] = _names(said, wrong)
    if recordings is not None:
        told["machines taken for people"] = _names(said, missed)
    if recordings is None and not quick:
        told["people taken for machines in a din"] = sum(measure(din := in_a_din())) / len(din)
    if keep and recordings is not None:
        measured = Measured(len(people), len(wrong), len(machines), len(missed), datetime.now(OFFICE_ZONE).date())
        told["kept in"] = str(keep_measurement(get_settings().data_dir, measured))
    return told


def _told(kind: str, mistake: str, share: Share) -> dict[str, Any]:
    bounds = share.bounds
    if bounds is None:
        return {kind: 0}
    return {kind: share.under, mistake: share.over / share.under, f"{mistake}, 95 % from": bounds.low, f"{mistake}, 95 % to": bounds.high}


def _names(said: Sequence[Greeting], which: Sequence[int]) -> str:
    return ", ".join(sorted({said[n].name for n in which})) or "none"


def measure(said: Sequence[Greeting]) -> list[bool]:
    """Whether each greeting is taken for a machine's. Raises RuntimeError where there is no Asterisk for tests."""
    found: list[bool] = []
    for first in range(0, len(said), A_RIG):
        part = said[first : first + A_RIG]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for n, each in enumerate(part):
                write_speech(folder / f"greeting{n}.pcap", each.sound.tolist())
            try:
                with GreetingRig(folder, len(part)) as rig:
                    heard = _call_all(rig.carrier(), len(part))
            except RigMissing as problem:
                raise RuntimeError(str(problem)) from problem
        found += [heard[n] for n in range(len(part))]
    return found


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
