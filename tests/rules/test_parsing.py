"""Uploads of all shapes: encodings, line ends, quoting, rows of wrong shape, workbooks and bombs."""

from __future__ import annotations

import io
import unicodedata
import zipfile
from datetime import UTC, date, datetime

import polars as pl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from callcenter.core.errors import InvalidInput
from callcenter.core.text import search_key, to_full_kana
from campaigns.imports.columns import parse_moment, search_keys
from campaigns.imports.layout_documents import load_layout
from campaigns.imports.parsing import ParsedFile, parse_file, with_vintage
from campaigns.imports.tables import LostGlyph, read_table
from tests.campaigns.import_files import DEBT, table

DEBTS = load_layout("debts")


def parsed(data: bytes) -> ParsedFile:
    return parse_file(data, DEBTS, "debts.csv")


@pytest.mark.parametrize("encoding", ["cp932", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_encodings_and_line_ends(encoding: str, line_end: bytes) -> None:
    data = table(DEBT, {"氏名": "髙﨑　①㈱〜"}, encoding="utf-8").replace(b"\r\n", line_end).decode().replace("〜", "～").encode(encoding)
    found = parsed(data)
    assert (found.rows, found.rejected, found.frame["name"][0]) == (1, 0, "髙﨑　①㈱～")
    assert found.frame["debtor_no"][0] == "0000000001"


def test_quoting() -> None:
    found = parsed(table(DEBT, {"住所": '架空市"中央"1,2'}, {"備考": "一行目\n二行目", "期別": "2"}, {"期別": "3", "納期限": "x"}))
    assert found.frame["address"][0] == '架空市"中央"1,2'
    assert found.frame["remark"][1] == "一行目\n二行目"
    assert found.problems.rows() == [(4, "納期限", "bad_date", "x")]


def test_blank_rows_keep_their_number() -> None:
    lines = table(DEBT, {}, {"期別": "x"}).split(b"\r\n")
    found = parsed(b"\r\n".join([lines[0], b"", lines[1], b"," * (len(DEBT) - 1), lines[2], b""]))
    assert (found.rows, found.rejected) == (2, 1)
    assert found.problems["row"].to_list() == [5]


def test_rows_of_wrong_shape_are_refused_alone() -> None:
    lines = table(DEBT, {}, {"期別": "2"}, {"期別": "3"}).split(b"\r\n")
    found = parsed(b"\r\n".join([lines[0], lines[1] + b",x", lines[2] + b",,", lines[3][:40]]))
    assert (found.rows, found.rejected, found.frame["term"].to_list()) == (3, 2, [2])
    assert found.problems.select("row", "code").rows() == [(2, "cells"), (4, "cells")]
    assert found.refused["debtor_no"].to_list() == ["0000000001"] * 2


def test_an_open_quote_costs_one_row() -> None:
    lines = table(DEBT, {}, {"期別": "2"}, {"期別": "3"}).split(b"\r\n")
    found = parsed(b"\r\n".join([lines[0], lines[1], lines[2].replace(b"0000000001", b'"0000000001', 1), lines[3]]))
    assert (found.rows, found.frame["term"].to_list(), found.problems["row"].to_list()) == (3, [1, 3], [3])


def test_unreadable_glyphs_are_marked_and_a_real_geta_is_not() -> None:
    data = "宛名番号,氏名\r\n1,〓あ".encode("cp932") + b"\xf0\x40\x81\x39\r\n"
    found = read_table(data, "x.csv")
    assert found.frame["c1"].to_list() == ["〓あ〓〓9"]
    assert found.lost == (LostGlyph(2, 2, "f040"), LostGlyph(2, 2, "81"))
    private = read_table("宛名番号,氏名\r\n1,\ue000あ\r\n".encode(), "x.csv")
    assert private.frame["c1"].to_list() == ["〓あ"]
    assert private.lost == (LostGlyph(2, 2, "ee8080"),)


def test_damaged_utf8_is_still_utf8() -> None:
    found = read_table("宛名番号,氏名\n1,架空太郎\n".encode() + b"2,\xe3\x81\n", "x.csv")
    assert found.frame["c1"].to_list() == ["架空太郎", "〓"]


def test_headers_match_without_width_and_spaces() -> None:
    data = table(DEBT, {}).decode("cp932").replace("電話番号1", "電話番号　１").replace("期別", " 期別 ").encode()
    assert {"phone1", "term"} <= parsed(data).present


def test_refusals_name_row_column_and_code() -> None:
    rows = [{"期別": str(index), "通知書番号": str(index)} for index in range(1, 9)]
    rows[0]["宛名番号"] = ""
    rows[1]["未納額"] = "-1"
    rows[2]["調定額"] = "20000.5"
    rows[3]["停止区分"] = "7"
    rows[4]["氏名"] = "あ" * 201
    rows[5]["収入済額"] = "1"
    rows[6]["期別"] = "100"
    found = parsed(table(DEBT, *rows, rows[7]))
    assert found.problems.select("row", "column", "code").rows() == [
        (2, "宛名番号", "missing"),
        (3, "未納額", "negative_amount"),
        (4, "調定額", "fraction_amount"),
        (5, "停止区分", "unknown_code"),
        (6, "氏名", "too_long"),
        (7, "未納額", "sum"),
        (8, "期別", "out_of_range"),
        (10, "宛名番号、税目コード、賦課年度、相当年度、期別、通知書番号", "duplicate"),
    ]
    assert (found.rows, found.rejected, found.frame.height) == (9, 8, 1)


def test_vintage_follows_the_lists_fiscal_year() -> None:
    data = table(DEBT, {"賦課年度": "R8"}, {"賦課年度": "2025"}, {"賦課年度": "2025", "現年滞繰区分": "現年", "期別": "3"})
    frame = parsed(data).frame
    assert with_vintage(frame, date(2026, 11, 1))["vintage"].to_list() == ["current", "carried_over", "current"]
    assert with_vintage(frame, date(2027, 4, 1))["vintage"].to_list() == ["carried_over", "carried_over", "current"]


def workbook(*rows: list[object]) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet()
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            if isinstance(value, date):
                sheet.write_datetime(number, column, datetime(value.year, value.month, value.day), day)  # noqa: DTZ001
            else:
                sheet.write(number, column, value)
    book.close()
    return out.getvalue()


def test_workbooks_are_told_by_content() -> None:
    row: list[object] = [date(2026, 6, 30) if name == "納期限" else 20000 if name == "調定額" else value for name, value in DEBT.items()]
    found = parse_file(workbook(list(DEBT), row), DEBTS, "list.csv")
    assert (found.rows, found.rejected, found.table.encoding) == (1, 0, "xlsx")
    assert found.frame.select("debtor_no", "due_on", "assessed").row(0) == ("0000000001", date(2026, 6, 30), 20000)


@pytest.mark.slow
def test_a_bomb_is_refused_by_its_directory() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            for _ in range(600):
                part.write(bytes(1 << 20))
    with pytest.raises(InvalidInput) as refusal:
        read_table(out.getvalue(), "bomb.xlsx")
    assert refusal.value.code == "too_large"


def test_a_zip_that_is_no_workbook_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("readme.txt", "x")
    with pytest.raises(InvalidInput) as refusal:
        read_table(out.getvalue(), "x.xlsx")
    assert refusal.value.code == "wrong_kind"


@pytest.mark.parametrize(
    "text", ["2026-09-01 14:05", "2026-09-01T14:05:00+09:00", "2026/9/1 14:5:0", "令和8年9月1日 14時5分", "20260901140500", "R8.9.1 14:05"]
)
def test_moments(text: str) -> None:
    moment = parse_moment(text)
    assert moment is not None
    assert moment.astimezone(UTC) == datetime(2026, 9, 1, 5, 5, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-09-01", "14:05", "2026-09-01 25:00", "x"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_moment(text)


def test_search_keys() -> None:
    assert search_key("髙橋　恵") == search_key("高橋 惠") == "高橋恵"
    assert search_key("ﾀｶﾊｼ") == search_key("たかはし") == "タカハシ"
    assert to_full_kana("ﾔﾏﾀﾞ A1") == "ヤマダ A1"


@settings(deadline=None)
@given(st.lists(st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20), min_size=1, max_size=10))
def test_columns_give_the_same_keys(names: list[str]) -> None:
    singles = [search_key(name) for name in names]
    if all(unicodedata.is_normalized("NFKC", name) for name in names):
        assert search_keys(pl.Series(names)).to_list() == singles


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_crash(data: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"^debts\.csv: "):
        parsed(data)


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(['"', ",", "\n", "a", "あ", '""', "\r\n"]), max_size=8).map("".join), max_size=6))
def test_no_shape_crashes(parts: list[str]) -> None:
    found = parsed(table(DEBT, {}, encoding="utf-8") + "\r\n".join(parts).encode())
    assert found.rows == found.frame.height + found.rejected
