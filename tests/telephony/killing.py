"""What is killed or cut off in a shift, and the stand on which it happens: shared by the tests and the benchmark that measures recovery."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

from callcenter.core.db import dispose_engines
from callcenter.core.settings import get_settings
from tests import servers
from tests.conftest import migrate, run_folder
from tests.telephony.cable import Cable
from tests.telephony.rig import Rig
from tests.telephony.stand import AWAY_SECONDS, RING_SECONDS, Stand, start_redis


def kill_dialer(stand: Stand) -> None:
    stand.end_dialer(signal.SIGKILL)
    stand.start_dialer()


def kill_asterisk(stand: Stand) -> None:
    stand.rig.kill_asterisk()
    stand.rig.start_asterisk()


def kill_redis(stand: Stand) -> None:
    os.kill(stand.redis.pid, signal.SIGKILL)
    time.sleep(AWAY_SECONDS)
    (stand.folder / "redis" / "redis.sock").unlink(missing_ok=True)
    stand.redis = start_redis(stand.folder)


def kill_postgres(stand: Stand, away: float = AWAY_SECONDS) -> None:
    os.kill(stand.postgres.pid, signal.SIGKILL)
    time.sleep(away)
    port = int(stand.postgres.url.rsplit(":", 1)[1].split("/")[0])
    stand.postgres = servers.run_postgres(stand.postgres_folder, port)
    servers.keep(run_folder(), f"{stand.postgres_folder.name}-postgres", stand.postgres)


def reset_the_cable(stand: Stand) -> None:
    stand.cable.reset()


def block_the_cable(stand: Stand) -> None:
    """Long enough that the phones stop ringing unheard."""
    stand.cable.block(is_blocked=True)
    time.sleep(RING_SECONDS + 1)
    stand.cable.block(is_blocked=False)


FAULTS = (kill_dialer, kill_asterisk, kill_redis, kill_postgres, reset_the_cable, block_the_cable)


@contextmanager
def standing(folder: Path, rig_class: type[Rig] = Rig) -> Iterator[Stand]:
    """PostgreSQL, Redis, Asterisk, SIPp and a cable, each to be killed. Raises MissingServer, RigMissing."""
    postgres_folder = run_folder() / f"killed-{uuid4().hex[:8]}"
    before = {name: os.environ.get(name) for name in ("DATABASE_URL", "REDIS_URL")}
    postgres = servers.start_postgres(postgres_folder)
    servers.keep(run_folder(), f"{postgres_folder.name}-postgres", postgres)
    redis = start_redis(folder)
    dispose_engines()
    migrate(postgres.url)
    with psycopg.connect(postgres.url, autocommit=True) as admin:  # else what was committed a moment before the kill is gone
        admin.execute("ALTER DATABASE postgres SET synchronous_commit = on")
    os.environ["REDIS_URL"] = redis.url
    get_settings.cache_clear()
    (folder / "rig").mkdir()
    try:
        with rig_class(folder / "rig") as rig, Cable(rig.ami_port) as cable:
            made = Stand(rig, folder, postgres_folder, postgres, redis, cable)
            try:
                yield made
            finally:
                made.end_dialer_if_any()
                dispose_engines()
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
        get_settings.cache_clear()
