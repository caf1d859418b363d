"""`callcenter up`: starts every process, watches them, and stops them together.

1. one supervisor per data folder (lock); what a killed one left is ended; the port must be free;
2. stores up, schema up to date, demo town if asked for;
3. children started; one that ends is started again, at once when it had run for a while, else after a growing pause; so is an embedded
   store that is gone; for one that must be back at once a spare waits, which has imported everything and does nothing until it is told;
4. Ctrl-C or SIGTERM ends all; a killed supervisor takes its children with it (the kernel tells them).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import httpx
import structlog
from filelock import FileLock, Timeout

from callcenter.core.embedded import EmbeddedStore
from callcenter.core.embedded.store import arguments_of, is_alive, wait_until
from callcenter.core.errors import AppError, StoreUnavailable, Unavailable
from callcenter.core.settings import Settings

log = structlog.get_logger(__name__)

PR_SET_PDEATHSIG = 1
PROGRAM = "callcenter.cli"
STOP_SECONDS = 8.0
LONGEST_PAUSE = 30.0
CALM_SECONDS = 60.0
LOOK_EVERY = 0.1
STORES_EVERY = 2.0
LARGEST_LOG = 20_000_000


class AlreadyRunning(AppError):
    """Another supervisor works on the same data folder."""

    code = "already_running"


@dataclass
class Child:
    """One supervised process: its command, its log, and when it may be started again.

    Attributes:
        spare_arguments: the command of a process that waits ready, and begins with a line on its standard input; () for none.
        spare: that process.
    """

    name: str
    arguments: tuple[str, ...]
    spare_arguments: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    not_before: float = 0.0
    started_at: float = field(default=0.0)
    spare: subprocess.Popen[bytes] | None = None
    spare_started_at: float = field(default=0.0)


def standard_children(settings: Settings) -> list[Child]:
    """The processes of a whole system on one machine."""
    return [
        Child("web", ("serve", "--host", settings.host, "--port", str(settings.port))),
        Child("work-default", ("work", "default")),
        Child("work-batch", ("work", "batch")),
        Child("schedule", ("schedule",)),
        Child("dialer", ("dial",), spare_arguments=("dial", "--when-told")),
    ]


def die_with_parent(parent: int) -> None:
    """Asks the kernel to end this child when its supervisor dies, however that happens; ends it if that is already so."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)


def take_spare(child: Child) -> subprocess.Popen[bytes] | None:
    """Tells the spare to begin, and returns it; None where there is none, or it has ended. Only for a child whose own process has ended."""
    spare, child.spare = child.spare, None
    if spare is None or spare.stdin is None:
        return None
    with contextlib.suppress(BrokenPipeError), spare.stdin as told:
        told.write(b"\n")
    return spare if spare.poll() is None else None


def end_all(processes: Sequence[int], seconds: float = STOP_SECONDS) -> None:
    """Ends processes that lead a group of their own: asked first, killed with all they started when they do not listen."""
    for sign, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5.0)):
        for pid in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, sign)
        if wait_until(lambda: not any(map(is_alive, processes)), patience):
            return


