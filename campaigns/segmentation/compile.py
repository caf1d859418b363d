"""Turns a rule set into set-based SQL. Every value of a rule is a bound parameter; names come from `ATTRIBUTES` only.

Deciding comes first, into a temporary table: for each listed debtor who owes, the place of what is assigned and what the experiment makes
of it. What each of these means is a small table of its own, `outcome`. Then only what changed is written, in the order of the key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from campaigns.segmentation.attributes import ATTRIBUTES, FactsQuery, Kind
from campaigns.segmentation.conditions import All, AnyOf, Compare, Condition, Not, Op, Ref
from campaigns.segmentation.experiments import EXPERIMENT_CHANNELS, Arm, ByLadder, Experiment, arms_by_place
from campaigns.segmentation.query import Compiled
from campaigns.segmentation.rules import Assigned, Cases, Rule, RuleSet, Rung, as_done_by, assigned_of, rungs_in, rungs_of

RUNGS = 1000  # places kept for what a ladder can say, for each rule
COMPARISONS = {Op.EQ: "=", Op.NE: "<>", Op.LT: "<", Op.LE: "<=", Op.GT: ">", Op.GE: ">="}


def condition_sql(condition: Condition, facts: FactsQuery) -> str:
    """A condition as an SQL expression that is never null."""
    match condition:
        case All(()):
            return "true"
        case AnyOf(()):
            return "false"
        case All(parts):
            return "(" + " AND ".join(condition_sql(part, facts) for part in parts) + ")"
        case AnyOf(parts):
            return "(" + " OR ".join(condition_sql(part, facts) for part in parts) + ")"
        case Not(part):
            return f"(NOT {condition_sql(part, facts)})"
        case Compare():
            return _test_sql(condition, facts)


def _test_sql(test: Compare, facts: FactsQuery) -> str:
    attribute, left = ATTRIBUTES[test.attribute], facts.expression(test.ref)
    if test.op is Op.IS:
        return f"({left})" if test.value else f"(NOT {left})"
    if test.op is Op.UNKNOWN:
        return f"({'' if test.value else 'NOT '}{_emptiness(attribute.kind, left)})"
    found = _comparison(test, attribute.kind, left, facts)
    return f"coalesce({found}, false)" if attribute.is_nullable else f"({found})"


def _emptiness(kind: Kind, left: str) -> str:
    if kind is Kind.WORDS:
        return f"(cardinality({left}) = 0)"
    return f"({left} = '')" if kind is Kind.TEXT else f"({left} IS NULL)"


def _comparison(test: Compare, kind: Kind, left: str, facts: FactsQuery) -> str:
    into, sql_type = facts.joins.into, "bigint" if kind is Kind.NUMBER else "text"
    if not isinstance(test.value, tuple):
        return f"{left} {COMPARISONS[test.op]} CAST({into.bind(test.value)} AS {sql_type})"
    if test.op is Op.BETWEEN:
        low, high = (f"CAST({into.bind(value)} AS bigint)" for value in test.value)
        return f"{left} BETWEEN {low} AND {high}"
    values = f"CAST({into.bind(list(test.value))} AS {sql_type}[])"
    match test.op:
        case Op.IN:
            return f"{left} = ANY({values})"
        case Op.NOT_IN:
            return f"{left} <> ALL({values})"
        case Op.STARTS:
            return f"{left} ^@ ANY({values})"
        case Op.HAS_ALL:
            return f"CAST({left} AS text[]) @> {values}"
        case Op.HAS_NONE:
            return f"NOT CAST({left} AS text[]) && {values}"
        case _:
            return f"CAST({left} AS text[]) && {values}"


def decided_sql(
    rule_set: RuleSet,
    into: Compiled,
    *,
    ladder: Cases = (),
    matches: bool = False,
    span: tuple[str, str] | None = None,
    some: str = "",
) -> str:
    """SELECT of debtor_id, place and drawn, for all listed debtors who owe; with `matches` also m0, m1 … per rule: its condition holds.

    `place` is the deciding rule's number (from 0) times `RUNGS`, plus the place of what the ladder says where the rule leaves it to the
    ladder. `drawn` is 0 for those who take no part in the experiment, else twice the arm's number (from 0) plus 1, plus 1 for those who
    have waited long enough. `span` and `some` limit it as in `Joins.sql`.
    """
    facts = FactsQuery(into)
    columns = {f"m{n}": condition_sql(rule.when, facts) for n, rule in enumerate(rule_set.rules)} if matches else {}
    if rule_set.experiment.arms:
        return _drawn_sql(rule_set, facts, ladder, columns, span, some)
    place, more = place_sql(rule_set, facts, ladder), _listed(columns)
    return f"SELECT d.id AS debtor_id, {place} AS place, 0 AS drawn{more}\n{facts.from_sql(span=span, some=some)}"


def _listed(columns: Mapping[str, str]) -> str:
    return "".join(f", {expression} AS {name}" for name, expression in columns.items())


def place_sql(rule_set: RuleSet, facts: FactsQuery, ladder: Cases, *, arm_sql: str = "") -> str:
    """The place of what is assigned.

    Args:
        arm_sql: an expression for the number of the debtor's own arm, whose rules count then; without it the champion's do.
    """
    experiment, branches = rule_set.experiment, []
    for number, rule in enumerate(rule_set.rules):
        when = condition_sql(rule.when, facts)
        if rule.arms and not arm_sql:
            if experiment.champion not in rule.arms:
                continue
        elif rule.arms:
            numbers = [n for n, each in enumerate(experiment.arms) if each.code in rule.arms]
            when = f"({arm_sql} = ANY(CAST({facts.joins.into.bind(numbers)} AS integer[])) AND {when})"
        branches.append(f"WHEN {when} THEN {_rule_place(number, rule, experiment, facts, ladder, arm_sql)}")
    return f"CAST(CASE {' '.join(branches)} END AS integer)"


def _rule_place(number: int, rule: Rule, experiment: Experiment, facts: FactsQuery, ladder: Cases, arm_sql: str) -> str:
    """A rule's place; an arm may leave to the ladder what the rule does not, or the other way round."""
    first = str(number * RUNGS)
    if not arm_sql:
        return f"{first} + {cases_sql(ladder, facts)}" if rule.channel is ByLadder.LADDER else first
    going_up = [n for n, arm in enumerate(experiment.arms) if as_done_by(rule, arm).channel is ByLadder.LADDER]
    if not going_up:
        return first
    place = f"{first} + {cases_sql(ladder, facts)}"
    if len(going_up) == len(experiment.arms):
        return place
    return f"CASE WHEN {arm_sql} = ANY(CAST({facts.joins.into.bind(going_up)} AS integer[])) THEN {place} ELSE {first} END"


