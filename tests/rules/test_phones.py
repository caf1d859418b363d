"""Numbers as people write them, one by one and by the column."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcenter.core.phones import LineType, format_national, parse_phone
from campaigns.imports.columns import split_phones

WRITINGS = [
    ("090-1234-5678（勤務先）", "+819012345678", "mobile", "勤務先"),
    ("０３（１２３４）５６７８", "+81312345678", "fixed", ""),
    ("呼出 03-1234-5678", "+81312345678", "fixed", "呼出"),
    ("+81 90-1234-5678", "+819012345678", "mobile", ""),
    ("+81(0)90-1234-5678", "+819012345678", "mobile", ""),
    ("03-1234-5678 内線12", "+81312345678", "fixed", "内線12"),
    ("(03)1234-5678", "+81312345678", "fixed", ""),
    ("自宅:0422‐22‐2222", "+81422222222", "fixed", "自宅"),
    ("０９０ー１２３４ー５６７８", "+819012345678", "mobile", ""),
    ("060-9000-0001", "+816090000001", "mobile", ""),
    ("050-1234-5678", "+815012345678", "ip", ""),
    ("0120-444-444", "+81120444444", "toll_free", ""),
    ("0570-000-000", "+81570000000", "navi", ""),
    ("0990-123-456", "+81990123456", "premium", ""),
    ("110", None, "emergency", ""),
    ("１１９", None, "emergency", ""),
    ("なし", None, "unknown", "なし"),
    ("23-4567", None, "unknown", ""),
    ("00000000000", None, "unknown", ""),
    ("+1 212 555 0100", None, "unknown", ""),
    ("090-1234-5678/03-1234-5678", "+819012345678", "mobile", "03-1234-5678"),
    ("2階 03-1234-5678", "+81312345678", "fixed", "2階"),
    ("500&PJSIP/x", None, "unknown", "500&PJSIP/x"),
]


@pytest.mark.parametrize(("text", "e164", "line", "remark"), WRITINGS)
def test_writings(text: str, e164: str | None, line: str, remark: str) -> None:
    phone = parse_phone(text)
    assert phone is not None
    assert (phone.original, phone.e164, phone.line_type) == (text, e164, line)
    if line != "unknown":
        assert phone.remark == remark


def test_nothing_is_no_phone() -> None:
    assert parse_phone("") is parse_phone(None) is parse_phone("　") is None


def assert_same(texts: list[str]) -> None:
    """The column says of each number what the single reading says."""
    singles = [parse_phone(text) for text in texts]
    found = split_phones(pl.Series(texts, dtype=pl.String)).rows()
    assert found == [(one.original, one.e164, str(one.line_type), one.remark) for one in singles if one is not None]


def test_columns_read_like_single_numbers() -> None:
    assert_same([text for text, *_ in WRITINGS])


def test_what_stands_around_a_number_in_its_cell_is_no_part_of_it() -> None:
    cells = ["+819012345678\n", "\r\n03-1234-5678", " 0570-012345\t", "内線\n", "090-1234-5678"]
    assert split_phones(pl.Series([*cells, "\n", " ", None], dtype=pl.String)).rows() == [
        *((one.original, one.e164, str(one.line_type), one.remark) for one in map(parse_phone, cells) if one is not None),
        *[(None, None, None, None)] * 3,
    ]


DIGITS = st.text("0123456789", min_size=1, max_size=12)
NUMBERS = st.builds(
    lambda head, tail: head + tail, st.sampled_from(["0", "09", "08", "07", "06", "05", "03", "04", "012", "057", ""]), DIGITS
)
WORDS = st.sampled_from(["", "呼出", "（勤務先）", " 母", "x", "自宅 ", "(携帯)"])
SEPARATED = st.builds(
    lambda text, at, sign: text[:at] + sign + text[at:], NUMBERS, st.integers(1, 6), st.sampled_from(["-", " ", "", "ー", "("])
)


@settings(deadline=None)
@given(
    st.lists(st.builds(lambda before, number, after: (before + number + after).strip(), WORDS, SEPARATED, WORDS), min_size=1, max_size=20)
)
def test_columns_read_any_number_like_single_numbers(texts: list[str]) -> None:
    assert_same([text for text in texts if text])


def test_national_form() -> None:
    assert format_national("+819012345678") == "090-1234-5678"
    assert format_national("nonsense") == "nonsense"
    assert LineType("mobile") is LineType.MOBILE
