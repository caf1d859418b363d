"""Scripts as documents: what is stored, what a TOML file holds, and what a form sends. Reading refuses what can't be a script at all;
whether a script is a good one says `dialer.ivr.checking`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from callcenter.core.errors import InvalidInput
from dialer.ivr.script import DEFAULT, START, THANKS, Effect, Node, Script, Wording
from dialer.telephony.robocall import NodeKind, OnMachine

_E = TypeVar("_E", bound=StrEnum)
CODE = re.compile(r"[a-z0-9_]{1,30}", re.ASCII)
SCRIPT_CODE = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
KEYS = "0123456789*#"
MOST_NODES, LONGEST_SAY = 30, 600
_FIELDS = {"title", "wording", "on_machine", "message", "message_recording", "node", "code"}
_NODE_FIELDS = {"code", "kind", "say", "recording", "keys", "repeats", "wait_seconds", "then", "on_wrong", "effect"}


def from_toml(text: str) -> tuple[str, dict[str, Any]]:
    """The code and document of a TOML file. Raises InvalidInput."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise InvalidInput(f"The script is no TOML file: {problem}.", code="script_toml") from problem
    code = document.pop("code", "")
    if not isinstance(code, str):
        raise InvalidInput("'code' must be a text.", code="script_value")
    from_document(code or "x", 0, document)
    return code, document


def from_document(code: str, version: int, document: Mapping[str, Any]) -> Script:
    """Reads a stored script; an empty document is the built-in one's, one without nodes has a prompt, thanks and keys only.

    Raises InvalidInput, naming node and field.
    """
    if not SCRIPT_CODE.fullmatch(code):
        raise InvalidInput("The code of a script becomes a file's name.", hint="Expected letters, digits, _ and -, at most 40.")
    if "node" not in document:
        return _flat(code, version, document)
    unknown = set(document) - _FIELDS
    if unknown:
        raise InvalidInput(f"A script has no field '{min(unknown)}'.", hint=f"It has: {', '.join(sorted(_FIELDS))}.", code="script_field")
    rows = document["node"]
    if not isinstance(rows, list) or not rows or len(rows) > MOST_NODES:
        raise InvalidInput(f"A script has 1 to {MOST_NODES} nodes.", hint="Write each as [[node]].", code="script_nodes")
    return Script(
        nodes=tuple(_node(row, number) for number, row in enumerate(rows, 1)),
        code=code,
        version=version,
        title=_text(document, "title", "the script", 80),
        wording=_choice(document, "wording", Wording, Wording.NEUTRAL, "the script"),
        on_machine=_choice(document, "on_machine", OnMachine, OnMachine.TALK, "the script"),
        message=_text(document, "message", "the script"),
        message_recording=_text(document, "message_recording", "the script", 60),
    )


def to_document(script: Script) -> dict[str, Any]:
    """What is stored: only what differs from a field's default."""
    head = {"title": script.title, "message": script.message, "message_recording": script.message_recording}
    document: dict[str, Any] = {name: value for name, value in head.items() if value}
    document |= {"wording": script.wording.value, "on_machine": script.on_machine.value}
    return document | {"node": [_row(node) for node in script.nodes]}


def _row(node: Node) -> dict[str, Any]:
    row: dict[str, Any] = {"code": node.code, "kind": node.kind.value}
    row |= {name: value for name in ("say", "recording", "then", "on_wrong") if (value := getattr(node, name))}
    if node.kind is NodeKind.MENU:
        row |= {"keys": dict(node.keys), "repeats": node.repeats, "wait_seconds": node.wait_seconds}
    if node.effect is not None:
        row["effect"] = node.effect.value
    return row