def _drawn_sql(
    rule_set: RuleSet, facts: FactsQuery, ladder: Cases, columns: Mapping[str, str], span: tuple[str, str] | None, some: str
) -> str:
    """The same with an experiment: the champion's rule tells who takes part, then the debtor's own arm tells what is done.

    OFFSET 0 keeps the database from working the same expression out twice.
    """
    experiment, into = rule_set.experiment, facts.joins.into
    owners = f"CAST({into.bind(arms_by_place(experiment.arms))} AS integer[])"
    arm = f"CROSS JOIN LATERAL (SELECT ({owners})[1 + {facts.expression(experiment.place)}] AS arm OFFSET 0) b"
    champion, own = place_sql(rule_set, facts, ladder), place_sql(rule_set, facts, ladder, arm_sql="b.arm")
    has_waited = " OR ".join(
        f"(b.arm = {number} AND coalesce({facts.expression(experiment.days_in(each))} >= {into.bind(each.wait_days)}, false))"
        for number, each in enumerate(experiment.arms)
        if each.wait_days
    )
    inner = (
        f"SELECT d.id AS debtor_id, {champion} AS champion, {own} AS own, b.arm, {has_waited or 'false'} AS has_waited{_listed(columns)}"
    )
    waiting = [number for number, each in enumerate(experiment.arms) if each.wait_days]
    reached = [number for number, rule in enumerate(rule_set.rules) if rule.channel in EXPERIMENT_CHANNELS]
    takes_part = f"champion / {RUNGS} = ANY(CAST({into.bind(reached)} AS integer[]))"
    waits = f"arm = ANY(CAST({into.bind(waiting)} AS integer[]))"
    return f"""SELECT debtor_id, CASE WHEN {takes_part} AND NOT {waits} THEN own ELSE champion END AS place,
  CASE WHEN {takes_part} THEN 1 + 2 * arm + CAST(has_waited AS integer) ELSE 0 END AS drawn{"".join(f", {name}" for name in columns)}
FROM ({inner}\n{facts.from_sql(span=span, some=some, more=arm)}\nOFFSET 0) x"""  # noqa: S608 - values are bound


