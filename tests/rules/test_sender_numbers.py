"""Numbers and rates as an office writes them, and the document they become."""

from __future__ import annotations

import pytest

from callcenter.core.errors import InvalidInput
from campaigns.messages.senders.gateway.document import read_gateway
from campaigns.messages.senders.gateway.sender import GatewaySender, GatewaySettings, example_document
from campaigns.messages.senders.numbers import BadLine, document_of, lines_of, read_numbers
from campaigns.messages.senders.port import SmsRequest


def test_lines_become_a_document_and_lines_again() -> None:
    written = ["050-1234-5678 1.5", "", "  +819012345678", "03-1234-5678=2", "City: 3", "03 1234 5679"]
    document = document_of(written, "2")
    read = read_numbers(document)
    expected = {"+815012345678": 1.5, "+819012345678": 1.0, "+81312345678": 2.0, "City": 3.0, "+81312345679": 1.0}
    assert (read.numbers, read.segments_per_second) == (expected, 2.0)
    assert document_of(lines_of(read.numbers), "2") == document


def test_what_is_the_default_needs_no_document() -> None:
    assert document_of([], "") == document_of(["  "], "1.0") == ""
    assert (read_numbers("").numbers, read_numbers("").segments_per_second) == ({}, 1.0)


@pytest.mark.parametrize(
    ("lines", "line", "code"),
    [
        (["050-1234-5678", "12"], 2, "number_unusable"),
        (["日本 1"], 1, "number_unusable"),
        (["a sender name too long 1"], 1, "number_unusable"),
        (["050-1234-5678 0"], 1, "rate_unusable"),
        (["050-1234-5678 1001"], 1, "rate_unusable"),
        (["050-1234-5678 1.2.3"], 1, "rate_unusable"),
        (["050-1234-5678", "", "05012345678 2"], 3, "number_twice"),
    ],
)
def test_a_mistake_is_told_by_its_line(lines: list[str], line: int, code: str) -> None:
    with pytest.raises(BadLine) as caught:
        document_of(lines)
    assert (caught.value.line, caught.value.code) == (line, code)


@pytest.mark.parametrize("document", ["numbers = 3", '[numbers]\n"12" = 1', '[numbers]\n"+815012345678" = 0', "speed = 1", "]"])
def test_a_document_with_mistakes_is_refused(document: str) -> None:
    with pytest.raises(InvalidInput):
        read_numbers(document)


def test_a_described_provider_may_have_several_numbers_too() -> None:
    numbers = 'numbers = { "050-0000-0001" = 5, "050-0000-0002" = 2.5 }\n'
    document = read_gateway(example_document().replace("timeout_seconds = 10\n", "timeout_seconds = 10\n" + numbers, 1))
    sender = GatewaySender(document, GatewaySettings("https://sms.example", sender="OTHER"))
    assert sender.numbers == {"050-0000-0001": 5.0, "050-0000-0002": 2.5}
    assert sender._marks(SmsRequest("1-a", "+819012345678", "x", "050-0000-0002"))["sender"] == "050-0000-0002"
    with pytest.raises(InvalidInput, match="sender"):
        read_gateway((numbers + example_document()).replace('"{sender}"', '"fixed"'))
