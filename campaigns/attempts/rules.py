"""Which results make sense together, and what follows from them: pure, so that a page can say it before saving."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from callcenter.core.errors import InvalidInput
from campaigns.attempts.asked import Asked, check_asked
from campaigns.attempts.codes import PROMISE_OUTCOMES, RIGHT_PARTIES, Channel, LineResult, Outcome, Party

MAX_PROMISE_DAYS = 366
MAX_CALLBACK_DAYS = 60
MAX_NOTE = 2_000
CLAIM_DAYS = 14


class Move(StrEnum):
    """What becomes of the work item."""

    DONE = "done"
    RETRY = "retry"
    CALLBACK = "callback"


@dataclass(frozen=True, slots=True)
class PromiseTerms:
    """What was promised: whole yen by a day; kept when `threshold_percent` of it is paid within `grace_days` after (None: the office's).

    `debt_ids` are the installments it was said to cover; empty: not said.
    """

    amount: int
    due_on: date
    grace_days: int | None = None
    threshold_percent: int | None = None
    debt_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What an operator, or a robocall's keys, say about an attempt; `callback_user_id` keeps the call-back for one operator."""

    party: Party
    outcome: Outcome
    note: str = ""
    promise: PromiseTerms | None = None
    callback_at: datetime | None = None
    escalate: str | None = None
    line_result: LineResult | None = None
    callback_user_id: int | None = None
    asked: tuple[Asked, ...] = ()


@dataclass(frozen=True, slots=True)
class Consequence:
    """What follows from a result.

    Attributes:
        move: what becomes of the work item.
        number_status: the number's new status, everywhere it is known.
        suppression: a reason that stops contact, with the days it lasts (None until lifted).
        channels: the channels the suppression concerns; empty is all.
        escalation: why it goes to the tax officers.
        is_stopping_all: whether everything else queued for this debtor is withdrawn.
    """

    move: Move
    number_status: str | None = None
    suppression: tuple[str, int | None] | None = None
    channels: tuple[Channel, ...] = ()
    escalation: str | None = None
    is_stopping_all: bool = False


ANYBODY = frozenset({Outcome.STOP_NUMBER, Outcome.COMPLAINT, Outcome.LANGUAGE_SUPPORT, Outcome.INTERRUPTED, Outcome.NO_RESULT})
NEAR = ANYBODY | {Outcome.CALLBACK_MESSAGE_LEFT, Outcome.DEATH_MOVE_ABSENCE, Outcome.VULNERABLE}
VERIFIED_ONLY = PROMISE_OUTCOMES | {
    Outcome.INSTALMENT_TO_OFFICER,
    Outcome.REISSUE_SLIP,
    Outcome.DIRECT_DEBIT_WISH,
    Outcome.DISPUTES_ASSESSMENT,
}
OUTCOMES_OF: dict[Party, frozenset[Outcome]] = {
    Party.DEBTOR: frozenset(Outcome),
    Party.COMPANY_CONTACT: frozenset(Outcome),
    Party.AGENT: frozenset(Outcome),
    Party.DEBTOR_UNVERIFIED: frozenset(Outcome) - VERIFIED_ONLY,
    Party.FAMILY: NEAR | {Outcome.CALLBACK_PROMISED, Outcome.REFUSES},
    Party.THIRD_PARTY: NEAR,
    Party.WRONG_NUMBER: ANYBODY | {Outcome.DEATH_MOVE_ABSENCE},
    Party.UNKNOWN: ANYBODY,
    Party.NOBODY: frozenset({Outcome.NO_RESULT, Outcome.CALLBACK_MESSAGE_LEFT}),
}
CALLBACK_OUTCOMES = frozenset({Outcome.CALLBACK_PROMISED, Outcome.CALLBACK_MESSAGE_LEFT, Outcome.INTERRUPTED})
PHONE_CHANNELS = (Channel.SMS, Channel.AUTO_CALL, Channel.OPERATOR_CALL)

_OFFICER = ("officer_hold", None)
CONSEQUENCES: dict[Outcome, Consequence] = {
    Outcome.PROMISE_FULL: Consequence(Move.DONE, is_stopping_all=True),
    Outcome.PROMISE_PART: Consequence(Move.DONE, is_stopping_all=True),
    Outcome.INSTALMENT_TO_OFFICER: Consequence(Move.DONE, suppression=_OFFICER, escalation="instalment", is_stopping_all=True),
    Outcome.CLAIMS_PAID: Consequence(Move.DONE, suppression=("payment_claimed", CLAIM_DAYS), is_stopping_all=True),
    Outcome.REISSUE_SLIP: Consequence(Move.DONE),
    Outcome.DIRECT_DEBIT_WISH: Consequence(Move.DONE),
    Outcome.CALLBACK_PROMISED: Consequence(Move.CALLBACK),
    Outcome.CALLBACK_MESSAGE_LEFT: Consequence(Move.RETRY),
    Outcome.HARDSHIP: Consequence(Move.DONE, escalation="hardship"),
    Outcome.REFUSES: Consequence(Move.DONE, escalation="refusal"),
    Outcome.DISPUTES_ASSESSMENT: Consequence(Move.DONE, suppression=_OFFICER, escalation="dispute", is_stopping_all=True),
    Outcome.DEATH_MOVE_ABSENCE: Consequence(
        Move.DONE, suppression=("deceased_moved", None), escalation="whereabouts", is_stopping_all=True
    ),
    Outcome.STOP_NUMBER: Consequence(
        Move.DONE,
        number_status="refused",
        suppression=("stop_request", None),
        channels=PHONE_CHANNELS,
        is_stopping_all=True,
    ),
    Outcome.COMPLAINT: Consequence(Move.DONE, suppression=("complaint", None), escalation="complaint", is_stopping_all=True),
    Outcome.LANGUAGE_SUPPORT: Consequence(Move.DONE, escalation="language"),
    Outcome.VULNERABLE: Consequence(Move.DONE, suppression=("vulnerable", None), escalation="vulnerable", is_stopping_all=True),
    Outcome.INTERRUPTED: Consequence(Move.RETRY),
    Outcome.NO_RESULT: Consequence(Move.RETRY),
}


_NO_MORE_ROBOCALLS = Consequence(Move.DONE, suppression=("stop_request", None), channels=(Channel.AUTO_CALL,))


def consequence_of(party: Party, outcome: Outcome, channel: Channel = Channel.OPERATOR_CALL) -> Consequence:
    """What follows; somebody who is not the debtor stops the number, not the debtor.

    Who asks an automated voice to stop (`channel` auto_call) stops automated calls, not people.
    """
    if channel is Channel.AUTO_CALL and outcome is Outcome.STOP_NUMBER and party is not Party.WRONG_NUMBER:
        return _NO_MORE_ROBOCALLS
    if party is Party.WRONG_NUMBER:
        status = "refused" if outcome is Outcome.STOP_NUMBER else "wrong_person"
        return Consequence(Move.RETRY, number_status=status)
    if party in (Party.THIRD_PARTY, Party.UNKNOWN, Party.FAMILY) and outcome is Outcome.STOP_NUMBER:
        return Consequence(Move.RETRY, number_status="refused")
    return CONSEQUENCES[outcome]


def check_result(result: Result, *, channel: Channel, line_result: LineResult, is_verified: bool, now: datetime, today: date) -> None:
    """Refuses combinations that make no sense.

    Raises:
        InvalidInput: what does not fit, and what would.
    """
    _check_party(result, channel, line_result, is_verified)
    _check_promise(result, today)
    _check_callback(result, channel, now)
    check_asked(result.asked)
    if result.asked and result.party not in RIGHT_PARTIES:
        raise InvalidInput("Only a verified person asks the office for something.", code="asked_unverified")
    if len(result.note) > MAX_NOTE:
        raise InvalidInput(f"The note is longer than {MAX_NOTE} characters.", hint="Shorten it.", code="note_too_long")


def _check_party(result: Result, channel: Channel, line_result: LineResult, is_verified: bool) -> None:
    if line_result is not LineResult.ANSWERED and result.party is not Party.NOBODY:
        raise InvalidInput("Nobody answered, so there is no party.", hint="Choose 'nobody'.", code="party_without_answer")
    if line_result is LineResult.ANSWERED and result.party is Party.NOBODY:
        raise InvalidInput("Somebody answered: say who.", hint="Choose 'unknown' when it stayed silent.", code="answer_without_party")
    if result.party in RIGHT_PARTIES and channel is Channel.OPERATOR_CALL and not is_verified:
        raise InvalidInput(
            "The party was not verified.", hint="Verify two items first, or choose 'debtor, not verified'.", code="party_not_verified"
        )
    allowed = OUTCOMES_OF[result.party]
    if channel is Channel.AUTO_CALL and result.party is Party.UNKNOWN:
        allowed = allowed | {Outcome.CLAIMS_PAID, Outcome.CALLBACK_PROMISED}
    if result.outcome not in allowed:
        raise InvalidInput(
            f"The outcome '{result.outcome}' can't come from '{result.party}'.",
            hint=f"Possible: {', '.join(sorted(allowed))}.",
            code="outcome_does_not_fit_party",
        )


def _check_promise(result: Result, today: date) -> None:
    if (result.outcome in PROMISE_OUTCOMES) != (result.promise is not None):
        raise InvalidInput("A promise needs amount and date, and nothing else has them.", code="promise_missing")
    promise = result.promise
    if promise is None:
        return
    if promise.amount <= 0:
        raise InvalidInput("The promised amount must be more than 0 yen.", code="promise_amount")
    if not today <= promise.due_on <= today + timedelta(days=MAX_PROMISE_DAYS):
        raise InvalidInput("The promised day must be today or later, within a year.", hint=f"Today is {today}.", code="promise_date")


def _check_callback(result: Result, channel: Channel, now: datetime) -> None:
    moment = result.callback_at
    if moment is None:
        if result.outcome is Outcome.CALLBACK_PROMISED and channel is Channel.OPERATOR_CALL:
            raise InvalidInput("A call-back needs its time.", code="callback_time_missing")
        return
    if result.outcome not in CALLBACK_OUTCOMES:
        raise InvalidInput("Only a call-back has a time.", hint="Choose 'call-back promised', or leave the time out.", code="callback_time")
    if not now < moment <= now + timedelta(days=MAX_CALLBACK_DAYS):
        raise InvalidInput(f"The call-back must lie within the next {MAX_CALLBACK_DAYS} days.", code="callback_time")
