"""The night and the morning as jobs: plan, fill, batches, release, settle, sync, each harmless when it runs twice."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from callcenter.auth.models import Office
from callcenter.core.clock import ManualClock, utc_now
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings
from campaigns import jobs
from campaigns.messages.models import Batch, Message
from campaigns.messages.senders import registry
from campaigns.planning.service import set_status
from campaigns.planning.state import CampaignStatus
from campaigns.sync.models import SyncAck
from campaigns.worklist.models import WorkItem
from tests.campaigns.town import Town


@pytest.fixture
def town_office(office_id: int) -> int:
    """A training office (always open) with a running campaign: ten mobiles, five landlines."""
    with transaction(office_id) as session:
        session.scalars(select(Office)).one().is_training = True
        town = Town(session)
        today = utc_now().date()
        for n in range(15):
            town.debtor(mobile=n < 10, landline=n >= 10, due=today - timedelta(days=80))
        campaign = town.campaign()
        set_status(session, campaign.id, CampaignStatus.RUNNING, utc_now())
    registry._opened.clear()
    return office_id


def counts(office_id: int) -> dict[str, int]:
    with transaction(office_id) as session:
        return {
            "items": session.scalar(select(func.count()).select_from(WorkItem)) or 0,
            "messages": session.scalar(select(func.count()).select_from(Message)) or 0,
            "batches": session.scalar(select(func.count()).where(Batch.prepared > 0)) or 0,
        }


def test_a_night_and_a_morning(town_office: int) -> None:
    for _ in range(2):
        jobs.prepare_night_batches(town_office)
    assert counts(town_office) == {"items": 5, "messages": 10, "batches": 1}
    clock = ManualClock(utc_now())
    sent = jobs.release_messages(town_office, clock=clock)
    assert sent + refused_by_provider(town_office) == 10
    assert jobs.release_messages(town_office, clock=clock) == 0
    log = get_settings().data_dir / "simulated" / f"sms-{town_office}.jsonl"
    references = [json.loads(line)["reference"] for line in log.read_text(encoding="utf-8").splitlines()]
    assert len(references) == len(set(references)) == sent
    log.unlink()
    jobs.settle_unknown_messages(town_office)
    jobs.sweep_claims(town_office)
    for _ in range(2):
        jobs.run_sync(town_office)
    with transaction(town_office) as session:
        assert session.scalar(select(func.count()).select_from(SyncAck)) == 10
    files = list((get_settings().data_dir / "sync" / "test").glob("*.csv"))
    assert len(files) == 1
    files[0].unlink()


def refused_by_provider(office_id: int) -> int:
    with transaction(office_id) as session:
        return session.scalar(select(func.count()).where(Message.state == "failed")) or 0
