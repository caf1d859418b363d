"""The result form: from text fields to what is recorded, each problem with its field."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Annotated, Any

from fastapi import Form as Field
from sqlalchemy.orm import Session

from callcenter.core.clock import OFFICE_ZONE, local_day
from callcenter.core.eras import parse_date
from callcenter.core.errors import Conflict, InvalidInput
from callcenter.core.money import format_yen, parse_yen
from callcenter.web.dependencies import SignedIn
from callcenter.web.operator_outcome import party_of, seen_of
from callcenter.web.operator_reasons import reasons_for
from callcenter.web.operator_stage import Scene
from campaigns.attempts.asked import ADDRESS_CHANGE, DIRECT_DEBIT, MAX_DETAIL, SLIP, Asked
from campaigns.attempts.codes import PROMISE_OUTCOMES, Outcome, Party
from campaigns.attempts.rules import PromiseTerms
from campaigns.debtors import case as cases
from campaigns.payments.debt_charges import rounding_in

CLOCK = re.compile(r"^(\d{1,2})(?::|時)?(\d{2})?分?$")
Text = Annotated[str, Field(max_length=200)]
Detail = Annotated[str, Field(max_length=MAX_DETAIL)]
OTHER = ("other", "")


@dataclass(frozen=True, slots=True)
class OutcomeForm:
    """The fields as typed; names as in operator/case_outcome.html."""

    outcome: str
    more: str
    promise_on: str
    promise_other_on: str
    amount: str
    promise_other_amount: str
    debt_ids: tuple[int, ...]
    callback_when: str
    callback_on: str
    callback_at: str
    callback_for: str
    asked: tuple[Asked, ...]
    escalate: str
    memo: str
    after: str
    seen: str

    @staticmethod
    def read(
        outcome: Text = "",
        more: Text = "",
        promise_on: Text = "",
        promise_other_on: Text = "",
        amount: Text = "",
        promise_other_amount: Text = "",
        debt_id: Annotated[list[int] | None, Field(max_length=500)] = None,
        callback_when: Text = "",
        callback_on: Text = "",
        callback_at: Text = "",
        callback_for: Text = "",
        asked: Annotated[list[str] | None, Field(max_length=9)] = None,
        slip_to: Detail = "",
        new_address: Detail = "",
        escalate: Text = "",
        memo: Annotated[str, Field(max_length=4000)] = "",
        after: Text = "ready",
        seen: Text = "",
    ) -> OutcomeForm:
        """A dependency that takes them from the request."""
        details = {SLIP: slip_to, ADDRESS_CHANGE: new_address, DIRECT_DEBIT: ""}
        wishes = tuple(Asked(kind, details.get(kind, "")) for kind in dict.fromkeys(asked or ()))
        return OutcomeForm(
            outcome, more, promise_on, promise_other_on, amount, promise_other_amount, tuple(debt_id or ()), callback_when,
            callback_on, callback_at, callback_for, wishes, escalate, memo, after, seen,
        )  # fmt: skip


def read_outcome(
    session: Session, scene: Scene, form: OutcomeForm, now: datetime, who: SignedIn, lang: str
) -> tuple[Party, dict[str, Any]]:
    """Party and the arguments of `record_outcome`.

    Raises:
        InvalidInput: a field is missing or unreadable; its code names the field's place in the page.
        Conflict: what is owed has changed since the page showed it; says how.
    """
    outcome = _outcome(form)
    result: dict[str, Any] = {"outcome": outcome, "note": form.memo, "asked": form.asked if scene.is_verified else ()}
    if scene.is_verified:
        debts = cases.read_debts(session, scene.view.debtor_id or 0, local_day(now), rounding_in(who.office_options))
        _require_fresh(form, debts, lang)
        if outcome in PROMISE_OUTCOMES:
            amount, covered = _amount(debts, form, outcome)
            result["promise"] = PromiseTerms(amount, _promise_day(form), debt_ids=covered)
        if form.escalate:
            result["escalate"] = _reason(scene, form)
    elif outcome in PROMISE_OUTCOMES:
        result["promise"] = PromiseTerms(1, _promise_day(form))  # refused by the rules: the party is not verified
    if outcome is Outcome.CALLBACK_PROMISED:
        result["callback_at"] = _callback(form)
        result["callback_user_id"] = who.user_id if form.callback_for == "me" else None
    return party_of(scene), result


def _require_fresh(form: OutcomeForm, debts: cases.Debts, lang: str) -> None:
    if form.seen in ("", seen_of(debts)):
        return
    count, _, total = form.seen.partition(":")
    before = format_yen(int(total)) if total.isdecimal() else ""
    after = format_yen(debts.total)
    if lang == "en":
        message = f"What is owed has changed meanwhile: {count} terms {before} before, {len(debts.lines)} terms {after} now."
        raise Conflict(message, hint=" Your input is kept. Load the latest, then save.", code="case_changed")
    message = f"画面を開いたあとに、未納の額が変わりました（{count}期分{before} → {len(debts.lines)}期分{after}）。"
    raise Conflict(message, hint="入力はそのままです。「最新にする」を押し、確かめて保存してください。", code="case_changed")


def _outcome(form: OutcomeForm) -> Outcome:
    told = form.more if form.outcome == "other" else form.outcome
    if told not in set(Outcome):
        raise InvalidInput("交渉結果を選んでください。", code="outcome_missing")
    return Outcome(told)


def _reason(scene: Scene, form: OutcomeForm) -> str:
    if form.escalate not in reasons_for(scene):
        raise InvalidInput("引き継ぐ理由を選んでください。", code="escalation_reason")
    return form.escalate


def _promise_day(form: OutcomeForm) -> date:
    told = form.promise_other_on if form.promise_on in OTHER else form.promise_on
    day = parse_date(told)
    if day is None:
        raise InvalidInput("約束日を選んでください。", code="promise_date_missing")
    return day


def _amount(debts: cases.Debts, form: OutcomeForm, outcome: Outcome) -> tuple[int, tuple[int, ...]]:
    """Whole yen, and the installments that are ticked."""
    told = form.promise_other_amount if form.amount in OTHER else form.amount
    yen = parse_yen(told)
    if yen is None and outcome is Outcome.PROMISE_FULL:
        yen = debts.total
    if not yen:
        raise InvalidInput("約束の金額を入れてください。", code="promise_amount_missing")
    if yen > debts.total:
        raise InvalidInput("約束の金額が未納の合計を超えています。", hint="合計までの額にしてください。", code="promise_amount_over")
    if yen < debts.total and outcome is Outcome.PROMISE_FULL:
        raise InvalidInput("全額の約束は、未納の合計と同じ額です。", hint="一部なら「納付約束(一部)」を。", code="promise_amount_under")
    ticked = [line for line in debts.lines if line.id in form.debt_ids]
    if ticked and yen > sum(line.total for line in ticked):
        raise InvalidInput("約束の金額が、「含む」期の合計を超えています。", hint="期か金額を直してください。", code="promise_terms")
    return yen, tuple(line.id for line in ticked)


def _callback(form: OutcomeForm) -> datetime:
    if form.callback_when not in OTHER:
        try:
            return datetime.fromisoformat(form.callback_when).astimezone(OFFICE_ZONE)
        except ValueError:
            raise InvalidInput("その時刻はありません。", hint="0:00〜23:59", code="callback_time_missing") from None
    day = parse_date(form.callback_on)
    found = CLOCK.match(unicodedata.normalize("NFKC", form.callback_at).strip())
    if day is None or found is None:
        raise InvalidInput("掛け直す日と時刻を入れてください。", code="callback_time_missing")
    try:
        return datetime.combine(day, time(int(found[1]), int(found[2] or 0)), OFFICE_ZONE)
    except ValueError:
        raise InvalidInput("その時刻はありません。", hint="0:00〜23:59", code="callback_time_missing") from None