def cases_sql(cases: Cases, facts: FactsQuery, first: int = 0) -> str:
    """What a ladder says about a debtor as an SQL expression: its place in the order of `rungs_in`, counted from `first`."""
    branches: list[str] = []
    for case in cases:
        if isinstance(case.then, Rung):
            branches.append(f"WHEN {condition_sql(case.when, facts)} THEN {first}")
            first += 1
        else:
            branches.append(f"WHEN {condition_sql(case.when, facts)} THEN {cases_sql(case.then, facts, first)}")
            first += sum(1 for _ in rungs_in(case.then))
    return f"CASE {' '.join(branches)} END"


def outcomes_of(rule_set: RuleSet, ladder: Cases = ()) -> Iterator[tuple[int, int, Assigned]]:
    """All that can be assigned, with its place and what was drawn."""
    arms: Sequence[Arm] = rule_set.experiment.arms
    for number, rule in enumerate(rule_set.rules):
        for rung, told in enumerate(rungs_of(rule, ladder)):
            yield number * RUNGS + rung, 0, assigned_of(rule, told)
        for at, arm in enumerate(arms):
            done = rule if arm.wait_days else as_done_by(rule, arm)
            for rung, told in enumerate(rungs_of(done, ladder)):
                yield number * RUNGS + rung, 1 + 2 * at, assigned_of(done, told, arm)
                if arm.wait_days:
                    yield number * RUNGS + rung, 2 + 2 * at, assigned_of(done, told, arm, has_waited=True)


COLUMNS = {
    "channel": "varchar",
    "reason_codes": "text",
    "rule_code": "varchar",
    "priority": "smallint",
    "arm": "varchar",
    "propensity": "double precision",
    "step": "smallint",
    "template": "varchar",
    "script": "varchar",
}


def table_sql(rule_set: RuleSet, into: Compiled, *, ladder: Cases = ()) -> str:
    """SELECT of what each place means: a row per rule, thing the ladder can say, and arm."""
    rows = list(outcomes_of(rule_set, ladder))
    values: dict[str, list[object]] = {"place": [row[0] for row in rows], "drawn": [row[1] for row in rows]}
    told = [row[2] for row in rows]
    values |= {
        "channel": [each.channel.value for each in told],
        "reason_codes": [",".join(each.reasons) for each in told],
        **{name: [getattr(each, name) for each in told] for name in COLUMNS if name not in ("channel", "reason_codes")},
    }
    types = {"place": "integer", "drawn": "integer", **COLUMNS}
    arrays = ", ".join(f"CAST({into.bind(values[name])} AS {kind}[])" for name, kind in types.items())
    columns = ", ".join(f"CAST(string_to_array({name}, ',') AS varchar[]) AS {name}" if name == "reason_codes" else name for name in types)
    return f"SELECT {columns} FROM unnest({arrays}) AS outcome ({', '.join(types)})"  # noqa: S608 - values are bound


def facts_sql(refs: Iterable[Ref], into: Compiled, *, some: str = "") -> str:
    """SELECT of attributes under the names `f0`, `f1` … of one debtor, `:debtor`; or of `some`, an array of ids, which come first."""
    facts = FactsQuery(into)
    columns = ", ".join(f"{facts.expression(ref)} AS f{number}" for number, ref in enumerate(refs))
    if some:
        return f"SELECT d.id, {columns} {facts.from_sql(some=some)}"
    return f"SELECT {columns or '1 AS found'} {facts.from_sql(for_one=True)}"
