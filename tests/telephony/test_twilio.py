"""The Twilio carrier with Twilio's official client against a small Twilio on loopback."""

from __future__ import annotations

import logging
import re
import socket
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest
import structlog
from twilio.request_validator import RequestValidator

from callcenter.core.clock import SystemClock
from campaigns.attempts.codes import LineResult
from dialer.telephony.errors import CarrierRefused, CarrierUnreachable, HandoverUnknown
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.telephony.port import LegRequest, OriginateRequest, PhoneLogin
from dialer.telephony.robocall import NodeKind, OnMachine, PlanNode, RobocallPlan
from dialer.telephony.twilio import TwilioCarrier, TwilioSettings, is_genuine, next_node, parse_webhook, reply_to_webhook
from dialer.telephony.twilio.mapping import line_result
from tests.telephony.fake_twilio import ACCOUNT, FakeTwilio
from tests.telephony.listening import kinds, only
from tests.telephony.numbers import bad_numbers
from tests.telephony.plans import short_plan
from tests.telephony.ports import deaf_port

PUBLIC = "https://calls.example.jp"
NOW = datetime(2026, 4, 1, 1, 0, tzinfo=UTC)
NUMBER, OFFICE = "+819012345678", "+81312345678"
PLAN = short_plan("prompt", "大切なお知らせがあります。", keys="123", thanks_text="ありがとうございました。")
R = LineResult


class Mailbox:
    """What the web process does with reports: checks, merges query and body, keeps each key once."""

    def __init__(self, token: str) -> None:
        self._token, self.plan = token, PLAN
        self.events: list[CarrierEvent] = []
        self.keys: set[str] = set()
        self.forms: list[dict[str, str]] = []

    def take(self, address: str, fields: dict[str, str], headers: dict[str, str]) -> str:
        parts = urlsplit(address)
        assert is_genuine(self._token, PUBLIC, f"{parts.path}?{parts.query}", fields, headers["X-Twilio-Signature"])
        form = {**dict(parse_qsl(parts.query)), **fields}
        self.forms.append(form)
        to = next_node(form, self.plan)
        event = parse_webhook({**form, "went_to": to.code if to is not None else ""}, NOW)
        if event is not None and event.key not in self.keys:
            self.keys.add(event.key)
            self.events.append(event)
        return reply_to_webhook(form, PUBLIC, self.plan)

    def __call__(self) -> list[CarrierEvent]:
        found, self.events = self.events, []
        return found


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox("token")


@pytest.fixture
def twilio(mailbox: Mailbox) -> Iterator[FakeTwilio]:
    with FakeTwilio() as fake:
        fake.post = lambda address, fields: mailbox.take(address, dict(fields), fake.signed(address, fields))  # type: ignore[method-assign]
        yield fake


def account(url: str, timeout: float = 60.0, **more: object) -> TwilioSettings:
    return TwilioSettings(ACCOUNT, "token", PUBLIC, caller_id=OFFICE, base_url=url, timeout=timeout, **more)  # type: ignore[arg-type]


@pytest.fixture
def carrier(twilio: FakeTwilio, mailbox: Mailbox) -> Iterator[TwilioCarrier]:
    made = TwilioCarrier(account(twilio.url), SystemClock(), mailbox)
    made.connect()
    assert [event.kind for event in made.poll(0)] == [EventKind.RESYNC]
    yield made
    made.close()


def call(carrier: TwilioCarrier, channel_id: str = "c1", number: str = NUMBER, **more: object) -> None:
    carrier.originate(OriginateRequest(channel_id, number, OFFICE, **more))  # type: ignore[arg-type]


def heard_all(twilio: FakeTwilio, carrier: TwilioCarrier) -> list[CarrierEvent]:
    twilio.finish()
    return list(carrier.poll(0.5))


def test_answered_call_is_told_step_by_step(twilio: FakeTwilio, carrier: TwilioCarrier) -> None:
    call(carrier, robocall=PLAN)
    assert carrier.live_channels() == {"c1"}
    heard = heard_all(twilio, carrier)
    assert kinds(heard, "c1") == [EventKind.PLACED, EventKind.RINGING, EventKind.ANSWERED, EventKind.ENDED]
    assert only(heard, EventKind.ENDED, "c1").line_result is R.ANSWERED
    assert carrier.live_channels() == frozenset()


