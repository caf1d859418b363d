"""Reason codes of assignments in words; an office's own codes show as they are."""

from __future__ import annotations

REASONS: dict[str, tuple[str, str]] = {
    "do_not_contact": ("連絡禁止の指定", "Marked as not to be contacted"),
    "hold_stopped": ("執行停止中", "Collection is suspended"),
    "hold_collection_grace": ("徴収猶予中", "Grace of collection"),
    "hold_realisation_grace": ("換価猶予中", "Grace of realisation"),
    "hold_seized": ("差押中のため徴税吏員が担当", "Property is seized"),
    "hold_investigation": ("破産・相続の調査中", "Bankruptcy or inheritance is being looked into"),
    "hold_unknown": ("停止区分が不明のため連絡しない", "The hold's meaning is unknown"),
    "vulnerable": ("要配慮", "Needs special care"),
    "instalment_plan": ("分納を履行中", "Keeps an instalment plan"),
    "payment_claimed": ("支払済みと申告、確認中", "Says it is paid; being checked"),
    "open_promise": ("納付約束の期日の前", "Promised to pay; the date has not passed"),
    "stop_request": ("本人から連絡停止の要請", "Asked not to be contacted"),
    "deceased_moved": ("死亡・転出・長期不在の情報を確認中", "Reported dead, moved or long absent"),
    "complaint": ("苦情を対応中", "A complaint is being handled"),
    "with_tax_officer": ("徴税吏員に引継ぎ済み", "Handed over to a tax officer"),
    "large_amount": ("高額のため徴税吏員が担当", "Large amount: tax officers"),
    "old_arrears": ("長期の滞納のため徴税吏員が担当", "Old arrears: tax officers"),
    "difficult_case": ("拒否・異議または約束不履行の繰返しのため徴税吏員が担当", "Refusal, dispute or repeated broken promises"),
    "no_usable_number": ("使える電話番号がない", "No usable telephone number"),
    "repeated_failures": ("不通が続いたため訪問", "Repeatedly not reached by telephone"),
    "broken_promise": ("納付約束の不履行", "Broke a promise to pay"),
    "mobile_never_reached": ("携帯があり、まだ接触がない", "Mobile known, never reached"),
    "sms_without_effect": ("SMSに反応がない", "SMS without effect"),
    "sms_and_call_without_effect": ("SMSと自動電話に反応がない", "Neither SMS nor automated call had effect"),
    "no_mobile": ("携帯がなく固定電話のみ", "Landline only"),
    "reached_before": ("接触したことがあり未納が残る", "Reached before, still owing"),
    "ladder_begin": ("手順の最初", "Begins the ladder"),
    "not_reached_yet": ("まだ接触がないため続ける", "Not reached yet: goes on"),
    "auto_call_without_effect": ("自動電話に反応がない", "Automated call without effect"),
    "robocall_no_reaction": ("前の回の自動電話に反応がない", "No reaction to the round before"),
    "robocall_reacted": ("自動電話に操作で応じた", "Reacted to the automated call"),
    "sms_again": ("SMSをもう一度送る", "One more SMS"),
    "sms_undelivered": ("SMSが届かない", "SMS can't be delivered"),
    "waits_after_sms": ("SMSのあと、次の手段までの日数を待つ", "Waits the days after the SMS"),
    "waits_after_auto_call": ("自動電話のあと、次の手段までの日数を待つ", "Waits the days after the automated call"),
    "waits_after_operator_call": ("電話催告のあと、次の手段までの日数を待つ", "Waits the days after the operator call"),
    "waits_after_visit": ("訪問のあと、次の手段までの日数を待つ", "Waits the days after the visit"),
    "waits_after_attempt": ("前の連絡のあと、次の手段までの日数を待つ", "Waits the days after the last attempt"),
    "waits_for_next_round": ("次の回までの日数を待つ", "Waits for the next round"),
    "waits_at_end": ("手順を終え、引継ぎまでの日数を待つ", "At the ladder's end; waits before the hand-over"),
    "done_contact": ("この周期で本人と接触済み", "Right party reached in this cycle"),
    "done_payment": ("この周期で相当額を納付済み", "Paid enough in this cycle"),
    "cycle_budget": ("この周期の連絡回数の上限に達した", "The cycle's budget of attempts is used up"),
    "ladder_end": ("手順を終えた。次の周期に改めて連絡", "The ladder is used up; the next cycle begins anew"),
    "ladder_no_step": ("当てはまる手順がない", "No step of the ladder fits"),
    "ladder_end_visit": ("手順を終えたため訪問", "The ladder is used up: visit"),
    "ladder_end_tax_officer": ("手順を終えたため徴税吏員へ引継ぎ", "The ladder is used up: handed to tax officers"),
    "experiment_wait": ("効果測定のため今回は待つ", "Waits in this round, to measure effects"),
}


def reason_text(code: str, lang: str = "ja") -> str:
    """A reason code in words, in `ja` or `en`."""
    texts = REASONS.get(code)
    return code if texts is None else texts[1 if lang == "en" else 0]
