"""`callcenter work QUEUE` and `callcenter schedule`: one process each."""

from __future__ import annotations

import structlog
import typer

from callcenter.commands.runtime import open_stores, usage_error
from callcenter.core.errors import StoreUnavailable
from callcenter.core.logging import configure_logging
from callcenter.core.queue import QUEUES, get_redis
from callcenter.core.settings import get_settings

log = structlog.get_logger(__name__)


def work(
    queue: str = typer.Argument("default", help="default or batch; one queue per process."),
    burst: bool = typer.Option(False, "--burst", help="End when the queue is empty."),
) -> None:
    """Runs the jobs of one queue."""
    if queue not in QUEUES:
        usage_error(f"'{queue}' is no queue.", f"Expected one of: {', '.join(QUEUES)}.")
    configure_logging(get_settings().log_level)
    with open_stores(redis=True):
        run_worker(queue, burst=burst)


def run_worker(queue: str, *, burst: bool) -> None:
    """RQ's worker without forks (polars and database pools do not survive a fork), with short recovery intervals.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    from redis.exceptions import RedisError
    from rq import Queue, SimpleWorker
    from rq.serializers import JSONSerializer

    client = get_redis()
    if client is None:
        raise StoreUnavailable("No Redis is open.", hint="Set REDIS_URL.")
    try:
        client.ping()
        worker = SimpleWorker(
            [Queue(queue, connection=client, serializer=JSONSerializer)],
            connection=client,
            serializer=JSONSerializer,
            job_monitoring_interval=5,
            maintenance_interval=5,
            worker_ttl=20,
        )
        worker.work(burst=burst, logging_level="WARNING")
    except RedisError as problem:
        raise StoreUnavailable("Redis does not answer.", hint="Check REDIS_URL.") from problem


def schedule() -> None:
    """Starts the periodic jobs; one process per installation, further ones wait."""
    from callcenter.schedule import run_schedule

    configure_logging(get_settings().log_level)
    with open_stores(redis=True):
        run_schedule()
