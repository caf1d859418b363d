"""The three orthogonal fields of a call result, as the office's reference list has them (回線結果, 応対者, 交渉結果).

Values are stable English words stored in the database; labels are what people see and what files carry.
A flat list could not yield both the contact rate per call and per person.
"""

from __future__ import annotations

from enum import StrEnum


class Channel(StrEnum):
    """How a debtor is reached; the last two are decisions, not media."""

    SMS = "sms"
    AUTO_CALL = "auto_call"
    OPERATOR_CALL = "operator_call"
    VISIT = "visit"
    TAX_OFFICER = "tax_officer"
    NONE = "none"


CHANNEL_JA: dict[Channel, str] = {
    Channel.SMS: "SMS",
    Channel.AUTO_CALL: "自動電話",
    Channel.OPERATOR_CALL: "電話催告",
    Channel.VISIT: "訪問",
    Channel.TAX_OFFICER: "徴税吏員へ引継",
    Channel.NONE: "連絡しない",
}
CHANNEL_EN: dict[Channel, str] = {
    Channel.SMS: "SMS",
    Channel.AUTO_CALL: "Automated call",
    Channel.OPERATOR_CALL: "Call",
    Channel.VISIT: "Visit",
    Channel.TAX_OFFICER: "Handed to a tax officer",
    Channel.NONE: "No contact",
}


