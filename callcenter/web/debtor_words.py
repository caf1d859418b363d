"""Words for a debtor's codes, Japanese and English side by side."""

from __future__ import annotations

from collections.abc import Mapping

from callcenter.web import phrases
from campaigns.compliance.lines import voice_lines

HOLDS: Mapping[int, tuple[str, str]] = {
    0: ("なし", "None"),
    1: ("執行停止", "Stopped"),
    2: ("徴収猶予", "Grace of collection"),
    3: ("換価猶予", "Grace of realisation"),
    4: ("差押中", "Seized"),
    5: ("破産・相続調査", "Bankruptcy or inheritance"),
    6: ("分納履行中", "Pays instalments"),
    9: ("要配慮", "Special care"),
}
MATCHES: Mapping[str, tuple[str, str]] = {
    "number": ("宛名番号", "Number"),
    "notice": ("通知書番号", "Notice"),
    "phone": ("電話番号", "Telephone"),
    "household": ("世帯番号", "Household"),
    "name": ("氏名", "Name"),
    "kana": ("カナ", "Reading"),
    "part": ("氏名・カナの一部", "Part of the name"),
}


def hold_word(hold: int, lang: str) -> str:
    """停止区分 in words; an unknown digit as it is."""
    return phrases.pick(lang, HOLDS.get(hold, (str(hold), str(hold))))


REASONS: Mapping[str, tuple[str, str]] = {  # of holds
    "officer_hold": ("職員が対応中", "With a tax officer"),
    "stop_request": ("連絡停止の要請", "Asked not to be contacted"),
    "payment_claimed": ("支払済みと申告、確認中", "Says it is paid; being checked"),
    "vulnerable": ("要配慮", "Special care"),
    "complaint": ("苦情を対応中", "A complaint is being handled"),
    "deceased_moved": ("死亡・転出・長期不在を確認中", "Death, move or absence being checked"),
    "wished_time": ("希望された日時まで", "Until the time asked for"),
}
LINES: Mapping[str, tuple[str, str]] = {
    "fixed": ("固定", "Fixed"),
    "mobile": ("携帯", "Mobile"),
    "ip": ("IP", "IP"),
    "toll_free": ("フリーダイヤル", "Toll-free"),
    "navi": ("ナビダイヤル", "Shared cost"),
    "premium": ("有料情報", "Premium"),
    "emergency": ("緊急通報", "Emergency"),
    "unknown": ("種類不明", "Unknown kind"),
}
SOURCES: Mapping[str, tuple[str, str]] = {
    "list": ("名簿", "List"),
    "operator": ("本人・家族から", "Told by the person or family"),
    "research": ("職員の調査", "Found by the office"),
}
NUMBER_STATUSES: Mapping[str, tuple[str, str, str, str]] = {  # kind and icon of the badge, Japanese, English
    "works": ("ok", "check", "有効", "Works"),
    "unverified": ("", "open", "未確認", "Not tried"),
    "wrong_person": ("err", "cross", "間違い", "Wrong person"),
    "dead": ("err", "cross", "欠番", "Not in use"),
    "refused": ("err", "stop", "拒否", "Refused"),
}
MESSAGE_STATES: Mapping[str, tuple[str, str]] = {
    "ready": ("送る前", "Waiting to be sent"),
    "claimed": ("送るところ", "About to be sent"),
    "handed_over": ("渡した", "Handed over"),
    "accepted": ("受け付けられた", "Accepted"),
    "delivered": ("届いた", "Delivered"),
    "undelivered": ("届かなかった", "Not delivered"),
    "failed": ("送れなかった", "Failed"),
    "unknown": ("結果不明", "Unknown"),
    "withdrawn": ("取りやめ", "Withdrawn"),
    "refused": ("見送り", "Held back"),
}
PROMISE_STATES: Mapping[str, tuple[str, str]] = {
    "kept": ("約束を履行", "Promise kept"),
    "part_kept": ("約束を一部だけ履行", "Promise kept in part"),
    "broken": ("約束を不履行", "Promise broken"),
    "cancelled": ("約束を取消（新しい約束など）", "Promise cancelled, for instance by a new one"),
}
FIELDS: Mapping[str, tuple[str, str]] = {  # what lists change
    "kind": ("個人法人区分", "Kind"),
    "name": ("氏名", "Name"),
    "name_kana": ("カナ", "Reading"),
    "birth_date": ("生年月日", "Birth date"),
    "postal_code": ("郵便番号", "Postal code"),
    "address": ("住所", "Address"),
    "household_no": ("世帯番号", "Household"),
    "do_not_contact": ("連絡禁止", "No contact"),
    "due_on": ("納期限", "Due"),
    "assessed": ("調定額", "Assessed"),
    "received": ("収入済額", "Received"),
    "outstanding": ("未納額", "Unpaid"),
    "hold": ("停止区分", "Hold"),
    "status": ("状態", "State"),
}
DEBT_STATUSES: Mapping[str, tuple[str, str]] = {
    "open": ("未納", "Unpaid"),
    "settled": ("完納", "Paid"),
    "not_listed": ("名簿から消えた", "No longer listed"),
}


def line_word(line_type: str, lang: str) -> str:
    """The kind of a number; of one that is not called as well that it is not, such as IP telephones where a setting says so."""
    known = word(LINES, line_type, lang)
    return known if line_type in voice_lines() else known + ("（掛けない種類）" if lang == "ja" else " (a kind that is not called)")


def word(table: Mapping[str, tuple[str, ...]], code: str | None, lang: str) -> str:
    """A code in words; one that is not in the table as it is."""
    return phrases.pick(lang, table[code]) if code is not None and code in table else str(code or "")
