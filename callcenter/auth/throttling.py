"""Brakes on guessing passwords, counted in Redis where there is one and in this process otherwise.

A stranger is braked per user and address and per address. A device on which the user has signed in before has a count of its own, so
that nobody can lock a user out of it by guessing elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import FixedWindowRateLimiter

from callcenter.core.queue import get_redis

log = structlog.get_logger(__name__)

PER_USER_AND_ADDRESS = parse("8 per 10 minutes")
PER_USER = parse("40 per hour")  # over all addresses unknown to the user
PER_ADDRESS = parse("60 per 10 minutes")
PER_DEVICE = parse("15 per 10 minutes")

_memory = FixedWindowRateLimiter(MemoryStorage())
_shared: dict[int, FixedWindowRateLimiter] = {}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to sign in: for whom, from where, and on which device of theirs if it is known."""

    office_id: int
    sign_in_name: str
    address: str
    device: str | None = None

    def counts(self) -> list[tuple[RateLimitItem, tuple[str, ...]]]:
        """The counters this try falls under."""
        who = f"{self.office_id}:{self.sign_in_name.casefold()}"
        if self.device is not None:
            return [(PER_DEVICE, ("device", who, self.device))]
        return [
            (PER_USER_AND_ADDRESS, ("pair", who, self.address)),
            (PER_USER, ("user", who)),
            (PER_ADDRESS, ("address", self.address)),
        ]


def is_braked(attempt: Attempt) -> bool:
    """Whether this try has to wait; nothing is counted."""
    return not all(_ask("test", item, key) for item, key in attempt.counts())


def count_failure(attempt: Attempt) -> None:
    """Notes a wrong password."""
    for item, key in attempt.counts():
        _ask("hit", item, key)


def forget(attempt: Attempt) -> None:
    """The right password clears the count of this user here, not that of the address."""
    item, key = attempt.counts()[0]
    _ask("clear", item, key)


def take(item: RateLimitItem, key: tuple[str, ...]) -> bool:
    """Counts one of something that is limited; False when it is one too many."""
    return _ask("hit", item, key)


def reset() -> None:
    """Forgets everything counted in this process, for tests."""
    _memory.storage.reset()


def _ask(verb: str, item: RateLimitItem, key: tuple[str, ...]) -> bool:
    limiter = _redis_limiter()
    if limiter is not None:
        try:
            return getattr(limiter, verb)(item, *key) is not False
        except StorageError as problem:
            log.warning("throttling_without_redis", error=type(problem).__name__)
    return getattr(_memory, verb)(item, *key) is not False


def _redis_limiter() -> FixedWindowRateLimiter | None:
    client = get_redis()
    if client is None:
        return None
    pool = client.connection_pool
    if id(pool) not in _shared:
        try:
            storage: Storage = RedisStorage("redis://localhost", connection_pool=pool, key_prefix="throttle", wrap_exceptions=True)
        except StorageError as problem:
            log.warning("throttling_without_redis", error=type(problem).__name__)
            return None
        _shared[id(pool)] = FixedWindowRateLimiter(storage)
    return _shared[id(pool)]
