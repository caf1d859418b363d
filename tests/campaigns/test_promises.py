"""Promises on PostgreSQL: made, replaced, cancelled, judged by payments that come late; the statement agrees with the rule."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel
from campaigns.compliance.facts import load_facts
from campaigns.compliance.gate import load_policy
from campaigns.imports.models import ImportFile
from campaigns.promises.models import Promise
from campaigns.promises.service import cancel, cancel_of_attempt, make
from campaigns.promises.settle import settle
from campaigns.promises.state import judge
from campaigns.promises.terms import Terms, change_terms, load_terms
from tests.campaigns.import_files import ATTEMPT, DEBT, PAYMENT, load, table
from tests.campaigns.town import NOW, TODAY, Town

DAY = timedelta(days=1)


def states(session: Session) -> list[str]:
    return list(session.scalars(select(Promise.state).order_by(Promise.id)))


def test_a_new_promise_takes_the_place_of_an_open_one_and_gives_it_back(session: Session) -> None:
    town = Town(session)
    debtor = town.debtor()
    first = make(session, debtor.id, 10_000, TODAY + 3 * DAY, NOW)
    second = make(session, debtor.id, 5_000, TODAY + 9 * DAY, NOW + timedelta(hours=1))
    session.refresh(first)
    assert (first.state, first.superseded_by, second.state) == ("superseded", second.id, "open")
    assert (second.grace_days, second.lag_days, second.threshold_percent) == (7, 14, 100)
    cancel(session, second, NOW + timedelta(hours=2))
    session.refresh(first)
    assert (first.state, first.superseded_by, first.settled_at, second.state) == ("open", None, None, "cancelled")


def test_a_corrected_result_cancels_what_it_promised(session: Session) -> None:
    town = Town(session)
    debtor = town.debtor()
    attempt = town.attempt(debtor, Channel.OPERATOR_CALL, NOW, "answered")
    make(session, debtor.id, 10_000, TODAY, NOW, attempt_id=attempt.id)
    town.payment(debtor, 10_000, TODAY)
    settle(session, today=TODAY, now=NOW)
    assert states(session) == ["kept"]
    assert cancel_of_attempt(session, attempt.id, NOW) == 1
    assert states(session) == ["cancelled"]
    assert cancel_of_attempt(session, attempt.id, NOW) == 0
    assert settle(session, today=TODAY, now=NOW) == 0


def test_postings_that_lag_delay_broken_but_not_kept(session: Session) -> None:
    town = Town(session)
    late, payer = town.debtor(), town.debtor()
    for debtor in (late, payer):
        make(session, debtor.id, 10_000, TODAY, NOW)
    for days, found in ((7, "open"), (21, "open"), (22, "broken")):
        settle(session, today=TODAY + days * DAY, now=NOW)
        assert states(session) == [found, found]
    town.payment(payer, 10_000, TODAY + 7 * DAY)
    settle(session, today=TODAY + 30 * DAY, now=NOW)
    assert states(session) == ["broken", "kept"]


def test_the_gate_and_the_rules_wait_as_long(session: Session) -> None:
    town = Town(session)
    debtor = town.debtor()
    make(session, debtor.id, 10_000, TODAY, NOW)
    policy = load_policy(session)
    for days, until in ((0, TODAY + 21 * DAY), (21, TODAY + 21 * DAY), (22, None)):
        moment = NOW + days * DAY
        facts = load_facts(session, {debtor.id: None}, Channel.OPERATOR_CALL, policy, moment)[debtor.id]
        assert facts.promise_until == until
        assert facts.promise_lapsed_on == (None if until else TODAY + 7 * DAY)


def test_a_file_said_to_be_complete_ends_the_waiting(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}))
    load(office_id, "attempts", table(ATTEMPT, {"約束日": "2026-10-20"}))  # with grace until the 27th
    late = datetime(2026, 11, 2, 3, 0, tzinfo=NOW.tzinfo)
    other = {"宛名番号": "0000000077"}

    def state_after(day: date | None, name: str) -> str:
        load(office_id, "payments", table(PAYMENT, other | {"収納履歴番号": name}), late, as_of=day)
        with transaction(office_id) as session:
            return session.scalars(select(Promise.state)).one()

    assert state_after(None, "A") == "open"
    assert state_after(date(2026, 10, 26), "B") == "open"
    assert state_after(date(2026, 10, 27), "C") == "broken"
    load(office_id, "payments", table(PAYMENT, {"納付日": "2026-10-27"}), late)
    with transaction(office_id) as session:
        assert states(session) == ["kept"]
    load(office_id, "payments", table(PAYMENT, {"納付日": "2026-10-27", "取消区分": "1", "収納額": "5000"}), late)
    with transaction(office_id) as session:
        promise = session.scalars(select(Promise)).one()
        assert (promise.state, promise.paid) == ("part_kept", 15_000)


def test_a_changed_lag_reaches_open_promises(session: Session) -> None:
    debtor = Town(session).debtor()
    make(session, debtor.id, 10_000, TODAY, NOW)
    assert load_terms(session) == Terms()
    assert change_terms(session, {"posting_lag_days": "2"}).posting_lag_days == 2
    settle(session, today=TODAY + 9 * DAY, now=NOW)
    assert states(session) == ["open"]
    settle(session, today=TODAY + 10 * DAY, now=NOW)
    assert states(session) == ["broken"]


@pytest.mark.parametrize("seed", range(3))
def test_the_statement_agrees_with_the_rule(session: Session, seed: int) -> None:
    draw, town = Random(seed), Town(session)
    change_terms(session, {"posting_lag_days": draw.randrange(0, 20)})
    complete_to = draw.choice((None, TODAY - draw.randrange(0, 20) * DAY))
    if complete_to is not None:
        file = ImportFile(kind="payments", layout="standard", as_of=complete_to, has_as_of=True, original_name="p.csv", stored_path="p")
        file.sha256, file.size_bytes, file.status, file.created_at = "0" * 64, 1, "done", NOW
        session.add(file)
    expected = {}
    for _ in range(120):
        debtor, made = town.debtor(), TODAY - draw.randrange(1, 40) * DAY
        promise = town.promise(debtor, made + draw.randrange(0, 20) * DAY, amount=draw.choice((5_000, 10_000)))
        promise.made_on, promise.grace_days, promise.threshold_percent = made, draw.randrange(0, 9), draw.choice((50, 90, 100))
        paid = 0
        for _ in range(draw.randrange(0, 3)):
            yen, day, back = draw.choice((1_000, 4_999, 5_000, 9_000)), made + draw.randrange(-3, 30) * DAY, draw.choice((0, 0, 500))
            payment = town.payment(debtor, yen, day)
            if back:
                town.payment(debtor, back, day, source_ref=payment.source_ref, is_reversal=True, status="reversal")
            if made <= day <= promise.due_on + promise.grace_days * DAY:
                paid += yen - back
        lag = load_terms(session).posting_lag_days
        facts = {name: getattr(promise, name) for name in ("amount", "due_on", "grace_days", "threshold_percent")}
        expected[promise.id] = judge(paid=paid, today=TODAY, lag_days=lag, complete_to=complete_to, **facts)
    settle(session, today=TODAY, now=NOW)
    session.expire_all()
    assert {promise.id: promise.state for promise in session.scalars(select(Promise))} == expected
    assert len(set(expected.values())) == 4
