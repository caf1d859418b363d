"""One person's budget per cycle, with processes that claim at once for two operators' campaigns, a robocall campaign and a batch of SMS."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from callcenter.auth.models import Office
from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel, LineResult
from campaigns.attempts.models import Attempt
from campaigns.attempts.service import record_line_result
from campaigns.messages.batches import prepare_batch
from campaigns.messages.models import Message
from campaigns.messages.release import release_step
from campaigns.messages.senders.simulated import SimulatedSender
from campaigns.planning.models import Campaign
from campaigns.planning.service import create_campaign, plan, set_status
from campaigns.planning.state import CampaignStatus
from campaigns.worklist.claim import claim
from campaigns.worklist.models import WorkItem
from dialer.cases import next_case, open_case
from tests.dialer.world import MORNING, add_debtor, add_work

DEBTORS, PROCESSES, BUDGET = 10, 3, 2
NOW = MORNING + timedelta(minutes=30)
CALLS = (("one", Channel.OPERATOR_CALL), ("two", Channel.OPERATOR_CALL), ("robo", Channel.AUTO_CALL))
# Without a ladder's step an item only ends when its tries or the budget are used up.
OPTIONS: dict[str, Any] = {
    "ladder": {"max_attempts": BUDGET, "steps": [{"channel": "sms", "attempts": 9}]},
    "retry": {"no_answer": {"soon": 9}},
}


def settle_office(office_id: int) -> dict[str, int]:
    """A training office (always open, wide caps), so that nothing but the budget can refuse; returns its campaigns."""
    with transaction(None) as session:
        session.scalars(select(Office)).one().is_training = True
    with transaction(office_id) as session:
        debtors = [add_debtor(session, n) for n in range(1, DEBTORS + 1)]
        session.flush()
        found = {}
        for name, channel in (*CALLS, ("sms", Channel.SMS)):
            campaign = create_campaign(session, name, MORNING, options=OPTIONS)
            set_status(session, campaign.id, CampaignStatus.RUNNING, MORNING)
            found[name] = campaign.id
            if channel is not Channel.SMS:
                add_work(session, campaign.id, [debtor.id for debtor in debtors], channel)
        plan(session, found["sms"], MORNING)
        assert prepare_batch(session, found["sms"], Channel.SMS, MORNING).prepared == DEBTORS
        return found


def work(office_id: int, campaigns: dict[str, int], turn: int) -> None:
    """What one process does: claims wherever there is work, over some hours, as fast as it can."""
    print("ready", flush=True)
    sys.stdin.readline()
    names = [CALLS[(turn + n) % len(CALLS)] for n in range(len(CALLS))]
    sender = SimulatedSender(lambda: NOW)
    for hour in range(8):
        now = NOW + timedelta(hours=2 * hour)
        for name, channel in names:
            while True:
                with transaction(office_id) as session:
                    case = next_case(session, campaigns[name], channel, f"process{turn}", now)
                    if case is None:
                        break
                    attempt = open_case(session, case, channel, now)
                    attempt.handed_over_at = now
                    session.flush()
                    record_line_result(session, attempt.id, LineResult.NO_ANSWER, now)
            while release_step(lambda: transaction(office_id), sender, now, limit=2).has_more:
                pass


def test_no_budget_is_passed_twice_whoever_claims(office_id: int, database_url: str) -> None:
    campaigns = settle_office(office_id)
    command = "import json, sys; from tests.dialer.test_budget_in_parallel import work; work(*json.loads(sys.argv[1]))"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", command, json.dumps([office_id, campaigns, turn])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for turn in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:  # all at once
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, told = process.communicate(timeout=120)
        assert process.returncode == 0, told[-2000:]
    with transaction(office_id) as session:
        rows = session.execute(select(Attempt.debtor_id, Attempt.channel, Attempt.work_item_id)).all()
        by_person = Counter(row.debtor_id for row in rows)
        left = session.scalars(select(WorkItem.reason).where(WorkItem.state == "withdrawn")).all()
        messages = session.scalars(select(Message.state)).all()
        assert session.scalars(select(WorkItem.id).where(WorkItem.state == "claimed")).all() == []
        assert session.scalars(select(Campaign.id)).all()
    assert by_person == dict.fromkeys(by_person, BUDGET)
    assert len(by_person) == DEBTORS
    assert set(left) == {"cycle_budget"}
    assert "ready" not in messages
    assert "claimed" not in messages


def test_a_person_whom_another_transaction_holds_is_passed_over_until_that_one_is_on_record(office_id: int) -> None:
    campaigns = settle_office(office_id)
    with transaction(office_id) as session:
        session.execute(update(WorkItem).where(WorkItem.debtor_id > 1).values(state="done"))
        session.execute(update(Campaign).values(options=OPTIONS | {"ladder": OPTIONS["ladder"] | {"max_attempts": 1}}))
    with transaction(office_id) as first:
        case = next_case(first, campaigns["one"], Channel.OPERATOR_CALL, "first", NOW)
        assert case is not None
        open_case(first, case, Channel.OPERATOR_CALL, NOW)
        with transaction(office_id) as second:
            assert claim(second, campaigns["two"], Channel.OPERATOR_CALL, 5, "second", NOW) == []
            assert second.scalars(select(WorkItem.state).where(WorkItem.campaign_id == campaigns["two"], WorkItem.state == "ready")).all()
    with transaction(office_id) as second:
        assert claim(second, campaigns["two"], Channel.OPERATOR_CALL, 5, "second", NOW) == []
        reasons = second.scalars(select(WorkItem.reason).where(WorkItem.campaign_id == campaigns["two"], WorkItem.debtor_id == 1)).all()
        assert reasons == ["cycle_budget"]


def test_a_callback_the_debtor_asked_for_is_beyond_the_budget(office_id: int) -> None:
    campaigns = settle_office(office_id)
    with transaction(office_id) as session:
        item = session.scalars(select(WorkItem).where(WorkItem.campaign_id == campaigns["one"]).order_by(WorkItem.id).limit(1)).one()
        for hour in range(BUDGET):
            at: datetime = NOW - timedelta(hours=hour + 2)
            session.add(Attempt(debtor_id=item.debtor_id, channel="sms", state="closed", began_at=at, handed_over_at=at))
        item.is_callback, item.priority = True, 0
        session.flush()
        first = next_case(session, campaigns["one"], Channel.OPERATOR_CALL, "test", NOW)
        assert first is not None
        assert first.item.id == item.id
        other = session.scalars(
            select(WorkItem).where(WorkItem.campaign_id == campaigns["two"], WorkItem.debtor_id == item.debtor_id)
        ).one()
        while next_case(session, campaigns["two"], Channel.OPERATOR_CALL, "test", NOW) is not None:
            pass
        session.refresh(other)
        assert (other.state, other.reason) == ("withdrawn", "cycle_budget")
