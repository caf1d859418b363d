"""Search keys, and what somebody types: folding twice is folding once, and each way of writing finds the same."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcenter.core.errors import InvalidInput
from callcenter.core.text import kana_key, search_key
from campaigns.debtors.search_lists import parts_from_start, parts_within
from campaigns.debtors.terms import Narrowing, escape_like, read_terms
from campaigns.imports.columns import kana_keys, search_keys

ANY_TEXT = st.text(st.characters(blacklist_categories=("Cs",)), max_size=30)
KANA = (
    "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン"
    "ガギグゲゴザジズゼゾダヂヅデドバビブベボパピプペポァィゥェォッャュョー"
)
HIRAGANA = str.maketrans({chr(code + 0x60): chr(code) for code in range(0x3041, 0x3097)})
HALF = dict(
    zip(
        "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン",
        "ｱｲｳｴｵｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓﾔﾕﾖﾗﾘﾙﾚﾛﾜｦﾝ",
        strict=True,
    )
)
HALF |= dict(zip("ァィゥェォッャュョー", "ｧｨｩｪｫｯｬｭｮｰ", strict=True))
HALF |= {
    voiced: HALF[plain] + "ﾞ"
    for voiced, plain in zip("ガギグゲゴザジズゼゾダヂヅデドバビブベボ", "カキクケコサシスセソタチツテトハヒフヘホ", strict=True)
}
HALF |= {voiced: HALF[plain] + "ﾟ" for voiced, plain in zip("パピプペポ", "ハヒフヘホ", strict=True)}
LARGE = str.maketrans("ァィゥェォッャュョ", "アイウエオツヤユヨ")


@given(ANY_TEXT)
def test_folding_twice_is_folding_once(text: str) -> None:
    assert search_key(search_key(text)) == search_key(text)
    assert kana_key(kana_key(text)) == kana_key(text)
    assert kana_key(search_key(text)) == kana_key(text)


@given(st.text(KANA, min_size=1, max_size=12), st.data())
def test_every_width_of_a_reading_has_one_key(reading: str, data: st.DataObject) -> None:
    key = kana_key(reading)
    half = "".join(HALF[letter] for letter in reading)
    spaced = data.draw(st.sampled_from([" ", "　", ""])).join(reading)
    for variant in (half, reading.translate(HIRAGANA), spaced, reading.translate(LARGE), half.replace("ﾞ", "").replace("ﾟ", "")):
        assert kana_key(variant) == key
    assert read_terms(half).kana == read_terms(reading.translate(HIRAGANA)).kana == key


@given(st.text("０１２３４５６７８９ＡＢｃ髙橋﨑邊恵　", min_size=1, max_size=12))
def test_every_width_of_a_name_has_one_key(name: str) -> None:
    narrow = name.translate(str.maketrans("０１２３４５６７８９ＡＢｃ　", "0123456789ABc "))
    assert search_key(narrow) == search_key(name)


@settings(deadline=None)
@given(st.lists(st.text(KANA + "ｱﾞﾟあがっー・ 　-", max_size=12), min_size=1, max_size=8))
def test_columns_give_the_same_keys(readings: list[str]) -> None:
    assert kana_keys(pl.Series(readings)).to_list() == [kana_key(reading) for reading in readings]
    assert search_keys(pl.Series(readings)).to_list() == [search_key(reading) for reading in readings]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("髙橋", "高橋"),
        ("山﨑", "山崎"),
        ("渡邊", "渡辺"),
        ("渡邉", "渡辺"),
        ("齋藤", "斎藤"),
        ("𠮷田", "吉田"),
        ("葛\U000e0100城", "葛城"),
        ("國澤", "国沢"),
    ],
)
def test_old_and_new_kanji(old: str, new: str) -> None:
    assert search_key(old) == search_key(new)


@given(ANY_TEXT.map(search_key), ANY_TEXT.map(search_key), ANY_TEXT.map(search_key))
def test_a_name_has_the_parts_of_all_that_is_in_it(before: str, key: str, after: str) -> None:
    def parts(name: str) -> set[str]:
        return {*parts_within(name), *parts_from_start(name[:1]), *parts_from_start(name[:2])}

    assert set(parts_within(key)) <= parts(before + key + after)
    assert set(parts_from_start(key)) <= parts(key + after)


@pytest.mark.parametrize(
    ("typed", "ends"),
    [
        ("0142", ("0142",)),
        ("０１４２", ("0142",)),
        ("090-1234-5678", ("09012345678", "9012345678")),
        ("（０３）１２３４ー５６７８", ("0312345678", "312345678")),
        ("+81 90 1234 5678", ("819012345678", "9012345678")),
        ("142", ()),
    ],
)
def test_a_telephone_number_in_any_writing(typed: str, ends: tuple[str, ...]) -> None:
    assert read_terms(typed).phone_ends == ends


def test_a_code_is_looked_for_with_every_count_of_zeros() -> None:
    for typed in ("12345", "0012345", "００１２３４５"):
        assert {"12345", "0000012345", "000012345"} <= set(read_terms(typed).codes)
    assert read_terms("A-0012").codes == ("A-0012",)
    assert read_terms("a12").codes == ("a12", "A12")
    assert read_terms("見本佳代").codes == ()


@pytest.mark.parametrize("typed", ["", "  ", "　", "\x00", "x" * 81])
def test_what_can_not_be_searched_for(typed: str) -> None:
    with pytest.raises(InvalidInput):
        read_terms(typed)


@given(ANY_TEXT.filter(lambda text: text.replace("\x00", "").strip() != ""))
def test_nothing_that_is_typed_breaks(typed: str) -> None:
    terms = read_terms(typed)
    assert "\x00" not in "".join((*terms.codes, terms.name, terms.kana, terms.digits))


def test_like_takes_signs_for_signs() -> None:
    assert escape_like(r"100%_\x") == r"100\%\_\\x"


def test_a_narrowing_survives_being_kept() -> None:
    narrowing = Narrowing(tax_code="10", least=0, hold="any")
    assert narrowing.document() == {"tax_code": "10", "least": 0, "hold": "any"}
    assert Narrowing.from_document({**narrowing.document(), "unknown": 1}) == narrowing
