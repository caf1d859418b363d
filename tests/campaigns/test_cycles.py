"""Cycles over virtual months: opened and closed once, caught up after downtime, the queue taken back, and debtors beginning anew."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns import jobs
from campaigns.attempts.codes import Channel
from campaigns.messages.batches import prepare_batch
from campaigns.messages.models import Message
from campaigns.planning.cycles import Cycle, CycleSettings, Restart, cycle_after, cycle_on, first_cycle, period_of
from campaigns.planning.models import Campaign, CampaignCycle
from campaigns.planning.position import position_at
from campaigns.planning.service import plan, set_status
from campaigns.planning.state import CampaignStatus
from campaigns.planning.turning import Turned, is_planned_before_its_cycle, turn
from campaigns.segmentation.models import ChannelAssignment
from campaigns.worklist.claim import claim, requeue
from campaigns.worklist.fill import fill
from campaigns.worklist.models import WorkItem
from tests.campaigns.town import JST, NOW, Town

DAY = timedelta(days=1)
NIGHT = time(2, 30)


def night(year: int, month: int, day: int) -> datetime:
    return datetime.combine(date(year, month, day), NIGHT, JST)


def cycles(session: Session, campaign: Campaign) -> list[tuple[int, str, str, str]]:
    rows = session.scalars(select(CampaignCycle).where(CampaignCycle.campaign_id == campaign.id).order_by(CampaignCycle.number))
    return [(row.number, f"{row.starts_on:%m-%d}", f"{row.ends_on:%m-%d}", row.state) for row in rows]


def running(session: Session, town: Town, now: datetime = NOW, **options: Any) -> Campaign:
    campaign = town.campaign("秋", options=options)
    return set_status(session, campaign.id, CampaignStatus.RUNNING, now)


def test_starting_a_campaign_opens_its_calendar_month_once(session: Session, town: Town) -> None:
    campaign = running(session, town)
    assert cycles(session, campaign) == [(1, "11-01", "11-30", "open")]
    assert turn(session, campaign.id, NOW) == Turned()
    assert turn(session, campaign.id, night(2026, 11, 30)) == Turned()


def test_month_after_month(session: Session, town: Town) -> None:
    campaign = running(session, town, night(2027, 1, 31))
    for month, last in ((2, 28), (3, 31), (4, 30)):
        assert turn(session, campaign.id, night(2027, month, 1)) == Turned((month,), (month - 1,), 0)
        assert turn(session, campaign.id, night(2027, month, 1)) == Turned()
        assert turn(session, campaign.id, night(2027, month, last)) == Turned()
    assert cycles(session, campaign) == [
        (1, "01-01", "01-31", "closed"),
        (2, "02-01", "02-28", "closed"),
        (3, "03-01", "03-31", "closed"),
        (4, "04-01", "04-30", "open"),
    ]


def test_after_downtime_no_cycle_is_missing_or_double(session: Session, town: Town) -> None:
    campaign = running(session, town)
    assert turn(session, campaign.id, night(2027, 2, 10)) == Turned((2, 3, 4), (1, 2, 3), 0)
    assert turn(session, campaign.id, night(2027, 2, 10)) == Turned()
    assert [row[:3] for row in cycles(session, campaign)] == [
        (1, "11-01", "11-30"),
        (2, "12-01", "12-31"),
        (3, "01-01", "01-31"),
        (4, "02-01", "02-28"),
    ]


def test_cycles_of_days_follow_the_first_day(session: Session, town: Town) -> None:
    campaign = running(session, town, cycle={"days": 10})
    turn(session, campaign.id, night(2026, 12, 1))
    assert [row[:3] for row in cycles(session, campaign)] == [(1, "11-18", "11-27"), (2, "11-28", "12-07")]


def test_settings_changed_in_a_cycle_count_from_the_next_one(session: Session, town: Town) -> None:
    campaign = running(session, town)
    campaign.options = {"cycle": {"start_day": 10}}
    session.flush()
    turn(session, campaign.id, night(2026, 12, 20))
    assert [row[:3] for row in cycles(session, campaign)] == [(1, "11-01", "11-30"), (2, "12-01", "12-09"), (3, "12-10", "01-09")]


def test_a_draft_has_no_cycle_and_finishing_closes_it(session: Session, town: Town) -> None:
    draft = town.campaign("draft")
    assert turn(session, draft.id, NOW) == Turned()
    campaign = running(session, town)
    set_status(session, campaign.id, CampaignStatus.PAUSED, NOW)
    assert turn(session, campaign.id, night(2026, 12, 1)).opened == (2,)
    set_status(session, campaign.id, CampaignStatus.FINISHED, NOW + 20 * DAY)
    assert [row[3] for row in cycles(session, campaign)] == ["closed", "closed"]
    assert turn(session, campaign.id, night(2027, 3, 1)) == Turned()


def test_what_is_queued_at_the_end_is_taken_back_but_for_promised_callbacks(session: Session, town: Town) -> None:
    for _ in range(3):
        town.debtor(mobile=False, landline=True)
    for _ in range(2):
        town.debtor()
    campaign = running(session, town)
    plan(session, campaign.id, NOW)
    fill(session, campaign.id, NOW)
    prepare_batch(session, campaign.id, Channel.SMS, NOW)
    (item,) = claim(session, campaign.id, Channel.OPERATOR_CALL, 1, "test", NOW)
    requeue(session, item.id, NOW + 20 * DAY, "callback", NOW, is_callback=True)
    assert turn(session, campaign.id, night(2026, 12, 1)) == Turned((2,), (1,), 4)
    assert set(session.scalars(select(Message.reason))) == {"cycle_ended"}
    items = session.scalars(select(WorkItem).execution_options(populate_existing=True)).all()
    assert sorted((row.state, row.reason) for row in items) == [
        ("ready", "callback"),
        ("withdrawn", "cycle_ended"),
        ("withdrawn", "cycle_ended"),
    ]
    closed = session.scalars(select(CampaignCycle).where(CampaignCycle.number == 1)).one()
    assert closed.counts == {
        "debtors": 5,
        "steps": {"1": 2, "3": 3},
        "reasons": {"mobile_never_reached": 2, "no_mobile": 3},
        "attempts": {},
        "persons_attempted": 0,
        "persons_right_party": 0,
        "withdrawn": 4,
    }


@pytest.mark.parametrize(
    ("restart", "channel", "reason"),
    [("bottom", "sms", "mobile_never_reached"), ("carry_on", "auto_call", "ladder_begin")],
)
def test_the_new_cycle_begins_at_the_bottom_or_carries_on(session: Session, town: Town, restart: str, channel: str, reason: str) -> None:
    debtor = town.debtor()
    campaign = running(session, town, night(2026, 11, 2), cycle={"restart": restart})
    town.attempt(debtor, Channel.SMS, night(2026, 11, 3) + timedelta(hours=7), None)
    for day in (9, 12):
        town.attempt(debtor, Channel.AUTO_CALL, night(2026, 11, day) + timedelta(hours=7))
    plan(session, campaign.id, night(2026, 11, 20))
    row = session.scalars(select(ChannelAssignment)).one()
    assert (row.channel, row.reason_codes, row.step) == ("operator_call", ["sms_and_call_without_effect"], 3)
    turn(session, campaign.id, night(2026, 12, 1))
    plan(session, campaign.id, night(2026, 12, 1))
    session.refresh(row)
    assert (row.channel, row.reason_codes) == (channel, [reason])


def test_done_in_one_cycle_is_open_again_in_the_next(session: Session, town: Town) -> None:
    debtor = town.debtor(mobile=False, landline=True)
    campaign = running(session, town, night(2026, 11, 2))
    met = {"party": "debtor", "outcome": "reissue_slip"}
    town.attempt(debtor, Channel.OPERATOR_CALL, night(2026, 11, 10) + timedelta(hours=8), "answered", **met)
    plan(session, campaign.id, night(2026, 11, 20))
    row = session.scalars(select(ChannelAssignment)).one()
    assert (row.channel, row.reason_codes) == ("none", ["done_contact"])
    plan(session, campaign.id, night(2026, 12, 1))  # the next cycle is known before it is opened
    session.refresh(row)
    assert (row.channel, row.reason_codes) == ("operator_call", ["reached_before"])


def test_a_plan_of_before_the_cycle_is_made_anew_even_when_the_turn_was_all_that_was_done(office_id: int) -> None:
    """A process that dies between turning and planning leaves it to the next run, and a third run does nothing."""
    from callcenter.core.clock import utc_now
    from callcenter.core.db import transaction

    now = utc_now()
    with transaction(office_id) as session:
        town = Town(session)
        town.debtor(mobile=False, landline=True)
        campaign = running(session, town, now)
        plan(session, campaign.id, now - 40 * DAY)
        campaign_id = campaign.id
        turn(session, campaign_id, now)
        assert is_planned_before_its_cycle(session, campaign_id)
    for _ in range(2):
        jobs.turn_cycles(office_id)
        with transaction(office_id) as session:
            assert not is_planned_before_its_cycle(session, campaign_id)
            assert len(session.scalars(select(WorkItem)).all()) == 1


def test_a_turn_that_is_interrupted_leaves_nothing(session: Session, town: Town) -> None:
    campaign = running(session, town)
    nested = session.begin_nested()
    turn(session, campaign.id, night(2026, 12, 1))
    nested.rollback()
    session.expire_all()
    assert cycles(session, campaign) == [(1, "11-01", "11-30", "open")]
    assert turn(session, campaign.id, night(2026, 12, 1)) == Turned((2,), (1,), 0)


def test_the_plan_knows_the_cycle_that_will_be_opened(session: Session, town: Town) -> None:
    campaign = running(session, town)
    coming = position_at(session, campaign, night(2027, 1, 5)).cycle
    turn(session, campaign.id, night(2027, 1, 5))
    opened = position_at(session, campaign, night(2027, 1, 5)).cycle
    assert coming == opened == Cycle(3, date(2027, 1, 1), date(2027, 1, 31), date(2027, 1, 1), date(2027, 1, 1))


settings = st.builds(
    CycleSettings,
    days=st.sampled_from([0, 0, 7, 10, 30, 90]),
    start_day=st.integers(1, 28),
    restart=st.sampled_from(Restart),
    history_days=st.integers(0, 90),
)
days = st.dates(date(2020, 1, 1), date(2030, 12, 31))


@given(settings, days, days)
def test_every_day_lies_in_one_period(chosen: CycleSettings, anchor: date, day: date) -> None:
    starts, ends = period_of(chosen, anchor, day)
    assert starts <= day <= ends
    assert period_of(chosen, anchor, ends + DAY)[0] == ends + DAY
    assert period_of(chosen, anchor, starts - DAY)[1] == starts - DAY
    assert 28 <= (ends - starts).days + 1 <= 31 or (ends - starts).days + 1 == chosen.days


@given(settings, settings, days, st.integers(0, 800))
def test_cycles_follow_each_other_without_gaps_even_when_settings_change(
    first: CycleSettings, then: CycleSettings, day: date, later: int
) -> None:
    one = first_cycle(first, day)
    assert one.starts_on <= day <= one.ends_on
    two = cycle_after(then, one)
    assert (two.number, two.starts_on) == (2, one.ends_on + DAY)
    found = cycle_on(then, one, day + later * DAY)
    assert found.starts_on <= day + later * DAY <= found.ends_on
    assert found.before_from <= found.counts_from <= found.starts_on
