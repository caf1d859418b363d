"""Which results make sense together, and what follows from each."""

from __future__ import annotations

from datetime import timedelta

import pytest

from callcenter.core.errors import InvalidInput
from campaigns.attempts.codes import Channel, LineResult, Outcome, Party
from campaigns.attempts.rules import CONSEQUENCES, OUTCOMES_OF, Move, PromiseTerms, Result, check_result, consequence_of
from tests.campaigns.town import NOW, TODAY

FULL = PromiseTerms(10_000, TODAY + timedelta(days=7))


def judge(
    result: Result,
    *,
    channel: Channel = Channel.OPERATOR_CALL,
    line_result: LineResult = LineResult.ANSWERED,
    is_verified: bool = True,
) -> str | None:
    try:
        check_result(result, channel=channel, line_result=line_result, is_verified=is_verified, now=NOW, today=TODAY)
    except InvalidInput as problem:
        return problem.code
    return None


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (Result(Party.DEBTOR, Outcome.PROMISE_FULL, promise=FULL), None),
        (Result(Party.DEBTOR, Outcome.PROMISE_FULL), "promise_missing"),
        (Result(Party.DEBTOR, Outcome.REFUSES, promise=FULL), "promise_missing"),
        (Result(Party.DEBTOR, Outcome.PROMISE_PART, promise=PromiseTerms(0, TODAY)), "promise_amount"),
        (Result(Party.DEBTOR, Outcome.PROMISE_PART, promise=PromiseTerms(1, TODAY - timedelta(days=1))), "promise_date"),
        (Result(Party.DEBTOR, Outcome.PROMISE_PART, promise=PromiseTerms(1, TODAY + timedelta(days=400))), "promise_date"),
        (Result(Party.FAMILY, Outcome.PROMISE_FULL, promise=FULL), "outcome_does_not_fit_party"),
        (Result(Party.DEBTOR_UNVERIFIED, Outcome.PROMISE_FULL, promise=FULL), "outcome_does_not_fit_party"),
        (Result(Party.THIRD_PARTY, Outcome.CLAIMS_PAID), "outcome_does_not_fit_party"),
        (Result(Party.NOBODY, Outcome.NO_RESULT), "answer_without_party"),
        (Result(Party.DEBTOR, Outcome.CALLBACK_PROMISED), "callback_time_missing"),
        (Result(Party.DEBTOR, Outcome.CALLBACK_PROMISED, callback_at=NOW + timedelta(hours=1)), None),
        (Result(Party.DEBTOR, Outcome.CALLBACK_PROMISED, callback_at=NOW), "callback_time"),
        (Result(Party.DEBTOR, Outcome.REFUSES, callback_at=NOW + timedelta(hours=1)), "callback_time"),
        (Result(Party.DEBTOR, Outcome.REFUSES, note="x" * 2_001), "note_too_long"),
    ],
)
def test_combinations(result: Result, code: str | None) -> None:
    assert judge(result) == code


def test_nobody_answers_without_a_line() -> None:
    assert judge(Result(Party.NOBODY, Outcome.NO_RESULT), line_result=LineResult.NO_ANSWER) is None
    assert judge(Result(Party.FAMILY, Outcome.NO_RESULT), line_result=LineResult.BUSY) == "party_without_answer"


def test_the_right_party_must_have_been_verified_in_an_operators_call() -> None:
    result = Result(Party.DEBTOR, Outcome.PROMISE_FULL, promise=FULL)
    assert judge(result, is_verified=False) == "party_not_verified"
    assert judge(Result(Party.DEBTOR_UNVERIFIED, Outcome.REFUSES), is_verified=False) is None


def test_a_robocalls_listener_is_unknown_and_may_still_press_keys() -> None:
    result = Result(Party.UNKNOWN, Outcome.CLAIMS_PAID)
    assert judge(result, channel=Channel.AUTO_CALL, is_verified=False) is None
    assert judge(result) == "outcome_does_not_fit_party"
    assert judge(Result(Party.UNKNOWN, Outcome.CALLBACK_PROMISED), channel=Channel.AUTO_CALL, is_verified=False) is None


def test_every_outcome_and_party_has_its_rule() -> None:
    assert set(CONSEQUENCES) == set(Outcome)
    assert set(OUTCOMES_OF) == set(Party)


def test_somebody_else_stops_the_number_not_the_debtor() -> None:
    for party in (Party.WRONG_NUMBER, Party.THIRD_PARTY, Party.FAMILY, Party.UNKNOWN):
        follows = consequence_of(party, Outcome.STOP_NUMBER)
        assert (follows.move, follows.number_status, follows.suppression) == (Move.RETRY, "refused", None)
    own = consequence_of(Party.DEBTOR, Outcome.STOP_NUMBER)
    assert own.suppression == ("stop_request", None)
    assert consequence_of(Party.WRONG_NUMBER, Outcome.NO_RESULT).number_status == "wrong_person"
