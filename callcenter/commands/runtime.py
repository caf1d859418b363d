"""What every command needs: open stores, the office, and output that is either one JSON document or lines for people.

What takes long to import (the tables, the settings) is imported by what needs it: help and mistakes are told at once.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from callcenter.commands.language import words
from callcenter.core.errors import AppError, InvalidInput, NotFound

if TYPE_CHECKING:
    from callcenter.auth.models import Office
    from callcenter.core.settings import Settings

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_REJECTED = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class OpenOffice:
    """The office a command works for."""

    id: int
    code: str
    name: str
    time_zone: str
    is_training: bool


@contextmanager
def uncollected() -> Iterator[None]:
    """While modules are imported: they make much, and none of it is to be collected; looking for it would take a tenth of a start."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def open_stores(*, redis: bool = False) -> Iterator[Settings]:
    """Opens the database (and Redis), embedded where none is configured, with the schema up to date.

    The addresses are put into the environment, so that child processes attach to the same stores.
    """
    with uncollected():
        import callcenter.tables  # noqa: F401 - all tables are known to every command
        from callcenter.core.db import dispose_engines
        from callcenter.core.embedded import ensure_stores
        from callcenter.core.settings import get_settings
        from callcenter.schema import migrate_if_needed

    before = {name: os.environ.get(name) for name in ("DATABASE_URL", "REDIS_URL")}
    with ensure_stores(get_settings(), redis=redis) as urls:
        os.environ["DATABASE_URL"] = urls.database_url
        if urls.redis_url:
            os.environ["REDIS_URL"] = urls.redis_url
        get_settings.cache_clear()
        try:
            migrate_if_needed()
            yield get_settings()
        finally:
            dispose_engines()
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
            get_settings.cache_clear()


@contextmanager
def open_office(*, redis: bool = False, create: bool = False) -> Iterator[OpenOffice]:
    """Opens the stores and the office of `CALLCENTER_OFFICE`, or the first one.

    Args:
        redis: whether Redis is needed, too.
        create: whether an office that does not exist yet is made (commands that bring data in do so).

    Raises:
        NotFound: there is no such office.
    """
    with open_stores(redis=redis) as settings:
        from callcenter.auth.offices import find_office, first_office
        from callcenter.core.db import transaction

        with transaction(None) as session:
            office = find_office(session, settings.office) if settings.office else first_office(session)
            if office is None:
                if not create and settings.office:
                    raise NotFound(
                        f"There is no office '{settings.office}' (CALLCENTER_OFFICE).",
                        hint="`callcenter office list` shows them; `callcenter office add` makes one.",
                    )
                office = make_office(session, settings.office or "main")
            opened = OpenOffice(office.id, office.code, office.name, office.time_zone, office.is_training)
        yield opened


def make_office(session: Any, code: str) -> Office:
    """Makes an office on first use and says so."""
    from callcenter.auth.offices import add_office
    from callcenter.core.settings import get_settings

    office = add_office(session, code=code, name="市役所", name_en="City office", phone=get_settings().caller_id)
    say(f"office '{code}' made")
    return office


def say(message: str) -> None:
    """A line for a person, on standard error, in the chosen language."""
    print(words(message), file=sys.stderr)


def say_error(message: str, hint: str = "") -> None:
    """An error in one line, in the chosen language."""
    print(f"error: {words(message)} {words(hint)}".rstrip(), file=sys.stderr)


def as_json(value: Any) -> Any:
    """Turns dates, enums, exact fractions and dataclasses into what JSON has."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Fraction | Decimal):
        return float(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    raise TypeError(type(value).__name__)


def put(document: Any, *, as_json_document: bool, lines: Callable[[], list[str]] | None = None) -> None:
    """Prints the result: one JSON document on standard output, or lines for people."""
    if as_json_document or lines is None:
        print(json.dumps(document, ensure_ascii=False, default=as_json))
        return
    for line in lines():
        print(line)


def usage_error(message: str, hint: str = "") -> NoReturn:
    """Ends the command with exit status 2: it was used in a wrong way."""
    say_error(message, hint)
    raise typer.Exit(EXIT_USAGE)


def guarded(action: Callable[[], int]) -> int:
    """Runs the command line and turns every expected error into one clear line and an exit status."""
    try:
        return action()
    except InvalidInput as problem:
        say_error(problem.message, problem.hint)
        return EXIT_USAGE if problem.code == "usage" else EXIT_FAILED
    except AppError as problem:
        say_error(problem.message, problem.hint)
        return EXIT_FAILED
    except KeyboardInterrupt:
        say("stopped")
        return 130
    except BrokenPipeError:
        return EXIT_DONE
