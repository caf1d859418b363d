"""Random conditions and rule sets over every attribute, for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from campaigns.attempts.codes import Channel
from campaigns.segmentation.attributes import ATTRIBUTES
from campaigns.segmentation.experiments import Arm, ByLadder, Experiment, Override, allot
from campaigns.segmentation.kinds import Attribute, Kind, Param
from campaigns.segmentation.reading_conditions import LISTS, ops_of
from campaigns.segmentation.rules import All, AnyOf, Compare, Condition, Not, Op, Rule, RuleSet

NUMBERS = st.integers(-2, 6) | st.sampled_from([20, 30, 65, 365, 2026, 30_000, 500_000])
WORDS = {
    "tax_codes": ["10", "20", "30", "99"],
    "postal_code": ["1", "100", "1000001", "2"],
    "address": ["架空市", "架空市本町", "別の", ""],
}
PARAMS: dict[str, list[str]] = {"tax": ["10", "20", "99"], "experiment": ["2026-11", "other"], "arm": ["now", "wait"]}


def values_of(param: Param) -> st.SearchStrategy[Any]:
    if param.is_number:
        return st.sampled_from([max(param.lowest, 0), 1, 7, 30])
    return st.sampled_from([choice.code for choice in param.choices] or PARAMS[param.name])


@st.composite
def params_of(draw: st.DrawFn, attribute: Attribute) -> tuple[tuple[str, int | str], ...]:
    given = {param.name: draw(values_of(param)) for param in attribute.params if param.is_required or draw(st.booleans())}
    return tuple(sorted(given.items()))


def words_of(attribute: Attribute) -> st.SearchStrategy[str]:
    return st.sampled_from([choice.code for choice in attribute.choices] or [word for word in WORDS[attribute.name] if word])


@st.composite
def comparisons(draw: st.DrawFn) -> Condition:
    attribute = ATTRIBUTES[draw(st.sampled_from(sorted(ATTRIBUTES)))]
    op = draw(st.sampled_from(ops_of(attribute)))
    single = NUMBERS if attribute.kind is Kind.NUMBER else st.booleans() if attribute.kind is Kind.FLAG else words_of(attribute)
    value: Any
    if op in (Op.IS, Op.UNKNOWN):
        value = draw(st.booleans())
    elif op is Op.BETWEEN:
        value = tuple(sorted((draw(NUMBERS), draw(NUMBERS))))
    elif op in LISTS:
        value = tuple(draw(st.lists(single, min_size=1, max_size=3)))
    else:
        value = draw(single)
    return Compare(attribute.name, op, value, draw(params_of(attribute)))


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
def experiments(draw: st.DrawFn, codes: list[str]) -> Experiment:
    if not draw(st.booleans()):
        return Experiment()
    first = draw(st.integers(0, 900))
    second = draw(st.integers(0, 1000 - first))
    overrides = tuple(
        Override(
            code,
            draw(st.sampled_from([None, *Channel, *ByLadder])),
            draw(st.sampled_from([None, 1, 9])),
            draw(st.sampled_from([None, "b"])),
        )
        for code in draw(st.lists(st.sampled_from(codes), max_size=2, unique=True))
    )
    arms = (
        Arm("now", first),
        Arm("new", second, overrides=overrides),
        Arm("wait", 1000 - first - second, wait_days=draw(st.sampled_from([1, 7, 30]))),
    )
    return Experiment(draw(st.sampled_from(["2026-11", "2026-12"])), allot(arms))


@st.composite
def rule_sets(draw: st.DrawFn) -> RuleSet:
    channels = [*Channel, *ByLadder]
    codes = [f"rule_{n}" for n in range(draw(st.integers(0, 5)))]
    experiment = draw(experiments([*codes, "rest"]))
    arms = [arm.code for arm in experiment.arms if not arm.wait_days]
    rules = []
    for code in codes:
        channel = draw(st.sampled_from(channels))
        rules.append(
            Rule(
                code,
                channel,
                (f"reason_{code}",),
                draw(conditions),
                draw(st.integers(1, 9)),
                name=draw(st.sampled_from(["", "少額"])),
                template="b" if channel in (Channel.SMS, ByLadder.LADDER) and draw(st.booleans()) else "",
                script="s" if channel is Channel.AUTO_CALL and draw(st.booleans()) else "",
                arms=tuple(draw(st.lists(st.sampled_from(arms), max_size=1))) if arms else (),
            )
        )
    rules.append(Rule("rest", draw(st.sampled_from([Channel.OPERATOR_CALL, ByLadder.LADDER])), ("rest",), All(())))
    return RuleSet(tuple(rules), experiment)