@pytest.mark.parametrize(
    ("status", "details", "result"),
    [
        ("busy", {"SipResponseCode": "486"}, R.BUSY),
        ("busy", {"SipResponseCode": "603"}, R.REJECTED),
        ("no-answer", {}, R.NO_ANSWER),
        ("no-answer", {"SipResponseCode": "480"}, R.NO_ANSWER),
        ("no-answer", {"SipResponseCode": "487"}, R.NO_ANSWER),
        ("failed", {"SipResponseCode": "404"}, R.UNOBTAINABLE),
        ("failed", {"SipResponseCode": "480"}, R.UNREACHABLE),
        ("failed", {"SipResponseCode": "503"}, R.FAILED),
        ("failed", {"ErrorCode": "13224"}, R.UNOBTAINABLE),
        ("failed", {}, R.FAILED),
        ("completed", {"AnsweredBy": "human"}, R.ANSWERED),
        ("completed", {"AnsweredBy": "unknown"}, R.ANSWERED),
        ("completed", {"AnsweredBy": "machine_start"}, R.MACHINE),
        ("completed", {"AnsweredBy": "fax"}, R.FAX),
        ("canceled", {}, None),
    ],
)
def test_how_a_call_ended(
    twilio: FakeTwilio, carrier: TwilioCarrier, status: str, details: dict[str, str], result: LineResult | None
) -> None:
    twilio.script[NUMBER] = ["initiated", status]
    twilio.details[NUMBER] = details
    call(carrier)
    assert only(heard_all(twilio, carrier), EventKind.ENDED, "c1").line_result is result


def test_unknown_words_are_none_and_a_line_in_the_log() -> None:
    with structlog.testing.capture_logs() as lines:
        assert line_result("exploded", sip_code=None) is None
        assert parse_webhook({"ref": "c1", "event": "status", "CallSid": "CA1", "CallStatus": "exploded"}, NOW) is None
    assert [line["event"] for line in lines] == ["twilio.unknown_status"] * 2


def test_reports_twice_and_in_any_order_are_one(twilio: FakeTwilio, carrier: TwilioCarrier, mailbox: Mailbox) -> None:
    call(carrier)
    made = []
    while more := twilio.advance(deliver=False):
        made += more
    for address, fields in [*reversed(made), *made]:
        twilio.post(address, fields)
    heard = carrier.poll(0.1)
    assert len(heard) == len({event.key for event in heard}) == 4


@pytest.mark.parametrize(("code", "error"), [(21211, CarrierRefused), (20003, CarrierRefused), (20429, CarrierUnreachable)])
def test_refused_call_was_certainly_not_made(twilio: FakeTwilio, carrier: TwilioCarrier, code: int, error: type[Exception]) -> None:
    twilio.errors[NUMBER] = code
    with pytest.raises(error) as caught:
        call(carrier)
    assert NUMBER not in str(caught.value)
    assert twilio.of(NUMBER) == []


def test_twilios_own_fault_is_unknown_and_not_tried_again(twilio: FakeTwilio, carrier: TwilioCarrier) -> None:
    twilio.errors[NUMBER] = 20500
    with pytest.raises(HandoverUnknown):
        call(carrier)
    with pytest.raises(CarrierRefused):
        call(carrier)
    assert [method for method, path in twilio.requests if path.endswith("/Calls.json") and method == "POST"] == ["POST"]


def test_lost_answer_is_unknown_and_the_reports_bring_the_call_back(twilio: FakeTwilio, carrier: TwilioCarrier) -> None:
    twilio.swallowed.add(NUMBER)
    with pytest.raises(HandoverUnknown):
        call(carrier)
    assert len(twilio.of(NUMBER)) == 1
    assert carrier.live_channels() is None  # one call lives that we can't name yet
    twilio.advance()
    assert kinds(list(carrier.poll(0.5)), "c1") == [EventKind.PLACED]
    assert carrier.live_channels() == {"c1"}
    carrier.hang_up("c1")
    assert only(heard_all(twilio, carrier), EventKind.ENDED, "c1").line_result is None


