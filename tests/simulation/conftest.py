"""A database in which a lock that somebody else holds is given up at once: one thread plays everybody."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg
import pytest

from callcenter.core.db import dispose_engines
from callcenter.core.settings import get_settings
from tests.simulation.database import simulation_url


@pytest.fixture(scope="module")
def eyes(database_url: str) -> Iterator[psycopg.Connection]:
    """A superuser's connection that sees every office; the product uses the same database."""
    dispose_engines()
    os.environ["DATABASE_URL"] = simulation_url(database_url)
    get_settings.cache_clear()
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection
    dispose_engines()
    os.environ["DATABASE_URL"] = database_url
    get_settings.cache_clear()
