"""Why contact was refused: one word each, with what people read."""

from __future__ import annotations

from enum import StrEnum


class DenialReason(StrEnum):
    """In the order in which they are asked: what lasts comes before what passes."""

    UNKNOWN_FACTS = "unknown_facts"
    DO_NOT_CONTACT = "do_not_contact"
    HOLD_STOPPED = "hold_stopped"
    HOLD_COLLECTION_GRACE = "hold_collection_grace"
    HOLD_REALISATION_GRACE = "hold_realisation_grace"
    HOLD_SEIZED = "hold_seized"
    HOLD_INVESTIGATION = "hold_investigation"
    VULNERABLE = "vulnerable"
    SETTLED = "settled"
    LIST_TOO_OLD = "list_too_old"
    STOP_REQUEST = "stop_request"
    DECEASED_OR_MOVED = "deceased_or_moved"
    COMPLAINT = "complaint"
    WITH_TAX_OFFICER = "with_tax_officer"
    PAYMENT_CLAIMED = "payment_claimed"
    NUMBER_REFUSED = "number_refused"
    NUMBER_WRONG = "number_wrong"
    NUMBER_DEAD = "number_dead"
    NUMBER_WORKPLACE = "number_workplace"
    NO_USABLE_NUMBER = "no_usable_number"
    WISHED_TIME = "wished_time"
    OPEN_PROMISE = "open_promise"
    INSTALMENT_PLAN = "instalment_plan"
    QUIET_AFTER_CONVERSATION = "quiet_after_conversation"
    RIGHT_PARTY_MET = "right_party_met"
    DAY_CAP = "day_cap"
    WEEK_CAP = "week_cap"
    WINDOW_CAP = "window_cap"
    HOUSEHOLD_CAP = "household_cap"
    NUMBER_CAP = "number_cap"
    NUMBER_GAP = "number_gap"
    ABANDONED_RECENTLY = "abandoned_recently"
    CLOSED_DAY = "closed_day"
    OUTSIDE_WINDOW = "outside_window"
    WISHED_HOURS = "wished_hours"
    DECIDED_ELSEWHERE = "decided_elsewhere"


DENIAL_JA: dict[DenialReason, str] = {
    DenialReason.UNKNOWN_FACTS: "判断に要る情報がそろっていないため連絡しない",
    DenialReason.DO_NOT_CONTACT: "連絡禁止の指定",
    DenialReason.HOLD_STOPPED: "執行停止中",
    DenialReason.HOLD_COLLECTION_GRACE: "徴収猶予中",
    DenialReason.HOLD_REALISATION_GRACE: "換価猶予中",
    DenialReason.HOLD_SEIZED: "差押中",
    DenialReason.HOLD_INVESTIGATION: "破産・相続の調査中",
    DenialReason.VULNERABLE: "要配慮",
    DenialReason.SETTLED: "未納なし(完納)",
    DenialReason.LIST_TOO_OLD: "催告対象者リストが古い",
    DenialReason.STOP_REQUEST: "本人から連絡停止の要請",
    DenialReason.DECEASED_OR_MOVED: "死亡・転出・長期不在の情報を確認中",
    DenialReason.COMPLAINT: "苦情を対応中",
    DenialReason.WITH_TAX_OFFICER: "徴税吏員が対応中",
    DenialReason.PAYMENT_CLAIMED: "支払済みと申告、確認中",
    DenialReason.NUMBER_REFUSED: "番号の使用を拒否されている",
    DenialReason.NUMBER_WRONG: "間違い電話の番号",
    DenialReason.NUMBER_DEAD: "使われていない番号",
    DenialReason.NUMBER_WORKPLACE: "勤務先の番号",
    DenialReason.NO_USABLE_NUMBER: "使える電話番号がない",
    DenialReason.OPEN_PROMISE: "納付約束の期日(猶予日数を含む)の前",
    DenialReason.INSTALMENT_PLAN: "分納を履行中",
    DenialReason.WISHED_TIME: "希望された日時の前",
    DenialReason.QUIET_AFTER_CONVERSATION: "会話から所定の日数がたっていない",
    DenialReason.RIGHT_PARTY_MET: "本人と話せたので、この周期は自動電話をかけない",
    DenialReason.DAY_CAP: "一日の上限に達した",
    DenialReason.WEEK_CAP: "7日間の上限に達した",
    DenialReason.WINDOW_CAP: "手段別または期間の上限に達した",
    DenialReason.HOUSEHOLD_CAP: "同じ世帯への架電の上限に達した",
    DenialReason.NUMBER_CAP: "同じ番号への上限に達した",
    DenialReason.NUMBER_GAP: "同じ番号への前の架電から間がない",
    DenialReason.ABANDONED_RECENTLY: "放棄呼の後なので予測発信・自動電話をしない",
    DenialReason.CLOSED_DAY: "閉庁日",
    DenialReason.OUTSIDE_WINDOW: "連絡してよい時間帯の外",
    DenialReason.WISHED_HOURS: "本人が避けてほしいと言った時間帯",
    DenialReason.DECIDED_ELSEWHERE: "同じ人・世帯・番号への連絡を他で進めている",
}

