"""Reads conditions: what compares what, with what, and how they are nested."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any as Json

from campaigns.segmentation.attributes import ATTRIBUTES
from campaigns.segmentation.conditions import All, AnyOf, Compare, Condition, Not, Op, Operand, Params
from campaigns.segmentation.kinds import LARGEST, Attribute, Kind, Param
from campaigns.segmentation.reading_values import Refused, ValueReader

MAX_DEPTH, MAX_LIST = 8, 500
ALWAYS = "always"
OPS: dict[Kind, tuple[Op, ...]] = {
    Kind.NUMBER: (Op.GE, Op.LE, Op.GT, Op.LT, Op.BETWEEN, Op.EQ, Op.NE, Op.IN, Op.NOT_IN),
    Kind.FLAG: (Op.IS,),
    Kind.WORD: (Op.EQ, Op.NE, Op.IN, Op.NOT_IN),
    Kind.WORDS: (Op.HAS_ANY, Op.HAS_ALL, Op.HAS_NONE, Op.UNKNOWN),
    Kind.TEXT: (Op.STARTS, Op.EQ, Op.NE, Op.IN, Op.NOT_IN, Op.UNKNOWN),
}
LISTS = frozenset({Op.IN, Op.NOT_IN, Op.HAS_ANY, Op.HAS_ALL, Op.HAS_NONE, Op.STARTS})


def ops_of(attribute: Attribute) -> tuple[Op, ...]:
    """The comparisons that fit an attribute."""
    ops = OPS[attribute.kind]
    return (*ops, Op.UNKNOWN) if attribute.is_nullable and Op.UNKNOWN not in ops else ops


class ConditionReader(ValueReader):
    """Reads conditions; mistakes side by side are all noted."""

    allows_unknown = False  # the word of the first schema for "is empty"

    def condition(self, value: object, where: str, depth: int = 0) -> Condition:
        """A condition and all within; mistakes side by side are all noted."""
        if value == ALWAYS:
            return All(())
        if depth > MAX_DEPTH:
            self.refuse("too_deep", where, highest=MAX_DEPTH)
        if not isinstance(value, Mapping):
            self.refuse(
                "no_condition", where, value, ('{"attribute", "op", "value"}', '{"all": […]}', '{"any": […]}', '{"not": …}', '"always"')
            )
        if "attribute" in value:
            return self._test(value, where)
        if len(value) != 1 or not {"all", "any", "not"} & set(value):
            self.refuse("one_of_three", where)
        word, inner = next(iter(value.items()))
        if word == "not":
            return Not(self.condition(inner, f"{where}.not", depth + 1))
        rows = self.sequence(inner, f"{where}.{word}")
        if not 0 < len(rows) <= MAX_LIST:
            self.refuse("empty_group", f"{where}.{word}")
        parts = self.each(rows, f"{where}.{word}", lambda row, place: self.condition(row, place, depth + 1))
        if len(parts) < len(rows):
            raise Refused
        return All(tuple(parts)) if word == "all" else AnyOf(tuple(parts))

    def _test(self, value: Mapping[str, Json], where: str) -> Compare:
        fields = self.mapping(value, where, {"attribute", "params", "op", "value"}, required=("attribute", "op", "value"))
        attribute = ATTRIBUTES.get(str(fields["attribute"]))
        if attribute is None:
            self.refuse("no_attribute", f"{where}.attribute", fields["attribute"], sorted(ATTRIBUTES))
        params = self._params(fields.get("params", {}), attribute, f"{where}.params")
        word, ops = fields["op"], ops_of(attribute)
        if self.allows_unknown and word == "unknown":
            word = Op.UNKNOWN.value
        if word not in [op.value for op in ops]:
            self.refuse("bad_op", f"{where}.op", word, ops, attribute.name, kind=attribute.kind.value)
        return Compare(attribute.name, Op(word), self._operand(fields["value"], Op(word), attribute, f"{where}.value"), params)

    def _params(self, value: object, attribute: Attribute, where: str) -> Params:
        fields = self.mapping(value, where, None)
        names = [param.name for param in attribute.params]
        for name in fields:
            if name not in names:
                self.refuse("no_parameter", f"{where}.{name}", name, names, attribute.name)
        for param in attribute.params:
            if param.is_required and param.name not in fields:
                self.refuse("missing_parameter", where, param.name, attribute=attribute.name)
        return tuple((name, self._param(fields[name], attribute, f"{where}.{name}")) for name in sorted(fields))

    def _param(self, value: object, attribute: Attribute, where: str) -> int | str:
        param = attribute.param(where.rpartition(".")[2])
        assert isinstance(param, Param)
        if param.is_number:
            return self.whole(value, where, param.lowest, param.highest, attribute.name)
        return self.word(value, where, attribute.name, [choice.code for choice in param.choices])

    def _operand(self, value: object, op: Op, attribute: Attribute, where: str) -> Operand:
        if op in (Op.IS, Op.UNKNOWN):
            if not isinstance(value, bool):
                self.refuse("bad_flag", where, value, ("true", "false"), attribute.name)
            return value
        if op is Op.BETWEEN:
            ends = self.sequence(value, where)
            if len(ends) != 2:
                self.refuse("bad_between", where, value, attribute=attribute.name)
            low, high = (self.whole(end, f"{where}[{number}]", -LARGEST, LARGEST, attribute.name) for number, end in enumerate(ends))
            if low > high:
                self.refuse("bad_between", where, value, attribute=attribute.name)
            return low, high
        if op not in LISTS:
            return self._single(value, attribute, where)
        rows = self.sequence(value, where)
        if not 0 < len(rows) <= MAX_LIST:
            self.refuse("bad_count", where, len(rows), attribute=attribute.name, highest=MAX_LIST)
        return tuple(self._single(row, attribute, f"{where}[{number}]") for number, row in enumerate(rows))  # type: ignore[return-value]

    def _single(self, value: object, attribute: Attribute, where: str) -> int | str:
        if attribute.kind is Kind.NUMBER:
            return self.whole(value, where, -LARGEST, LARGEST, attribute.name)
        word = self.word(value, where, attribute.name, [choice.code for choice in attribute.choices])
        return unicodedata.normalize("NFKC", word).replace("-", "") if attribute.name == "postal_code" else word
