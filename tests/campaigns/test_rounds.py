"""Rounds of automated calls, which number gets which attempt, and what becomes of an item when its step is used up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.attempts.codes import Channel, LineResult
from campaigns.attempts.models import Attempt
from campaigns.attempts.numbers import choices_for
from campaigns.attempts.phones import pick_phone
from campaigns.attempts.service import open_attempt, record_line_result
from campaigns.debtors.models import Debtor, PhoneNumber
from campaigns.messages.batches import prepare_batch
from campaigns.planning.models import Campaign
from campaigns.planning.service import plan, set_status
from campaigns.planning.state import CampaignStatus
from campaigns.worklist.claim import claim
from campaigns.worklist.fill import fill
from campaigns.worklist.models import WorkItem
from tests.campaigns.town import JST, NOW, Town

DAY = timedelta(days=1)
NIGHT = NOW.replace(hour=2)


def running(session: Session, town: Town, name: str = "秋", **options: Any) -> Campaign:
    return set_status(session, town.campaign(name, options=options).id, CampaignStatus.RUNNING, NOW)


def test_the_second_round_is_prepared_for_another_part_of_the_day(session: Session, town: Town) -> None:
    fresh, again, reacted, met = (town.debtor() for _ in range(4))
    for debtor in (fresh, again, reacted, met):
        town.attempt(debtor, Channel.SMS, NOW - 9 * DAY, None)
    town.attempt(again, Channel.AUTO_CALL, NOW - 2 * DAY, "machine")
    town.attempt(reacted, Channel.AUTO_CALL, NOW - 2 * DAY, "answered", party="unknown", outcome="no_result", robocall_keys="9")
    town.attempt(met, Channel.AUTO_CALL, NOW - 2 * DAY, "answered", party="unknown", outcome="no_result")
    campaign = running(session, town)
    plan(session, campaign.id, NIGHT)
    assert prepare_batch(session, campaign.id, Channel.AUTO_CALL, NIGHT).prepared == 3
    items = {item.debtor_id: item for item in session.scalars(select(WorkItem))}
    found = {d.id: (items[d.id].round, items[d.id].step, f"{items[d.id].not_before.astimezone(JST):%d %H:%M}") for d in (fresh, again, met)}
    assert found == {fresh.id: (1, 2, "18 09:00"), again.id: (2, 2, "18 12:00"), met.id: (2, 2, "18 12:00")}
    assert reacted.id not in items


def test_a_batch_leaves_out_whose_budget_is_used_up(session: Session, town: Town) -> None:
    debtor = town.debtor()
    for n in (9, 8):
        town.attempt(debtor, Channel.SMS, NOW - n * DAY, None)
    campaign = running(session, town, ladder={"max_attempts": 2, "steps": [{"channel": "sms", "attempts": 9}]})
    session.flush()
    plan(session, campaign.id, NIGHT)
    campaign.options = {"ladder": {"max_attempts": 3, "steps": [{"channel": "sms", "attempts": 9}]}}
    plan(session, campaign.id, NIGHT)
    campaign.options = {"ladder": {"max_attempts": 2, "steps": [{"channel": "sms", "attempts": 9}]}}
    session.flush()
    result = prepare_batch(session, campaign.id, Channel.SMS, NIGHT)
    assert (result.prepared, result.reasons) == (0, {"cycle_budget": 1})


def numbers_used(session: Session, town: Town, campaign: Campaign, debtor: Debtor, attempts: int) -> list[str]:
    """The kinds of the numbers that one attempt after the other would go to."""
    plan(session, campaign.id, NIGHT)
    fill(session, campaign.id, NIGHT)
    item = session.scalars(select(WorkItem).where(WorkItem.debtor_id == debtor.id)).one()
    used = []
    for n in range(attempts):
        now = NOW + n * DAY
        phone = pick_phone(session, debtor.id, Channel.OPERATOR_CALL, now - 30 * DAY, choice=choices_for(session, [item], now)[0])
        assert phone is not None
        used.append(phone.line_type)
        town.attempt(debtor, Channel.OPERATOR_CALL, now, phone_id=phone.id)
        item.tries += 1
    return used


@pytest.mark.parametrize(
    ("ladder", "used"),
    [
        ({"numbers": "landline_first"}, ["fixed", "mobile", "fixed", "mobile"]),
        ({"numbers": "mobile_first"}, ["mobile", "fixed", "mobile", "fixed"]),
        ({"numbers": "listed"}, ["mobile", "fixed", "mobile", "fixed"]),
        (
            {"steps": [{"channel": "operator_call", "attempts": 4, "lines": ["landline", "mobile", "mobile"]}]},
            ["fixed", "mobile", "mobile", "mobile"],
        ),
    ],
)
def test_which_number_gets_which_attempt(session: Session, town: Town, ladder: dict[str, Any], used: list[str]) -> None:
    debtor = town.debtor(mobile=False, landline=False)
    town.phone(debtor, "+819011112222", "mobile", position=1)
    town.phone(debtor, "+81311112222", "fixed", position=2)
    ladder = {"steps": [{"channel": "operator_call", "attempts": 4}], **ladder}
    assert numbers_used(session, town, running(session, town, ladder=ladder), debtor, 4) == used


def test_the_number_most_likely_to_be_answered_at_this_hour(session: Session, town: Town) -> None:
    debtor = town.debtor(mobile=False)
    work = town.phone(debtor, "+81311112222", "fixed", position=1)
    mobile = town.phone(debtor, "+819011112222", "mobile", position=2)
    for n in range(6):
        morning, evening = NOW.replace(hour=10) - (20 + n) * DAY, NOW.replace(hour=16) - (20 + n) * DAY
        town.attempt(debtor, Channel.OPERATOR_CALL, morning, "answered", party="family", phone_id=work.id)
        town.attempt(debtor, Channel.OPERATOR_CALL, evening, "no_answer", phone_id=work.id)
        town.attempt(debtor, Channel.OPERATOR_CALL, morning, "no_answer", phone_id=mobile.id)
        town.attempt(debtor, Channel.OPERATOR_CALL, evening, "answered", party="debtor", phone_id=mobile.id)
    campaign = running(session, town, ladder={"numbers": "most_likely"})
    item = WorkItem(campaign_id=campaign.id, debtor_id=debtor.id, channel="operator_call", tries=0, step=0)

    def best(now: datetime) -> PhoneNumber | None:
        return pick_phone(session, debtor.id, Channel.OPERATOR_CALL, now - 30 * DAY, choice=choices_for(session, [item], now)[0])

    assert best(NOW.replace(hour=10)) is work
    assert best(NOW.replace(hour=16)) is mobile


def test_fax_tones_and_rejections_judge_the_number_as_the_rules_say(session: Session, town: Town) -> None:
    debtor = town.debtor(mobile=False, landline=True)
    campaign = running(session, town, retry={"fax": {"status_after": 1}})
    plan(session, campaign.id, NIGHT)
    fill(session, campaign.id, NIGHT)
    (item,) = claim(session, campaign.id, Channel.OPERATOR_CALL, 1, "test", NOW)
    phone = pick_phone(session, debtor.id, Channel.OPERATOR_CALL, NOW - 30 * DAY)
    attempt = open_attempt(session, item, phone, NOW, Channel.OPERATOR_CALL)
    record_line_result(session, attempt.id, LineResult.FAX, NOW)
    session.refresh(item)
    assert session.scalars(select(PhoneNumber.status)).all() == ["dead"]
    assert (item.state, item.reason) == ("done", "no_usable_number")


def test_a_call_that_failed_by_equipment_is_made_again_soon_and_uses_nothing_up(session: Session, town: Town) -> None:
    town.debtor(mobile=False, landline=True)
    campaign = running(session, town, ladder={"steps": [{"channel": "operator_call"}]})
    plan(session, campaign.id, NIGHT)
    fill(session, campaign.id, NIGHT)
    now = NOW
    for _ in range(2):
        (item,) = claim(session, campaign.id, Channel.OPERATOR_CALL, 1, "test", now)
        attempt = open_attempt(session, item, None, now, Channel.OPERATOR_CALL)
        record_line_result(session, attempt.id, LineResult.FAILED, now)
        session.refresh(item)
        assert (item.state, item.reason, item.not_before) == ("ready", "after_failed", now + timedelta(minutes=10))
        now = item.not_before
    (item,) = claim(session, campaign.id, Channel.OPERATOR_CALL, 1, "test", now)
    attempt = open_attempt(session, item, None, now, Channel.OPERATOR_CALL)
    record_line_result(session, attempt.id, LineResult.NO_ANSWER, now)
    session.refresh(item)
    assert (item.state, item.reason) == ("done", "ladder_end")
    assert session.scalars(select(Attempt.line_result).order_by(Attempt.id)).all() == ["failed", "failed", "no_answer"]
