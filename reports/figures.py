"""The counts of one row and the exact ratios made of them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


def ratio(over: int | Fraction, under: int | Fraction | None) -> float | None:
    """`over` ÷ `under` as the nearest float, unrounded otherwise; None when there is nothing to divide by."""
    return None if not under else (over.numerator * under.denominator) / (over.denominator * under.numerator)


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of one row; `operator_seconds` is None when the hours behind its attempts are not all known."""

    attempts: int = 0
    contacts: int = 0
    right_party_contacts: int = 0
    persons_attempted: int = 0
    persons_contacted: int = 0
    persons_right_party: int = 0
    promises: int = 0
    promises_due: int = 0
    promises_kept: int = 0
    operator_seconds: Fraction | None = None

    @property
    def operator_hours(self) -> float | None:
        """Hours signed in and not paused; None when unknown."""
        return None if self.operator_seconds is None else ratio(self.operator_seconds, 3600)

    @property
    def attempts_per_operator_hour(self) -> float | None:
        """Attempts ÷ operator hours."""
        return None if self.operator_seconds is None else ratio(self.attempts * 3600, self.operator_seconds)

    @property
    def contact_rate_per_call(self) -> float | None:
        """Contacts ÷ attempts."""
        return ratio(self.contacts, self.attempts)

    @property
    def contact_rate_per_person(self) -> float | None:
        """Persons contacted ÷ persons attempted."""
        return ratio(self.persons_contacted, self.persons_attempted)

    @property
    def right_party_rate(self) -> float | None:
        """Right-party contacts ÷ contacts."""
        return ratio(self.right_party_contacts, self.contacts)

    @property
    def promise_rate(self) -> float | None:
        """Promises ÷ right-party contacts."""
        return ratio(self.promises, self.right_party_contacts)

    @property
    def kept_rate(self) -> float | None:
        """Promises kept ÷ promises due."""
        return ratio(self.promises_kept, self.promises_due)

    def value(self, code: str) -> int | float | None:
        """The figure named `code`, one of `reports.metrics.HEADLINE`."""
        found: int | float | None = getattr(self, code)
        return found


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a report: `key` as in the output (None when nothing is cut), `label` for people in Japanese and English."""

    key: str | None
    label: str
    label_en: str
    figures: Figures
