"""Layouts are data: the built-in ones are those of the contract, an office's own say how its files differ, faults name their place."""

from __future__ import annotations

import csv
import io
import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcenter.core.errors import InvalidInput
from campaigns.attempts.codes import LINE_RESULT_JA, OUTCOME_JA
from campaigns.imports.date_styles import DATE_STYLES, YEAR_STYLES, date_styles_of, parse_styled_date, parse_styled_year, year_styles_of
from campaigns.imports.layout_documents import load_layout, write_document
from campaigns.imports.layout_reading import parsed_toml, read_layout
from campaigns.imports.layouts import Binding, match_headers, normal_word, unused_columns
from campaigns.imports.parsing import ParsedFile, parse_file
from campaigns.imports.rejections import REASONS, neutral, reason_text
from tests.campaigns.import_files import DEBT, table

DEBTS = load_layout("debts")
HEAD = 'name = "東町"\nkind = "debts"\n'


@pytest.mark.parametrize(("kind", "required"), [("debts", 10), ("payments", 9), ("attempts", 3)])
def test_built_in_layouts(kind: str, required: int) -> None:
    layout = load_layout(kind)
    assert layout == load_layout(kind, "standard") == load_layout(kind, kind)
    assert layout.reference == "standard"
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


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("", ("name", "kind")),
        ("x = [", ("TOML",)),
        (HEAD + "[fields]\nwhat = {}", ("[fields]", "what", "debtor_no")),
        (HEAD + 'mode = "half"', ("mode", "half", "diff")),
        (HEAD + '[source]\nencoding = "ebcdic"', ("[source].encoding", "ebcdic", "cp932")),
        (HEAD + "[source]\nheader_row = -1", ("[source].header_row", "-1", "0 から 50")),
        (HEAD + '[source]\nskip = { "最新フラグ" = "0" }', ("[source].skip", "最新フラグ")),
        (HEAD + '[fields]\ndue_on = { headers = ["期限"], styles = ["klingon"] }', ("due_on.styles", "klingon", "era_digits")),
        (HEAD + '[fields]\nname = { styles = ["iso"] }', ("name.styles", "日付でも年度でもない")),
        (HEAD + '[fields]\nhold = { codes = { "9" = "nowhere" } }', ("hold.codes の 9", "nowhere")),
        (HEAD + '[fields]\nname = { headers = ["氏"], join = ["氏", "名"] }', ("name", "headers と join")),
        (HEAD + "[fields]\nlevy_year = { headers = [] }", ("levy_year", "必須")),
        (HEAD + "[source]\nheader_row = 0", ("debtor_no", "必須", "column")),
        (HEAD + "[fields]\nterm = { part = [3, 1] }", ("term.part", "[1, 4]")),
        (HEAD + "[fields]\nname = { required = false }", ("name.required",)),
        (HEAD + "[fields]\nname = { header = ['N'] }", ("name", "header という項目はありません")),
        ('name = "a b"\nkind = "debts"', ("name", "a b")),
        ('name = "debts"\nkind = "debts"', ("name", "debts")),
        ('name = "a"\nkind = "letters"', ("kind", "letters", "payments")),
    ],
)
def test_faults_name_place_value_and_what_was_expected(toml: str, words: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_layout(toml)
    assert refusal.value.code == "bad_layout"
    assert refusal.value.hint
    assert [word for word in words if word not in refusal.value.message] == []


def test_several_faults_are_told_at_once() -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_layout(HEAD + 'mode = "half"\n[source]\ndelimiter = "tabs"\n[fields]\nname = { max = 3 }')
    assert all(word in refusal.value.message for word in ("half", "tabs", "max"))


def test_an_office_s_own_headers() -> None:
    layout = read_layout(HEAD + '[fields]\ndebtor_no = { headers = ["納税者ID", "宛名"] }')
    headers = [name for name in DEBT if name != "宛名番号"]
    assert match_headers(layout, [*headers, "納税者ＩＤ"], "x")["debtor_no"] == Binding((len(headers),))
    with pytest.raises(InvalidInput, match="同じ列"):
        match_headers(layout, [*headers, "宛名", "納税者ID"], "x")
    with pytest.raises(InvalidInput, match="納税者ID"):
        match_headers(layout, list(DEBT), "x")


def wide(text: str) -> str:
    """Letters and digits at full width, as some systems print headers."""
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


@st.composite
def disguised(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """The standard headers in any order and width, with spaces and other columns between them; and the same undisguised."""
    extra = draw(st.lists(st.text("他列あXＹ1", min_size=3, max_size=6), max_size=5, unique_by=normal_word))
    extra = [name for name in extra if normal_word(name) not in {normal_word(header) for header in DEBT}]
    plain = draw(st.permutations([*DEBT, *extra]))
    shown = [
        draw(st.sampled_from([name, wide(name), f" {name}　", "　".join(name), unicodedata.normalize("NFKC", name)])) for name in plain
    ]
    return list(plain), shown


@given(disguised())
def test_headers_map_alike_in_any_order_width_and_company(names: tuple[list[str], list[str]]) -> None:
    plain, shown = names
    bound = match_headers(DEBTS, shown, "x")
    assert bound == match_headers(DEBTS, plain, "x")
    assert {field: plain[binding.columns[0]] for field, binding in bound.items()} == {
        field.name: field.headers[0] for field in DEBTS.fields if field.headers[0] in DEBT
    }
    assert len(unused_columns(DEBTS, shown)) == len(plain) - len(DEBT)


WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(str.strip)
ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "headers": st.lists(WORDS, min_size=1, max_size=3),
        "value": WORDS,
        "codes": st.dictionaries(WORDS, st.sampled_from(["1", "0", "9"]), max_size=4),
        "part": st.tuples(st.integers(1, 9), st.integers(9, 20)).map(list),
        "strict": st.booleans(),
    },
)
DOCUMENTS = st.fixed_dictionaries(
    {"name": st.just("東町"), "kind": st.just("debts"), "fields": st.dictionaries(st.sampled_from(["hold", "debtor_no"]), ENTRIES)},
    optional={
        "mode": st.sampled_from(["full", "diff"]),
        "title": WORDS,
        "source": st.fixed_dictionaries(
            {}, optional={"encoding": st.just("cp932"), "header_row": st.integers(1, 9), "ignore": st.lists(WORDS, min_size=1, max_size=3)}
        ),
    },
)


