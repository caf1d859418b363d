"""Jobs: RQ carries them, the database remembers them.

A job leaves after commit and carries ids only. Redis may be away: then the job is not lost but found by the sweeper, because
the row it works on says that it is unfinished.
"""

from __future__ import annotations

import importlib
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy.orm import Session

from callcenter.core.db import after_commit, office_of
from callcenter.core.settings import get_settings

log = structlog.get_logger(__name__)

QUEUES = ("default", "batch")
_clients: dict[str, Redis] = {}


def get_redis() -> Redis | None:
    """The process's client, or None where no Redis is configured."""
    secret = get_settings().redis_url
    if secret is None:
        return None
    url = secret.get_secret_value()
    if url not in _clients:
        _clients[url] = Redis.from_url(url, socket_connect_timeout=2, socket_timeout=30, health_check_interval=15)
    return _clients[url]


def enqueue(function: str, office_id: int, *ids: int, queue: str = "default") -> bool:
    """Hands a job to RQ now.

    Args:
        function: dotted path, for instance `campaigns.jobs.run_import`; called as `function(office_id, *ids)`.
        queue: one of `QUEUES`.

    Returns:
        Whether Redis took it; False is no loss, the sweeper finds the work in the database.
    """
    client = get_redis()
    if client is None:
        return False
    try:
        Queue(queue, connection=client, serializer=JSONSerializer).enqueue(
            function, office_id, *ids, result_ttl=3600, failure_ttl=7 * 86400, job_timeout=4 * 3600
        )
    except RedisError as problem:
        log.warning("job_not_enqueued", function=function, queue=queue, error=type(problem).__name__)
        return False
    return True


def enqueue_after_commit(session: Session, function: str, *ids: int, queue: str = "default") -> None:
    """Hands `function(office_id, *ids)` to RQ once this transaction has committed."""
    office = office_of(session)
    after_commit(session, lambda: (enqueue(function, office, *ids, queue=queue), None)[1])


def is_waited_for(queue: str) -> bool:
    """Whether a job waits in the queue for a worker to be free; true where Redis can't tell."""
    client = get_redis()
    if client is None:
        return True
    try:
        return bool(Queue(queue, connection=client, serializer=JSONSerializer).count)
    except RedisError:
        return True


def call_by_name(function: str, *args: Any) -> Any:
    """Runs a job's function in this process, for sweepers and tests."""
    module, _, name = function.rpartition(".")
    return getattr(importlib.import_module(module), name)(*args)
