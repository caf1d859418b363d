"""What a person reads at the terminal, in the language that was chosen, whatever language the room speaks that says it.

`messages.toml` has a line per message, English = Japanese, with `{}` for what is filled in, in the same order. A message that is not in it
is shown as it is.
"""

from __future__ import annotations

import os
import re
import tomllib
from functools import lru_cache
from importlib.resources import files

HOLE = "{}"
JOINED = "; "  # between mistakes that are told together
SEPARATOR = {"ja": "／", "en": JOINED}


@lru_cache
def _templates(lang: str) -> tuple[dict[str, str], list[tuple[re.Pattern[str], str]]]:
    """What is to be put into a language: whole messages, and patterns of those that are filled in, the longest first."""
    told: dict[str, str] = tomllib.loads(files("callcenter.commands").joinpath("messages.toml").read_text(encoding="utf-8"))
    pairs = told.items() if lang == "ja" else [(ja, en) for en, ja in told.items()]
    whole = {source: target for source, target in pairs if HOLE not in source}
    filled = sorted(((source, target) for source, target in pairs if HOLE in source), key=lambda pair: -len(pair[0]))
    return whole, [(re.compile("(.*?)".join(map(re.escape, source.split(HOLE))), re.DOTALL), target) for source, target in filled]


def in_language(message: str, lang: str) -> str:
    """A message in `ja` or `en`; what is filled in is put into it, too, where it is a message itself."""
    whole, filled = _templates(lang)
    if message in whole:
        return whole[message]
    several = message.split(JOINED)
    if len(several) > 1 and all(part != told for part, told in zip(several, (in_language(part, lang) for part in several), strict=True)):
        return SEPARATOR[lang].join(in_language(part, lang) for part in several)
    for pattern, target in (*filled, *_own_templates(lang)):
        if found := pattern.fullmatch(message):
            parts = iter(target.split(HOLE))
            return next(parts) + "".join(in_language(value, lang) + part for value, part in zip(found.groups(), parts, strict=True))
    return message


@lru_cache
def _own_templates(lang: str) -> list[tuple[re.Pattern[str], str]]:
    """The messages of the language itself that are filled in: perhaps with words of the other one."""
    _, filled = _templates(lang)
    return [(re.compile("(.*?)".join(map(re.escape, own.split(HOLE))), re.DOTALL), own) for _, own in filled]


def chosen_language() -> str:
    """`en` when it was chosen, else `ja`; read without the other settings, which may be what is wrong."""
    return "en" if os.environ.get("CALLCENTER_LANG", "").strip().lower() == "en" else "ja"


def words(message: str) -> str:
    """A line for a person in the chosen language."""
    return in_language(message, chosen_language())


def pick(lang: str, ja: str, en: str) -> str:
    """The text of the language."""
    return ja if lang == "ja" else en
