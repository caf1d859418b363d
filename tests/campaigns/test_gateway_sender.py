"""A described provider over real HTTP: what is sent, what is lost, who is not there, and what is found again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from campaigns.messages.senders.gateway.document import read_gateway
from campaigns.messages.senders.gateway.sender import GatewaySender, GatewaySettings, example_document
from campaigns.messages.senders.gateway.signing import is_genuine
from campaigns.messages.senders.port import SenderRefused, SenderUnreachable, SendUnknown, SmsRequest
from campaigns.messages.state import MessageState
from tests.answering import answering

REQUEST = SmsRequest("7-abc", "+819012345678", "架空市です。{to} お電話ください。")
NOW = datetime(2026, 11, 18, 1, 0, tzinfo=UTC)


@dataclass
class World:
    """What the server saw, and what it answers next: a status with a document, or nothing at all."""

    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    status: int = 200
    answer: Any = field(default_factory=lambda: {"messageId": "m1"})
    is_mute: bool = False


class Handler(BaseHTTPRequestHandler):
    world: World

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.world.seen.append((f"{self.command} {self.path}", dict(self.headers), body))
        if self.world.is_mute:
            self.close_connection = True
            return
        content = json.dumps(self.world.answer).encode()
        self.send_response(self.world.status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def address(world: World) -> Iterator[str]:
    with answering(type("Bound", (Handler,), {"world": world})) as where:
        yield f"{where}/base/"


def sender(address: str, document: str = "") -> GatewaySender:
    settings = GatewaySettings(address, user="city", secret="s3cret", sender="CITY", public_url="https://calls.example")
    return GatewaySender(read_gateway(document or example_document()), settings)


def test_a_message_goes_out_signed_with_the_fields_the_document_names(address: str, world: World) -> None:
    status = sender(address).send(REQUEST)
    assert (status.provider_id, status.state) == ("m1", MessageState.ACCEPTED)
    line, headers, body = world.seen[0]
    assert line == "POST /base/v1/messages"
    document = json.loads(body)
    assert document["message"] == {"phoneNumber": "09012345678", "text": REQUEST.body, "senderId": "CITY"}
    assert document["statusCallback"] == "https://calls.example/webhooks/gateway/7/status"
    assert is_genuine(read_gateway(example_document()).auth, "s3cret", headers, body, int(headers["X-Timestamp"]))
    assert "s3cret" not in repr(sender(address)._settings)


def test_a_form_with_basic_authentication(address: str, world: World) -> None:
    document = example_document().replace('kind = "hmac"\nheader = "X-Signature"\nalgorithm', 'kind = "basic"\nalgorithm', 1)
    document = document.replace('format = "json"                       #', 'format = "form" #', 1)
    sender(address, document).send(REQUEST)
    _, headers, body = world.seen[0]
    assert headers["Authorization"] == "Basic Y2l0eTpzM2NyZXQ="
    assert parse_qs(body.decode())["message.text"] == [REQUEST.body]


def test_a_lost_answer_is_unknown_and_the_message_is_found_by_our_reference(address: str, world: World) -> None:
    ours = sender(address)
    world.is_mute = True
    with pytest.raises(SendUnknown):
        ours.send(REQUEST)
    assert len(world.seen) == 1
    with pytest.raises(SenderUnreachable):
        ours.find(REQUEST, NOW)
    world.is_mute = False
    world.answer = {"messages": [{"userReference": "7-abc", "messageId": "m1", "status": "delivered"}]}
    found = ours.find(REQUEST, NOW)
    assert found is not None
    assert found.state is MessageState.DELIVERED
    assert parse_qs(urlsplit(world.seen[-1][0].split()[1]).query) == {"userReference": ["7-abc"]}
    world.answer = {"messages": []}
    assert ours.find(REQUEST, NOW) is None


def test_nobody_there_is_certainly_not_handed_over() -> None:
    with pytest.raises(SenderUnreachable):
        sender("http://127.0.0.1:1").send(REQUEST)


@pytest.mark.parametrize(("status", "is_account"), [(302, True), (401, True), (404, True), (422, False)])
def test_refusals_follow_no_redirect_and_tell_whose_they_are(address: str, world: World, status: int, is_account: bool) -> None:
    world.status = status
    with pytest.raises(SenderRefused) as caught:
        sender(address).send(REQUEST)
    assert caught.value.is_account is is_account
    assert len(world.seen) == 1
    assert "9012345678" not in str(caught.value)