def _node(row: Any, number: int) -> Node:
    where = f"node {number}"
    if not isinstance(row, Mapping):
        raise InvalidInput(f"{where} is no table.", hint="Write each as [[node]].", code="script_nodes")
    unknown = set(row) - _NODE_FIELDS
    if unknown:
        raise InvalidInput(
            f"{where} has no field '{min(unknown)}'.", hint=f"It has: {', '.join(sorted(_NODE_FIELDS))}.", code="script_field"
        )
    code = _text(row, "code", where, 30)
    if not CODE.fullmatch(code):
        raise InvalidInput(f"{where}: its code must be small letters, digits and _, at most 30.", code="script_node_code")
    where = f"node '{code}'"
    effect = _text(row, "effect", where, 30)
    return Node(
        code=code,
        kind=_choice(row, "kind", NodeKind, NodeKind.SAY, where),
        say=_text(row, "say", where),
        recording=_text(row, "recording", where, 60),
        keys=_keys(row.get("keys", {}), where),
        repeats=int(_number(row, "repeats", 2, 1, 5, where)),
        wait_seconds=_number(row, "wait_seconds", 4.0, 1, 20, where),
        then=_text(row, "then", where, 30),
        on_wrong=_text(row, "on_wrong", where, 30),
        effect=_choice(row, "effect", Effect, Effect.CALL_BACK, where) if effect else None,
    )


def _keys(keys: Any, where: str) -> dict[str, str]:
    if not isinstance(keys, Mapping):
        raise InvalidInput(f"{where}: 'keys' must be a table of key → node.", code="script_keys")
    found = {str(key): str(code) for key, code in keys.items()}
    for key, code in found.items():
        if len(key) != 1 or key not in KEYS:
            raise InvalidInput(f"{where}: no telephone has the key '{key[:5]}'.", hint=f"Expected one of {KEYS}.", code="script_keys")
        if not CODE.fullmatch(code):
            raise InvalidInput(f"{where}: key {key} must lead to the code of a node.", code="script_keys")
    return found


def _text(row: Mapping[str, Any], name: str, where: str, longest: int = LONGEST_SAY) -> str:
    value = row.get(name, "")
    if not isinstance(value, str):
        raise InvalidInput(f"{where}: '{name}' must be a text.", code="script_value")
    value = value.strip()
    if len(value) > longest:
        raise InvalidInput(f"{where}: '{name}' is longer than {longest} characters.", code="script_value")
    return value


def _number(row: Mapping[str, Any], name: str, default: float, least: float, most: float, where: str) -> float:
    value = row.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise InvalidInput(f"{where}: '{name}' must be a number from {least} to {most}.", code="script_value")
    return float(value)


def _choice(row: Mapping[str, Any], name: str, kind: type[_E], default: _E, where: str) -> _E:
    value = row.get(name, default.value)
    try:
        return kind(value)
    except ValueError as problem:
        raise InvalidInput(f"{where}: '{name}' must be one of {', '.join(kind)}.", code="script_value") from problem


def _flat(code: str, version: int, document: Mapping[str, Any]) -> Script:
    """A script of earlier times: one prompt, one word of thanks, keys with their meaning."""
    if not document:
        return Script(DEFAULT.nodes, code, version, DEFAULT.title, message=DEFAULT.message)
    start, thanks = DEFAULT.nodes[0], _text(document, "thanks", "the script") or THANKS
    keys = {str(key): str(action) for key, action in document.get("keys", {"1": "call_back", "2": "claims_paid", "3": "not_me"}).items()}
    if any(len(key) != 1 or key not in KEYS for key in keys):
        raise InvalidInput(f"Script '{code}' has a key that no telephone has.", hint="Expected digits, * or #, one each.")
    known = {effect.value for effect in Effect}
    actions = sorted(set(keys.values()) - {"repeat"})
    if set(actions) - known:
        raise InvalidInput(
            f"Script '{code}' has a key with an unknown action.", hint=f"Expected one of: {', '.join(sorted(known))}, repeat."
        )
    menu = Node(
        START,
        NodeKind.MENU,
        _text(document, "text", "the script") or start.say,
        keys={key: START if action == "repeat" else action for key, action in keys.items()},
        repeats=int(_number(document, "repeats", 2, 1, 5, "the script")),
        wait_seconds=_number(document, "wait_seconds", 4.0, 1, 20, "the script"),
    )
    return Script((menu, *(Node(action, NodeKind.END, thanks, effect=Effect(action)) for action in actions)), code, version)
