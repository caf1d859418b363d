"""Robocall scripts as data: what is said, what each key leads to, and what that means. Pure.

A robocall cannot know who listens. So its words are neutral (no tax, no debt), and whoever presses a key is at best 本人(未確認).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from campaigns.attempts.codes import LineResult, Outcome, Party
from dialer.telephony.robocall import NodeKind, OnMachine, PlanNode, RobocallPlan

START = "start"


class Wording(StrEnum):
    """Whether the words may speak of tax; only two people together may say so."""

    NEUTRAL = "neutral"
    TAX = "tax"


class Effect(StrEnum):
    """What reaching a node means; what follows is decided by `campaigns.attempts`."""

    CALL_BACK = "call_back"
    CLAIMS_PAID = "claims_paid"
    NOT_ME = "not_me"
    OPT_OUT = "opt_out"


@dataclass(frozen=True, slots=True)
class RobocallResult:
    """応対者 and 交渉結果 of a robocall."""

    party: Party
    outcome: Outcome


RESULTS: Mapping[Effect, RobocallResult] = {
    Effect.CALL_BACK: RobocallResult(Party.DEBTOR_UNVERIFIED, Outcome.CALLBACK_PROMISED),
    Effect.CLAIMS_PAID: RobocallResult(Party.DEBTOR_UNVERIFIED, Outcome.CLAIMS_PAID),
    Effect.NOT_ME: RobocallResult(Party.WRONG_NUMBER, Outcome.NO_RESULT),
    Effect.OPT_OUT: RobocallResult(Party.DEBTOR_UNVERIFIED, Outcome.STOP_NUMBER),
}
SILENCE = RobocallResult(Party.UNKNOWN, Outcome.NO_RESULT)
NOBODY = RobocallResult(Party.NOBODY, Outcome.NO_RESULT)


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a script; see `PlanNode` for what a carrier makes of it.

    Attributes:
        say: its words, in which `{office}` is the office's name as debtors know it.
        recording: the name of an uploaded recording that is played instead of a voice's reading; the words stay for the reader.
        effect: what reaching it means.
    """

    code: str
    kind: NodeKind
    say: str = ""
    recording: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    repeats: int = 2
    wait_seconds: float = 4.0
    then: str = ""
    on_wrong: str = ""
    effect: Effect | None = None

    def ways(self) -> dict[str, str]:
        """Where it leads: a key, "" (no key, or nobody free) or "?" (another key) → the code of a node."""
        ways = dict(self.keys) if self.kind is NodeKind.MENU else {}
        if self.kind is not NodeKind.END and self.then:
            ways[""] = self.then
        if self.kind is NodeKind.MENU and self.on_wrong:
            ways["?"] = self.on_wrong
        return ways


@dataclass(frozen=True)
class Script:
    """One version of a robocall; it begins at its first node."""

    nodes: tuple[Node, ...]
    code: str = "default"
    version: int = 1
    title: str = ""
    wording: Wording = Wording.NEUTRAL
    on_machine: OnMachine = OnMachine.TALK
    message: str = ""
    message_recording: str = ""

    @property
    def label(self) -> str:
        """Code and version, as kept with each attempt."""
        return f"{self.code}/{self.version}"

    def node(self, code: str) -> Node | None:
        """The node of that name."""
        return next((node for node in self.nodes if node.code == code), None)

    def recordings(self) -> frozenset[str]:
        """Names of the uploaded recordings it plays."""
        return frozenset(filter(None, (*(node.recording for node in self.nodes), self.message_recording)))


THANKS = "ありがとうございました。失礼いたします。"
DEFAULT = Script(
    title="標準(中立)",
    nodes=(
        Node(
            START,
            NodeKind.MENU,
            "こちらは、{office}です。大切なお知らせがあり、お電話しました。"
            "担当者からの折り返しの電話をご希望の方は、1を。すでにお手続きがお済みの方は、2を。"
            "お心当たりのない方は、3を。自動音声の電話をお断りになる方は、8を。もう一度お聞きになる方は、9を、押してください。",
            keys={"1": "call_back", "2": "done_already", "3": "not_me", "8": "opt_out", "9": START},
            then="goodbye",
        ),
        Node("call_back", NodeKind.END, "承知しました。担当者から、あらためてお電話いたします。失礼いたします。", effect=Effect.CALL_BACK),
        Node("done_already", NodeKind.END, THANKS, effect=Effect.CLAIMS_PAID),
        Node("not_me", NodeKind.END, "失礼いたしました。この番号へのお電話を止めます。", effect=Effect.NOT_ME),
        Node("opt_out", NodeKind.END, "承知しました。自動音声のお電話を止めます。失礼いたします。", effect=Effect.OPT_OUT),
        Node("goodbye", NodeKind.END, "お電話は、{office}からでした。失礼いたします。"),
    ),
    message="こちらは、{office}です。お電話いたしましたが、お留守のようでした。また、お電話いたします。",
)


@dataclass(frozen=True, slots=True)
class Voice:
    """What a plan is made with: how the office is called, and the sounds of uploaded recordings (name → (its id, WAV or None))."""

    office_code: str
    office_name: str
    recordings: Mapping[str, tuple[str, bytes | None]] = field(default_factory=dict)


def plan_of(script: Script, voice: Voice) -> RobocallPlan:
    """What a carrier is asked to do. A recording that is not there is read by the voice instead."""
    machine = script.on_machine is OnMachine.LEAVE_MESSAGE
    message = Node("_machine", NodeKind.END, script.message, script.message_recording) if machine and script.message else None
    return RobocallPlan(
        nodes=tuple(_plan_node(script, node, voice) for node in script.nodes),
        on_machine=script.on_machine,
        message=None if message is None else _plan_node(script, message, voice),
    )


def _plan_node(script: Script, node: Node, voice: Voice) -> PlanNode:
    text = node.say.replace("{office}", voice.office_name)
    recording_id, recording = voice.recordings.get(node.recording, ("", None))
    own = f"{voice.office_code}-{script.code}-{script.version}-{node.code}"
    sound = f"{voice.office_code}-rec-{recording_id}" if recording_id else own if text.strip() else ""
    return PlanNode(
        code=node.code,
        kind=node.kind,
        sound=sound,
        text=text,
        keys=dict(node.keys),
        repeats=node.repeats,
        wait_seconds=node.wait_seconds,
        then=node.then,
        on_wrong=node.on_wrong,
        recording=recording,
        recording_id=recording_id,
    )


def result_of(script: Script, line_result: LineResult | None, path: Iterable[str]) -> RobocallResult:
    """What a robocall came to: the first node on its way that means something decides; a machine presses no key."""
    if line_result is not LineResult.ANSWERED:
        return NOBODY
    for code in path:
        node = script.node(code)
        if node is not None and node.effect is not None:
            return RESULTS[node.effect]
    return SILENCE
