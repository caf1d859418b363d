"""What the carrier told, on record: append-only, each happening once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dialer.calls.models import CallEvent
from dialer.telephony.events import CarrierEvent


def note_events(session: Session, told: Sequence[tuple[int, CarrierEvent]]) -> set[tuple[int, str]]:
    """Puts events on record by their calls' numbers; those that were not there before, by call and key."""
    if not told:
        return set()
    rows = [
        {"call_id": call_id, "event_key": event.key, "kind": event.kind.value, "at": event.at, "detail": _detail(event)}
        for call_id, event in told
    ]
    unique = ["office_id", "call_id", "event_key"]
    new = insert(CallEvent).on_conflict_do_nothing(index_elements=unique).returning(CallEvent.call_id, CallEvent.event_key)
    return {(call_id, key) for call_id, key in session.execute(new, rows)}


def _detail(event: CarrierEvent) -> dict[str, Any]:
    return {
        name: value
        for name, value in (
            ("line_result", event.line_result),
            ("cause", event.cause),
            ("sip_code", event.sip_code),
            ("digit", event.digit),
            ("node", event.node),
            ("step", event.step or None),
        )
        if value is not None
    }
