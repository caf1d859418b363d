"""Rules in plain words, Japanese and English, and how the words of two versions differ. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from campaigns.attempts.codes import CHANNEL_EN, CHANNEL_JA, Channel
from campaigns.segmentation.attributes import ATTRIBUTES
from campaigns.segmentation.conditions import All, AnyOf, Compare, Condition, Not, Op, Params
from campaigns.segmentation.experiments import Experiment, RuleChannel
from campaigns.segmentation.kinds import Attribute, Choice, Kind, Unit
from campaigns.segmentation.reasons import reason_text
from campaigns.segmentation.rules import Rule

LADDER = ("手順に従う", "by the campaign's ladder")
EVERYBODY = ("ほかのすべての人", "everybody else")
UNITS_JA = {Unit.YEN: "円", Unit.DAYS: "日", Unit.TIMES: "回", Unit.ITEMS: "件", Unit.PEOPLE: "人", Unit.AGE: "歳", Unit.PERCENT: "%"}
NUMBERS: dict[Op, tuple[str, str]] = {
    Op.EQ: ("が{0}", "{0}"),
    Op.NE: ("が{0}でない", "not {0}"),
    Op.LT: ("が{0}未満", "less than {0}"),
    Op.LE: ("が{0}以下", "at most {0}"),
    Op.GT: ("が{0}を超える", "more than {0}"),
    Op.GE: ("が{0}以上", "at least {0}"),
    Op.BETWEEN: ("が{0}から{1}まで", "from {0} to {1}"),
    Op.IN: ("が{any}", "{any}"),
    Op.NOT_IN: ("が{any}のどれでもない", "none of {any}"),
}
WORDS: dict[Op, tuple[str, str]] = {
    Op.EQ: ("が{0}", "is {0}"),
    Op.NE: ("が{0}でない", "is not {0}"),
    Op.IN: ("が{any}", "is {any}"),
    Op.NOT_IN: ("が{any}のどれでもない", "is none of {any}"),
    Op.STARTS: ("が{any}で始まる", "begins with {any}"),
    Op.HAS_ANY: ("に{any}がある", "include {any}"),
    Op.HAS_ALL: ("に{all}がすべてある", "include all of {all}"),
    Op.HAS_NONE: ("に{any}がどれもない", "include none of {any}"),
}
EMPTY = {True: ("の記録がない", "is not on record"), False: ("の記録がある", "is on record")}
DIRECT = re.compile(r"[るいたうく]$")  # a Japanese phrase that stands before 人 without の
TOKEN = re.compile(r"[0-9][0-9,.]*|[A-Za-z_]+|[^0-9A-Za-z_]")


def channel_words(channel: RuleChannel, lang: str) -> str:
    """What is done."""
    if not isinstance(channel, Channel):
        return LADDER[lang == "en"]
    return (CHANNEL_EN if lang == "en" else CHANNEL_JA)[channel]


def rule_name(rule: Rule, lang: str) -> str:
    """What people call a rule: its name, else its first reason, else what it does."""
    return rule.name or (reason_text(rule.reasons[0], lang) if rule.reasons else channel_words(rule.channel, lang))


def rule_words(rule: Rule, lang: str) -> str:
    """A rule as one sentence: whom it is for, and what is done."""
    channel, more = channel_words(rule.channel, lang), _details(rule, lang)
    whom = condition_words(rule.when, lang)
    if lang == "en":
        return f"{whom[0].upper()}{whom[1:]}: {channel}{more}" if rule.when == All(()) else f"If {whom}: {channel}{more}"
    if rule.when == All(()):
        return f"{whom}は、{channel}{more}"
    return f"{whom}{'' if DIRECT.search(whom) else 'の'}人は、{channel}{more}"


def _details(rule: Rule, lang: str) -> str:
    told = [
        (bool(rule.arms), ("{}群だけ", "only arm {}"), "・".join(rule.arms)),
        (bool(rule.template), ("文面 {}", "wording {}"), rule.template),
        (bool(rule.script), ("台本 {}", "script {}"), rule.script),
        (rule.priority != 5, ("優先度{}", "priority {}"), str(rule.priority)),
    ]
    shown = [words[lang == "en"].format(value) for is_told, words, value in told if is_told]
    if not shown:
        return ""
    return f" ({', '.join(shown)})" if lang == "en" else f"（{'、'.join(shown)}）"


def condition_words(condition: Condition, lang: str) -> str:
    """A condition in words."""
    return EVERYBODY[lang == "en"] if condition == All(()) else _words(condition, lang, is_within=False)


def _words(condition: Condition, lang: str, *, is_within: bool) -> str:
    is_en = lang == "en"
    match condition:
        case All(()):
            return "always" if is_en else "つねに"
        case AnyOf(()):
            return "never" if is_en else "なし"
        case All(parts) | AnyOf(parts):
            link = (("、かつ", " and ") if isinstance(condition, All) else ("、または", " or "))[is_en]
            told = link.join(_words(part, lang, is_within=True) for part in parts)
            return _bracketed(told, lang) if is_within and len(parts) > 1 else told
        case Not(Compare(attribute, Op.IS, value)):
            return _test_words(Compare(attribute, Op.IS, not value), ATTRIBUTES[attribute], lang)
        case Not(part):
            told = _bracketed(_words(part, lang, is_within=False), lang)
            return f"not {told}" if is_en else f"{told}でない"
        case Compare():
            return _test_words(condition, ATTRIBUTES[condition.attribute], lang)


def _bracketed(words: str, lang: str) -> str:
    return f"({words})" if lang == "en" else f"（{words}）"


def _test_words(test: Compare, attribute: Attribute, lang: str) -> str:
    is_en = lang == "en"
    if attribute.kind is Kind.FLAG:
        words = (attribute.ja, attribute.en) if test.value else (attribute.ja_not, attribute.en_not)
        return f"the debtor {words[1]}" if is_en else words[0]
    name = attribute_words(attribute, test.params, lang)
    values = test.value if isinstance(test.value, tuple) else (test.value,)
    if test.op is Op.UNKNOWN:
        said = EMPTY[bool(test.value)][is_en]
    else:
        is_number = attribute.kind is Kind.NUMBER
        told = [value_words(attribute, value, lang) for value in values]
        fields = {"any": _listed(told, ("か", "or"), lang), "all": _listed(told, ("と", "and"), lang)}
        said = (NUMBERS if is_number else WORDS)[test.op][is_en].format(*told, **fields)
        if is_en and is_number:
            said = f"{'are' if attribute.unit is Unit.DAYS else 'is'} {said}"
    return f"the {name} {said}" if is_en else f"{name}{said}"


def attribute_words(attribute: Attribute, params: Params, lang: str) -> str:
    """An attribute's name with its parameters."""
    given = dict(params)
    told = [(param, given[param.name]) for param in attribute.params if param.name in given]
    if lang == "en":
        name = attribute.en[0].lower() + attribute.en[1:]
        return " ".join([name, *(param.en_of.format(word_label(param.choices, value, lang)) for param, value in reversed(told))])
    return "".join(param.ja_of.format(word_label(param.choices, value, lang)) for param, value in told) + attribute.ja


