"""What can't be used is told in one clear line, without a traceback, and nothing is printed where a document is expected."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from callcenter.cli import COMMANDS, GROUPS, build, run, wanted
from callcenter.core.settings import get_settings


@pytest.fixture(autouse=True)
def settings_read_anew() -> Iterator[None]:
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/none", "mysql://localhost/x", "postgresql://[bad", "nonsense"])
def test_a_wrong_database_address(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert run(["office", "list"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert told.err.count("\n") == 1
    assert "DATABASE_URL" in told.err


@pytest.mark.parametrize(
    ("name", "value"),
    [("CALLCENTER_PORT", "many"), ("CALLCENTER_PORT", "70000"), ("CALLCENTER_LANG", "fr"), ("CALLCENTER_CARRIER", "tin-can")],
)
def test_a_setting_that_can_not_be_read(name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv(name, value)
    assert run(["office", "list"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"error: {name} ")
    assert value not in told.err


@pytest.mark.parametrize("words", [["nonsense"], ["work", "nonsense"], ["office", "add"], ["up", "--port", "0"], []])
def test_wrong_use_is_status_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err


def test_only_the_called_command_is_imported_but_help_shows_all() -> None:
    every = [*GROUPS, *COMMANDS]
    assert wanted(["charge", "--due", "x"]) == ["charge"]
    assert wanted(["--help"]) == wanted([]) == wanted(["typo"]) == every
    shown = build(every)
    assert {command.name for command in shown.registered_commands} == set(COMMANDS)
    assert {group.name for group in shown.registered_groups} == set(GROUPS)
