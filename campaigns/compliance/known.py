"""What a decision is made from and what it comes to: plain values. None means: not known, and not known means no contact."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import NamedTuple

from campaigns.attempts.codes import Channel
from campaigns.compliance.reasons import DenialReason

CONTACT_CHANNELS = frozenset({Channel.SMS, Channel.AUTO_CALL, Channel.OPERATOR_CALL, Channel.VISIT})
USABLE_NUMBER = "usable"
NO_ATTEMPTS: tuple[Tried, ...] = ()


class Tried(NamedTuple):
    """An attempt that counts."""

    at: datetime
    channel: Channel


@dataclass(frozen=True, slots=True)
class SuppressionFact:
    """A suppression in force now for this channel; `ends_at` None lasts until it is lifted."""

    reason: str
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class NumberFact:
    """One of the numbers that could be used.

    `status`: usable, or why not: refused, wrong_person, dead, none. `attempts`: by anybody in the office who has this number, as far back
    as the caps look. `abandoned_at`: the latest call to it that found no operator.
    """

    status: str = USABLE_NUMBER
    is_workplace: bool | None = False
    attempts: tuple[Tried, ...] | None = NO_ATTEMPTS
    abandoned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WishFact:
    """Times the debtor named: `is_only` allows nothing but these, else these are not to be called at.

    `weekdays` empty is every day; the hours are local, [opens, closes), 00:00 at the end is midnight.
    """

    is_only: bool
    weekdays: frozenset[int]
    opens: time
    closes: time

    @property
    def minutes(self) -> tuple[int, int]:
        """Minutes after midnight, [from, to)."""
        start = self.opens.hour * 60 + self.opens.minute
        return start, self.closes.hour * 60 + self.closes.minute or 24 * 60


@dataclass(frozen=True, slots=True)
class ContactFacts:
    """What is known about a debtor and a channel; None means not known, but where it says that it may be absent.

    Attributes:
        outstanding: yen of open, listed debts.
        holds: the 停止区分 digits of the open debts.
        suppressions: those that are in force and concern this channel.
        numbers: the numbers that could be used for this channel; one where one is meant. Visits need none.
        has_plan: an instalment plan in good standing.
        recent_attempts: all attempts that count, on any channel, as far back as the caps look.
        household_attempts: those to anybody of the household, the debtor included; none where no household is known.
        wishes: times the debtor named that concern this channel.
        list_as_of: the day of the office's latest list.
        mode: how an operator's call is dialled: preview, progressive, predictive, or "" where that is open.
        promise_until: last day (due date plus grace) of an open promise; may be absent.
        promise_lapsed_on: last day of the latest promise that passed without being kept; may be absent.
        conversed_at: the latest conversation with the debtor or who speaks for them; may be absent.
        met_at: the latest conversation with the right party, as far back as the rest from automated calls; may be absent.
        callback_at: a call-back the debtor asked for and that was not made yet; may be absent.
    """

    channel: Channel
    do_not_contact: bool | None
    outstanding: int | None
    holds: frozenset[int] | None
    suppressions: tuple[SuppressionFact, ...] | None
    numbers: tuple[NumberFact, ...] | None
    has_plan: bool | None
    recent_attempts: tuple[Tried, ...] | None
    household_attempts: tuple[Tried, ...] | None = None
    wishes: tuple[WishFact, ...] | None = None
    list_as_of: date | None = None
    mode: str = ""
    promise_until: date | None = None
    promise_lapsed_on: date | None = None
    conversed_at: datetime | None = None
    met_at: datetime | None = None
    callback_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """Contact may be made now, and may be acted upon until `valid_until`."""

    is_allowed: bool = field(default=True, init=False)
    valid_until: datetime | None = field(default=None, compare=False)
    decision_id: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Denied:
    """Contact must not be made now; `next_allowed_at` is the first moment at which these facts would allow it."""

    reason: DenialReason
    next_allowed_at: datetime | None = None
    is_allowed: bool = field(default=False, init=False)
    decision_id: int | None = field(default=None, compare=False)


Decision = Allowed | Denied