def require_free_port(host: str, port: int) -> None:
    """Raises Unavailable in one clear line when somebody else listens there."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as problem:
            raise Unavailable(
                f"Port {port} on {host} can't be used: {problem.strerror}.", hint="Choose another one with --port.", code="port_in_use"
            ) from problem


class Supervisor:
    """Runs a set of children until told to stop; as a context it stops them at its end.

    Args:
        children: what to run, the web process first.
        data: the data folder; logs go to `log/`, the children's numbers to `up.children`.
        stores: embedded stores to start again when they are gone.
    """

    def __init__(self, children: Sequence[Child], data: Path, stores: Sequence[EmbeddedStore] = ()) -> None:
        self.children = list(children)
        self.log_dir = data / "log"
        self.note = data / "up.children"
        self.stores = list(stores)
        self.stores_looked_at = time.monotonic()
        self.stopping = threading.Event()

    def install_signals(self) -> None:
        """SIGINT, SIGTERM and a closed terminal ask for a stop."""

        def ask(_signal: int, _frame: FrameType | None) -> None:
            self.stopping.set()

        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sign, ask)

    def end_leftovers(self) -> None:
        """Ends children of a killed supervisor that are still on their way out, so that ports and lines are free."""
        noted = [int(word) for word in self.note.read_text().split()] if self.note.exists() else []
        left = [pid for pid in noted if PROGRAM in arguments_of(pid)]
        if left:
            log.warning("ending_leftovers", processes=len(left))
            end_all(left)

    def start(self, child: Child) -> None:
        """Starts one child, by its spare where one waits."""
        child.process = take_spare(child) or self._launch(child, child.arguments, subprocess.DEVNULL)
        child.started_at = time.monotonic()
        self._note_running()

    def _launch(self, child: Child, arguments: Sequence[str], stdin: int) -> subprocess.Popen[bytes]:
        """A process in a session of its own, so that Ctrl-C reaches the supervisor only."""
        self.log_dir.mkdir(parents=True, exist_ok=True)
        file = self.log_dir / f"{child.name}.log"
        if file.exists() and file.stat().st_size > LARGEST_LOG:
            file.replace(file.with_suffix(".log.1"))
        parent = os.getpid()
        with file.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", PROGRAM, *arguments],
                stdout=output,
                stderr=output,
                stdin=stdin,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(parent),
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    def _keep_spare(self, child: Child) -> None:
        """Once a child has run for a while a spare is made ready; one that ended is made anew after as long."""
        now, is_waiting = time.monotonic(), child.spare is not None and child.spare.poll() is None
        if not child.spare_arguments or is_waiting or now - max(child.started_at, child.spare_started_at) <= CALM_SECONDS:
            return
        take_spare(child)  # a dead one is buried
        child.spare, child.spare_started_at = self._launch(child, child.spare_arguments, subprocess.PIPE), now
        self._note_running()

    def _note_running(self) -> None:
        self.note.write_text(" ".join(map(str, self.running())))

    def running(self) -> list[int]:
        """The numbers of the processes that run, the spares and the last started first."""
        spares = [child.spare for child in self.children]
        processes = [*spares, *(child.process for child in reversed(self.children))]
        return [process.pid for process in processes if process is not None and process.poll() is None]

    def tend(self, children: Sequence[Child]) -> None:
        """Looks after the stores and `children` once: notices ends, starts what is down when its pause is over."""
        self.tend_stores()
        for child in children:
            if child.process is not None and (status := child.process.poll()) is not None:
                child.failures = 0 if time.monotonic() - child.started_at > CALM_SECONDS else child.failures + 1
                pause = min(LONGEST_PAUSE, 0.5 * 2**child.failures) if child.failures else 0.0
                log.warning("child_ended", child=child.name, status=status, again_in=pause, see=str(self.log_dir / f"{child.name}.log"))
                child.process, child.not_before = None, time.monotonic() + pause
            if child.process is None and time.monotonic() >= child.not_before:
                self.start(child)
            if child.process is not None:
                self._keep_spare(child)

    def tend_stores(self) -> None:
        """Every few seconds starts embedded stores that are gone; one that can't be started is tried again."""
        if time.monotonic() - self.stores_looked_at < STORES_EVERY:
            return
        for store in self.stores:
            try:
                if store.revive():
                    log.warning("store_started_again", store=store.name)
            except StoreUnavailable as problem:
                log.error("store_down", store=store.name, problem=str(problem))
        self.stores_looked_at = time.monotonic()

    def run(self) -> None:
        """Tends the children until a stop is asked for."""
        while not self.stopping.wait(LOOK_EVERY):
            self.tend(self.children)

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends all children."""
        end_all(self.running())
        for process in (one for child in self.children for one in (child.process, child.spare)):
            if process is not None:
                with process:  # waited for, and a spare's standard input closed
                    pass
        self.note.unlink(missing_ok=True)

    def wait_for_web(self, url: str, seconds: float) -> bool:
        """Whether the first page came up within `seconds`; until then the first child has the machine to itself."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.stopping.is_set():
            self.tend(self.children[:1])
            try:
                httpx.get(f"{url}/login", timeout=2, trust_env=False).raise_for_status()
                return True
            except httpx.HTTPError:
                self.stopping.wait(0.1)
        return False


def lock_data(data: Path) -> FileLock:
    """Takes the folder's supervisor lock.

    Raises:
        AlreadyRunning: another supervisor has it.
    """
    data.mkdir(parents=True, exist_ok=True)
    lock = FileLock(data / "up.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as problem:
        raise AlreadyRunning(
            f"A call center is already running on {data}.", hint="Stop it first, or choose another folder with --data."
        ) from problem
    return lock
