"""Who came into which arm of an experiment, and what happened in the days after that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.attempts.codes import CONTACT_PARTIES, PROMISE_OUTCOMES, Channel, LineResult
from campaigns.planning.models import RuleSet
from campaigns.promises.settle import ITS_REVERSAL, NET_YEN
from reports.arms.compare import ArmCounts
from reports.periods import Period
from reports.queries.raw import HANDED_OVER

CHANNELS = (Channel.OPERATOR_CALL, Channel.AUTO_CALL, Channel.SMS, Channel.VISIT)

_CODES = """
WITH RECURSIVE one AS (
  SELECT min(experiment) AS code FROM experiment_enrolment WHERE office_id = :office
  UNION ALL
  SELECT (SELECT min(e.experiment) FROM experiment_enrolment e WHERE e.office_id = :office AND e.experiment > one.code) FROM one
  WHERE one.code IS NOT NULL)
SELECT code FROM one WHERE code IS NOT NULL ORDER BY code"""

# Whoever moved between arms counts for the first one: the draw decides, not what was done.
_PERSONS = """
WITH person AS MATERIALIZED (
  SELECT debtor_id, arm, entered_at, (entered_at AT TIME ZONE :zone)::date AS day FROM (
    SELECT DISTINCT ON (debtor_id) debtor_id, arm, entered_at FROM experiment_enrolment
    WHERE office_id = :office AND experiment = :experiment ORDER BY debtor_id, entered_at, arm) drawn
  WHERE entered_at >= :start AND entered_at < :end
),
ready AS (SELECT * FROM person WHERE entered_at <= :full)"""
_COUNTS = f"""
{_PERSONS},
tried AS (
  SELECT a.debtor_id, bool_or(a.line_result = :answered AND a.party = ANY(:contact_parties)) AS is_contacted,
    bool_or(a.outcome = ANY(:promise_outcomes)) AS has_promised, {{channels}}
  FROM attempt a JOIN ready r ON r.debtor_id = a.debtor_id
  WHERE a.office_id = :office AND a.began_at >= :start AND a.began_at < :latest AND {HANDED_OVER}
    AND a.began_at >= r.entered_at AND a.began_at < r.entered_at + make_interval(days => :days)
  GROUP BY a.debtor_id
),
money AS (
  SELECT y.debtor_id, sum({NET_YEN}) AS yen FROM payment y JOIN ready r ON r.debtor_id = y.debtor_id LEFT JOIN {ITS_REVERSAL}
  WHERE y.office_id = :office AND NOT y.is_reversal AND y.paid_on >= r.day AND y.paid_on < r.day + :days
  GROUP BY y.debtor_id
)
SELECT r.arm AS code, count(*) AS persons, count(*) FILTER (WHERE t.is_contacted) AS contacted,
  count(*) FILTER (WHERE t.has_promised) AS promised, count(*) FILTER (WHERE m.yen > 0) AS paid,
  coalesce(sum(m.yen), 0)::bigint AS yen, coalesce(sum(CAST(m.yen AS double precision) ^ 2), 0) AS yen_squares, {{sums}}
FROM ready r LEFT JOIN tried t ON t.debtor_id = r.debtor_id LEFT JOIN money m ON m.debtor_id = r.debtor_id
GROUP BY r.arm ORDER BY r.arm"""
_WAITING = f"{_PERSONS} SELECT count(*) FROM person WHERE entered_at > :full"


@dataclass(frozen=True, slots=True)
class ArmNames:
    """The arms of an experiment as its newest version names them: (code, name), the champion first; `idle` do nothing for a while."""

    arms: tuple[tuple[str, str], ...]
    idle: frozenset[str]

    @property
    def usual_other(self) -> str:
        """The arm to compare with: the one left alone, else the champion."""
        return next((code for code, _ in self.arms if code in self.idle), self.arms[0][0] if self.arms else "")


@dataclass(frozen=True, slots=True)
class ArmResults:
    """Counts by arm, and how many persons' days are not over yet."""

    arms: tuple[ArmCounts, ...]
    waiting: int


