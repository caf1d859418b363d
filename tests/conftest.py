"""What all tests share: a PostgreSQL and a Redis of the run's own, a database per worker, and nothing but loopback."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from tests import servers
from tests.emptying import empty_tables

ROOT_VARIABLE = "CALLCENTER_TEST_RUN"
# How long an example takes says something of the machine only, and the same tree must be judged the same each time: what is drawn anew
# each time is looked for with --hypothesis-profile=anew.
settings.register_profile("anew", deadline=None, derandomize=False, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("steady", settings.get_profile("anew"), derandomize=True, database=None)
settings.register_profile("fast", settings.get_profile("steady"), max_examples=25)
settings.load_profile("steady")
for name in ("DATABASE_URL", "REDIS_URL", "CALLCENTER_OFFICE", "CALLCENTER_LANG"):
    os.environ.pop(name, None)


def pytest_configure(config: pytest.Config) -> None:
    """The controlling process names the run's folder, workers inherit it; each has a data folder of its own in it."""
    if not hasattr(config, "workerinput"):
        servers.sweep()
        os.environ[ROOT_VARIABLE] = str(servers.new_root())
    os.environ["CALLCENTER_DATA"] = str(run_folder() / f"data-{name_of_worker(config)}")


def name_of_worker(config: pytest.Config) -> str:
    """`gw0`, `gw1` … under xdist, else `main`."""
    return str(getattr(config, "workerinput", {}).get("workerid", "main"))


def pytest_unconfigure(config: pytest.Config) -> None:
    """The controlling process stops every server of the run."""
    if not hasattr(config, "workerinput") and (root := os.environ.get(ROOT_VARIABLE)):
        servers.stop_all(Path(root))


def missing(what: str) -> None:
    """A program is not here: a failure in CI, elsewhere a skip that is told loudly."""
    message = f"{what} is missing on this machine; `make test` as root installs it"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Says what was not run, so that a skip is never silent."""
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[reason] = reasons.get(reason, 0) + 1
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"NOT RUN: {count} tests: {reason}", red=True, bold=True)


@pytest.fixture(scope="session", autouse=True)
def only_loopback() -> Iterator[None]:
    """Refuses connections to anything but this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else None
        if host is not None and not (str(host).startswith("127.") or host in ("localhost", "::1")):
            raise RuntimeError(f"a test tried to reach {host}: only loopback is allowed")
        connect(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign]
    yield
    socket.socket.connect = connect  # type: ignore[method-assign]


def run_folder() -> Path:
    """The folder of this test run."""
    return Path(os.environ[ROOT_VARIABLE])


def server(name: str, start: Any) -> str:
    """The address of a server of the run, or the test ends with what is missing."""
    try:
        return servers.shared(run_folder(), name, start)
    except servers.MissingServer as problem:
        missing(str(problem))
        raise


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """The run's PostgreSQL, as superuser, database `postgres`."""
    return server("postgres", servers.start_postgres)


@pytest.fixture(scope="session")
def redis_url() -> str:
    """The run's Redis; tests use what they need and clean up by `clean_redis`."""
    return server("redis", servers.start_redis)


@pytest.fixture(scope="session")
def database_url(postgres_url: str, worker_id: str) -> Iterator[str]:
    """A migrated database of this worker's own, copied from the one that was migrated first; the process's settings point to it."""
    import callcenter.tables  # noqa: F401 - every worker knows all tables, not the one that migrates only
    from callcenter.core.db import dispose_engines
    from callcenter.core.settings import get_settings

    name = f"test_{worker_id}"
    with FileLock(run_folder() / "create.lock"):
        admin = create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            if not connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = 'migrated'")):
                connection.execute(text("CREATE DATABASE migrated"))
                migrate(in_database(postgres_url, "migrated"))
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE migrated'))
        admin.dispose()
    os.environ["DATABASE_URL"] = in_database(postgres_url, name)
    get_settings.cache_clear()
    yield os.environ["DATABASE_URL"]
    dispose_engines()
    os.environ.pop("DATABASE_URL", None)
    get_settings.cache_clear()


def in_database(url: str, name: str) -> str:
    """The address of another database of the same server."""
    return url.rsplit("/", 1)[0] + "/" + name


def migrate(url: str) -> None:
    """Brings an empty database to the newest schema."""
    import callcenter.tables  # noqa: F401
    from callcenter.core.db import dispose_engines
    from callcenter.core.settings import get_settings
    from callcenter.schema import migrate_if_needed

    os.environ["DATABASE_URL"] = url
    get_settings.cache_clear()
    migrate_if_needed()
    dispose_engines()


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """The name of this process among the run's."""
    return name_of_worker(request.config)


@pytest.fixture
def clean_database(database_url: str) -> None:
    """Empties every table but the schema's version, and the folders of files its rows name: office 1 comes again in the next test."""
    from callcenter.core.db import get_engine
    from callcenter.core.settings import get_settings

    with get_engine().begin() as connection:
        empty_tables(connection)
    for folder in ("imports", "sync", "simulated", "audit", "recordings"):
        shutil.rmtree(get_settings().data_dir / folder, ignore_errors=True)


@pytest.fixture
def office_id(clean_database: None) -> int:
    """An office of its own in an empty database."""
    from callcenter.auth.models import Office
    from callcenter.core.db import transaction

    with transaction(None) as session:
        office = Office(code="test", name="架空市", desk_name="納税コールセンター", phone="+81300000000")
        session.add(office)
        session.flush()
        return office.id


@pytest.fixture
def session(office_id: int) -> Iterator[Session]:
    """A transaction of that office, committed at the end of the test."""
    from callcenter.core.db import transaction

    with transaction(office_id) as session:
        yield session


@pytest.fixture
def clean_redis(redis_url: str) -> Iterator[str]:
    """An empty Redis that the process's settings point to."""
    import redis

    from callcenter.core.settings import get_settings

    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    os.environ["REDIS_URL"] = redis_url
    get_settings.cache_clear()
    yield redis_url
    os.environ.pop("REDIS_URL", None)
    get_settings.cache_clear()
