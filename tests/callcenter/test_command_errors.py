"""What can't be used is told in one clear line, without a traceback, and nothing is printed where a document is expected."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator

import pytest

from callcenter.cli import COMMANDS, GROUPS, SUMMARIES, build, run, wanted
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


def test_only_the_called_command_is_imported_and_help_tells_of_all_without_importing_any() -> None:
    whole = build(SUMMARIES)
    commands = {str(command.name): inspect.getdoc(command.callback) or "" for command in whole.registered_commands}
    groups = {str(group.name): str(group.typer_instance.info.help) for group in whole.registered_groups if group.typer_instance}
    assert set(commands) == set(COMMANDS)
    assert set(groups) == set(GROUPS)
    told = {name: " ".join(text.split("\n\n")[0].split()) for name, text in (commands | groups).items()}
    assert told == SUMMARIES
    for words in (["--help"], [], ["typo"]):
        assert [command.name for command in wanted(words).registered_commands] == list(SUMMARIES)
    assert [command.name for command in wanted(["charge", "--due", "x"]).registered_commands] == ["charge"]


@pytest.mark.parametrize("words", [["--help"], ["typo"], ["--typo"]])
def test_help_and_mistakes_need_no_table(words: list[str]) -> None:
    """Whoever mistypes need not wait for what takes longest to import; a dialer does without what only some need."""
    told = loaded_by(words)
    assert not told & {"sqlalchemy", "polars", "fastapi"}, told


def test_a_dialer_starts_without_what_it_does_not_need() -> None:
    told = loaded_by(["dial", "--help"])
    assert "sqlalchemy" in told
    assert not told & {"polars", "numpy", "alembic", "twilio", "redis", "fastapi", "reports"}, told


def loaded_by(words: list[str]) -> set[str]:
    """The packages that a command line imports."""
    program = "import sys; from callcenter.cli import run; run(sys.argv[1:]); print('', *sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True, timeout=120)
    return {name.partition(".")[0] for name in done.stderr.splitlines()[-1].split()}
