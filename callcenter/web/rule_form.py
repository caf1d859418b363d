"""A rule as a form: its condition as groups and tests, from a rule and from what was posted, and back into a document.

A node's fields carry its path: `c` is the outermost group, `c.0` its first part, `c.0.1` the second part of that. What was typed comes
back as it was, right or wrong; only the document made of it is checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import FormData

from campaigns.segmentation.attributes import ATTRIBUTES
from campaigns.segmentation.conditions import All, AnyOf, Compare, Condition, Not, Op
from campaigns.segmentation.kinds import Attribute, Kind
from campaigns.segmentation.reading_conditions import ALWAYS, LISTS, ops_of
from campaigns.segmentation.rules import Rule

FIRST_ATTRIBUTE = "outstanding"
MAX_PARTS = 60


@dataclass
class Node:
    """A group of parts (`word` all or any) or a test; `values` are as typed."""

    word: str = ""
    is_not: bool = False
    parts: list[Node] = field(default_factory=list)
    attribute: str = ""
    op: str = ""
    values: list[str] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)

    @property
    def is_group(self) -> bool:
        """Whether it holds parts."""
        return bool(self.word)


def new_test(attribute: str = FIRST_ATTRIBUTE) -> Node:
    """A test to be filled in."""
    return Node(attribute=attribute, op=ops_of(ATTRIBUTES[attribute])[0].value)


def node_of(condition: Condition) -> Node:
    """A condition as nodes; the outermost is always a group."""
    node = _node(condition)
    return node if node.is_group and not node.is_not else Node("all", parts=[node])


def _node(condition: Condition) -> Node:
    match condition:
        case All(parts):
            return Node("all", parts=[_node(part) for part in parts])
        case AnyOf(parts):
            return Node("any", parts=[_node(part) for part in parts])
        case Not(part):
            node = _node(part)
            if node.is_not:
                return Node("all", is_not=True, parts=[node])
            node.is_not = True
            return node
        case Compare(attribute, op, value, params):
            values = value if isinstance(value, tuple) else (value,)
            told = ["true" if each is True else "false" if each is False else str(each) for each in values]
            return Node(attribute=attribute, op=op.value, values=told, params={name: str(given) for name, given in params})


def posted_node(form: FormData, path: str = "c", depth: int = 0) -> Node:
    """The node at a path as it was posted."""
    is_not = form.get(f"{path}.not") == "true"
    if form.get(f"{path}.word") in ("all", "any"):
        start = f"{path}."
        numbers = {key[len(start) :].partition(".")[0] for key in form if key.startswith(start)}
        places = sorted(int(number) for number in numbers if number.isdigit())[:MAX_PARTS]
        parts = [posted_node(form, f"{path}.{place}", depth + 1) for place in places] if depth < 12 else []
        return Node(str(form.get(f"{path}.word")), is_not, parts)
    attribute = str(form.get(f"{path}.attribute") or FIRST_ATTRIBUTE)
    known = ATTRIBUTES.get(attribute) or ATTRIBUTES[FIRST_ATTRIBUTE]
    ops = [op.value for op in ops_of(known)]
    op = str(form.get(f"{path}.op") or "")
    params = {param.name: str(form.get(f"{path}.p.{param.name}") or "").strip() for param in known.params}
    return Node(
        is_not=is_not,
        attribute=known.name,
        op=op if op in ops else ops[0],
        values=[str(value) for value in form.getlist(f"{path}.value")],
        params={name: value for name, value in params.items() if value},
    )


def at(root: Node, path: str) -> tuple[Node, int]:
    """The group that holds the node at a path, and its place in it. Raises KeyError where there is none."""
    steps = path.split(".")[1:]
    group = root
    for step in steps[:-1]:
        group = _part(group, step)
    _part(group, steps[-1] if steps else "")
    return group, int(steps[-1])


def group_at(root: Node, path: str) -> Node:
    """The group at a path. Raises KeyError where there is none."""
    node = root
    for step in path.split(".")[1:]:
        node = _part(node, step)
    if not node.is_group:
        raise KeyError(path)
    return node


def _part(group: Node, step: str) -> Node:
    if not step.isdigit() or int(step) >= len(group.parts):
        raise KeyError(step)
    return group.parts[int(step)]


def reshape(root: Node, do: str) -> str:
    """Adds or removes a part; returns the path where to go on typing. Raises KeyError for what cannot be done."""
    word, _, path = do.partition(":")
    if word in ("test", "group"):
        group = group_at(root, path)
        group.parts.append(new_test() if word == "test" else Node("any" if group.word == "all" else "all", parts=[new_test()]))
        where = f"{path}.{len(group.parts) - 1}"
        return where if word == "test" else f"{where}.0"
    if word == "remove":
        group, place = at(root, path)
        del group.parts[place]
        return path.rpartition(".")[0]
    if word == "copy":
        group, place = at(root, path)
        group.parts.insert(place + 1, group.parts[place])
        return f"{path.rpartition('.')[0]}.{place + 1}"
    if word != "show":
        raise KeyError(do)
    return path


@dataclass
class Written:
    """A document made of a form, and which place of it came from which node."""

    when: Any
    places: dict[str, str] = field(default_factory=dict)

    def node_at(self, where: str) -> str:
        """The path of the node that a position of the document lies in."""
        fitting = [place for place in self.places if where == place or where.startswith((f"{place}.", f"{place}["))]
        return self.places[max(fitting, key=len)] if fitting else "c"


def written(root: Node, where: str) -> Written:
    """The condition as a document; numbers are numbers where they can be read."""
    places: dict[str, str] = {}
    return Written(_written(root, "c", where, places), places)


def _written(node: Node, path: str, where: str, places: dict[str, str]) -> Any:
    if node.is_not:
        places[where] = path
        return {"not": _written_plain(node, path, f"{where}.not", places)}
    return _written_plain(node, path, where, places)


def _written_plain(node: Node, path: str, where: str, places: dict[str, str]) -> Any:
    places[where] = path
    if not node.is_group:
        return _written_test(node)
    if not node.parts:
        return ALWAYS if path == "c" else {node.word: []}
    if len(node.parts) == 1 and not node.is_not:
        return _written(node.parts[0], f"{path}.0", where, places)
    parts = [_written(part, f"{path}.{n}", f"{where}.{node.word}[{n}]", places) for n, part in enumerate(node.parts)]
    return {node.word: parts}


def _written_test(node: Node) -> dict[str, Any]:
    attribute, op = ATTRIBUTES[node.attribute], Op(node.op)
    told: dict[str, Any] = {"attribute": node.attribute}
    if node.params:
        numbers = {param.name for param in attribute.params if param.is_number}
        told["params"] = {name: _number(value) if name in numbers else value for name, value in node.params.items()}
    return told | {"op": node.op, "value": _value(node, attribute, op)}


def _value(node: Node, attribute: Attribute, op: Op) -> Any:
    values = [value.strip() for value in node.values]
    first = values[0] if values else ""
    if op in (Op.IS, Op.UNKNOWN):
        return {"true": True, "false": False}.get(first or "true", first)
    if op is Op.BETWEEN:
        return [_number(value) for value in [*values, "", ""][:2]]
    if op in LISTS:
        pieces = values if attribute.choices else [piece.strip() for value in values for piece in value.replace("、", ",").split(",")]
        pieces = [piece for piece in pieces if piece]
        return [_number(piece) for piece in pieces] if attribute.kind is Kind.NUMBER else pieces
    return _number(first) if attribute.kind is Kind.NUMBER else first


def _number(text: str) -> int | str:
    """A whole number in any usual writing, else the text as it is, which is then refused with its place."""
    plain = text.translate(str.maketrans("０１２３４５６７８９，－−", "0123456789,--")).replace(",", "").removesuffix("円")
    return int(plain) if plain.removeprefix("-").isdigit() and plain.isascii() and len(plain) < 17 else text


def rule_document(form: FormData, where: str) -> tuple[dict[str, Any], Written]:
    """A rule's document from a posted form."""
    told = written(posted_node(form), f"{where}.when")
    reasons = [piece for piece in str(form.get("reasons") or "").replace("、", ",").replace(" ", ",").split(",") if piece]
    document: dict[str, Any] = {
        "code": str(form.get("code") or "").strip(),
        "channel": str(form.get("channel") or ""),
        "reasons": reasons,
        "priority": _number(str(form.get("priority") or "5").strip()),
        "when": told.when,
    }
    for name in ("name", "template", "script"):
        if value := str(form.get(name) or "").strip():
            document[name] = value
    if arms := [str(arm) for arm in form.getlist("arms") if arm]:
        document["arms"] = arms
    return document, told


def posted_rule(form: FormData) -> Mapping[str, Any]:
    """The plain fields of a rule as they were posted."""
    names = ("code", "name", "channel", "priority", "template", "script", "reasons", "original")
    return {name: str(form.get(name) or "") for name in names} | {"arms": [str(arm) for arm in form.getlist("arms")]}


def rule_fields(rule: Rule) -> Mapping[str, Any]:
    """The same of a stored rule."""
    return {
        "code": rule.code,
        "name": rule.name,
        "channel": rule.channel.value,
        "priority": str(rule.priority),
        "template": rule.template,
        "script": rule.script,
        "reasons": ", ".join(rule.reasons),
        "arms": list(rule.arms),
        "original": rule.code,
    }
