"""The ladder of a campaign as data: steps from the cheapest channel to the dearest, with their waits and conditions. Pure.

Sources: 三郷市 (landline first, then mobile; no answer: once more, then SMS), 古河市 (a second automated round for those who did not
react), 沖縄県 (本人との接触を持って処理終了), 春日部市 (another weekday and time of day, at least two calls).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field

MOST_ALIKE = 3  # steps of one channel
Whole = Annotated[int, Field(ge=0, le=60)]


class StepChannel(StrEnum):
    """Channels a step can use."""

    SMS = "sms"
    AUTO_CALL = "auto_call"
    OPERATOR_CALL = "operator_call"
    VISIT = "visit"


class Need(StrEnum):
    """Conditions of a step, all of which must hold."""

    MOBILE = "mobile"
    LANDLINE = "landline"
    LANDLINE_ONLY = "landline_only"
    NEVER_REACHED = "never_reached"
    REACHED = "reached"
    PERSON = "person"
    COMPANY = "company"


class DoneOn(StrEnum):
    """What ends the cycle for a debtor."""

    RIGHT_PARTY = "right_party"
    PAYMENT = "payment"
    PROMISE = "promise"


class AtEnd(StrEnum):
    """What happens when every step is used up."""

    NEXT_CYCLE = "next_cycle"
    VISIT = "visit"
    TAX_OFFICER = "tax_officer"


class Line(StrEnum):
    """Kinds of numbers."""

    LANDLINE = "landline"
    MOBILE = "mobile"


class Numbers(StrEnum):
    """Which number gets which attempt: the numbers take turns in the list's order, or beginning with the kind that is named; or always the
    one that was answered most in this part of the day."""

    LISTED = "listed"
    LANDLINE_FIRST = "landline_first"
    MOBILE_FIRST = "mobile_first"
    MOST_LIKELY = "most_likely"


@dataclass(frozen=True, slots=True)
class StepRule:
    """One step.

    Attributes:
        attempts: how many before the step is used up; for automated calls these are the rounds.
        wait_days: after the last attempt of the steps before.
        between_days: between the attempts of this step; operators' calls follow the retry rules instead and have 0.
        lines: which kind of number gets which attempt, the last for those that follow; empty leaves it to the ladder's `numbers`.
        needs: all must hold; SMS needs a mobile that takes messages and calls a usable number in any case.
        min_yen: only debtors who owe at least this.
        priority: 1 first to 9 last, within the channel.
    """

    channel: StepChannel
    attempts: Annotated[int, Field(ge=1, le=20)] = 1
    wait_days: Whole = 0
    between_days: Whole = 0
    needs: tuple[Need, ...] = ()
    lines: Annotated[tuple[Line, ...], Field(max_length=20)] = ()
    min_yen: Annotated[int, Field(ge=0, le=10**12)] = 0
    priority: Annotated[int, Field(ge=1, le=9)] = 5


# SMS, two rounds of automated calls, three operator calls, and a visit where that much is owed. Who has no mobile, or was reached before,
# begins with the operators.
DEFAULT_STEPS = (
    StepRule(StepChannel.SMS, needs=(Need.NEVER_REACHED,)),
    StepRule(StepChannel.AUTO_CALL, attempts=2, wait_days=3, between_days=2, needs=(Need.MOBILE, Need.NEVER_REACHED)),
    StepRule(StepChannel.OPERATOR_CALL, attempts=3, wait_days=2, priority=4),
    StepRule(StepChannel.VISIT, wait_days=3, min_yen=30_000, priority=4),
)


@dataclass(frozen=True, slots=True)
class Ladder:
    """The whole ladder.

    Attributes:
        in_business_days: whether waits count only days on which the office works.
        done_on: what ends the cycle for a debtor.
        done_paid_percent: a part payment of at least this share of what was owed ends it, too.
        max_attempts: one person's budget per cycle, over all channels.
        end_wait_days: before a visit or a hand-over at the end.
    """

    steps: Annotated[tuple[StepRule, ...], Field(min_length=1, max_length=10)] = DEFAULT_STEPS
    in_business_days: bool = True
    done_on: tuple[DoneOn, ...] = tuple(DoneOn)
    done_paid_percent: Annotated[int, Field(ge=1, le=100)] = 50
    max_attempts: Annotated[int, Field(ge=1, le=60)] = 8
    at_end: AtEnd = AtEnd.NEXT_CYCLE
    end_wait_days: Whole = 3
    numbers: Numbers = Numbers.LISTED

    def __post_init__(self) -> None:
        channels = [step.channel for step in self.steps]
        if most := next((channel for channel in channels if channels.count(channel) > MOST_ALIKE), None):
            raise ValueError(f"at most {MOST_ALIKE} steps may use {most}")
        if any(step.between_days and step.channel is StepChannel.OPERATOR_CALL for step in self.steps):
            raise ValueError("operators' calls follow the retry rules: between_days must be 0")
