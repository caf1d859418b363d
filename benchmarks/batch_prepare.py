"""Preparing a batch with finished texts against a bare INSERT … SELECT of the same bytes into the same table.

    python -m benchmarks.batch_prepare [--full] [--json]

Everybody of a town gets a message: chosen, asked at the gate, written with text, reference and place in the window. The peer inserts the
rows that were just prepared once more, with nothing to decide. Both take turns and must have written the same number of bytes. The same is
done with a text that is made person by person. The process' memory is compared with what it was after a tenth of the people.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, text

from benchmarks.batch_town import settle
from benchmarks.scratch import database
from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel
from campaigns.messages.batches import prepare_batch
from campaigns.messages.models import Template

NIGHT = datetime(2026, 11, 17, 17, 30, tzinfo=UTC)
QUICK, FULL = 10_000, 1_000_000
QUICK_PAIRS, FULL_PAIRS = 5, 3
CHOOSE = "UPDATE channel_assignment SET channel = CASE WHEN debtor_id <= :n THEN 'sms' ELSE 'none' END"
PERSONAL = "{{ name }}様 {{ office_name }}です。{{ letter_date }}にお送りした封書をご覧ください。{{ callback_number }}"
COLUMNS = "office_id, batch_id, debtor_id, phone_id, e164, template_id, body, segments, reference, not_before, updated_at"
BARE = f"INSERT INTO message ({COLUMNS}) SELECT {COLUMNS} FROM kept"
BYTES = "SELECT count(*), sum(octet_length(body) + octet_length(reference) + octet_length(e164)) FROM message"
EMPTY = "TRUNCATE message, compliance_check, compliance_decision CASCADE"


def run(quick: bool = True) -> dict[str, Any]:
    """Measures; ratios are medians of pairs with their range."""
    people = QUICK if quick else FULL
    pairs = QUICK_PAIRS if quick else FULL_PAIRS
    with database() as engine:
        office_id, campaign_id = settle(engine, people, NIGHT)
        _choose(engine, people // 10)
        _prepare(engine, office_id, campaign_id)
        before = _peak()  # kilobytes
        _choose(engine, people)
        same = [_pair(engine, office_id, campaign_id, people) for _ in range(pairs)]
        _make_personal(office_id, campaign_id)
        personal = [_pair(engine, office_id, campaign_id, people) for _ in range(pairs)]
    return {
        "people": people,
        "ratio_same_text": _spread(same),
        "ratio_personal_text": _spread(personal),
        "seconds_same_text": _seconds(same),
        "seconds_personal_text": _seconds(personal),
        "prepared_per_second": people / statistics.median(ours for ours, _ in same),
        "memory_mb": _peak() / 1024,
        "memory_ratio": _peak() / before,
    }


def _pair(engine: Engine, office_id: int, campaign_id: int, people: int) -> tuple[float, float]:
    """Seconds of ours and of the peer."""
    ours = _prepare(engine, office_id, campaign_id)
    with engine.begin() as connection:
        count, size = connection.execute(text(BYTES)).one()
        assert count == people, count
        connection.execute(text("DROP TABLE IF EXISTS kept"))
        connection.execute(text("CREATE TABLE kept AS SELECT * FROM message"))
        connection.execute(text("TRUNCATE message CASCADE"))
    _rest(engine)
    began = time.perf_counter()
    with engine.begin() as connection:
        connection.execute(text(BARE))
    bare = time.perf_counter() - began
    with engine.begin() as connection:
        assert tuple(connection.execute(text(BYTES)).one()) == (count, size)
    return ours, bare


def _prepare(engine: Engine, office_id: int, campaign_id: int) -> float:
    with engine.begin() as connection:
        connection.execute(text(EMPTY))
    _rest(engine)
    began = time.perf_counter()
    with transaction(office_id) as session:
        prepare_batch(session, campaign_id, Channel.SMS, NIGHT)
    return time.perf_counter() - began


def _choose(engine: Engine, people: int) -> None:
    with engine.begin() as connection:
        connection.execute(text(CHOOSE), {"n": people})
    _rest(engine, "VACUUM ANALYZE channel_assignment")


def _rest(engine: Engine, *statements: str) -> None:
    """What was written before is on disk: neither side pays for it."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in (*statements, "CHECKPOINT"):
            connection.execute(text(statement))


def _make_personal(office_id: int, campaign_id: int) -> None:
    with transaction(office_id) as session:
        session.add(Template(code="personal", body=PERSONAL, created_at=NIGHT))
        session.execute(text('UPDATE campaign SET options = \'{"template": "personal"}\' WHERE id = :id'), {"id": campaign_id})


def _spread(pairs: list[tuple[float, float]]) -> dict[str, float]:
    ratios = [ours / bare for ours, bare in pairs]
    return {"median": statistics.median(ratios), "from": min(ratios), "to": max(ratios)}


def _seconds(pairs: list[tuple[float, float]]) -> dict[str, float]:
    return {"ours": statistics.median(ours for ours, _ in pairs), "bare": statistics.median(bare for _, bare in pairs)}


def _peak() -> float:
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main() -> None:
    """Runs it alone."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--full", action="store_true")
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    print(json.dumps(run(quick=not given.full), indent=None if given.json else 2))


if __name__ == "__main__":
    main()