class LineResult(StrEnum):
    """回線結果: what the line did; set by the machine."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    MACHINE = "machine"
    UNOBTAINABLE = "unobtainable"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    FAX = "fax"
    ABANDONED = "abandoned"
    FAILED = "failed"


LINE_RESULT_JA: dict[LineResult, str] = {
    LineResult.ANSWERED: "応答",
    LineResult.BUSY: "話し中",
    LineResult.NO_ANSWER: "呼出のみ(無応答)",
    LineResult.MACHINE: "留守番電話",
    LineResult.UNOBTAINABLE: "現在使われておりません(欠番)",
    LineResult.REJECTED: "着信拒否・お断りガイダンス",
    LineResult.UNREACHABLE: "圏外・電源断",
    LineResult.FAX: "FAX音",
    LineResult.ABANDONED: "放棄(応答後に切断)",
    LineResult.FAILED: "発信失敗(設備)",
}
LINE_RESULT_EN: dict[LineResult, str] = {
    LineResult.ANSWERED: "Answered",
    LineResult.BUSY: "Busy",
    LineResult.NO_ANSWER: "No answer",
    LineResult.MACHINE: "Answering machine",
    LineResult.UNOBTAINABLE: "Number not in use",
    LineResult.REJECTED: "Rejected",
    LineResult.UNREACHABLE: "Out of reach",
    LineResult.FAX: "Fax",
    LineResult.ABANDONED: "Abandoned",
    LineResult.FAILED: "Failed",
}


class Party(StrEnum):
    """応対者: who answered."""

    DEBTOR = "debtor"
    DEBTOR_UNVERIFIED = "debtor_unverified"
    FAMILY = "family"
    THIRD_PARTY = "third_party"
    COMPANY_CONTACT = "company_contact"
    AGENT = "agent"
    WRONG_NUMBER = "wrong_number"
    UNKNOWN = "unknown"
    NOBODY = "nobody"


PARTY_JA: dict[Party, str] = {
    Party.DEBTOR: "本人",
    Party.DEBTOR_UNVERIFIED: "本人(未確認)",
    Party.FAMILY: "同居家族",
    Party.THIRD_PARTY: "家族以外の第三者",
    Party.COMPANY_CONTACT: "法人担当者",
    Party.AGENT: "納税管理人・代理人",
    Party.WRONG_NUMBER: "間違い電話",
    Party.UNKNOWN: "不明(無言・即切れ)",
    Party.NOBODY: "なし",
}
PARTY_EN: dict[Party, str] = {
    Party.DEBTOR: "The person",
    Party.DEBTOR_UNVERIFIED: "The person (not verified)",
    Party.FAMILY: "Family at home",
    Party.THIRD_PARTY: "Somebody else",
    Party.COMPANY_CONTACT: "Company contact",
    Party.AGENT: "Agent",
    Party.WRONG_NUMBER: "Wrong number",
    Party.UNKNOWN: "Unknown (silent)",
    Party.NOBODY: "Nobody",
}

CONTACT_PARTIES = frozenset({Party.DEBTOR, Party.DEBTOR_UNVERIFIED, Party.FAMILY, Party.COMPANY_CONTACT, Party.AGENT})
RIGHT_PARTIES = frozenset({Party.DEBTOR, Party.COMPANY_CONTACT, Party.AGENT})


class Outcome(StrEnum):
    """交渉結果: what came of the conversation."""

    PROMISE_FULL = "promise_full"
    PROMISE_PART = "promise_part"
    INSTALMENT_TO_OFFICER = "instalment_to_officer"
    CLAIMS_PAID = "claims_paid"
    REISSUE_SLIP = "reissue_slip"
    DIRECT_DEBIT_WISH = "direct_debit_wish"
    CALLBACK_PROMISED = "callback_promised"
    CALLBACK_MESSAGE_LEFT = "callback_message_left"
    HARDSHIP = "hardship"
    REFUSES = "refuses"
    DISPUTES_ASSESSMENT = "disputes_assessment"
    DEATH_MOVE_ABSENCE = "death_move_absence"
    STOP_NUMBER = "stop_number"
    COMPLAINT = "complaint"
    LANGUAGE_SUPPORT = "language_support"
    VULNERABLE = "vulnerable"
    INTERRUPTED = "interrupted"
    NO_RESULT = "no_result"


OUTCOME_JA: dict[Outcome, str] = {
    Outcome.PROMISE_FULL: "納付約束(全額)",
    Outcome.PROMISE_PART: "納付約束(一部)",
    Outcome.INSTALMENT_TO_OFFICER: "分納相談→職員",
    Outcome.CLAIMS_PAID: "納付済みと申告",
    Outcome.REISSUE_SLIP: "納付書再発行依頼",
    Outcome.DIRECT_DEBIT_WISH: "口座振替希望",
    Outcome.CALLBACK_PROMISED: "折り返し約束",
    Outcome.CALLBACK_MESSAGE_LEFT: "折り返し依頼(伝言のみ)",
    Outcome.HARDSHIP: "納付困難・相談希望",
    Outcome.REFUSES: "納付拒否・異議",
    Outcome.DISPUTES_ASSESSMENT: "内容不服(課税課へ)",
    Outcome.DEATH_MOVE_ABSENCE: "死亡・転出・長期不在の情報",
    Outcome.STOP_NUMBER: "番号使用停止要請",
    Outcome.COMPLAINT: "苦情",
    Outcome.LANGUAGE_SUPPORT: "言語対応要",
    Outcome.VULNERABLE: "要配慮(DV・福祉)",
    Outcome.INTERRUPTED: "中断",
    Outcome.NO_RESULT: "結果なし",
}
OUTCOME_EN: dict[Outcome, str] = {
    Outcome.PROMISE_FULL: "Promise to pay (all)",
    Outcome.PROMISE_PART: "Promise to pay (part)",
    Outcome.INSTALMENT_TO_OFFICER: "Instalments: to an officer",
    Outcome.CLAIMS_PAID: "Says it is paid",
    Outcome.REISSUE_SLIP: "New payment slip",
    Outcome.DIRECT_DEBIT_WISH: "Wishes direct debit",
    Outcome.CALLBACK_PROMISED: "Call back",
    Outcome.CALLBACK_MESSAGE_LEFT: "Message left",
    Outcome.HARDSHIP: "Hard to pay, wishes advice",
    Outcome.REFUSES: "Refuses or objects",
    Outcome.DISPUTES_ASSESSMENT: "Disputes the assessment",
    Outcome.DEATH_MOVE_ABSENCE: "Death, move or long absence",
    Outcome.STOP_NUMBER: "Asks to stop using the number",
    Outcome.COMPLAINT: "Complaint",
    Outcome.LANGUAGE_SUPPORT: "Needs another language",
    Outcome.VULNERABLE: "Needs special care",
    Outcome.INTERRUPTED: "Cut off",
    Outcome.NO_RESULT: "No result",
}

PROMISE_OUTCOMES = frozenset({Outcome.PROMISE_FULL, Outcome.PROMISE_PART})
