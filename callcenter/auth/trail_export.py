"""The audit trail taken out of the database: rows, seals and public key as files that a separate program can judge."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import AuditEvent, AuditSeal
from callcenter.auth.sealing import FIELDS, as_line

EVENTS, SEALS, KEY = "events.jsonl", "seals.jsonl", "audit-seal.pub"
SEAL_FIELDS = ("office_id", "number", "from_txid", "to_txid", "after_id", "events", "root", "chain", "key_id", "signature")


def export_trail(session: Session, folder: Path, public: bytes) -> tuple[int, int]:
    """Writes this office's rows and seals into `folder`; how many of each."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    rows = 0
    columns = [getattr(AuditEvent, name) for name in FIELDS]
    with (folder / EVENTS).open("w", encoding="utf-8") as out:
        for event in session.execute(select(*columns).order_by(AuditEvent.id)).yield_per(5_000):
            out.write(as_line(event) + "\n")
            rows += 1
    seals = session.scalars(select(AuditSeal).order_by(AuditSeal.number)).all()
    with (folder / SEALS).open("w", encoding="ascii") as out:
        for seal in seals:
            told = {name: getattr(seal, name) for name in SEAL_FIELDS}
            told["sealed_at"] = seal.sealed_at.astimezone(UTC).isoformat(timespec="microseconds")
            out.write(json.dumps(told, sort_keys=True) + "\n")
    (folder / KEY).write_text(public.hex() + "\n", encoding="ascii")
    return rows, len(seals)