def test_unreachable_twilio_was_certainly_not_asked() -> None:
    with deaf_port() as port:
        made = TwilioCarrier(account(f"http://127.0.0.1:{port}"), SystemClock(), list)
        with pytest.raises(CarrierUnreachable):
            call(made)
        assert not made.check()[0].is_ok
        made.close()


def test_silent_twilio_is_unknown_after_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        made = TwilioCarrier(account(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=1.0), SystemClock(), list)
        with pytest.raises(HandoverUnknown):
            call(made)
        made.close()


def test_hang_up_and_unknown_channels(twilio: FakeTwilio, carrier: TwilioCarrier) -> None:
    carrier.hang_up("never-was")
    call(carrier)
    for _ in range(3):
        twilio.advance()
    carrier.hang_up("c1")
    heard = heard_all(twilio, carrier)
    assert only(heard, EventKind.ENDED, "c1").line_result is R.ANSWERED
    carrier.hang_up("c1")


def test_robocall_speaks_japanese_and_takes_one_key(twilio: FakeTwilio, carrier: TwilioCarrier, mailbox: Mailbox) -> None:
    call(carrier, robocall=PLAN)
    document = ET.fromstring(twilio.of(NUMBER)[0].fields["Twiml"])
    gathers = document.findall("Gather")
    assert [(g.get("numDigits"), g.get("timeout"), g.get("finishOnKey")) for g in gathers] == [("1", "4", "")] * 2
    assert [(s.get("language"), s.text) for s in document.iter("Say")] == [("ja-JP", PLAN.nodes[0].text)] * 2
    sid = twilio.of(NUMBER)[0].sid
    answer = twilio.post(gathers[0].get("action") or "", {"CallSid": sid, "Digits": "1", "CallStatus": "in-progress"})
    assert [(e.kind, e.digit) for e in carrier.poll(0.5)] == [(EventKind.DIGIT, "1")]
    assert [child.tag for child in ET.fromstring(answer)] == ["Say", "Hangup"]


def test_key_without_a_meaning_repeats_the_text_a_few_times(twilio: FakeTwilio, carrier: TwilioCarrier) -> None:
    call(carrier, robocall=PLAN)
    document, presses = twilio.of(NUMBER)[0].fields["Twiml"], 0
    while gather := ET.fromstring(document).find("Gather"):
        presses += 1
        document = twilio.post(gather.get("action") or "", {"CallSid": twilio.of(NUMBER)[0].sid, "Digits": "9"})
    assert presses == 13
    assert len({event.key for event in carrier.poll(0.5)}) == 13


def test_text_heard_to_its_end_is_told(twilio: FakeTwilio, carrier: TwilioCarrier) -> None:
    call(carrier, robocall=PLAN)
    redirect = ET.fromstring(twilio.of(NUMBER)[0].fields["Twiml"]).find("Redirect")
    assert redirect is not None
    answer = twilio.post(redirect.text or "", {"CallSid": twilio.of(NUMBER)[0].sid})
    assert [event.kind for event in carrier.poll(0.5)] == [EventKind.PROMPT_DONE]
    assert [child.tag for child in ET.fromstring(answer)] == ["Hangup"]


def test_operator_and_debtor_meet_in_the_room_of_the_leg(twilio: FakeTwilio, carrier: TwilioCarrier) -> None:
    carrier.open_leg(LegRequest("leg-1", "client:op-1"))
    call(carrier, leg_id="leg-1")
    for number, label, kind in (("client:op-1", "leg-1", EventKind.LEG_UP), (NUMBER, "c1", EventKind.BRIDGED)):
        room = ET.fromstring(twilio.of(number)[0].fields["Twiml"]).find("Dial/Conference")
        assert room is not None
        assert (room.text, room.get("participantLabel")) == ("leg-1", label)
        assert (room.get("endConferenceOnExit") == "true") == (label == "leg-1")
        joined = {"StatusCallbackEvent": "participant-join", "FriendlyName": "leg-1", "ParticipantLabel": label}
        twilio.post(room.get("statusCallback") or "", {**joined, "CallSid": twilio.of(number)[0].sid, "SequenceNumber": "1"})
        assert [(e.kind, e.channel_id) for e in carrier.poll(0.5)] == [(kind, label)]
    carrier.close_leg("leg-1")
    assert EventKind.LEG_DOWN in kinds(heard_all(twilio, carrier), "leg-1")


