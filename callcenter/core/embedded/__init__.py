"""PostgreSQL and Valkey out of wheels, for a first run that needs no server.

`store` says how a data folder's processes share a server, `postgres` and `valkey` how each is started and found again,
`ordinary` as whom PostgreSQL runs when we are root.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from callcenter.core.embedded.postgres import EmbeddedPostgres
from callcenter.core.embedded.store import EmbeddedStore
from callcenter.core.embedded.valkey import EmbeddedValkey
from callcenter.core.settings import Settings

__all__ = ["EmbeddedPostgres", "EmbeddedStore", "EmbeddedValkey", "StoreUrls", "embedded_stores", "ensure_stores"]


@dataclass(frozen=True, slots=True)
class StoreUrls:
    """Addresses of the stores in use; `redis_url` is empty where it was not asked for."""

    database_url: str
    redis_url: str


def embedded_stores(settings: Settings, *, redis: bool = False) -> list[EmbeddedStore]:
    """The stores that `settings` leave to this machine: those that have no address."""
    stores: list[EmbeddedStore] = []
    if not settings.database_url:
        stores.append(EmbeddedPostgres(settings.data_dir))
    if redis and not settings.redis_url:
        stores.append(EmbeddedValkey(settings.data_dir))
    return stores


@contextmanager
def ensure_stores(settings: Settings, *, redis: bool = False) -> Iterator[StoreUrls]:
    """Gives the addresses of the configured stores, or of embedded ones that live at least as long as this block.

    Raises:
        StoreUnavailable: an embedded store can't be started; says why and where its log is.
    """
    database_url = settings.database_url.get_secret_value() if settings.database_url else ""
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else ""
    with ExitStack() as opened:
        for store in embedded_stores(settings, redis=redis):
            store.enter()
            opened.callback(store.leave)
            if isinstance(store, EmbeddedPostgres):
                database_url = store.url
            else:
                redis_url = store.url
        yield StoreUrls(database_url, redis_url if redis else "")
