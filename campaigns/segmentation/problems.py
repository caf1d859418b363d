"""What is wrong with a rule set, and where, in two languages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from callcenter.core.errors import InvalidInput

MESSAGES: dict[str, tuple[str, str]] = {
    "no_object": ("項目の組(オブジェクト)ではありません", "must be an object"),
    "no_list": ("一覧ではありません", "must be a list"),
    "unknown_field": ("知らない項目「{value}」があります", "unknown field {value!r}"),
    "missing_field": ("項目「{value}」がありません", "the field {value!r} is missing"),
    "bad_schema": ("この版の書式({value})は読めません", "the schema {value!r} can't be read"),
    "rule_count": ("規則は1から{highest}個です", "there must be 1 to {highest} rules"),
    "code_twice": ("コード「{value}」が2度使われています", "'{value}' is used twice"),
    "last_rule": ("最後の規則は、すべての人に当てはまるものにします", "the last rule must hold for everybody"),
    "bad_code": ("「{value}」はコードになりません", "{value!r} is no code"),
    "bad_channel": ("「{value}」という手段はありません", "{value!r} is no channel"),
    "no_reason": ("理由のコードが1つは要ります", "a rule needs at least one reason code"),
    "bad_whole": ("{lowest}から{highest}までの整数にします", "must be a whole number from {lowest} to {highest}"),
    "bad_text": ("{highest}文字までの文字にします", "must be a text of at most {highest} characters"),
    "empty_text": ("何か書いてください", "must not be empty"),
    "bad_flag": ("「はい」か「いいえ」にします", "must be true or false"),
    "no_condition": ("条件ではありません", "must be a condition"),
    "one_of_three": ("all・any・not のどれか1つ、または attribute だけにします", "must have exactly one of all, any, not, or an attribute"),
    "empty_group": ("条件の組が空です", "must not be empty"),
    "too_deep": ("条件の入れ子は{highest}段までです", "conditions are nested more than {highest} deep"),
    "no_attribute": ("「{value}」という項目はありません", "there is no attribute {value!r}"),
    "bad_op": ("「{value}」はこの項目には使えません", "{value!r} does not fit the {kind} {attribute}"),
    "bad_count": ("1から{highest}個の値を並べます", "must list 1 to {highest} values"),
    "bad_between": ("小さいほうと大きいほうの2つの値にします", "must be two values, the smaller first"),
    "not_a_choice": ("「{value}」は選べません", "{value!r} can't be chosen"),
    "no_parameter": ("「{value}」という条件の絞り込みはありません", "there is no parameter {value!r}"),
    "missing_parameter": ("「{value}」が要ります", "the parameter {value!r} is missing"),
    "not_for_channel": ("「{value}」の手段では使いません", "is not used by the channel {value!r}"),
    "no_arm": ("「{value}」という群はありません", "there is no arm {value!r}"),
    "arm_waits": ("「{value}」は待つ群で、規則を持ちません", "the arm {value!r} waits and has no rules"),
    "arm_count": ("群は2から{highest}です", "there must be 2 to {highest} arms"),
    "shares": ("群の割合の合計が100%になりません", "the shares must be 1000 together"),
    "champion_waits": (
        "最初の群(いまのやり方)は、待つ群にも別のやり方にもできません",
        "the first arm, the champion, neither waits nor differs",
    ),
    "bad_slots": ("群の割り当てが、割合と合いません", "the slots must be the thousand places, as many as the shares say"),
    "no_rule": ("「{value}」という規則はありません", "there is no rule {value!r}"),
    "no_template": ("「{value}」という文面がありません", "there is no active message template {value!r}"),
    "no_script": ("「{value}」という自動電話の台本がありません", "there is no active robocall script {value!r}"),
}
NUMBERS_OF_RULES = ("規則{rule}", "rule {rule}")
EXPECTED = ("{text}のどれかです。", "Expected one of {text}.")


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake.

    Attributes:
        where: its path within the document, for instance `rules[3].when.all[1].value`.
        rule: the number of the rule, from 1; 0 outside the rules.
        rule_code: that rule's code where it has one.
        attribute: the attribute that is asked about.
        value: what was found.
        expected: words of which one would fit.
    """

    code: str
    where: str
    rule: int = 0
    rule_code: str = ""
    attribute: str = ""
    value: str = ""
    expected: tuple[str, ...] = ()
    fields: dict[str, object] = field(default_factory=dict)

    def text(self, lang: str = "en") -> str:
        """What is wrong, in a sentence without the place."""
        message = MESSAGES[self.code][lang == "en"]
        return message.format(value=self.value, attribute=self.attribute, **self.fields)

    def hint(self, lang: str = "en") -> str:
        """What would fit; empty where the text says it."""
        if not self.expected:
            return ""
        shown = ", ".join(self.expected[:40]) + (" …" if len(self.expected) > 40 else "")
        return EXPECTED[lang == "en"].format(text=shown)

    def place(self, lang: str = "en") -> str:
        """Where, for people: the rule's number and the place within it."""
        if not self.rule:
            return self.where
        within = self.where.partition(".")[2]
        return f"{NUMBERS_OF_RULES[lang == 'en'].format(rule=self.rule)} {within}".rstrip()


class BadRuleSet(InvalidInput):
    """A rule set that cannot be compiled."""

    code = "bad_rule_set"

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        more = f" ({len(problems)} mistakes in all)" if len(problems) > 1 else ""
        super().__init__(f"{first.where}: {first.text()}{more}", hint=first.hint())
        self.problems = tuple(problems)
