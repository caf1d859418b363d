"""Rule sets as JSON documents. What cannot be compiled is refused with its position: rule, place within it, attribute, value, what fits.

    {"schema": 2,
     "rules": [{"code": "large", "name": "高額", "channel": "tax_officer", "reasons": ["large_amount"], "priority": 3,
                "when": {"attribute": "outstanding", "op": ">=", "value": 500000}},
               {"code": "again", "channel": "sms", "template": "second_sms", "reasons": ["sms_without_effect"], "arms": ["new"],
                "when": {"attribute": "attempts", "params": {"channel": "sms", "days": 30}, "op": "between", "value": [1, 3]}}, …],
     "experiment": {"code": "2026-11", "arms": [
        {"code": "now", "share": 450}, {"code": "new", "share": 450, "overrides": {"large": {"channel": "operator_call"}}},
        {"code": "wait", "share": 100, "wait_days": 30}]}}

A condition is a test as above, `{"all": […]}`, `{"any": […]}`, `{"not": …}` or `"always"`. The channel "ladder" leaves it to the campaign's
ladder (`campaigns.planning.ladder`), which tells its own reasons. `share` is of a thousand; `slots` (see `experiments`) are added when a
version is stored. Documents without `schema` are of the first one: no parameters, and an experiment of a salt and a waiting share.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any as Json

from campaigns.segmentation.conditions import All, AnyOf, Compare, Condition, Not
from campaigns.segmentation.experiments import Arm, Experiment, Override
from campaigns.segmentation.problems import BadRuleSet, Problem
from campaigns.segmentation.reading import SCHEMA, Reader
from campaigns.segmentation.reading_conditions import ALWAYS
from campaigns.segmentation.rules import Rule, RuleSet

__all__ = ["ALWAYS", "SCHEMA", "check_document", "read_rule", "read_rule_set", "write_condition", "write_rule", "write_rule_set"]


def read_rule_set(document: object) -> RuleSet:
    """Reads a rule set.

    Raises:
        BadRuleSet: with the position of every mistake.
    """
    reader = Reader()
    rule_set = reader.rule_set(document)
    if reader.problems or rule_set is None:
        raise BadRuleSet(reader.problems)
    return rule_set


def check_document(document: object) -> list[Problem]:
    """Every mistake of a document, in its order; none when it can be compiled."""
    reader = Reader()
    reader.rule_set(document)
    return reader.problems


def read_rule(document: object, number: int = 1) -> Rule:
    """Reads one rule, the `number`-th of its set.

    Raises:
        BadRuleSet: with the position of every mistake.
    """
    reader = Reader()
    rule = reader.rule(document, number)
    if reader.problems or rule is None:
        raise BadRuleSet(reader.problems)
    return rule


def write_rule_set(rule_set: RuleSet) -> dict[str, Json]:
    """The rule set as a document that reads back equal."""
    document: dict[str, Json] = {"schema": SCHEMA, "rules": [write_rule(rule) for rule in rule_set.rules]}
    return document | ({"experiment": write_experiment(rule_set.experiment)} if rule_set.experiment.arms else {})


def write_rule(rule: Rule) -> dict[str, Json]:
    """A rule as plain JSON; what it leaves empty is left out."""
    optional = {"name": rule.name, "template": rule.template, "script": rule.script, "arms": list(rule.arms)}
    return (
        {"code": rule.code, "channel": rule.channel.value, "reasons": list(rule.reasons), "priority": rule.priority}
        | {name: value for name, value in optional.items() if value}
        | {"when": write_condition(rule.when)}
    )


def write_condition(condition: Condition) -> Json:
    """A condition as plain JSON."""
    match condition:
        case All(()):
            return ALWAYS
        case All(parts):
            return {"all": [write_condition(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [write_condition(part) for part in parts]}
        case Not(part):
            return {"not": write_condition(part)}
        case Compare(attribute, op, value, params):
            told: dict[str, Json] = {"attribute": attribute} | ({"params": dict(params)} if params else {})
            return told | {"op": op.value, "value": list(value) if isinstance(value, tuple) else value}


def write_experiment(experiment: Experiment) -> dict[str, Json]:
    """An experiment as plain JSON."""
    return {"code": experiment.code, "arms": [_write_arm(arm) for arm in experiment.arms]}


def _write_arm(arm: Arm) -> dict[str, Json]:
    told: dict[str, Json] = {"code": arm.code, "share": arm.share}
    optional: Mapping[str, Json] = {
        "name": arm.name,
        "wait_days": arm.wait_days,
        "overrides": {each.rule: _write_override(each) for each in arm.overrides},
        "slots": [list(slot) for slot in arm.slots],
    }
    return told | {name: value for name, value in optional.items() if value}


def _write_override(override: Override) -> dict[str, Json]:
    told = {"channel": override.channel, "priority": override.priority, "template": override.template, "script": override.script}
    return {name: value for name, value in told.items() if value is not None}
