"""The metrics beyond the headline, declared in the same way, and all of them in the groups in which people look for them."""

from __future__ import annotations

from reports.metrics import (
    ATTEMPTS,
    ATTEMPTS_PER_HOUR,
    BY_BEGIN,
    BY_CODE,
    BY_DEADLINE,
    BY_STATE,
    CONTACT_PER_CALL,
    CONTACT_PER_PERSON,
    CONTACTS,
    KEPT_RATE,
    KEPT_USE,
    OFFICE_LIST,
    OPERATOR_HOURS,
    OWN,
    PERSONS_ATTEMPTED,
    PERSONS_CONTACTED,
    PERSONS_RIGHT_PARTY,
    PROMISE_RATE,
    PROMISES,
    PROMISES_DUE,
    PROMISES_KEPT,
    RIGHT_PARTY,
    RIGHT_PARTY_RATE,
    Metric,
    Unit,
)
from reports.money_metrics import MONEY, USUAL
from reports.words import Words

REACTION_DAYS = 7
LIMIT_USE = Words(
    "英国Ofcomの放棄呼の定義(応答のうち担当者が2秒以内に出なかったもの)", "Ofcom's definition of abandoned calls (no operator within 2 s)"
)
AS_NOW = Words(
    "名簿と番号はいまのもの。業務で絞ると、その業務で手段を決めた人。",
    "The list and its numbers as they are now; of a campaign: those it assigned.",
)
BY_HANDOVER = Words("送信を事業者に渡した時刻で数える。", "Counted by the moment the message was handed to the provider.")


def _count(code: str, ja: str, en: str, what: tuple[str, str], unit: Unit, scope: Words, source: Words) -> Metric:
    return Metric(code, Words(ja, en), Words(*what), None, unit, scope, 1, source)


def _rate(code: str, ja: str, en: str, over: Metric, under: Metric, scope: Words, source: Words, unit: Unit = Unit.RATIO) -> Metric:
    """A metric that divides one count by another."""
    return Metric(code, Words(ja, en), over.name, under.name, unit, scope, 1, source, over.code, under.code)


