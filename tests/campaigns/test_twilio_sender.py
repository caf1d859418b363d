"""Twilio's official client against a small stateful server: what is refused, lost, down, and found again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import pytest

from campaigns.messages.senders.port import SenderRefused, SenderUnreachable, SendUnknown, SmsRequest
from campaigns.messages.senders.twilio import STATES, STATUS_PATH, TwilioSender, TwilioSmsSettings, state_of
from campaigns.messages.state import MessageState
from tests.answering import answering

REQUEST = SmsRequest("1-abcdef", "+819012345678", "架空市です。お電話ください。")
NOW = datetime(2026, 11, 18, 1, 0, tzinfo=UTC)


@dataclass
class World:
    """What the server holds, and what it shall do next: a status with Twilio's code, or `lose` the answer after taking it."""

    messages: list[dict[str, str]] = field(default_factory=list)
    next_error: tuple[int, int] | None = None
    loses_answers: bool = False
    created_at: datetime = NOW


class Handler(BaseHTTPRequestHandler):
    world: World

    def do_POST(self) -> None:
        form = {key: value[0] for key, value in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()}
        if self.world.next_error:
            status, code = self.world.next_error
            self._answer(status, {"code": code, "message": "no", "more_info": "", "status": status})
            return
        message = {
            "sid": f"SM{len(self.world.messages):032d}",
            "status": "queued",
            "to": form["To"],
            "body": form["Body"],
            "date_created": format_datetime(self.world.created_at),
            "status_callback": form.get("StatusCallback", ""),
            "from": form.get("From", ""),
            "messaging_service_sid": form.get("MessagingServiceSid", ""),
        }
        self.world.messages.append(message)
        if self.world.loses_answers:
            self.close_connection = True
            return
        self._answer(201, message)

    def do_GET(self) -> None:
        if self.world.next_error:
            status, code = self.world.next_error
            self._answer(status, {"code": code, "message": "no", "status": status})
            return
        wanted = parse_qs(urlsplit(self.path).query).get("To", [""])[0]
        found = [message for message in self.world.messages if message["to"] == wanted]
        self._answer(200, {"messages": found, "next_page_uri": None, "page": 0, "page_size": 50, "start": 0, "end": 0})

    def _answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def address(world: World) -> Iterator[str]:
    with answering(type("Bound", (Handler,), {"world": world})) as where:
        yield where


def sender(address: str, **fields: str) -> TwilioSender:
    settings = {"messaging_service": "MG1", "public_url": "https://calls.example", **fields}
    return TwilioSender(TwilioSmsSettings("AC" + "0" * 32, "token", base_url=address, timeout=5, **settings))


def test_a_message_is_handed_over_with_our_reference_in_its_callback(address: str, world: World) -> None:
    status = sender(address).send(REQUEST)
    assert (status.provider_id, status.state) == (world.messages[0]["sid"], MessageState.ACCEPTED)
    assert world.messages[0]["status_callback"] == f"https://calls.example{STATUS_PATH}1-abcdef"
    assert (world.messages[0]["body"], world.messages[0]["messaging_service_sid"]) == (REQUEST.body, "MG1")


def test_without_a_public_address_deliveries_are_asked_for(address: str, world: World) -> None:
    own = sender(address, messaging_service="", sender="+81300000000", public_url="")
    own.send(REQUEST)
    assert own.is_asked_for_receipts
    assert (world.messages[0]["from"], world.messages[0]["status_callback"]) == ("+81300000000", "")


@pytest.mark.parametrize(
    ("status", "code", "error", "is_account"),
    [
        (400, 21211, SenderRefused, False),
        (400, 21610, SenderRefused, False),
        (401, 20003, SenderRefused, True),
        (403, 20005, SenderRefused, True),
        (429, 20429, SenderUnreachable, None),
        (500, 20500, SendUnknown, None),
        (503, 0, SendUnknown, None),
    ],
)
def test_errors(address: str, world: World, status: int, code: int, error: type[Exception], is_account: bool | None) -> None:
    world.next_error = (status, code)
    with pytest.raises(error) as caught:
        sender(address).send(REQUEST)
    if isinstance(caught.value, SenderRefused):
        assert caught.value.is_account == is_account
    assert "+8190" not in str(caught.value)


def test_a_lost_answer_is_unknown_and_the_message_is_found_again(address: str, world: World) -> None:
    world.loses_answers = True
    ours = sender(address)
    with pytest.raises(SendUnknown):
        ours.send(REQUEST)
    assert len(world.messages) == 1
    world.messages[0]["status"] = "delivered"
    found = ours.find(REQUEST, NOW)
    assert found is not None
    assert (found.provider_id, found.state) == (world.messages[0]["sid"], MessageState.DELIVERED)


def test_an_older_or_another_message_to_the_number_is_not_ours(address: str, world: World) -> None:
    world.created_at = NOW - timedelta(days=1)
    ours = sender(address)
    ours.send(REQUEST)
    assert ours.find(REQUEST, NOW) is None
    assert ours.find(SmsRequest("1-x", REQUEST.e164, "another"), NOW - timedelta(days=2)) is None


def test_nobody_there_is_certainly_not_handed_over(address: str, world: World) -> None:
    nobody = sender("http://127.0.0.1:1")
    with pytest.raises(SenderUnreachable):
        nobody.send(REQUEST)
    world.next_error = (500, 0)
    with pytest.raises(SenderUnreachable):
        sender(address).find(REQUEST, NOW)


def test_every_word_of_twilio_is_ours_or_noted() -> None:
    assert state_of("Delivered") is MessageState.DELIVERED
    assert state_of("received") is None
    assert set(STATES.values()) == {
        MessageState.ACCEPTED,
        MessageState.DELIVERED,
        MessageState.UNDELIVERED,
        MessageState.FAILED,
    }
