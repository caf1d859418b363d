"""Keeps a connection to Asterisk standing: back-off, login, reconcile, keepalive; a lost one is replaced, never repaired.

The life of a connection, in order:
  1. open, log in, wait until Asterisk says that it is fully booted;
  2. `CoreShowChannels`: all channels alive there, and how far each has come, go to `on_up`, before any action of the dialer may pass;
  3. a ping whenever the keepalive time is over; no answer to it means that the connection is lost;
  4. lost: `on_down`, everything waiting is told so, and after a pause the next one starts at 1.
Actions are never queued and never sent twice.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from asterisk.ami.response import Response

from dialer.telephony.asterisk.wire import EventSink, WireClient
from dialer.telephony.errors import CarrierError, CarrierRefused, CarrierUnreachable, HandoverUnknown

_log = structlog.get_logger(__name__)


TOLD_FAMILY = "callcenter-told"
_MOMENT = re.compile(r"[0-9]{1,10}", re.ASCII)


@dataclass(frozen=True, slots=True)
class AmiSettings:
    """Where Asterisk's manager interface is and how patient we are with it; all times in seconds."""

    host: str
    port: int
    user: str
    secret: str
    answer_seconds: float = 5.0
    keepalive_seconds: float = 5.0
    boot_seconds: float = 10.0
    backoff_first: float = 0.2
    backoff_longest: float = 2.0  # operators wait for it: within five seconds after Asterisk is back they are to be free


@dataclass(frozen=True, slots=True)
class Answer:
    """Asterisk's answer to an action."""

    is_error: bool
    message: str
    fields: Mapping[str, str]


def _answer(response: Response) -> Answer:
    return Answer(response.is_error(), response.keys.get("Message", ""), response.keys)


def log_in(client: WireClient, settings: AmiSettings) -> None:
    """Logs in on a fresh connection. Raises CarrierRefused when Asterisk does not want us."""
    keys = {"Username": settings.user, "Secret": settings.secret}
    response, _ = client.ask("Login", keys, seconds=settings.answer_seconds)
    if response.is_error():
        raise CarrierRefused(
            "Asterisk's manager interface refuses the user name or secret",
            hint="Compare CALLCENTER_AMI_USER and CALLCENTER_AMI_SECRET with manager.conf on the Asterisk machine.",
            code="ami_login",
        )


@dataclass(frozen=True, slots=True)
class Told:
    """One answered call that heard that no operator is there, and when, in seconds of the epoch."""

    channel_id: str
    at: int


@dataclass(frozen=True, slots=True)
class Standing:
    """One channel Asterisk has: its `ChannelState`, and the application it is in."""

    channel_id: str
    state: str
    application: str


def channels_of(client: WireClient, seconds: float) -> tuple[Standing, ...]:
    """All channels Asterisk has now."""
    response, items = client.ask("CoreShowChannels", seconds=seconds, is_list=True)
    if response.is_error():
        raise CarrierRefused("the manager user may not list channels", hint="It needs write = call,originate,reporting.")
    return tuple(
        Standing(item["Uniqueid"], item.get("ChannelState", ""), item.get("Application", "")) for item in items if item.get("Uniqueid")
    )


def told_of(client: WireClient, seconds: float) -> tuple[Told, ...]:
    """Who was told that no operator is there, as the dialplan noted it down; empty where Asterisk is too old to say."""
    try:
        response, items = client.ask("DBGetTree", {"Family": TOLD_FAMILY}, seconds=seconds, is_list=True)
    except HandoverUnknown:
        return ()
    if response.is_error():
        return ()
    values = [item.get("Val", "").split() for item in items]
    return tuple(Told(value[0], int(value[1])) for value in values if len(value) == 2 and _MOMENT.fullmatch(value[1]))


