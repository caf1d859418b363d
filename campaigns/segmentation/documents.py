"""Rule sets as JSON documents: what cannot be read is refused with its position, for instance `rules[3].when.all[1].value`.

    {"rules": [{"code": "large", "channel": "tax_officer", "reasons": ["large_amount"], "priority": 3,
                "when": {"attribute": "outstanding", "op": ">=", "value": 500000}}, …],
     "experiment": {"salt": "2026-11", "wait_permille": 0}}

The channel "ladder" leaves it to the campaign's ladder (`campaigns.planning.ladder`), which tells its own reasons.
A condition is a test as above, `{"all": […]}`, `{"any": […]}`, `{"not": …}` or `"always"`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any as Json
from typing import NoReturn

from callcenter.core.errors import InvalidInput
from campaigns.attempts.codes import Channel
from campaigns.segmentation.attributes import ATTRIBUTES, Kind
from campaigns.segmentation.rules import All, AnyOf, ByLadder, Compare, Condition, Experiment, Not, Op, Rule, RuleChannel, RuleSet

CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
MAX_RULES, MAX_DEPTH, MAX_LIST = 200, 8, 500
ALWAYS = "always"
OPS: dict[Kind, frozenset[Op]] = {
    Kind.NUMBER: frozenset({Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE, Op.IN, Op.NOT_IN, Op.UNKNOWN}),
    Kind.FLAG: frozenset({Op.IS}),
    Kind.WORD: frozenset({Op.EQ, Op.NE, Op.IN, Op.NOT_IN}),
    Kind.WORDS: frozenset({Op.HAS_ANY}),
}
LARGEST = 10**15


def refuse(where: str, what: str, hint: str = "") -> NoReturn:
    """Raises the refusal of a document at a position."""
    raise InvalidInput(f"{where}: {what}", hint=hint, code="bad_rule_set")


def read_rule_set(document: object) -> RuleSet:
    """Reads a rule set.

    Raises:
        InvalidInput: with the position of the first mistake.
    """
    root = _mapping(document, "rule set", {"rules", "experiment"}, required={"rules"})
    rows = _sequence(root["rules"], "rules")
    if not 0 < len(rows) <= MAX_RULES:
        refuse("rules", f"there must be 1 to {MAX_RULES} rules, found {len(rows)}")
    rules = tuple(_rule(row, f"rules[{place}]") for place, row in enumerate(rows))
    seen: set[str] = set()
    for place, rule in enumerate(rules):
        if rule.code in seen:
            refuse(f"rules[{place}].code", f"'{rule.code}' is used twice")
        seen.add(rule.code)
    if rules[-1].when != All(()):
        refuse(f"rules[{len(rules) - 1}].when", "the last rule must hold for everybody", 'Set its "when" to "always".')
    return RuleSet(rules, _experiment(root.get("experiment", {})))


def write_rule_set(rule_set: RuleSet) -> dict[str, Json]:
    """The rule set as a document that reads back equal."""
    return {
        "rules": [
            {
                "code": rule.code,
                "channel": rule.channel.value,
                "reasons": list(rule.reasons),
                "priority": rule.priority,
                "when": write_condition(rule.when),
            }
            for rule in rule_set.rules
        ],
        "experiment": {"salt": rule_set.experiment.salt, "wait_permille": rule_set.experiment.wait_permille},
    }


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
        case Compare(attribute, op, value):
            return {"attribute": attribute, "op": op.value, "value": list(value) if isinstance(value, tuple) else value}


def _rule(row: object, where: str) -> Rule:
    known = {"code", "channel", "reasons", "priority", "when"}
    fields = _mapping(row, where, known, required={"code", "channel", "reasons", "when"})
    channels: dict[object, RuleChannel] = {channel.value: channel for channel in (*Channel, *ByLadder)}
    channel = channels.get(fields["channel"]) if isinstance(fields["channel"], str) else None
    if channel is None:
        refuse(f"{where}.channel", f"{fields['channel']!r} is no channel", f"Expected one of {', '.join(map(str, channels))}.")
    reasons = tuple(_code(code, f"{where}.reasons[{n}]") for n, code in enumerate(_sequence(fields["reasons"], f"{where}.reasons")))
    if not reasons and channel is not ByLadder.LADDER:
        refuse(f"{where}.reasons", "a rule needs at least one reason code")
    priority = _whole(fields.get("priority", 5), f"{where}.priority", 1, 9)
    when = _condition(fields["when"], f"{where}.when", 0)
    return Rule(_code(fields["code"], f"{where}.code"), channel, reasons, when, priority)


def _experiment(value: object) -> Experiment:
    fields = _mapping(value, "experiment", {"salt", "wait_permille"}, required=set())
    salt = fields.get("salt", "")
    if not isinstance(salt, str) or len(salt) > 60:
        refuse("experiment.salt", "must be a text of at most 60 characters")
    return Experiment(salt, _whole(fields.get("wait_permille", 0), "experiment.wait_permille", 0, 1000))


def _condition(value: object, where: str, depth: int) -> Condition:
    if value == ALWAYS:
        return All(())
    if depth > MAX_DEPTH:
        refuse(where, f"conditions are nested more than {MAX_DEPTH} deep")
    if not isinstance(value, Mapping):
        refuse(where, "must be a condition", 'Expected {"attribute", "op", "value"}, {"all": […]}, {"any": […]}, {"not": …} or "always".')
    if "attribute" in value:
        return _test(value, where)
    if len(value) != 1 or not {"all", "any", "not"} & set(value):
        refuse(where, "must have exactly one of all, any, not, or an attribute")
    word, inner = next(iter(value.items()))
    if word == "not":
        return Not(_condition(inner, f"{where}.not", depth + 1))
    rows = _sequence(inner, f"{where}.{word}")
    if not rows:
        refuse(f"{where}.{word}", "must not be empty")
    parts = tuple(_condition(row, f"{where}.{word}[{n}]", depth + 1) for n, row in enumerate(rows))
    return All(parts) if word == "all" else AnyOf(parts)


def _test(value: Mapping[str, Json], where: str) -> Compare:
    fields = _mapping(value, where, {"attribute", "op", "value"}, required={"attribute", "op", "value"})
    attribute = ATTRIBUTES.get(str(fields["attribute"]))
    if attribute is None:
        refuse(f"{where}.attribute", f"there is no attribute {fields['attribute']!r}", f"Known: {', '.join(sorted(ATTRIBUTES))}.")
    words = sorted(op.value for op in OPS[attribute.kind])
    if fields["op"] not in words:
        refuse(
            f"{where}.op", f"{fields['op']!r} does not fit the {attribute.kind} {attribute.name}", f"Expected one of {', '.join(words)}."
        )
    op = Op(fields["op"])
    return Compare(attribute.name, op, _value(fields["value"], op, attribute.kind, f"{where}.value"))


def _value(value: object, op: Op, kind: Kind, where: str) -> int | bool | str | tuple[int, ...] | tuple[str, ...]:
    if op in (Op.IS, Op.UNKNOWN):
        if not isinstance(value, bool):
            refuse(where, "must be true or false")
        return value
    if op in (Op.IN, Op.NOT_IN, Op.HAS_ANY):
        rows = _sequence(value, where)
        if not 0 < len(rows) <= MAX_LIST:
            refuse(where, f"must list 1 to {MAX_LIST} values")
        if kind is Kind.NUMBER:
            return tuple(_whole(row, f"{where}[{n}]", -LARGEST, LARGEST) for n, row in enumerate(rows))
        return tuple(_text(row, f"{where}[{n}]") for n, row in enumerate(rows))
    return _whole(value, where, -LARGEST, LARGEST) if kind is Kind.NUMBER else _text(value, where)


def _mapping(value: object, where: str, known: set[str], required: set[str]) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        refuse(where, "must be an object")
    if unknown := sorted(str(key) for key in value if key not in known):
        refuse(where, f"unknown field {unknown[0]!r}", f"Known: {', '.join(sorted(known))}.")
    if missing := sorted(required - set(value)):
        refuse(where, f"the field {missing[0]!r} is missing")
    return value


def _sequence(value: object, where: str) -> Sequence[object]:
    if not isinstance(value, list | tuple):
        refuse(where, "must be a list")
    return value


def _whole(value: object, where: str, lowest: int, highest: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        refuse(where, f"must be a whole number from {lowest} to {highest}")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or len(value) > 200 or "\x00" in value:
        refuse(where, "must be a text of at most 200 characters")
    return value


def _code(value: object, where: str) -> str:
    if not isinstance(value, str) or not CODE.fullmatch(value):
        refuse(where, f"{value!r} is no code", "Expected small letters, digits and underscores, beginning with a letter, at most 40.")
    return value