DENIAL_EN: dict[DenialReason, str] = {
    DenialReason.UNKNOWN_FACTS: "Something needed to decide is unknown, so there is no contact",
    DenialReason.DO_NOT_CONTACT: "Marked as not to be contacted",
    DenialReason.HOLD_STOPPED: "Collection is suspended (執行停止)",
    DenialReason.HOLD_COLLECTION_GRACE: "Grace of collection (徴収猶予)",
    DenialReason.HOLD_REALISATION_GRACE: "Grace of realisation (換価猶予)",
    DenialReason.HOLD_SEIZED: "Property is seized",
    DenialReason.HOLD_INVESTIGATION: "Bankruptcy or inheritance is being looked into",
    DenialReason.VULNERABLE: "Needs special care",
    DenialReason.SETTLED: "Nothing is owed any more",
    DenialReason.LIST_TOO_OLD: "The list is too old to be trusted",
    DenialReason.STOP_REQUEST: "Asked not to be contacted",
    DenialReason.DECEASED_OR_MOVED: "Reported dead, moved or long absent; being checked",
    DenialReason.COMPLAINT: "A complaint is being handled",
    DenialReason.WITH_TAX_OFFICER: "In the hands of a tax officer",
    DenialReason.PAYMENT_CLAIMED: "Says it is paid; being checked",
    DenialReason.NUMBER_REFUSED: "Use of the number was refused",
    DenialReason.NUMBER_WRONG: "The number belongs to somebody else",
    DenialReason.NUMBER_DEAD: "The number is not in use",
    DenialReason.NUMBER_WORKPLACE: "The number is a workplace's",
    DenialReason.NO_USABLE_NUMBER: "No usable telephone number",
    DenialReason.OPEN_PROMISE: "Promised to pay; the date plus grace has not passed",
    DenialReason.INSTALMENT_PLAN: "Keeps an instalment plan",
    DenialReason.WISHED_TIME: "Named a later time",
    DenialReason.QUIET_AFTER_CONVERSATION: "Too soon after a conversation",
    DenialReason.RIGHT_PARTY_MET: "The right party was met: no automated call in this cycle",
    DenialReason.DAY_CAP: "The day's limit of attempts is reached",
    DenialReason.WEEK_CAP: "The limit of attempts in 7 days is reached",
    DenialReason.WINDOW_CAP: "The limit of a channel or a longer period is reached",
    DenialReason.HOUSEHOLD_CAP: "The household's limit of calls is reached",
    DenialReason.NUMBER_CAP: "The number's limit of attempts is reached",
    DenialReason.NUMBER_GAP: "Too soon after the last attempt to this number",
    DenialReason.ABANDONED_RECENTLY: "A call was abandoned lately: no predictive or automated call",
    DenialReason.CLOSED_DAY: "The office is closed that day",
    DenialReason.OUTSIDE_WINDOW: "Outside the contact hours",
    DenialReason.WISHED_HOURS: "A time the debtor asked us to avoid",
    DenialReason.DECIDED_ELSEWHERE: "Somebody else is contacting this person, household or number",
}


def denial_text(reason: DenialReason, lang: str = "ja") -> str:
    """The reason in words, in `ja` or `en`."""
    return DENIAL_EN[reason] if lang == "en" else DENIAL_JA[reason]
