"""Score cards as data: read from a document, checked with the place of each mistake, and worked out. Pure but for the office's own."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.db import office_of
from callcenter.core.errors import InvalidInput

OPTION = "review_criteria"
_CODE = re.compile(r"[a-z][a-z0-9_]{0,29}", re.ASCII)
_TEXTS = ("ja", "en", "help_ja", "help_en")
_MOST_CRITERIA = 20


@dataclass(frozen=True, slots=True)
class Criterion:
    """One line of a score card: 0 to `most` points, counted with `weight`."""

    code: str
    most: int
    weight: int
    ja: str
    en: str
    help_ja: str = ""
    help_en: str = ""

    def label(self, lang: str) -> str:
        """Its name."""
        return self.en if lang == "en" else self.ja

    def help(self, lang: str) -> str:
        """What is looked at."""
        return self.help_en if lang == "en" else self.help_ja


@cache
def standard() -> tuple[Criterion, ...]:
    """The card that comes with the product."""
    return read_toml((resources.files("dialer.recordings") / "criteria.toml").read_text("utf-8"))


def read_toml(text: str) -> tuple[Criterion, ...]:
    """The criteria of a TOML document. Raises InvalidInput with the place of the mistake."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise InvalidInput(f"The score card can't be read: {problem}.", hint="Expected TOML with [[criterion]] tables.") from problem
    return read(document.get("criterion"))


def read(entries: Any) -> tuple[Criterion, ...]:
    """The criteria of plain data. Raises InvalidInput with the place of the mistake."""
    if not isinstance(entries, list) or not 1 <= len(entries) <= _MOST_CRITERIA:
        raise InvalidInput(f"A score card has 1 to {_MOST_CRITERIA} criteria.", hint="Each is a [[criterion]] table.")
    found = tuple(_criterion(number, entry) for number, entry in enumerate(entries, 1))
    codes = [criterion.code for criterion in found]
    for code in codes:
        if codes.count(code) > 1:
            raise InvalidInput(f"The code '{code}' stands for two criteria.", hint="Give each a code of its own.")
    return found


def _criterion(number: int, entry: Any) -> Criterion:
    where = f"Criterion {number}"
    if not isinstance(entry, Mapping):
        raise InvalidInput(f"{where} is not a table.")
    unknown = set(entry) - {"code", "most", "weight", *_TEXTS}
    if unknown:
        raise InvalidInput(f"{where} has an unknown field '{min(unknown)}'.", hint=f"Known: code, most, weight, {', '.join(_TEXTS)}.")
    code = entry.get("code")
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise InvalidInput(f"{where} has no usable code.", hint="Expected lower-case letters, digits and _, at most 30.")
    for name, highest in (("most", 10), ("weight", 100)):
        value = entry.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= highest:
            raise InvalidInput(f"{where} ({code}): {name} is a whole number from 1 to {highest}.")
    texts = {name: entry.get(name, "") for name in _TEXTS}
    for name, text in texts.items():
        if not isinstance(text, str) or len(text) > 200 or (name in ("ja", "en") and not text.strip()):
            raise InvalidInput(f"{where} ({code}): {name} is a text of at most 200 characters.", hint="ja and en are needed.")
    return Criterion(code, entry["most"], entry["weight"], **texts)


def criteria_of(session: Session) -> tuple[Criterion, ...]:
    """The office's card, else the standard one."""
    told = session.scalar(select(Office.options).where(Office.id == office_of(session))) or {}
    return read(told[OPTION]) if OPTION in told else standard()


def set_criteria(session: Session, criteria: Sequence[Criterion]) -> None:
    """Changes the office's card; reviews that were made keep theirs."""
    office = session.get_one(Office, office_of(session), with_for_update=True)
    office.options = {**office.options, OPTION: [asdict(criterion) for criterion in criteria]}
    session.flush()


def percent(criteria: Sequence[Criterion], scores: Mapping[str, int]) -> int:
    """The weighted share of the points that could be had, 0 to 100. Raises InvalidInput for a score that is missing or out of range."""
    for criterion in criteria:
        score = scores.get(criterion.code)
        if score is None or not 0 <= score <= criterion.most:
            raise InvalidInput(f"{criterion.ja}: 0〜{criterion.most}の点を選んでください。", code=f"score_{criterion.code}")
    gained = sum(scores[criterion.code] / criterion.most * criterion.weight for criterion in criteria)
    return round(100 * gained / sum(criterion.weight for criterion in criteria))