ANSWERED = _count(
    "answered",
    "応答件数",
    "Answered",
    ("回線結果が応答の件数", "attempts whose line was answered by a person"),
    Unit.CALLS,
    BY_BEGIN,
    OFFICE_LIST,
)
LIVE = _count(
    "live_answers", "人の応答", "Live answers", ("応答と放棄の件数", "attempts answered or abandoned"), Unit.CALLS, BY_BEGIN, LIMIT_USE
)
ABANDONED = _count(
    "abandoned",
    "放棄件数",
    "Abandoned",
    ("人が応答し、担当者につながらず切れた件数", "live answers that no operator took in time"),
    Unit.CALLS,
    BY_BEGIN,
    LIMIT_USE,
)
TALK = _count("talk_seconds", "通話時間", "Talk time", ("通話の秒数の合計", "seconds of talk"), Unit.SECONDS, BY_BEGIN, USUAL)
CLOCK_HOURS = _count(
    "clock_hours",
    "架電した時間帯の数",
    "Clock hours with calls",
    ("1件以上架電した1時間枠の数", "hours of the clock with at least one attempt"),
    Unit.HOURS,
    BY_BEGIN,
    OWN,
)
STAFFED = _count("staffed_seconds", "稼働時間(秒)", "Staffed time", OPERATOR_HOURS.numerator.pair, Unit.SECONDS, BY_STATE, USUAL)
BUSY = _count(
    "busy_seconds",
    "通話と後処理の時間",
    "Talk and wrap-up time",
    ("呼出・通話・後処理の状態にあった秒数", "seconds reserved, ringing, talking or in wrap-up"),
    Unit.SECONDS,
    BY_STATE,
    USUAL,
)
WRAP_UP = _count(
    "wrap_up_seconds", "後処理時間", "Wrap-up time", ("後処理の秒数の合計", "seconds in wrap-up"), Unit.SECONDS, BY_STATE, USUAL
)
WRAP_UPS = _count("wrap_ups", "後処理の回数", "Wrap-ups", ("後処理に入った回数", "times wrap-up was entered"), Unit.CALLS, BY_STATE, USUAL)
LISTED = _count("listed", "名簿の人数", "Listed", ("名簿にある人数", "persons on the list"), Unit.PERSONS, AS_NOW, USUAL)
WITH_NUMBER = _count(
    "with_number",
    "番号が分かる人",
    "Number known",
    ("使える電話番号が1つ以上ある人数", "persons with at least one usable number"),
    Unit.PERSONS,
    AS_NOW,
    USUAL,
)
TRIED = _count(
    "listed_attempted",
    "連絡を試みた人",
    "Tried",
    ("名簿のうち、期間に1回以上連絡を試みた人数", "of the list, persons with an attempt in the period"),
    Unit.PERSONS,
    AS_NOW,
    USUAL,
)
FINISHED = _count(
    "finished",
    "済んだ人",
    "Finished",
    ("名簿のうち、期間に本人接触したか、いま未納がない人数", "of the list, persons reached in person in the period or owing nothing now"),
    Unit.PERSONS,
    AS_NOW,
    USUAL,
)
COMPLETE = _count(
    "complete_records",
    "記録のそろった人",
    "Complete records",
    (
        "フリガナ・郵便番号・住所・生年月日(法人を除く)・使える番号のすべてがある人数",
        "persons with reading, postal code, address, birth date (not companies) and a usable number",
    ),
    Unit.PERSONS,
    AS_NOW,
    USUAL,
)
SMS_SENT = _count(
    "sms_sent", "SMS送信", "SMS handed over", ("事業者に渡した通数", "messages handed to the provider"), Unit.MESSAGES, BY_HANDOVER, USUAL
)
SMS_DELIVERED = _count(
    "sms_delivered",
    "SMS到達",
    "SMS delivered",
    ("到達を確認した通数", "messages confirmed as delivered"),
    Unit.MESSAGES,
    BY_HANDOVER,
    USUAL,
)
SMS_REACTED = _count(
    "sms_reacted",
    "SMSへの反応",
    "Reacted to SMS",
    (
        f"到達したもののうち、送信から{REACTION_DAYS}日以内に納付(取消を除く)または接触のあった通数",
        f"delivered messages followed within {REACTION_DAYS} days of sending by a payment that was not reversed, or a contact",
    ),
    Unit.MESSAGES,
    BY_HANDOVER,
    USUAL,
)
AUTO_ANSWERED = _count(
    "auto_answered",
    "自動電話の応答",
    "Automated calls answered",
    ("応答のあった自動電話", "automated calls answered"),
    Unit.CALLS,
    BY_BEGIN,
    USUAL,
)
AUTO_KEYED = _count(
    "auto_keyed",
    "番号を押した人の件数",
    "Answered by key",
    ("応答し、1つ以上番号を押した自動電話", "automated calls in which a key was pressed"),
    Unit.CALLS,
    BY_BEGIN,
    USUAL,
)
AUTO_HEARD = _count(
    "auto_heard",
    "最初の案内を聞き終えた件数",
    "Heard the first words",
    (
        "応答し、最初の案内のあと次へ進んだか、番号を押した自動電話",
        "automated calls answered that went on after the first words, or in which a key was pressed",
    ),
    Unit.CALLS,
    BY_BEGIN,
    USUAL,
)
PROMISED_YEN = _count(
    "promised_yen",
    "期日が来た約束額",
    "Amount promised",
    ("期日が来た約束の額の合計", "yen of the promises that fell due"),
    Unit.YEN,
    BY_DEADLINE,
    KEPT_USE,
)
KEPT_YEN = _count(
    "kept_yen",
    "約束どおりの納付額",
    "Amount kept",
    ("期日までの納付額(約束額を上限とする)", "yen paid in time, up to what was promised"),
    Unit.YEN,
    BY_DEADLINE,
    KEPT_USE,
)
CONNECT_RATE = _rate("connect_rate", "応答率", "Connect rate", ANSWERED, ATTEMPTS, BY_BEGIN, USUAL)
ABANDON_RATE = _rate("abandon_rate", "放棄率", "Abandon rate", ABANDONED, LIVE, BY_BEGIN, LIMIT_USE)
INTENSITY = _rate("intensity", "1人当たり架電件数", "Intensity", ATTEMPTS, PERSONS_ATTEMPTED, BY_BEGIN, USUAL, Unit.CALLS_PER_PERSON)
PER_CLOCK_HOUR = _rate(
    "attempts_per_clock_hour", "1時間枠当たり架電件数", "Attempts per clock hour", ATTEMPTS, CLOCK_HOURS, BY_BEGIN, OWN, Unit.CALLS_PER_HOUR
)
AVERAGE_TALK = _rate("average_talk", "平均通話時間", "Average talk", TALK, ANSWERED, BY_BEGIN, USUAL, Unit.SECONDS)
AVERAGE_WRAP_UP = _rate("average_wrap_up", "平均後処理時間", "Average wrap-up", WRAP_UP, WRAP_UPS, BY_STATE, USUAL, Unit.SECONDS)
OCCUPANCY = _rate("occupancy", "稼働率", "Occupancy", BUSY, STAFFED, BY_STATE, USUAL)
PHONE_KNOWN_RATE = _rate("phone_known_rate", "番号判明率", "Phone-known rate", WITH_NUMBER, LISTED, AS_NOW, USUAL)
PENETRATION = _rate("penetration", "着手率", "Penetration", TRIED, LISTED, AS_NOW, USUAL)
COMPLETION = _rate("completion", "完了率", "Completion", FINISHED, LISTED, AS_NOW, USUAL)
DATA_QUALITY = _rate("data_quality", "記録の充足率", "Data quality", COMPLETE, LISTED, AS_NOW, USUAL)
SMS_DELIVERY = _rate("sms_delivery_rate", "SMS到達率", "SMS delivery rate", SMS_DELIVERED, SMS_SENT, BY_HANDOVER, USUAL)
SMS_REACTION = _rate("sms_reaction_rate", "SMS反応率", "SMS reaction rate", SMS_REACTED, SMS_DELIVERED, BY_HANDOVER, USUAL)
KEY_RATE = _rate("auto_key_rate", "自動電話の番号入力率", "Key answer rate", AUTO_KEYED, AUTO_ANSWERED, BY_BEGIN, USUAL)
LISTEN_RATE = _rate("auto_listen_rate", "自動電話の聴取率", "Listen-through rate", AUTO_HEARD, AUTO_ANSWERED, BY_BEGIN, USUAL)
KEPT_YEN_RATE = _rate("kept_amount_rate", "履行率(金額)", "Kept rate by amount", KEPT_YEN, PROMISED_YEN, BY_DEADLINE, KEPT_USE)