class AmiLink:
    """The standing connection.

    Args:
        settings: where and how.
        on_event: called on the reading thread with every event; must not wait for Asterisk.
        on_up: called with all living channels, and with who was told that no operator is there, when a connection stands, before actions
            may pass.
        on_down: called when it is lost.
    """

    def __init__(
        self,
        settings: AmiSettings,
        *,
        on_event: EventSink,
        on_up: Callable[[tuple[Standing, ...], tuple[Told, ...]], None],
        on_down: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._on_event = on_event
        self._on_up = on_up
        self._on_down = on_down
        self._client: WireClient | None = None
        self._closing = threading.Event()
        self._up = threading.Event()
        self._booted = threading.Event()
        self._thread: threading.Thread | None = None
        self.problem = "not connected yet"

    def start(self) -> None:
        """Starts connecting in the background."""
        if self._thread is None:
            self._closing.clear()
            self._thread = threading.Thread(target=self._run, name="ami-link", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Logs off and ends both threads."""
        self._closing.set()
        client, thread = self._client, self._thread
        if client is not None:
            client.wake.set()  # ends the keepalive pause
        if thread is not None:
            thread.join(self._settings.answer_seconds + self._settings.boot_seconds)
        self._thread = None

    def is_up(self) -> bool:
        """Whether an action could pass now."""
        client = self._client
        return self._up.is_set() and client is not None and not client.lost.is_set()

    def wait_up(self, seconds: float) -> bool:
        """Waits until a connection stands."""
        return self._up.wait(seconds)

    def ask(self, name: str, keys: Mapping[str, str], variables: Mapping[str, str] | None = None, *, action_id: str = "") -> Answer:
        """One action, sent at most once. Raises CarrierRefused, CarrierUnreachable, HandoverUnknown."""
        response, _ = self._standing().ask(name, keys, variables, seconds=self._settings.answer_seconds, action_id=action_id)
        return _answer(response)

    def tell(self, name: str, keys: Mapping[str, str]) -> None:
        """One action without waiting; allowed on the reading thread."""
        self._standing().tell(name, keys)

    def channels(self) -> frozenset[str]:
        """Ids of all channels alive. Raises as `ask`."""
        return frozenset(one.channel_id for one in channels_of(self._standing(), self._settings.answer_seconds))

    def _standing(self) -> WireClient:
        client = self._client
        if client is None or not self._up.is_set():
            raise CarrierUnreachable(f"Asterisk is not connected ({self.problem})")
        return client

    def _run(self) -> None:
        pause = self._settings.backoff_first
        while not self._closing.is_set():
            try:
                self._watch(self._open())
                pause = self._settings.backoff_first
            except CarrierError as error:
                self._note(error)
            except Exception:  # noqa: BLE001 - outermost loop: without this thread nobody would ever connect again
                _log.exception("ami.link_failed")
                self.problem = "the connection could not be used; the log tells why"
            self._closing.wait(pause)
            pause = min(pause * 2, self._settings.backoff_longest)

    def _note(self, error: CarrierError) -> None:
        if self.problem != error.message:
            _log.warning("ami.not_connected", reason=error.message)
        self.problem = error.message

    def _open(self) -> WireClient:
        settings = self._settings
        client = WireClient(settings.host, settings.port, on_event=self._take, timeout=settings.answer_seconds)
        self._booted.clear()
        client.connect()
        try:
            log_in(client, settings)
            if not self._booted.wait(settings.boot_seconds):
                raise CarrierUnreachable("Asterisk is still starting")
            live = channels_of(client, settings.answer_seconds)
            told = told_of(client, settings.answer_seconds)
            self._client = client
            self._on_up(live, told)
        except Exception:
            self._client = None
            client.discard()
            raise
        self.problem = ""
        self._up.set()
        _log.info("ami.connected", channels=len(live))
        return client

    def _watch(self, client: WireClient) -> None:
        while not client.wake.wait(self._settings.keepalive_seconds):
            try:
                client.ask("Ping", seconds=self._settings.answer_seconds)
            except (CarrierUnreachable, HandoverUnknown):
                break
        self._up.clear()
        self._client = None
        if self._closing.is_set():
            self._log_off(client)
        else:
            self.problem = "the connection was lost"
            _log.warning("ami.lost")
        client.discard()
        self._on_down()

    @staticmethod
    def _log_off(client: WireClient) -> None:
        try:
            client.tell("Logoff")
        except CarrierError:
            return  # gone already

    def _take(self, name: str, keys: Mapping[str, str]) -> None:
        if name == "FullyBooted":
            self._booted.set()
            return
        self._on_event(name, keys)
