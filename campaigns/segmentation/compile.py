"""Turns a rule set into one set-based statement. Every value of a rule is a bound parameter; names come from `ATTRIBUTES` only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any as Json

from campaigns.segmentation.attributes import ATTRIBUTES, Kind, facts_from
from campaigns.segmentation.rules import (
    All,
    AnyOf,
    Assigned,
    ByLadder,
    Cases,
    Compare,
    Condition,
    Not,
    Op,
    RuleSet,
    Rung,
    assigned_of,
    attributes_of,
    rungs_in,
    rungs_of,
)

RUNGS = 1000  # places kept for what a ladder can say, for each rule
COMPARISONS = {Op.EQ: "=", Op.NE: "<>", Op.LT: "<", Op.LE: "<=", Op.GT: ">", Op.GE: ">="}


@dataclass
class Compiled:
    """SQL text with its bound values."""

    sql: str = ""
    values: dict[str, Json] = field(default_factory=dict)

    def bind(self, value: Json) -> str:
        """Notes a value and returns its placeholder."""
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f":{name}"


def condition_sql(condition: Condition, into: Compiled) -> str:
    """A condition as an SQL expression that is never null."""
    match condition:
        case All(()):
            return "true"
        case AnyOf(()):
            return "false"
        case All(parts):
            return "(" + " AND ".join(condition_sql(part, into) for part in parts) + ")"
        case AnyOf(parts):
            return "(" + " OR ".join(condition_sql(part, into) for part in parts) + ")"
        case Not(part):
            return f"(NOT {condition_sql(part, into)})"
        case Compare():
            return _test_sql(condition, into)


def _test_sql(test: Compare, into: Compiled) -> str:
    attribute = ATTRIBUTES[test.attribute]
    if test.op is Op.IS:
        return attribute.sql if test.value else f"(NOT {attribute.sql})"
    if test.op is Op.UNKNOWN:
        return f"({attribute.sql} IS {'' if test.value else 'NOT '}NULL)"
    kind = "bigint" if attribute.kind is Kind.NUMBER else "text"
    if test.op in (Op.IN, Op.NOT_IN, Op.HAS_ANY):
        assert isinstance(test.value, tuple)
        values = f"CAST({into.bind(list(test.value))} AS {kind}[])"
        if test.op is Op.HAS_ANY:
            return f"coalesce(CAST({attribute.sql} AS text[]) && {values}, false)"
        expression = f"{attribute.sql} = ANY({values})" if test.op is Op.IN else f"{attribute.sql} <> ALL({values})"
    else:
        expression = f"{attribute.sql} {COMPARISONS[test.op]} CAST({into.bind(test.value)} AS {kind})"
    return f"coalesce({expression}, false)" if attribute.is_nullable else f"({expression})"


def decided_sql(rule_set: RuleSet, into: Compiled, *, for_one: bool = False, ladder: Cases = ()) -> str:
    """SELECT of debtor id, place of what is assigned and whether the debtor waits, for all listed debtors who owe.

    The place is the deciding rule's number (from 0) times `RUNGS`, plus the place of what the ladder says where the rule leaves it to the
    ladder.
    """
    names = {name for rule in rule_set.rules for name in attributes_of(rule.when)}
    cases: list[str] = []
    for number, rule in enumerate(rule_set.rules):
        place = str(number * RUNGS)
        if rule.channel is ByLadder.LADDER:
            place += f" + {cases_sql(ladder, into)}"
            names |= set(attributes_in(ladder))
        cases.append(f"WHEN {condition_sql(rule.when, into)} THEN {place}")
    waits = "false"
    if rule_set.experiment.wait_permille:
        key = f"CAST({into.bind(rule_set.experiment.salt + ':')} AS text) || d.debtor_no"
        number_sql = f"CAST(CAST('x' || substr(md5({key}), 1, 8) AS bit(32)) AS bigint)"
        waits = f"{number_sql} % 1000 < {into.bind(rule_set.experiment.wait_permille)}"
    return (
        f"SELECT d.id AS debtor_id, CAST(CASE {' '.join(cases)} END AS integer) AS place, {waits} AS waits\n"
        f"{facts_from(sorted(names), for_one=for_one)}"
    )


def cases_sql(cases: Cases, into: Compiled, first: int = 0) -> str:
    """What a ladder says about a debtor as an SQL expression: its place in the order of `rungs_in`, counted from `first`."""
    branches: list[str] = []
    for case in cases:
        if isinstance(case.then, Rung):
            branches.append(f"WHEN {condition_sql(case.when, into)} THEN {first}")
            first += 1
        else:
            branches.append(f"WHEN {condition_sql(case.when, into)} THEN {cases_sql(case.then, into, first)}")
            first += sum(1 for _ in rungs_in(case.then))
    return f"CASE {' '.join(branches)} END"


def attributes_in(cases: Cases) -> Iterator[str]:
    """Names of the attributes a ladder asks about, perhaps repeated."""
    for case in cases:
        yield from attributes_of(case.when)
        if not isinstance(case.then, Rung):
            yield from attributes_in(case.then)


def table_sql(rule_set: RuleSet, into: Compiled, *, ladder: Cases = ()) -> str:
    """SELECT of what each rule assigns, a row per rule, thing the ladder can say and experiment arm."""
    rows = [
        _outcome_row(number * RUNGS + rung, assigned_of(rule, told, rule_set.experiment, is_waiting=waits), into, waits=waits)
        for number, rule in enumerate(rule_set.rules)
        for rung, told in enumerate(rungs_of(rule, ladder))
        for waits in (False, True)
    ]
    names = "place, waits, channel, reason_codes, rule_code, priority, arm, propensity, step"
    return f"SELECT * FROM (VALUES {', '.join(rows)}) AS outcome ({names})"  # noqa: S608 - values are bound


def _outcome_row(place: int, told: Assigned, into: Compiled, *, waits: bool) -> str:
    values = (
        f"CAST({place} AS integer)",
        f"CAST({str(waits).lower()} AS boolean)",
        f"CAST({into.bind(told.channel.value)} AS varchar)",
        f"CAST({into.bind(list(told.reasons))} AS varchar[])",
        f"CAST({into.bind(told.rule_code)} AS varchar)",
        f"CAST({told.priority} AS smallint)",
        f"CAST({into.bind(told.arm)} AS varchar)",
        f"CAST({into.bind(told.propensity)} AS double precision)",
        f"CAST({told.step} AS smallint)",
    )
    return f"({', '.join(values)})"


WRITE = """,
written AS (
  INSERT INTO channel_assignment AS a (office_id, campaign_id, debtor_id, channel, reason_codes, rule_code, rule_set_id, priority,
    arm, propensity, step, as_of, assigned_at)
  SELECT :office, :campaign, n.debtor_id, n.channel, n.reason_codes, n.rule_code, :rule_set, n.priority, n.arm, n.propensity,
    n.step, :as_of, :now
  FROM (SELECT decided.debtor_id, outcome.* FROM decided JOIN outcome USING (place, waits)) n
  LEFT JOIN channel_assignment old ON old.office_id = :office AND old.campaign_id = :campaign AND old.debtor_id = n.debtor_id
  WHERE old.debtor_id IS NULL
     OR (old.channel, old.rule_code, old.reason_codes, old.rule_set_id, old.priority, old.arm, old.propensity, old.step)
        IS DISTINCT FROM (n.channel, n.rule_code, n.reason_codes, CAST(:rule_set AS bigint), n.priority, n.arm, n.propensity, n.step)
  ON CONFLICT (office_id, campaign_id, debtor_id) DO UPDATE SET channel = excluded.channel, reason_codes = excluded.reason_codes,
    rule_code = excluded.rule_code, rule_set_id = excluded.rule_set_id, priority = excluded.priority, arm = excluded.arm,
    propensity = excluded.propensity, step = excluded.step, as_of = excluded.as_of, assigned_at = excluded.assigned_at
  RETURNING 1),
