"""What operators say: the opening, the caller's possible answers before verification with what they lead to, and the sentence after it.

Sentences are Japanese, as they are spoken; labels and consequences are in both languages. Nothing before the verification tells the matter.
The sentences here are the usual ones: an office keeps its own in versions (`campaigns.attempts.talk`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from campaigns.attempts.codes import LineResult, Outcome, Party
from campaigns.attempts.talk import Sentence


@dataclass(frozen=True, slots=True)
class Branch:
    """One answer of whoever picked up.

    Attributes:
        ending: party, outcome and a corrected line result if the call ends with it; None where the verification goes on.
        action, consequence: the button and what it does, Japanese and English.
    """

    value: str
    label: tuple[str, str]
    say: str
    ending: tuple[Party, Outcome, LineResult | None] | None = None
    action: tuple[str, str] = ("", "")
    consequence: tuple[str, str] = ("", "")


_LEAVE = (
    "「承知しました。あらためてお電話いたします。お戻りになりましたら、{office}の {phone} まで"
    "お電話くださいますよう、お伝えいただけますか。」"
)

BRANCHES: tuple[Branch, ...] = (
    Branch(
        "self",
        ("本人だと言った", "Says to be the person"),
        "「お電話でお伝えしたいことがございます。はじめに、ご本人様の確認をさせてください。お名前をフルネームで、続けて生年月日をお願いいたします。」",
    ),
    Branch(
        "family",
        ("家族・同居の方が出た", "Family or somebody at home"),
        _LEAVE,
        (Party.FAMILY, Outcome.CALLBACK_MESSAGE_LEFT, None),
        ("伝言を記録して次へ", "Record the message, next"),
        ("別の曜日と時間帯に掛け直します。", "Called again on another day and time."),
    ),
    Branch(
        "purpose",
        ("用件を聞かれた", "Asks what it is about"),
        "「ご本人様に直接お伝えすることになっております。お名前と生年月日を伺えましたら、すぐにご説明いたします。」",
    ),
    Branch(
        "fraud",
        ("詐欺ではと疑われた", "Suspects a fraud"),
        "「ご心配はごもっともです。いったんお切りになり、市の広報紙に載っている代表番号へお掛け直しください。ATMの操作や口座番号をお願いすることはありません。」",
        (Party.DEBTOR_UNVERIFIED, Outcome.NO_RESULT, None),
        ("疑われたことを記録して次へ", "Record it, next"),
        ("本人からの電話を待ち、別の日に掛け直します。", "Their call is awaited; called again on another day."),
    ),
    Branch(
        "declined",
        ("確認を断られた", "Declines to be verified"),
        "「承知しました。書面でのご連絡に改めます。お時間をいただき、ありがとうございました。」",
        (Party.DEBTOR_UNVERIFIED, Outcome.REFUSES, None),
        ("断りを記録して次へ", "Record the refusal, next"),
        ("職員の一覧へ送ります。自動では掛け直しません。", "Goes to the officers' list; not called again by itself."),
    ),
    Branch(
        "wrong_number",
        ("番号の間違いだった", "Wrong number"),
        "「失礼いたしました。この番号へのお電話は取りやめます。」",
        (Party.WRONG_NUMBER, Outcome.NO_RESULT, None),
        ("間違いを記録して次へ", "Record it, next"),
        ("この番号を止め、登録のある別の番号に切り替えます。", "This number is stopped; another registered one is used."),
    ),
    Branch(
        "machine",
        ("留守番電話だった", "Answering machine"),
        "「{office}の{operator}です。あらためてお電話いたします。」",
        (Party.NOBODY, Outcome.NO_RESULT, LineResult.MACHINE),
        ("留守番電話を記録して次へ", "Record it, next"),
        ("別の曜日と時間帯に掛け直します。これ以外は吹き込みません。", "Called again at another time. Nothing else is said."),
    ),
    Branch(
        "silent",
        ("無言、または切れた", "Silent, or cut off"),
        "10秒待って、返事がなければ切ります。",
        (Party.UNKNOWN, Outcome.NO_RESULT, None),
        ("無言を記録して次へ", "Record it, next"),
        ("あす以降に掛け直します。", "Called again tomorrow or later."),
    ),
    Branch(
        "other_person",
        ("代理・会社の別の方など", "An agent or another person"),
        _LEAVE,
        (Party.THIRD_PARTY, Outcome.CALLBACK_MESSAGE_LEFT, None),
        ("伝言を記録して次へ", "Record the message, next"),
        ("用件は伝えず、別の日に掛け直します。", "Nothing of the matter is said; called again on another day."),
    ),
)
BY_VALUE: Mapping[str, Branch] = {branch.value: branch for branch in BRANCHES}

OPENING = "「恐れ入ります。{office}の{operator}と申します。{name}様でいらっしゃいますか。」"
OPENING_COMPANY = "「恐れ入ります。{office}の{operator}と申します。{name}のご担当の方をお願いできますでしょうか。」"
OPENING_INBOUND = (
    "「お電話ありがとうございます。{office}の{operator}と申します。恐れ入りますが、お名前をフルネームで、お聞かせいただけますか。」"
)
MAY = (
    "役所の名、自分の名、代表番号と受付時間、また電話すること",
    "The office's name, your own, its main number and hours, that you will call again",
)
MUST_NOT = (
    "用件、所属の課、送った書類、用件を思わせる言葉のすべて",
    "The matter, the department, papers that were sent, any word that hints at them",
)
MATTER = "「いまお納めがお済みでない分は、{count}期分で{total}です。いつごろ、どのくらいお納めいただけそうでしょうか。」"
MATTER_NONE = "「いまお納めがお済みでない分はございません。お時間をいただき、ありがとうございました。」"
WRAP_UP = ("メモと結果を確かめて、保存します。", "Check memo and result, then save.")
AFTER_RESULT: Mapping[Outcome, str] = {
    Outcome.PROMISE_FULL: "「ありがとうございます。お約束の日までにお納めください。納付書はお手元にございますか。」",
    Outcome.PROMISE_PART: "「ありがとうございます。お約束の日に、その分をお納めください。残りは、あらためてご相談させてください。」",
    Outcome.CLAIMS_PAID: "「行き違いでしたら、申し訳ございません。いつごろ、どちらでお納めになったか、お聞かせいただけますか。」",
    Outcome.REISSUE_SLIP: "「納付書をお送りいたします。お送り先は、ご登録のご住所でよろしいでしょうか。」",
    Outcome.CALLBACK_PROMISED: "「承知しました。ご都合のよい日と時間を、お聞かせください。」",
    Outcome.INSTALMENT_TO_OFFICER: "「分けてのお納めについては、担当の職員がお話を伺います。職員からお電話いたします。」",
    Outcome.HARDSHIP: "「ご事情を伺いました。お納めの方法を職員と相談できます。職員からお電話いたします。」",
    Outcome.REFUSES: "「承知しました。いただいたご意見は、担当の職員に伝えます。」",
    Outcome.INTERRUPTED: "切れたときは、こちらからすぐには掛け直しません。",
}
_WORDS = frozenset({"office", "operator", "name", "phone"})
SENTENCES: tuple[Sentence, ...] = (
    Sentence("opening", OPENING, _WORDS, is_neutral=True),
    Sentence("opening_company", OPENING_COMPANY, _WORDS, is_neutral=True),
    Sentence("opening_inbound", OPENING_INBOUND, frozenset({"office", "operator"}), is_neutral=True),
    *(Sentence(f"branch.{branch.value}", branch.say, _WORDS, is_neutral=True) for branch in BRANCHES),
    Sentence("matter", MATTER, frozenset({"count", "total"}), is_neutral=False),
    Sentence("matter_none", MATTER_NONE, frozenset(), is_neutral=False),
    *(Sentence(f"result.{outcome.value}", text, frozenset(), is_neutral=False) for outcome, text in AFTER_RESULT.items()),
)
