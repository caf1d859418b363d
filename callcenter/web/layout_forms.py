"""The form of the page on which a layout is made, as what was chosen."""

from __future__ import annotations

from starlette.datastructures import FormData

from callcenter.core.errors import InvalidInput
from campaigns.imports.layout_definitions import definition
from campaigns.imports.layout_reading import MAX_COLUMN, MAX_HEADER_ROW, MODES
from campaigns.imports.layouts import DELIMITERS, ENCODINGS, KINDS
from campaigns.imports.mapping import Choice, Choices

_MAX_CODES = 80
_MAX_TEXT = 200


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value.replace("\x00", "")[:_MAX_TEXT] if isinstance(value, str) else ""


def _number(form: FormData, name: str, high: int) -> int:
    text = _text(form, name).strip()
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or int(text[:6]) > high:
        raise InvalidInput("列や文字の位置は、数字で入れてください。", hint=f"0 から {high} までです。", code="bad_choice")
    return int(text[:6])


def _one_of(form: FormData, name: str, allowed: tuple[str, ...]) -> str:
    text = _text(form, name)
    return text if text in allowed else allowed[0]


def _codes(form: FormData, field: str) -> dict[str, str]:
    found = {}
    for number in range(_MAX_CODES):
        theirs = _text(form, f"theirs.{field}.{number}").strip()
        if theirs:
            found[theirs] = _text(form, f"ours.{field}.{number}").strip()
    return found


def _choice(form: FormData, field: str) -> Choice:
    return Choice(
        column=_number(form, f"column.{field}", MAX_COLUMN),
        join=_number(form, f"join.{field}", MAX_COLUMN),
        separator=_text(form, f"separator.{field}")[:5],
        first=_number(form, f"first.{field}", 1000),
        last=_number(form, f"last.{field}", 1000),
        value=_text(form, f"value.{field}").strip(),
        style=_text(form, f"style.{field}"),
        codes=_codes(form, field),
    )


def read_choices(form: FormData) -> tuple[str, Choices]:
    """The kind of file and all that was chosen.

    Raises InvalidInput (bad_choice) for a position that is no number.
    """
    kind = _one_of(form, "kind", KINDS)
    choices = Choices(
        encoding=_one_of(form, "encoding", ENCODINGS),
        delimiter=_one_of(form, "delimiter", ("auto", *DELIMITERS)),
        header_row=_number(form, "header_row", MAX_HEADER_ROW),
        mode=_one_of(form, "mode", ("", *MODES)),
        skip_column=_number(form, "skip_column", MAX_COLUMN),
        skip_value=_text(form, "skip_value").strip(),
        name=_text(form, "name").strip(),
        title=_text(form, "title").strip(),
        fields={entry.name: _choice(form, entry.name) for entry in definition(kind).fields},
    )
    return kind, choices
