"""The abandon budget: how many answered calls may find nobody, and what risk a line may carry for it.

An abandoned call is an answer by a person (or by nobody knows whom) that finds no operator within two seconds. Its share of all such
answers stays at or under the limit over each day (Ofcom's span) and over 30 days (that of the FTC's safe harbour), at every moment and not
only in the end: what is not yet earned by answers is not spent.

The price is the risk up to which one more line is dialled. It is learned by stochastic approximation (Robbins and Monro 1951): every
answer raises it by the share that may be abandoned now, every abandoned call lowers it by the whole rest, so that it settles where that
share is just met. The share follows what is spare: less than the limit while little is earned, more once much is, and towards the end of
the day as much as uses up what would otherwise lapse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

LIMIT = 0.03
FIRST_PRICE = 0.7  # of the limit: where a cold start begins
LEAST_PRICE, MOST_PRICE = 1e-4, 0.3

# While an abandoned call would break the limit at once (the first answers of a day): a risk of one in a thousand, not none, since an
# operator who sits idle for want of a second line costs more than a third of the day's talk.
UNEARNED_RISK = 0.001
_ONE_CALL = 1.05  # spare abandons before more than that is risked: one call, and something for a second one in the air
_RESERVE = 1.5  # spare abandons that are not given away at the end of the day
_KEPT_PACE = 5.0  # answers a minute from which on calls in the air may find nobody several at once
_KEPT = 0.15  # spare abandons that are never risked, for each answer a minute above that
_MOST_SHARE = 3.0  # of the limit, however much is spare
_STEP = 0.05
_SMALL_PACE = 12.5  # answers a minute; where there are more, as many times more are in the air, and spare calls count for less
# Spare abandons -> the share of the limit that may be abandoned meanwhile; found by trying over seeds (`benchmarks.pacing`).
_SPARE = (1.05, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0)
_SHARE = (0.15, 0.45, 0.7, 0.9, 1.1, 1.33, 1.7, 2.2)


@dataclass(frozen=True, slots=True)
class Budget:
    """Live answers and abandoned calls among them, of this day and of the last 30 days (this one included).

    `answers_a_minute` is this day's pace, `minutes_to_come` how much of it is left; None when nobody knows.
    """

    limit: float = LIMIT
    answers_today: int = 0
    abandoned_today: int = 0
    answers_30_days: int = 0
    abandoned_30_days: int = 0
    answers_a_minute: float = 0.0
    minutes_to_come: float | None = None

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


def share_of_limit(budget: Budget, pending: float = 0.0) -> float:
    """How much of the limit the next answers may use, 1 being the limit itself; 0 while one more abandoned call would break it.

    Args:
        pending: abandoned calls that those in the air will come to, on average.
    """
    pace = budget.answers_a_minute
    kept = _KEPT * max(0.0, pace - _KEPT_PACE)
    spare = budget.spare - pending - kept
    if spare < _ONE_CALL:
        return 0.0
    scaled = _ONE_CALL + (spare - _ONE_CALL) / max(1.0, pace / _SMALL_PACE)
    share = _interpolated(scaled)
    reserve = _RESERVE + 2.0 * kept
    if budget.minutes_to_come is None or spare < reserve + 1.0:
        return share
    to_come = max(1.0, pace * budget.minutes_to_come)
    return max(share, min(_MOST_SHARE, 1.0 + (spare - reserve) / (budget.limit * to_come)))


def _interpolated(spare: float) -> float:
    """The share between the nearest two of the table; its last one above them all."""
    for (low, low_share), (high, high_share) in pairwise(zip(_SPARE, _SHARE, strict=True)):
        if spare < high:
            return low_share + (spare - low) * (high_share - low_share) / (high - low)
    return _SHARE[-1]


def risk_allowed(budget: Budget, price: float, pending: float = 0.0) -> float:
    """The chance of finding nobody that one more line may carry; 0 when none may. `pending` as in `share_of_limit`."""
    if budget.limit <= 0 or budget.spare < 0:
        return 0.0
    return max(UNEARNED_RISK, price * share_of_limit(budget, pending))


def learn_price(price: float, answers: int, abandoned: int, budget: Budget) -> float:
    """The price after so many more live answers, of which so many were abandoned. While the budget forbids to spend it does not rise:
    a price wound up while nothing may be dialled would flood the operators afterwards."""
    earned = budget.limit * answers * share_of_limit(budget) if budget.limit > 0 else 0.0
    return min(MOST_PRICE, max(LEAST_PRICE, price * math.exp(_STEP * (earned - abandoned))))
