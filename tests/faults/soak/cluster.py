"""The program's processes, forked from one server that has everything imported, so that a killed one is back within moments.

PostgreSQL, Valkey and the provider are programs of their own. The sockets on which the web process and the provider are called stay open
here: while they are dead, callers wait as they would behind a proxy, and no port is lost.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from callcenter.core.embedded.ordinary import find_ordinary
from tests import servers
from tests.faults.soak import play

ROLES = ("web", "work-batch-1", "work-batch-2", "work-default", "schedule")
# Durable against the death of the server's processes, which is what a run does to it; not against that of the machine.
POSTGRES = (
    "-c listen_addresses='' -c fsync=off -c synchronous_commit=on -c full_page_writes=off -c max_connections=300 -c shared_buffers=64MB"
)
DATABASE = "soak"


class Cluster:
    """Everything that runs, and how to kill any of it."""

    def __init__(self, faults: dict[str, Any], seed: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="soak-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.secret, self.callback_secret = secrets.token_hex(8), secrets.token_hex(8)
        self.web_socket, self.provider_socket = _listening(), _listening()
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.faults.soak.play"])
        self._running: dict[str, BaseProcess] = {}
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._bugs: dict[int, str] = {}
        self._faults, self._seed = faults, seed
        self._provider: subprocess.Popen[bytes] | None = None
        self._redis = 0
        self._prefix: list[str] = []
        self.kills: list[str] = []

    @property
    def log(self) -> Path:
        """The provider's log."""
        return self.folder / "provider.log"

    @property
    def database_url(self) -> str:
        """The database, as superuser."""
        return f"postgresql://postgres@/{DATABASE}?host={self.folder / 'postgres'}"

    def address(self, of: socket.socket) -> str:
        """Where a process of ours is called."""
        return f"http://127.0.0.1:{of.getsockname()[1]}"

    def start_stores(self) -> None:
        """PostgreSQL with an empty, migrated database, and Redis."""
        self._start_postgres()
        subprocess.run([servers.postgres_bin() / "createdb", "-h", self.folder / "postgres", "-U", "postgres", DATABASE], check=True)
        self._start_redis()
        plan = {"seed": self._seed, "secret": self.secret, "callback_secret": self.callback_secret, "faults": self._faults}
        (self.folder / "plan.json").write_text(json.dumps(plan))

    def environment(self) -> dict[str, str]:
        """What every process of ours is told."""
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": f"unix://{self.folder / 'redis' / 'redis.sock'}",
            "CALLCENTER_DATA": str(self.folder / "data"),
            "CALLCENTER_PUBLIC_URL": self.address(self.web_socket),
            "CALLCENTER_SMS_GATEWAY_URL": self.address(self.provider_socket),
            "CALLCENTER_SMS_GATEWAY_USER": "city",
            "CALLCENTER_SMS_GATEWAY_SECRET": self.secret,
            "CALLCENTER_SMS_GATEWAY_CALLBACK_SECRET": self.callback_secret,
        }

    def plant(self, bugs: dict[int, str]) -> None:
        """Lets processes started from now on have these bugs, by office."""
        self._bugs = bugs

    def start(self) -> None:
        """Starts the processes and somebody who starts them again."""
        self._start_provider()
        for role in ROLES:
            self._start(role)
        threading.Thread(target=self._watch, daemon=True).start()

    def kill(self, what: str) -> None:
        """Ends something without a word; it comes back by itself."""
        with self._lock:
            self.kills.append(what)
            if what == "postgres":
                self._restart_postgres()
            elif what == "redis":
                os.kill(self._redis, signal.SIGKILL)
                self._start_redis()
            elif what == "flush":
                self._flush()
            elif what == "provider" and self._provider is not None:
                self._provider.kill()
            else:
                self._running[what].kill()

    def stop(self) -> None:
        """Ends everything and removes the folder."""
        self._stopping.set()
        with self._lock:
            for process in self._running.values():
                process.kill()
            for process in self._running.values():
                process.join(10)
                process.close()
            if self._provider is not None:
                self._provider.kill()
                self._provider.wait(10)
            if self._redis:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._redis, signal.SIGKILL)
            self._postgres("stop", "-m", "immediate")
        self.web_socket.close()
        self.provider_socket.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _watch(self) -> None:
        while not self._stopping.wait(0.1):
            with self._lock:
                if self._stopping.is_set():
                    return
                if self._provider is not None and self._provider.poll() is not None:
                    self._start_provider()
                for role, process in list(self._running.items()):
                    if not process.is_alive():
                        process.join()
                        process.close()
                        self._start(role)

    def _start(self, role: str) -> None:
        web = self.web_socket if role == "web" else None
        process = self._context.Process(target=play.play, args=(role, self.environment(), self._bugs, web), name=role, daemon=True)
        process.start()
        self._running[role] = process

    def _start_provider(self) -> None:
        command = [sys.executable, "-m", "tests.faults.soak.provider", str(self.folder), str(self.provider_socket.fileno())]
        self._provider = subprocess.Popen(command, pass_fds=[self.provider_socket.fileno()])

    def _start_redis(self) -> None:
        folder = self.folder / "redis"
        (folder / "redis.sock").unlink(missing_ok=True)
        self._redis = servers.start_redis(folder).pid

    def _flush(self) -> None:
        import redis

        with contextlib.suppress(redis.RedisError), redis.Redis.from_url(self.environment()["REDIS_URL"]) as client:
            client.flushall()

    def _start_postgres(self) -> None:
        folder = self.folder / "postgres"
        folder.mkdir(mode=0o755)
        ordinary = find_ordinary()
        if ordinary is None:
            raise servers.MissingServer("a way to run PostgreSQL as somebody else than root")
        ordinary.own(folder)
        self._prefix = [*ordinary.prefix]
        init = [servers.postgres_bin() / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"]
        subprocess.run([*self._prefix, *init, "--no-sync"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        self._postgres("start")

    def _restart_postgres(self) -> None:
        self._postgres("stop", "-m", "immediate")
        self._postgres("start")

    def _postgres(self, *what: str) -> None:
        folder = self.folder / "postgres"
        options = ["-o", f"-k {folder} {POSTGRES}"] if "start" in what else []
        command = [servers.postgres_bin() / "pg_ctl", "-D", folder / "data", "-l", folder / "log", "-w", "-t", "60", *options, *what]
        subprocess.run([*self._prefix, *command], cwd=folder, check="start" in what, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _listening() -> socket.socket:
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("127.0.0.1", 0))
    found.listen(512)
    return found


def until(is_done: Any, seconds: float, what: str) -> None:
    """Waits, with patience."""
    end = time.monotonic() + seconds
    while not is_done():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.2)