def test_debtor_is_joined_later(twilio: FakeTwilio, carrier: TwilioCarrier) -> None:
    call(carrier)
    assert ET.fromstring(twilio.of(NUMBER)[0].fields["Twiml"]).find("Pause") is not None
    carrier.bridge("c1", "leg-1")
    assert ET.fromstring(twilio.of(NUMBER)[0].fields["Twiml"]).find("Dial/Conference") is not None
    with pytest.raises(CarrierRefused):
        carrier.bridge("never-was", "leg-1")


def test_the_operators_controls_on_twilio(twilio: FakeTwilio, carrier: TwilioCarrier) -> None:
    def told(number: str) -> ET.Element:
        return ET.fromstring(twilio.of(number)[0].fields["Twiml"])

    officer = "+81312340000"
    carrier.open_leg(LegRequest("leg-1", "client:op-1", room="room-1"))
    call(carrier, leg_id="room-1")
    carrier.mute("leg-1", "room-1", is_muted=True)
    assert twilio.of("client:op-1")[0].extra["Muted"] == "true"
    with pytest.raises(CarrierRefused):
        carrier.mute("leg-1", "room-of-nobody", is_muted=True)
    carrier.hold("c1")
    assert [child.tag for child in told(NUMBER)][:2] == ["Say", "Pause"]
    carrier.bridge("c1", "room-1")
    assert told(NUMBER).findtext("Dial/Conference") == "room-1"
    carrier.send_keys("c1", "12#", "room-1")
    play = told(NUMBER).find("Play")
    assert play is not None
    assert (play.get("digits"), told(NUMBER).findtext("Dial/Conference")) == ("12#", "room-1")
    carrier.open_leg(LegRequest("leg-x", officer, room="room-1", is_guest=True))
    guest = told(officer).find("Dial/Conference")
    assert guest is not None
    assert (guest.text, guest.get("endConferenceOnExit")) == ("room-1", "false")
    carrier.hand_over("c1", "leg-x")
    assert [told(number).findtext("Dial/Conference") for number in (officer, NUMBER)] == ["leg-x", "leg-x"]
    with pytest.raises(CarrierRefused) as refused:
        carrier.make_phone(PhoneLogin("o1-web1", "0" * 32))
    assert refused.value.code == "not_supported"


def test_machine_is_told(twilio: FakeTwilio, mailbox: Mailbox) -> None:
    made = TwilioCarrier(account(twilio.url, detect_machines=True), SystemClock(), mailbox)
    call(made, robocall=PLAN)
    one = twilio.of(NUMBER)[0]
    twilio.post(one.fields["AsyncAmdStatusCallback"], {"CallSid": one.sid, "AnsweredBy": "machine_start"})
    assert [event.kind for event in made.poll(0.5)] == [EventKind.MACHINE]
    made.close()


def test_a_thousand_bad_numbers_are_never_asked_for(twilio: FakeTwilio, carrier: TwilioCarrier) -> None:
    before = len(twilio.requests)
    for n, number in enumerate(bad_numbers(1000)):
        with pytest.raises(CarrierRefused):
            call(carrier, f"bad-{n}", number)
    assert len(twilio.requests) == before


def test_too_long_a_text_is_refused_before_it_goes_out(twilio: FakeTwilio, carrier: TwilioCarrier) -> None:
    with pytest.raises(CarrierRefused, match="longer"):
        call(carrier, robocall=short_plan("p", "あ" * 4000))
    assert twilio.of(NUMBER) == []


