"""How many calls to place now: pure. Preview and progressive never have more lines than ready operators."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PacingSnapshot:
    """One campaign at one moment.

    Attributes:
        mode: preview, progressive or predictive (which paces as progressive until it is built).
        ready_operators: with a standing voice leg, without a call or a case.
        idle_operators: signed in and on no line (ready or writing a result): they will want a line soon.
        free_lines: of the trunk.
        robocalls, max_robocalls: automated calls under way, and their share of the trunk.
    """

    mode: str
    ready_operators: int
    idle_operators: int
    free_lines: int
    robocalls: int
    max_robocalls: int


@dataclass(frozen=True, slots=True)
class PacingDecision:
    """Calls to place now."""

    operator_calls: int
    robocalls: int


def decide(snapshot: PacingSnapshot) -> PacingDecision:
    """Operators first; automated calls get what is left after a line is kept for every operator who will want one soon."""
    operator_calls = 0 if snapshot.mode == "preview" else min(snapshot.ready_operators, snapshot.free_lines)
    kept = max(operator_calls, snapshot.idle_operators)
    share = snapshot.max_robocalls - snapshot.robocalls
    return PacingDecision(operator_calls=operator_calls, robocalls=max(0, min(share, snapshot.free_lines - kept)))
