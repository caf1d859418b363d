"""The months before the demo's list, loaded through the same doors as an office's files, at the moments at which they would have come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from callcenter.commands.sampling import debts as lists
from callcenter.commands.sampling import payments as postings
from callcenter.commands.sampling.draws import Draws
from callcenter.commands.sampling.past import EFFECT, POSTED, past, totals_csv
from callcenter.commands.sampling.people import debtors
from callcenter.commands.sampling.writing import write_frame
from callcenter.core.clock import OFFICE_ZONE
from callcenter.core.db import office_of, transaction
from callcenter.core.eras import fiscal_year
from campaigns.imports.models import ImportFile
from reports.collection.effect import effect_of
from reports.collection.models import CollectionEffect
from reports.collection.totals_file import read_totals, store_totals

Load = Callable[[int, str, Path, date, datetime], None]
"""Imports a file of a kind with the date it is as of, at a moment."""
EVENING = time(20)


def load_past(office_id: int, folder: Path, *, size: int, seed: int, listed: date, now: datetime, load: Load) -> None:
    """An earlier list, each month's payments against it, and the office's monthly totals; nothing where the list of `listed` is in."""
    if _has_list(office_id, listed):
        return
    folder.mkdir(parents=True, exist_ok=True)
    today = listed + timedelta(days=1)
    draws = Draws(seed)
    people = debtors(draws, size, listed)
    before = past(draws, lists.installments(draws, people, listed), today)
    earlier = folder / f"debts-{before.listed}.csv"
    write_frame(earlier, lists.written_list(draws, people, before.debts, before.listed), "cp932")
    load(office_id, "debts", earlier, before.listed, _evening(before.listed))
    for month in before.months:
        file = folder / f"payments-{month:%Y-%m}.csv"
        write_frame(file, postings.written_payments(before.payments(draws, month)), "cp932")
        load(office_id, "payments", file, month + POSTED, _evening(month + POSTED))
    totals, problems = read_totals(totals_csv(today))
    assert not problems, problems
    with transaction(office_id) as session:
        store_totals(session, totals, None, now)
        year = fiscal_year(before.months[-1])
        if effect_of(session, year) is None:
            session.add(CollectionEffect(fiscal_year=year, **EFFECT, updated_at=now))


def _has_list(office_id: int, listed: date) -> bool:
    with transaction(office_id) as session:
        wanted = select(ImportFile.id).where(ImportFile.kind == "debts", ImportFile.as_of >= listed, ImportFile.status == "done")
        return session.scalar(wanted.limit(1)) is not None


def _evening(day: date) -> datetime:
    return datetime.combine(day, EVENING, OFFICE_ZONE)


# One in seven of those who were not there rings back within three hours, while the center is open; the history's file knows no such calls.
_RANG_BACK = """
INSERT INTO attempt (office_id, debtor_id, phone_id, phone_text, channel, operator_id, state, source, source_key, is_inbound,
  began_at, answered_at, ended_at, recorded_at, talk_seconds, line_result, party, outcome)
SELECT office_id, debtor_id, phone_id, phone_text, channel, operator_id, 'closed', 'live', 'back|' || md5(source_key), true,
  at, at, at + make_interval(secs => talk), at + make_interval(secs => talk), talk, 'answered', 'debtor', 'callback_promised'
FROM (SELECT a.*, a.began_at + make_interval(mins => 15 + drawn % 165) AS at, 40 + drawn % 200 AS talk
      FROM (SELECT b.*, CAST(CAST('x' || substr(md5(source_key), 1, 7) AS bit(28)) AS integer) AS drawn FROM attempt b
            WHERE b.office_id = :office AND b.channel = 'operator_call' AND b.source = 'imported' AND b.phone_id IS NOT NULL
              AND b.line_result IN ('no_answer', 'machine', 'busy')) a WHERE a.drawn % 7 = 0) called
WHERE (at AT TIME ZONE :zone)::time < time '20:00' AND at < :now
  AND NOT EXISTS (SELECT FROM attempt k WHERE k.office_id = :office AND k.source_key = 'back|' || md5(called.source_key))
"""


def load_calls_back(session: Session, now: datetime) -> int:
    """Calls of those who rang back after the history's calls; their number."""
    found = session.execute(text(_RANG_BACK), {"office": office_of(session), "zone": str(OFFICE_ZONE), "now": now})
    return int(getattr(found, "rowcount", 0))
