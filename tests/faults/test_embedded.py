"""The embedded stores through kills: never two servers on one data folder, nothing lost, nothing left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from callcenter.core.embedded import EmbeddedPostgres, EmbeddedValkey, ensure_stores, is_alive, wait_until
from callcenter.core.settings import Settings

pytestmark = [pytest.mark.fault, pytest.mark.xdist_group("embedded")]

HOLD = """
import sys
from callcenter.core.embedded import ensure_stores
from callcenter.core.settings import Settings
with ensure_stores(Settings(), redis=True):
    print("open", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CALLCENTER_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    folder = tmp_path / "data"
    folder.mkdir()
    yield folder
    for store in (EmbeddedPostgres(folder), EmbeddedValkey(folder)):
        store.stop()


def holder(data: Path) -> subprocess.Popen[str]:
    """Another process that uses the folder's stores until its standard input closes."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "CALLCENTER_DATA": str(data)},
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "open"
    return process


def end(process: subprocess.Popen[str]) -> None:
    """Lets a holder leave in good order."""
    process.communicate(timeout=60)


def test_the_last_user_stops_the_stores(data: Path) -> None:
    first = holder(data)
    pid = EmbeddedPostgres(data).pid()
    assert pid is not None
    with ensure_stores(Settings(), redis=True):
        end(first)
        assert is_alive(pid), "the first user's leaving must not stop it under the second"
    assert not is_alive(pid)
    assert EmbeddedValkey(data).pid() is None


def test_after_killing_every_user_the_next_one_finds_the_running_servers(data: Path) -> None:
    first = holder(data)
    pids = EmbeddedPostgres(data).pid(), EmbeddedValkey(data).pid()
    first.kill()
    first.communicate()
    with ensure_stores(Settings(), redis=True):
        assert (EmbeddedPostgres(data).pid(), EmbeddedValkey(data).pid()) == pids


def test_killed_servers_are_started_again_and_keep_what_was_committed(data: Path) -> None:
    with ensure_stores(Settings(), redis=True) as urls:
        with psycopg.connect(urls.database_url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        pids = [EmbeddedPostgres(data).pid(), EmbeddedValkey(data).pid()]
        for pid in pids:
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda: not any(is_alive(pid) for pid in pids if pid), 10)
    with ensure_stores(Settings(), redis=True) as urls, psycopg.connect(urls.database_url) as connection:
        row = connection.execute("SELECT answer FROM kept").fetchone()
        assert row == (42,)


def test_many_at_once_start_one_server(data: Path) -> None:
    holders = [holder(data) for _ in range(3)]
    postmasters = subprocess.run(["pgrep", "-f", f"postgres -D {EmbeddedPostgres(data).folder}"], capture_output=True, text=True)
    assert len(postmasters.stdout.split()) == 1
    for process in holders:
        end(process)


def test_a_stale_pid_file_of_another_program_does_not_stop_the_start(data: Path) -> None:
    with ensure_stores(Settings()):
        pass
    innocent = subprocess.Popen(["sleep", "60"])
    try:
        (data / "postgres" / "postmaster.pid").write_text(f"{innocent.pid}\n{data / 'postgres'}\n{int(time.time())}\n5432\n\n\n\nready\n")
        with ensure_stores(Settings()) as urls:
            psycopg.connect(urls.database_url).close()
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()
