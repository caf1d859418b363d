"""A debtor's month as a table: what happened, and what the night's plan or the work item said then. An incident can be pasted in.

MM-DD HH:MM night                       => channel reason [until MM-DD]        turn, plan, fill, robocall batch
MM-DD HH:MM sms [result]                                                       a message went out
MM-DD HH:MM auto|operator RESULT [party outcome]  => state reason [MM-DD HH:MM]     a claimed call, and its item afterwards
MM-DD HH:MM idle auto|operator                                                 nothing can be claimed
MM-DD HH:MM pays YEN | promises MM-DD
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.attempts.codes import Channel, LineResult, Outcome, Party
from campaigns.attempts.phones import pick_phone
from campaigns.attempts.service import open_attempt, record_line_result, record_outcome
from campaigns.debtors.models import Debtor
from campaigns.messages.batches import prepare_batch
from campaigns.planning.models import Campaign
from campaigns.planning.position import facts_for, position_at
from campaigns.planning.service import plan, set_status
from campaigns.planning.state import CampaignStatus
from campaigns.planning.turning import turn
from campaigns.segmentation.models import ChannelAssignment
from campaigns.worklist.claim import claim
from campaigns.worklist.fill import fill
from campaigns.worklist.models import WorkItem
from tests.campaigns.town import JST, Town

CHANNELS = {"auto": Channel.AUTO_CALL, "operator": Channel.OPERATOR_CALL}


def moment(day: str, clock: str, year: int = 2026) -> datetime:
    return datetime.strptime(f"{year}-{day} {clock}", "%Y-%m-%d %H:%M").replace(tzinfo=JST)


@dataclass
class Month:
    """One debtor in one campaign."""

    session: Session
    town: Town
    debtor: Debtor
    campaign: Campaign

    def play(self, table: str) -> None:
        """Plays the rows; each must say what the table says."""
        for row in table.strip().splitlines():
            told, _, expected = (part.strip() for part in row.partition("=>"))
            day, clock, what, *words = told.split()
            found = getattr(self, what)(moment(day, clock), *words)
            assert (found or "") == expected, f"{told}: {found!r}, not {expected!r}"

    def night(self, now: datetime) -> str:
        turn(self.session, self.campaign.id, now)
        plan(self.session, self.campaign.id, now)
        fill(self.session, self.campaign.id, now)
        prepare_batch(self.session, self.campaign.id, Channel.AUTO_CALL, now)
        chosen = select(ChannelAssignment).where(ChannelAssignment.debtor_id == self.debtor.id)
        row = self.session.scalar(chosen.execution_options(populate_existing=True))
        if row is None:
            return "nothing owed"
        position = position_at(self.session, self.campaign, now)
        facts = facts_for(self.session, self.debtor.id, position, now)
        until = None if facts is None else position.told(facts)["until"]
        return f"{row.channel} {row.reason_codes[0]}" + (f" until {until:%m-%d}" if until and row.rule_code == "ladder" else "")

    def sms(self, now: datetime, result: str | None = None) -> None:
        self.town.attempt(self.debtor, Channel.SMS, now, result)

    def auto(self, now: datetime, *words: str) -> str:
        return self._call("auto", now, *words)

    def operator(self, now: datetime, *words: str) -> str:
        return self._call("operator", now, *words)

    def idle(self, now: datetime, which: str) -> None:
        assert claim(self.session, self.campaign.id, CHANNELS[which], 1, "test", now) == []

    def pays(self, now: datetime, yen: str) -> None:
        self.town.payment(self.debtor, int(yen), now.date())

    def promises(self, now: datetime, day: str) -> None:
        self.town.promise(self.debtor, moment(day, "00:00").date(), made=now)

    def _call(self, which: str, now: datetime, result: str, party: str = "", outcome: str = "") -> str:
        channel = CHANNELS[which]
        (item,) = claim(self.session, self.campaign.id, channel, 1, "test", now)
        phone = pick_phone(self.session, self.debtor.id, channel, now - timedelta(days=30))
        attempt = open_attempt(self.session, item, phone, now, channel)
        attempt.handed_over_at = now
        if party and channel is Channel.AUTO_CALL:
            record_outcome(self.session, attempt.id, Party(party), Outcome(outcome), now=now)
        record_line_result(self.session, attempt.id, LineResult(result), now)
        if party and channel is Channel.OPERATOR_CALL:
            attempt.verified_at = now
            record_outcome(self.session, attempt.id, Party(party), Outcome(outcome), now=now)
        row = self.session.scalars(select(WorkItem).where(WorkItem.id == item.id).execution_options(populate_existing=True)).one()
        again = f" {row.not_before.astimezone(JST):%m-%d %H:%M}" if row.state == "ready" else ""
        return f"{row.state} {row.reason}{again}"


def month(session: Session, town: Town, options: dict[str, Any] | None = None, **debtor: Any) -> Month:
    start = moment("11-02", "02:00")
    made = town.debtor(due=start.date() - timedelta(days=80), **debtor)
    campaign = town.campaign("11月", options=options)
    set_status(session, campaign.id, CampaignStatus.RUNNING, start)
    return Month(session, town, made, campaign)


# November 2026: the 3rd and the 23rd are holidays.
NOBODY_THERE = """
11-02 02:30 night => sms mobile_never_reached
11-02 09:00 sms
11-03 02:30 night => none waits_after_sms until 11-06
11-05 02:30 night => none waits_after_sms until 11-06
11-06 02:30 night => auto_call sms_without_effect
11-06 09:05 auto no_answer => done waits_for_next_round
11-07 02:30 night => none waits_for_next_round until 11-10
11-10 02:30 night => auto_call robocall_no_reaction
11-10 10:00 idle auto
11-10 12:00 auto machine => done waits_after_auto_call
11-11 02:30 night => none waits_after_auto_call until 11-12
11-12 02:30 night => operator_call sms_and_call_without_effect
11-12 09:30 operator no_answer => ready after_no_answer 11-16 15:00
11-13 02:30 night => operator_call sms_and_call_without_effect
11-16 14:59 idle operator
11-16 15:00 operator no_answer => ready after_no_answer 11-18 12:00
11-18 12:00 operator no_answer => done waits_after_operator_call
11-19 02:30 night => none waits_after_operator_call until 11-24
11-24 02:30 night => visit repeated_failures
11-30 02:30 night => visit repeated_failures
12-01 02:30 night => sms mobile_never_reached
"""
MET_ON_THE_LANDLINE = """
11-02 02:30 night => operator_call no_mobile
11-02 09:00 operator busy => ready after_busy 11-04 12:00
11-04 12:00 operator answered family callback_message_left => ready after_answered 11-06 15:00
11-05 02:30 night => operator_call reached_before
11-06 15:00 operator answered debtor reissue_slip => done reissue_slip
11-07 02:30 night => none done_contact
11-30 02:30 night => none done_contact
12-01 02:30 night => operator_call reached_before
"""
A_PROMISE_AND_A_PART = """
11-02 02:30 night => sms mobile_never_reached
11-02 09:00 sms
11-04 10:00 promises 11-10
11-06 02:30 night => none open_promise
11-12 10:00 pays 30000
11-18 02:30 night => operator_call broken_promise
"""
REACTED_TO_THE_ROBOCALL = """
11-02 02:30 night => sms mobile_never_reached
11-02 09:00 sms
11-06 02:30 night => auto_call sms_without_effect
11-06 09:05 auto answered unknown claims_paid => done claims_paid
11-07 02:30 night => none payment_claimed
11-21 02:30 night => operator_call robocall_reacted
"""
A_NUMBER_THAT_IS_NONE = """
11-02 02:30 night => operator_call no_mobile
11-02 09:00 operator unobtainable => done no_usable_number
11-03 02:30 night => visit no_usable_number
"""
MESSAGES_THAT_FAIL = """
11-02 02:30 night => sms mobile_never_reached
11-02 09:00 sms failed
11-03 02:30 night => sms mobile_never_reached
11-04 09:00 sms failed
11-05 02:30 night => auto_call sms_undelivered
"""


def test_nobody_there_from_the_first_sms_to_the_visit(session: Session, town: Town) -> None:
    month(session, town).play(NOBODY_THERE)


@pytest.mark.parametrize(
    ("table", "debtor"),
    [
        (MET_ON_THE_LANDLINE, {"mobile": False, "landline": True}),
        (A_PROMISE_AND_A_PART, {}),
        (REACTED_TO_THE_ROBOCALL, {}),
        (A_NUMBER_THAT_IS_NONE, {"mobile": False, "landline": True}),
        (MESSAGES_THAT_FAIL, {}),
    ],
)
def test_months(session: Session, town: Town, table: str, debtor: dict[str, Any]) -> None:
    month(session, town, **debtor).play(table)


def test_an_office_whose_cycle_ends_with_the_tax_officers(session: Session, town: Town) -> None:
    options = {
        "cycle": {"days": 14},
        "ladder": {"steps": [{"channel": "sms"}], "at_end": "tax_officer", "end_wait_days": 2, "in_business_days": False},
    }
    month(session, town, options).play(
        """
11-02 02:30 night => sms mobile_never_reached
11-02 09:00 sms
11-03 02:30 night => none waits_at_end until 11-04
11-04 02:30 night => tax_officer ladder_end_tax_officer
11-16 02:30 night => sms mobile_never_reached
""".replace("mobile_never_reached", "ladder_begin")
    )
