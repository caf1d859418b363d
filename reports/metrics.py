"""The headline metrics as declared objects: what is divided by what, of whom, since which version, and after which source.

The others are in `reports.further_metrics`.

`definitions` in every report and the words beside every figure are read from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reports.words import Words


class Unit(StrEnum):
    """What a figure counts; rates are ratios from 0 upwards."""

    CALLS = "calls"
    PERSONS = "persons"
    PROMISES = "promises"
    HOURS = "hours"
    CALLS_PER_HOUR = "calls_per_hour"
    CALLS_PER_PERSON = "calls_per_person"
    SECONDS = "seconds"
    MESSAGES = "messages"
    YEN = "yen"
    YEN_PER_YEN = "yen_per_yen"
    YEN_PER_PERSON = "yen_per_person"
    RATIO = "ratio"


UNIT_WORDS: dict[Unit, Words] = {
    Unit.CALLS: Words("件", "calls"),
    Unit.PERSONS: Words("人", "persons"),
    Unit.PROMISES: Words("件", "promises"),
    Unit.HOURS: Words("時間", "hours"),
    Unit.CALLS_PER_HOUR: Words("件/時間", "calls per hour"),
    Unit.CALLS_PER_PERSON: Words("件/人", "calls per person"),
    Unit.SECONDS: Words("秒", "seconds"),
    Unit.MESSAGES: Words("通", "messages"),
    Unit.YEN: Words("円", "yen"),
    Unit.YEN_PER_YEN: Words("円/円", "yen per yen"),
    Unit.YEN_PER_PERSON: Words("円/人", "yen per person"),
    Unit.RATIO: Words("%", "%"),
}


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a report.

    `code` is its stable name in every output. A rate names the figures it divides (`over`, `under`), so that the number beside it and
    its uncertainty come from the same place; a count has neither. `version` rises when the meaning changes.
    """

    code: str
    name: Words
    numerator: Words
    denominator: Words | None
    unit: Unit
    scope: Words
    version: int
    source: Words
    over: str = ""
    under: str = ""

    @property
    def is_rate(self) -> bool:
        """Shown as per cent."""
        return self.unit is Unit.RATIO


