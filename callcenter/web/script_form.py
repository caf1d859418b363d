"""The script editor's form, read: a node is a group of fields with a number; a group without a code is left out."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import FormData

from callcenter.core.errors import InvalidInput
from dialer.ivr.documents import MOST_NODES, from_document
from dialer.ivr.script import Script
from dialer.telephony.robocall import NodeKind

NODE_FIELDS = ("say", "recording", "then", "on_wrong", "effect")


def read_script(form: FormData, code: str, version: int) -> Script:
    """The script as it was typed. Raises InvalidInput, naming node and field."""
    document: dict[str, Any] = {name: _text(form, name) for name in ("title", "wording", "on_machine", "message", "message_recording")}
    document["node"] = [row for number in range(MOST_NODES + 1) if (row := _node(form, number))]
    if not document["node"]:
        raise InvalidInput("ノードがありません。", hint="最初のノードに符号を付けてください(例: start)。", code="script_nodes")
    return from_document(code, version, document)


def _node(form: FormData, number: int) -> dict[str, Any]:
    code = _text(form, f"node{number}.code")
    if not code:
        return {}
    row: dict[str, Any] = {"code": code, "kind": _text(form, f"node{number}.kind") or NodeKind.SAY.value}
    row |= {name: value for name in NODE_FIELDS if (value := _text(form, f"node{number}.{name}"))}
    if row["kind"] == NodeKind.MENU:
        row["keys"] = _keys(_text(form, f"node{number}.keys"), code)
        row["repeats"] = _number(_text(form, f"node{number}.repeats"), code, 2)
        row["wait_seconds"] = _number(_text(form, f"node{number}.wait_seconds"), code, 4)
    return row


def _keys(text: str, node: str) -> dict[str, str]:
    """One key a line: `1 = call_back`."""
    found: dict[str, str] = {}
    for line in text.replace("＝", "=").replace("→", "=").splitlines():
        if not line.strip():
            continue
        key, sign, target = (part.strip() for part in line.partition("="))
        if not sign or not target:
            raise InvalidInput(
                f"{node}: キーの行「{line[:20]}」が読めません。", hint="1行に「1 = 行き先」と書いてください。", code="script_keys"
            )
        if key in found:
            raise InvalidInput(f"{node}: キー{key[:3]}が2回あります。", hint="1つのキーの行き先は1つです。", code="script_keys")
        found[key] = target
    return found


def _number(text: str, node: str, default: float) -> float:
    try:
        return float(text) if text else default
    except ValueError as problem:
        raise InvalidInput(f"{node}: 「{text[:10]}」は数ではありません。", hint="数字を入れてください。", code="script_value") from problem


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value.strip().replace("\r\n", "\n") if isinstance(value, str) else ""
