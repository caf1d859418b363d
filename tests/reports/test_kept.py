"""Promises due and kept, worked out by hand; judged from payments, never from a stored state."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy.orm import Session

from reports.cuts import Cut
from reports.periods import Period
from reports.queries.headline import HeadlineQuery
from reports.queries.undecided import undecided, undecided_words
from tests.reports import world
from tests.reports.test_headline import MONTH, only, rows

DUE = date(2026, 9, 10)  # with 7 days of grace: the 17th


def called(session: Session, debtor_id: int, **more: object) -> int:
    return world.attempt(session, debtor_id, "2026-09-01 10:00", "answered", "debtor", outcome="promise_full", **more)


def promised(session: Session, amount: int = 10_000, **more: object) -> int:
    person = world.debtor(session, ("10", "current"))
    world.promise(session, person, "2026-09-01 10:00", DUE, amount, **({"attempt_id": called(session, person)} | more))
    return person


def kept(session: Session, period: Period = MONTH, **more: object) -> tuple[int, int, float | None]:
    found = only(session, period, **more)
    return found.promises_due, found.promises_kept, found.kept_rate


@pytest.mark.parametrize(
    ("paid_on", "yen", "is_kept"),
    [
        (date(2026, 8, 31), 10_000, 0),
        (date(2026, 9, 1), 10_000, 1),
        (date(2026, 9, 17), 10_000, 1),
        (date(2026, 9, 18), 10_000, 0),
        (date(2026, 9, 5), 9_999, 0),
    ],
)
def test_the_window_and_the_amount(session: Session, paid_on: date, yen: int, is_kept: int) -> None:
    world.payment(session, promised(session), paid_on, yen)
    assert kept(session) == (1, is_kept, float(is_kept))


def test_several_payments_fees_and_charges_add_up(session: Session) -> None:
    person = promised(session)
    world.payment(session, person, date(2026, 9, 2), 6_000)
    world.payment(session, person, date(2026, 9, 9), 3_000, demand_fee=100, late_charge=900)
    assert kept(session) == (1, 1, 1.0)


def test_a_reversed_payment_was_never_paid(session: Session) -> None:
    person = promised(session)
    reference = world.payment(session, person, date(2026, 9, 2), 10_000, status="reversed")
    world.payment(session, person, date(2026, 9, 20), 10_000, source_ref=reference, is_reversal=True, status="reversal")
    assert kept(session) == (1, 0, 0.0)


def test_a_stored_state_is_not_believed(session: Session) -> None:
    promised(session, state="kept", paid=10_000)
    assert kept(session) == (1, 0, 0.0)


def test_threshold_and_grace_are_the_promises_own(session: Session) -> None:
    person = promised(session, threshold_percent=90, grace_days=0)
    world.payment(session, person, DUE, 9_000)
    assert kept(session) == (1, 1, 1.0)
    assert kept(session, Period(DUE, DUE)) == (1, 1, 1.0)
    assert kept(session, Period(date(2026, 9, 11), date(2026, 9, 30))) == (0, 0, None)


def test_the_period_is_that_of_the_deadline(session: Session) -> None:
    promised(session)
    assert kept(session, Period(date(2026, 9, 17), date(2026, 9, 17)))[0] == 1
    assert kept(session, Period(date(2026, 9, 1), date(2026, 9, 16)))[0] == 0
    assert {key: row.promises_due for key, row in rows(session, MONTH, Cut.DAY).items()} == {"2026-09-01": 0, "2026-09-17": 1}


def test_cuts_of_promises(session: Session) -> None:
    clerk, person = world.operator(session, "sato"), world.debtor(session, ("10", "current"), ("30", "current"))
    world.promise(session, person, "2026-09-01 10:00", DUE, 500, attempt_id=called(session, person, operator_id=clerk))
    world.payment(session, person, DUE, 500)
    for cut, keys in ((Cut.HOUR, {"10"}), (Cut.OPERATOR, {"sato"}), (Cut.TAX, {"10", "30"}), (Cut.CHANNEL, {"operator_call"})):
        assert {key for key, row in rows(session, MONTH, cut).items() if row.kept_rate == 1.0} == keys


def test_channel_and_campaign_of_the_call_that_made_it(session: Session) -> None:
    first, person = world.campaign(session), world.debtor(session)
    call = called(session, person, campaign_id=first, channel="auto_call")
    world.promise(session, person, "2026-09-01 10:00", DUE, 500, attempt_id=call)
    world.promise(session, person, "2026-09-01 10:00", DUE, 500)
    assert kept(session)[0] == 0
    assert kept(session, channel="auto_call")[0] == 1
    assert kept(session, channel="all")[0] == 2
    assert kept(session, channel="all", campaign_id=first)[0] == 1


def test_promises_that_are_still_open_stand_beside_the_rate(session: Session) -> None:
    world.payment(session, promised(session, state="kept"), date(2026, 9, 2), 10_000)
    promised(session, state="broken")
    promised(session)
    query = HeadlineQuery(MONTH)
    words = undecided_words(only(session, MONTH), undecided(session, query))
    assert words is not None
    assert words.ja == "うち1件は未定（期限前か入金の反映待ち）。除くと50.0%。"
    assert undecided(session, replace(query, channel="sms")) == 0
    assert undecided_words(only(session, MONTH), 0) is None
