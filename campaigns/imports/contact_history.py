"""Past contact history (交渉記録) into attempts, promises and what they taught about numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import Integer, column, select, table
from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from campaigns.attempts.codes import PROMISE_OUTCOMES, LineResult, Outcome, Party
from campaigns.attempts.moving import retry_rules
from campaigns.attempts.proving import proofs
from campaigns.imports.changes import EXAMPLES, changed_fields, example, was
from campaigns.imports.columns import split_phones
from campaigns.imports.staging import Progress, run, stage
from campaigns.promises.settle import settle
from campaigns.worklist.forbidden import withdraw_forbidden

STAGED: Mapping[str, str] = {
    "row": "integer",
    "debtor_no": "text",
    "began_at": "timestamptz",
    "channel": "text",
    "phone_text": "text",
    "e164": "text",
    "operator": "text",
    "line_result": "text",
    "party": "text",
    "outcome": "text",
    "talk_seconds": "integer",
    "promised_yen": "bigint",
    "promised_on": "date",
    "note": "text",
}
_OPTIONAL: Mapping[str, type[pl.DataType]] = {
    "phone_text": pl.String,
    "operator": pl.String,
    "line_result": pl.String,
    "party": pl.String,
    "outcome": pl.String,
    "talk_seconds": pl.Int64,
    "promised_yen": pl.Int64,
    "promised_on": pl.Date,
    "note": pl.String,
}


@dataclass(frozen=True, slots=True)
class HistoryCounts:
    """Rows of an attempts file by what they did; `refused` are rows of unknown debtors; `changes` as in `ImportFile.changes`."""

    created: int
    updated: int
    unchanged: int
    refused: tuple[int, ...]
    changes: dict[str, Any] = field(default_factory=dict)


def _whole(frame: pl.DataFrame) -> pl.DataFrame:
    whole = frame.with_columns(pl.lit(None, dtype=kind).alias(name) for name, kind in _OPTIONAL.items() if name not in frame.columns)
    return whole.with_columns(e164=split_phones(whole["phone_text"])["e164"])


# The key of formats: debtor, moment, channel, operator; hashed where it would not fit.
_KEYED = """
CREATE TEMPORARY TABLE history_row ON COMMIT DROP AS
SELECT k.*, CASE WHEN length(k.long_key) <= 120 THEN k.long_key
            ELSE 'sha256:' || encode(sha256(convert_to(k.long_key, 'UTF8')), 'hex') END AS key
