"""What an automated call says and does, as a carrier is told: a small graph of nodes, complete in itself. Pure.

A carrier walks it without asking back, so a call that has begun goes on to its end also when the dialer is restarted meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MOST_KEYS = 12  # presses in one call; whoever goes on pressing is let go
MOST_STEPS = 60  # nodes walked in one call
TRANSFER_SECONDS = 10  # how long a listener waits for an operator


class NodeKind(StrEnum):
    """What a node does."""

    MENU = "menu"  # says something and listens for a key
    SAY = "say"  # says something and goes on
    TRANSFER = "transfer"  # asks for a free operator; where there is none, goes on
    END = "end"  # says something, perhaps, and hangs up


class OnMachine(StrEnum):
    """What an answering machine is told; `talk` does not listen for machines, so that no person waits."""

    TALK = "talk"
    HANG_UP = "hang_up"
    LEAVE_MESSAGE = "leave_message"


@dataclass(frozen=True, slots=True)
class PlanNode:
    """One node.

    Attributes:
        code: its name, letters, digits and _.
        sound: name of the sound (without extension) in the carrier's sound folder; "" for nothing.
        text: the same in words, for carriers that speak themselves and for the simulator.
        keys: which key leads to which node; another key goes to `on_wrong`, or plays a menu again.
        repeats: how often a menu is played; wait_seconds: how long it waits for a key after each playing.
        then: where it goes without a key: after a menu's last playing, after saying, or when no operator is free; "" ends the call.
        recording: the sound itself (8 kHz, 16 bit, one channel, WAV), where it was recorded and is to be put into the folder.
    """

    code: str
    kind: NodeKind
    sound: str = ""
    text: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    repeats: int = 1
    wait_seconds: float = 4.0
    then: str = ""
    on_wrong: str = ""
    recording: bytes | None = field(default=None, repr=False)
    recording_id: str = ""


@dataclass(frozen=True, slots=True)
class RobocallPlan:
    """The whole call; it begins at the first node.

    Attributes:
        on_machine: what an answering machine is told; `message` is left on it after the beep.
    """

    nodes: tuple[PlanNode, ...]
    on_machine: OnMachine = OnMachine.TALK
    message: PlanNode | None = None

    @property
    def prompt(self) -> str:
        """The first sound: names the plan."""
        return self.nodes[0].sound

    def node(self, code: str) -> PlanNode | None:
        """The node of that name."""
        return next((node for node in self.nodes if node.code == code), None)

    def spoken(self) -> tuple[PlanNode, ...]:
        """Every node with a sound, the machine's message among them."""
        every = self.nodes if self.message is None else (*self.nodes, self.message)
        return tuple(node for node in every if node.sound)
