"""An office with people to be called, for benchmarks of the whole dialer: never closed, one campaign that runs."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from campaigns.debtors.models import Debt, Debtor, PhoneNumber
from campaigns.planning.service import create_campaign, set_status
from campaigns.planning.state import CampaignStatus
from campaigns.worklist.models import WorkItem
from tests.telephony.rig import CALLER_ID
from tests.telephony.test_main_job import open_always


def open_office(code: str) -> tuple[int, int]:
    """The ids of an office and its campaign."""
    with transaction(None) as session:
        office = Office(code=code, name="架空市", phone=CALLER_ID)
        session.add(office)
        session.flush()
        office_id = office.id
    open_always(office_id)
    with transaction(office_id) as session:
        now = utc_now()
        campaign = create_campaign(session, "bench", now)
        set_status(session, campaign.id, CampaignStatus.RUNNING, now)
        return office_id, campaign.id


def add_person(session: Session, campaign_id: int, n: int, number: str, channel: str) -> None:
    """Somebody who owes, can be called at this number, and is to be."""
    now = utc_now()
    debtor = Debtor(debtor_no=f"{n:010d}", name="見本 佳代")
    session.add(debtor)
    session.flush()
    session.add(PhoneNumber(debtor_id=debtor.id, original=number, e164=number, line_type="mobile"))
    due = now.date() - timedelta(days=90)
    terms = {"tax_code": "10", "levy_year": 2026, "base_year": 2026, "term": 1, "due_on": due, "assessed": 9_000, "outstanding": 9_000}
    session.add(Debt(debtor_id=debtor.id, notice_no=f"{n:08d}", **terms))
    moments = {"not_before": now, "created_at": now, "updated_at": now}
    session.add(WorkItem(campaign_id=campaign_id, debtor_id=debtor.id, channel=channel, **moments))
