"""All that is to be said about a template before it is saved: what must be changed, what is to be known, and how long it can get. Pure.

Every problem has its place (line and column, from 1) and is told in both languages.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from jinja2 import meta

from callcenter.core.errors import InvalidInput
from campaigns.messages.templates import (
    AMOUNTS,
    FIELDS,
    LINKS,
    MAX_CHARACTERS,
    PERSONAL,
    SAMPLE,
    SEGMENT,
    TAX_WORDS,
    parse,
    render,
    segments_of,
    units_of,
)

OPT_OUT = re.compile(r"停止|STOP|配信不要", re.IGNORECASE)
MOST_SEGMENTS = 5
_MARK = re.compile(r"\{\{-?\s*([A-Za-z_][A-Za-z0-9_]*)|\{%-?\s*if\s+(?:not\s+)?([A-Za-z_][A-Za-z0-9_]*)")
LONGEST_DATE = "12月31日"


class Severity(StrEnum):
    """Whether it can't be saved, or is only to be known."""

    ERROR = "error"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to be said; line and column are 0 where it has no place."""

    code: str
    severity: Severity
    line: int
    column: int
    ja: str
    en: str

    def text(self, lang: str) -> str:
        """In one language, with its place."""
        words = self.en if lang == "en" else self.ja
        if not self.line:
            return words
        return f"line {self.line}, column {self.column}: {words}" if lang == "en" else f"{self.line}行{self.column}文字目: {words}"


@dataclass(frozen=True, slots=True)
class Review:
    """What a template looks like and what is wrong with it.

    Attributes:
        sample: as most people get it; `longest`: with the longest value of every field.
        units: UTF-16 code units of the sample, which the provider counts; `left`: those that still fit into its last segment.
        personal: names of personal fields it uses.
    """

    problems: Sequence[Problem]
    sample: str = ""
    longest: str = ""
    units: int = 0
    left: int = 0
    segments: int = 0
    most_segments: int = 0
    personal: frozenset[str] = field(default_factory=frozenset)

    @property
    def errors(self) -> list[Problem]:
        """What must be changed before it can be saved."""
        return [problem for problem in self.problems if problem.severity is Severity.ERROR]


def review(
    body: str,
    values: Mapping[str, str],
    longest: Mapping[str, str],
    *,
    allows_tax_words: bool = False,
    allowed_fields: Collection[str] = (),
) -> Review:
    """Looks at a template from all sides.

    Args:
        values: the office's own fields (its name, desk and number); others are examples.
        longest: the longest value of each field that anybody on the list has.
    """
    try:
        used = meta.find_undeclared_variables(parse(body))
    except InvalidInput as problem:
        line = re.search(r"on line (\d+)", problem.message)
        ja = f"差し込みの書き方を読めません。使えるのは {{{{ 項目 }}}} と {{% if 項目 %}} だけです。({problem.message})"
        return Review([_error("syntax", int(line[1]) if line else 1, 1, ja, str(problem))])
    problems = [*_fields(body, used, allowed_fields), *_words(body, allows_tax_words), *_characters(body)]
    if any(name not in FIELDS for name in used):
        return Review(problems, personal=PERSONAL & used)
    sample = render(body, {**SAMPLE, **values})
    worst = render(body, {**SAMPLE, **values, **longest})
    if not any(problem.code in ("tax_word", "amount", "link") for problem in problems):
        problems += _rendered_words(worst, allows_tax_words)
    problems += _length(sample, worst)
    if "callback_number" not in used:
        problems.append(
            _error("no_callback", 0, 0, "折り返しの電話番号({{ callback_number }})がありません。", "There is no call-back number.")
        )
    if not OPT_OUT.search(worst):
        ja, en = (
            "配信停止の案内がありません。返信を受けられる送信手段では「停止」の案内を入れてください。",
            "It does not say how to opt out.",
        )
        problems.append(Problem("no_opt_out", Severity.NOTE, 0, 0, ja, en))
    units, segments = units_of(sample), segments_of(sample)
    room = SEGMENT if segments <= 1 else segments * 67
    return Review(problems, sample, worst, units, room - units, segments, segments_of(worst), PERSONAL & used)


def _error(code: str, line: int, column: int, ja: str, en: str) -> Problem:
    return Problem(code, Severity.ERROR, line, column, ja, en)


def _place(body: str, at: int) -> tuple[int, int]:
    before = body[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1


def _fields(body: str, used: Collection[str], allowed: Collection[str]) -> list[Problem]:
    problems = []
    places = {found[1] or found[2]: _place(body, found.start()) for found in reversed(list(_MARK.finditer(body)))}
    for name in sorted(used, key=lambda name: places.get(name, (1, 1))):
        line, column = places.get(name, (1, 1))
        if name not in FIELDS:
            known = ", ".join(FIELDS)
            ja, en = f"「{name}」という項目はありません。使えるのは {known}。", f"There is no field '{name}'. There are: {known}."
            problems.append(_error("unknown_field", line, column, ja, en))
        elif name in PERSONAL and name not in allowed:
            ja = f"「{FIELDS[name].ja}」({name})は、この文面に許可されていません。"
            problems.append(_error("field_not_allowed", line, column, ja, f"The field '{name}' is not allowed in this template."))
    return problems


def _words(body: str, allows_tax_words: bool) -> list[Problem]:
    """What the template itself says, where it says it."""
    problems = [
        _error(
            "link",
            *_place(body, found.start()),
            "リンクは入れられません(詐欺と見分けがつきません)。",
            "Links are never allowed: they look like fraud.",
        )
        for found in LINKS.finditer(body)
    ]
    if not allows_tax_words:
        for pattern, code, ja, en in (
            (TAX_WORDS, "tax_word", "税や滞納を示す言葉", "a word that tells of tax"),
            (AMOUNTS, "amount", "金額", "an amount"),
        ):
            problems += [
                _error(
                    code,
                    *_place(body, found.start()),
                    f"{ja}「{found[0]}」は、この文面に許可されていません。",
                    f"'{found[0]}' is {en}; not allowed.",
                )
                for found in pattern.finditer(body)
            ]
    return problems


def _rendered_words(text: str, allows_tax_words: bool) -> list[Problem]:
    """What comes in by the fields: an office's or desk's own name may hold what the template does not."""
    problems = []
    if found := LINKS.search(text):
        problems.append(_error("link", 0, 0, f"差し込んだ値にリンク「{found[0]}」が入ります。", "A field's value brings in a link."))
    if not allows_tax_words and (found := TAX_WORDS.search(text) or AMOUNTS.search(text)):
        ja = f"差し込んだ値に「{found[0]}」が入ります(団体名・担当名を確かめてください)。"
        problems.append(_error("tax_word", 0, 0, ja, f"A field's value brings in '{found[0]}' (the office's or desk's name)."))
    return problems


def _characters(body: str) -> list[Problem]:
    problems = []
    for at, sign in enumerate(body):
        kind = unicodedata.category(sign)
        if kind in ("Cc", "Cf", "Cs", "Co", "Cn") and sign not in "\n\r\t":
            ja, en = f"使えない文字(U+{ord(sign):04X})があります。", f"The character U+{ord(sign):04X} can't be sent."
            problems.append(_error("character", *_place(body, at), ja, en))
        elif ord(sign) > 0xFFFF:
            ja, en = (
                f"「{sign}」は2文字に数えられ、表示されない端末もあります。",
                f"'{sign}' counts as two characters and may not be shown.",
            )
            problems.append(Problem("wide_character", Severity.NOTE, *_place(body, at), ja, en))
    return problems


def _length(sample: str, worst: str) -> list[Problem]:
    count, most = segments_of(sample), segments_of(worst)
    if not sample.strip():
        return [_error("empty", 0, 0, "文面が空です。", "The text is empty.")]
    if len(worst) > MAX_CHARACTERS or most > MOST_SEGMENTS:
        ja = f"最も長い場合に{len(worst)}文字・{most}通分になります。{MAX_CHARACTERS}文字・{MOST_SEGMENTS}通分までにしてください。"
        en = f"At worst it has {len(worst)} characters in {most} segments; at most {MAX_CHARACTERS} and {MOST_SEGMENTS} are taken."
        return [_error("too_long", 0, 0, ja, en)]
    if most > count:
        ja = f"差し込む値が長い人では{most}通分になります(ふつうは{count}通分)。"
        return [Problem("longer_for_some", Severity.NOTE, 0, 0, ja, f"For people with long values it takes {most} segments, else {count}.")]
    return []
