"""What is sent to Twilio and what the small Twilio of the tests answers, held against Twilio's published API description.

Every test with the small Twilio is held against it; here everything is asked once, and mistakes are planted to see that they are found.
Documents (TwiML) are not described there: their verbs are those of the official client.
"""

from __future__ import annotations

import inspect
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import structlog
from twilio.rest import Client
from twilio.twiml import voice_response

from callcenter.core.clock import SystemClock
from campaigns.messages.senders.port import SmsRequest
from campaigns.messages.senders.twilio import TwilioSender, TwilioSmsSettings, read_reply, read_report
from dialer.telephony.conversation import RecordingPlan
from dialer.telephony.port import CallerNotice, LegRequest, OriginateRequest
from dialer.telephony.robocall import NodeKind as Kind
from dialer.telephony.robocall import OnMachine, PlanNode, RobocallPlan
from dialer.telephony.twilio import TwilioCarrier, TwilioSettings, next_node, parse_webhook, reply_to_webhook, twiml
from dialer.telephony.twilio.http import TwilioHttp
from dialer.telephony.twilio.recordings import TwilioRecordings
from scripts.extract_twilio_description import OPERATIONS, extract
from tests.contracts import twilio_reports
from tests.contracts.twilio import DESCRIPTION
from tests.telephony import twilio_documents as documents
from tests.telephony.fake_twilio import ACCOUNT, FakeTwilio

PUBLIC = "https://calls.example.jp"
NUMBER, OFFICE = "+819012345678", "+81312345678"
NODES = (
    PlanNode("start", Kind.MENU, "s", "お知らせ <&> です。", {"1": "ask", "2": "end"}, repeats=2, then="end"),
    PlanNode("say", Kind.SAY, "s", "はい。", then="ask"),
    PlanNode("ask", Kind.TRANSFER, "s", "おつなぎします。", then="end"),
    PlanNode("end", Kind.END, "s", "失礼します。"),
)
MESSAGE = SmsRequest("1-abcdef", NUMBER, "架空市です。お電話ください。")
PLAN = RobocallPlan(NODES, OnMachine.LEAVE_MESSAGE, PlanNode("_machine", Kind.END, "m", "伝言です。"))


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with FakeTwilio() as fake:
        fake.post = lambda address, fields: ""  # type: ignore[method-assign]
        yield fake


@pytest.fixture
def carrier(twilio: FakeTwilio) -> Iterator[TwilioCarrier]:
    settings = TwilioSettings(ACCOUNT, "token", PUBLIC, caller_id=OFFICE, base_url=twilio.url, timeout=60.0)
    made = TwilioCarrier(settings, SystemClock(), list)
    yield made
    made.close()


def use_everything(twilio: FakeTwilio, carrier: TwilioCarrier, url: str = "") -> None:
    """Everything this product ever asks of Twilio, with calls and with messages; by way of `url` where it is given."""
    url = url or twilio.url
    carrier.connect()
    carrier.check()
    twilio.numbers.clear()
    carrier.check()
    twilio.numbers.add(OFFICE)
    carrier.originate(OriginateRequest("c1", NUMBER, OFFICE, robocall=PLAN))
    carrier.originate(OriginateRequest("c2", "+819012345679", OFFICE, leg_id="leg-1"))
    carrier.originate(OriginateRequest("c3", "+819012345670", OFFICE, recording=RecordingPlan("c3", "notice", "録音しています。")))
    for leg, address in (("leg-1", "client:op-1"), ("leg-2", "sip:desk@pbx.example.jp"), ("leg-3", "+81312340000")):
        carrier.open_leg(LegRequest(leg, address))
    carrier.mute("leg-1", "leg-1", is_muted=True)
    carrier.hold("c2")
    carrier.bridge("c2", "leg-1")
    carrier.send_keys("c2", "12#", "leg-1")
    carrier.hand_over("c2", "leg-3")
    carrier.announce(CallerNotice("c1", (("s", "はい。"),), is_last=True))
    carrier.hang_up("c2")
    while twilio.advance():
        pass
    recordings = TwilioRecordings(TwilioSettings(ACCOUNT, "token", PUBLIC, base_url=url, timeout=60.0))
    (held,) = recordings.of_call(twilio.of("+819012345670")[0].sid)
    recordings.remove(held.sid)
    recordings.remove(held.sid)
    own = TwilioSender(TwilioSmsSettings(ACCOUNT, "token", sender=OFFICE, base_url=url, timeout=60.0))
    service = TwilioSmsSettings(ACCOUNT, "token", messaging_service="MG" + "7" * 32, public_url=PUBLIC, base_url=url, timeout=60.0)
    for sender in (own, TwilioSender(service)):
        sender.send(MESSAGE)
        sender.find(MESSAGE, datetime.now(UTC))