def experiments(session: Session) -> list[str]:
    """Codes of all experiments that anybody came into."""
    return list(session.scalars(text(_CODES), {"office": office_of(session)}))


def names_of(session: Session, experiment: str) -> ArmNames:
    """The arms' names from the newest version of a rule set that has the experiment; nothing when none has it any more."""
    newest = select(RuleSet.document).where(RuleSet.document["experiment"]["code"].astext == experiment).order_by(RuleSet.id.desc())
    document: dict[str, Any] = session.scalar(newest.limit(1)) or {}
    arms = document.get("experiment", {}).get("arms", [])
    return ArmNames(
        tuple((str(arm["code"]), str(arm.get("name") or arm["code"])) for arm in arms),
        frozenset(str(arm["code"]) for arm in arms if arm.get("wait_days")),
    )


def arm_results(session: Session, experiment: str, period: Period, days: int, now: datetime) -> ArmResults:
    """What happened within `days` after they came into an arm to those who came in the period, as far as their days are over."""
    start, end = period.bounds
    full = now - timedelta(days=days)
    values = {
        "office": office_of(session),
        "experiment": experiment,
        "zone": str(period.zone),
        "start": start,
        "end": end,
        "full": full,
        "latest": min(end, full) + timedelta(days=days),
        "days": days,
        "answered": str(LineResult.ANSWERED),
        "failed": str(LineResult.FAILED),
        "contact_parties": sorted(CONTACT_PARTIES),
        "promise_outcomes": sorted(PROMISE_OUTCOMES),
    }
    channels = ", ".join(f"count(*) FILTER (WHERE a.channel = '{channel}') AS n_{channel}" for channel in CHANNELS)
    sums = ", ".join(f"coalesce(sum(t.n_{channel}), 0)::bigint AS n_{channel}" for channel in CHANNELS)
    found = session.execute(text(_COUNTS.format(channels=channels, sums=sums)), values).mappings()
    arms = tuple(
        ArmCounts(
            **{name: row[name] for name in ("code", "persons", "contacted", "promised", "paid", "yen")},
            yen_squares=float(row["yen_squares"]),
            touches={channel: int(row[f"n_{channel}"]) for channel in CHANNELS},
        )
        for row in found
    )
    return ArmResults(arms, session.scalar(text(_WAITING), values) or 0)


@dataclass(frozen=True, slots=True)
class ScriptAnswers:
    """What listeners of one script did: how many answered, heard the first words out, and which key they pressed first."""

    script: str
    answered: int
    heard: int
    keys: dict[str, int]


_KEYS = f"""
SELECT a.script_version AS script, left(a.robocall_keys, 1) AS key, count(*) AS answered,
  count(*) FILTER (WHERE a.robocall_keys <> '' OR a.robocall_path LIKE '%>%') AS heard
FROM attempt a WHERE a.office_id = :office AND a.channel = 'auto_call' AND a.line_result = :answered AND a.script_version <> ''
  AND {HANDED_OVER}
  AND a.began_at >= :start AND a.began_at < :end
GROUP BY 1, 2 ORDER BY 1, 2"""


def script_answers(session: Session, period: Period) -> list[ScriptAnswers]:
    """Answered automated calls of the period by script and first key."""
    start, end = period.bounds
    values = {
        "office": office_of(session),
        "start": start,
        "end": end,
        "answered": str(LineResult.ANSWERED),
        "failed": str(LineResult.FAILED),
    }
    found: dict[str, ScriptAnswers] = {}
    for row in session.execute(text(_KEYS), values):
        before = found.get(row.script, ScriptAnswers(row.script, 0, 0, {}))
        keys = before.keys | ({row.key: row.answered} if row.key else {})
        found[row.script] = ScriptAnswers(row.script, before.answered + row.answered, before.heard + row.heard, keys)
    return list(found.values())
