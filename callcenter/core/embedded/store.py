"""How all processes of a data folder share one server.

Every process that uses a data folder's stores holds a shared lock; whoever comes first starts a store and whoever leaves last stops
it. After `kill -9` of everything the next process finds either a server that still runs (and attaches) or a dead one (and starts
it): never two on the same data, because starting is done under an exclusive lock and the server is asked before.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import structlog

from callcenter.core.errors import StoreUnavailable

log = structlog.get_logger(__name__)

SOCKET_PATH_LIMIT = 100


def runtime_dir(data: Path) -> Path:
    """A private folder for sockets: in the data folder, or a short one where the path would exceed the system's 107 bytes."""
    inside = data / "run"
    if len(os.fsencode(inside)) + len("/.s.PGSQL.5432") <= SOCKET_PATH_LIMIT:
        folder = inside
    else:
        digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
        folder = Path("/tmp") / f"callcenter-{os.getuid()}-{digest}"  # noqa: S108 - private, checked below
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise StoreUnavailable(f"The folder {folder} belongs to somebody else.", hint="Set CALLCENTER_DATA to a shorter path.")
    folder.chmod(0o700)
    return folder


def wait_until(is_done: Callable[[], bool], seconds: float) -> bool:
    """Polls `is_done` for at most `seconds`; tells whether it came true."""
    end = time.monotonic() + seconds
    while not is_done():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def is_alive(pid: int) -> bool:
    """Whether a process with that number runs (and is no zombie)."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def arguments_of(pid: int) -> list[str]:
    """The command line of a running process; empty when there is none."""
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).split("\0")
    except OSError:
        return []


class EmbeddedStore(ABC):
    """A server on a data folder, shared by all processes that use the folder."""

    name: str

    def __init__(self, data: Path) -> None:
        self.data = data
        self.folder = data / self.name
        self.sockets = runtime_dir(data)
        self.log_file = data / "log" / f"{self.name}.log"
        self._users: IO[str] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address its users connect to."""

    def enter(self) -> None:
        """Joins the users of the store, starting it when it does not answer."""
        with self.exclusive():
            users = (self.data / f"{self.name}.users").open("w")
            try:
                fcntl.flock(users, fcntl.LOCK_SH)
                self.ensure_running()
            except BaseException:
                users.close()
                raise
            self._users = users

    def leave(self) -> None:
        """Leaves the users; the last one stops the store."""
        if self._users is None:
            return
        users, self._users = self._users, None
        with self.exclusive(), users:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self.stop()

    def revive(self) -> bool:
        """Starts the store again when its server is gone; tells whether that was needed."""
        if self.pid() is not None:
            return False
        with self.exclusive():
            return self.ensure_running()

    def ensure_running(self) -> bool:
        """Starts the server unless it answers; tells whether it was started. The caller holds the lock."""
        if self.answers():
            return False
        self.start()
        return True

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Holds the lock under which the store is started and stopped."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with (self.data / f"{self.name}.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def failed(self, why: str) -> StoreUnavailable:
        """The error for a store that did not come up."""
        return StoreUnavailable(f"The embedded {self.name} did not start: {why}.", hint=f"Its log is {self.log_file}.")

    @abstractmethod
    def pid(self) -> int | None:
        """The number of the running server on this very folder; None when there is none."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server answers now."""

    @abstractmethod
    def start(self) -> None:
        """Starts the server and waits until it answers."""

    @abstractmethod
    def stop(self) -> None:
        """Stops the server and waits until it is gone."""
