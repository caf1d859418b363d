"""The case of a verified person on the operator's screen: debts, history, promises, and what each result will do.

In a wrap-up without a verified person the same page shows nothing of the matter, and only the results that tell nothing of it.
"""

from __future__ import annotations

from datetime import date, datetime
from itertools import groupby
from typing import Any

from sqlalchemy.orm import Session

from callcenter.core.clock import day_bounds, local_day, utc_now
from callcenter.core.eras import format_fiscal_year
from callcenter.core.money import format_yen
from callcenter.web import phrases, scripts
from callcenter.web.dependencies import SignedIn
from callcenter.web.formats import write_day, write_yen
from callcenter.web.operator_outcome import outcome_model
from callcenter.web.operator_stage import Scene
from campaigns.attempts import verification
from campaigns.attempts.codes import Channel, LineResult, Outcome, Party
from campaigns.debtors import case as cases
from campaigns.debtors.household import household_of
from campaigns.debtors.models import Debtor
from campaigns.payments.debt_charges import rounding_in
from campaigns.promises.state import shown_state

PLAN_EXISTS = ("分納の計画があります。内容は職員が管理しています。", "There is an instalment plan; the officers keep it.")
WARN_SECONDS, EXTEND_SECONDS, LEASE_SECONDS = 20, 60, 90


def case_model(session: Session, scene: Scene, who: SignedIn, lang: str, now: datetime) -> dict[str, Any]:
    """All fields of operator/case.html; without a verified person no debt, history or promise is even read."""
    debtor, attempt = scene.debtor, scene.attempt
    assert debtor is not None
    assert attempt is not None
    drafts = verification.drafts_of(session, attempt.id, who.user_id)
    today, said = local_day(now), scene.said()
    debts = cases.read_debts(session, debtor.id, today, rounding_in(who.office_options)) if scene.is_verified else None
    around = cases.surroundings_of(session, debtor.id) if scene.is_verified else None
    return {
        "attempt_id": attempt.id,
        "person": _person(scene, debtor, lang),
        "say": _say(scene, debts, said, lang),
        "household": _household(session, debtor, lang, today) if scene.is_verified else "",
        "debts": None if debts is None or around is None else debts_model(debts, around.posted_on, lang),
        "memo": {
            "text": drafts["memo"].value if "memo" in drafts else "",
            "saved_at": drafts["memo"].saved_at if "memo" in drafts else None,
        },
        "history": history_model(session, debtor.id, around.attempts, lang) if around else {"total": 0, "href": "", "entries": []},
        "promises": promises_model(session, debtor.id, lang, has_plan=around.has_plan)
        if around
        else {"kept": 0, "made": 0, "note": "", "rows": []},
        "outcome": outcome_model(session, scene, debts, said, lang, now),
        "kept_form": drafts["form"].value if "form" in drafts else "",
        "lease": _lease(scene),
    }


def _person(scene: Scene, debtor: Debtor, lang: str) -> dict[str, Any]:
    attempt, is_verified = scene.attempt, scene.is_verified
    assert attempt is not None
    words = {"name": ("氏名", "name"), "birth_date": ("生年月日", "birth date"), "address": ("住所", "address")}
    asked = [phrases.pick(lang, words[word]) for word in attempt.verified_with.split(",") if word in words]
    return {
        "name": debtor.name,
        "kana": debtor.name_kana,
        "honorific": phrases.pick(lang, ("御中" if debtor.kind == "company" else "様", "")),
        "number": debtor.debtor_no if is_verified else "",
        "address": debtor.address if is_verified else "",
        "manner": "",
        "verified_by": "・".join(asked) if is_verified else "",
        "verified_at": attempt.verified_at,
    }


def _household(session: Session, debtor: Debtor, lang: str, today: date) -> str:
    """That others of the household are on the list, never who or what they owe."""
    found = household_of(session, debtor, *day_bounds(today, today))
    if found is None:
        return ""
    if found.is_called_today:
        return phrases.pick(
            lang, ("同じ世帯に対象者あり・本日の電話あり。内容は話せません", "Others at home, called today. Say nothing of them")
        )
    return phrases.pick(lang, ("同じ世帯に対象者あり。内容は話せません", "Others at home are listed. Say nothing of them"))


def _say(scene: Scene, debts: cases.Debts | None, said: dict[str, str], lang: str) -> dict[str, str]:
    if scene.name == "wrapup":
        return {"title_key": "do", "text": phrases.pick(lang, scripts.WRAP_UP), "href": ""}
    count = 0 if debts is None else len(debts.lines)
    sentence = said["matter"].format(count=count, total=format_yen(debts.total)) if debts is not None and count else said["matter_none"]
    return {"title_key": "say", "text": sentence, "href": ""}


def debt_label(line: cases.DebtLine, lang: str) -> str:
    """市県民税 令和7年度 4期, with the year it was levied for where that differs."""
    if lang == "en":
        return f"{line.tax_name} FY{line.levy_year}, term {line.term}"
    other = f"（{format_fiscal_year(line.base_year)}相当）" if line.base_year != line.levy_year else ""
    return f"{line.tax_name} {format_fiscal_year(line.levy_year)}{other} {line.term}期"