def test_everything_we_ask_and_are_told_is_as_twilio_publishes_it(twilio: FakeTwilio, carrier: TwilioCarrier) -> None:
    use_everything(twilio, carrier)
    assert twilio.deviations == []
    asked = {(method.lower(), re.sub(r"[A-Z]{2}[0-9a-f]{32}", "{}", path)) for method, path in twilio.requests}
    described = {(method, re.sub(r"{\w+}", "{}", path)) for path, methods in OPERATIONS.items() for method in methods}
    assert asked == described, "the extract is what we use, no more and no less"


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ({"Recrod": "true"}, "Twilio knows no field Recrod"),
        ({"Timeout": "half a minute"}, "integer"),
        ({"StatusCallback": "/webhooks/twilio/voice"}, "StatusCallback: '/webhooks/twilio/voice' is not a 'uri'"),
        ({"Twiml": "<Response><Say>"}, "Twiml: .* is not a 'twiml'"),
        ({"From": ""}, "From: '' is not a 'endpoint'"),
    ],
)
def test_a_request_that_is_not_as_published_fails_the_test_that_sent_it(planted: dict[str, str], said: str) -> None:
    address = f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json"
    form = {"To": NUMBER, "From": OFFICE, "Twiml": "<Response/>"}
    with pytest.raises(AssertionError, match=f"POST {address}, request: .*{said}"), FakeTwilio() as twilio:
        requests.post(twilio.url + address, data={**form, **planted}, auth=(ACCOUNT, "token"), timeout=30).close()
    assert len(twilio.deviations) == 1


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ({"status": "initiated"}, "status: 'initiated' is not one of"),
        ({"sid": "CA1"}, "sid: 'CA1' is too short"),
        ({"colour": "red"}, "'colour' was unexpected"),
        ({"date_created": "2026-11-25T12:00:00Z"}, "is not a 'date-time-rfc-2822'"),
    ],
)
def test_an_answer_that_is_not_as_published_fails_the_test_that_heard_it(
    monkeypatch: pytest.MonkeyPatch, planted: dict[str, str], said: str
) -> None:
    genuine = documents.call
    monkeypatch.setattr(documents, "call", lambda *told: {**genuine(*told), **planted})
    with pytest.raises(AssertionError, match=f"answer 201: .*{said}"), FakeTwilio() as twilio:
        Client(ACCOUNT, "token", http_client=TwilioHttp(twilio.url, timeout=60.0)).calls.create(
            to=NUMBER, from_=OFFICE, twiml="<Response/>"
        )


