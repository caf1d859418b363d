"""`callcenter up` from outside: starts everything, recovers from a killed supervisor, and says in one line why it can't."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

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


def start_up(data: Path, port: int) -> subprocess.Popen[str]:
    """Starts `up` and waits for its first page."""
    process = subprocess.Popen(
        [sys.executable, "-m", "callcenter.cli", "up", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=(data / "up.err").open("w"),
        text=True,
        env=environment(data),
    )

    def answers() -> bool:
        assert process.poll() is None, (data / "up.err").read_text()
        try:
            return httpx.get(f"http://127.0.0.1:{port}/login", timeout=2, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    assert wait_until(answers, 60), (data / "up.err").read_text()
    return process


def children_of(pid: int) -> list[int]:
    """Numbers of a process's children."""
    return [int(line) for line in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()]


@pytest.mark.slow
def test_a_killed_supervisor_leaves_nothing_that_stops_the_next_start(data: Path) -> None:
    port = free_port()
    first = start_up(data, port)
    postmaster = EmbeddedPostgres(data).pid()
    children = children_of(first.pid)
    assert len(children) >= 5
    first.kill()
    first.wait()
    assert wait_until(lambda: not any(is_alive(child) for child in children), 15), "children outlived their supervisor"

    second = start_up(data, port)
    assert EmbeddedPostgres(data).pid() == postmaster, "a second server was started on the same data"
    again = callcenter(data, "up", "--port", str(free_port()))
    assert again.returncode == 1
    assert "already running" in again.stderr
    assert "Traceback" not in again.stderr

    children = children_of(second.pid)
    second.send_signal(signal.SIGINT)
    assert second.wait(timeout=30) == 0
    assert not any(is_alive(child) for child in children)
    assert postmaster is not None
    assert wait_until(lambda: not is_alive(postmaster), 5)


def test_a_port_in_use_is_one_clear_line(data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = callcenter(data, "up", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "can't be used" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/none", "mysql://localhost/x", "postgresql://[bad", "nonsense"])
def test_a_wrong_database_address_is_one_clear_line(data: Path, url: str) -> None:
    done = callcenter(data, "office", "list", DATABASE_URL=url)
    assert done.returncode == 1
    assert "DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
