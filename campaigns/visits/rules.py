"""Results at the door: which may be told, and what may stand against one that comes back from a telephone. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from callcenter.core.errors import InvalidInput
from campaigns.attempts.codes import PROMISE_OUTCOMES, RIGHT_PARTIES, Outcome, Party
from campaigns.attempts.rules import OUTCOMES_OF

# Nothing about a telephone happens at a door.
PARTIES = tuple(party for party in Party if party not in (Party.WRONG_NUMBER, Party.UNKNOWN))
OUTCOMES = tuple(o for o in Outcome if o not in (Outcome.CALLBACK_PROMISED, Outcome.STOP_NUMBER, Outcome.INTERRUPTED))
VERIFIED_BY = ("birth_date", "document")
SLOWEST_CLOCK = timedelta(minutes=5)
LATEST = timedelta(days=14)


class Objection(StrEnum):
    """Why a report is not simply recorded."""

    PAID = "paid"
    DONE_BY_OTHER = "done_by_other"
    HELD = "held"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Report:
    """What was told of one stop; `promise` in whole yen."""

    visited_at: datetime
    party: Party
    outcome: Outcome
    note: str = ""
    promise: int | None = None
    due_on: date | None = None
    verified: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with the stop and its debtor when the report arrives."""

    is_done: bool
    is_cancelled: bool
    was_visited: bool
    outstanding: int
    is_held: bool


def outcomes_of(party: Party) -> list[Outcome]:
    """What may come of meeting somebody at the door."""
    return [outcome for outcome in OUTCOMES if outcome in OUTCOMES_OF[party]]


def check_report(report: Report, now: datetime, owed: int) -> None:
    """Refuses what can't be; a telephone's clock that is a little ahead is borne.

    Raises:
        InvalidInput: what does not fit; the telephone keeps the entry, so that it can be mended.
    """
    if not now - LATEST <= report.visited_at <= now + SLOWEST_CLOCK:
        raise InvalidInput("訪問の日時が正しくありません。", hint="この端末の時計を確かめてください。", code="visited_at")
    if report.party not in PARTIES or report.outcome not in outcomes_of(report.party):
        raise InvalidInput(
            "その相手からは、その結果になりません。", hint="相手か結果を選び直してください。", code="outcome_does_not_fit_party"
        )
    if report.party in RIGHT_PARTIES and report.verified not in VERIFIED_BY:
        raise InvalidInput(
            "本人の確認が済んでいません。", hint="確認の方法を選ぶか、本人(未確認)にしてください。", code="party_not_verified"
        )
    if report.outcome in PROMISE_OUTCOMES and (report.promise is None or report.due_on is None):
        raise InvalidInput("約束には、金額と日付が要ります。", code="promise_missing")
    if report.outcome in PROMISE_OUTCOMES and (report.promise or 0) > owed > 0:
        raise InvalidInput("約束の金額が未納の合計を超えています。", code="promise_amount_over")


def objection(standing: Standing) -> Objection | None:
    """What a person must decide about before the report counts; None: nothing."""
    if standing.is_done or standing.was_visited:
        return Objection.DONE_BY_OTHER
    if standing.is_cancelled:
        return Objection.CANCELLED
    if standing.outstanding <= 0:
        return Objection.PAID
    return Objection.HELD if standing.is_held else None
