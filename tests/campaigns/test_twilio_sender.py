"""Twilio's official client against the small Twilio of the tests: what is refused, lost, down, and found again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from campaigns.messages.rate import rates_of
from campaigns.messages.senders.port import SenderRefused, SenderUnreachable, SendUnknown, SmsRequest
from campaigns.messages.senders.twilio import STATES, STATUS_PATH, TwilioSender, TwilioSmsSettings, state_of
from campaigns.messages.state import MessageState
from tests.answering import answering
from tests.telephony.fake_twilio import ACCOUNT, FakeTwilio

REQUEST = SmsRequest("1-abcdef", "+819012345678", "架空市です。お電話ください。")
SERVICE = "MG" + "7" * 32


class Proxy(BaseHTTPRequestHandler):
    """What stands before Twilio has a fault: 503 and a page of its own."""

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(503)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"down")

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with FakeTwilio() as fake:
        fake.numbers |= {"+81300000000", "+815000000001", "+815000000002"}
        yield fake


def sender(address: str, **fields: str) -> TwilioSender:
    settings: dict[str, Any] = {"messaging_service": SERVICE, "public_url": "https://calls.example", **fields}
    return TwilioSender(TwilioSmsSettings(ACCOUNT, "token", base_url=address, timeout=5, **settings))


def test_a_message_is_handed_over_with_our_reference_in_its_callback(twilio: FakeTwilio) -> None:
    status = sender(twilio.url).send(REQUEST)
    (message,) = twilio.of(REQUEST.e164)
    assert (status.provider_id, status.state) == (message.sid, MessageState.ACCEPTED)
    assert message.fields["StatusCallback"] == f"https://calls.example{STATUS_PATH}1-abcdef"
    assert (message.fields["Body"], message.fields["MessagingServiceSid"]) == (REQUEST.body, SERVICE)


def test_without_a_public_address_deliveries_are_asked_for(twilio: FakeTwilio) -> None:
    own = sender(twilio.url, messaging_service="", sender="+81300000000", public_url="")
    own.send(REQUEST)
    (message,) = twilio.of(REQUEST.e164)
    assert own.is_asked_for_receipts
    assert (message.fields["From"], message.fields.get("StatusCallback")) == ("+81300000000", None)


def test_each_of_several_numbers_sends_what_is_its_turn(twilio: FakeTwilio) -> None:
    numbers = {"+815000000001": 1.0, "+815000000002": 2.5}
    own = TwilioSender(TwilioSmsSettings(ACCOUNT, "token", base_url=twilio.url, numbers=numbers))
    assert rates_of(own) == numbers
    for number in numbers:
        own.send(replace(REQUEST, number=number))
    in_pool = TwilioSender(TwilioSmsSettings(ACCOUNT, "token", SERVICE, base_url=twilio.url, numbers=numbers))
    in_pool.send(replace(REQUEST, number="+815000000001"))
    sent = [(message.fields["From"], message.fields.get("MessagingServiceSid")) for message in twilio.of(REQUEST.e164)]
    assert sorted(sent, key=str) == sorted([("+815000000001", None), ("+815000000002", None), ("+815000000001", SERVICE)], key=str)


@pytest.mark.parametrize(
    ("code", "error", "is_account"),
    [
        (21211, SenderRefused, False),
        (21610, SenderRefused, False),
        (21614, SenderRefused, False),
        (21603, SenderRefused, True),
        (21606, SenderRefused, True),
        (20003, SenderRefused, True),
        (20005, SenderRefused, True),
        (20429, SenderUnreachable, None),
        (20500, SendUnknown, None),
        (20503, SendUnknown, None),
    ],
)
def test_errors(twilio: FakeTwilio, code: int, error: type[Exception], is_account: bool | None) -> None:
    twilio.errors[REQUEST.e164] = code
    with pytest.raises(error) as caught:
        sender(twilio.url).send(REQUEST)
    if isinstance(caught.value, SenderRefused):
        assert caught.value.is_account == is_account
    assert "+8190" not in str(caught.value)


def test_a_fault_without_a_word_of_twilios_is_unknown() -> None:
    with answering(Proxy) as address, pytest.raises(SendUnknown):
        sender(address).send(REQUEST)


@pytest.mark.parametrize("fields", [{"sender": ""}, {"sender": "+815099999999"}])
def test_a_sender_that_is_missing_or_not_ours_is_the_account_s_trouble(twilio: FakeTwilio, fields: dict[str, str]) -> None:
    with pytest.raises(SenderRefused) as caught:
        sender(twilio.url, messaging_service="", **fields).send(REQUEST)
    assert caught.value.is_account
    assert twilio.of(REQUEST.e164) == []


def test_a_lost_answer_is_unknown_and_the_message_is_found_again(twilio: FakeTwilio) -> None:
    twilio.swallowed.add(REQUEST.e164)
    ours, now = sender(twilio.url), datetime.now(UTC)
    with pytest.raises(SendUnknown):
        ours.send(REQUEST)
    (message,) = twilio.of(REQUEST.e164)
    message.status = "delivered"
    found = ours.find(REQUEST, now)
    assert found is not None
    assert (found.provider_id, found.state) == (message.sid, MessageState.DELIVERED)


def test_an_older_or_another_message_to_the_number_is_not_ours(twilio: FakeTwilio) -> None:
    ours, now = sender(twilio.url), datetime.now(UTC)
    ours.send(REQUEST)
    twilio.of(REQUEST.e164)[0].created = now - timedelta(days=1)
    assert ours.find(REQUEST, now) is None
    assert ours.find(SmsRequest("1-x", REQUEST.e164, "another"), now - timedelta(days=2)) is None


def test_nobody_there_is_certainly_not_handed_over(twilio: FakeTwilio) -> None:
    nobody = sender("http://127.0.0.1:1")
    with pytest.raises(SenderUnreachable):
        nobody.send(REQUEST)
    with pytest.raises(SenderUnreachable):
        nobody.find(REQUEST, datetime.now(UTC))
    with answering(Proxy) as address, pytest.raises(SenderUnreachable):
        sender(address).find(REQUEST, datetime.now(UTC))


def test_every_word_of_twilio_is_ours_or_noted() -> None:
    assert state_of("Delivered") is MessageState.DELIVERED
    assert state_of("received") is None
    assert set(STATES.values()) == {
        MessageState.ACCEPTED,
        MessageState.DELIVERED,
        MessageState.UNDELIVERED,
        MessageState.FAILED,
    }
