"""Contact rules ready to use: data in `preset_data`, each line with its source and with what it does not cover.

`municipality` is the founding case and the default: stricter than any rule found in force. `regulation_f` and `ofcom` are those of the
United States and the United Kingdom as far as they can be told by settings. `training` is always open: only for offices whose carrier is
the simulated one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.resources import files
from typing import Any

from campaigns.compliance.documents import from_document, to_document
from campaigns.compliance.policy import ContactPolicy

NAMES = ("municipality", "regulation_f", "ofcom", "training")
__all__ = ["NAMES", "PRESETS", "Preset", "PresetLine", "from_document", "municipality", "preset", "to_document", "training"]


@dataclass(frozen=True, slots=True)
class PresetLine:
    """One rule of a preset in words: what it says, the settings it gives, its source, and what it does not cover."""

    code: str
    ja: str
    en: str
    source: str
    not_covered: Mapping[str, str]
    values: Mapping[str, Any]

    def text(self, lang: str) -> str:
        """The rule in one language."""
        return self.en if lang == "en" else self.ja


@dataclass(frozen=True, slots=True)
class Preset:
    """A preset: its rules line by line, and the document they add up to."""

    name: str
    title: Mapping[str, str]
    not_covered: Mapping[str, str]
    lines: tuple[PresetLine, ...]
    document: Mapping[str, Any]

    def policy(self) -> ContactPolicy:
        """The rules, without any declared day."""
        return from_document(self.document)


@lru_cache(maxsize=len(NAMES))
def preset(name: str) -> Preset:
    """A preset by its name. Raises KeyError when there is none."""
    if name not in NAMES:
        raise KeyError(name)
    told = tomllib.loads(files(__package__).joinpath("preset_data", f"{name}.toml").read_text(encoding="utf-8"))
    lines = tuple(
        PresetLine(line["code"], line["ja"], line["en"], line["source"], line.get("not_covered", {}), line["values"])
        for line in told["line"]
    )
    document: dict[str, Any] = {"name": told["name"], "caps": [], "exempt": {}, "rules": []}
    for line in lines:
        _merge(document, line.values)
    return Preset(told["name"], told["title"], told["not_covered"], lines, document)


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    """Adds a line's settings: tables and lists grow, everything else is set."""
    for key, value in values.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            into[key].update(value)
        elif isinstance(value, list) and isinstance(into.get(key), list):
            into[key] = [*into[key], *value]
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value


def municipality() -> ContactPolicy:
    """A Japanese municipality, after the founding case and the envelope of published rules."""
    return preset("municipality").policy()


def training() -> ContactPolicy:
    """Always open, with wide caps: for demonstration offices on the simulated carrier only."""
    return preset("training").policy()


def _policy_of(name: str) -> ContactPolicy:
    return preset(name).policy()


PRESETS: Mapping[str, Callable[[], ContactPolicy]] = {name: partial(_policy_of, name) for name in NAMES}
