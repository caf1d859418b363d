"""What a rule's form is drawn from: attributes in their groups, comparisons, choices, units."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from callcenter.web.rule_form import Node
from campaigns.planning.references import template_codes
from campaigns.segmentation.attributes import ATTRIBUTES
from campaigns.segmentation.conditions import Op
from campaigns.segmentation.kinds import GROUPS, Attribute, Kind, Param, Unit
from campaigns.segmentation.reading import CHANNELS
from campaigns.segmentation.reading_conditions import LISTS, ops_of
from campaigns.segmentation.reasons import REASONS, reason_text
from campaigns.segmentation.rules import RuleSet
from campaigns.segmentation.sentences import channel_words
from dialer.ivr.service import script_codes

OP_WORDS: dict[Op, tuple[str, str]] = {
    Op.EQ: ("に等しい", "is"),
    Op.NE: ("に等しくない", "is not"),
    Op.LT: ("未満", "less than"),
    Op.LE: ("以下", "at most"),
    Op.GT: ("より大きい", "more than"),
    Op.GE: ("以上", "at least"),
    Op.BETWEEN: ("範囲", "between"),
    Op.IN: ("のどれか", "one of"),
    Op.NOT_IN: ("のどれでもない", "none of"),
    Op.STARTS: ("で始まる", "begins with"),
    Op.IS: ("である・でない", "is"),
    Op.UNKNOWN: ("記録の有無", "on record"),
    Op.HAS_ANY: ("のどれかがある", "include any of"),
    Op.HAS_ALL: ("がすべてある", "include all of"),
    Op.HAS_NONE: ("がどれもない", "include none of"),
}
UNITS: dict[Unit, tuple[str, str]] = {
    Unit.NONE: ("", ""),
    Unit.YEN: ("円", "yen"),
    Unit.DAYS: ("日", "days"),
    Unit.TIMES: ("回", ""),
    Unit.ITEMS: ("件", ""),
    Unit.PEOPLE: ("人", "people"),
    Unit.AGE: ("歳", "years"),
    Unit.PERCENT: ("%", "%"),
}
YES_NO = {Op.UNKNOWN: (("記録がない", "not on record"), ("記録がある", "on record"))}


def attribute_groups(lang: str) -> list[dict[str, Any]]:
    """All attributes for a list to choose from, in their groups."""
    return [
        {
            "label": words[lang == "en"],
            "options": [
                {"value": each.name, "label": each.en if lang == "en" else each.ja} for each in ATTRIBUTES.values() if each.group is group
            ],
        }
        for group, words in GROUPS.items()
    ]


def channel_options(lang: str, chosen: str = "") -> list[dict[str, Any]]:
    """Channels, and the ladder."""
    return [
        {"value": channel.value, "label": channel_words(channel, lang), "is_chosen": channel.value == chosen}
        for channel in CHANNELS.values()
    ]


def known_codes(session: Session, rules: RuleSet, lang: str) -> dict[str, Any]:
    """Wordings, scripts, arms and reasons that a rule may name."""
    own = {code for rule in rules.rules for code in rule.reasons}
    return {
        "templates": template_codes(session),
        "scripts": script_codes(session),
        "arms": [{"code": arm.code, "name": arm.name or arm.code} for arm in rules.experiment.arms if not arm.wait_days],
        "reasons": [{"value": code, "label": reason_text(code, lang)} for code in sorted({*REASONS, *own})],
    }


def node_model(node: Node, lang: str, path: str = "c", errors: dict[str, str] | None = None) -> dict[str, Any]:
    """A node as it is drawn, with all within."""
    found = {
        "path": path,
        "id": path.replace(".", "-"),
        "is_not": node.is_not,
        "is_group": node.is_group,
        "word": node.word,
        "error": (errors or {}).get(path, ""),
        "parts": [node_model(part, lang, f"{path}.{n}", errors) for n, part in enumerate(node.parts)],
    }
    return found if node.is_group else found | _test_model(node, ATTRIBUTES[node.attribute], lang)


def _test_model(node: Node, attribute: Attribute, lang: str) -> dict[str, Any]:
    is_en, op = lang == "en", Op(node.op)
    return {
        "attribute": attribute.name,
        "label": attribute.en if is_en else attribute.ja,
        "op": op.value,
        "ops": [{"value": each.value, "label": OP_WORDS[each][is_en]} for each in ops_of(attribute)],
        "input": _input(attribute, op),
        "values": node.values,
        "choices": _choices(attribute, op, lang),
        "unit": UNITS[attribute.unit][is_en],
        "params": [_param_model(param, node.params.get(param.name, ""), lang) for param in attribute.params],
    }


def _input(attribute: Attribute, op: Op) -> str:
    if op in (Op.IS, Op.UNKNOWN):
        return "yesno"
    if op is Op.BETWEEN:
        return "between"
    if attribute.choices:
        return "many" if op in LISTS else "one"
    if op in LISTS:
        return "list"
    return "number" if attribute.kind is Kind.NUMBER else "text"


def _choices(attribute: Attribute, op: Op, lang: str) -> list[dict[str, str]]:
    is_en = lang == "en"
    if op is Op.IS:
        words = ((attribute.ja, attribute.en), (attribute.ja_not, attribute.en_not))
    elif op is Op.UNKNOWN:
        words = YES_NO[op]
    else:
        return [{"value": choice.code, "label": choice.en if is_en else choice.ja} for choice in attribute.choices]
    return [{"value": value, "label": pair[is_en]} for value, pair in zip(("true", "false"), words, strict=True)]


def _param_model(param: Param, value: str, lang: str) -> dict[str, Any]:
    is_en = lang == "en"
    return {
        "name": param.name,
        "label": param.en if is_en else param.ja,
        "is_number": param.is_number,
        "is_required": param.is_required,
        "value": value,
        "choices": [{"value": choice.code, "label": choice.en if is_en else choice.ja} for choice in param.choices],
    }
