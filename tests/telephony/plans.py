"""Robocalls for tests: one menu, every key of which leads to thanks and the end."""

from __future__ import annotations

from dialer.telephony.robocall import NodeKind, PlanNode, RobocallPlan


def short_plan(
    prompt: str,
    text: str = "",
    keys: str = "1239",
    *,
    repeats: int = 2,
    wait_seconds: float = 4.0,
    thanks: str = "",
    thanks_text: str = "",
) -> RobocallPlan:
    """The plan; a key that is not among `keys` plays the prompt again."""
    menu = PlanNode("start", NodeKind.MENU, prompt, text, dict.fromkeys(keys, "thanks"), repeats=repeats, wait_seconds=wait_seconds)
    return RobocallPlan((menu, PlanNode("thanks", NodeKind.END, thanks, thanks_text)))
