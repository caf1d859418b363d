"""`callcenter up`: starts every process, watches them, and stops them together.

1. one supervisor per data folder (lock), the port must be free;
2. stores up, schema up to date, demo town if asked for;
3. children started; one that ends is started again after a growing pause;
4. Ctrl-C or SIGTERM ends all; a killed supervisor takes its children with it (the kernel tells them).
"""

from __future__ import annotations

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

from callcenter.core.errors import AppError, Unavailable
from callcenter.core.settings import Settings

log = structlog.get_logger(__name__)

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 8.0
LONGEST_PAUSE = 30.0


class AlreadyRunning(AppError):
    """Another supervisor works on the same data folder."""

    code = "already_running"


@dataclass
class Child:
    """One supervised process: its command, its log, and when it may be started again."""

    name: str
    arguments: tuple[str, ...]
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    not_before: float = 0.0
    started_at: float = field(default=0.0)


def standard_children(settings: Settings) -> list[Child]:
    """The processes of a whole system on one machine."""
    return [
        Child("web", ("serve", "--host", settings.host, "--port", str(settings.port))),
        Child("work-default", ("work", "default")),
        Child("work-batch", ("work", "batch")),
        Child("schedule", ("schedule",)),
        Child("dialer", ("dial",)),
    ]


def die_with_parent() -> None:
    """Asks the kernel to end this child when its supervisor dies, however that happens."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


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
    """Runs a set of children until told to stop."""

    def __init__(self, children: Sequence[Child], log_dir: Path) -> None:
        self.children = list(children)
        self.log_dir = log_dir
        self.stopping = threading.Event()

    def install_signals(self) -> None:
        """SIGINT and SIGTERM ask for a stop."""

        def ask(_signal: int, _frame: FrameType | None) -> None:
            self.stopping.set()

        signal.signal(signal.SIGINT, ask)
        signal.signal(signal.SIGTERM, ask)

    def start(self, child: Child) -> None:
        """Starts one child in a session of its own, so that Ctrl-C reaches the supervisor only."""
        self.log_dir.mkdir(parents=True, exist_ok=True)
        with (self.log_dir / f"{child.name}.log").open("ab") as output:
            child.process = subprocess.Popen(
                [sys.executable, "-m", "callcenter.cli", *child.arguments],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=die_with_parent,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        child.started_at = time.monotonic()

    def tend(self) -> None:
        """Looks after each child once: notices its end, starts it when its pause is over."""
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                ran = time.monotonic() - child.started_at
                child.failures = 0 if ran > 60 else child.failures + 1
                pause = min(LONGEST_PAUSE, 0.5 * 2**child.failures)
                log.warning("child_ended", child=child.name, status=child.process.returncode, again_in=pause)
                child.process, child.not_before = None, time.monotonic() + pause
            if child.process is None and time.monotonic() >= child.not_before:
                self.start(child)

    def run(self) -> None:
        """Tends the children until a stop is asked for, then stops them all."""
        try:
            while not self.stopping.wait(0.25):
                self.tend()
        finally:
            self.stop()

    def stop(self) -> None:
        """Ends all children, the last started first; those that do not listen are killed."""
        running = [child.process for child in reversed(self.children) if child.process is not None and child.process.poll() is None]
        for process in running:
            process.terminate()
        end = time.monotonic() + STOP_SECONDS
        for process in running:
            try:
                process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def wait_for_web(self, url: str, seconds: float) -> bool:
        """Whether the first page came up within `seconds`, tending the children meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.stopping.is_set():
            self.tend()
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
