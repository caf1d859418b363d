"""Words of the officers' desk and of visits for codes and refusals, Japanese and English side by side."""

from __future__ import annotations

from collections.abc import Mapping

from campaigns.officers.state import CaseDecision, CaseState, RequestKind, RequestState, ReturnReason

REASONS: Mapping[str, tuple[str, str]] = {
    "instalment": ("分納の相談", "Instalments"),
    "hardship": ("納付困難・相談希望", "Hardship"),
    "refusal": ("拒否・異議", "Refusal"),
    "dispute": ("内容不服", "Dispute"),
    "whereabouts": ("死亡・転出・長期不在の情報", "Whereabouts"),
    "complaint": ("苦情", "Complaint"),
    "language": ("言語対応", "Language"),
    "vulnerable": ("要配慮", "Special care"),
}
STATES: Mapping[str, tuple[str, str]] = {
    CaseState.OPEN: ("受理待ち", "Waiting"),
    CaseState.ACCEPTED: ("受理", "Accepted"),
    CaseState.RETURNED: ("差し戻し", "Returned"),
    CaseState.DECIDED: ("決定", "Decided"),
    CaseState.TAKEN: ("差し戻しを確認済み", "Return taken up"),
}
STATE_LOOKS: Mapping[str, tuple[str, str]] = {
    CaseState.OPEN: ("warn", "clock"),
    CaseState.ACCEPTED: ("run", "user"),
    CaseState.RETURNED: ("", "transfer"),
    CaseState.DECIDED: ("ok", "check"),
    CaseState.TAKEN: ("off", "check"),
}
RETURNS: Mapping[str, tuple[str, str]] = {
    ReturnReason.NO_DECISION_NEEDED: ("職員の判断は要らない", "No officer's decision is needed"),
    ReturnReason.MORE_NEEDED: ("聞き取りが足りない", "More must be asked first"),
    ReturnReason.WAIT_AND_SEE: ("様子を見る", "Wait and see"),
    ReturnReason.TOLD_ALREADY: ("職員から本人に伝えた", "An officer has told the person"),
    ReturnReason.OTHER: ("その他", "Other"),
}
DECISIONS: Mapping[str, tuple[str, str]] = {
    CaseDecision.PLAN: ("分納にした", "Instalments agreed"),
    CaseDecision.HOLD: ("職員が対応を続け、連絡を止める", "Stays with the officers: no contact"),
    CaseDecision.CONTACT: ("電話催告に戻す", "Contact goes on"),
    CaseDecision.CLOSE: ("対応を終える", "Nothing is left to do"),
}
REQUESTS: Mapping[str, tuple[str, str]] = {
    RequestKind.CALL: ("電話をかけてほしい", "Please call"),
    RequestKind.ASK: ("聞き取ってほしい", "Please ask"),
    RequestKind.NUMBER: ("電話番号を確かめてほしい", "Please check the number"),
    RequestKind.SLIP: ("納付書の送付を確かめてほしい", "Please check the payment slip"),
    RequestKind.RECORD: ("記録を確かめてほしい", "Please check the record"),
    RequestKind.OTHER: ("その他", "Other"),
}
REQUEST_STATES: Mapping[str, tuple[str, str, str, str]] = {  # kind and icon of the badge, Japanese, English
    RequestState.OPEN: ("warn", "clock", "返事待ち", "Waits for an answer"),
    RequestState.IN_HAND: ("run", "pen", "対応中", "In hand"),
    RequestState.DONE: ("ok", "check", "完了", "Done"),
    RequestState.DECLINED: ("err", "stop", "お断り", "Declined"),
    RequestState.WITHDRAWN: ("off", "cross", "取り下げ", "Withdrawn"),
}
PROBLEMS: Mapping[str, tuple[str, str]] = {
    "words_missing": (
        "ひとこと書いてください。相手に伝わる理由か説明が要ります。",
        "Write a word: the others need a reason or an explanation.",
    ),
    "words_long": ("1,000文字までにしてください。", "At most 1,000 characters."),
    "return_reason": ("戻す理由を選んでください。", "Choose why it is returned."),
    "case_decision": ("決めたことを選んでください。", "Choose what was decided."),
    "case_not_accepted": ("まだ受理されていません。受理してから決めてください。", "The case is not accepted yet. Accept it first."),
    "case_plan": ("分納計画がまだありません。先に計画を登録してください。", "There is no instalment plan yet. Enter it first."),
    "case_of_another": ("別の職員が受け持っています。引き受けてから操作してください。", "A colleague has this case. Take it over first."),
    "decided": (
        "この引き継ぎは、もう先へ進んでいます。画面を最新にしてください。",
        "This case has moved on meanwhile. Open the page again.",
    ),
    "no_escalation": ("その引き継ぎはありません。", "There is no such case."),
    "bad_decision": ("操作を選んでください。", "Choose what to do."),
    "request_kind": ("頼むことを選んでください。", "Choose what is asked for."),
    "request_due": ("期日は、今日から1年以内にしてください。", "The day must be today or later, within a year."),
    "request_answer": ("返事を選んでください。", "Choose an answer."),
    "request_over": (
        "この依頼は、もう先へ進んでいます。画面を最新にしてください。",
        "This request has moved on meanwhile. Open the page again.",
    ),
    "no_request": ("その依頼はありません。", "There is no such request."),
}
