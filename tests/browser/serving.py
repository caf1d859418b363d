"""The console for a real browser: in this process, or in one of its own that can be killed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from callcenter.app import create_app


@contextmanager
def served() -> Iterator[str]:
    """The application, served by uvicorn on a free port; gives its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        config = uvicorn.Config(create_app(), log_level="warning", access_log=False, timeout_graceful_shutdown=1, lifespan="on")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="web")
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=10)
            server.force_exit = True  # pages that a failed test left open would keep it alive
            thread.join()


class Web:
    """The application in a process of its own that is killed and started again; who knocks meanwhile waits at its door."""

    def __init__(self) -> None:
        self._door = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Opens it; the first answer takes as long as the process takes to come up."""
        number = self._door.fileno()
        self._process = subprocess.Popen([sys.executable, "-c", _SERVE, str(number)], pass_fds=[number], env=dict(os.environ))

    @property
    def pid(self) -> int:
        """Of the process that answers now; RuntimeError when none does."""
        if self._process is None:
            raise RuntimeError("the web process is not up")
        return self._process.pid

    def wait(self, seconds: float = 120) -> None:
        """Until it answers."""
        urllib.request.urlopen(f"{self.address}/login", timeout=seconds).close()

    def kill(self) -> None:
        """As a power cut would: nothing is said to anybody."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """For good."""
        self.kill()
        self._door.close()


_SERVE = """
import socket, sys, uvicorn
from callcenter.app import create_app
from callcenter.core.logging import configure_logging
from callcenter.core.settings import get_settings
configure_logging(get_settings().log_level)
config = uvicorn.Config(create_app(), log_level="warning", access_log=False)
uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])
"""
