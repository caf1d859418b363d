"""The abandon budget: how many answered calls may find nobody, and what risk a line may carry for it.

An abandoned call is an answer by a person (or by nobody knows whom) that finds no operator within two seconds. Its share of all such
answers stays at or under the limit over each day (Ofcom's span) and over 30 days (that of the FTC's safe harbour), at every moment and not
only in the end: what is not yet earned by answers is not spent.

The price is the risk up to which one more line is dialled. It is learned by stochastic approximation (Robbins and Monro 1951): every
answer raises it by the limit's share, every abandoned call lowers it by the whole rest, so that it settles where the limit is just met.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

LIMIT = 0.03
FIRST_PRICE = 0.7  # of the limit: where a cold start begins
LEAST_PRICE, MOST_PRICE = 1e-4, 0.3

# While an abandoned call would break the limit at once (the first answers of a day): a risk of one in two thousand, not none, since an
# operator who sits idle for want of a second line costs more than a third of the day's talk.
UNEARNED_RISK = 0.0005
_ONE_CALL = 1.2  # spare abandons before more than that is risked: one call, and something for a second one in the air
_FULL_AT = 4.0  # spare abandons at which the learned price is paid in full
_STEP = 0.03


@dataclass(frozen=True, slots=True)
class Budget:
    """Live answers and abandoned calls among them, of this day and of the last 30 days (this one included)."""

    limit: float = LIMIT
    answers_today: int = 0
    abandoned_today: int = 0
    answers_30_days: int = 0
    abandoned_30_days: int = 0

    @property
    def spare(self) -> float:
        """Abandoned calls that may still happen now; below 0 the limit is broken."""
        return min(self.limit * self.answers_today - self.abandoned_today, self.limit * self.answers_30_days - self.abandoned_30_days)

    @property
    def rate_today(self) -> float | None:
        """Abandoned share of today's live answers; None before the first."""
        return self.abandoned_today / self.answers_today if self.answers_today else None

    @property
    def rate_30_days(self) -> float | None:
        """Abandoned share of the last 30 days' live answers; None before the first."""
        return self.abandoned_30_days / self.answers_30_days if self.answers_30_days else None


def risk_allowed(budget: Budget, price: float, pending: float = 0.0) -> float:
    """The chance of finding nobody that one more line may carry; 0 when none may.

    Args:
        pending: abandoned calls that those in the air will come to, on average.
    """
    if budget.limit <= 0 or budget.spare < 0:
        return 0.0
    spare = budget.spare - pending - _ONE_CALL
    if spare <= 0:
        return UNEARNED_RISK
    share = spare / _FULL_AT
    return max(UNEARNED_RISK, price * (share**0.6 if share < 1 else min(3.0, 1 + 0.3 * (share - 1))))


def learn_price(price: float, answers: int, abandoned: int, budget: Budget) -> float:
    """The price after so many more live answers, of which so many were abandoned. While the budget forbids to spend it does not rise:
    a price wound up while nothing may be dialled would flood the operators afterwards."""
    earned = budget.limit * answers if budget.spare > _ONE_CALL else 0.0
    return min(MOST_PRICE, max(LEAST_PRICE, price * math.exp(_STEP * (earned - abandoned))))
