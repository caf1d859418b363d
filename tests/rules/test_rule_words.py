"""Rules in plain words, and how two versions differ."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.attempts.codes import Channel
from campaigns.segmentation.attributes import ATTRIBUTES
from campaigns.segmentation.comparing import Change, compare, in_order
from campaigns.segmentation.defaults import default_rule_set
from campaigns.segmentation.kinds import Kind
from campaigns.segmentation.rules import All, AnyOf, ByLadder, Compare, Condition, Not, Op, Rule, RuleSet
from campaigns.segmentation.sentences import changed_words, condition_words, rule_words
from tests.rules.rule_samples import conditions, rule_sets

SMS_IN_30 = (("channel", "sms"), ("days", 30))
NO_SMS = All((Compare("has_mobile", Op.IS, True), Compare("attempts", Op.EQ, 0, SMS_IN_30)))
NOT_SEIZED = AnyOf((Compare("is_seized", Op.IS, False), Not(Compare("last_outcome", Op.IN, ("refuses", "complaint")))))


@pytest.mark.parametrize(
    ("rule", "ja", "en"),
    [
        (
            Rule("a", Channel.TAX_OFFICER, ("a",), Compare("outstanding", Op.GE, 500_000), 2),
            "未納額(本税)が500,000円以上の人は、徴税吏員へ引継（優先度2）",
            "If the outstanding (principal) is at least ¥500,000: Handed to a tax officer (priority 2)",
        ),
        (
            Rule("a", Channel.SMS, ("a",), NO_SMS, template="soft"),
            "使える携帯がある、かつ過去30日のSMSの連絡の回数が0回の人は、SMS（文面 soft）",
            "If the debtor has a usable mobile and the number of attempts by SMS in the last 30 days is 0: SMS (wording soft)",
        ),
        (
            Rule("a", Channel.NONE, ("a",), NOT_SEIZED),
            "差押中でない、または（最後の交渉結果が「納付拒否・異議」か「苦情」）でない人は、連絡しない",
            "If the debtor has no property seized or not (the last result is “Refuses or objects” or “Complaint”): No contact",
        ),
        (
            Rule("a", ByLadder.LADDER, (), All(())),
            "ほかのすべての人は、手順に従う",
            "Everybody else: by the campaign's ladder",
        ),
        (
            Rule("a", Channel.VISIT, ("a",), Compare("days_since_contact", Op.UNKNOWN, True), arms=("new",)),
            "最後の接触からの日数の記録がない人は、訪問（new群だけ）",
            "If the days since the last contact is not on record: Visit (only arm new)",
        ),
    ],
)  # fmt: skip
def test_a_rule_in_words(rule: Rule, ja: str, en: str) -> None:
    assert (rule_words(rule, "ja"), rule_words(rule, "en")) == (ja, en)


def test_every_attribute_has_words_in_both_languages() -> None:
    for attribute in ATTRIBUTES.values():
        assert attribute.ja
        assert attribute.en
        assert (attribute.kind is Kind.FLAG) == bool(attribute.ja_not and attribute.en_not), attribute.name


@given(conditions)
def test_any_condition_can_be_told(condition: Condition) -> None:
    for lang in ("ja", "en"):
        assert condition_words(condition, lang)
        assert "{" not in condition_words(condition, lang)


def test_a_changed_sentence_shows_just_what_changed() -> None:
    pieces = changed_words("未納額が20,000円未満の人は、SMS", "未納額が30,000円未満の人は、SMS")
    assert [(piece.kind, piece.text) for piece in pieces] == [
        ("same", "未納額が"),
        ("gone", "20,000"),
        ("new", "30,000"),
        ("same", "円未満の人は、SMS"),
    ]


def test_rules_added_removed_changed_and_moved() -> None:
    before = default_rule_set()
    first, second, third, *rest = before.rules
    changed = replace(third, priority=1)
    added = Rule("new_rule", Channel.SMS, ("x",), Compare("has_mobile", Op.IS, True))
    after = RuleSet((second, first, added, changed, *rest[1:]))
    told = compare(before, after)
    assert [(each.change, each.code, each.old_number, each.new_number, each.parts) for each in told.changes] in (
        [
            (Change.MOVED, second.code, 2, 1, ("order",)),
            (Change.ADDED, "new_rule", 0, 3, ()),
            (Change.CHANGED, third.code, 3, 4, ("priority",)),
            (Change.REMOVED, rest[0].code, 4, 0, ()),
        ],
        [
            (Change.MOVED, first.code, 1, 2, ("order",)),
            (Change.ADDED, "new_rule", 0, 3, ()),
            (Change.CHANGED, third.code, 3, 4, ("priority",)),
            (Change.REMOVED, rest[0].code, 4, 0, ()),
        ],
    )
    assert compare(before, before).is_same


@given(st.permutations(range(8)))
def test_as_few_as_possible_are_told_as_moved(numbers: list[int]) -> None:
    kept = in_order(numbers)
    row = [number for number in numbers if number in kept]
    assert row == sorted(row)
    best = [1] * len(numbers)
    for b in range(len(numbers)):
        best[b] = 1 + max((best[a] for a in range(b) if numbers[a] < numbers[b]), default=0)
    assert len(kept) == max(best)


@given(rule_sets(), rule_sets())
def test_any_two_sets_can_be_compared(one: RuleSet, other: RuleSet) -> None:
    told = compare(one, other)
    assert told.is_same == (one == other)
    assert compare(one, one).is_same
