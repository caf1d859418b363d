"""`callcenter up` from outside: starts everything, recovers from a killed supervisor, and says in one line why it can't."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from callcenter import supervise
from callcenter.core.embedded import EmbeddedPostgres, EmbeddedValkey
from callcenter.core.embedded.store import is_alive, wait_until
from tests.servers import free_port

pytestmark = [pytest.mark.fault, pytest.mark.xdist_group("embedded")]


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "data"
    folder.mkdir()
    yield folder
    for store in (EmbeddedPostgres(folder), EmbeddedValkey(folder)):
        store.stop()


def environment(data: Path) -> dict[str, str]:
    """A newcomer's environment: nothing configured but the data folder."""
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL", "CALLCENTER_OFFICE")}
    return {**kept, "CALLCENTER_DATA": str(data)}


def callcenter(data: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "callcenter.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**environment(data), **more},
    )


Start = Callable[[int], subprocess.Popen[str]]


@pytest.fixture
def start_up(data: Path) -> Iterator[Start]:
    """Starts `up` on a port and waits for its first page; nothing of it outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def start(port: int) -> subprocess.Popen[str]:
        with (data / "up.err").open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "callcenter.cli", "up", "--port", str(port)],
                stdout=subprocess.DEVNULL,
                stderr=errors,
                text=True,
                env=environment(data),
            )
        started.append(process)
        assert wait_until(lambda: process.poll() is not None or answers(port), 120)
        assert process.poll() is None, (data / "up.err").read_text()
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    """Whether the sign-in page comes."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/login", timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def children_of(pid: int, command: str = "") -> list[int]:
    """Numbers of a supervisor's children (all, or those of one command); the embedded Valkey, which outlives it, is none."""
    found = subprocess.run(["pgrep", "-P", str(pid), "-f", f"callcenter.cli {command}"], capture_output=True, text=True)
    return [int(line) for line in found.stdout.split()]


@pytest.mark.slow
def test_what_is_killed_under_a_running_supervisor_comes_back(data: Path, start_up: Start) -> None:
    port = free_port()
    up = start_up(port)
    for store in (EmbeddedPostgres(data), EmbeddedValkey(data)):
        pid = store.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda store=store, pid=pid: store.pid() not in (None, pid) and store.answers(), 60)  # type: ignore[misc]
    assert wait_until(lambda: answers(port), 60)

    (web,) = children_of(up.pid, "serve")
    os.kill(web, signal.SIGKILL)
    assert wait_until(lambda: children_of(up.pid, "serve") not in ([], [web]) and answers(port), 60)
    assert "child=web" in (data / "up.err").read_text()

    up.send_signal(signal.SIGTERM)
    assert up.wait(timeout=120) == 0
    assert EmbeddedPostgres(data).pid() is None
    assert EmbeddedValkey(data).pid() is None


@pytest.mark.slow
def test_a_killed_supervisor_leaves_nothing_that_stops_the_next_start(data: Path, start_up: Start) -> None:
    port = free_port()
    first = start_up(port)
    postmaster = EmbeddedPostgres(data).pid()
    assert wait_until(lambda: len(children_of(first.pid)) == 5, 60), "the console comes first, the others after it"
    children = children_of(first.pid)
    first.kill()
    first.wait()
    second = start_up(port)  # at once: what is still on its way out is ended first, and may answer until then
    assert wait_until(lambda: not any(is_alive(child) for child in children), 60), "children outlived their supervisor"
    assert wait_until(lambda: answers(port), 120)
    assert EmbeddedPostgres(data).pid() == postmaster, "a second server was started on the same data"
    again = callcenter(data, "up", "--port", str(free_port()))
    assert again.returncode == 1
    assert "already running" in again.stderr
    assert "Traceback" not in again.stderr

    children = children_of(second.pid)
    second.send_signal(signal.SIGINT)
    assert second.wait(timeout=120) == 0
    assert not any(is_alive(child) for child in children)
    assert postmaster is not None
    assert wait_until(lambda: not is_alive(postmaster), 60)


def test_a_port_in_use_is_one_clear_line(data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = callcenter(data, "up", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


TOLD = """import sys, time
from pathlib import Path
if sys.argv[1] == "spare" and sys.stdin.readline():
    Path("begun").touch()
elif sys.argv[1] == "spare":
    sys.exit()
time.sleep(600)
"""


def test_a_child_that_is_killed_is_followed_by_the_spare_that_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "told.py").write_text(TOLD)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(supervise, "PROGRAM", "told")
    monkeypatch.setattr(supervise, "CALM_SECONDS", 0.0)
    child = supervise.Child("one", ("run",), spare_arguments=("spare",))
    with supervise.Supervisor([child], tmp_path) as supervisor:
        assert wait_until(lambda: supervisor.tend([child]) is None and child.spare is not None, 60)
        first, spare = child.process, child.spare
        assert first is not None
        assert spare is not None
        assert not (tmp_path / "begun").exists(), "it begins only when it is told"
        first.kill()
        first.wait()
        supervisor.tend([child])
        assert child.process is spare
        assert wait_until((tmp_path / "begun").exists, 60)
        assert wait_until(lambda: supervisor.tend([child]) is None and child.spare not in (None, spare), 60)
        waiting = child.spare
        assert waiting is not None
        waiting.kill()
        waiting.wait()
        spare.kill()
        spare.wait()
        supervisor.tend([child])
        assert child.process is not None, "a dead spare stops nothing"
        left = supervisor.running()
        assert left
    assert not any(map(is_alive, left))


def test_a_spare_dialer_ends_with_whoever_would_tell_it() -> None:
    done = subprocess.run([sys.executable, "-m", "callcenter.cli", "dial", "--when-told"], stdin=subprocess.DEVNULL, timeout=120)
    assert done.returncode == 0
