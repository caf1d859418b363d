"""Storing many reports of an office in one statement: a report that is there already is left as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of

LONGEST_KEY, LONGEST_VALUE, MOST_FIELDS = 160, 2_000, 60

_KEEP = text(
    """
    INSERT INTO message_inbox (office_id, source, kind, event_key, payload, received_at)
    SELECT o.id, r.source, r.kind, r.event_key, r.payload::jsonb, r.received_at
    FROM office o, unnest(CAST(:sources AS text[]), CAST(:kinds AS text[]), CAST(:keys AS text[]), CAST(:payloads AS text[]),
                          CAST(:moments AS timestamptz[])) AS r (source, kind, event_key, payload, received_at)
    WHERE o.id = :office
    ON CONFLICT (office_id, source, event_key) DO NOTHING
    """
)


@dataclass(frozen=True, slots=True)
class Report:
    """A report or reply as it came: `payload` is text by field; `key` is the provider's own identity of this piece of news."""

    office_id: int
    source: str
    kind: str
    key: str
    payload: Mapping[str, str]
    received_at: datetime


def keep(session: Session, reports: Sequence[Report]) -> None:
    """Stores the reports of the transaction's office; nothing happens where there is no such office."""
    values = {
        "office": office_of(session),
        "sources": [report.source for report in reports],
        "kinds": [report.kind for report in reports],
        "keys": [storable(report.key)[:LONGEST_KEY] for report in reports],
        "payloads": [_document(report.payload) for report in reports],
        "moments": [report.received_at for report in reports],
    }
    session.execute(_KEEP, values)


def storable(value: str) -> str:
    """A text that PostgreSQL takes: without the character 0 and without halves of surrogate pairs."""
    return value.replace("\x00", "").encode("utf-8", "replace").decode()


def _document(payload: Mapping[str, str]) -> str:
    pairs = list(payload.items())[:MOST_FIELDS]
    return json.dumps({storable(name)[:80]: storable(value)[:LONGEST_VALUE] for name, value in pairs}, ensure_ascii=False)
