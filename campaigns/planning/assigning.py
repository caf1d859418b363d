"""Carries out a plan on the database: decides, counts, and writes what changed, in the caller's transaction.

1. `decide_all`: two temporary tables, what each debtor gets and what that means. `decide_some` for those whom something concerns.
2. `write_decided`: rows that are new or differ are written in the order of the key, rows of debtors who owe nothing any more are removed.
A process that is killed in between leaves the plan as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import ceil
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

# A plan always reads everything. In the order of debtors' keys, which every table has an index for, the database needs neither hash tables
# that outgrow its caches nor sorts, and memory stays the same however many debtors there are; a nested loop, chosen on statistics from
# before the first plan, would take hours. Spans of debtors are worked on side by side where there are cores.
SPANS, SMALL, SMALL_PART = 6, 50_000, 10_000
AS_A_WHOLE = {"work_mem": "128MB", "enable_nestloop": "off", "jit": "off"}
IN_ORDER = {
    "enable_hashjoin": "off",
    "enable_hashagg": "off",
    "random_page_cost": "1.1",
    "parallel_setup_cost": "0",
    "parallel_tuple_cost": "0",
    "min_parallel_table_scan_size": "1TB",  # whole spans go to workers, never parts of one table
    "min_parallel_index_scan_size": "1TB",
}
# Some debtors are looked up by their keys, table by table. They are bound as values, never read from a table: the server hashes them where
# it finds no index worth its while, whatever its statistics are, and compares no row with each of thousands.
BY_KEY = IN_ORDER | {"enable_seqscan": "off"}
# Right after the first plan the statistics say that nobody is planned, and everybody's rows would be read to remove a few.
BY_ROW = {"enable_seqscan": "off", "enable_indexscan": "off", "enable_bitmapscan": "off"}
OLD = "office_id = :office AND campaign_id = :campaign"
TOLD = tuple(COLUMNS)
NAMES = ", ".join(TOLD)

COUNT = """
SELECT o.channel, o.rule_code, o.reason_codes, o.arm, c.people
FROM (SELECT place, drawn, count(*) AS people FROM {decided} GROUP BY 1, 2) c JOIN {outcome} o USING (place, drawn)"""
IS_PLANNED = text(f"SELECT EXISTS (SELECT FROM channel_assignment WHERE {OLD})")  # noqa: S608 - constants of this module
DECIDED = "(SELECT * FROM plan_decided ORDER BY debtor_id) d JOIN plan_outcome o USING (place, drawn)"
IS_NEWS = f"""old.debtor_id IS NULL OR ({", ".join(f"old.{name}" for name in TOLD)}, old.rule_set_id)
  IS DISTINCT FROM ({", ".join(f"o.{name}" for name in TOLD)}, CAST(:rule_set AS bigint))
ON CONFLICT (office_id, campaign_id, debtor_id) DO UPDATE SET
  {", ".join(f"{name} = excluded.{name}" for name in (*TOLD, "rule_set_id", "as_of", "assigned_at"))}"""
INSERT = f"""
INSERT INTO channel_assignment (office_id, campaign_id, debtor_id, {NAMES}, rule_set_id, as_of, assigned_at)
SELECT :office, :campaign, d.debtor_id, {", ".join(f"o.{name}" for name in TOLD)}, :rule_set, :as_of, :now"""
FIRST = text(f"{INSERT} FROM {DECIDED}")
CHANGED = text(f"""{INSERT} FROM {DECIDED}
LEFT JOIN channel_assignment old ON old.office_id = :office AND old.campaign_id = :campaign AND old.debtor_id = d.debtor_id
WHERE {IS_NEWS}""")
REMOVE = text(f"""DELETE FROM channel_assignment a WHERE {OLD}
AND NOT EXISTS (SELECT FROM plan_decided d WHERE d.debtor_id = a.debtor_id)""")  # noqa: S608 - constants of this module
BEFORE = f"""SELECT ctid AS row, debtor_id, {NAMES}, rule_set_id FROM channel_assignment
WHERE {OLD} AND debtor_id = ANY(CAST(:concerned AS bigint[]))"""  # noqa: S608 - constants of this module
SOME_CHANGED = text(f"{INSERT} FROM {DECIDED} LEFT JOIN plan_before old ON old.debtor_id = d.debtor_id WHERE {IS_NEWS}")
SOME_REMOVED = text(f"""DELETE FROM channel_assignment WHERE {OLD} AND ctid = ANY(ARRAY(
  SELECT b.row FROM plan_before b WHERE NOT EXISTS (SELECT FROM plan_decided d WHERE d.debtor_id = b.debtor_id)))""")  # noqa: S608
DIFFERENCE = f"""
SELECT channel, rule_code, reason_codes, arm, CAST(sum(n) AS bigint) AS people FROM (
  SELECT channel, rule_code, reason_codes, arm, -1 AS n FROM plan_before
  UNION ALL SELECT o.channel, o.rule_code, o.reason_codes, o.arm, 1 FROM {DECIDED}) x
