"""A manager interface that misbehaves on demand: what a real Asterisk does once a month, here at once."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from types import TracebackType

Action = Mapping[str, str]
GREETING = b"Asterisk Call Manager/9.0.0\r\n"


class FakeAmi:
    """Answers Login, Ping, CoreShowChannels and the rest with Success; `answers` replaces the bytes for an action, None means silence.

    Attributes:
        actions: every action that came in, in order, over all connections.
        live: ids that CoreShowChannels tells.
    """

    def __init__(self, *, greeting: bytes = GREETING) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._greeting = greeting
        self._peers: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.actions: list[dict[str, str]] = []
        self.heard = threading.Condition()
        self.answers: dict[str, Callable[[Action], bytes | None]] = {}
        self.live: list[str] = []

    def __enter__(self) -> FakeAmi:
        self._spawn(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()
        for thread in self._threads:
            thread.join(5)

    def tell(self, data: bytes) -> None:
        """Sends bytes to every peer."""
        for peer in list(self._peers):
            peer.sendall(data)

    def event(self, name: str, **fields: str) -> None:
        """Sends one event to every peer."""
        self.tell(_pack({"Event": name, **fields}))

    def cut(self) -> None:
        """Cuts every connection."""
        for peer in list(self._peers):
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def wait_for(self, name: str, count: int = 1, seconds: float = 60.0) -> list[dict[str, str]]:
        """Waits until `count` actions of this name came in."""
        with self.heard:
            assert self.heard.wait_for(lambda: len(self.named(name)) >= count, seconds), self.actions
        return self.named(name)

    def named(self, name: str) -> list[dict[str, str]]:
        """The actions of this name so far."""
        return [action for action in self.actions if action["Action"] == name]

    def _spawn(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._server.accept()
            except OSError:
                return
            self._spawn(self._serve, peer)

    def _serve(self, peer: socket.socket) -> None:
        with peer:
            peer.sendall(self._greeting)
            self._peers.append(peer)
            buffer = b""
            while True:
                try:
                    received = peer.recv(65536)
                except OSError:
                    received = b""
                if not received:
                    self._peers.remove(peer)
                    return
                buffer += received
                while b"\r\n\r\n" in buffer:
                    pack, _, buffer = buffer.partition(b"\r\n\r\n")
                    self._answer(peer, dict(line.split(": ", 1) for line in pack.decode().split("\r\n")))

    def _answer(self, peer: socket.socket, action: dict[str, str]) -> None:
        with self.heard:
            self.actions.append(action)
            self.heard.notify_all()
        given = self.answers.get(action["Action"], self._default)(action)
        if given:
            try:
                peer.sendall(given)
            except OSError:
                return

    def _default(self, action: Action) -> bytes:
        action_id = action.get("ActionID", "")
        done = _pack({"Response": "Success", "ActionID": action_id, "Message": "done"})
        if action["Action"] == "Login":
            return done + _pack({"Event": "FullyBooted", "Status": "Fully Booted"})
        if action["Action"] == "CoreShowChannels":
            items = b"".join(_pack({"Event": "CoreShowChannel", "ActionID": action_id, "Uniqueid": one}) for one in self.live)
            return done + items + _pack({"Event": "CoreShowChannelsComplete", "ActionID": action_id, "EventList": "Complete"})
        if action["Action"] == "DBGetTree":
            return done + _pack({"Event": "DBGetTreeComplete", "ActionID": action_id, "EventList": "Complete"})
        return done


def refusal(message: str) -> Callable[[Action], bytes]:
    """An answer that says no."""
    return lambda action: _pack({"Response": "Error", "ActionID": action.get("ActionID", ""), "Message": message})


def _pack(fields: Mapping[str, str]) -> bytes:
    return "".join(f"{key}: {value}\r\n" for key, value in fields.items()).encode() + b"\r\n"
