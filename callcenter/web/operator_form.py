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
from callcenter.core.errors import InvalidInput
from callcenter.core.money import parse_yen
from callcenter.web.operator_outcome import party_of
from callcenter.web.operator_stage import Scene
from campaigns.attempts.codes import PROMISE_OUTCOMES, Outcome, Party
from campaigns.attempts.rules import PromiseTerms
from campaigns.debtors import case as cases

CLOCK = re.compile(r"^(\d{1,2})(?::|時)?(\d{2})?分?$")
Text = Annotated[str, Field(max_length=200)]


@dataclass(frozen=True, slots=True)
class OutcomeForm:
    """The fields as typed; names as in operator/case_outcome.html."""

    outcome: str
    more: str
    promise_on: str
    promise_other_on: str
    amount: str
    promise_other_amount: str
    callback_on: str
    callback_at: str
    memo: str
    after: str

    @staticmethod
    def read(
        outcome: Text = "",
        more: Text = "",
        promise_on: Text = "",
        promise_other_on: Text = "",
        amount: Text = "",
        promise_other_amount: Text = "",
        callback_on: Text = "",
        callback_at: Text = "",
        memo: Annotated[str, Field(max_length=4000)] = "",
        after: Text = "ready",
    ) -> OutcomeForm:
        """A dependency that takes them from the request."""
        return OutcomeForm(outcome, more, promise_on, promise_other_on, amount, promise_other_amount, callback_on, callback_at, memo, after)


def read_outcome(session: Session, scene: Scene, form: OutcomeForm, now: datetime) -> tuple[Party, dict[str, Any]]:
    """Party and the arguments of `record_outcome`.

    Raises:
        InvalidInput: a field is missing or unreadable; its code names the field's place in the page.
    """
    outcome = _outcome(form)
    promise = callback = None
    if outcome in PROMISE_OUTCOMES:
        promise = PromiseTerms(_amount(session, scene, form, outcome, local_day(now)), _promise_day(form))
    if outcome is Outcome.CALLBACK_PROMISED:
        callback = _callback(form)
    return party_of(scene), {"outcome": outcome, "note": form.memo, "promise": promise, "callback_at": callback}


def _outcome(form: OutcomeForm) -> Outcome:
    told = form.more if form.outcome == "other" else form.outcome
    if told not in set(Outcome):
        raise InvalidInput("交渉結果を選んでください。", code="outcome_missing")
    return Outcome(told)


def _promise_day(form: OutcomeForm) -> date:
    told = form.promise_other_on if form.promise_on in ("other", "") else form.promise_on
    day = parse_date(told)
    if day is None:
        raise InvalidInput("約束日を選んでください。", code="promise_date_missing")
    return day


def _amount(session: Session, scene: Scene, form: OutcomeForm, outcome: Outcome, today: date) -> int:
    told = form.promise_other_amount if form.amount in ("other", "") else form.amount
    yen = parse_yen(told)
    total = cases.read_debts(session, scene.view.debtor_id or 0, today).total
    if yen is None and outcome is Outcome.PROMISE_FULL:
        yen = total
    if not yen:
        raise InvalidInput("約束の金額を入れてください。", code="promise_amount_missing")
    if yen > total:
        raise InvalidInput("約束の金額が未納の合計を超えています。", hint="合計までの額にしてください。", code="promise_amount_over")
    return yen


def _callback(form: OutcomeForm) -> datetime:
    day = parse_date(form.callback_on)
    found = CLOCK.match(unicodedata.normalize("NFKC", form.callback_at).strip())
    if day is None or found is None:
        raise InvalidInput("掛け直す日と時刻を入れてください。", hint="時刻は 14:30 のように。", code="callback_time_missing")
    try:
        return datetime.combine(day, time(int(found[1]), int(found[2] or 0)), OFFICE_ZONE)
    except ValueError:
        raise InvalidInput("その時刻はありません。", hint="0:00〜23:59", code="callback_time_missing") from None
