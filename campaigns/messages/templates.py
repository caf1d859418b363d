"""A message's wording: rendered in a sandbox with declared fields only, neutral unless the office decided otherwise. Pure.

Nobody can tell who reads a text message: by default it carries the office's name, "please call" and a call-back number, and no word of
tax, no amount, no link.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jinja2 import StrictUndefined, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from callcenter.core.errors import InvalidInput

DEFAULT_CODE = "please_call"
DEFAULT_BODY = "{{ office_name }}です。お知らせしたいことがあります。お電話ください。{{ callback_number }}"
FIELDS = frozenset({"office_name", "callback_number"})
MAX_CHARACTERS = 660
SEGMENT, JOINED_SEGMENT = 70, 67
TAX_WORDS = re.compile(r"税|滞納|督促|催告|納付|納税|納期|差押|未納|延滞|保険料|tax|arrears|overdue", re.IGNORECASE)
LINKS = re.compile(r"https?:|www\.|[a-z0-9-]+\.(?:jp|com|net|org)\b", re.IGNORECASE)
AMOUNTS = re.compile(r"[\d０-９][\d０-９,，]*\s*(?:円|万円)|[¥￥]")
SAMPLE = {"office_name": "○○○○○○市", "callback_number": "000-0000-0000"}

_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


@dataclass(frozen=True, slots=True)
class Wording:
    """A checked template's sample with its length in segments."""

    sample: str
    segments: int


def segments_of(body: str) -> int:
    """Number of UCS-2 segments: 70 characters alone, 67 each when joined; characters beyond the basic plane count twice."""
    units = len(body.encode("utf-16-le")) // 2
    return 1 if units <= SEGMENT else -(-units // JOINED_SEGMENT)


def render(body: str, fields: Mapping[str, str]) -> str:
    """The text for one person.

    Raises:
        InvalidInput: the template can't be rendered with these fields.
    """
    try:
        return _ENVIRONMENT.from_string(body).render(dict(fields)).strip()
    except TemplateError as problem:
        raise InvalidInput(f"The template can't be rendered: {problem}.", code="bad_template") from problem


def renderer(body: str) -> Callable[[Mapping[str, str]], str]:
    """The template compiled once, for many people.

    Raises:
        InvalidInput: the template can't be read; or, by the function returned, can't be rendered with its fields.
    """
    try:
        compiled = _ENVIRONMENT.from_string(body)
    except TemplateError as problem:
        raise InvalidInput(f"The template can't be read: {problem}.", code="bad_template") from problem

    def rendered(fields: Mapping[str, str]) -> str:
        try:
            return compiled.render(fields).strip()
        except TemplateError as problem:
            raise InvalidInput(f"The template can't be rendered: {problem}.", code="bad_template") from problem

    return rendered


def fields_in(body: str) -> frozenset[str]:
    """The fields a template that can be read names."""
    return frozenset(meta.find_undeclared_variables(_ENVIRONMENT.parse(body)))


def check_template(body: str, *, allows_tax_words: bool = False) -> Wording:
    """Checks a template before it is saved.

    Raises:
        InvalidInput: bad syntax, an unknown field, too long, or (unless allowed) a word of tax, an amount or a link.
    """
    try:
        used = meta.find_undeclared_variables(_ENVIRONMENT.parse(body))
    except TemplateError as problem:
        raise InvalidInput(f"The template can't be read: {problem}.", hint="Check the braces.", code="bad_template") from problem
    if unknown := sorted(used - FIELDS):
        raise InvalidInput(
            f"The template uses the unknown field '{unknown[0]}'.", hint=f"Known: {', '.join(sorted(FIELDS))}.", code="bad_template"
        )
    sample = render(body, SAMPLE)
    check_text(sample, allows_tax_words=allows_tax_words)
    return Wording(sample, segments_of(sample))


def check_text(text: str, *, allows_tax_words: bool = False) -> None:
    """Checks a finished text: an office's own name may hold a word that the template did not.

    Raises:
        InvalidInput: too long, a link, or (unless allowed) a word of tax or an amount.
    """
    if not 0 < len(text) <= MAX_CHARACTERS:
        raise InvalidInput(f"The text has {len(text)} characters.", hint=f"Expected 1 to {MAX_CHARACTERS}.", code="bad_template")
    if LINKS.search(text):
        raise InvalidInput("The text has a link.", hint="Messages carry no links: they look like fraud.", code="bad_template")
    if not allows_tax_words and (TAX_WORDS.search(text) or AMOUNTS.search(text)):
        hint = "Use neutral wording (the office's name included), or allow it for this template explicitly."
        raise InvalidInput("The text tells of tax or an amount.", hint=hint, code="bad_template")