def test_an_answer_without_a_field_twilio_always_sends_is_none_of_twilios(monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = documents.call
    monkeypatch.setattr(documents, "call", lambda *told: {key: value for key, value in genuine(*told).items() if key != "queue_time"})
    with pytest.raises(AssertionError, match="'queue_time' is a required property"), FakeTwilio() as twilio:
        Client(ACCOUNT, "token", http_client=TwilioHttp(twilio.url, timeout=60.0)).calls.create(
            to=NUMBER, from_=OFFICE, twiml="<Response/>"
        )


def test_the_extract_is_what_its_script_makes() -> None:
    stored = json.loads(DESCRIPTION.read_text())
    assert extract(stored, stored["x-extract-of"]["commit"]) == stored


class Noting(Mapping[str, str]):
    """A form that notes which of its fields were asked for."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields, self.read = fields, set[str]()

    def __getitem__(self, key: str) -> str:
        self.read.add(key)
        return self._fields[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


OURS = {"ref", "event", "node", "step", "press", "went_to", "caller", "called"}  # travel in the address, or are put there by the door


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        *(("status", {"CallStatus": word}) for word in sorted(twilio_reports.WORDS["CallStatus"])),
        ("leg", {"CallStatus": "completed"}),
        *(("machine", {"AnsweredBy": word}) for word in sorted(twilio_reports.WORDS["AnsweredBy"])),
        *(("conference", {"StatusCallbackEvent": word}) for word in sorted(twilio_reports.WORDS["StatusCallbackEvent"])),
        *(("recording", {"RecordingSid": "RE1", "RecordingStatus": word}) for word in sorted(twilio_reports.WORDS["RecordingStatus"])),
        ("digit", {"Digits": "1"}),
        ("prompt_done", {}),
        ("nobody", {}),
        ("transfer", {}),
        ("incoming", {}),
    ],
)
def test_we_read_of_a_report_only_what_twilio_documents(event: str, fields: dict[str, str]) -> None:
    genuine = {"CallSid": "CA" + "1" * 32, "ParticipantLabel": "leg-1", "SequenceNumber": "1", "SipResponseCode": "486", **fields}
    form = Noting({**genuine, "ref": "c1", "event": event, "node": "start", "step": "1", "press": "1"})
    with structlog.testing.capture_logs() as lines:
        parse_webhook(form, datetime.now(UTC))
    assert lines == [], "every documented word is known"
    next_node(form, PLAN)
    reply_to_webhook(form, PUBLIC, PLAN)
    kind = twilio_reports.kind_of(f"{PUBLIC}/webhooks/twilio/voice?event={event}")
    assert form.read - OURS <= twilio_reports.known_fields(kind)


def test_we_read_of_a_messages_report_only_what_twilio_documents() -> None:
    sid = "SM" + "1" * 32
    for word in sorted(twilio_reports.WORDS["MessageStatus"]):
        form = Noting({"reference": "1-abc", "MessageSid": sid, "MessageStatus": word, "ErrorCode": "30003"})
        assert read_report(form) is not None
        assert form.read - {"reference"} <= twilio_reports.known_fields("message")
    reply = Noting({"From": NUMBER, "Body": "停止", "MessageSid": sid})
    assert read_reply(reply) is not None
    assert reply.read <= twilio_reports.known_fields("reply")


def test_a_report_with_a_field_or_a_word_of_our_own_making_fails_the_test() -> None:
    address = f"{PUBLIC}/webhooks/twilio/voice?ref=c1&event=status"
    for planted, said in (({"Status": "busy"}, "no field Status"), ({"CallStatus": "answered"}, "CallStatus is never answered")):
        with pytest.raises(AssertionError, match=said), FakeTwilio() as twilio:
            twilio.signed(address, {"CallSid": "CA1", **planted})


def spoken() -> list[str]:
    addresses = twiml.Addresses(PUBLIC)
    return [
        *(twiml.node("c1", node, addresses) for node in NODES),
        twiml.wait_for_operator("c1", NODES[2], addresses, step=2, press=1),
        twiml.conference("c1", "o1-leg-1", addresses, keys="1w2", is_muted=True),
        twiml.conference("c1", "o1-leg-1", addresses, notice="録音しています。"),
        twiml.hold(),
        twiml.hold("録音しています。"),
        twiml.held(),
        twiml.welcome(),
        twiml.say(("一", "二"), is_last=True),
        twiml.nothing(),
    ]


def test_every_verb_and_attribute_of_a_document_is_twiml() -> None:
    for document in spoken():
        root = ET.fromstring(document)
        assert root.tag == "Response"
        for element in root.iter():
            if element is root:
                continue
            known = inspect.signature(_maker(element.tag)).parameters
            written = {re.sub("(?<!^)(?=[A-Z])", "_", name).lower() for name in element.attrib}
            assert written <= set(known), (element.tag, written - set(known))


def _maker(tag: str) -> Callable[..., Any]:
    """The client's method that writes this verb."""
    name = re.sub("(?<!^)(?=[A-Z])", "_", tag).lower()
    for place in (voice_response.VoiceResponse, voice_response.Dial, voice_response.Gather):
        if hasattr(place, name):
            return getattr(place, name)  # type: ignore[no-any-return]
    raise AssertionError(f"TwiML has no {tag}")


def test_words_are_escaped() -> None:
    said = ET.fromstring(twiml.node("c1", NODES[0], twiml.Addresses(PUBLIC))).find("Gather/Say")
    assert said is not None
    assert said.text == NODES[0].text