def test_logs_hold_no_number(twilio: FakeTwilio, carrier: TwilioCarrier, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    call(carrier, robocall=PLAN)
    assert not re.search("9012345678", caplog.text)


def test_check(twilio: FakeTwilio, carrier: TwilioCarrier) -> None:
    assert [(line.name, line.is_ok) for line in carrier.check()] == [("account", True), ("caller id", True), ("public address", True)]
    twilio.numbers.clear()
    assert [line.name for line in carrier.check() if not line.is_ok] == ["caller id"]
    twilio.auth_token = "changed"
    failed = carrier.check()[0]
    assert (failed.is_ok, "AUTH_TOKEN" in failed.hint) == (False, True)


@pytest.mark.parametrize(
    ("path", "fields", "signature"),
    [
        ("/webhooks/twilio/voice?ref=c1&event=status", {"CallStatus": "completed"}, None),
        ("/webhooks/twilio/voice?ref=c2&event=status", {"CallStatus": "busy"}, None),
        ("/webhooks/twilio/voice?ref=c1&event=status", {"CallStatus": "busy", "More": "x"}, None),
        ("/webhooks/twilio/voice?ref=c1&event=status", {"CallStatus": "busy"}, ""),
        ("/webhooks/twilio/voice?ref=c1&event=status", {"CallStatus": "busy"}, "AAAA"),
    ],
)
def test_changed_or_unsigned_reports_are_not_genuine(path: str, fields: dict[str, str], signature: str | None) -> None:
    genuine_path, genuine = "/webhooks/twilio/voice?ref=c1&event=status", {"CallStatus": "busy"}
    given = RequestValidator("token").compute_signature(PUBLIC + genuine_path, genuine)
    assert is_genuine("token", PUBLIC, genuine_path, genuine, given)
    assert not is_genuine("token", PUBLIC, path, fields, given if signature is None else signature)
    assert not is_genuine("", PUBLIC, genuine_path, genuine, given)


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"ref": "c1"},
        {"CallSid": "CA1", "event": "status", "CallStatus": "busy"},
        {"ref": "c1", "CallSid": "CA1", "event": "else"},
        {"ref": "c1", "CallSid": "CA1", "event": "digit", "Digits": ""},
        {"ref": "c1", "CallSid": "CA1", "event": "digit", "Digits": "x"},
        {"ref": "c1", "CallSid": "CA1", "event": "conference", "StatusCallbackEvent": "conference-start"},
        {"ref": "c1", "CallSid": "CA1", "event": "machine", "AnsweredBy": "human"},
    ],
)
def test_reports_that_tell_nothing(form: dict[str, str]) -> None:
    assert parse_webhook(form, NOW) is None


def test_what_is_told_after_the_end_makes_a_call_known_no_more(twilio: FakeTwilio, carrier: TwilioCarrier, mailbox: Mailbox) -> None:
    call(carrier, robocall=PLAN)
    end = CarrierEvent(EventKind.ENDED, "c1", NOW, key="CA1:ended")
    late = CarrierEvent(EventKind.RINGING, "c1", NOW, key="CA1:ringing")
    for event in (end, late):
        mailbox.events.append(event)
        assert list(carrier.poll(0.5)) == [event]
    assert carrier._sids == {}


def test_a_refused_call_leaves_no_message_behind(twilio: FakeTwilio, carrier: TwilioCarrier) -> None:
    twilio.errors[NUMBER] = 21211
    leaving = RobocallPlan(PLAN.nodes, OnMachine.LEAVE_MESSAGE, PlanNode("_machine", NodeKind.END, "m", "伝言です。"))
    with pytest.raises(CarrierRefused):
        call(carrier, robocall=leaving)
    assert carrier._messages == {}


def test_a_status_that_is_none_is_not_kept() -> None:
    form = {"ref": "c1", "event": "status", "CallSid": "CA1", "CallStatus": "busy"}
    for told, kept in (("486", 486), ("99999", None), ("7", None), ("x", None)):
        event = parse_webhook({**form, "SipResponseCode": told}, NOW)
        assert event is not None
        assert event.sip_code == kept
