"""An office's contact rules as one immutable value. Pure; `documents` writes and reads them, `presets` has those ready to use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from campaigns.attempts.codes import Channel
from campaigns.compliance.reasons import DenialReason
from campaigns.compliance.windows import ContactHours

WEEK_DAYS = 7
DIALS = frozenset({Channel.AUTO_CALL, Channel.OPERATOR_CALL})


class Scope(StrEnum):
    """Whose attempts a cap counts: a person's over all debts, a number's over all who have it, a household's."""

    PERSON = "person"
    NUMBER = "number"
    HOUSEHOLD = "household"


class Window(StrEnum):
    """Over which days: the calendar day, the calendar week from Monday, or the last so many days, today included."""

    DAY = "day"
    WEEK = "week"
    ROLLING = "rolling"


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `most` attempts.

    `days` only counts for a rolling window. `channels` are both those that are limited and those that are counted; empty is all.
    """

    scope: Scope
    most: int
    window: Window = Window.DAY
    days: int = 1
    channels: frozenset[Channel] = frozenset()

    @property
    def span_days(self) -> int:
        """How many days back an attempt may still count."""
        return {Window.DAY: 1, Window.WEEK: WEEK_DAYS, Window.ROLLING: self.days}[self.window]


ONE_DIAL_PER_HOUSEHOLD = Cap(Scope.HOUSEHOLD, 1, Window.DAY, 1, DIALS)


@dataclass(frozen=True)
class ContactPolicy:
    """The office's rules; a value that is left out here is the municipality's, which is stricter than any rule found in force.

    Attributes:
        name: of the preset it began as.
        max_per_day, max_per_week: attempts per person over all debts and channels; the week is the last 7 days or, with
            `is_calendar_week`, from Monday.
        caps: further limits, per number, household, channel or window.
        gap_minutes: between two attempts to one number.
        quiet_days: without contact after a conversation; with `is_conversation_day_first` the day of the conversation is the first.
        callback_days: how long after the named time an asked-for call-back still overrides caps and quiet days.
        payment_claim_days: how long a payment that was claimed is waited for.
        abandon_hours: after a call that found no operator, no predictive and no automated call for so long; 0 does not ask.
        robocall_rest_days: no automated call for so long after the right party was met (本人接触で周期を終える); 0 does not ask.
        allows_workplace: whether numbers remarked as a workplace's may be used.
        exempt: channels to which a condition does not apply; only those of `EXEMPTIBLE` can be named.
        max_list_days: a list older than this is not trusted; 0 does not ask.
        decision_seconds: how long a decision may be acted upon.
        keep_contact_days, keep_set_days: how long decisions stay on record.
        version: of the office's stored rules; 0 is a preset that nobody stored.
    """

    name: str
    hours: ContactHours
    max_per_day: int = 1
    max_per_week: int = 3
    is_calendar_week: bool = False
    caps: tuple[Cap, ...] = ()
    gap_minutes: int = 5
    quiet_days: int = 7
    is_conversation_day_first: bool = False
    callback_days: int = 3
    payment_claim_days: int = 14
    abandon_hours: int = 72
    robocall_rest_days: int = 30
    allows_workplace: bool = False
    exempt: Mapping[DenialReason, frozenset[Channel]] = field(default_factory=dict)
    max_list_days: int = 400
    decision_seconds: int = 60
    keep_contact_days: int = 1_825
    keep_set_days: int = 400
    version: int = 0

    @cached_property
    def all_caps(self) -> tuple[Cap, ...]:
        """Every cap, those per person over all channels first."""
        week = Cap(Scope.PERSON, self.max_per_week, Window.WEEK if self.is_calendar_week else Window.ROLLING, WEEK_DAYS)
        return (Cap(Scope.PERSON, self.max_per_day), week, *self.caps)

    def caps_of(self, scope: Scope) -> tuple[Cap, ...]:
        """The caps that count the attempts of a person, a number or a household."""
        return self._by_scope[scope]

    @cached_property
    def _by_scope(self) -> dict[Scope, tuple[Cap, ...]]:
        return {scope: tuple(cap for cap in self.all_caps if cap.scope is scope) for scope in Scope}

    @cached_property
    def asks_numbers(self) -> bool:
        """Whether it matters who else has called a number, and when."""
        return bool(self.caps_of(Scope.NUMBER)) or self.gap_minutes > 0 or self.abandon_hours > 0

    @cached_property
    def asks_households(self) -> bool:
        """Whether it matters who else of the household was called."""
        return bool(self.caps_of(Scope.HOUSEHOLD))

    @cached_property
    def history_days(self) -> int:
        """How many days back attempts matter to the caps."""
        return 1 + max([cap.span_days for cap in self.all_caps], default=1)


# Conditions that an office may declare not to apply to a channel; the others always apply to all.
EXEMPTIBLE: tuple[DenialReason, ...] = (
    DenialReason.HOLD_STOPPED,
    DenialReason.HOLD_COLLECTION_GRACE,
    DenialReason.HOLD_REALISATION_GRACE,
    DenialReason.HOLD_SEIZED,
    DenialReason.HOLD_INVESTIGATION,
    DenialReason.VULNERABLE,
    DenialReason.DECEASED_OR_MOVED,
    DenialReason.COMPLAINT,
    DenialReason.WITH_TAX_OFFICER,
    DenialReason.PAYMENT_CLAIMED,
    DenialReason.OPEN_PROMISE,
    DenialReason.INSTALMENT_PLAN,
    DenialReason.QUIET_AFTER_CONVERSATION,
)
