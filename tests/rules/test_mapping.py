"""What the screen suggests for an unknown file, and that what is chosen there reads the file as chosen."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcenter.core.errors import InvalidInput
from campaigns.imports.layout_definitions import definition
from campaigns.imports.layout_documents import load_layout, write_document
from campaigns.imports.layout_preview import preview
from campaigns.imports.layout_reading import read_layout
from campaigns.imports.layouts import Layout
from campaigns.imports.mapped_documents import document_of_choices
from campaigns.imports.mapping import Choice, Choices, choices_of, suggest_choices, with_found_codes
from campaigns.imports.parsing import parse_file
from campaigns.imports.samples import Sample, header_row_of, is_individual_number, read_sample, sample_of, shape_of
from campaigns.imports.suggesting import suggest, suggest_kind
from tests.campaigns.import_files import ATTEMPT, DEBT, PAYMENT, table

ENGLISH = {
    "city_code": "131211", "atena_no": "0001", "jinkaku_kbn": "1", "shimei": "架空花子", "shimei_kana": "ｶｸｳ ﾊﾅｺ", "kamoku_cd": "001",
    "fuka_nendo": "2026", "soto_nendo": "2026", "kibetsu": "01", "tsuchisho_no": "00012", "nokigen": "5080630", "choteigaku": "2000",
    "minogaku": "2000", "tel_no": "0422-00-0001", "keitai": "090-0000-0001", "teishi_kbn": "1",
}  # fmt: skip
VENDOR = {
    "宛名コード": "0001", "個法区分": "1", "納税義務者名": "架空花子", "カナ氏名": "ｶｸｳ", "科目コード": "001", "課税年度": "R8",
    "相当年": "2026", "納期別": "1", "通知番号": "12", "納付期限": "R080630",
    "本税": "2,000", "納付済額": "0", "滞納本税": "2,000", "TEL": "0422-00-0001",
    "携帯": "090-0000-0001", "停止": "A", "最新フラグ": "1", "差分区分": "2",
}  # fmt: skip


def sampled(path: Path, data: bytes) -> Sample:
    path.write_bytes(data)
    return read_sample(path, "x.csv")


def layout_of(kind: str, choices: Choices, sample: Sample) -> Layout:
    return read_layout(write_document(document_of_choices(kind, replace(choices, name="x"), sample.headers)))


@pytest.mark.parametrize(("kind", "base"), [("debts", DEBT), ("payments", PAYMENT), ("attempts", ATTEMPT)])
def test_the_standard_file_is_mapped_as_the_standard_layout_does(tmp_path: Path, kind: str, base: dict[str, str]) -> None:
    data = table(base, {})
    sample = sampled(tmp_path / "x", data)
    assert suggest_kind(sample.columns) == kind
    choices = suggest_choices(kind, sample)
    layout = layout_of(kind, choices, sample)
    assert parse_file(data, layout).frame.rows() == parse_file(data, load_layout(kind)).frame.rows()


@pytest.mark.parametrize("base", [ENGLISH, VENDOR])
def test_other_systems_names_are_known(tmp_path: Path, base: dict[str, str]) -> None:
    sample = sampled(tmp_path / "x", table(base, {}))
    found = suggest("debts", sample.columns)
    required = {field.name for field in definition("debts").fields if field.is_required}
    assert required <= found.keys()
    named = {name: sample.headers[number - 1] for name, number in found.items()}
    assert named["phone2"] in ("keitai", "携帯")
    assert not {"city_code", "最新フラグ", "差分区分"} & set(named.values())


def test_values_speak_where_there_are_no_headers(tmp_path: Path) -> None:
    row = ["0001", "架空　花子", "ｶｸｳ ﾊﾅｺ", "S50.1.2", "999-0001", "架空市中央1-1", "060-9000-0001", "2026-06-30"]
    sample = sampled(tmp_path / "x", ("\t".join(row) + "\r\n").encode("cp932") * 3)
    assert (sample.source.header_row, sample.source.delimiter, sample.source.encoding) == (0, "tab", "cp932")
    assert suggest("debts", sample.columns) == {
        "name_kana": 3, "birth_date": 4, "postal_code": 5, "address": 6, "phone1": 7, "due_on": 8,
    }  # fmt: skip


def test_titles_above_the_headers_are_passed_over(tmp_path: Path) -> None:
    data = "滞納者一覧表\r\n作成日,令和8年11月1日\r\n".encode("cp932") + table(DEBT, {})
    assert sampled(tmp_path / "x", data).source.header_row == 3
    assert header_row_of([]) == 1


def test_a_style_that_must_be_named_is_named(tmp_path: Path) -> None:
    sample = sampled(tmp_path / "x", table(DEBT, {"納期限": "080630"}, {"納期限": "081231", "賦課年度": "508"}, {"賦課年度": "507"}))
    choices = suggest_choices("debts", sample)
    assert choices.fields["due_on"].style == ""  # the third row is written in full
    short = sampled(tmp_path / "x", table(DEBT | {"納期限": "080630", "賦課年度": "508"}, {}, {}))
    choices = suggest_choices("debts", short)
    assert (choices.fields["due_on"].style, choices.fields["levy_year"].style) == ("reiwa_digits", "era_digits")
    shown = preview(layout_of("debts", choices, short), short.table)
    assert [cell.text for cell in shown.rows[0].cells if cell.text.startswith("2026-")] == ["2026-06-30"]


def test_codes_found_are_listed_and_the_known_ones_chosen(tmp_path: Path) -> None:
    data = table(DEBT, {"停止区分": "01"}, {"停止区分": "Z", "期別": "2"}, {"停止区分": "執行停止", "期別": "3"})
    sample = sampled(tmp_path / "x", data)
    choices = suggest_choices("debts", sample)
    assert choices.fields["hold"].codes == {"01": "1", "Z": "", "執行停止": "1"}
    first = preview(layout_of("debts", choices, sample), sample.table)
    assert first.problems == (("停止区分", "unknown_code", 1),)
    hold = replace(choices.fields["hold"], codes=choices.fields["hold"].codes | {"Z": "9"})
    chosen = with_found_codes("debts", replace(choices, fields=choices.fields | {"hold": hold}), sample)
    assert parse_file(data, layout_of("debts", chosen, sample)).frame["hold"].to_list() == ["1", "9", "1"]


def test_joined_cut_fixed_and_skipped(tmp_path: Path) -> None:
    base = {key: value for key, value in DEBT.items() if key not in ("氏名", "賦課年度", "相当年度")}
    data = table(base | {"氏": "架空", "名": "花子", "キー": "20262025", "最新フラグ": "1"}, {}, {"最新フラグ": "0"})
    sample = sampled(tmp_path / "x", data)
    choices = suggest_choices("debts", sample)
    assert (sample.headers[choices.skip_column - 1], choices.skip_value) == ("最新フラグ", "0")
    at = {header: number for number, header in enumerate(sample.headers, start=1)}
    fields = dict(choices.fields) | {
        "name": Choice(at["氏"], at["名"], "　"),
        "levy_year": Choice(at["キー"], first=1, last=4),
        "base_year": Choice(at["キー"], first=5, last=8),
        "vintage": Choice(value="現年"),
    }
    chosen = replace(choices, fields=fields)
    assert choices_of(chosen.data()) == chosen
    found = parse_file(data, layout_of("debts", chosen, sample))
    assert found.frame.select("name", "levy_year", "base_year", "vintage").rows() == [("架空　花子", 2026, 2025, "current")]


def test_a_new_version_keeps_what_the_screen_does_not_show(tmp_path: Path) -> None:
    base = {
        "name": "x",
        "kind": "debts",
        "fields": {
            "debtor_no": {"headers": ["納税者ID", "宛名番号"]},
            "name": {"join": ["氏名", "住所", "備考"]},
            "term": {"default": "1"},
        },
    }
    sample = sampled(tmp_path / "x", table(DEBT | {"備考": ""}, {}))
    choices = suggest_choices("debts", sample, read_layout(write_document(base)))
    document = document_of_choices("debts", replace(choices, name="x"), sample.headers, base)
    assert document["fields"]["debtor_no"]["headers"] == ["納税者ID", "宛名番号"]
    assert document["fields"]["term"] == {"headers": ["期別"], "default": "1"}
    assert choices.fields["debtor_no"].column == 1


def csv_of(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


@settings(deadline=None, max_examples=25)
@given(st.permutations(list(DEBT)), st.integers(0, 3))
def test_any_order_of_columns_is_mapped_alike(order: list[str], extra: int) -> None:
    headers = [*order, *(f"他の列{number}" for number in range(extra))]
    rows = [headers, [DEBT.get(header, "x") for header in headers]]
    sample = sample_of(csv_of(rows), "x.csv")
    found = suggest("debts", sample.columns)
    assert {name: headers[number - 1] for name, number in found.items()} == {
        field.name: field.headers[0] for field in definition("debts").fields if field.headers[0] in DEBT
    }


@pytest.mark.parametrize(
    ("values", "shape"),
    [
        (["0", "1"], "flag"), (["2025", "2026"], "year"), (["R7", "令和8"], "year"), (["2025-09-01", "0000-00-00"], "date"),
        (["5070901", "4310430"], "date"), (["03-0000-0001", "090-0000-0001"], "phone"), (["100-0001", "1234567"], "postal"),
        (["12,000", "500円"], "yen"), (["ｶｸｳ ﾊﾅｺ"], "kana"), (["架空市中央1-1"], "address"), (["0000000001"], "number"),
        (["架空花子"], "text"), ([], "empty"),
    ],
)  # fmt: skip
def test_shapes(values: list[str], shape: str) -> None:
    assert shape_of(values)[0] == shape


def with_check_digit(eleven: str) -> str:
    rest = sum(int(digit) * weight for digit, weight in zip(eleven, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2), strict=True)) % 11
    return eleven + str(0 if rest <= 1 else 11 - rest)


def test_individual_numbers_are_told_by_their_check_digits(tmp_path: Path) -> None:
    right = [with_check_digit(f"{number:011d}") for number in range(12345678901, 12345678911)]
    assert is_individual_number(right)
    assert not is_individual_number(right[:4])
    assert not is_individual_number([f"{number:012d}" for number in range(1, 50)])
    data = table(DEBT | {"識別": ""}, *({"期別": str(index), "識別": number} for index, number in enumerate(right, start=1)))
    for changed in (data, data.replace("識別".encode("cp932"), "個人番号".encode("cp932"))):
        with pytest.raises(InvalidInput) as refusal:
            sampled(tmp_path / "x", changed)
        assert refusal.value.code == "individual_number"
    titled = "一覧\r\n".encode("cp932") + table(DEBT | {"マイ ナンバー": "1"}, {})
    with pytest.raises(InvalidInput):
        sampled(tmp_path / "x", titled)
