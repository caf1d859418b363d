"""Error lines of the command line are in the language that was chosen, whichever the room speaks that raised them."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from callcenter.cli import run
from callcenter.commands.language import HOLE, in_language
from callcenter.core.settings import get_settings

MESSAGES: dict[str, str] = tomllib.loads(files("callcenter.commands").joinpath("messages.toml").read_text(encoding="utf-8"))


def has_japanese(text: str) -> bool:
    """Kana: a Japanese sentence has some, while an English one may name a column or an era."""
    return any("ぁ" <= letter <= "ヿ" for letter in text)


def test_every_message_can_be_put_into_the_other_language_and_back() -> None:
    for english, japanese in MESSAGES.items():
        assert english.count(HOLE) == japanese.count(HOLE), english
        assert english != japanese
        assert not has_japanese(english), english
        filled = [text.replace(HOLE, "x1") for text in (english, japanese)]
        assert [in_language(filled[0], "ja"), in_language(filled[1], "en")] == filled[::-1]
        assert [in_language(filled[0], "en"), in_language(filled[1], "ja")] == filled


def test_what_is_filled_in_is_put_into_the_language_too_and_strange_words_stay() -> None:
    assert in_language("--due: '2026-13-01': 日付として読めません。", "en") == "--due: '2026-13-01': That can't be read as a date."
    assert in_language("Something else.", "ja") == "Something else."
    assert in_language("", "ja") == ""


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_one_language_in_every_room(
    lang: str, office_id: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CALLCENTER_LANG", lang)
    get_settings.cache_clear()
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    for words in (
        ["import", "debts", str(empty)],
        ["import", "letters", str(empty)],
        ["import", "debts", str(tmp_path / "none.csv")],
        ["plan", "nothing"],
        ["explain", "0000000000"],
        ["plan", "nothing", "--as-of", "soon"],
        ["charge", "--principal", "1", "--due", "soon", "--paid", "2026-01-01"],
        ["report", "headline", "--from", "2026-11-02", "--to", "2026-11-01"],
        ["campaign", "create", "5"],
        ["user", "disable", "nobody"],
        ["rules", "check", str(tmp_path / "none.json")],
        ["rules", "check", str(empty)],
        ["recordings", "set", "--keep-days", "0"],
        ["telephony", "render", str(tmp_path / "asterisk"), "--trunk-host", "192.0.2.1", "--phone", "desk"],
        ["sender", "choose", "pigeon"],
        ["office", "add", "betsu", "--name", "別", "--phone", "x"],
    ):
        assert run(words) in (1, 2), words
        told = capsys.readouterr().err
        assert told.startswith("error: "), words
        assert has_japanese(told) == (lang == "ja"), told
    get_settings.cache_clear()
