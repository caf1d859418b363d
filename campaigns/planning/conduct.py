"""How a campaign is conducted: its ladder, cycles and retries, as kept in `Campaign.options` and written in a file.

    [cycle]
    days = 0                     # 0: by calendar month
    start_day = 1
    restart = "bottom"           # or carry_on

    [ladder]
    numbers = "listed"           # landline_first, mobile_first, most_likely
    at_end = "next_cycle"        # visit, tax_officer

    [[ladder.steps]]
    channel = "sms"
    needs = ["never_reached"]

    [retry.busy]
    minutes = 5

What is left out is as in the defaults. A mistake is refused with its place, for instance `ladder.steps[2].attempts`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from callcenter.core.errors import InvalidInput
from campaigns.attempts.retry import RetryRules
from campaigns.planning.cycles import CycleSettings
from campaigns.planning.ladder import Ladder

MAX_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Conduct:
    """Ladder, cycles and retry rules of a campaign."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    ladder: Ladder = field(default_factory=Ladder)
    cycle: CycleSettings = field(default_factory=CycleSettings)
    retry: RetryRules = field(default_factory=RetryRules)


ADAPTER: TypeAdapter[Conduct] = TypeAdapter(Conduct)
SECTIONS = ("ladder", "cycle", "retry")
RETRY: dict[str, Any] = TypeAdapter(RetryRules).dump_python(RetryRules(), mode="json")
WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is unknown",
    "unexpected_keyword_argument": "is unknown",
    "too_short": "must not be empty",
}


def conduct_of(options: Mapping[str, Any]) -> Conduct:
    """What a campaign's options say, with the defaults for what they leave out.

    Raises:
        InvalidInput: with the place of every mistake.
    """
    document = {section: options[section] for section in SECTIONS if section in options}
    if isinstance(document.get("retry"), Mapping):
        document["retry"] = _over(RETRY, document["retry"])
    try:
        return ADAPTER.validate_python(document)
    except ValidationError as problem:
        raise refusal(problem) from problem


def _over(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The given values over the defaults, so that a rule may be changed in one value."""
    both = {name: _over(defaults[name], value) for name, value in given.items() if _are_tables(defaults.get(name), value)}
    return {**defaults, **given, **both}


def _are_tables(*values: object) -> bool:
    return all(isinstance(value, Mapping) for value in values)


def options_of(conduct: Conduct) -> dict[str, Any]:
    """The same as plain JSON, for `Campaign.options`."""
    written: dict[str, Any] = ADAPTER.dump_python(conduct, mode="json")
    return written


def toml_of(conduct: Conduct) -> str:
    """The same as a file that `read_file` reads back equal."""
    document = options_of(conduct)
    steps = document["ladder"].pop("steps")
    tables = [("cycle", document["cycle"]), ("ladder", document["ladder"])]
    lines = [line for name, table in tables for line in _table(f"[{name}]", table)]
    lines += [line for step in steps for line in _table("[[ladder.steps]]", step)]
    rules = {name: value for name, value in document["retry"].items() if isinstance(value, dict)}
    lines += _table("[retry]", {name: value for name, value in document["retry"].items() if name not in rules})
    return "\n".join([*lines, *(line for name, rule in rules.items() for line in _table(f"[retry.{name}]", rule))])


def _table(head: str, values: Mapping[str, Any]) -> list[str]:
    # JSON's words, numbers and lists are TOML's, too
    return [head, *(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()), ""]


def read_file(file: Path) -> Conduct:
    """Reads a TOML file.

    Raises:
        InvalidInput: there is none, it is no TOML, or with the place of every mistake.
    """
    try:
        text = file.read_bytes()[: MAX_BYTES + 1].decode("utf-8")
        document = tomllib.loads(text)
    except OSError as problem:
        raise InvalidInput(f"{file.name}: the file can't be read.", hint="Check the path.", code="bad_ladder") from problem
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise InvalidInput(f"{file.name}: no TOML: {problem}.", hint="Write it in UTF-8 as TOML.", code="bad_ladder") from problem
    if unknown := sorted(set(document) - set(SECTIONS)):
        raise InvalidInput(f"{unknown[0]}: is unknown", hint=f"Expected: {', '.join(SECTIONS)}.", code="bad_ladder")
    return conduct_of(document)


def refusal(problem: ValidationError) -> InvalidInput:
    """What is wrong, where, and what was expected."""
    errors = problem.errors(include_url=False)
    within = {error["loc"][:depth] for error in errors for depth in range(len(error["loc"]))}
    told = [f"{place_of(error)}: {_what(error)}" for error in errors if error["loc"] not in within]
    return InvalidInput(
        "; ".join(told[:5]) + ".", hint="Correct the campaign's settings; what is left out is as by default.", code="bad_ladder"
    )


def place_of(error: ErrorDetails) -> str:
    """Where a mistake is, as people write it."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".") or "settings"


def _what(error: ErrorDetails) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    said = WORDS.get(error["type"]) or error["msg"][0].lower() + error["msg"][1:]
    has_value = error["type"] not in WORDS and isinstance(error["input"], str | int | float | bool)
    return f"{said} (found {error['input']!r})" if has_value else said