BY_BEGIN = Words(
    "発信を始めた時刻で数える。設備による発信失敗と、規則により見送ったものは含まない。",
    "Counted by the moment the attempt began. Failed originations and refusals by the contact rules are not counted.",
)
BY_DEADLINE = Words(
    "約束日に猶予日数を足した日が期間に入る約束。新しい約束に置き換えたものも含み、結果の訂正で取り消したものは除く。入金は取消を除く。時間帯と担当者は約束をした架電のもの。",
    "Promises whose date plus grace falls in the period, also those that a newer one replaced, not those cancelled by a corrected"
    " result; payments net of reversals."
    " Hour and operator are those of the call that made it.",
)
BY_STATE = Words(
    "操作卓に入り、離席していない時間。期間と時間帯で切る。業務で絞ると、その業務で架電した在席をすべて数える。"
    "記録のない時間(取り込んだ履歴など)は不明とする。",
    "Time signed in and not paused, cut at the bounds of the period; of one campaign: the whole of each sign-in in which it was called for."
    " Unknown where it was not recorded, as for imported history.",
)
OFFICE_LIST = Words("架電結果の3項目(回線結果・応対者・交渉結果)", "The three fields of a call result")
PER_CALL = Words("公表例: 接触件数÷架電件数(36,716÷118,695)", "Published use: contacts ÷ calls (36,716 of 118,695)")
PER_PERSON = Words("公表例: 接触者÷対象者の人数", "Published use: persons reached ÷ persons tried")
KEPT_USE = Words("期日到来分だけを分母とし、猶予と割合を定める方式", "Only promises that fell due count, with grace and threshold stated")
OWN = Words("時間当たり実施件数(稼働時間あたり)", "Calls per staffed hour")
ATTEMPTS = Metric(
    "attempts",
    Words("架電件数", "Attempts"),
    Words("回線事業者に渡した発信の件数(結果を問わない)", "calls handed to the carrier, whatever came of them"),
    None,
    Unit.CALLS,
    BY_BEGIN,
    1,
    OFFICE_LIST,
)
CONTACTS = Metric(
    "contacts",
    Words("接触件数", "Contacts"),
    Words(
        "応答があり、本人・本人(未確認)・同居家族・法人担当者・納税管理人・代理人が出た件数",
        "attempts answered by the debtor (verified or not), family in the household, a company's contact, a tax agent or proxy",
    ),
    None,
    Unit.CALLS,
    BY_BEGIN,
    1,
    OFFICE_LIST,
)
RIGHT_PARTY = Metric(
    "right_party_contacts",
    Words("本人接触件数", "Right-party contacts"),
    Words(
        "接触のうち、本人・法人担当者・納税管理人・代理人が出た件数", "contacts with the debtor, a company's contact, a tax agent or proxy"
    ),
    None,
    Unit.CALLS,
    BY_BEGIN,
    1,
    OFFICE_LIST,
)
PERSONS_ATTEMPTED = Metric(
    "persons_attempted",
    Words("架電した人数", "Persons attempted"),
    Words("1回以上架電した人数", "distinct debtors with at least one attempt"),
    None,
    Unit.PERSONS,
    BY_BEGIN,
    1,
    OFFICE_LIST,
)
PERSONS_CONTACTED = Metric(
    "persons_contacted",
    Words("接触した人数", "Persons contacted"),
    Words("1回以上接触した人数", "distinct debtors with at least one contact"),
    None,
    Unit.PERSONS,
    BY_BEGIN,
    1,
    OFFICE_LIST,
)
PERSONS_RIGHT_PARTY = Metric(
    "persons_right_party",
    Words("本人接触した人数", "Persons reached in person"),
    Words("1回以上本人接触した人数", "distinct debtors with at least one right-party contact"),
    None,
    Unit.PERSONS,
    BY_BEGIN,
    1,
    OFFICE_LIST,
)
PROMISES = Metric(
    "promises",
    Words("約束件数", "Promises"),
    Words("交渉結果が納付約束(全額)または納付約束(一部)の件数", "attempts whose outcome is a promise to pay all or part"),
    None,
    Unit.CALLS,
    BY_BEGIN,
    1,
    OFFICE_LIST,
)
OPERATOR_HOURS = Metric(
    "operator_hours",
    Words("稼働時間", "Operator hours"),
    Words("オペレーターが操作卓に入り、離席していない時間", "hours operators were signed in and not paused"),
    None,
    Unit.HOURS,
    BY_STATE,
    1,
    OWN,
)
ATTEMPTS_PER_HOUR = Metric(
    "attempts_per_operator_hour",
    Words("時間当たり架電件数", "Attempts per operator hour"),
    Words("架電件数", "attempts"),
    Words("稼働時間", "operator hours"),
    Unit.CALLS_PER_HOUR,
    BY_STATE,
    1,
    OWN,
    "attempts",
    "operator_hours",
)
CONTACT_PER_CALL = Metric(
    "contact_rate_per_call",
    Words("コンタクト率(架電あたり)", "Contact rate per call"),
    Words("接触件数", "contacts"),
    Words("架電件数", "attempts"),
    Unit.RATIO,
    BY_BEGIN,
    1,
    PER_CALL,
    "contacts",
    "attempts",
)
CONTACT_PER_PERSON = Metric(
    "contact_rate_per_person",
    Words("接触率(人あたり)", "Contact rate per person"),
    Words("接触した人数", "persons contacted"),
    Words("架電した人数", "persons attempted"),
    Unit.RATIO,
    BY_BEGIN,
    1,
    PER_PERSON,
    "persons_contacted",
    "persons_attempted",
)
RIGHT_PARTY_RATE = Metric(
    "right_party_rate",
    Words("本人接触率", "Right-party rate"),
    Words("本人接触件数", "right-party contacts"),
    Words("接触件数", "contacts"),
    Unit.RATIO,
    BY_BEGIN,
    1,
    OFFICE_LIST,
    "right_party_contacts",
    "contacts",
)
PROMISE_RATE = Metric(
    "promise_rate",
    Words("約束率", "Promise rate"),
    Words("約束件数", "promises"),
    Words("本人接触件数", "right-party contacts"),
    Unit.RATIO,
    BY_BEGIN,
    1,
    OFFICE_LIST,
    "promises",
    "right_party_contacts",
)
PROMISES_DUE = Metric(
    "promises_due",
    Words("期日が来た約束", "Promises due"),
    Words("約束日+猶予日数が期間に入る約束の件数", "promises whose date plus grace falls in the period"),
    None,
    Unit.PROMISES,
    BY_DEADLINE,
    1,
    KEPT_USE,
)
PROMISES_KEPT = Metric(
    "promises_kept",
    Words("守られた約束", "Promises kept"),
    Words(
        "約束の日から約束日+猶予日数までに、約束額の定めた割合(初期値100%)以上が納付された約束の件数",
        "of these, promises of whose amount at least the threshold (100 % unless set) was paid from the promise to its date plus grace",
    ),
    None,
    Unit.PROMISES,
    BY_DEADLINE,
    1,
    KEPT_USE,
)
KEPT_RATE = Metric(
    "kept_rate",
    Words("履行率", "Kept rate"),
    Words("守られた約束", "promises kept"),
    Words("期日が来た約束", "promises due"),
    Unit.RATIO,
    BY_DEADLINE,
    1,
    KEPT_USE,
    "promises_kept",
    "promises_due",
)

HEADLINE: tuple[Metric, ...] = (
    ATTEMPTS,
    CONTACTS,
    RIGHT_PARTY,
    PERSONS_ATTEMPTED,
    PERSONS_CONTACTED,
    PERSONS_RIGHT_PARTY,
    PROMISES,
    OPERATOR_HOURS,
    ATTEMPTS_PER_HOUR,
    CONTACT_PER_CALL,
    CONTACT_PER_PERSON,
    RIGHT_PARTY_RATE,
    PROMISE_RATE,
    PROMISES_DUE,
    PROMISES_KEPT,
    KEPT_RATE,
)
BY_CODE: dict[str, Metric] = {metric.code: metric for metric in HEADLINE}


def definition(metric: Metric, note: Words | None = None) -> dict[str, str | int | None]:
    """The metric as it stands in a report's `definitions`; `note` says what the report's cut does to it."""
    scope = metric.scope if note is None else Words(metric.scope.ja + note.ja, f"{metric.scope.en} {note.en}")
    return {
        "code": metric.code,
        "name": metric.name.ja,
        "name_en": metric.name.en,
        "numerator": metric.numerator.ja,
        "numerator_en": metric.numerator.en,
        "denominator": metric.denominator.ja if metric.denominator else None,
        "denominator_en": metric.denominator.en if metric.denominator else None,
        "unit": UNIT_WORDS[metric.unit].ja,
        "unit_en": UNIT_WORDS[metric.unit].en,
        "scope": scope.ja,
        "scope_en": scope.en,
        "version": metric.version,
        "source": metric.source.ja,
        "source_en": metric.source.en,
    }
