"""Carries out a plan on the database: decides for everybody, counts, and writes what changed, in the caller's transaction.

1. `decide_all`: two temporary tables, what each debtor gets and what that means.
2. `count_decided`: how many get what.
3. `write_decided`: rows that are new or differ are written in the order of the key, rows of debtors who owe nothing any more are removed.
A process that is killed in between leaves the plan as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.clock import OFFICE_ZONE
from callcenter.core.db import office_of
from campaigns.attempts.codes import LineResult
from campaigns.planning.position import Position
from campaigns.segmentation.compile import COLUMNS, decided_sql, table_sql
from campaigns.segmentation.query import Compiled
from campaigns.segmentation.rules import Cases, RuleSet

# A plan always reads everything: a nested loop, chosen on statistics from before the first plan, would take hours.
WHOLE_SETS = text("SELECT set_config('work_mem', '128MB', true), set_config('enable_nestloop', 'off', true)")
AS_USUAL = text("SELECT set_config('work_mem', '16MB', true), set_config('enable_nestloop', 'on', true)")
OLD = "office_id = :office AND campaign_id = :campaign"
TOLD = tuple(COLUMNS)
NAMES = ", ".join(TOLD)

COUNT = """
SELECT o.channel, o.rule_code, o.reason_codes, o.arm, c.people
FROM (SELECT place, drawn, count(*) AS people FROM {decided} GROUP BY 1, 2) c JOIN {outcome} o USING (place, drawn)"""
IS_PLANNED = text(f"SELECT EXISTS (SELECT FROM channel_assignment WHERE {OLD})")  # noqa: S608 - constants of this module
DECIDED = "(SELECT * FROM plan_decided ORDER BY debtor_id) d JOIN plan_outcome o USING (place, drawn)"
INSERT = f"""
INSERT INTO channel_assignment (office_id, campaign_id, debtor_id, {NAMES}, rule_set_id, as_of, assigned_at)
SELECT :office, :campaign, d.debtor_id, {", ".join(f"o.{name}" for name in TOLD)}, :rule_set, :as_of, :now"""
FIRST = text(f"{INSERT} FROM {DECIDED}")
CHANGED = text(f"""{INSERT} FROM {DECIDED}
LEFT JOIN channel_assignment old ON old.office_id = :office AND old.campaign_id = :campaign AND old.debtor_id = d.debtor_id
WHERE old.debtor_id IS NULL OR ({", ".join(f"old.{name}" for name in TOLD)}, old.rule_set_id)
  IS DISTINCT FROM ({", ".join(f"o.{name}" for name in TOLD)}, CAST(:rule_set AS bigint))
ON CONFLICT (office_id, campaign_id, debtor_id) DO UPDATE SET
  {", ".join(f"{name} = excluded.{name}" for name in (*TOLD, "rule_set_id", "as_of", "assigned_at"))}""")
REMOVE = text(f"""DELETE FROM channel_assignment a WHERE {OLD}
AND NOT EXISTS (SELECT FROM plan_decided d WHERE d.debtor_id = a.debtor_id)""")  # noqa: S608 - constants of this module
ENROL = text("""
INSERT INTO experiment_enrolment (office_id, experiment, debtor_id, arm, propensity, entered_at)
SELECT :office, :experiment, d.debtor_id, o.arm, o.propensity, :as_of
FROM plan_decided d JOIN plan_outcome o USING (place, drawn) WHERE d.drawn > 0
ON CONFLICT DO NOTHING""")


@dataclass(frozen=True, slots=True)
class Counted:
    """How many debtors a rule gives a channel for these reasons."""

    channel: str
    rule_code: str
    reasons: tuple[str, ...]
    arm: str
    people: int


def moment_values(session: Session, as_of: datetime, position: Position) -> dict[str, Any]:
    """What every statement over attributes needs: the office, the moment, and the campaign's cycle."""
    return position.values() | {
        "office": office_of(session),
        "as_of": as_of,
        "as_of_day": as_of.astimezone(OFFICE_ZONE).date(),
        "failed": LineResult.FAILED.value,
    }


def count_only(session: Session, rule_set: RuleSet, ladder: Cases, values: Mapping[str, Any]) -> list[Counted]:
    """How many get what, without writing anything."""
    compiled = Compiled()
    decided, outcome = decided_sql(rule_set, compiled, ladder=ladder), table_sql(rule_set, compiled, ladder=ladder)
    sql = COUNT.format(decided=f"({decided}) d", outcome=f"({outcome})")
    return _counted(session, sql, compiled.values | dict(values))


def decide_all(session: Session, rule_set: RuleSet, ladder: Cases, values: Mapping[str, Any]) -> list[Counted]:
    """Decides for everybody into the temporary tables, and counts."""
    for table, make in (("plan_decided", decided_sql), ("plan_outcome", table_sql)):
        compiled = Compiled()
        sql = make(rule_set, compiled, ladder=ladder)
        session.execute(text(f"DROP TABLE IF EXISTS pg_temp.{table}"))
        given = compiled.values | (dict(values) if table == "plan_decided" else {})
        session.execute(text(f"CREATE TEMPORARY TABLE {table} ON COMMIT DROP AS {sql}"), given)
    return _counted(session, COUNT.format(decided="plan_decided", outcome="plan_outcome"), {})


def write_decided(session: Session, values: Mapping[str, Any], experiment: str) -> tuple[int, int]:
    """Writes what was decided; the numbers of rows written and removed.

    Args:
        values: those of `moment_values` with campaign, rule_set and now.
        experiment: its code; those who take part are enrolled in their arms.
    """
    is_planned = session.scalar(IS_PLANNED, values)
    written = session.execute(CHANGED if is_planned else FIRST, values).rowcount  # type: ignore[attr-defined]
    removed = session.execute(REMOVE, values).rowcount if is_planned else 0  # type: ignore[attr-defined]
    if experiment:
        session.execute(ENROL, {**values, "experiment": experiment})
    return written, removed


def _counted(session: Session, sql: str, values: Mapping[str, Any]) -> list[Counted]:
    rows = session.execute(text(sql), dict(values)).all()
    return [Counted(row.channel, row.rule_code, tuple(row.reason_codes), row.arm, row.people) for row in rows]