@given(DOCUMENTS)
def test_a_document_survives_writing_and_reading(document: dict[str, Any]) -> None:
    text = write_document(document)
    assert {key: value for key, value in parsed_toml(text).items() if value != {}} == {
        key: value for key, value in document.items() if value != {}
    } | ({"fields": document["fields"]} if document["fields"] else {})
    assert read_layout(text) == read_layout(write_document(parsed_toml(text)))


def csv_text(rows: list[list[str]], delimiter: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def read_by(toml: str, data: bytes) -> ParsedFile:
    return parse_file(data, read_layout(toml), "x.csv")


def test_a_vendor_s_export_with_joined_keys_own_codes_and_tabs() -> None:
    """Tabs, CP932, a title above the header, one key column of 4+4+3+2, a name in two columns, own codes, an era without its letter."""
    toml = (
        HEAD
        + """
[source]
encoding = "cp932"
delimiter = "tab"
header_row = 3
skip = { "最新フラグ" = ["0"], "宛名コード" = ["合計"] }
ignore = ["備考"]
[fields]
debtor_no = { headers = ["宛名コード"] }
name = { join = ["氏", "名"], separator = "　" }
levy_year = { headers = ["期別キー"], part = [1, 4] }
base_year = { headers = ["期別キー"], part = [5, 8] }
tax_code = { headers = ["期別キー"], part = [9, 11], codes = { "001" = "010" } }
term = { headers = ["期別キー"], part = [12, 13] }
notice_no = { headers = ["通知番号"] }
due_on = { headers = ["納期"], styles = ["reiwa_digits"] }
assessed = { headers = ["税額"] }
outstanding = { headers = ["税額"] }
hold = { headers = ["状態"], codes = { "A" = "0", "B" = "4" } }
debtor_kind = { value = "個人" }
"""
    )
    rows = [
        ["滞納者一覧"],
        ["作成日", "R8.11.1"],
        ["宛名コード", "氏", "名", "期別キー", "通知番号", "納期", "税額", "状態", "最新フラグ", "備考"],
        ["0001", "架空", "花子", "2026202600101", "0009", "080630", "12,000", "A", "1", "内緒"],
        ["0001", "架空", "花子", "2026202600101", "0009", "080630", "11,000", "A", "0", ""],
        ["0002", "有限会社", "", "2025202600202", "0010", "71201", "3000", "B", "1", ""],
        ["0003", "見本", "次郎", "2025202600202", "0010", "2026-01-01", "3000", "C", "1", ""],
        ["合計", "", "", "", "", "", "26,000", "", "", ""],
    ]
    found = read_by(toml, csv_text(rows, "\t").encode("cp932"))
    assert (found.rows, found.rejected) == (3, 1)
    assert found.problems.rows() == [(7, "納期", "bad_date", "2026-01-01"), (7, "状態", "unknown_code", "C")]
    first, second = found.frame.to_dicts()
    assert (first["row"], first["name"], first["levy_year"], first["tax_code"], first["term"]) == (4, "架空　花子", 2026, "010", 1)
    assert (first["due_on"], first["assessed"], first["outstanding"], first["hold"]) == (date(2026, 6, 30), 12000, 12000, "0")
    assert (second["name"], second["tax_code"], second["term"], second["hold"]) == ("有限会社", "002", 2, "4")
    assert (second["due_on"], second["debtor_kind"]) == (date(2025, 12, 1), "person")
    assert "remark" not in found.frame.columns


POSITIONS = "".join(
    f"{name} = {{ column = {number} }}\n"
    for number, name in enumerate(
        ("debtor_no", "name", "tax_code", "levy_year", "base_year", "term", "notice_no", "due_on", "assessed", "outstanding"), 1
    )
)


def test_a_file_without_headers_is_read_by_positions() -> None:
    toml = HEAD + "[source]\nheader_row = 0\n[fields]\n" + POSITIONS
    rows = [["0001", "架空", "010", "2026", "2026", str(term), "1", due, "100", "100"] for term, due in ((1, "R8.6.30"), (2, "0000-00-00"))]
    found = read_by(toml, csv_text(rows).encode())
    assert found.frame.select("row", "debtor_no", "term").rows() == [(1, "0001", 1)]
    assert found.problems.rows() == [(2, "列8", "missing", "0000-00-00")]


def test_rejected_rows_of_a_file_without_headers_can_be_loaded_again() -> None:
    toml = HEAD + "[source]\nheader_row = 0\ndelimiter = 'tab'\n[fields]\n" + POSITIONS
    header = [f"列{number}" for number in range(1, 11)] + ["行番号", "列", "理由"]
    row = ["0001", "架空", "010", "2026", "2026", "1", "1", "R8.6.30", "100", "100", "2", "列8", "必須"]
    found = read_by(toml, csv_text([header, row]).encode("utf-8-sig"))
    assert (found.rows, found.rejected, found.frame["debtor_no"].to_list()) == (1, 0, ["0001"])


def test_two_columns_of_one_name_are_told_apart_by_position() -> None:
    headers = [*DEBT, "電話番号", "電話番号"]
    toml = HEAD + f"[fields]\nphone1 = {{ column = {len(DEBT) + 1} }}\nphone2 = {{ column = {len(DEBT) + 2} }}"
    found = read_by(toml, csv_text([headers, [*DEBT.values(), "0422-00-0001", "0422-00-0002"]]).encode())
    assert found.frame.select("phone1", "phone2").rows() == [("0422-00-0001", "0422-00-0002")]


def test_a_declared_encoding_is_not_guessed() -> None:
    toml = HEAD + '[source]\nencoding = "cp932"'
    assert read_by(toml, table(DEBT, {})).frame["name"][0] == "架空　花子"
    damaged = table(DEBT, {}).replace("花".encode("cp932"), b"\xf0\x41")
    assert read_by(toml, damaged).frame["name"][0] == "架空　〓子"


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    rows = [list(DEBT), [*DEBT.values()]]
    found = parse_file(csv_text(rows, delimiter).encode("cp932"), DEBTS, "x.csv")
    assert (found.rows, found.rejected, found.frame["assessed"].to_list()) == (1, 0, [20000])


@pytest.mark.parametrize("name", DATE_STYLES)
def test_each_date_style_reads_its_example_and_is_found(name: str) -> None:
    style = DATE_STYLES[name]
    assert parse_styled_date(style.example, (name,)) == date(2025, 9, 1)
    assert name in date_styles_of([style.example, "0000-00-00", ""])
    others = [other for other in DATE_STYLES if other != name and not style.is_explicit]
    for other in others:
        with pytest.raises(InvalidInput):
            parse_styled_date(style.example, (other,))


@pytest.mark.parametrize("name", YEAR_STYLES)
def test_each_year_style_reads_its_example_and_is_found(name: str) -> None:
    assert parse_styled_year(YEAR_STYLES[name].example, (name,)) == 2025
    assert name in year_styles_of([YEAR_STYLES[name].example])


@given(st.text(max_size=12))
@settings(max_examples=200)
def test_styled_readers_give_a_value_or_say_why(text: str) -> None:
    codes = set()
    for parse, styles in ((parse_styled_date, DATE_STYLES), (parse_styled_year, YEAR_STYLES)):
        try:
            parse(text, styles)
        except InvalidInput as problem:
            codes.add(problem.code)
    assert codes <= {"bad_date", "bad_year"}


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_guide_s_example_is_a_layout(lang: str) -> None:
    guide = (Path(__file__).parents[2] / "docs" / f"administrator.{lang}.md").read_text(encoding="utf-8")
    layout = read_layout(guide.partition("```toml\n")[2].partition("```")[0])
    assert (layout.source.header_row, layout.field("hold").codes, layout.field("vintage").value) == (3, {"a": "0", "b": "4"}, "現年")
    named = guide.partition("| `styles` |")[2]
    assert [name for name in (*DATE_STYLES, *YEAR_STYLES) if f"`{name}`" not in named] == []


def test_every_reason_has_words() -> None:
    for code in REASONS:
        assert reason_text(code) != reason_text(code, "en") != code


@pytest.mark.parametrize("cell", ["=1", "+81", "-1", "@x", "\tx"])
def test_formulas_are_neutral(cell: str) -> None:
    assert neutral(cell) == "'" + cell
    assert neutral("あ=1") == "あ=1"
