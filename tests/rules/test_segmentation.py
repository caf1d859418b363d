"""Rule sets: reading documents, refusing bad ones with their position, and the founding case's assignments."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.errors import InvalidInput
from campaigns.attempts.codes import Channel
from campaigns.planning.ladder import Ladder
from campaigns.planning.ladder_cases import cases_of
from campaigns.segmentation.attributes import ATTRIBUTES, Kind
from campaigns.segmentation.compile import plan_statement
from campaigns.segmentation.defaults import default_rule_set
from campaigns.segmentation.documents import OPS, read_rule_set, write_rule_set
from campaigns.segmentation.reasons import REASONS, reason_text
from campaigns.segmentation.rules import (
    All,
    AnyOf,
    ByLadder,
    Compare,
    Condition,
    Experiment,
    Not,
    Op,
    Rule,
    RuleSet,
    bucket,
    evaluate,
    holds,
    rungs_of,
)

PLAIN: dict[str, Any] = {
    name: {Kind.NUMBER: 0, Kind.FLAG: False, Kind.WORD: "person", Kind.WORDS: ["10"]}[attribute.kind]
    for name, attribute in ATTRIBUTES.items()
} | {"outstanding": 38_500, "debt_count": 2, "oldest_days": 90, "has_usable_phone": True, "has_mobile": True, "ladder_days": None}
LADDER = cases_of(Ladder(), date(2026, 11, 18))
SENT: dict[str, Any] = {"ladder_sms": 1, "ladder_days": 9}


@pytest.mark.parametrize(
    ("change", "channel", "reason"),
    [
        ({}, Channel.SMS, "mobile_never_reached"),
        (SENT, Channel.AUTO_CALL, "sms_without_effect"),
        (SENT | {"ladder_days": 1}, Channel.NONE, "waits_after_sms"),
        (SENT | {"ladder_auto_calls": 1}, Channel.AUTO_CALL, "robocall_no_reaction"),
        (SENT | {"ladder_auto_calls": 2}, Channel.OPERATOR_CALL, "sms_and_call_without_effect"),
        (SENT | {"ladder_auto_calls": 1, "ladder_reacted": True}, Channel.OPERATOR_CALL, "robocall_reacted"),
        ({"ladder_auto_calls": 2, "ladder_days": 9}, Channel.OPERATOR_CALL, "auto_call_without_effect"),
        ({"contact_count": 1}, Channel.OPERATOR_CALL, "reached_before"),
        ({"has_mobile": False}, Channel.OPERATOR_CALL, "no_mobile"),
        ({"broken_promises": 1}, Channel.OPERATOR_CALL, "broken_promise"),
        ({"broken_promises": 2}, Channel.TAX_OFFICER, "difficult_case"),
        ({"has_usable_phone": False, "has_mobile": False}, Channel.VISIT, "no_usable_number"),
        ({"ladder_operator_calls": 3, "ladder_days": 9}, Channel.VISIT, "repeated_failures"),
        ({"ladder_operator_calls": 3, "ladder_days": 9, "outstanding": 29_999}, Channel.NONE, "ladder_end"),
        ({"cycle_right_party": True, "contact_count": 1}, Channel.NONE, "done_contact"),
        ({"cycle_paid_percent": 50}, Channel.NONE, "done_payment"),
        ({"cycle_attempts": 8}, Channel.NONE, "cycle_budget"),
        ({"outstanding": 500_000}, Channel.TAX_OFFICER, "large_amount"),
        ({"outstanding": 499_999}, Channel.SMS, "mobile_never_reached"),
        ({"oldest_days": 730}, Channel.TAX_OFFICER, "old_arrears"),
        ({"refusals": 1}, Channel.TAX_OFFICER, "difficult_case"),
        ({"with_officer": True}, Channel.TAX_OFFICER, "with_tax_officer"),
        ({"is_stopped": True, "outstanding": 900_000}, Channel.NONE, "hold_stopped"),
        ({"is_seized": True}, Channel.NONE, "hold_seized"),
        ({"has_plan": True}, Channel.NONE, "instalment_plan"),
        ({"has_open_promise": True, "broken_promises": 1}, Channel.NONE, "open_promise"),
        ({"payment_claimed": True}, Channel.NONE, "payment_claimed"),
        ({"is_vulnerable": True}, Channel.NONE, "vulnerable"),
        ({"do_not_contact": True, "is_stopped": True}, Channel.NONE, "do_not_contact"),
    ],
)
def test_the_founding_case(change: dict[str, Any], channel: Channel, reason: str) -> None:
    assigned = evaluate(default_rule_set(), PLAIN | change, "0001", LADDER)
    assert (assigned.channel, assigned.reasons, assigned.arm, assigned.propensity) == (channel, (reason,), "all", 1.0)


def test_every_default_reason_is_told_in_both_languages() -> None:
    for rule in default_rule_set().rules:
        for rung in rungs_of(rule, LADDER):
            for code in rung.reasons:
                assert code in REASONS
                assert reason_text(code) != reason_text(code, "en")
    assert reason_text("own_code") == "own_code"


def test_the_default_rule_set_survives_its_document() -> None:
    assert read_rule_set(write_rule_set(default_rule_set())) == default_rule_set()


def _document() -> dict[str, Any]:
    return {
        "rules": [
            {
                "code": "large",
                "channel": "tax_officer",
                "reasons": ["large_amount"],
                "when": {
                    "all": [
                        {"attribute": "outstanding", "op": ">=", "value": 5},
                        {"not": {"attribute": "has_plan", "op": "is", "value": True}},
                    ]
                },
            },
            {"code": "rest", "channel": "none", "reasons": ["rest"], "when": "always"},
        ]
    }


@pytest.mark.parametrize(
    ("path", "value", "position"),
    [
        (("rules",), [], "rules:"),
        (("rules",), "x", "rules:"),
        (("rulez",), [], "rule set:"),
        (("rules", 0, "channel"), "fax", "rules[0].channel:"),
        (("rules", 0, "code"), "Large; DROP", "rules[0].code:"),
        (("rules", 1, "code"), "large", "rules[1].code:"),
        (("rules", 0, "reasons"), [], "rules[0].reasons:"),
        (("rules", 0, "reasons", 0), 3, "rules[0].reasons[0]:"),
        (("rules", 0, "priority"), 10, "rules[0].priority:"),
        (("rules", 0, "priority"), True, "rules[0].priority:"),
        (("rules", 0, "when"), 7, "rules[0].when:"),
        (("rules", 0, "when"), {"all": []}, "rules[0].when.all:"),
        (("rules", 0, "when"), {"all": [], "any": []}, "rules[0].when:"),
        (("rules", 0, "when", "all", 0, "attribute"), "1=1; --", "rules[0].when.all[0].attribute:"),
        (("rules", 0, "when", "all", 0, "op"), "is", "rules[0].when.all[0].op:"),
        (("rules", 0, "when", "all", 0, "value"), "500000", "rules[0].when.all[0].value:"),
        (("rules", 0, "when", "all", 0, "value"), 1.5, "rules[0].when.all[0].value:"),
        (("rules", 0, "when", "all", 1, "not", "value"), 1, "rules[0].when.all[1].not.value:"),
        (("rules", 1, "when"), {"attribute": "has_plan", "op": "is", "value": True}, "rules[1].when:"),
        (("experiment",), {"wait_permille": 1001}, "experiment.wait_permille:"),
    ],
)
def test_a_bad_document_is_refused_with_its_position(path: tuple[Any, ...], value: object, position: str) -> None:
    document = copy.deepcopy(_document())
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(InvalidInput) as caught:
        read_rule_set(document)
    assert caught.value.message.startswith(position), caught.value.message


def test_conditions_nested_too_deep_are_refused() -> None:
    document = _document()
    when: Any = {"attribute": "outstanding", "op": ">", "value": 1}
    for _ in range(12):
        when = {"not": when}
    document["rules"][0]["when"] = when
    with pytest.raises(InvalidInput, match="nested"):
        read_rule_set(document)


@st.composite
def comparisons(draw: st.DrawFn) -> Condition:
    attribute = ATTRIBUTES[draw(st.sampled_from(sorted(ATTRIBUTES)))]
    op = draw(st.sampled_from(sorted(OPS[attribute.kind])))
    words = st.sampled_from(["10", "20", "person", "company"])
    numbers = st.integers(-2, 5) | st.sampled_from([30, 365, 500_000])
    value: Any
    if op in (Op.IS, Op.UNKNOWN):
        value = draw(st.booleans())
    elif op in (Op.IN, Op.NOT_IN, Op.HAS_ANY):
        value = tuple(draw(st.lists(numbers if attribute.kind is Kind.NUMBER else words, min_size=1, max_size=3)))
    else:
        value = draw(numbers if attribute.kind is Kind.NUMBER else words)
    return Compare(attribute.name, op, value)


conditions = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: All(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=6,
)


@st.composite
def rule_sets(draw: st.DrawFn) -> RuleSet:
    rules = [
        Rule(f"rule_{n}", draw(st.sampled_from([*Channel, *ByLadder])), (f"reason_{n}",), draw(conditions), draw(st.integers(1, 9)))
        for n in range(draw(st.integers(0, 5)))
    ]
    rules.append(Rule("rest", Channel.OPERATOR_CALL, ("rest",), All(())))
    return RuleSet(tuple(rules), Experiment(draw(st.sampled_from(["", "2026-11"])), draw(st.sampled_from([0, 0, 100, 1000]))))


@given(rule_sets())
def test_any_rule_set_survives_its_document_and_compiles_with_bound_values(rule_set: RuleSet) -> None:
    assert read_rule_set(write_rule_set(rule_set)) == rule_set
    compiled = plan_statement(rule_set, dry_run=True, ladder=LADDER)
    assert "500000" not in compiled.sql
    assert all(f":{name}" in compiled.sql for name in compiled.values)


@given(conditions)
def test_not_is_the_opposite_even_of_the_unknown(condition: Condition) -> None:
    nothing: dict[str, Any] = dict.fromkeys(ATTRIBUTES)
    assert holds(Not(condition), nothing) != holds(condition, nothing)


@given(st.text(max_size=12), st.integers(1, 10**10).map(str))
def test_the_bucket_is_stable_and_in_range(salt: str, debtor_no: str) -> None:
    assert bucket(salt, debtor_no) == bucket(salt, debtor_no)
    assert 0 <= bucket(salt, debtor_no) < 1000


def test_the_waiting_share_is_about_as_asked_and_its_propensity_kept() -> None:
    rules = RuleSet(default_rule_set().rules, Experiment("2026-11", 100))
    assigned = [evaluate(rules, PLAIN, f"{n:010d}", LADDER) for n in range(5_000)]
    waiting = [a for a in assigned if a.arm == "wait"]
    assert 400 <= len(waiting) <= 600
    assert {(a.channel, a.propensity) for a in waiting} == {(Channel.NONE, 0.1)}
    assert {a.propensity for a in assigned if a.arm == "treated"} == {0.9}


def test_the_experiment_never_touches_those_who_are_not_contacted_anyway() -> None:
    rules = RuleSet(default_rule_set().rules, Experiment("2026-11", 1000))
    assert evaluate(rules, PLAIN | {"is_stopped": True}, "1").arm == "all"
