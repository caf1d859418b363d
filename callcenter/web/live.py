"""From PostgreSQL's LISTEN to open pages: one thread hears of events and hands each to the streams it concerns."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg
import structlog
from psycopg import sql

from callcenter.core.live import NOTIFY_CHANNEL

log = structlog.get_logger(__name__)

QUEUE_SIZE = 200
RECONNECT_SECONDS = 1.0
POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Heard:
    """One event: `topic` for one office and, if `user_id` is set, one person; `event_id` is its place in the row of events."""

    office_id: int
    topic: str
    event_id: int
    user_id: int | None = None


RESYNC = "resync"  # events were lost: the page refetches everything


@dataclass(eq=False, slots=True)
class Stream:
    """One open page's queue, filled from the listener's thread."""

    office_id: int
    user_id: int
    loop: asyncio.AbstractEventLoop
    queue: asyncio.Queue[Heard] = field(default_factory=lambda: asyncio.Queue(QUEUE_SIZE))

    def concerns(self, heard: Heard) -> bool:
        """Whether this page may and should hear of it."""
        return heard.office_id == self.office_id and heard.user_id in (None, self.user_id)

    def put(self, heard: Heard) -> None:
        """Hands an event over; a page that does not keep up is told to refetch instead."""
        if self.queue.full():
            while not self.queue.empty():
                self.queue.get_nowait()
            heard = Heard(self.office_id, RESYNC, heard.event_id)
        self.queue.put_nowait(heard)


class Listener:
    """The process's ear: one connection, one thread, any number of streams.

    Args:
        on_heard: told the office of each event, on the listening thread, before any page hears of it.
    """

    def __init__(self, url: str, on_heard: Callable[[int], None] = lambda _: None) -> None:
        self._on_heard = on_heard
        self.url = url.replace("postgresql+psycopg://", "postgresql://")
        self.streams: set[Stream] = set()
        self.is_connected = False
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-listener", daemon=True)

    def start(self) -> None:
        """Begins to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stops listening and waits for the thread."""
        self._stop.set()
        self._thread.join(timeout=5)

    def open(self, office_id: int, user_id: int) -> Stream:
        """A new stream for the running event loop."""
        stream = Stream(office_id, user_id, asyncio.get_running_loop())
        with self._lock:
            self.streams.add(stream)
        return stream

    def close(self, stream: Stream) -> None:
        """Forgets a stream."""
        with self._lock:
            self.streams.discard(stream)

    def tell(self, heard: Heard) -> None:
        """Hands one event to the streams it concerns, after whoever keeps something of that office."""
        self._on_heard(heard.office_id)
        with self._lock:
            concerned = [stream for stream in self.streams if stream.concerns(heard)]
        for stream in concerned:
            try:
                stream.loop.call_soon_threadsafe(stream.put, heard)
            except RuntimeError:  # that event loop has been closed
                self.close(stream)

    def _run(self) -> None:
        is_first = True
        while not self._stop.is_set():
            try:
                with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
                    connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(NOTIFY_CHANNEL)))
                    self.is_connected = True
                    if not is_first:
                        self._resync()
                    is_first = False
                    self._listen(connection)
            except psycopg.Error as problem:
                log.warning("live_listener_disconnected", error=type(problem).__name__)
            finally:
                self.is_connected = False
            self._stop.wait(RECONNECT_SECONDS)

    def _listen(self, connection: psycopg.Connection) -> None:
        while not self._stop.is_set():
            for notice in connection.notifies(timeout=POLL_SECONDS):
                try:
                    told = json.loads(notice.payload)
                    heard = Heard(int(told["office"]), str(told["topic"]), int(told["id"]), told["user"])
                except (ValueError, KeyError, TypeError):
                    log.warning("live_event_unreadable")
                    continue
                self.tell(heard)

    def _resync(self) -> None:
        with self._lock:
            offices = {stream.office_id for stream in self.streams}
        for office_id in offices:
            self.tell(Heard(office_id, RESYNC, 0))
