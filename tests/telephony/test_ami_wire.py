"""Each known weakness of the AMI library, reproduced on the library itself, and survived by our connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Mapping

import pytest
import structlog
from asterisk.ami.client import AMIClient

from callcenter.core.clock import SystemClock
from dialer.telephony.asterisk import AmiSettings, AsteriskCarrier, AsteriskSettings
from dialer.telephony.asterisk.link import AmiLink
from dialer.telephony.asterisk.wire import WireClient
from dialer.telephony.errors import CarrierRefused, CarrierUnreachable, HandoverUnknown
from dialer.telephony.events import EventKind
from dialer.telephony.port import OriginateRequest
from tests.telephony.fake_ami import FakeAmi, refusal
from tests.telephony.listening import kinds, listen_for, listen_until
from tests.telephony.ports import deaf_port

TEST_EVENT = b"Event: TestEvent\r\nType: StateChange\r\n\r\n\r\n"  # the extra blank line is Asterisk's
NUMBER = "+819012345678"


class Ears:
    """Collects events and lets a test wait for them."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._changed = threading.Condition()

    def __call__(self, name: str, keys: Mapping[str, str]) -> None:
        with self._changed:
            self.names.append(name)
            self._changed.notify_all()
        if name == "Bad":
            raise ValueError("a callback that fails")

    def wait_for(self, name: str, seconds: float = 60.0) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: name in self.names, seconds)


class BareLibrary:
    """The library as it comes, to show what it does."""

    def __init__(self, port: int, ears: Ears, timeout: float = 60.0) -> None:
        self.client = AMIClient("127.0.0.1", port, timeout=timeout)
        self.client.add_event_listener(lambda event, source: ears(event.name, event.keys))
        self.client.connect()

    def close(self) -> None:
        self.client.finished.set()
        with contextlib.suppress(OSError):
            self.client._socket.shutdown(socket.SHUT_RDWR)  # else its reader, which waits for a byte, would not notice
        self.client._socket.close()
        self.client._thread.join(5)


@pytest.fixture
def server():
    with FakeAmi() as fake:
        yield fake


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def wire(server: FakeAmi, ears: Ears):
    client = WireClient("127.0.0.1", server.port, on_event=ears, timeout=60.0)
    client.connect()
    client.ask("Login", {"Username": "u", "Secret": "s"}, seconds=60)
    yield client
    client.discard()


def settings(port: int, **more: float) -> AmiSettings:
    """Quick to try again, and patient with an answer: who waits for one that never comes asks for less patience."""
    fast = {"keepalive_seconds": 0.2, "answer_seconds": 60.0, "backoff_first": 0.05, "backoff_longest": 0.2, "boot_seconds": 60.0}
    return AmiSettings("127.0.0.1", port, "callcenter", "secret", **{**fast, **more})


@pytest.fixture
def patience() -> float:
    """For how many seconds a carrier waits for an answer."""
    return 60.0


@pytest.fixture
def carrier(server: FakeAmi, patience: float):
    ami = settings(server.port, answer_seconds=patience)
    made = AsteriskCarrier(AsteriskSettings(ami, trunk="carrier", grace_seconds=0.2), SystemClock())
    made.connect()
    assert made.wait_connected(60)
    made.poll(1)
    yield made
    made.close()


def _wait_peer(server: FakeAmi, library: BareLibrary) -> None:
    library.client.send("Action: Ping\r\nActionID: first\r\n")
    server.wait_for("Ping")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # its reader may outlive its socket
def test_1_library_loses_the_event_after_a_blank_line(server: FakeAmi, ears: Ears) -> None:
    library = BareLibrary(server.port, ears)
    _wait_peer(server, library)
    server.tell(TEST_EVENT + b"Event: Lost\r\n\r\n")  # in one piece: the library's buffer decides what it loses
    server.event("After")
    assert ears.wait_for("After")
    assert "Lost" not in ears.names
    library.close()


