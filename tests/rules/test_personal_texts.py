"""Texts made by putting a name into what is finished are those that rendering and checking one by one would make."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.errors import InvalidInput
from campaigns.messages.personal import PersonalText
from campaigns.messages.templates import check_text, render

COMMON = {"office_name": "架空市未", "desk_name": "係", "callback_number": "03-1234-5678"}
PIECES = [
    "{{ name }}", "{{ name }}様", "{{ office_name }}です。", "{{ letter_date }}に送った", "{{ callback_number }}", " ", "滞",
    "円", "10", "a.", "\ue000",
    "{% if name %}様{% endif %}", "{% if promise_date is defined %}{{ promise_date }}{% endif %}", "{% if not letter_date %}x{% endif %}",
]  # fmt: skip
NAMES = st.text(alphabet="見本佳代納税滞未差押円万1５ aTtax.jpcom:/ſ\u3000\ue000𠮷", max_size=8) | st.sampled_from(
    ["見本 佳代", "納", "佳" * 700]
)
DATES = st.none() | st.dates(date(2026, 1, 1), date(2026, 1, 4))


def one_by_one(template: str, name: str, letter: date | None, promise: date | None, *, allows_tax_words: bool) -> str | None:
    fields = {**COMMON, "name": name}
    fields |= {} if letter is None else {"letter_date": f"{letter.month}月{letter.day}日"}
    fields |= {} if promise is None else {"promise_date": f"{promise.month}月{promise.day}日"}
    try:
        body = render(template, fields)
        check_text(body, allows_tax_words=allows_tax_words)
    except InvalidInput:
        return None
    return body


@given(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=6),
    st.lists(st.tuples(NAMES, DATES, DATES), min_size=1, max_size=6),
    st.booleans(),
)
def test_as_if_rendered_one_by_one(pieces: list[str], people: list[tuple[str, date | None, date | None]], allows_tax_words: bool) -> None:
    template = "".join(pieces)
    many = PersonalText(template, COMMON, allows_tax_words=allows_tax_words)
    for name, letter, promise in people:
        expected = one_by_one(template, name, letter, promise, allows_tax_words=allows_tax_words)
        assert many.write(name, letter, promise) == expected
