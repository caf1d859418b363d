"""Layouts are data; the built-in ones are those of the contract."""

from __future__ import annotations

import pytest

from callcenter.core.errors import InvalidInput
from campaigns.attempts.codes import LINE_RESULT_JA, OUTCOME_JA
from campaigns.imports.layouts import load_layout, match_headers, normal_word, read_layout
from campaigns.imports.rejections import REASONS, neutral, reason_text


@pytest.mark.parametrize(("kind", "required"), [("debts", 10), ("payments", 9), ("attempts", 3)])
def test_built_in_layouts(kind: str, required: int) -> None:
    layout = load_layout(kind)
    assert layout == load_layout(kind, "standard") == load_layout(kind, kind)
    assert sum(field.is_required for field in layout.fields) == required
    assert set(layout.key) <= {field.name for field in layout.fields}


def test_labels_come_from_the_codes() -> None:
    layout = load_layout("attempts")
    line, outcome = layout.field("line_result").codes, layout.field("outcome").codes
    assert {line[normal_word(label)] for label in LINE_RESULT_JA.values()} == {str(code) for code in LINE_RESULT_JA}
    assert {outcome[normal_word(label)] for label in OUTCOME_JA.values()} == {str(code) for code in OUTCOME_JA}
    assert line["呼出のみ"] == "no_answer"
    assert "納付約束" not in outcome


def test_unknown_names_are_told() -> None:
    for kind, name in (("debts", "nowhere"), ("letters", None)):
        with pytest.raises(InvalidInput):
            load_layout(kind, name)


@pytest.mark.parametrize("toml", ["", "x = [", 'name="a"\nkind="debts"\nkey=[]\n[fields]\nn={headers=["N"],type="colour"}'])
def test_broken_layouts_are_told(toml: str) -> None:
    with pytest.raises(InvalidInput):
        read_layout(toml)


def test_an_offices_own_layout() -> None:
    layout = read_layout(
        'name="own"\nkind="debts"\nkey=["debtor_no"]\n[fields]\ndebtor_no={headers=["納税者ID","宛名"],type="code",required=true}'
    )
    assert match_headers(layout, ["名前", "納税者ＩＤ"], "x") == {"debtor_no": 1}
    with pytest.raises(InvalidInput, match="同じ列"):
        match_headers(layout, ["宛名", "納税者ID"], "x")


def test_every_reason_has_words() -> None:
    for code in REASONS:
        assert reason_text(code) != reason_text(code, "en") != code


@pytest.mark.parametrize("cell", ["=1", "+81", "-1", "@x", "\tx"])
def test_formulas_are_neutral(cell: str) -> None:
    assert neutral(cell) == "'" + cell
    assert neutral("あ=1") == "あ=1"
