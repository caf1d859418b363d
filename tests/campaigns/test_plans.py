"""Instalment plans on PostgreSQL: entered, watched, broken, mended, ended; the statements agree with the rule."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.errors import Conflict, InvalidInput, NotFound
from campaigns.attempts.codes import Channel
from campaigns.compliance.gate import check
from campaigns.promises.models import Instalment, InstalmentPlan
from campaigns.promises.monitoring import monitor
from campaigns.promises.plans import count_plans, end, enter, has_plan, list_plans, plan_of
from campaigns.promises.schedule import Line, Money, Rule, propose, stand
from campaigns.promises.terms import change_terms
from campaigns.worklist.models import WorkItem
from tests.campaigns.town import NOW, TODAY, Town

DAY = timedelta(days=1)


def entered(session: Session, town: Town, *, agreed: date = TODAY) -> InstalmentPlan:
    return enter(session, town.debtor(owes=32_000).id, agreed, propose(32_000, 3, agreed + 10 * DAY), NOW, user_id=None)


def test_a_plan_stops_contact_until_it_is_broken(session: Session) -> None:
    town = Town(session)
    debtor = town.debtor(owes=32_000)
    item = WorkItem(campaign_id=town.campaign().id, debtor_id=debtor.id, channel="operator_call")
    item.not_before = item.created_at = item.updated_at = NOW
    session.add(item)
    session.flush()
    plan = enter(session, debtor.id, TODAY, propose(32_000, 3, TODAY + 10 * DAY), NOW, user_id=None)
    session.refresh(item)
    assert (item.state, item.reason, plan.state, plan.next_due_on) == ("withdrawn", "instalment_plan", "good_standing", TODAY + 10 * DAY)
    assert has_plan(session, debtor.id)
    decision = check(session, debtor.id, Channel.OPERATOR_CALL, NOW)
    assert getattr(decision, "reason", None) == "instalment_plan"
    late = TODAY + (10 + 7 + 14 + 1) * DAY
    monitor(session, today=late, now=NOW)
    session.refresh(plan)
    assert (plan.state, plan.missed) == ("broken", 1)
    town.payment(debtor, 12_000, TODAY + 17 * DAY)
    monitor(session, today=late, now=NOW, debtor_ids=[debtor.id])
    session.refresh(plan)
    assert (plan.state, plan.missed, plan.paid, plan.next_due_on) == ("good_standing", 0, 12_000, plan_of(session, plan.id)[3][1].due_on)
    town.payment(debtor, 20_000, TODAY + 20 * DAY)
    monitor(session, today=late, now=NOW)
    session.refresh(plan)
    assert (plan.state, plan.next_due_on) == ("completed", None)


def test_one_plan_at_a_time_and_an_officer_ends_it(session: Session) -> None:
    plan = entered(session, Town(session))
    lines = propose(1_000, 1, TODAY)
    with pytest.raises(Conflict):
        enter(session, plan.debtor_id, TODAY, lines, NOW, user_id=None)
    end(session, plan.id, NOW, user_id=None)
    with pytest.raises(Conflict):
        end(session, plan.id, NOW, user_id=None)
    with pytest.raises(NotFound):
        end(session, 999, NOW, user_id=None)
    assert monitor(session, today=TODAY + 90 * DAY, now=NOW) == 0
    again = enter(session, plan.debtor_id, TODAY, lines, NOW, user_id=None)
    assert [row.plan.id for row in list_plans(session)[0]] == [again.id]
    assert list_plans(session, state="ended")[1] == 1
    assert count_plans(session, TODAY) == {"good_standing": 1, "broken": 0, "completed": 0, "ended": 1, "due_soon": 1}


@pytest.mark.parametrize("agreed", [TODAY + DAY, TODAY - 2000 * DAY])
def test_an_agreement_of_another_time_is_refused(session: Session, agreed: date) -> None:
    with pytest.raises(InvalidInput):
        enter(session, Town(session).debtor().id, agreed, [Line(TODAY + 5 * DAY, 100)], NOW, user_id=None)


@pytest.mark.parametrize("seed", range(3))
def test_the_statements_agree_with_the_rule(session: Session, seed: int) -> None:
    draw, town = Random(seed), Town(session)
    change_terms(session, {"posting_lag_days": draw.randrange(0, 20), "plan_allowed_misses": draw.randrange(0, 2)})
    expected = {}
    for _ in range(60):
        debtor, agreed = town.debtor(), TODAY - draw.randrange(0, 120) * DAY
        lines = propose(draw.randrange(3, 90_000), draw.randrange(1, 4), agreed + draw.randrange(0, 40) * DAY)
        plan = enter(session, debtor.id, agreed, lines, NOW, user_id=None)
        money = []
        for _ in range(draw.randrange(0, 5)):
            yen, day, back = draw.randrange(1, 40_000), agreed + draw.randrange(-5, 120) * DAY, draw.choice((0, 0, 500))
            payment = town.payment(debtor, yen, day)
            if back:
                town.payment(debtor, back, day, source_ref=payment.source_ref, is_reversal=True, status="reversal")
            if day >= agreed:
                money.append(Money(day, max(yen - back, 0)))
        terms = {"grace_days": plan.grace_days, "allowed_misses": plan.allowed_misses}
        expected[plan.id] = (lines, money, terms)
    lag = change_terms(session, {}).posting_lag_days
    monitor(session, today=TODAY, now=NOW)
    session.expire_all()
    seen = set()
    for plan in session.scalars(select(InstalmentPlan)):
        lines, money, terms = expected[plan.id]
        told = stand(lines, money, Rule(lag_days=lag, **terms), TODAY)
        rows = session.scalars(select(Instalment).where(Instalment.plan_id == plan.id).order_by(Instalment.number)).all()
        assert [(row.state, row.paid) for row in rows] == list(zip(told.states, told.paid, strict=True))
        assert (plan.state, plan.missed, plan.next_due_on, plan.paid) == (told.state, told.missed, told.next_due_on, sum(told.paid))
        seen.add(plan.state)
    assert seen == {"good_standing", "broken", "completed"}
