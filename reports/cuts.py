"""What a report may be cut by, and how a cut is written down; the cuts themselves are in `reports.cut_forms`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reports.metrics import BY_DEADLINE, Metric
from reports.words import Words


class Cut(StrEnum):
    """What a row stands for."""

    HOUR = "hour"
    WEEKDAY = "weekday"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    OPERATOR = "operator"
    TEAM = "team"
    CHANNEL = "channel"
    CAMPAIGN = "campaign"
    CYCLE = "cycle"
    TAX = "tax"
    VINTAGE = "vintage"
    SEGMENT = "segment"
    SCRIPT = "script"
    AMOUNT = "amount"
    AREA = "area"
    TRY = "try"
    LINE_TYPE = "line_type"
    SINCE_DUE = "since_due"


@dataclass(frozen=True, slots=True)
class CutForm:
    """How one cut is written in SQL.

    `attempt_key` and `due_key` are expressions over an attempt `a`, a promise `p` and what `join` brings in as `{m}`; `{debtor}` in
    `join` is the debtor of either. `is_multiple`: an attempt may stand in several rows, so that rows do not add up. `hours_key` is the
    key of a clipped span of an operator's time, empty where hours can't be shared out. `shown` turns the key into the text of the output,
    `named` into a name for people. `note` says what the cut does to the figures, `due_note` what it does to promises due.
    """

    name: Words
    attempt_key: str
    due_key: str
    shown: str
    hours_key: str = ""
    join: str = ""
    named: str = "NULL"
    note: Words | None = None
    due_note: Words | None = None
    is_multiple: bool = False

    def attempts_by(self, alias: str = "m") -> tuple[str, str]:
        """The key of an attempt and the join it needs, with an alias of its own where two cuts are crossed."""
        return self.attempt_key.format(m=alias), self.join.format(m=alias, debtor="a.debtor_id")

    def due_by(self, alias: str = "m") -> tuple[str, str]:
        """The key of a promise due and the join it needs."""
        return self.due_key.format(m=alias), self.join.format(m=alias, debtor="p.debtor_id")

    def note_on(self, metric: Metric) -> Words | None:
        """What the cut does to this metric."""
        return self.due_note or self.note if metric.scope is BY_DEADLINE else self.note
