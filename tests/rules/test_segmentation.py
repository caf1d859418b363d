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
from campaigns.segmentation.compile import decided_sql, table_sql
from campaigns.segmentation.defaults import default_rule_set
from campaigns.segmentation.documents import check_document, read_rule_set, write_rule_set
from campaigns.segmentation.problems import BadRuleSet
from campaigns.segmentation.query import Compiled
from campaigns.segmentation.reasons import REASONS, reason_text
from campaigns.segmentation.rules import Compare, Condition, Not, Op, RuleSet, attributes_of, evaluate, holds, rungs_of
from tests.rules.rule_samples import conditions, rule_sets

PLAIN: dict[str, Any] = {
    name: {Kind.NUMBER: 0, Kind.FLAG: False, Kind.WORD: "person", Kind.WORDS: ["10"], Kind.TEXT: ""}[attribute.kind]
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
    assigned = evaluate(default_rule_set(), PLAIN | change, LADDER)
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
        "schema": 2,
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
        ],
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
        (("rules", 1, "arms"), ["new"], "rules[1].arms:"),
        (("rules", 0, "template"), "hello", "rules[0].template:"),
        (("rules", 0, "script"), "hello", "rules[0].script:"),
        (("rules", 0, "when", "all", 0, "params"), {"tax": 10}, "rules[0].when.all[0].params.tax:"),
        (("rules", 0, "when", "all", 0, "params"), {"days": 10}, "rules[0].when.all[0].params.days:"),
        (("rules", 0, "when", "all", 0), {"attribute": "reactions", "op": ">", "value": 0}, "rules[0].when.all[0].params:"),
        (("rules", 0, "when", "all", 0), {"attribute": "outstanding", "op": "between", "value": [9, 1]}, "rules[0].when.all[0].value:"),
        (("rules", 0, "when", "all", 0), {"attribute": "kind", "op": "=", "value": "cat"}, "rules[0].when.all[0].value:"),
        (("rules", 0, "when", "all", 0), {"attribute": "kind", "op": "starts with", "value": ["c"]}, "rules[0].when.all[0].op:"),
        (("rules", 0, "when", "all", 0), {"attribute": "address", "op": "starts with", "value": [""]}, "rules[0].when.all[0].value[0]:"),
        (("schema",), 3, "schema:"),
        (("experiment",), {"code": "x"}, "experiment.arms:"),
        (("experiment",), {"code": "", "arms": []}, "experiment.code:"),
        (("experiment",), {"code": "x", "arms": [{"code": "a", "share": 500}, {"code": "b", "share": 400}]}, "experiment.arms:"),
        (
            ("experiment",),
            {"code": "x", "arms": [{"code": "a", "share": 500, "wait_days": 1}, {"code": "b", "share": 500}]},
            "experiment.arms[0]:",
        ),
        (
            ("experiment",),
            {"code": "x", "arms": [{"code": "a", "share": 500}, {"code": "b", "share": 500, "overrides": {"no": {}}}]},
            "experiment.arms[1].overrides.no:",
        ),
        (
            ("experiment",),
            {"code": "x", "arms": [{"code": "a", "share": 500, "slots": [[0, 999]]}, {"code": "b", "share": 500}]},
            "experiment.arms:",
        ),
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


def test_every_mistake_is_told_with_its_rule_and_what_would_fit() -> None:
    document = _document()
    document["rules"][0]["when"]["all"] = [
        {"attribute": "outstanding", "op": ">=", "value": "much"},
        {"attribute": "nothing", "op": "=", "value": 1},
        {"attribute": "last_outcome", "op": "=", "value": "won"},
    ]
    document["rules"][1]["priority"] = 11
    problems = check_document(document)
    assert [(problem.rule, problem.rule_code, problem.where, problem.attribute, problem.value) for problem in problems] == [
        (1, "large", "rules[0].when.all[0].value", "outstanding", "much"),
        (1, "large", "rules[0].when.all[1].attribute", "", "nothing"),
        (1, "large", "rules[0].when.all[2].value", "last_outcome", "won"),
        (2, "rest", "rules[1].priority", "", "11"),
    ]
    assert "outstanding" in problems[1].expected
    assert "promise_full" in problems[2].expected
    assert problems[0].place("ja") == "規則1 when.all[0].value"
    assert {problem.text(lang) for problem in problems for lang in ("ja", "en")}
    with pytest.raises(BadRuleSet) as caught:
        read_rule_set(document)
    assert caught.value.problems == tuple(problems)
    assert "4 mistakes" in caught.value.message


def test_a_document_of_the_first_schema_is_still_read() -> None:
    old = {
        "rules": [
            {
                "code": "new",
                "channel": "sms",
                "reasons": ["a"],
                "when": {"attribute": "days_since_contact", "op": "unknown", "value": True},
            },
            {"code": "rest", "channel": "none", "reasons": ["rest"], "when": "always"},
        ],
        "experiment": {"salt": "2026-11", "wait_permille": 100},
    }
    read = read_rule_set(old)
    assert read.rules[0].when == Compare("days_since_contact", Op.UNKNOWN, True)
    assert [(arm.code, arm.share, bool(arm.wait_days)) for arm in read.experiment.arms] == [("treated", 900, False), ("wait", 100, True)]
    assert read_rule_set(write_rule_set(read)) == read
    with pytest.raises(InvalidInput, match=r"experiment\.wait_permille"):
        read_rule_set(old | {"experiment": {"wait_permille": 1001}})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "schema",
                        "rules",
                        "when",
                        "all",
                        "any",
                        "not",
                        "attribute",
                        "op",
                        "value",
                        "params",
                        "code",
                        "channel",
                        "reasons",
                        "experiment",
                        "arms",
                        "share",
                    ]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    )
)
def test_nothing_but_a_refusal_comes_of_any_other_document(document: object) -> None:
    for shape in (
        document,
        {"rules": document},
        {"schema": 2, "rules": [{"code": "a", "channel": "none", "reasons": ["b"], "when": document}], "experiment": document},
    ):
        if not check_document(shape):
            read_rule_set(shape)


def test_conditions_nested_too_deep_are_refused() -> None:
    document = _document()
    when: Any = {"attribute": "outstanding", "op": ">", "value": 1}
    for _ in range(12):
        when = {"not": when}
    document["rules"][0]["when"] = when
    with pytest.raises(InvalidInput, match="nested"):
        read_rule_set(document)


@given(rule_sets())
def test_any_rule_set_survives_its_document_and_compiles_with_bound_values(rule_set: RuleSet) -> None:
    assert read_rule_set(write_rule_set(rule_set)) == rule_set
    for make in (decided_sql, table_sql):
        compiled = Compiled()
        sql = make(rule_set, compiled, ladder=LADDER)
        assert not any(word in sql for word in ("500000", "reason_rule", "架空", "2026-11"))
        assert all(f":{name}" in sql for name in compiled.values)


@given(conditions)
def test_not_is_the_opposite_even_of_the_unknown(condition: Condition) -> None:
    nothing: dict[str, Any] = dict.fromkeys(attributes_of(condition))
    assert holds(Not(condition), nothing) != holds(condition, nothing)
