"""Turns a rule set into one set-based statement. Every value of a rule is a bound parameter; names come from `ATTRIBUTES` only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any as Json

from campaigns.segmentation.attributes import ATTRIBUTES, Kind, facts_from
from campaigns.segmentation.rules import (
    EXPERIMENT_CHANNELS,
    ONLY_ARM,
    TREATED_ARM,
    WAIT_ARM,
    WAIT_REASON,
    All,
    AnyOf,
    Compare,
    Condition,
    Not,
    Op,
    RuleSet,
    attributes_of,
)

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


def decided_sql(rule_set: RuleSet, into: Compiled, *, for_one: bool = False) -> str:
    """SELECT of debtor id, number of the deciding rule (from 0) and whether the debtor waits, for all listed debtors who owe."""
    cases = [f"WHEN {condition_sql(rule.when, into)} THEN {place}" for place, rule in enumerate(rule_set.rules)]
    names = {name for rule in rule_set.rules for name in attributes_of(rule.when)}
    waits = "false"
    if rule_set.experiment.wait_permille:
        key = f"CAST({into.bind(rule_set.experiment.salt + ':')} AS text) || d.debtor_no"
        number = f"CAST(CAST('x' || substr(md5({key}), 1, 8) AS bit(32)) AS bigint)"
        waits = f"{number} % 1000 < {into.bind(rule_set.experiment.wait_permille)}"
    return (
        f"SELECT d.id AS debtor_id, CAST(CASE {' '.join(cases)} END AS integer) AS place, {waits} AS waits\n"
        f"{facts_from(sorted(names), for_one=for_one)}"
    )


def table_sql(rule_set: RuleSet, into: Compiled) -> str:
    """SELECT of what each rule assigns, a row per rule and experiment arm."""
    rows: list[str] = []
    share = rule_set.experiment.wait_permille / 1000
    for place, rule in enumerate(rule_set.rules):
        drawn = bool(share) and rule.channel in EXPERIMENT_CHANNELS
        for waits in (False, True):
            is_waiting = drawn and waits
            channel = "none" if is_waiting else rule.channel.value
            reasons = [WAIT_REASON, *rule.reasons] if is_waiting else list(rule.reasons)
            arm = (WAIT_ARM if waits else TREATED_ARM) if drawn else ONLY_ARM
            propensity = (share if waits else 1 - share) if drawn else 1.0
            values = ", ".join(
                (
                    f"CAST({place} AS integer)",
                    f"CAST({str(waits).lower()} AS boolean)",
                    f"CAST({into.bind(channel)} AS varchar)",
                    f"CAST({into.bind(reasons)} AS varchar[])",
                    f"CAST({into.bind(rule.code)} AS varchar)",
                    f"CAST({rule.priority} AS smallint)",
                    f"CAST({into.bind(arm)} AS varchar)",
                    f"CAST({into.bind(propensity)} AS double precision)",
                )
            )
            rows.append(f"({values})")
    names = "place, waits, channel, reason_codes, rule_code, priority, arm, propensity"
    return f"SELECT * FROM (VALUES {', '.join(rows)}) AS outcome ({names})"  # noqa: S608 - values are bound


WRITE = """,
written AS (
  INSERT INTO channel_assignment AS a (office_id, campaign_id, debtor_id, channel, reason_codes, rule_code, rule_set_id, priority,
    arm, propensity, as_of, assigned_at)
  SELECT :office, :campaign, n.debtor_id, n.channel, n.reason_codes, n.rule_code, :rule_set, n.priority, n.arm, n.propensity,
    :as_of, :now
  FROM (SELECT decided.debtor_id, outcome.* FROM decided JOIN outcome USING (place, waits)) n
  LEFT JOIN channel_assignment old ON old.office_id = :office AND old.campaign_id = :campaign AND old.debtor_id = n.debtor_id
  WHERE old.debtor_id IS NULL
     OR (old.channel, old.rule_code, old.reason_codes, old.rule_set_id, old.priority, old.arm, old.propensity)
        IS DISTINCT FROM (n.channel, n.rule_code, n.reason_codes, CAST(:rule_set AS bigint), n.priority, n.arm, n.propensity)
  ON CONFLICT (office_id, campaign_id, debtor_id) DO UPDATE SET channel = excluded.channel, reason_codes = excluded.reason_codes,
    rule_code = excluded.rule_code, rule_set_id = excluded.rule_set_id, priority = excluded.priority, arm = excluded.arm,
    propensity = excluded.propensity, as_of = excluded.as_of, assigned_at = excluded.assigned_at
  RETURNING 1),
removed AS (
  DELETE FROM channel_assignment a WHERE a.office_id = :office AND a.campaign_id = :campaign
    AND NOT EXISTS (SELECT FROM decided WHERE decided.debtor_id = a.debtor_id) RETURNING 1)"""

COUNT = """
SELECT outcome.channel, outcome.rule_code, outcome.reason_codes, c.people, {written}, {removed}
FROM (SELECT place, waits, count(*) AS people FROM decided GROUP BY 1, 2) c
JOIN outcome USING (place, waits)"""


def plan_statement(rule_set: RuleSet, *, dry_run: bool) -> Compiled:
    """The whole plan as one statement that returns counts per rule; `dry_run` leaves the writing out.

    Besides its own values it needs :office, :campaign, :rule_set, :as_of, :as_of_day, :now, :failed.
    """
    compiled = Compiled()
    decided = decided_sql(rule_set, compiled)
    outcome = table_sql(rule_set, compiled)
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