GROUP BY 1, 2, 3, 4 HAVING sum(n) <> 0"""  # noqa: S608 - constants of this module
ENROL = text("""
INSERT INTO experiment_enrolment (office_id, experiment, debtor_id, arm, propensity, entered_at)
SELECT :office, :experiment, d.debtor_id, o.arm, o.propensity, :as_of
FROM plan_decided d JOIN plan_outcome o USING (place, drawn) WHERE d.drawn > 0
ON CONFLICT DO NOTHING""")

ENROLLING = text("SELECT set_config('app.planning', :campaign, true)")


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


@contextmanager
def configured(session: Session, settings: Mapping[str, str]) -> Iterator[None]:
    """Lets the database work by these settings meanwhile; they end with the transaction in any case."""
    names = list(settings)
    before = session.execute(text("SELECT " + ", ".join(f"current_setting('{name}')" for name in names))).one()
    set_all = text("SELECT " + ", ".join(f"set_config('{name}', :{name}, true)" for name in names))
    session.execute(set_all, dict(settings))
    yield
    session.execute(set_all, dict(zip(names, before, strict=True)))


def count_only(session: Session, rule_set: RuleSet, ladder: Cases, values: Mapping[str, Any]) -> list[Counted]:
    """How many get what, without writing anything."""
    compiled = Compiled()
    decided = _in_spans(session, rule_set, compiled, ladder=ladder)
    outcome = table_sql(rule_set, compiled, ladder=ladder)
    sql = COUNT.format(decided=f"({decided}) d", outcome=f"({outcome})")
    with configured(session, AS_A_WHOLE | IN_ORDER | {"enable_hashagg": "on"}):
        return _counted(session, sql, compiled.values | dict(values))


def decide_all(
    session: Session, rule_set: RuleSet, ladder: Cases, values: Mapping[str, Any], *, prefix: str = "plan", matches: bool = False
) -> list[Counted]:
    """Decides for everybody into the temporary tables `prefix`_decided and `prefix`_outcome, and counts.

    Args:
        matches: also whether each rule's condition holds, as columns m0, m1 …
    """
    compiled = Compiled()
    decided = _in_spans(session, rule_set, compiled, ladder=ladder, matches=matches)
    with configured(session, AS_A_WHOLE | IN_ORDER):
        _make(session, f"{prefix}_decided", decided, compiled.values | dict(values))
    compiled = Compiled()
    _make(session, f"{prefix}_outcome", table_sql(rule_set, compiled, ladder=ladder), compiled.values)
    return _counted(session, COUNT.format(decided=f"{prefix}_decided", outcome=f"{prefix}_outcome"), {})


def _in_spans(session: Session, rule_set: RuleSet, into: Compiled, *, ladder: Cases, matches: bool = False) -> str:
    """The deciding SELECT, for spans of debtors side by side where there are many."""
    first, last = session.execute(text("SELECT min(id), max(id) FROM debtor")).one()
    if first is None or last - first < SMALL:
        return decided_sql(rule_set, into, ladder=ladder, matches=matches)
    cuts = [f"CAST({into.bind(first + (last + 1 - first) * n // SPANS)} AS bigint)" for n in range(SPANS + 1)]
    spans = pairwise(cuts)
    return "\nUNION ALL\n".join(decided_sql(rule_set, into, ladder=ladder, matches=matches, span=span) for span in spans)


def _make(session: Session, table: str, sql: str, values: Mapping[str, Any]) -> None:
    session.execute(text(f"DROP TABLE IF EXISTS pg_temp.{table}"))
    session.execute(text(f"CREATE TEMPORARY TABLE {table} ON COMMIT DROP AS {sql}"), dict(values))


def decide_some(session: Session, rule_set: RuleSet, ladder: Cases, values: Mapping[str, Any], concerned: Sequence[int]) -> None:
    """The same as `decide_all` for these debtors; counts nobody. What they have now goes into the temporary table plan_before."""
    compiled = Compiled()
    parts = [f"CAST({compiled.bind(part)} AS bigint[])" for part in _in_parts(concerned)]
    decided = "\nUNION ALL\n".join(decided_sql(rule_set, compiled, ladder=ladder, some=part) for part in parts)
    given = {**values, "concerned": list(concerned)}
    with configured(session, AS_A_WHOLE | BY_KEY):
        _make(session, "plan_decided", decided, compiled.values | dict(values))
    with configured(session, AS_A_WHOLE):
        _make(session, "plan_before", BEFORE, given)
    compiled = Compiled()
    _make(session, "plan_outcome", table_sql(rule_set, compiled, ladder=ladder), compiled.values)


def _in_parts(concerned: Sequence[int]) -> list[list[int]]:
    """The same in their order, in parts of a like size; at least one."""
    number = min(SPANS, max(1, ceil(len(concerned) / SMALL_PART)))
    size = max(1, ceil(len(concerned) / number))
    return [list(concerned[first : first + size]) for first in range(0, max(1, len(concerned)), size)]


def write_decided(session: Session, values: Mapping[str, Any], experiment: str) -> tuple[int, int]:
    """Writes what was decided for everybody; the numbers of rows written and removed.

    Args:
        values: those of `moment_values` with campaign, rule_set and now.
        experiment: its code; those who take part are enrolled in their arms.
    """
    with configured(session, AS_A_WHOLE):
        is_planned = session.scalar(IS_PLANNED, values)
        written = session.execute(CHANGED if is_planned else FIRST, values).rowcount  # type: ignore[attr-defined]
        removed = session.execute(REMOVE, values).rowcount if is_planned else 0  # type: ignore[attr-defined]
        _enrol(session, values, experiment)
    return written, removed


def write_some(session: Session, values: Mapping[str, Any], experiment: str) -> tuple[int, int]:
    """The same for what `decide_some` decided."""
    with configured(session, AS_A_WHOLE):
        written = session.execute(SOME_CHANGED, values).rowcount  # type: ignore[attr-defined]
    with configured(session, AS_A_WHOLE | BY_ROW):
        removed = session.execute(SOME_REMOVED, values).rowcount  # type: ignore[attr-defined]
        _enrol(session, values, experiment)
    return written, removed


def _enrol(session: Session, values: Mapping[str, Any], experiment: str) -> None:
    """Those who take part are enrolled; a plan does not take its own enrolments for news."""
    if experiment:
        session.execute(ENROLLING, {"campaign": str(values["campaign"])})
        session.execute(ENROL, {**values, "experiment": experiment})
        session.execute(ENROLLING, {"campaign": ""})


def count_onward(session: Session, before: Sequence[Counted]) -> list[Counted]:
    """How many have what after `decide_some`, from how many had what before it."""
    people: dict[tuple[str, str, tuple[str, ...], str], int] = {}
    for row in [*before, *_counted(session, DIFFERENCE, {})]:
        key = (row.channel, row.rule_code, row.reasons, row.arm)
        people[key] = people.get(key, 0) + row.people
    return [Counted(*key, number) for key, number in people.items() if number]


def _counted(session: Session, sql: str, values: Mapping[str, Any]) -> list[Counted]:
    rows = session.execute(text(sql), dict(values)).all()
    return [Counted(row.channel, row.rule_code, tuple(row.reason_codes), row.arm, row.people) for row in rows]
