"""The words on the screen: flat keys, one TOML file per language, no fallback. A missing word is a fault that a test finds."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Protocol

LOCALES = Path(__file__).parent / "locales"
LANGUAGES: dict[str, str] = {"ja": "日本語", "en": "English"}
DEFAULT_LANGUAGE = "ja"


class Translate(Protocol):
    """Looks one text up and fills its fields in."""

    def __call__(self, key: str, /, **fields: Any) -> str: ...


@cache
def catalogue(lang: str) -> dict[str, str]:
    """All texts of `lang` by their flat key; the file's tables only group them ([nav] calls is "nav.calls")."""
    tables = tomllib.loads((LOCALES / f"{lang}.toml").read_text(encoding="utf-8"))
    return {f"{table}.{name}": text for table, texts in tables.items() for name, text in texts.items()}


def language(wanted: str | None) -> str:
    """`wanted` when there are texts in it, else Japanese."""
    return wanted if wanted in LANGUAGES else DEFAULT_LANGUAGE


@cache
def translator(lang: str) -> Translate:
    """The lookup of one language. KeyError for a key or a field that does not exist."""
    texts = catalogue(lang)

    def translate(key: str, /, **fields: Any) -> str:
        text = texts[key]
        return text.format_map(fields) if "{" in text else text

    return translate