FROM (
    SELECT s.*, d.id AS debtor_id, u.id AS operator_id, p.id AS phone_id,
           concat_ws('|', s.debtor_no, to_char(s.began_at AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS'), s.channel,
                     coalesce(s.operator, '')) AS long_key
    FROM history s JOIN debtor d ON d.office_id = :office AND d.debtor_no = s.debtor_no
    LEFT JOIN app_user u ON u.office_id = :office AND u.sign_in_name = s.operator
    LEFT JOIN (SELECT debtor_id, e164, min(id) AS id FROM phone_number WHERE office_id = :office AND e164 IS NOT NULL GROUP BY 1, 2) p
      ON p.debtor_id = d.id AND p.e164 = s.e164
) k
"""

_OPERATORS = """
INSERT INTO app_user (office_id, sign_in_name, display_name, role, is_enabled)
SELECT DISTINCT :office, operator, operator, 'operator', false FROM history WHERE operator IS NOT NULL
ON CONFLICT (office_id, sign_in_name) DO NOTHING
"""

_RESULTS: Mapping[str, str] = {
    "phone_id": "s.phone_id",
    "phone_text": "coalesce(s.phone_text, '')",
    "talk_seconds": "coalesce(s.talk_seconds, 0)",
    "line_result": "s.line_result",
    "party": "s.party",
    "outcome": "s.outcome",
    "note": "coalesce(s.note, '')",
}
# What follows from the results: nothing that failed in the equipment was handed over; only an answered call was answered.
_DERIVED: Mapping[str, str] = {
    "handed_over_at": "CASE WHEN s.line_result IS DISTINCT FROM :failed THEN s.began_at END",
    "answered_at": "CASE WHEN s.line_result = :answered THEN s.began_at END",
    "ended_at": "s.began_at + make_interval(secs => coalesce(s.talk_seconds, 0))",
    "recorded_at": "s.began_at + make_interval(secs => coalesce(s.talk_seconds, 0))",
}

_WRITTEN = {**_RESULTS, **_DERIVED}
_AFTER = {name: value for name, value in _RESULTS.items() if name != "phone_id"} | {
    name: f"CASE WHEN s.outcome = ANY(:promising) AND s.promised_yen > 0 AND s.promised_on IS NOT NULL THEN s.{name} END"
    for name in ("promised_yen", "promised_on")
}

# Written before anything is changed, since a promise belongs to what the row says.
_CHANGED = f"""
CREATE TEMPORARY TABLE history_changed ON COMMIT DROP AS
SELECT s.row, a.id, {was("a", _RESULTS)}, p.amount AS was_promised_yen, p.due_on AS was_promised_on
FROM history_row s JOIN attempt a ON a.office_id = :office AND a.source_key = s.key
LEFT JOIN promise p ON p.office_id = :office AND p.attempt_id = a.id
WHERE ({", ".join("a." + name for name in _RESULTS if name != "phone_id")})
      IS DISTINCT FROM ({", ".join(value for name, value in _RESULTS.items() if name != "phone_id")})
   OR (p.amount, p.due_on) IS DISTINCT FROM ({_AFTER["promised_yen"]}, {_AFTER["promised_on"]})
"""

_UPDATE = f"""
UPDATE attempt a SET {", ".join(f"{name} = {value}" for name, value in _WRITTEN.items())}
FROM history_row s JOIN history_changed c ON c.row = s.row WHERE a.office_id = :office AND a.id = c.id
"""

_INSERT = f"""
INSERT INTO attempt (office_id, debtor_id, operator_id, channel, state, source, source_key, began_at, {", ".join(_WRITTEN)})
SELECT :office, s.debtor_id, s.operator_id, s.channel, 'closed', 'imported', s.key, s.began_at, {", ".join(_WRITTEN.values())}
FROM history_row s WHERE NOT EXISTS (SELECT FROM attempt a WHERE a.office_id = :office AND a.source_key = s.key)
"""

_PROMISES = """
INSERT INTO promise (office_id, debtor_id, attempt_id, kind, amount, made_on, made_at, due_on, made_by)
SELECT :office, s.debtor_id, a.id, CASE WHEN s.outcome = :promise_full THEN 'full' ELSE 'part' END, s.promised_yen,
       (s.began_at AT TIME ZONE 'Asia/Tokyo')::date, s.began_at, s.promised_on, s.operator_id
FROM history_row s JOIN attempt a ON a.office_id = :office AND a.source_key = s.key
WHERE s.outcome = ANY(:promising) AND s.promised_yen > 0 AND s.promised_on IS NOT NULL
  AND NOT EXISTS (SELECT FROM promise p WHERE p.office_id = :office AND p.attempt_id = a.id)
"""

# What history taught about a number, unless something newer is known: dead lines, wrong people, and requests to stop using it hold wherever
# the office has the number, as when it is learned in a call; what the lines did proves the same as there.
_NUMBERS = """
WITH told AS (
  SELECT s.phone_id, n.e164, s.began_at, CASE
        WHEN s.outcome = :stop_number THEN 'refused' WHEN s.party = :wrong_number THEN 'wrong_person' ELSE 'works' END AS status
  FROM history_row s JOIN phone_number n ON n.office_id = :office AND n.id = s.phone_id
  WHERE s.outcome = :stop_number OR s.party = ANY(:telling)
  UNION ALL
  SELECT n.id, n.e164, x.at, x.status
  FROM unnest(CAST(:proved AS bigint[]), CAST(:moments AS timestamptz[]), CAST(:statuses AS text[])) x (id, at, status)
  JOIN phone_number n ON n.office_id = :office AND n.id = x.id
), known AS (
  SELECT phone_id AS id, status, began_at FROM told
  UNION ALL
  SELECT p.id, t.status, t.began_at FROM told t JOIN phone_number p ON p.office_id = :office AND p.e164 = t.e164 AND p.id <> t.phone_id
  WHERE t.status <> 'works'
)
UPDATE phone_number p SET status = t.status, updated_at = :now
FROM (SELECT DISTINCT ON (id) id, status FROM known ORDER BY id, (status = 'refused') DESC, began_at DESC, status) t
WHERE p.office_id = :office AND p.id = t.id AND p.status = 'unverified'
"""

_SUPPRESSIONS = """
INSERT INTO suppression (office_id, debtor_id, reason, starts_at, attempt_id)
SELECT :office, s.debtor_id, CASE WHEN s.outcome = :vulnerable THEN 'vulnerable' ELSE 'deceased_moved' END, s.began_at, a.id
FROM history_row s JOIN attempt a ON a.office_id = :office AND a.source_key = s.key
WHERE s.outcome IN (:vulnerable, :deceased)
  AND NOT EXISTS (SELECT FROM suppression x WHERE x.office_id = :office AND x.attempt_id = a.id)
"""


def _facts(now: datetime) -> dict[str, Any]:
    return {
        "now": now,
        "failed": LineResult.FAILED,
        "answered": LineResult.ANSWERED,
        "wrong_number": Party.WRONG_NUMBER,
        "telling": [Party.WRONG_NUMBER, Party.DEBTOR, Party.FAMILY, Party.COMPANY_CONTACT, Party.AGENT],
        "stop_number": Outcome.STOP_NUMBER,
        "vulnerable": Outcome.VULNERABLE,
        "deceased": Outcome.DEATH_MOVE_ABSENCE,
        "promise_full": Outcome.PROMISE_FULL,
        "promising": sorted(PROMISE_OUTCOMES),
    }


def _proved(session: Session) -> dict[str, Any]:
    """What the lines of the file's numbers prove by the rules of an office without a campaign, as lists of one length."""
    numbers = select(column("phone_id", Integer)).select_from(table("history_row")).where(column("phone_id").is_not(None))
    found = proofs(session, retry_rules(None), numbers, tuple(LineResult))
    return {
        "proved": [each.phone_id for each in found],
        "moments": [each.at for each in found],
        "statuses": [each.status for each in found],
    }


_KEY = ("debtor_no", "began_at", "channel", "operator")
_SHOWN = ("line_result", "party", "outcome", "promised_yen", "promised_on")


def _changes(session: Session, known: dict[str, Any]) -> dict[str, Any]:
    """What the rows will change, told before it is done."""
    facts = f"s.row, d.name, {', '.join('s.' + name for name in _KEY)}"
    named = "JOIN debtor d ON d.office_id = :office AND d.id = s.debtor_id"
    created = run(
        session,
        f"""SELECT {facts}, {", ".join("s." + name for name in _SHOWN)} FROM history_row s {named}
            WHERE NOT EXISTS (SELECT FROM attempt a WHERE a.office_id = :office AND a.source_key = s.key)
            ORDER BY s.row LIMIT {EXAMPLES}""",
    ).mappings()
    before, after = ", ".join("c.was_" + name for name in _AFTER), ", ".join(f"{value} AS is_{name}" for name, value in _AFTER.items())
    joined = f"FROM history_changed c JOIN history_row s ON s.row = c.row {named}"
    updated = run(session, f"SELECT {facts}, {before}, {after} {joined} ORDER BY s.row LIMIT {EXAMPLES}", **known).mappings()
    counts = ", ".join(f"count(*) FILTER (WHERE c.was_{name} IS DISTINCT FROM {value}) AS {name}" for name, value in _AFTER.items())
    fields = run(session, f"SELECT {counts} {joined}", **known).mappings().one()
    return {
        "fields": {name: count for name, count in fields.items() if count},
        "created": [example(row, _KEY, _SHOWN) for row in created],
        "updated": [example(row, _KEY) | {"fields": changed_fields(row, _AFTER)} for row in updated],
        "closed": [],
        "debtors": [],
        "totals": {},
    }


def record_history(session: Session, frames: Iterable[pl.DataFrame], *, now: datetime, progress: Progress | None = None) -> HistoryCounts:
    """Records the rows of an attempts file (the `ParsedFile.frame` of its parts), each key (debtor, moment, channel, operator) once.

    People named as 担当者 become users who can't sign in, so that reports can be cut by operator. A promise needs its amount and its date;
    promises are judged by the payments known.
    """
    rows = stage(session, "history", map(_whole, frames), STAGED)
    say = progress or (lambda _step, _done, _total: None)
    say("attempts", 0, rows)
    facts = _facts(now)
    for statement in (_OPERATORS, _KEYED):
        run(session, statement)
    refused = tuple(run(session, "SELECT row FROM history WHERE row NOT IN (SELECT row FROM history_row) ORDER BY row").scalars())
    run(session, _CHANGED, **facts)
    told = _changes(session, facts)
    run(session, "DELETE FROM promise p USING history_changed c WHERE p.office_id = :office AND p.attempt_id = c.id")
    updated = run(session, _UPDATE, **facts).rowcount
    created = run(session, _INSERT, **facts).rowcount
    run(session, _PROMISES, **facts)
    run(session, _NUMBERS, **facts, **_proved(session))
    run(session, _SUPPRESSIONS, **facts)
    debtors = list(run(session, "SELECT DISTINCT debtor_id FROM history_row WHERE promised_on IS NOT NULL").scalars())
    if created + updated and debtors:
        settle(session, today=local_day(now), now=now, debtor_ids=debtors)
    if created + updated:
        withdraw_forbidden(session, now)
    return HistoryCounts(created, updated, rows - created - updated - len(refused), refused, told)
