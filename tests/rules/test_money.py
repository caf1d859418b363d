"""Whole yen, never negative, never a fraction."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.errors import InvalidInput
from callcenter.core.money import MAX_YEN, format_yen, parse_yen


@pytest.mark.parametrize(
    ("text", "yen"),
    [("1000", 1000), ("1,000", 1000), ("１，０００円", 1000), ("¥1,000", 1000), ("￥１２", 12), ("12000円", 12000), (" 0 ", 0), ("007", 7)],
)
def test_amounts(text: str, yen: int) -> None:
    assert parse_yen(text) == yen


@pytest.mark.parametrize("text", ["", None, "　"])
def test_nothing(text: str | None) -> None:
    assert parse_yen(text) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("-5", "negative_amount"),
        ("▲5", "negative_amount"),
        ("△1,000", "negative_amount"),
        ("(5)", "negative_amount"),
        ("1.5", "fraction_amount"),
        ("1,00", "bad_amount"),
        ("千円", "bad_amount"),
        ("1e3", "bad_amount"),
        ("1000000000000", "amount_too_large"),
    ],
)
def test_what_is_no_amount(text: str, code: str) -> None:
    with pytest.raises(InvalidInput) as problem:
        parse_yen(text)
    assert problem.value.code == code
    assert text.strip() not in str(problem.value) or len(text) < 3


@given(st.integers(0, MAX_YEN))
def test_what_is_written_is_read(yen: int) -> None:
    assert parse_yen(format_yen(yen)) == parse_yen(str(yen)) == yen
