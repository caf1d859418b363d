"""Several sender numbers of an office at Twilio, each with the segments a second that it takes: a small document, written and read here.

segments_per_second = 1.0            # what takes the messages where no numbers are named: the Messaging Service, or the settings' number
[numbers]
"+815012345678" = 1.0
"City" = 3.0                         # a sender name, where the country allows one
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from callcenter.core.errors import InvalidInput
from callcenter.core.phones import classify
from campaigns.messages.senders.gateway.document import Part, Rate, read_toml

PER_SECOND = 1.0
"""What Twilio takes of a number by default (long code: one segment a second)."""
MOST_NUMBERS = 100
CODE = "bad_numbers"


class BadLine(InvalidInput):
    """A line that can't be used: `line` counts from 1, 0 is the rate of one without a name."""

    def __init__(self, line: int, message: str, hint: str, code: str) -> None:
        super().__init__(f"Line {line}: {message}" if line else message, hint=hint, code=code)
        self.line = line


_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_RATE = re.compile(r"[0-9]{1,4}(\.[0-9]{1,3})?")
_LINE = re.compile(r"^(?P<number>.*?)(?:\s*[=,:\t]\s*|\s+)(?P<rate>[0-9.]+)$")


def _sender(text: str) -> str:
    if not _E164.fullmatch(text) and not _NAME.fullmatch(text):
        raise ValueError("expected a number such as +815012345678, or a sender name of at most 11 letters and digits")
    return text


Sender = Annotated[str, AfterValidator(_sender)]


class TwilioNumbers(Part):
    """The document: `numbers` by their rate; empty leaves it to the Messaging Service or the number of the settings."""

    segments_per_second: Rate = PER_SECOND
    numbers: dict[Sender, Rate] = Field(default_factory=dict, max_length=MOST_NUMBERS)


def read_numbers(document: str) -> TwilioNumbers:
    """The document, checked; an empty one is the default.

    Raises:
        InvalidInput: each mistake by its field.
    """
    return read_toml(TwilioNumbers, document, CODE, "See `callcenter sender choose --help`.")


def document_of(lines: Iterable[str], per_second: str = "") -> str:
    """The document for numbers as people write them, one a line with its rate behind it: `050-1234-5678 1.5`.

    Args:
        per_second: for where no numbers are named; empty is the default.

    Raises:
        BadLine: which line, and what was expected.
    """
    numbers: dict[str, float] = {}
    for place, line in enumerate(lines, 1):
        if not line.strip():
            continue
        number, rate = _parts_of(place, line.strip())
        if number in numbers:
            raise BadLine(place, "the number is there twice.", "Name each number once.", "number_twice")
        numbers[number] = rate
    rate = _rate_of(0, per_second.strip() or str(PER_SECOND))
    if not numbers and rate == PER_SECOND:
        return ""
    document = "".join([f"segments_per_second = {rate}\n", *_table(numbers)])
    read_numbers(document)
    return document


def lines_of(numbers: Mapping[str, float]) -> list[str]:
    """The same as people write them."""
    return [f"{number} {rate:g}" for number, rate in numbers.items()]


def _table(numbers: Mapping[str, float]) -> list[str]:
    return ["[numbers]\n", *(f'"{number}" = {rate}\n' for number, rate in numbers.items())] if numbers else []


def _parts_of(place: int, line: str) -> tuple[str, float]:
    parts = _LINE.match(line)
    written, rate = (parts["number"].strip(), parts["rate"]) if parts and not _is_whole_number(line) else (line, str(PER_SECOND))
    number = classify(written)[0] or written
    if not _E164.fullmatch(number) and not _NAME.fullmatch(number):
        expected = "Expected a number and its segments a second: +815012345678 1.0"
        raise BadLine(place, "this is no sender number.", expected, "number_unusable")
    return number, _rate_of(place, rate)


def _is_whole_number(line: str) -> bool:
    """Whether the whole line is a number with spaces in it, and no rate."""
    return classify(line)[0] is not None


def _rate_of(place: int, text: str) -> float:
    rate = float(text) if _RATE.fullmatch(text) else 0.0
    if not 0 < rate <= 1000:
        raise BadLine(place, "the rate is not usable.", "Expected segments a second: more than 0, at most 1000.", "rate_unusable")
    return rate
