"""Wording of messages: neutral by default, checked before it is saved, counted in segments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.errors import InvalidInput
from campaigns.messages.state import TRANSITIONS, MessageState, may_follow
from campaigns.messages.templates import DEFAULT_BODY, check_template, render, segments_of


def test_the_default_is_one_segment_and_tells_nothing() -> None:
    wording = check_template(DEFAULT_BODY)
    assert wording.segments == 1
    assert "お電話ください" in wording.sample


@pytest.mark.parametrize(("length", "segments"), [(1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4)])
def test_segments(length: int, segments: int) -> None:
    assert segments_of("あ" * length) == segments


def test_characters_beyond_the_basic_plane_count_twice() -> None:
    assert segments_of("𠮷" * 35) == 1
    assert segments_of("𠮷" * 36) == 2


@pytest.mark.parametrize(
    "body",
    [
        "税金の件です",
        "滞納があります {{ callback_number }}",
        "38,500円をお支払いください",
        "３万円",
        "https://example.com/ をご覧ください",
        "example.jp をご覧ください",
        "{{ name }}様",
        "{{ office_name",
        "{% for i in range(10) %}",
        "",
        "あ" * 661,
        "{{ ''.__class__ }}",
        "{{ office_name.__class__.__mro__ }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ 'あ' * 1000000000 }}",
        "{{ office_name|upper }}",
        "{% set x = 1 %}",
        "{% include 'x' %}",
        "{% if office_name is divisibleby 3 %}{% endif %}",
    ],
)
def test_what_must_not_go_out_is_refused(body: str) -> None:
    with pytest.raises(InvalidInput):
        check_template(body)


def test_stronger_wording_is_an_explicit_choice_but_never_a_link() -> None:
    assert check_template("税務課です。ご納付ください。", allows_tax_words=True).segments == 1
    with pytest.raises(InvalidInput, match="link"):
        check_template("税 https://example.com", allows_tax_words=True)


def test_personal_fields_are_an_explicit_choice() -> None:
    assert check_template("{{ name }}様 {{ callback_number }}", allowed_fields=["name"]).sample == "見本 佳代様 000-0000-0000"
    with pytest.raises(InvalidInput, match="letter_date"):
        check_template("{% if letter_date %}{{ letter_date }}{% endif %}", allowed_fields=["name"])


def test_a_missing_field_is_an_error_not_a_gap() -> None:
    with pytest.raises(InvalidInput):
        render("{{ office_name }}", {})


@given(st.text(max_size=700))
def test_segments_cover_the_text(body: str) -> None:
    units = len(body.encode("utf-16-le", "surrogatepass")) // 2 if body.isprintable() else None
    if units is not None and all(not 0xD800 <= ord(c) <= 0xDFFF for c in body):
        count = segments_of(body)
        assert count == 1 if units <= 70 else (count - 1) * 67 < units <= count * 67


@given(st.lists(st.sampled_from(list(MessageState)), max_size=12))
def test_whatever_order_news_come_in_a_final_state_is_never_left(news: list[MessageState]) -> None:
    state = MessageState.ACCEPTED
    for told in news:
        if may_follow(state, told):
            state = told
        elif not TRANSITIONS[state]:
            assert not any(may_follow(state, other) for other in MessageState)
    assert set(TRANSITIONS) == set(MessageState)
