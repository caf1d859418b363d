"""The work list on PostgreSQL: filled without doubles, claimed once, given back, swept."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel
from campaigns.debtors.models import Debt
from campaigns.planning.service import plan, set_status
from campaigns.planning.state import CampaignStatus
from campaigns.worklist.claim import claim, complete, count_ready, extend, release, requeue, sweep, withdraw_claimed
from campaigns.worklist.fill import Filled, fill
from campaigns.worklist.models import WorkItem
from campaigns.worklist.state import LIVE, TRANSITIONS, WorkState
from campaigns.worklist.withdraw import withdraw_for_debtors
from tests.campaigns.town import NOW, Town


def queue(session: Session, town: Town, people: int) -> int:
    """A campaign whose operators have `people` landline debtors to call; returns its id."""
    for _ in range(people):
        town.debtor(mobile=False, landline=True)
    campaign = town.campaign()
    plan(session, campaign.id, NOW)
    fill(session, campaign.id, NOW)
    return campaign.id


def take(session: Session, campaign_id: int, limit: int = 1, **fields: object) -> list[WorkItem]:
    return claim(session, campaign_id, Channel.OPERATOR_CALL, limit, "test", NOW, **fields)  # type: ignore[arg-type]


def test_filling_again_makes_nothing_and_a_changed_plan_takes_back(session: Session, town: Town) -> None:
    campaign_id = queue(session, town, 3)
    assert fill(session, campaign_id, NOW) == Filled(0, 0)
    first = session.scalars(select(WorkItem).order_by(WorkItem.id)).first()
    assert first is not None
    session.execute(update(Debt).where(Debt.debtor_id == first.debtor_id).values(hold=1))
    plan(session, campaign_id, NOW)
    assert fill(session, campaign_id, NOW) == Filled(0, 1)
    session.refresh(first)
    assert (first.state, first.reason) == ("withdrawn", "reassigned")


def test_what_is_done_is_not_queued_again_until_a_plan_decides_anew(session: Session, town: Town) -> None:
    campaign_id = queue(session, town, 1)
    (item,) = take(session, campaign_id)
    complete(session, item.id, NOW + timedelta(hours=1), "reissue_slip")
    plan(session, campaign_id, NOW + timedelta(hours=2))
    assert fill(session, campaign_id, NOW + timedelta(hours=2)).made == 0
    later = NOW + timedelta(days=31)
    assert fill(session, campaign_id, later).made == 1


def test_a_claim_is_fenced_and_given_back(session: Session, town: Town) -> None:
    campaign_id = queue(session, town, 2)
    (item,) = take(session, campaign_id)
    assert (item.state, item.claimed_by, item.lease_until) == ("claimed", "test", NOW + timedelta(minutes=2))
    assert item.claim_token is not None
    assert not release(session, item.id, "somebody else's", NOW)
    assert extend(session, item.id, item.claim_token, NOW + timedelta(minutes=1))
    later = NOW + timedelta(days=1)
    assert release(session, item.id, item.claim_token, NOW, not_before=later, reason="day_cap")
    session.refresh(item)
    assert (item.state, item.not_before, item.claim_token) == ("ready", later, None)
    assert count_ready(session, campaign_id, Channel.OPERATOR_CALL, NOW) == 1


def test_never_more_than_asked_for(session: Session, town: Town) -> None:
    campaign_id = queue(session, town, 12)
    assert len(take(session, campaign_id, 5)) == 5
    assert len(take(session, campaign_id, 50)) == 7
    assert take(session, campaign_id) == []


def test_callbacks_come_first_and_reserved_items_only_to_their_operator(session: Session, town: Town) -> None:
    campaign_id = queue(session, town, 3)
    first, second, third = take(session, campaign_id, 3)
    requeue(session, first.id, NOW, "after_busy", NOW)
    requeue(session, second.id, NOW, "callback", NOW, is_callback=True)
    requeue(session, third.id, NOW, "callback", NOW, is_callback=True, user_id=None)
    assert [item.id for item in take(session, campaign_id, 3)] == [second.id, third.id, first.id]


def test_a_refusal_that_does_not_pass_withdraws_a_claimed_item(session: Session, town: Town) -> None:
    campaign_id = queue(session, town, 1)
    (item,) = take(session, campaign_id)
    assert item.claim_token is not None
    assert withdraw_claimed(session, item.id, item.claim_token, NOW, "settled")
    session.refresh(item)
    assert (item.state, item.reason) == ("withdrawn", "settled")


def test_expired_leases_come_back_but_not_with_an_attempt_under_way(session: Session, town: Town) -> None:
    campaign_id = queue(session, town, 2)
    free, calling = take(session, campaign_id, 2)
    row = session.get_one(WorkItem, (calling.office_id, calling.id))
    debtor = town.debtor()
    attempt = town.attempt(debtor, Channel.OPERATOR_CALL, NOW, None, state="open", work_item_id=row.id)
    assert sweep(session, NOW) == 0
    assert sweep(session, NOW + timedelta(minutes=3)) == 1
    session.refresh(free)
    session.refresh(calling)
    assert (free.state, calling.state) == ("ready", "claimed")
    attempt.state = "closed"
    session.flush()
    assert sweep(session, NOW + timedelta(minutes=3)) == 1


def test_withdrawing_leaves_what_is_claimed_to_its_holder(session: Session, town: Town) -> None:
    campaign_id = queue(session, town, 2)
    (claimed,) = take(session, campaign_id)
    everybody = [item.debtor_id for item in session.scalars(select(WorkItem)).all()]
    assert withdraw_for_debtors(session, everybody, "settled", NOW) == 1
    assert withdraw_for_debtors(session, [], "settled", NOW) == 0
    session.refresh(claimed)
    assert claimed.state == "claimed"


def test_finishing_a_campaign_withdraws_what_waits(session: Session, town: Town) -> None:
    campaign_id = queue(session, town, 2)
    set_status(session, campaign_id, CampaignStatus.FINISHED, NOW)
    assert set(session.scalars(select(WorkItem.state))) == {"withdrawn"}


def test_there_is_one_live_item_per_debtor_and_campaign(session: Session, town: Town) -> None:
    campaign_id = queue(session, town, 1)
    (item,) = take(session, campaign_id)
    double = WorkItem(
        campaign_id=campaign_id,
        debtor_id=item.debtor_id,
        channel="auto_call",
        not_before=NOW,
        created_at=NOW,
        updated_at=NOW,
    )
    session.add(double)
    with pytest.raises(IntegrityError):
        session.flush()
    session.rollback()


def test_only_what_is_live_can_be_claimed() -> None:
    assert {state for state, following in TRANSITIONS.items() if WorkState.CLAIMED in following} == {WorkState.READY}
    assert {state for state, following in TRANSITIONS.items() if following} == LIVE


def test_two_claimants_at_once_never_share_an_item(office_id: int) -> None:
    with transaction(office_id) as session:
        campaign_id = queue(session, Town(session), 40)
    got: list[list[int]] = []
    start = threading.Barrier(4)

    def work() -> None:
        mine: list[int] = []
        start.wait()
        while True:
            with transaction(office_id) as session:
                items = take(session, campaign_id, 3)
            if not items:
                break
            mine += [item.id for item in items]
        got.append(mine)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = [item for mine in got for item in mine]
    assert len(taken) == len(set(taken)) == 40
