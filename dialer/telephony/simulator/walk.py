"""How a person or a machine of the made-up town gets through a robocall script."""

from __future__ import annotations

import math
from dataclasses import dataclass

from campaigns.attempts.codes import LineResult
from dialer.telephony.events import EventKind
from dialer.telephony.robocall import MOST_STEPS, TRANSFER_SECONDS, NodeKind, PlanNode, RobocallPlan
from dialer.telephony.simulator.town import Fate

SHORT_SAY_SECONDS = 3.0  # a sentence: thanks, or that somebody is looked for


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that the carrier tells, so many seconds after the hand-over."""

    kind: EventKind
    seconds: float
    node: str | None = None
    digit: str | None = None
    step: int = 0
    line_result: LineResult | None = None


def moments(plan: RobocallPlan, fate: Fate, prompt_seconds: float) -> tuple[list[Moment], float]:
    """All that happens from the answer on, and when the line ends.

    A person presses keys while listening or hangs up; a machine is talked to until its time is over.
    """
    at, node, keys = fate.ring, plan.node(plan.nodes[0].code), list(fate.keys)
    stays = math.inf if fate.keys else fate.ring + (fate.listens if fate.line_result is LineResult.ANSWERED else fate.talk)
    found: list[Moment] = []
    for step in range(1, MOST_STEPS):
        if node is None or at >= stays:
            break
        found.append(Moment(EventKind.NODE, at, node.code, step=step))
        if node.kind is NodeKind.MENU and keys:
            at += prompt_seconds * 0.8
            key = keys.pop(0)
            found.append(Moment(EventKind.DIGIT, at, digit=key))
            node = plan.node(node.keys.get(key) or node.on_wrong or node.code)
            continue
        heard, at = _without_key(node, at, stays, step, prompt_seconds)
        found += heard
        node = plan.node(node.then) if node.kind is not NodeKind.END else None
    return found, min(at, stays)


def _without_key(node: PlanNode, at: float, stays: float, step: int, prompt_seconds: float) -> tuple[list[Moment], float]:
    """One node at which no key is pressed, and when it is over."""
    match node.kind:
        case NodeKind.MENU:
            is_heard = at + prompt_seconds <= stays
            heard = [Moment(EventKind.PROMPT_DONE, at + prompt_seconds, step=step)] if is_heard else []
            return heard, at + (prompt_seconds + node.wait_seconds) * node.repeats
        case NodeKind.TRANSFER:
            return [Moment(EventKind.TRANSFER, at + SHORT_SAY_SECONDS, node.code, step=step)], at + SHORT_SAY_SECONDS + TRANSFER_SECONDS
        case _:
            return [], at + SHORT_SAY_SECONDS
