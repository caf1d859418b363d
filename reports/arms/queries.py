"""Who came into which arm of an experiment, and what happened in the days after that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.attempts.codes import Channel
from campaigns.planning.models import RuleSet
from campaigns.promises.settle import ITS_REVERSAL, NET_YEN
from reports.arms.compare import ArmCounts
from reports.facts.calls import CHANNELS as CODES
from reports.facts.calls import FLAGS, HEARD, Numbers, calls_of, numbers
from reports.periods import Period
from reports.queries.sides import in_bytes, look_up, table_for

_DAY = 86_400_000_000  # microseconds
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
_READY = f"""
{_PERSONS}
SELECT arm, string_agg(int8send(debtor_id), '') AS debtors, string_agg(timestamptz_send(entered_at), '') AS entered
FROM ready GROUP BY arm ORDER BY arm"""
_MONEY = f"""
{_PERSONS},
money AS (
  SELECT r.debtor_id, r.arm, sum({NET_YEN}) AS yen FROM payment y JOIN ready r ON r.debtor_id = y.debtor_id LEFT JOIN {ITS_REVERSAL}
  WHERE y.office_id = :office AND NOT y.is_reversal AND y.paid_on >= r.day AND y.paid_on < r.day + :days
  GROUP BY r.debtor_id, r.arm
)
SELECT arm, count(*) FILTER (WHERE yen > 0) AS paid, sum(yen)::bigint AS yen, sum(CAST(yen AS double precision) ^ 2) AS yen_squares
FROM money GROUP BY arm"""
_PAYING = f"""
{_PERSONS},
payer AS (
  SELECT r.debtor_id, sum({NET_YEN}) AS yen FROM payment y JOIN ready r ON r.debtor_id = y.debtor_id LEFT JOIN {ITS_REVERSAL}
  WHERE y.office_id = :office AND NOT y.is_reversal AND y.paid_on >= r.day AND y.paid_on < r.day + :days GROUP BY r.debtor_id
)
SELECT r.arm, count(*) AS persons, CAST(coalesce(sum(p.yen), 0) AS bigint) AS yen
FROM ready r LEFT JOIN payer p ON p.debtor_id = r.debtor_id GROUP BY r.arm ORDER BY r.arm"""
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
    values = _values(session, experiment, period, days, now)
    latest = min(values["end"], values["full"]) + timedelta(days=days)
    money = {row["arm"]: dict(row) for row in session.execute(text(_MONEY), values).mappings()}
    ready = [(arm, numbers(debtors, ">i8"), numbers(entered, ">i8")) for arm, debtors, entered in in_bytes(session, _READY, values)]
    arms = []
    for (arm, debtors, _), touched in zip(ready, _touched(session, ready, period, days, latest), strict=True):
        paid = {name: value for name, value in money.get(arm, {}).items() if name != "arm"}
        arms.append(ArmCounts(arm, len(debtors), **paid, **touched))
    return ArmResults(tuple(arms), session.scalar(text(_WAITING), values) or 0)


def arm_money(session: Session, experiment: str, period: Period, days: int, now: datetime) -> list[tuple[str, int, int]]:
    """(arm, persons, yen paid within their `days`) of the same persons, without what was done to them."""
    rows = session.execute(text(_PAYING), _values(session, experiment, period, days, now))
    return [(row.arm, row.persons, row.yen) for row in rows]


def _values(session: Session, experiment: str, period: Period, days: int, now: datetime) -> dict[str, Any]:
    start, end = period.bounds
    return {
        "office": office_of(session),
        "experiment": experiment,
        "zone": str(period.zone),
        "start": start,
        "end": end,
        "full": now - timedelta(days=days),
        "days": days,
    }


def _touched(
    session: Session, ready: Sequence[tuple[str, Numbers, Numbers]], period: Period, days: int, latest: datetime
) -> list[dict[str, Any]]:
    """What was done to each arm's persons within their days: how many were contacted and promised, and the calls by channel."""
    debtors = np.concatenate([np.empty(0, np.int64), *(arm[1] for arm in ready)])
    entered = np.concatenate([np.empty(0, np.int64), *(arm[2] for arm in ready)])
    arm_of = np.repeat(np.arange(len(ready)), [len(arm[1]) for arm in ready])
    low, table = table_for([debtors], -1)
    table[debtors - low] = np.arange(len(debtors))
    is_contacted, has_promised = np.zeros(len(debtors), bool), np.zeros(len(debtors), bool)
    touches = np.zeros((len(ready), len(CODES)), np.int64)
    last = (latest - timedelta(microseconds=1)).astimezone(period.zone).date()
    for calls in calls_of(session, period.first, last, period.zone, ("debtor", "began", "flags", "channel")):
        person = look_up(table, calls["debtor"] - low)
        known = person >= 0
        since = calls["began"] - entered[person] if len(entered) else person
        within = known & (since >= 0) & (since < days * _DAY)
        person, flags = person[within], calls["flags"][within]
        is_contacted[person[flags & FLAGS["contacts"] > 0]] = True
        has_promised[person[flags & FLAGS["promises"] > 0]] = True
        cells = arm_of[person] * len(CODES) + calls["channel"][within]
        touches += np.bincount(cells, minlength=touches.size).reshape(touches.shape)
    return [
        {
            "contacted": int(is_contacted[arm_of == number].sum()),
            "promised": int(has_promised[arm_of == number].sum()),
            "touches": {channel: int(touches[number, CODES.index(str(channel))]) for channel in CHANNELS},
        }
        for number in range(len(ready))
    ]


@dataclass(frozen=True, slots=True)
class ScriptAnswers:
    """What listeners of one script did: how many answered, heard the first words out, and which key they pressed first."""

    script: str
    answered: int
    heard: int
    keys: dict[str, int]


def script_answers(session: Session, period: Period) -> list[ScriptAnswers]:
    """Answered automated calls of the period by script and first key."""
    automatic = CODES.index(str(Channel.AUTO_CALL))
    counts: Counter[tuple[str, int, bool]] = Counter()
    for calls in calls_of(session, period.first, period.last, period.zone, ("channel", "flags", "script", "pressed")):
        chosen = (calls["channel"] == automatic) & (calls["flags"] & FLAGS["answered"] > 0)
        if not chosen.any():
            continue
        kinds = np.column_stack([calls["script"][chosen], calls["pressed"][chosen], calls["flags"][chosen] & HEARD > 0])
        for (script, key, heard), count in zip(*(part.tolist() for part in np.unique(kinds, axis=0, return_counts=True)), strict=True):
            counts[calls.scripts[script], key, bool(heard)] += count
    found: dict[str, ScriptAnswers] = {}
    for (script, key, heard), count in sorted(counts.items()):
        if not script:
            continue
        before = found.get(script, ScriptAnswers(script, 0, 0, {}))
        keys = before.keys | ({chr(key): before.keys.get(chr(key), 0) + count} if key else {})
        found[script] = ScriptAnswers(script, before.answered + count, before.heard + count * heard, keys)
    return list(found.values())
