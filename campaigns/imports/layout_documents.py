"""The built-in layouts by name, and layouts as TOML text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from callcenter.core.errors import InvalidInput
from campaigns.imports.layout_definitions import FOLDER, definition
from campaigns.imports.layout_reading import parsed_toml, read_layout
from campaigns.imports.layouts import KINDS, STANDARD, Layout


@lru_cache
def built_in_layouts(kind: str) -> Mapping[str, Layout]:
    """The built-in layouts of a kind by name, the standard one first."""
    others = (read_layout(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.toml")) if path.stem not in KINDS)
    return {STANDARD: definition(kind)} | {layout.name: layout for layout in others if layout.kind == kind}


def load_layout(kind: str, name: str | None = None) -> Layout:
    """The built-in layout `name` (default: the standard one) for files of `kind`.

    Raises InvalidInput naming the layouts there are.
    """
    refuse_unknown_kind(kind)
    wanted = STANDARD if name in (None, "", kind) else str(name)
    known = built_in_layouts(kind)
    if wanted not in known:
        raise unknown_layout(kind, wanted, known)
    return known[wanted]


def refuse_unknown_kind(kind: str) -> None:
    """Raises InvalidInput unless files of this kind are taken."""
    if kind not in KINDS:
        raise InvalidInput(f"ファイルの種類 {kind} はありません。", hint="debts、payments、attempts のいずれかです。")


def unknown_layout(kind: str, name: str, known: Iterable[str]) -> InvalidInput:
    """The refusal of a layout's name, with the names there are."""
    return InvalidInput(f"{kind} のレイアウト {name} はありません。", hint="使えるもの: " + ", ".join(known), code="unknown_layout")


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_string(str(key))} = {_value(each)}" for key, each in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return str(value) if isinstance(value, int) else _string(str(value))


def write_document(document: Mapping[str, Any]) -> str:
    """TOML text of a layout's document: the keys `name`, `kind`, … and the tables `source` and `fields`; what is empty is left out."""
    lines = [f"{key} = {_value(document[key])}" for key in ("name", "kind", "title", "mode") if document.get(key)]
    if source := {key: value for key, value in document.get("source", {}).items() if value not in ("", [], {}, None)}:
        lines += ["", "[source]", *(f"{key} = {_value(value)}" for key, value in source.items())]
    lines += ["", "[fields]"]
    for name, entry in document.get("fields", {}).items():
        lines.append(f"{name} = {{ " + ", ".join(f"{key} = {_value(value)}" for key, value in entry.items()) + " }")
    return "\n".join(lines) + "\n"


def document_of(toml: str) -> dict[str, Any]:
    """The document as plain data: what was written, without what the kind defines. Raises as `read_layout`."""
    read_layout(toml)
    return parsed_toml(toml)


def document_of_layout(layout: Layout) -> dict[str, Any]:
    """A built-in layout as a document of an office's own: all headers and code tables spelt out, to begin with."""
    fields = {}
    for entry in layout.fields:
        fields[entry.name] = {"headers": list(entry.headers)} | ({"codes": dict(entry.codes)} if entry.codes else {})
    return {"name": layout.name, "kind": layout.kind, "fields": fields}