removed AS (
  DELETE FROM channel_assignment a WHERE a.office_id = :office AND a.campaign_id = :campaign
    AND NOT EXISTS (SELECT FROM decided WHERE decided.debtor_id = a.debtor_id) RETURNING 1)"""

COUNT = """
SELECT outcome.channel, outcome.rule_code, outcome.reason_codes, c.people, {written}, {removed}
FROM (SELECT place, waits, count(*) AS people FROM decided GROUP BY 1, 2) c
JOIN outcome USING (place, waits)"""


def plan_statement(rule_set: RuleSet, *, dry_run: bool, ladder: Cases = ()) -> Compiled:
    """The whole plan as one statement that returns counts per rule; `dry_run` leaves the writing out.

    Besides its own values it needs those of `campaigns.planning.service.plan_values`.
    """
    compiled = Compiled()
    decided = decided_sql(rule_set, compiled, ladder=ladder)
    outcome = table_sql(rule_set, compiled, ladder=ladder)
    written = "0 AS written" if dry_run else "(SELECT count(*) FROM written) AS written"
    removed = "0 AS removed" if dry_run else "(SELECT count(*) FROM removed) AS removed"
    compiled.sql = (
        f"WITH decided AS MATERIALIZED (\n{decided}),\noutcome AS MATERIALIZED (\n{outcome})"
        + ("" if dry_run else WRITE)
        + COUNT.format(written=written, removed=removed)
    )
    return compiled


def facts_statement(names: list[str]) -> str:
    """SELECT of attributes of one debtor, `:debtor`."""
    columns = ", ".join(f"{ATTRIBUTES[name].sql} AS {name}" for name in names)
    return f"SELECT {columns or '1 AS found'} {facts_from(names, for_one=True)}"
