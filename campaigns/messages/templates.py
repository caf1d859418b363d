"""A message's wording: rendered in a sandbox with declared fields only, neutral unless the office decided otherwise. Pure.

Nobody can tell who reads a text message: by default it carries the office's name, "please call" and a call-back number, and no word of
tax, no amount, no link.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from jinja2 import StrictUndefined, TemplateError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from callcenter.core.errors import InvalidInput

DEFAULT_CODE = "please_call"
DEFAULT_BODY = "{{ office_name }}です。お知らせしたいことがあります。お電話ください。{{ callback_number }}"
MAX_CHARACTERS = 660
SEGMENT, JOINED_SEGMENT = 70, 67
TAX_WORDS = re.compile(r"税|滞納|督促|催告|納付|納税|納期|差押|未納|延滞|保険料|tax|arrears|overdue", re.IGNORECASE)
LINKS = re.compile(r"https?:|www\.|[a-z0-9-]+\.(?:jp|com|net|org)\b", re.IGNORECASE)
AMOUNTS = re.compile(r"[\d０-９][\d０-９,，]*\s*(?:円|万円)|[¥￥]")


@dataclass(frozen=True, slots=True)
class Field:
    """A field a template may name: how it is called, an example, and whether it tells who the reader is or what happened with them."""

    ja: str
    en: str
    sample: str
    is_personal: bool = False


FIELDS: Mapping[str, Field] = {
    "office_name": Field("団体名", "office's name", "○○○○○○市"),
    "desk_name": Field("担当の名称", "name of the desk", "納税コールセンター"),
    "callback_number": Field("折り返しの電話番号", "call-back number", "000-0000-0000"),
    "name": Field("氏名", "debtor's name", "見本 佳代", is_personal=True),
    "letter_date": Field("書面の発送日", "date of the last letter", "12月31日", is_personal=True),
    "promise_date": Field("約束の日", "date promised", "12月31日", is_personal=True),
}
SAMPLE = {name: field.sample for name, field in FIELDS.items()}
PERSONAL = frozenset(name for name, field in FIELDS.items() if field.is_personal)
# A template is text, fields and "if": nothing that could run for long or reach anywhere.
_ALLOWED_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.If, nodes.Not, nodes.And, nodes.Or, nodes.Test,
)  # fmt: skip

_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


@dataclass(frozen=True, slots=True)
class Wording:
    """A checked template's sample with its length in segments."""

    sample: str
    segments: int


def units_of(body: str) -> int:
    """UTF-16 code units, which providers count: characters beyond the basic plane are two."""
    return len(body.encode("utf-16-le")) // 2


def segments_of(body: str) -> int:
    """Number of UCS-2 segments: 70 characters alone, 67 each when joined; characters beyond the basic plane count twice."""
    units = units_of(body)
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


def parse(body: str) -> nodes.Template:
    """The template's tree, of text, fields and `if` only.

    Raises:
        InvalidInput: it can't be read, or has something else in it; says on which line.
    """
    try:
        tree = _ENVIRONMENT.parse(body)
    except TemplateError as problem:
        line = getattr(problem, "lineno", 1)
        raise InvalidInput(
            f"The template can't be read on line {line}: {problem}.", hint="Check the braces.", code="bad_template"
        ) from problem
    for node in tree.find_all(nodes.Node):
        is_known = isinstance(node, _ALLOWED_NODES) and not (isinstance(node, nodes.Test) and node.name != "defined")
        if not is_known:
            what = type(node).__name__.lower()
            hint = "Only {{ field }} and {% if field %} … {% endif %} may be used."
            raise InvalidInput(f"The template has a '{what}' on line {node.lineno}.", hint=hint, code="bad_template")
    return tree


def check_template(body: str, *, allows_tax_words: bool = False, allowed_fields: Collection[str] = ()) -> Wording:
    """Checks a template; `campaigns.messages.wording` tells all that is wrong with one at once.

    Raises:
        InvalidInput: bad syntax, a field that is unknown or not allowed, too long, or (unless allowed) a word of tax, an amount or a link.
    """
    used = meta.find_undeclared_variables(parse(body))
    known = frozenset(FIELDS) - PERSONAL | frozenset(allowed_fields)
    if unknown := sorted(used - known):
        raise InvalidInput(
            f"The template uses the field '{unknown[0]}', which is unknown or not allowed.",
            hint=f"Allowed: {', '.join(sorted(known))}.",
            code="bad_template",
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