def debts_model(debts: cases.Debts, posted: date | None, lang: str) -> dict[str, Any]:
    """The field `debts` of operator/case.html; `posted` is the newest day of payment that has been posted."""
    by_tax = sorted(debts.lines, key=lambda line: (line.tax_code, line.levy_year, line.due_on, line.term))
    groups = [
        [
            {
                "id": line.id,
                "label": debt_label(line, lang),
                "is_carried": line.is_carried,
                "due_on": line.due_on,
                "principal": line.principal,
                "fee": line.fee,
                "charge": line.charge,
                "total": line.total,
                "is_included": True,
            }
            for line in lines
        ]
        for _, lines in groupby(by_tax, key=lambda line: line.tax_code)
    ]
    day = write_day(debts.as_of, lang)
    charge_note = phrases.pick(
        lang, (f"延滞金は{day}に納めた場合の額で、未確定です。", f"Late charges are those of a payment on {day}; not settled yet.")
    )
    fixed = sum(line.is_charge_fixed for line in debts.lines)
    if fixed == len(debts.lines):
        charge_note = phrases.pick(lang, (f"延滞金は{day}現在、確定済みの額です。", f"Late charges are settled, as of {day}."))
    elif fixed:
        charge_note += phrases.pick(lang, (f"うち{fixed}期は確定済みです。", f" Those of {fixed} terms are settled."))
    if debts.unknown_charges:
        charge_note += phrases.pick(lang, ("割合が公表されていない期は0円としています。", " Terms without a published rate show 0."))
    if debts.unknown_parts:
        words = ("納付日の分からない一部納付の分は含みません。", " Part payments of unknown days bear no charge here.")
        charge_note += phrases.pick(lang, words)
    return {
        "groups": groups,
        "count": len(debts.lines),
        "principal": debts.principal,
        "fee": debts.fee,
        "charge": debts.charge,
        "total": debts.total,
        "posted_note": ""
        if posted is None
        else phrases.pick(lang, (f"入金は{write_day(posted, lang)}納付分まで反映", f"Payments up to {write_day(posted, lang)} are in")),
        "charge_note": charge_note if debts.lines else "",
    }


def history_model(session: Session, debtor_id: int, total: int, lang: str) -> dict[str, Any]:
    """The field `history`: attempts and payments, newest first."""
    entries: list[dict[str, Any]] = []
    icons = {Channel.SMS: "msg", Channel.AUTO_CALL: "auto", Channel.VISIT: "visit"}
    for past in cases.past_attempts(session, debtor_id, count=8):
        channel = Channel(past.channel)
        reached = past.line_result == LineResult.ANSWERED and past.party is not None
        what = [phrases.label(lang, channel)]
        if past.line_result in set(LineResult):
            what.append(
                phrases.label(lang, Party(past.party or Party.UNKNOWN)) if reached else phrases.label(lang, LineResult(past.line_result))
            )
        if past.outcome in set(Outcome) and past.outcome != Outcome.NO_RESULT:
            what.append(phrases.label(lang, Outcome(past.outcome)))
        icon = icons.get(channel, "phone" if reached else "noans")
        detail = " ".join(filter(None, (past.note, past.operator)))
        entries.append({"on": local_day(past.at), "image": icon, "text": "・".join(what), "detail": detail})
    for paid in cases.past_payments(session, debtor_id, 5):
        words = ("入金の取消", "Payment reversed") if paid.status in ("reversed", "reversal") else ("入金を反映", "Payment posted")
        entries.append(
            {"on": paid.paid_on, "image": "yen", "text": f"{phrases.pick(lang, words)} {write_yen(paid.yen, lang)}", "detail": ""}
        )
    entries.sort(key=lambda entry: entry["on"], reverse=True)
    return {"total": total, "href": "", "entries": entries[:10]}


def promises_model(session: Session, debtor_id: int, lang: str, *, has_plan: bool) -> dict[str, Any]:
    """The field `promises`; of an instalment plan nothing but that there is one."""
    rows, today = cases.past_promises(session, debtor_id), local_day(utc_now())
    settled = [row for row in rows if row.state in ("kept", "part_kept", "broken")]
    return {
        "kept": sum(row.state == "kept" for row in rows),
        "made": len(settled),
        "note": phrases.pick(lang, PLAN_EXISTS) if has_plan else "",
        "rows": [
            {"on": row.due_on, "amount": row.amount, "state": shown_state(row.state, row.due_on, row.grace_days, today)} for row in rows[:5]
        ],
    }


def _lease(scene: Scene) -> dict[str, Any] | None:
    if scene.name != "wrapup" or scene.view.wrap_up_until is None:
        return None
    return {
        "until": scene.view.wrap_up_until,
        "total_seconds": LEASE_SECONDS,
        "warn_seconds": WARN_SECONDS,
        "extend_seconds": EXTEND_SECONDS,
    }
