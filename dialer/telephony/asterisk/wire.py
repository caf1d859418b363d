"""One connection to Asterisk's manager interface: asterisk-ami's client, its reader and its sender made safe.

What is different from the library, and why (each has a test that shows the library failing and this holding):

1. Line breaks before an event are skipped; the library loses the event that follows a blank line.
2. Silence is no error; the library's listener ends after three idle seconds and tells nobody.
3. An exception in a callback is logged; in the library it ends the listener.
4. A line break in any value is refused before it goes out; it would start an action of the attacker's choice.
5. No AutoReconnect: its thread outlives the program. `link.py` makes a new connection instead.
6. Sending is locked and complete, waiting inside a callback is refused, and a lost connection wakes every waiter.

Also avoided: the library's futures, which call `Condition.notifyAll` (deprecated) and hang when the connection goes.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping

import structlog
from asterisk.ami.action import Action
from asterisk.ami.client import AMIClient
from asterisk.ami.event import Event
from asterisk.ami.response import Response

from dialer.telephony.errors import CarrierRefused, CarrierUnreachable, HandoverUnknown

_log = structlog.get_logger(__name__)
_UNSAFE = re.compile(r"[\r\n\x00]")
_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_READ_SECONDS = 0.5
_BUFFER = 65536
_LONGEST_PACK = 4 * 1024 * 1024

EventSink = Callable[[str, Mapping[str, str]], None]


def require_safe(name: str, keys: Mapping[str, str], variables: Mapping[str, str]) -> None:
    """Raises CarrierRefused when a name or value could end its line and start another action."""
    values = [name, *keys.values(), *variables.values()]
    if any(_UNSAFE.search(value) for value in values):
        raise CarrierRefused("a value for Asterisk contains a line break and was not sent", code="unsafe_value")
    if not all(_KEY.fullmatch(key) for key in (*keys, *variables)):
        raise CarrierRefused("a field name for Asterisk is malformed and was not sent", code="unsafe_value")


class Pending:
    """A response being waited for, with the events of a list where the action answers with one."""

    def __init__(self, *, is_list: bool) -> None:
        self._done = threading.Event()
        self._is_list = is_list
        self._response: Response | None = None
        self.items: list[Mapping[str, str]] = []

    @property
    def response(self) -> Response | None:
        """The response so far; the library's dispatcher sets it."""
        return self._response

    @response.setter
    def response(self, response: Response) -> None:
        self._response = response
        if not self._is_list or response.is_error():
            self._done.set()

    def add(self, keys: Mapping[str, str]) -> bool:
        """Takes one event of the list; whether it was the last."""
        if keys.get("EventList", "").lower() in {"complete", "cancelled"}:
            self._done.set()
            return True
        self.items.append(keys)
        return False

    def abandon(self) -> None:
        """Wakes the waiter without an answer."""
        if not self._done.is_set():
            self._response = None
            self._done.set()

    def wait(self, seconds: float) -> Response | None:
        """The response, or None when none came in time or the connection went."""
        return self._response if self._done.wait(seconds) else None


