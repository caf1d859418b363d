"""A campaign's past, put on record in one statement: what pacing learns from."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from callcenter.core.db import transaction
from tests.dialer.world import MORNING, add_debtor

_HISTORY = text("""
WITH made AS (
  INSERT INTO attempt (debtor_id, campaign_id, channel, state, began_at, line_result)
  SELECT :debtor, :campaign, 'operator_call', 'closed', :at - make_interval(secs => 300 + n),
         CASE WHEN n >= :answers THEN 'no_answer' WHEN n < :abandoned THEN 'abandoned' ELSE 'answered' END
  FROM generate_series(0, :answers + :failures - 1) n RETURNING office_id, id, began_at, line_result)
INSERT INTO call (attempt_id, campaign_id, carrier, channel_id, mode, state, placed_at, answered_at, ended_at, line_result)
SELECT id, :campaign, 'simulator', 'old-' || id, 'progressive', 'ended', began_at,
       CASE WHEN line_result <> 'no_answer' THEN began_at + interval '6 s' END,
       began_at + CASE WHEN line_result <> 'no_answer' THEN interval '66 s' ELSE interval '26 s' END, line_result
FROM made
""")


def add_history(office_id: int, campaign_id: int, answers: int, failures: int, at: datetime = MORNING, abandoned: int = 0) -> None:
    """Calls of an earlier hour: answered after 6 s and talked for a minute, or given up after 26 s."""
    with transaction(office_id) as session:
        debtor = add_debtor(session, 900_000 + at.day, owes=0)
        session.flush()
        values = {"answers": answers, "failures": failures, "abandoned": abandoned}
        session.execute(_HISTORY, {"debtor": debtor.id, "campaign": campaign_id, "at": at, **values})
