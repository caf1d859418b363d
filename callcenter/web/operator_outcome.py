"""The result form of the operator's screen: which results there are, what each will do when saved, and proposals for a promise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from callcenter.web import operator_proposals as proposals
from callcenter.web import phrases
from callcenter.web.operator_reasons import REASONS
from callcenter.web.operator_stage import Scene
from callcenter.web.scripts import BY_VALUE
from campaigns.attempts.asked import IMPLIED
from campaigns.attempts.codes import PROMISE_OUTCOMES, RIGHT_PARTIES, LineResult, Outcome, Party
from campaigns.attempts.rules import CALLBACK_OUTCOMES, MAX_CALLBACK_DAYS, OUTCOMES_OF, Move, consequence_of
from campaigns.compliance.gate import load_policy
from campaigns.compliance.windows import ContactHours
from campaigns.debtors import case as cases

MAIN = (
    Outcome.PROMISE_FULL,
    Outcome.PROMISE_PART,
    Outcome.CLAIMS_PAID,
    Outcome.REISSUE_SLIP,
    Outcome.CALLBACK_PROMISED,
    Outcome.INSTALMENT_TO_OFFICER,
    Outcome.HARDSHIP,
    Outcome.REFUSES,
    Outcome.INTERRUPTED,
)
MORE = tuple(outcome for outcome in Outcome if outcome not in MAIN)
SUPPRESSED: dict[str, tuple[str, str]] = {
    "officer_hold": ("回答があるまで、架電とSMSを止める", "Calls and SMS stop until the officer answers"),
    "payment_claimed": ("入金の反映を14日待ち、その間は電話もSMSも止める", "Calls and SMS stop for 14 days while the payment is awaited"),
    "stop_request": ("この方への電話とSMSを止める", "Calls and SMS to this person stop"),
    "deceased_moved": ("事情が確かめられるまで、連絡を止める", "Contact stops until it has been looked into"),
    "complaint": ("対応が済むまで、連絡を止める", "Contact stops until it is settled"),
    "vulnerable": ("職員が見るまで、連絡を止める", "Contact stops until an officer has looked"),
}
MOVES: dict[Move, tuple[str, str]] = {
    Move.DONE: ("この計画では、もう自動で掛けない", "No more automatic calls in this campaign"),
    Move.RETRY: ("別の曜日と時間帯に、自動で掛け直す", "Called again on another day and time"),
    Move.CALLBACK: ("約束の日時に、ほかより先に掛け直す", "Called back at the promised time, before others"),
}


def party_of(scene: Scene) -> Party:
    """The party that the verification has settled."""
    if not scene.is_verified:
        return Party.DEBTOR_UNVERIFIED
    return Party.COMPANY_CONTACT if scene.debtor is not None and scene.debtor.kind == "company" else Party.DEBTOR


def outcome_model(
    session: Session, scene: Scene, debts: cases.Debts | None, said: Mapping[str, str], lang: str, now: datetime
) -> dict[str, Any]:
    """The field `outcome` of operator/case_outcome.html."""
    assert scene.attempt is not None
    party, today, hours = party_of(scene), local_day(now), load_policy(session).hours
    main: Sequence[Outcome] = MAIN if scene.is_verified else phrases.NEUTRAL_OUTCOMES
    more: Sequence[Outcome] = MORE if scene.is_verified else ()
    choices = [_choice(str(number), party, outcome, lang, said) for number, outcome in enumerate(main, 1) if outcome in OUTCOMES_OF[party]]
    if more:
        words = phrases.pick(lang, ("その他の結果…", "Another result…"))
        choices.append(
            {"n": "0", "value": "other", "label": words, "is_chosen": False, "lines": [], "needs": "other", "note": "", "say": ""}
        )
    line = scene.attempt.line_result or LineResult.ANSWERED.value
    return {
        "line_result": phrases.label(lang, LineResult(line)),
        "party": phrases.pick(lang, phrases.NEUTRAL_PARTY[party]) if not scene.is_verified else phrases.label(lang, party),
        "choices": choices,
        "more": [_choice(f"0{number}", party, outcome, lang, said) for number, outcome in enumerate(more, 1)],
        "callbacks": proposals.callback_times(hours, lang, now),
        "callback_until": today + timedelta(days=MAX_CALLBACK_DAYS),
        "today": today,
        **_promise_fields(hours, debts, lang, today),
        "escalations": proposals.options(list(REASONS.items()), lang) if scene.is_verified else [],
    }


def _promise_fields(hours: ContactHours, debts: cases.Debts | None, lang: str, today: date) -> dict[str, Any]:
    if debts is None or not debts.lines:
        return {"dates": [], "amounts": [], "months": [], "seen": ""}
    return {
        "dates": proposals.promise_days(hours, lang, today),
        "amounts": proposals.amounts(debts, lang),
        "months": proposals.months(hours, debts, lang, today),
        "seen": seen_of(debts),
    }


def seen_of(debts: cases.Debts) -> str:
    """What the page showed of the debts, so that a result that rests on older figures is noticed."""
    return f"{len(debts.lines)}:{debts.total}"


def _choice(n: str, party: Party, outcome: Outcome, lang: str, said: Mapping[str, str]) -> dict[str, Any]:
    needs = "promise" if outcome in PROMISE_OUTCOMES else "callback" if outcome is Outcome.CALLBACK_PROMISED else ""
    note = ""
    if outcome is Outcome.INSTALMENT_TO_OFFICER:
        note = phrases.pick(
            lang,
            (
                "分納の可否は徴税吏員が決めます。この電話では約束せず、引き継ぎに進みます。",
                "Officers decide on instalments. Promise nothing on this call; it is handed over.",
            ),
        )
    lines = consequence_lines(party, outcome, lang)
    code = IMPLIED.get(outcome)
    return {
        "n": n,
        "value": outcome.value,
        "label": phrases.label(lang, outcome),
        "is_chosen": False,
        "lines": lines,
        "needs": needs or code or "",
        "say": said.get(f"result.{outcome.value}", "") if party in RIGHT_PARTIES else "",
        "note": note,
    }


def consequence_lines(party: Party, outcome: Outcome, lang: str) -> list[str]:
    """What saving this result does, in sentences; the same table decides that does it."""
    follows = consequence_of(party, outcome)
    lines: list[tuple[str, str]] = []
    if outcome in PROMISE_OUTCOMES:
        lines.append(
            (
                "約束日と入金の反映待ち(7日)が過ぎるまで、架電もSMSも止める",
                "Calls and SMS stop until the promised day and 7 days for posting have passed",
            )
        )
    if follows.escalation:
        lines.append(("チームリーダーを通して、職員へ引き継ぐ", "Handed to the officers through the supervisor"))
    if follows.suppression is not None:
        lines.append(SUPPRESSED[follows.suppression[0]])
    if follows.number_status == "wrong_person":
        lines.append(("この番号を止め、登録のある別の番号に切り替える", "This number is stopped; another registered one is used"))
    elif follows.number_status == "refused":
        lines.append(("この番号には、もう掛けない", "This number is not called again"))
    if follows.move is not Move.DONE or not lines:
        lines.append(MOVES[follows.move])
    if outcome in CALLBACK_OUTCOMES and outcome is not Outcome.CALLBACK_PROMISED and follows.move is not Move.RETRY:
        lines.append(MOVES[Move.RETRY])
    return [phrases.pick(lang, line) for line in lines]


def ending_of(branch: str) -> tuple[Party, Outcome, LineResult | None] | None:
    """What a branch before the verification records; None where it goes on."""
    found = BY_VALUE.get(branch)
    return None if found is None else found.ending
