"""A wording that differs from person to person: finished but for the name once for each combination of the other fields.

Dates and what is missing repeat among people, names do not. A name is put in and the text checked anew only where the name has a sign that
could be part of what is looked for. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from callcenter.core.errors import InvalidInput
from campaigns.messages.templates import MAX_CHARACTERS, TAX_WORDS, check_text, fields_in, renderer

_MARK = "\ue000"
"""Stands for the name: a sign of Unicode's private area, so no part of any word, amount or link."""
# Every sign that a tax word, an amount or a link can have in it; but for the space within an amount, which no name has a digit beside.
_TELLING = re.compile(rf"[{''.join(set(TAX_WORDS.pattern) - {'|'})}A-Za-z0-9\d.,，:/\-¥￥円万{_MARK}]", re.IGNORECASE)


class PersonalText:
    """One wording for many people.

    Args:
        common: the fields that are the same for everybody.

    Attributes:
        fields: those that the template names.

    Raises:
        InvalidInput: the template can't be read.
    """

    def __init__(self, template: str, common: Mapping[str, str], *, allows_tax_words: bool) -> None:
        self.fields = fields_in(template)
        self._render, self._common, self._allows_tax_words = renderer(template), common, allows_tax_words
        self._is_marked = any(_MARK in text for text in (template, *common.values()))
        self._shapes: dict[tuple[date | None, date | None], list[str] | None] = {}

    def write(self, name: str, letter_date: date | None, promise_date: date | None) -> str | None:
        """The text, None where none may go out: a field is missing, it is too long or says what it must not."""
        if not name.strip() or name != name.strip() or self._is_marked or _TELLING.search(name):
            return self._written(name, letter_date, promise_date)
        key = (letter_date, promise_date)
        if key not in self._shapes:
            shape = self._written(_MARK, letter_date, promise_date)
            self._shapes[key] = shape.split(_MARK) if shape is not None else None
        parts = self._shapes[key]
        if parts is None:
            return None
        body = name.join(parts)
        return body if len(body) <= MAX_CHARACTERS else None

    def _written(self, name: str, letter_date: date | None, promise_date: date | None) -> str | None:
        dates = {"letter_date": letter_date, "promise_date": promise_date}
        told = {field: f"{day.month}月{day.day}日" for field, day in dates.items() if day is not None}
        try:
            body = self._render({**self._common, "name": name, **told})
            check_text(body, allows_tax_words=self._allows_tax_words)
        except InvalidInput:
            return None
        return body
