"""How many calls to place now: pure. One more line while it pays, and never one that the trunk or the abandon budget does not bear."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from dialer.pacing.budget import Budget, risk_allowed

if TYPE_CHECKING:  # numpy: only campaigns that predict need it, and a dialer's start is time in which nobody is called
    from dialer.pacing.odds import Odds, Situation

LEAST_OPERATORS = 3
LEAST_RING = 15.0
LET_GO_RISK = 0.4


class Why(StrEnum):
    """What limits the lines now; the ones below `PACED` say why a predictive campaign is dialled progressively."""

    PREVIEW = "preview"  # operators ask for each call
    PROGRESSIVE = "progressive"  # a line for each ready operator
    PACED = "paced"  # predictive: the next line would too probably find nobody
    NO_LINES = "no_lines"  # the trunk is full
    NO_OPERATORS = "no_operators"  # nobody is signed in and at work
    ZERO_BUDGET = "zero_budget"  # the limit is 0
    FEW_OPERATORS = "few_operators"
    LITTLE_DATA = "little_data"
    BUDGET_SPENT = "budget_spent"
    NO_ANNOUNCEMENT = "no_announcement"  # the words for abandoned calls could not be made
    CARRIER_CANNOT = "carrier_cannot"  # the line can't keep an answered call for an operator


REFUSALS = frozenset({Why.CARRIER_CANNOT, Why.NO_ANNOUNCEMENT, Why.ZERO_BUDGET, Why.FEW_OPERATORS, Why.LITTLE_DATA, Why.BUDGET_SPENT})


@dataclass(frozen=True, slots=True)
class PacingSnapshot:
    """One campaign at one moment; ages in seconds.

    Attributes:
        mode: preview, progressive or predictive.
        ready_operators: free for this campaign now, each counted for one campaign only.
        idle_operators: signed in and on no line (ready or writing a result): they will want a line soon, whatever campaign it is of.
        free_lines: of the trunk, for this campaign.
        robocalls, max_robocalls: automated calls under way, and their share of the trunk.
        reserved_operators: of this campaign's, for whom a call is being made.
        talking, wrapping: how long each of the others has been talking, or writing a result, who then is free for this campaign.
        ringing: ages of calls placed without an operator of their own.
        waiting: answered calls for which no operator has been found yet, and people who called in: each has the next free operator.
        odds: what was learned; None while that is too little.
        budget, price: what abandoned calls may be, and the learned risk a line may carry.
        least_operators: with fewer at work nothing is predicted.
        least_ring: nobody's phone is let go before it has rung this long.
        barred: why nothing may be predicted whatever the odds: CARRIER_CANNOT or NO_ANNOUNCEMENT.
    """

    mode: str
    ready_operators: int
    idle_operators: int
    free_lines: int
    robocalls: int = 0
    max_robocalls: int = 0
    reserved_operators: int = 0
    talking: tuple[float, ...] = ()
    wrapping: tuple[float, ...] = ()
    ringing: tuple[float, ...] = ()
    waiting: int = 0
    odds: Odds | None = None
    budget: Budget = field(default_factory=Budget)
    price: float = 0.0
    least_operators: int = LEAST_OPERATORS
    least_ring: float = LEAST_RING
    barred: Why | None = None

    @property
    def at_work(self) -> int:
        """Operators of this campaign who are not away."""
        return self.ready_operators + self.reserved_operators + len(self.talking) + len(self.wrapping)


@dataclass(frozen=True, slots=True)
class PacingDecision:
    """What to do now, and why.

    Attributes:
        operator_calls: calls to place, each for an operator reserved for it.
        predictive_calls: calls to place without an operator; on answer the one who has been idle longest gets it.
        robocalls: automated calls to place.
        let_go: calls that have rung `least_ring` and whose answer would probably find nobody: hang up.
        why: what kept it from being more.
        progressive_calls: what progressive dialling would place now, for comparison.
        risk, risk_allowed: the chance that one more line's answer finds nobody, and the chance it may have.
    """

    operator_calls: int = 0
    predictive_calls: int = 0
    robocalls: int = 0
    let_go: bool = False
    why: Why = Why.PROGRESSIVE
    progressive_calls: int = 0
    risk: float = 0.0
    risk_allowed: float = 0.0


def decide(snapshot: PacingSnapshot) -> PacingDecision:
    """Operators first; automated calls get what is left after a line is kept for every operator who will want one soon."""
    uncovered = max(0, snapshot.ready_operators - len(snapshot.ringing) - snapshot.waiting)
    progressive = min(uncovered, snapshot.free_lines)
    if snapshot.mode == "preview":
        return PacingDecision(robocalls=_robocalls(snapshot, 0), why=Why.PREVIEW)
    refusal = _refusal(snapshot) if snapshot.mode == "predictive" else None
    if snapshot.mode != "predictive" or refusal is not None:
        why = refusal or (Why.NO_LINES if progressive < uncovered else Why.PROGRESSIVE)
        return PacingDecision(
            operator_calls=progressive, robocalls=_robocalls(snapshot, progressive), why=why, progressive_calls=progressive
        )
    return _predict(snapshot, progressive)


def _refusal(snapshot: PacingSnapshot) -> Why | None:
    """Why nothing may be predicted now; None when it may."""
    at_work = snapshot.at_work
    if snapshot.barred is not None:
        return snapshot.barred
    if snapshot.budget.limit <= 0:
        return Why.ZERO_BUDGET
    if at_work == 0:
        return Why.NO_OPERATORS
    if at_work < snapshot.least_operators:
        return Why.FEW_OPERATORS
    if snapshot.odds is None:
        return Why.LITTLE_DATA
    return Why.BUDGET_SPENT if snapshot.budget.spare < 0 else None


def _predict(snapshot: PacingSnapshot, progressive: int) -> PacingDecision:
    from dialer.pacing.odds import Situation

    odds = snapshot.odds
    assert odds is not None
    ready = snapshot.ready_operators - snapshot.waiting
    situation = Situation(odds, ready, snapshot.ringing, snapshot.talking, snapshot.wrapping)
    is_anybody_lost = bool(snapshot.ringing) and situation.lost_now() > LET_GO_RISK
    allowed = risk_allowed(snapshot.budget, snapshot.price, situation.excess() if ready < len(snapshot.ringing) else 0.0)
    lines, risk = _add_lines(situation, odds, ready - len(snapshot.ringing), allowed, snapshot.free_lines)
    return PacingDecision(
        predictive_calls=lines,
        robocalls=_robocalls(snapshot, lines),
        let_go=is_anybody_lost and any(age >= snapshot.least_ring for age in snapshot.ringing),
        why=Why.PACED if lines < snapshot.free_lines else Why.NO_LINES,
        progressive_calls=progressive,
        risk=risk,
        risk_allowed=allowed,
    )


def _add_lines(situation: Situation, odds: Odds, covered: int, allowed: float, most: int) -> tuple[int, float]:
    """Adds lines while the next one's answer finds nobody with at most the allowed chance; the first `covered` have an operator each."""
    lines, risk = 0, 0.0
    while lines < most:
        if lines >= covered:
            risk = situation.lost()
            if risk > allowed:
                break
        situation.add_line()
        lines += 1
    return lines, risk


def _robocalls(snapshot: PacingSnapshot, calls: int) -> int:
    kept = max(calls, snapshot.idle_operators)
    return max(0, min(snapshot.max_robocalls - snapshot.robocalls, snapshot.free_lines - kept))