class WireClient(AMIClient):  # type: ignore[misc]
    """A connection that is used once: when it is lost it is thrown away."""

    def __init__(self, host: str, port: int, *, on_event: EventSink, timeout: float = 3.0) -> None:
        super().__init__(address=host, port=port, timeout=timeout)
        self._on_event = on_event
        self._send_lock = threading.Lock()
        self._pending: dict[str, Pending] = self._futures
        self._lists: dict[str, Pending] = {}
        self._ids = itertools.count(1)
        self.lost = threading.Event()
        self.wake = threading.Event()  # set when the connection is lost or its keeper shall look
        self.greeted = threading.Event()

    def connect(self) -> None:
        """Opens the connection and starts the reading thread. Raises CarrierUnreachable."""
        try:
            self._socket = socket.create_connection((self._address, self._port), timeout=self._timeout)
        except OSError as error:
            raise CarrierUnreachable(f"Asterisk's manager interface does not answer ({error.strerror or error})") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(_READ_SECONDS)
        self.finished = threading.Event()
        self._thread = threading.Thread(target=self.listen, name="ami-reader", daemon=True)
        self._thread.start()
        if not self.greeted.wait(self._timeout) or self.lost.is_set():
            self.discard()
            raise CarrierUnreachable("what answers there is not Asterisk's manager interface")

    def ask(
        self,
        name: str,
        keys: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        *,
        seconds: float,
        is_list: bool = False,
        action_id: str = "",
    ) -> tuple[Response, list[Mapping[str, str]]]:
        """Sends one action and waits for its answer, and for all events of a list if `is_list`.

        Raises: CarrierRefused for an unsafe value, CarrierUnreachable when nothing was sent, HandoverUnknown when no answer came.
        """
        if threading.current_thread() is self._thread:
            raise RuntimeError("waiting for Asterisk inside its own reading thread would wait for ever")
        action_id = action_id or self._next_id()
        pending = self.tell(name, keys, variables, is_list=is_list, action_id=action_id)
        response = pending.wait(seconds)
        if response is None:
            self._forget(action_id)
            raise HandoverUnknown(f"Asterisk did not answer the action {name}")
        return response, pending.items

    def tell(
        self,
        name: str,
        keys: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        *,
        is_list: bool = False,
        action_id: str = "",
    ) -> Pending:
        """Sends one action without waiting; may be used from the reading thread."""
        action_id = action_id or self._next_id()
        fields = {**(keys or {}), "ActionID": action_id}
        require_safe(name, fields, variables or {})
        pending = Pending(is_list=is_list)
        self._pending[action_id] = pending
        if is_list:
            self._lists[action_id] = pending
        try:
            self.send(Action(name, fields, dict(variables or {})))
        except (CarrierUnreachable, HandoverUnknown):
            self._forget(action_id)
            raise
        return pending

    def _next_id(self) -> str:
        return f"n{next(self._ids)}"

    def _forget(self, action_id: str) -> None:
        self._pending.pop(action_id, None)
        self._lists.pop(action_id, None)

    def send(self, pack: object) -> None:
        """Sends all of one action, one thread at a time. Raises CarrierUnreachable before, HandoverUnknown after the first byte."""
        data = f"{pack}\r\n".encode(self.encoding)
        with self._send_lock:
            if self._socket is None or self.lost.is_set():
                raise CarrierUnreachable("there is no connection to Asterisk")
            try:
                self._socket.sendall(data)
            except OSError as error:
                self._hang_socket()
                raise HandoverUnknown("the connection to Asterisk broke while an action was sent") from error

    def listen(self) -> None:
        """The reading thread: hands on every pack until the connection ends."""
        try:
            for pack in self._next_pack():
                if not self.greeted.is_set():
                    if not self.asterisk_start_regex.match(pack):
                        return
                    self.greeted.set()
                    continue
                self._take(pack)
        except OSError as error:
            _log.info("ami.connection_lost", reason=str(error))
        finally:
            self._end()

    def _take(self, pack: str) -> None:
        try:
            self.fire_recv_pack(pack)
        except Exception:  # noqa: BLE001 - outermost loop of the reader: one bad event must not silence all later ones
            _log.exception("ami.event_failed")

    def _next_pack(self) -> Iterator[str]:
        buffer = bytearray()
        mark = b"\r\n"  # the greeting is one line
        while not self.finished.is_set():
            try:
                received = self._socket.recv(_BUFFER)
            except TimeoutError:
                continue
            if not received:
                return
            buffer += received
            while True:
                while buffer[:2] == b"\r\n":
                    del buffer[:2]
                end = buffer.find(mark)
                if end < 0:
                    break
                yield self._decode_pack(bytes(buffer[:end]))
                del buffer[: end + len(mark)]
                mark = b"\r\n\r\n"
            if len(buffer) > _LONGEST_PACK:
                raise OSError("an event of Asterisk has no end")

    def fire_recv_event(self, event: Event) -> None:
        """Hands an event to the list that asked for it, or to everybody."""
        listed = self._lists.get(event.keys.get("ActionID", ""))
        if listed is not None:
            if listed.add(event.keys):
                self._lists.pop(event.keys["ActionID"], None)
            return
        self._on_event(event.name, event.keys)

    def _hang_socket(self) -> None:
        with contextlib.suppress(OSError):  # already gone, which is what was wanted
            self._socket.shutdown(socket.SHUT_RDWR)

    def _end(self) -> None:
        with self._send_lock:
            self.lost.set()
            self.finished.set()
            self._socket.close()
        self.wake.set()
        self.greeted.set()
        for pending in list(self._pending.values()) + list(self._lists.values()):
            pending.abandon()
        self._pending.clear()
        self._lists.clear()

    def discard(self) -> None:
        """Closes the connection and waits for the reading thread to end."""
        if self._socket is None:
            return
        self.finished.set()
        self._hang_socket()
        if threading.current_thread() is not self._thread:
            self._thread.join(self._timeout)
