"""The embedded stores through kills: never two servers on one data folder, nothing lost, nothing left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from callcenter.core.embedded import EmbeddedPostgres, EmbeddedStore, EmbeddedValkey, ensure_stores
from callcenter.core.embedded.ordinary import Ordinary, as_user, find_ordinary, works
from callcenter.core.embedded.store import is_alive, runtime_dir, wait_until
from callcenter.core.errors import StoreUnavailable
from callcenter.core.settings import Settings

pytestmark = [pytest.mark.fault, pytest.mark.xdist_group("embedded")]

Holders = Callable[[], subprocess.Popen[str]]
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


@pytest.fixture
def holders(data: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts other processes that use the folder's stores; none outlives its test."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        started.append(holder(data))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def holder(data: Path) -> subprocess.Popen[str]:
    """Another process that uses the folder's stores until its standard input closes."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "CALLCENTER_DATA": str(data)},
    )


def wait_until_open(process: subprocess.Popen[str]) -> None:
    """Waits until a holder says that it has the stores."""
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "open"


def kill(store: EmbeddedStore) -> None:
    """Ends a store's server as a power cut would, as far as the server can tell."""
    pid = store.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: store.pid() is None, 60)


def postmasters(data: Path) -> list[str]:
    """Numbers of the database servers on the folder."""
    command = ["pgrep", "-f", f"postgres -D {EmbeddedPostgres(data).folder}"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()


def end(process: subprocess.Popen[str]) -> None:
    """Lets a holder leave in good order."""
    process.communicate(timeout=120)
    assert process.returncode == 0


def test_the_last_user_stops_the_stores(data: Path, holders: Holders) -> None:
    first = holders()
    wait_until_open(first)
    pid = EmbeddedPostgres(data).pid()
    assert pid is not None
    with ensure_stores(Settings(), redis=True):
        end(first)
        assert is_alive(pid), "the first user's leaving must not stop it under the second"
    assert not is_alive(pid)
    assert EmbeddedPostgres(data).pid() is None
    assert EmbeddedValkey(data).pid() is None


def test_after_killing_every_user_the_next_one_finds_the_running_servers(data: Path, holders: Holders) -> None:
    first = holders()
    wait_until_open(first)
    pids = EmbeddedPostgres(data).pid(), EmbeddedValkey(data).pid()
    assert None not in pids
    first.kill()
    first.communicate()
    with ensure_stores(Settings(), redis=True):
        assert (EmbeddedPostgres(data).pid(), EmbeddedValkey(data).pid()) == pids


def test_killed_servers_are_started_again_and_keep_what_was_committed(data: Path) -> None:
    with ensure_stores(Settings(), redis=True) as urls:
        with psycopg.connect(urls.database_url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        kill(EmbeddedPostgres(data))
        kill(EmbeddedValkey(data))
    with ensure_stores(Settings(), redis=True) as urls, psycopg.connect(urls.database_url) as connection:
        row = connection.execute("SELECT answer FROM kept").fetchone()
        assert row == (42,)


def test_killed_servers_are_revived_under_their_users(data: Path) -> None:
    with ensure_stores(Settings(), redis=True) as urls:
        with psycopg.connect(urls.database_url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        for store in (EmbeddedPostgres(data), EmbeddedValkey(data)):
            assert not store.revive()
            kill(store)
            assert store.revive()
            assert store.answers()
        with psycopg.connect(urls.database_url) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_many_at_once_start_one_server(data: Path, holders: Holders) -> None:
    started = [holders() for _ in range(3)]
    for process in started:
        wait_until_open(process)
    assert wait_until(lambda: len(postmasters(data)) == 1, 60), postmasters(data)  # what it forks has its name for a moment
    for process in started:
        end(process)


def test_backends_of_a_killed_server_are_gone_before_the_next_starts(data: Path) -> None:
    store = EmbeddedPostgres(data)
    store.enter()
    with psycopg.connect(store.url, autocommit=True) as connection:
        busy = connection.info.backend_pid
        os.kill(busy, signal.SIGSTOP)  # a backend that does not notice its server's end
        kill(store)
        assert busy in store.orphans()
        assert store.revive()
        assert not is_alive(busy)
    store.leave()


def test_a_stale_pid_file_of_another_program_does_not_stop_the_start(data: Path) -> None:
    with ensure_stores(Settings()):
        pass
    innocent = subprocess.Popen(["sleep", "600"])
    try:
        (data / "postgres" / "postmaster.pid").write_text(f"{innocent.pid}\n{data / 'postgres'}\n{int(time.time())}\n5432\n\n\n\nready\n")
        with ensure_stores(Settings()) as urls:
            psycopg.connect(urls.database_url).close()
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


def test_a_start_that_was_killed_half_way_is_done_again(data: Path) -> None:
    (data / "postgres.new").mkdir()
    (data / "postgres.new" / "PG_VERSION").write_text("18\n")
    with ensure_stores(Settings()) as urls:
        psycopg.connect(urls.database_url).close()


def test_a_folder_that_is_no_database_is_left_alone(data: Path) -> None:
    (data / "postgres").mkdir()
    (data / "postgres" / "letter.txt").write_text("mine")
    with pytest.raises(StoreUnavailable, match="no database"), ensure_stores(Settings()):
        pass
    assert (data / "postgres" / "letter.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["滞納整理 2026's 100%", "d" * 120], ids=["odd", "long"])
def test_any_folder_will_do(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    with ensure_stores(Settings(data=folder), redis=True) as urls:
        psycopg.connect(urls.database_url).close()
        with Redis.from_url(urls.redis_url) as client:
            assert client.ping()
        assert runtime_dir(folder).stat().st_mode & 0o777 == 0o700
    assert EmbeddedPostgres(folder).pid() is None
    assert EmbeddedValkey(folder).pid() is None


class WithoutNamespaces(EmbeddedPostgres):
    """As on a machine where root may not make user namespaces."""

    def run_as(self) -> Ordinary:
        user = as_user("nobody")
        assert user is not None
        return user


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user")
def test_root_can_do_without_namespaces_and_with_them_again(data: Path) -> None:
    nobody = as_user("nobody")
    assert nobody is not None
    assert works(nobody)
    for kind, owner in ((WithoutNamespaces, nobody.uid), (EmbeddedPostgres, 0), (WithoutNamespaces, nobody.uid)):
        store = kind(data)
        store.enter()
        psycopg.connect(store.url).close()
        assert store.folder.stat().st_uid == owner or find_ordinary() == nobody
        store.leave()
        assert store.pid() is None