def word_label(choices: Sequence[Choice], value: object, lang: str) -> str:
    """A word's label, or the word itself."""
    found = next((choice for choice in choices if choice.code == value), None)
    return str(value) if found is None else found.en if lang == "en" else found.ja


def value_words(attribute: Attribute, value: object, lang: str) -> str:
    """A value with its unit, or a word in quotes."""
    if attribute.kind is not Kind.NUMBER:
        label = word_label(attribute.choices, value, lang)
        return f"“{label}”" if lang == "en" else f"「{label}」"
    assert isinstance(value, int)
    if attribute.unit is Unit.NONE:
        return str(value)
    if lang == "en":
        return f"¥{value:,}" if attribute.unit is Unit.YEN else f"{value:,}{'%' if attribute.unit is Unit.PERCENT else ''}"
    return f"{value:,}{UNITS_JA[attribute.unit]}"


def _listed(words: Sequence[str], last: tuple[str, str], lang: str) -> str:
    if lang == "en":
        return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last[1]} {words[-1]}"
    return last[0].join(words)


def experiment_words(experiment: Experiment, lang: str) -> list[str]:
    """Each arm in a line."""
    is_en, lines = lang == "en", []
    for arm in experiment.arms:
        told = f"{arm.name or arm.code} {arm.share / 10:g}%"
        if arm.wait_days:
            told += f": waits {arm.wait_days} days" if is_en else f": {arm.wait_days}日待つ"
        for other in arm.overrides:
            done = [channel_words(other.channel, lang)] if other.channel is not None else []
            done += [str(value) for value in (other.template, other.script) if value]
            told += f"; {other.rule} → {', '.join(done)}" if is_en else f"、{other.rule} は {'、'.join(done)}"
        lines.append(told)
    return lines


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a changed sentence: `kind` same, gone or new."""

    kind: str
    text: str


def changed_words(before: str, after: str) -> list[Piece]:
    """How a sentence became another one, by words and numbers; what is very different is told whole."""
    old, new = TOKEN.findall(before), TOKEN.findall(after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < 0.4:
        return [Piece("gone", before), Piece("new", after)]
    pieces: list[Piece] = []
    for op, a, b, c, d in matcher.get_opcodes():
        if op == "equal":
            pieces.append(Piece("same", "".join(old[a:b])))
            continue
        pieces += [Piece(kind, "".join(text)) for kind, text in (("gone", old[a:b]), ("new", new[c:d])) if text]
    return pieces
