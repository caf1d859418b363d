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
    "visit_day": ("その日は、訪問できる時間帯がありません。", "There is no time to visit on that day."),
    "visit_on": ("訪問の日は、今日から60日以内にしてください。", "The day must lie within the next 60 days."),
    "visit_stops": ("1件から40件までを選んでください。", "Choose 1 to 40 people."),
    "visit_nobody": (
        "選んだ方は、いまは訪問できません。別の回に入ったか、連絡の規則が止めています。",
        "None of those chosen may be visited: they are in another round by now, or the contact rules forbid it.",
    ),
    "visit_officer": ("訪問する職員を選んでください。", "Choose the officer."),
    "visit_over": ("この訪問は終わっています。", "This round is over."),
    "visit_other_day": ("訪問の日ではありません。日を改めるときは、取りやめて作り直してください。", "It is not the round's day."),
    "visit_hours": (
        "いまは訪問の時間帯ではありません。連絡の規則の時間帯に出てください。",
        "This is no time to visit by the contact rules.",
    ),
    "visit_of_another": ("別の職員の訪問です。", "This is another officer's round."),
    "visit_not_out": ("まだ出発していません。訪問の画面で「出発」を押してください。", "Press “Set out” on the round's page first."),
    "visit_state": ("終了か取りやめを選んでください。", "Choose to end it or to call it off."),
    "visit_stop_over": ("この訪問先は、もう済んでいます。", "This stop is over already."),
    "visit_unreadable": ("記録を読めません。相手、結果、金額、日付を確かめてください。", "The entry can't be read. Check it."),
    "visited_at": (
        "訪問の日時が正しくありません。この端末の時計を確かめてください。",
        "The time of the visit can't be. Check this telephone's clock.",
    ),
    "no_round": ("その訪問はありません。", "There is no such round."),
    "no_stop": ("その訪問先はありません。", "There is no such stop."),
    "no_report": ("その記録はありません。", "There is no such report."),
    "report_settled": ("この記録は、もう処理されています。", "This report is settled already."),
    "no_callback": ("その折り返しはありません。", "There is no such call-back."),
    "callback_over": ("この折り返しは、もうかけているか、済んでいます。", "This call-back is being made, or over."),
    "callback_operator": ("オペレーターを選んでください。", "Choose an operator."),
    "team_words": ("1文字から300文字までで書いてください。", "Write 1 to 300 characters."),
    "team_hours": ("いつまで出すかを選んでください。", "Choose how long it is shown."),
    "no_message": ("その連絡はありません。", "There is no such message."),
    "no_request": ("その依頼はありません。", "There is no such request."),
}
VISIT_STATES: Mapping[str, tuple[str, str, str, str]] = {  # kind and icon of the badge, Japanese, English; of rounds and stops
    "planned": ("", "clock", "予定", "Planned"),
    "out": ("run", "visit", "訪問中", "Under way"),
    "done": ("ok", "check", "済み", "Done"),
    "cancelled": ("off", "cross", "取りやめ", "Called off"),
    "dropped": ("off", "stop", "訪問しない", "Not visited"),
}
DROPPED: Mapping[str, tuple[str, str]] = {
    "taken_out": ("職員が外した", "Taken out by an officer"),
    "cancelled": ("訪問を取りやめた", "The round was called off"),
    "not_visited": ("回りきれなかった", "Not reached that day"),
}
OBJECTIONS: Mapping[str, tuple[str, str]] = {
    "paid": ("訪問のあいだに納付があり、未納がなくなっています。", "It was paid meanwhile: nothing is owed any more."),
    "done_by_other": ("この日の訪問は、すでに記録されています。", "A visit of that day is on record already."),
    "held": ("訪問のあいだに、連絡が止められています。", "Contact was forbidden meanwhile."),
    "cancelled": ("この訪問先は、取りやめられています。", "This stop was called off meanwhile."),
}
SEEN: Mapping[str, tuple[str, str]] = {  # of the audit trail
    "escalation.viewed": ("引き継ぎの画面を開いた", "Opened the case"),
    "escalation.accepted": ("引き継ぎを受理した", "Accepted the case"),
    "escalation.open": ("受理をやめた", "Laid the case back"),
    "escalation.returned": ("引き継ぎを差し戻した", "Returned the case"),
    "escalation.decided": ("引き継ぎを決定した", "Decided the case"),
    "escalation.taken": ("差し戻しを確認した", "Took the returned case up"),
    "request.made": ("センターに依頼した", "Asked the contractor"),
    "request.answered": ("依頼に返事をした", "Answered a request"),
    "request.withdrawn": ("依頼を取り下げた", "Withdrew a request"),
    "callback.reassigned": ("折り返しの担当を替えた", "Gave a call-back to somebody else"),
    "visit.stop_dropped": ("訪問先から外した", "Took out of a round"),
    "visit.report_recorded": ("訪問の記録を判断した", "Recorded a report of a visit"),
    "visit.report_dropped": ("訪問の記録を取り下げた", "Dropped a report of a visit"),
}
