"""What accounts keep for a while only. The audit trail is not among it: it can only grow."""

from __future__ import annotations

from callcenter.auth.models import IdempotencyKey, UserSession
from callcenter.core.live import LiveEvent
from callcenter.core.retention import Kind

KINDS = (
    Kind("sessions", UserSession, UserSession.last_seen_at, days=90, least=1),  # the longest session ends after half a day
    Kind("repeats", IdempotencyKey, IdempotencyKey.at, days=7, least=1),
    Kind("live_events", LiveEvent, LiveEvent.at, days=2, least=1),
)