def test_1_blank_lines_lose_nothing_here(server: FakeAmi, ears: Ears, wire: WireClient) -> None:
    for n in range(50):
        server.tell(TEST_EVENT)
        server.event(f"Key{n}")
    assert ears.wait_for("Key49")
    assert [name for name in ears.names if name.startswith("Key")] == [f"Key{n}" for n in range(50)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_2_library_goes_deaf_in_silence_without_saying_so(server: FakeAmi, ears: Ears) -> None:
    library = BareLibrary(server.port, ears, timeout=0.2)
    library.client._thread.join(60)
    assert not library.client._thread.is_alive()
    assert not library.client.finished.is_set()
    library.close()


def test_2_silence_is_no_error_here(server: FakeAmi, ears: Ears, wire: WireClient) -> None:
    assert not wire.lost.wait(1.6)  # three times as long as it waits for a byte
    server.event("Later")
    assert ears.wait_for("Later")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_3_library_ends_with_a_failing_callback(server: FakeAmi, ears: Ears) -> None:
    library = BareLibrary(server.port, ears)
    _wait_peer(server, library)
    server.event("Bad")
    library.client._thread.join(60)
    assert not library.client._thread.is_alive()
    library.close()


def test_3_failing_callback_ends_nothing_here(server: FakeAmi, ears: Ears, wire: WireClient) -> None:
    server.event("Bad")
    server.tell(b"Event without colon\r\n\r\nEvent: \r\nnonsense\r\n\r\n")
    server.event("Good")
    assert ears.wait_for("Good")


@pytest.mark.parametrize("bad", ["x\r\nAction: Originate", "x\n", "x\r", "x\x00y"])
def test_4_line_breaks_in_values_never_leave(server: FakeAmi, wire: WireClient, bad: str) -> None:
    for attempt in (
        lambda: wire.ask("Getvar", {"Variable": bad}, seconds=60),
        lambda: wire.ask("Originate", {}, {"ROOM": bad}, seconds=60),
        lambda: wire.ask(bad, seconds=60),
        lambda: wire.ask("Getvar", {bad: "x"}, seconds=60),
        lambda: wire.ask("Ping", action_id=bad, seconds=60),
    ):
        with pytest.raises(CarrierRefused):
            attempt()
    assert [action["Action"] for action in server.actions] == ["Login"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # its reader may outlive its socket
def test_4_library_sends_the_injected_action(server: FakeAmi, ears: Ears) -> None:
    library = BareLibrary(server.port, ears)
    library.client.send("Action: Getvar\r\nVariable: x\r\n\r\nAction: Originate\r\nChannel: PJSIP/evil\r\n")
    assert server.wait_for("Originate")
    library.close()


def test_5_nothing_of_it_survives_its_closing(server: FakeAmi) -> None:
    before = set(threading.enumerate())
    made = AsteriskCarrier(AsteriskSettings(settings(server.port), trunk="carrier"), SystemClock())
    made.connect()
    assert made.wait_connected(60)
    made.close()
    assert {t for t in threading.enumerate() if t.name.startswith("ami-")} <= before
    assert server.wait_for("Logoff")


def test_5_closing_while_unreachable_is_quick() -> None:
    before = set(threading.enumerate())
    with deaf_port() as port:
        made = AsteriskCarrier(AsteriskSettings(settings(port), trunk="carrier"), SystemClock())
        made.connect()
        assert not made.wait_connected(0.3)
        made.close()
    assert {t for t in threading.enumerate() if t.name.startswith("ami-")} <= before


def test_6_many_threads_send_whole_actions(server: FakeAmi, wire: WireClient) -> None:
    def send() -> None:
        for _ in range(50):
            wire.ask("Getvar", {"Variable": "x" * 2000}, seconds=60)

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(server.named("Getvar")) == 300
    assert {action["Variable"] for action in server.named("Getvar")} == {"x" * 2000}


def test_6_waiting_in_the_reading_thread_is_refused(server: FakeAmi) -> None:
    caught: list[BaseException] = []
    done = threading.Event()

    def on_event(name: str, keys: Mapping[str, str]) -> None:
        try:
            client.ask("Ping", seconds=5)
        except RuntimeError as error:
            caught.append(error)
        done.set()

    client = WireClient("127.0.0.1", server.port, on_event=on_event)
    client.connect()
    client.ask("Login", seconds=60)  # its FullyBooted event runs into the trap
    assert done.wait(60)
    assert caught
    client.discard()


def test_lost_connection_wakes_who_waits(server: FakeAmi, wire: WireClient) -> None:
    server.answers["Getvar"] = lambda action: server.cut()
    with pytest.raises(HandoverUnknown):
        wire.ask("Getvar", {"Variable": "x"}, seconds=60)
    with pytest.raises(CarrierUnreachable):
        wire.ask("Ping", seconds=1)


def test_characters_split_between_packets_stay_whole(server: FakeAmi, wire: WireClient) -> None:
    heard: dict[str, str] = {}
    done = threading.Event()
    wire._on_event = lambda name, keys: (heard.update(keys), done.set())
    data = "Event: Name\r\nText: 市役所\r\n\r\n".encode()
    for at in range(len(data)):
        server.tell(data[at : at + 1])
    assert done.wait(60)
    assert heard["Text"] == "市役所"


def test_what_is_not_asterisk_is_said_so() -> None:
    with FakeAmi(greeting=b"220 mail.example ESMTP\r\n") as mail:
        client = WireClient("127.0.0.1", mail.port, on_event=lambda name, keys: None, timeout=60.0)
        with pytest.raises(CarrierUnreachable, match="not Asterisk"):
            client.connect()


def test_cut_connection_is_remade_and_reconciled(server: FakeAmi, carrier: AsteriskCarrier) -> None:
    server.live = ["call-7", "leg-2"]
    server.cut()
    heard = listen_until(carrier, lambda heard: any(e.kind is EventKind.RESYNC for e in heard))
    assert heard[-1].live == {"call-7", "leg-2"}
    assert carrier.is_connected()
    assert len(server.named("Login")) == 2


@pytest.mark.parametrize("patience", [1.0])
def test_asterisk_that_hangs_is_left_for_a_new_connection(server: FakeAmi, carrier: AsteriskCarrier) -> None:
    server.answers["Ping"] = lambda action: None  # the connection stands, nobody answers
    listen_until(carrier, lambda heard: any(e.kind is EventKind.RESYNC for e in heard))
    assert len(server.named("Login")) >= 2


def test_what_goes_wrong_while_connecting_is_logged_and_tried_again(server: FakeAmi) -> None:
    """Without this the connecting thread ended, and the dialer stood still until somebody started it again."""
    came: list[int] = []

    def on_up(standing: object, told: object) -> None:
        came.append(1)
        if len(came) == 1:
            raise LookupError("a fault of ours")

    link = AmiLink(settings(server.port), on_event=lambda name, keys: None, on_up=on_up, on_down=lambda: None)
    with structlog.testing.capture_logs() as lines:
        link.start()
        try:
            assert link.wait_up(60)
        finally:
            link.close()
    assert len(came) == 2
    assert [line["event"] for line in lines].count("ami.link_failed") == 1
    assert len(server.named("Login")) == 2


def test_wrong_secret_is_tried_again_later_and_named(server: FakeAmi) -> None:
    server.answers["Login"] = refusal("Authentication failed")
    made = AsteriskCarrier(AsteriskSettings(settings(server.port), trunk="carrier"), SystemClock())
    made.connect()
    try:
        server.wait_for("Login", 2)
        assert not made.is_connected()
        with pytest.raises(CarrierUnreachable, match="not connected"):
            made.originate(OriginateRequest("c1", NUMBER, "+81312345678"))
        line = made.check()[-1]
        assert (line.name, line.is_ok) == ("login", False)
        assert "CALLCENTER_AMI_SECRET" in line.hint
        del server.answers["Login"]
        assert made.wait_connected(60)
    finally:
        made.close()


def test_originate_is_never_sent_twice(server: FakeAmi, carrier: AsteriskCarrier) -> None:
    server.answers["Originate"] = lambda action: server.cut()
    with pytest.raises(HandoverUnknown):
        carrier.originate(OriginateRequest("c1", NUMBER, "+81312345678"))
    listen_until(carrier, lambda heard: any(e.kind is EventKind.RESYNC for e in heard))
    with pytest.raises(CarrierRefused):
        carrier.originate(OriginateRequest("c1", NUMBER, "+81312345678"))
    assert len(server.named("Originate")) == 1


@pytest.mark.parametrize("patience", [2.0])
def test_unanswered_originate_is_unknown_and_its_events_still_count(server: FakeAmi, carrier: AsteriskCarrier) -> None:
    server.answers["Originate"] = lambda action: None
    with pytest.raises(HandoverUnknown):
        carrier.originate(OriginateRequest("c1", NUMBER, "+81312345678"))
    server.event("Newstate", Uniqueid="c1", ChannelState="6", Channel="PJSIP/carrier-1")
    server.event("Hangup", Uniqueid="c1", ChannelState="6", Cause="16", Channel="PJSIP/carrier-1")
    assert kinds(listen_for(carrier, EventKind.ENDED, "c1"), "c1") == [EventKind.ANSWERED, EventKind.ENDED]


def test_call_that_appears_after_it_was_given_up_is_hung_up(server: FakeAmi, carrier: AsteriskCarrier) -> None:
    server.answers["Originate"] = lambda action: server.cut()
    with pytest.raises(HandoverUnknown):
        carrier.originate(OriginateRequest("c1", NUMBER, "+81312345678"))
    listen_until(carrier, lambda heard: any(e.kind is EventKind.RESYNC for e in heard))
    server.event("Newchannel", Uniqueid="c1", Channel="PJSIP/carrier-1")
    assert server.wait_for("Hangup")[0]["Channel"] == "c1"


def test_refused_originate_is_certainly_no_call(server: FakeAmi, carrier: AsteriskCarrier) -> None:
    server.answers["Originate"] = refusal("Permission denied")
    with pytest.raises(CarrierRefused, match="Permission denied"):
        carrier.originate(OriginateRequest("c1", NUMBER, "+81312345678"))
    assert carrier.poll(0.3) == ()


def test_failed_response_without_a_channel_ends_the_call_after_a_grace(server: FakeAmi, carrier: AsteriskCarrier) -> None:
    carrier.originate(OriginateRequest("c1", NUMBER, "+81312345678"))
    server.event("OriginateResponse", ActionID="call:c1", Response="Failure", Reason="0", Uniqueid="<null>")
    assert kinds(listen_for(carrier, EventKind.ENDED, "c1"), "c1") == [EventKind.ENDED]


def test_calls_of_an_earlier_run_are_told_and_foreign_channels_are_not(server: FakeAmi, carrier: AsteriskCarrier) -> None:
    server.event("Hangup", Uniqueid="1795470526.12", ChannelState="6", Cause="16", Channel="PJSIP/carrier-9")
    server.event("Hangup", Uniqueid="leg-old", ChannelState="6", Cause="16", Channel="PJSIP/op-1-00000001")
    server.event("Hangup", Uniqueid="call-old", ChannelState="6", Cause="16", Channel="PJSIP/carrier-00000002")
    heard = listen_for(carrier, EventKind.ENDED, "call-old")
    assert kinds(heard, "leg-old") == [EventKind.LEG_DOWN]
    assert kinds(heard, "1795470526.12") == []
