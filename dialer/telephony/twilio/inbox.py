"""Stored webhooks for the dialer: each is handed out until it was applied, and applying one twice is harmless."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import select, update

from callcenter.core.clock import Clock
from callcenter.core.db import transaction
from dialer.calls.models import CarrierInbox
from dialer.telephony.conversation import RECORDING
from dialer.telephony.events import CarrierEvent
from dialer.telephony.twilio.webhook import held_recording, parse_webhook

CARRIER = "twilio"
BATCH = 200


class StoredWebhooks:
    """Called by the carrier's `poll`: what it gave before has been applied by then and is marked so."""

    def __init__(self, clock: Clock, office_ids: Callable[[], Sequence[int]]) -> None:
        self._clock, self._office_ids = clock, office_ids
        self._given: dict[int, list[int]] = {}

    def __call__(self) -> Sequence[CarrierEvent]:
        events: list[CarrierEvent] = []
        for office_id in self._office_ids():
            events += self._take(office_id)
        return events

    def _take(self, office_id: int) -> list[CarrierEvent]:
        with transaction(office_id) as session:
            done = self._given.pop(office_id, [])
            if done:
                session.execute(update(CarrierInbox).where(CarrierInbox.id.in_(done)).values(processed_at=self._clock.now()))
            rows = session.scalars(
                select(CarrierInbox)
                .where(CarrierInbox.carrier == CARRIER, CarrierInbox.kind == "call", CarrierInbox.processed_at.is_(None))
                .order_by(CarrierInbox.id)
                .limit(BATCH)
            ).all()
            told = [row for row in rows if not _is_set_apart(row)]
            if told:
                self._given[office_id] = [row.id for row in told]
            parsed = [parse_webhook(row.payload, row.received_at) for row in told]
        return [event for event in parsed if event is not None]


def _is_set_apart(row: CarrierInbox) -> bool:
    """A report about a recording stays in the inbox for whoever keeps recordings (`dialer.recordings.fetching`), in our words."""
    if row.payload.get("event") != RECORDING:
        return False
    told = row.payload
    held = held_recording(told["CallSid"], told.get("RecordingSid", ""), told.get("RecordingStatus", ""))
    if held is not None:
        row.kind, row.payload = RECORDING, held.noted(told["ref"])
    return held is not None
