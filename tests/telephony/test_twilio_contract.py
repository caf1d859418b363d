"""What is sent to Twilio and what the small Twilio of the tests answers, held against the interface the official client knows.

The client is generated from Twilio's published description: names, types and words that it does not know are not Twilio's.
"""

from __future__ import annotations

import inspect
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twilio.rest.api.v2010.account.call import CallContext, CallInstance, CallList
from twilio.twiml import voice_response

from callcenter.core.clock import SystemClock
from dialer.telephony.port import CallerNotice, LegRequest, OriginateRequest
from dialer.telephony.robocall import NodeKind as Kind
from dialer.telephony.robocall import OnMachine, PlanNode, RobocallPlan
from dialer.telephony.twilio import TwilioCarrier, TwilioSettings, twiml
from tests.telephony.fake_twilio import FakeTwilio

PUBLIC = "https://calls.example.jp"
NUMBER, OFFICE = "+819012345678", "+81312345678"
NODES = (
    PlanNode("start", Kind.MENU, "s", "お知らせ <&> です。", {"1": "ask", "2": "end"}, repeats=2, then="end"),
    PlanNode("say", Kind.SAY, "s", "はい。", then="ask"),
    PlanNode("ask", Kind.TRANSFER, "s", "おつなぎします。", then="end"),
    PlanNode("end", Kind.END, "s", "失礼します。"),
)
PLAN = RobocallPlan(NODES, OnMachine.LEAVE_MESSAGE, PlanNode("_machine", Kind.END, "m", "伝言です。"))


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with FakeTwilio() as fake:
        fake.post = lambda address, fields: ""  # type: ignore[method-assign]
        yield fake


@pytest.fixture
def carrier(twilio: FakeTwilio) -> Iterator[TwilioCarrier]:
    made = TwilioCarrier(TwilioSettings("ACtest", "token", PUBLIC, caller_id=OFFICE, base_url=twilio.url), SystemClock(), list)
    yield made
    made.close()


def known_fields(method: Callable[..., Any]) -> set[str]:
    """The names of a request's fields on the wire: CallerId for caller_id."""
    names = set(inspect.signature(method).parameters) - {"self"}
    return {"".join(part.capitalize() for part in name.strip("_").split("_")) for name in names}


def test_every_field_and_word_of_a_call_is_one_that_twilio_knows(twilio: FakeTwilio, carrier: TwilioCarrier) -> None:
    carrier.originate(OriginateRequest("c1", NUMBER, OFFICE, robocall=PLAN))
    carrier.originate(OriginateRequest("c2", "+819012345679", OFFICE, leg_id="leg-1"))
    carrier.open_leg(LegRequest("leg-1", "client:op-1"))
    for one in twilio.resources.values():
        assert set(one.fields) <= known_fields(CallList.create)
        assert one.fields["StatusCallbackMethod"] in {"GET", "POST"}
        assert 1 <= int(one.fields["Timeout"]) <= 600
        assert one.fields.get("MachineDetection", "Enable") in {"Enable", "DetectMessageEnd"}
        assert one.fields["StatusCallback"].startswith(PUBLIC)
    before = {sid: dict(one.fields) for sid, one in twilio.resources.items()}
    carrier.announce(CallerNotice("c1", (("s", "はい。"),), is_last=True))
    carrier.hang_up("c2")
    changed = {name for sid, one in twilio.resources.items() for name in one.fields if one.fields[name] != before[sid].get(name)}
    assert changed == {"Twiml", "Status"}
    assert changed <= known_fields(CallContext.update)


def test_what_the_small_twilio_answers_is_a_call_as_the_client_knows_it(twilio: FakeTwilio, carrier: TwilioCarrier) -> None:
    carrier.originate(OriginateRequest("c1", NUMBER, OFFICE, robocall=PLAN))
    statuses = {value for name, value in vars(CallInstance.Status).items() if name.isupper()}
    (call,) = carrier._client.calls.list(limit=5)
    for told in (call, carrier._client.calls(call.sid).fetch()):
        assert (told.to, told.account_sid, told.direction) == (NUMBER, "ACtest", "outbound-api")
        assert told.date_created is not None
        assert told.status in statuses
        assert re.fullmatch("CA[0-9a-f]{32}", str(told.sid))


def documents() -> list[str]:
    addresses = twiml.Addresses(PUBLIC)
    return [
        *(twiml.node("c1", node, addresses) for node in NODES),
        twiml.wait_for_operator("c1", NODES[2], addresses, step=2, press=1),
        twiml.conference("c1", "o1-leg-1", addresses, keys="1w2", is_muted=True),
        twiml.hold(),
        twiml.held(),
        twiml.welcome(),
        twiml.say(("一", "二"), is_last=True),
        twiml.nothing(),
    ]


def test_every_verb_and_attribute_of_a_document_is_twiml() -> None:
    for document in documents():
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
