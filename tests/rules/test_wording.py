"""What is said about a wording before it is saved, and how phones break its lines. Pure."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.messages.line_breaking import NOT_AT_END, NOT_AT_START, break_lines, width_of
from campaigns.messages.templates import DEFAULT_BODY, FIELDS
from campaigns.messages.wording import Severity, review

OWN = {"office_name": "架空市", "desk_name": "納税係", "callback_number": "03-0000-0000"}


def codes(body: str, **more: object) -> list[str]:
    return [problem.code for problem in review(body, OWN, {}, **more).problems]  # type: ignore[arg-type]


def test_the_default_has_nothing_to_change_and_says_what_is_left() -> None:
    seen = review(DEFAULT_BODY, OWN, {})
    assert [problem.code for problem in seen.problems] == ["no_opt_out"]
    assert seen.errors == []
    assert seen.sample == "架空市です。お知らせしたいことがあります。お電話ください。03-0000-0000"
    assert (seen.segments, seen.units + seen.left) == (1, 70)


@pytest.mark.parametrize(
    ("body", "code", "line", "column"),
    [
        ("{{ office_name }}\n{{ balance }} {{ callback_number }}", "unknown_field", 2, 1),
        ("あ{{ name }}様 {{ callback_number }}", "field_not_allowed", 1, 2),
        ("{% if promise_date %}あ{% endif %}{{ callback_number }}", "field_not_allowed", 1, 1),
        ("お知らせ\n滞納です {{ callback_number }}", "tax_word", 2, 1),
        ("{{ callback_number }} 3,000円", "amount", 1, 23),
        ("{{ callback_number }}\nhttps://x.example", "link", 2, 1),
        ("{{ callback_number }}{{", "syntax", 1, 1),
        ("{{ callback_number }}\n{% for x in y %}{% endfor %}", "syntax", 2, 1),
        ("お電話ください\u200b{{ callback_number }}", "character", 1, 8),
        ("お電話ください", "no_callback", 0, 0),
        ("あ" * 400 + "{{ callback_number }}", "too_long", 0, 0),
        ("  ", "empty", 0, 0),
    ],
)
def test_each_problem_is_told_with_its_place_in_both_languages(body: str, code: str, line: int, column: int) -> None:
    problems = {problem.code: problem for problem in review(body, OWN, {}).errors}
    assert code in problems
    assert (problems[code].line, problems[code].column) == (line, column)
    assert problems[code].text("ja") != problems[code].text("en")
    assert not line or f"{line}行" in problems[code].text("ja")


def test_all_problems_are_told_at_once() -> None:
    assert set(codes("滞納 {{ name }} {{ x }} https://a.example")) >= {"tax_word", "field_not_allowed", "unknown_field", "link"}


def test_what_the_office_s_own_name_brings_in_is_seen() -> None:
    seen = review("{{ desk_name }} {{ callback_number }}", {**OWN, "desk_name": "納税コールセンター"}, {})
    assert [problem.code for problem in seen.errors] == ["tax_word"]
    assert review("{{ desk_name }} {{ callback_number }}", OWN, {}, allows_tax_words=True).errors == []


def test_the_longest_name_decides_how_long_it_can_get() -> None:
    body = "{{ name }}様 架空市です。お知らせがあります。お電話ください。{{ callback_number }} 停止は「停止」と返信"
    seen = review(body, OWN, {"name": "あ" * 40}, allowed_fields=["name"])
    assert (seen.segments, seen.most_segments) == (1, 2)
    assert [(problem.code, problem.severity) for problem in seen.problems] == [("longer_for_some", Severity.NOTE)]
    assert seen.personal == {"name"}


@settings(deadline=None)
@given(st.text(max_size=120))
def test_whatever_is_typed_is_looked_at_without_a_fault(body: str) -> None:
    seen = review(body, OWN, {name: field.sample for name, field in FIELDS.items()})
    assert seen.errors or "callback_number" in body


SIGNS = st.text(alphabet="あ漢、。「」（）ー々っアァ12-03A b\n", max_size=120)


@settings(deadline=None)
@given(SIGNS, st.integers(8, 40))
def test_lines_keep_every_sign_and_no_forbidden_one_begins_or_ends_them(text: str, columns: int) -> None:
    lines = break_lines(text, columns)
    assert "".join(lines).replace(" ", "") == text.replace("\n", "").replace(" ", "")
    assert all(width_of(line) <= columns for line in lines)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("お知らせがあります。お電話ください", ["お知らせがありま", "す。お電話くださ", "い"]),
        ("ご用の方は「停止」と返信", ["ご用の方は「停", "止」と返信"]),
        ("電話は03-0000-0000", ["電話は", "03-0000-0000"]),
        ("一\n二", ["一", "二"]),
        ("", [""]),
    ],
)
def test_lines_are_broken_as_print_does(text: str, lines: list[str]) -> None:
    columns = 16
    assert break_lines(text, columns) == lines
    for line in lines:
        assert not line or line[0] not in NOT_AT_START
        assert not line or line[-1] not in NOT_AT_END