GROUPS: tuple[tuple[str, Words, tuple[Metric, ...]], ...] = (
    (
        "calls",
        Words("架電と接触", "Calls and contacts"),
        (
            ATTEMPTS,
            ANSWERED,
            CONNECT_RATE,
            CONTACTS,
            CONTACT_PER_CALL,
            PERSONS_ATTEMPTED,
            PERSONS_CONTACTED,
            CONTACT_PER_PERSON,
            RIGHT_PARTY,
            PERSONS_RIGHT_PARTY,
            RIGHT_PARTY_RATE,
            INTENSITY,
            LIVE,
            ABANDONED,
            ABANDON_RATE,
        ),
    ),
    (
        "promises",
        Words("約束と履行", "Promises"),
        (PROMISES, PROMISE_RATE, PROMISES_DUE, PROMISES_KEPT, KEPT_RATE, PROMISED_YEN, KEPT_YEN, KEPT_YEN_RATE),
    ),
    (
        "work",
        Words("時間と働き方", "Time and work"),
        (
            OPERATOR_HOURS,
            ATTEMPTS_PER_HOUR,
            CLOCK_HOURS,
            PER_CLOCK_HOUR,
            TALK,
            AVERAGE_TALK,
            WRAP_UP,
            WRAP_UPS,
            AVERAGE_WRAP_UP,
            STAFFED,
            BUSY,
            OCCUPANCY,
        ),
    ),
    (
        "list",
        Words("名簿の進み具合", "Progress of the list"),
        (LISTED, WITH_NUMBER, PHONE_KNOWN_RATE, TRIED, PENETRATION, FINISHED, COMPLETION, COMPLETE, DATA_QUALITY),
    ),
    (
        "automatic",
        Words("SMSと自動電話", "SMS and automated calls"),
        (SMS_SENT, SMS_DELIVERED, SMS_DELIVERY, SMS_REACTED, SMS_REACTION, AUTO_ANSWERED, AUTO_HEARD, LISTEN_RATE, AUTO_KEYED, KEY_RATE),
    ),
    ("money", Words("納付と費用", "Money"), MONEY),
)
EVERY: dict[str, Metric] = BY_CODE | {metric.code: metric for _, _, metrics in GROUPS for metric in metrics}
CROSSABLE: tuple[Metric, ...] = (
    CONTACT_PER_CALL,
    CONTACT_PER_PERSON,
    RIGHT_PARTY_RATE,
    PROMISE_RATE,
    KEPT_RATE,
    CONNECT_RATE,
    ABANDON_RATE,
    ATTEMPTS,
    CONTACTS,
    PROMISES,
    PERSONS_ATTEMPTED,
    INTENSITY,
    AVERAGE_TALK,
)
"""What can be counted in a cell of two cuts."""
