"""Offices for a run: each with its own debtors, a campaign and a prepared batch of messages through the described provider."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

import callcenter.tables  # noqa: F401 - all tables are known, as in every process of ours
from callcenter.auth.models import Office
from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel
from campaigns.compliance.models import ContactPolicyVersion
from campaigns.compliance.presets import to_document, training
from campaigns.debtors.models import Debt, Debtor, PhoneNumber
from campaigns.messages.batches import prepare_batch
from campaigns.messages.models import Batch
from campaigns.messages.senders import choice
from campaigns.planning.service import create_campaign, plan, set_status
from campaigns.planning.state import CampaignStatus

DOCUMENT = """
name = "soak"
segments_per_second = {rate}
timeout_seconds = {timeout}
[auth]
kind = "basic"
[request]
path = "/v1/messages"
success = [202]
[request.fields]
"message.phoneNumber" = "{{to_national}}"
"message.text" = "{{text}}"
userReference = "{{reference}}"
statusCallback = "{{callback}}"
[answer]
id = "messageId"
error = "errorCode"
[answer.errors]
"E102" = "not_mobile"
"E201" = "credential_refused"
"E301" = "rate_limited"
[callback]
reference = "userReference"
id = "messageId"
state = "status"
error = "errorCode"
[callback.states]
sent = "accepted"
delivered = "delivered"
undeliverable = "undelivered"
[callback.errors]
"D11" = "handset_off"
[callback.auth]
kind = "hmac"
timestamp_header = "X-Timestamp"
[status]
path = "/v1/messages"
items = "messages"
reference = "userReference"
id = "messageId"
state = "status"
[status.fields]
userReference = "{{reference}}"
[reply]
id = "replyId"
number = "from"
text = "text"
"""


def document(rate: float, timeout: float) -> str:
    """The provider's description."""
    return DOCUMENT.format(rate=float(rate), timeout=float(timeout))


def make_office(number: int, debtors: int, described: str, first_phone: int) -> int:
    """One office with a batch that is ready to be released; returns its id."""
    now = datetime.now(UTC)
    with transaction(None) as session:
        office = Office(code=f"soak-{number}", name=f"架空{number}市", desk_name="納税コールセンター", phone="+81300000000")
        session.add(office)
        session.flush()
        office_id = office.id
    with transaction(office_id) as session:
        choice.choose(session, "gateway", described, None, now)
        policy = ContactPolicyVersion(version=1, document=to_document(training()), is_active=True, created_at=now, activated_at=now)
        session.add(policy)
        _add_people(session, debtors, first_phone)
        campaign = create_campaign(session, "soak", now)
        plan(session, campaign.id, now)
        set_status(session, campaign.id, CampaignStatus.RUNNING, now)
        campaign_id = campaign.id
    with transaction(office_id) as session:
        result = prepare_batch(session, campaign_id, Channel.SMS, now)
        assert result.prepared == debtors, result
        session.execute(update(Batch).values(release_until=now + timedelta(days=1)))  # also a run across midnight has one window
    return office_id


def _add_people(session: Session, debtors: int, first_phone: int) -> None:
    due = date.today() - timedelta(days=80)  # noqa: DTZ011 - any day of the past
    people = session.scalars(
        insert(Debtor).returning(Debtor.id, sort_by_parameter_order=True),
        [{"debtor_no": f"{n:010d}", "name": "見本 佳代"} for n in range(debtors)],
    ).all()
    debts = [
        {
            "debtor_id": person,
            "tax_code": "10",
            "levy_year": due.year,
            "base_year": due.year,
            "term": 1,
            "notice_no": f"{n:08d}",
            "due_on": due,
            "assessed": 38_500,
            "outstanding": 38_500,
        }
        for n, person in enumerate(people)
    ]
    session.execute(insert(Debt), debts)
    phones = [
        {"debtor_id": person, "original": number, "e164": number, "line_type": "mobile"}
        for person, number in zip(people, (f"+8190{10_000_000 + first_phone + n:08d}" for n in range(debtors)), strict=True)
    ]
    session.execute(insert(PhoneNumber), phones)
