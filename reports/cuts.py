"""The ways a headline report may be cut, each with its words and the SQL of its keys."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from campaigns.attempts.codes import CHANNEL_JA
from reports.metrics import BY_DEADLINE, Metric
from reports.words import Words


class Cut(StrEnum):
    """What a row stands for."""

    HOUR = "hour"
    DAY = "day"
    OPERATOR = "operator"
    CHANNEL = "channel"
    TAX = "tax"
    VINTAGE = "vintage"
    SEGMENT = "segment"


@dataclass(frozen=True, slots=True)
class CutForm:
    """How one cut is written in SQL.

    `attempt_key` and `due_key` are expressions over an attempt `a`, a promise `p` and what `join` brings in as `m`; `{debtor}` in `join`
    is the debtor of either. `hours_key` is the key of a clipped span of an operator's time, empty where hours can't be shared out.
    `shown` turns the key into the text of the output, `named` into a name for people. `note` says what the cut does to the figures,
    `due_note` what it does to promises due.
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

    def note_on(self, metric: Metric) -> Words | None:
        """What the cut does to this metric."""
        return self.due_note or self.note if metric.scope is BY_DEADLINE else self.note


UNCUT = CutForm(Words("全体", "All"), "0", "0", "''", "0")

FORMS: dict[Cut, CutForm] = {
    Cut.HOUR: CutForm(
        Words("時間帯", "Hour"),
        "extract(hour FROM a.began_at AT TIME ZONE :zone)::integer",
        "extract(hour FROM p.made_at AT TIME ZONE :zone)::integer",
        "lpad(key::text, 2, '0')",
        "extract(hour FROM slot AT TIME ZONE :zone)::integer",
        due_note=Words("約束をした時刻の時間帯に入れる。", "Promises due stand in the hour in which they were made."),
    ),
    Cut.DAY: CutForm(
        Words("日", "Day"),
        "(a.began_at AT TIME ZONE :zone)::date",
        "p.due_on + p.grace_days::integer",
        "key::text",
        "(slot AT TIME ZONE :zone)::date",
        due_note=Words("約束日+猶予日数の日に入れる。", "Promises due stand on the day of their date plus grace."),
    ),
    Cut.OPERATOR: CutForm(
        Words("オペレーター", "Operator"),
        "coalesce(a.operator_id, 0)",
        "coalesce(a.operator_id, p.made_by, 0)",
        "coalesce((SELECT u.sign_in_name FROM app_user u WHERE u.office_id = :office AND u.id = key), '')",
        "user_id",
        named="(SELECT u.display_name FROM app_user u WHERE u.office_id = :office AND u.id = key)",
    ),
    Cut.CHANNEL: CutForm(
        Words("手段", "Channel"),
        "a.channel",
        "coalesce(a.channel, '')",
        "key",
        "'operator_call'::varchar",
    ),
    Cut.TAX: CutForm(
        Words("税目", "Tax"),
        "coalesce(m.tax_code, '')",
        "coalesce(m.tax_code, '')",
        "key",
        join="LEFT JOIN (SELECT DISTINCT debtor_id, tax_code FROM debt WHERE office_id = :office) m ON m.debtor_id = {debtor}",
        note=Words(
            "税目が複数ある人はそれぞれの税目に数えるため、行の合計は全体を超えることがある。",
            "A debtor with several taxes counts in each, so rows may add up to more than the total.",
        ),
    ),
    Cut.VINTAGE: CutForm(
        Words("現年・滞繰", "Vintage"),
        "coalesce(m.vintage, '')",
        "coalesce(m.vintage, '')",
        "key",
        join="LEFT JOIN (SELECT DISTINCT debtor_id, vintage FROM debt WHERE office_id = :office) m ON m.debtor_id = {debtor}",
        note=Words(
            "現年と滞繰の両方がある人は両方に数えるため、行の合計は全体を超えることがある。",
            "A debtor with both vintages counts in both, so rows may add up to more than the total.",
        ),
    ),
    Cut.SEGMENT: CutForm(
        Words("規則", "Segment"),
        "coalesce(m.rule_code, '')",
        "coalesce(m.rule_code, '')",
        "key",
        join=(
            "LEFT JOIN (SELECT debtor_id, campaign_id, rule_code FROM channel_assignment WHERE office_id = :office"
            " UNION SELECT debtor_id, NULL, rule_code FROM channel_assignment WHERE office_id = :office) m"
            " ON m.debtor_id = {debtor} AND m.campaign_id IS NOT DISTINCT FROM a.campaign_id"
        ),
        note=Words(
            "手段を決めた規則。業務の外の架電は、その人のすべての規則に数える。",
            "The rule that chose the channel. An attempt outside any campaign counts in each rule of the debtor.",
        ),
    ),
}

CHANNEL_LABELS = {str(channel): Words(name, channel.value.replace("_", " ")) for channel, name in CHANNEL_JA.items()}
VINTAGE_LABELS = {"current": Words("現年", "current year"), "carried_over": Words("滞繰", "carried over")}
NO_KEY: dict[Cut, Words] = {
    Cut.OPERATOR: Words("担当者なし", "no operator"),
    Cut.CHANNEL: Words("手段なし", "no channel"),
    Cut.TAX: Words("税目なし", "no tax"),
    Cut.VINTAGE: Words("区分なし", "no vintage"),
    Cut.SEGMENT: Words("規則なし", "no rule"),
}


def label(cut: Cut | None, key: str, name: str = "") -> Words:
    """What people read for a row's key: a person's name with the sign-in name, which alone is unique."""
    if cut is None:
        return UNCUT.name
    if not key:
        return NO_KEY[cut]
    if cut is Cut.HOUR:
        return Words(f"{int(key)}時", f"{key}:00")
    if cut is Cut.CHANNEL and key in CHANNEL_LABELS:
        return CHANNEL_LABELS[key]
    if cut is Cut.VINTAGE and key in VINTAGE_LABELS:
        return VINTAGE_LABELS[key]
    text = f"{name} ({key})" if name and name != key else key
    return Words(text, text)
