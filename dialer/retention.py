"""What the dialer keeps for a while only, beside recordings, and the job that forgets everything whose time is over."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from callcenter.auth import audit
from callcenter.auth.models import Office
from callcenter.auth.retention import KINDS as OF_ACCOUNTS
from callcenter.core.clock import utc_now
from callcenter.core.db import office_of, transaction
from callcenter.core.retention import Kind, days_of, forget_some
from campaigns.retention import KINDS as OF_CAMPAIGNS
from dialer.calls.models import CallEvent, CarrierInbox
from dialer.controls.models import LineOrder

log = structlog.get_logger(__name__)


def empty_webhooks(session: Session, ids: Sequence[int]) -> None:
    """Of a carrier's webhook the key stays, so that a repetition is still known; what it said goes."""
    session.execute(update(CarrierInbox).where(CarrierInbox.id.in_(ids)).values(payload={}))


KINDS: tuple[Kind, ...] = (
    *OF_CAMPAIGNS,
    Kind(
        "carrier_reports",
        CarrierInbox,
        CarrierInbox.received_at,
        days=180,
        least=30,
        also=CarrierInbox.processed_at.is_not(None) & (CarrierInbox.payload != {}),
        forget=empty_webhooks,
    ),
    # Nothing asks for them later than a word of the carrier may still come; the call, its result and its consultations stay.
    Kind("call_events", CallEvent, CallEvent.at, days=180, least=30),
    Kind("line_orders", LineOrder, LineOrder.asked_at, days=180, least=30),
    *OF_ACCOUNTS,
)


def forget_old(office_id: int) -> dict[str, int]:
    """Forgets what is older than the office keeps it, in portions; returns how much of each kind went."""
    gone: dict[str, int] = {}
    for kind in KINDS:
        removed = 1
        while removed:
            now = utc_now()
            with transaction(office_id) as session:
                options = session.scalars(select(Office.options).where(Office.id == office_of(session))).one()
                removed = forget_some(session, kind, now, days_of(kind, options))
            gone[kind.name] = gone.get(kind.name, 0) + removed
    gone = {name: count for name, count in gone.items() if count}
    if gone:
        with transaction(office_id) as session:
            audit.record(session, "retention.done", "office", office_id, None, "", gone, utc_now())
        log.info("old_data_forgotten", office_id=office_id, **gone)
    return gone
