"""The entries of a debtor's timeline in words: an icon, what happened, the particulars below, and whose doing it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from callcenter.core.clock import local_day
from callcenter.core.eras import format_era_short, format_fiscal_year
from callcenter.core.phones import format_national
from callcenter.web import debtor_words as words
from callcenter.web import officer_words, phrases
from callcenter.web.formats import span, write_day, write_yen
from campaigns.attempts.codes import Channel, LineResult, Outcome, Party
from campaigns.compliance.reasons import DenialReason, denial_text
from campaigns.debtors.timeline import Entry
from campaigns.segmentation.reasons import reason_text

Told = tuple[str, str, list[str]]  # icon, sentence, particulars
Facts = Mapping[str, Any]


def entry_model(entry: Entry, lang: str, debts: Mapping[int, str], today: date) -> dict[str, Any]:
    """{at, year, image, text, details, user} of an entry; `debts`: a debt's id → what it is called. This year's have no year."""
    image, text, details = _TELL[entry.kind](entry.facts, lang, debts)
    day = local_day(entry.at)
    year = "" if day.year == today.year else str(day.year) if lang == "en" else format_era_short(day).split(".")[0]
    lines = [line for line in details if line]
    return {"at": entry.at, "year": year, "image": image, "text": text, "details": lines, "user": entry.user}


def _pair(lang: str, ja: str, en: str) -> str:
    return en if lang == "en" else ja


def _channel(code: str | None, lang: str) -> str:
    return phrases.label(lang, Channel(code)) if code in set(Channel) else _pair(lang, "すべての手段", "All channels")


def _day(value: str | None, lang: str) -> str:
    return write_day(datetime.fromisoformat(value) if value and "T" in value else date.fromisoformat(value), lang) if value else ""


def _listed(facts: Facts, lang: str, _: Mapping[int, str]) -> Told:
    return "file", _pair(lang, "名簿に載った", "Came on the list"), []


def _changed(facts: Facts, lang: str, debts: Mapping[int, str]) -> Told:
    lines = [
        f"{words.word(words.FIELDS, field, lang)}: {_value(field, before, lang)} → {_value(field, after, lang)}"
        for field, (before, after) in facts.get("debtor", {}).items()
    ]
    for change in facts.get("debts", ()):
        told = [
            f"{words.word(words.FIELDS, field, lang)} {_value(field, pair[0], lang)} → {_value(field, pair[1], lang)}"
            for field, pair in change.items()
            if field != "id"
        ]
        lines.append(f"{debts.get(change['id'], '')}: {_pair(lang, '、', ', ').join(told)}")
    if added := facts.get("added"):
        lines.append(_pair(lang, "新しい期: ", "New: ") + _pair(lang, "、", ", ").join(debts.get(debt, "") for debt in added))
    phones = facts.get("phones", {})
    if phones.get("added"):
        lines.append(_pair(lang, f"電話番号が{len(phones['added'])}件増えた", f"{len(phones['added'])} numbers added"))
    if phones.get("gone"):
        lines.append(_pair(lang, f"電話番号が{len(phones['gone'])}件名簿から消えた", f"{len(phones['gone'])} numbers no longer listed"))
    source = " ".join(filter(None, (facts.get("file"), _day(facts.get("as_of"), lang) if facts.get("has_as_of") else "")))
    return "file", _pair(lang, "名簿で変わった", "Changed by a list"), [*lines, source]


def _value(field: str, value: Any, lang: str) -> str:
    if field in ("assessed", "received", "outstanding"):
        return write_yen(int(value), lang)
    if field == "status":
        return words.word(words.DEBT_STATUSES, value, lang)
    if field == "hold":
        return words.hold_word(int(value), lang)
    if field == "do_not_contact":
        return _pair(lang, "あり", "yes") if value else _pair(lang, "なし", "no")
    if field in ("due_on", "birth_date") and value:
        return value if lang == "en" else format_era_short(date.fromisoformat(value))
    return str(value) if value else _pair(lang, "（空）", "(empty)")


def _assigned(facts: Facts, lang: str, _: Mapping[int, str]) -> Told:
    reasons = _pair(lang, "、", "; ").join(reason_text(code, lang) for code in facts["reasons"])
    arm = _pair(lang, f"実験の群: {facts['arm']}", f"Arm: {facts['arm']}") if facts["arm"] != "all" else ""
    text = _pair(lang, "割り当て: ", "Assigned to: ") + _channel(facts["channel"], lang)
    return "next", text, [reasons, facts["campaign"], arm]


def _refused(facts: Facts, lang: str, _: Mapping[int, str]) -> Told:
    reason = denial_text(DenialReason(facts["reason"]), lang) if facts["reason"] in set(DenialReason) else str(facts["reason"])
    head = _pair(lang, "計画で見送り", "Left out by the plan") if facts["is_plan"] else _pair(lang, "直前に見送り", "Refused just before")
    until = _day(facts["next"], lang)
    after = _pair(lang, f"{until}以降に可", f"Possible from {until}") if until else ""
    return "stop", f"{head}: {_channel(facts['channel'], lang)}・{reason}", [after]


def _attempt(facts: Facts, lang: str, _: Mapping[int, str]) -> Told:
    icons = {Channel.SMS: "msg", Channel.AUTO_CALL: "auto", Channel.VISIT: "visit"}
    reached = facts["line"] == LineResult.ANSWERED and facts["party"] is not None
    parts = [_channel(facts["channel"], lang)]
    if facts["state"] == "open":
        parts.append(_pair(lang, "進行中", "under way"))
    if facts["line"] in set(LineResult):
        parts.append(phrases.label(lang, LineResult(facts["line"])))
    if reached and facts["party"] in set(Party):
        parts.append(phrases.label(lang, Party(facts["party"])))
    if facts["outcome"] in set(Outcome) and facts["outcome"] != Outcome.NO_RESULT:
        parts.append(phrases.label(lang, Outcome(facts["outcome"])))
    particulars = [facts["phone"], span(facts["seconds"]) if facts["seconds"] else ""]
    if facts["verified"]:
        particulars.append(_pair(lang, "本人確認済", "verified"))
    if facts["keys"]:
        particulars.append(_pair(lang, f"押したキー {facts['keys']}", f"keys {facts['keys']}"))
    if facts["is_imported"]:
        particulars.append(_pair(lang, "移行した記録", "brought along"))
    icon = icons.get(Channel(facts["channel"]), "phone" if reached else "noans") if facts["channel"] in set(Channel) else "phone"
    return icon, "・".join(parts), [" ".join(filter(None, particulars)), facts["note"]]


def _message(facts: Facts, lang: str, _: Mapping[int, str]) -> Told:
    state = words.word(words.MESSAGE_STATES, facts["state"], lang)
    updated = datetime.fromisoformat(facts["updated"])
    when = f"{state} {write_day(local_day(updated), lang)}" if facts["state"] in ("delivered", "undelivered", "failed") else ""
    return "msg", f"SMS・{state}", [format_national(facts["phone"]), facts["body"], when]


def _replied(facts: Facts, lang: str, _: Mapping[int, str]) -> Told:
    words_by_kind = {
        "stop": ("SMSの返信: 配信停止の申し出", "Reply: no more messages"),
        "start": ("SMSの返信: 再開の希望", "Reply: messages again"),
        "text": ("SMSの返信", "Reply to a message"),
    }
    return "msg", words.word(words_by_kind, facts["kind"], lang), [format_national(facts["phone"]), facts["body"]]


def _number(facts: Facts, lang: str, _: Mapping[int, str]) -> Told:
    new = words.word(words.NUMBER_STATUSES, facts["new"], lang)
    if facts["old"] is None:
        return "phone", _pair(lang, f"電話番号を加えた: {facts['phone']}", f"Number added: {facts['phone']}"), [new, facts["why"]]
    old = words.word(words.NUMBER_STATUSES, facts["old"], lang)
    because = facts["why"] or (_pair(lang, "架電の結果から", "From the result of a call") if facts["attempt"] else "")
    return "phone", f"{facts['phone']}: {old} → {new}", [because]


def _held(facts: Facts, lang: str, _: Mapping[int, str]) -> Told:
    until = _day(facts["until"], lang)
    limit = _pair(lang, f"{until}まで", f"until {until}") if until else _pair(lang, "期限なし", "no end")
    text = f"{_pair(lang, '連絡を停止', 'Contact held')}: {words.word(words.REASONS, facts['reason'], lang)}"
    return "stop", text, [f"{_channel(facts['channel'], lang)}・{limit}", facts["note"]]


def _lifted(facts: Facts, lang: str, _: Mapping[int, str]) -> Told:
    return "check", f"{_pair(lang, '停止を解いた', 'Hold lifted')}: {words.word(words.REASONS, facts['reason'], lang)}", [facts["note"]]


def _handed_over(facts: Facts, lang: str, _: Mapping[int, str]) -> Told:
    return (
        "transfer",
        f"{_pair(lang, '職員へ引き継ぎ', 'Handed to an officer')}: {words.word(officer_words.REASONS, facts['reason'], lang)}",
        [facts["note"]],
    )


def _decided(facts: Facts, lang: str, _: Mapping[int, str]) -> Told:
    return "transfer", f"{_pair(lang, '引き継ぎ', 'Handover')}: {words.word(officer_words.STATES, facts['state'], lang)}", []


def _promised(facts: Facts, lang: str, _: Mapping[int, str]) -> Told:
    by = _day(facts["on"], lang)
    yen = write_yen(facts["yen"], lang)
    return "clock", _pair(lang, f"納付を約束: {by}までに{yen}", f"Promised {yen} by {by}"), []


def _judged(facts: Facts, lang: str, _: Mapping[int, str]) -> Told:
    paid = write_yen(facts["paid"], lang)
    of = f"{_day(facts['on'], lang)} {write_yen(facts['yen'], lang)}"
    detail = _pair(lang, f"約束 {of}、うち納付 {paid}", f"Promise {of}, paid {paid}")
    return "check" if facts["state"] == "kept" else "warn", words.word(words.PROMISE_STATES, facts["state"], lang), [detail]


def _paid(facts: Facts, lang: str, _: Mapping[int, str]) -> Told:
    yen = write_yen(facts["yen"], lang)
    if facts["is_reversal"]:
        head = _pair(lang, f"入金の取消 {yen}", f"Payment reversed {yen}")
    else:
        head = _pair(lang, f"入金を反映 {yen}", f"Payment posted {yen}")
    year = f"FY{facts['levy_year']}" if lang == "en" else format_fiscal_year(facts["levy_year"])
    debt = _pair(lang, f"{facts['tax']} {year} {facts['term']}期", f"{facts['tax']} {year}, term {facts['term']}")
    day = _day(facts["paid_on"], lang)
    lines = [f"{debt}・{_pair(lang, f'納付 {day}', f'paid {day}')}"]
    if facts["fee"] or facts["charge"]:
        fee, charge = write_yen(facts["fee"], lang), write_yen(facts["charge"], lang)
        lines.append(_pair(lang, f"うち督促手数料 {fee}、延滞金 {charge}", f"of it fee {fee}, late charge {charge}"))
    if facts["refund"]:
        lines.append(_pair(lang, f"過誤納の候補 {write_yen(facts['refund'], lang)}", f"to refund {write_yen(facts['refund'], lang)}"))
    if facts["status"] == "reversed":
        lines.append(_pair(lang, "のちに取消", "reversed later"))
    if facts["status"] == "unmatched":
        lines.append(_pair(lang, "期に充てられていない", "matches no term"))
    return "yen", head, lines


def _instalments(facts: Facts, lang: str, _: Mapping[int, str]) -> Told:
    states = {
        "good_standing": ("分納を履行中", "Pays instalments"),
        "broken": ("分納を不履行", "Instalments broken"),
        "completed": ("分納を完了", "Instalments completed"),
        "ended": ("分納を終了", "Instalments ended"),
    }
    following, paid = _day(facts["on"], lang), write_yen(facts["paid"], lang)
    of = write_yen(facts["yen"], lang)
    lines = [_pair(lang, f"{of}のうち納付 {paid}", f"paid {paid} of {of}")] if facts["yen"] else []
    if facts["missed"]:
        lines.append(_pair(lang, f"納められなかった回 {facts['missed']}回", f"missed {facts['missed']}"))
    if following:
        lines.append(_pair(lang, f"次の期日 {following}", f"next {following}"))
    return "yen", words.word(states, facts["state"], lang), lines


def _wished(facts: Facts, lang: str, _: Mapping[int, str]) -> Told:
    names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] if lang == "en" else list("月火水木金土日")
    days = _pair(lang, "・", ", ").join(names[int(day)] for day in facts["weekdays"].split(",") if day.isdigit() and int(day) < len(names))
    hours = f"{days} {facts['opens']}〜{facts['closes']}".strip()
    head = _pair(lang, "希望の時間帯", "Wishes contact") if facts["is_only"] else _pair(lang, "避けてほしい時間帯", "Wishes no contact")
    until = _day(facts["until"], lang)
    limit = _pair(lang, f"{until}まで", f"until {until}") if until else ""
    return "clock", f"{head}: {hours}", [" ".join(filter(None, (_channel(facts["channel"], lang), limit)))]


def _wish_lifted(facts: Facts, lang: str, _: Mapping[int, str]) -> Told:
    return "check", _pair(lang, "時間帯の希望を解いた", "Wish for times lifted"), []


def _seen(facts: Facts, lang: str, _: Mapping[int, str]) -> Told:
    actions = {
        "debtor.viewed": ("この画面を開いた", "Opened this page"),
        "debtor.verified": ("本人確認の照合が一致", "Verified"),
        "debtor.verification_tried": ("本人確認の照合", "Verification tried"),
        "debtor.household_opened": ("世帯を開いた", "Opened the household"),
        "debtor.phone_added": ("電話番号を加えた", "Added a number"),
        "debtor.phone_changed": ("電話番号の状態を変えた", "Changed a number"),
        "debtor.hold_added": ("連絡を停止した", "Held contact"),
        "debtor.hold_lifted": ("停止を解いた", "Lifted a hold"),
        **officer_words.SEEN,
    }
    return "user", words.word(actions, facts["action"], lang), []


_TELL: Mapping[str, Callable[[Facts, str, Mapping[int, str]], Told]] = {
    "listed": _listed,
    "changed": _changed,
    "assigned": _assigned,
    "refused": _refused,
    "attempt": _attempt,
    "message": _message,
    "replied": _replied,
    "number": _number,
    "held": _held,
    "lifted": _lifted,
    "wished": _wished,
    "wish_lifted": _wish_lifted,
    "handed_over": _handed_over,
    "decided": _decided,
    "promised": _promised,
    "judged": _judged,
    "paid": _paid,
    "instalments": _instalments,
    "seen": _seen,
}
