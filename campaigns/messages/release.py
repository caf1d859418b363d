"""Releasing prepared messages inside the window: claim, ask the gate again, commit, send, record.

No transaction stays open while the provider answers. A message is marked as handed over and committed before it is sent; whatever
then stays without an answer is unknown, and `settling` asks the provider. Nothing is ever sent a second time. Where it may break off:

- before the commit: nothing happened, the message is ready;
- after it, before or while it is sent, or before the answer is on record: its lease ends, it becomes unknown, and the provider is asked;
- a worker that was held up longer than `MUST_BEGIN` does not send any more but puts back what it has, if that is still its own.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

import structlog
from sqlalchemy.orm import Session

from callcenter.core.clock import Clock, ManualClock
from callcenter.core.live import publish
from campaigns.messages.events import News, keep_events, put_back, sweep_messages, tell
from campaigns.messages.handover import Chunk, Item, next_due, stopped_batches, take_chunk
from campaigns.messages.moving import advance_batches, find_batch, set_batch_state
from campaigns.messages.rate import UNLIMITED
from campaigns.messages.senders.port import SenderError, SenderRefused, SenderUnreachable, SmsSender, SmsStatus
from campaigns.messages.state import OPEN_BATCHES, BatchState, MessageState

__all__ = ["Released", "Releaser", "SessionFactory", "advance_batches", "release_step", "sweep_messages"]

log = structlog.get_logger(__name__)

SessionFactory = Callable[[], AbstractContextManager[Session]]
Answer = SmsStatus | SenderError | None
"""What came of an item; None: it was not sent."""
MOST, AHEAD = 200, 2  # messages in a chunk, chunks under way
CHUNK_SECONDS = 0.4
LOOK_SECONDS = 0.5  # how often it is looked whether a batch was stopped
ADVANCE_SECONDS = 2.0
LONGEST_REST = 30.0
LATE = 3.0  # a turn missed by more seconds is lost


@dataclass(frozen=True, slots=True)
class Released:
    """One step: how many were sent (accepted or unknown), refused, put back; whether more wait; segments handed over."""

    sent: int = 0
    refused: int = 0
    put_back: int = 0
    has_more: bool = False
    segments: int = 0


@dataclass
class Sending:
    """A chunk on its way."""

    chunk: Chunk
    futures: dict[Future[Answer], Item] = field(default_factory=dict)
    answers: list[tuple[Item, Answer]] = field(default_factory=list)


def release_step(session_factory: SessionFactory, sender: SmsSender, now: datetime, *, limit: int = 10) -> Released:
    """Hands over up to `limit` messages of batches whose window is open, one after the other, at whatever rate the caller keeps."""
    with session_factory() as session:
        advance_batches(session, now)
        chunk = take_chunk(session, sender, "", 0.0, now, limit)
    way = _Way()
    answers = [(item, _send(sender, chunk, item, way)) for item in chunk.items]
    with session_factory() as session:
        sent, returned = record_answers(session, chunk.token, answers, now)
    is_left = any(answer is None for _, answer in answers)
    return Released(sent, chunk.refused, returned, chunk.taken == limit and not is_left, chunk.segments)


class _Way:
    """What one thread of sending tells the others: batches that were stopped, that the provider takes nothing more, and the last turn.

    After a delay the turns that were missed are not made up for at once: each keeps its distance from the one before, and what is later
    than `LATE` is put back for another turn.
    """

    def __init__(self, per_second: float = 0.0) -> None:
        self.stopped: frozenset[int] = frozenset()
        self.is_closed = False
        self._seconds = 1.0 / per_second if 0 < per_second < UNLIMITED else 0.0
        self._lock, self._free_at = Lock(), 0.0

    def is_open_for(self, item: Item) -> bool:
        """Whether the message may still be sent."""
        return not self.is_closed and item.batch_id not in self.stopped

    def turn(self, item: Item, due: float) -> float | None:
        """When the message may be sent, None where that is too late; both monotonic moments."""
        if not self._seconds:
            return due
        with self._lock:
            at = max(due, self._free_at, time.monotonic())
            if at > due + LATE:
                return None
            self._free_at = max(due, self._free_at) + item.segments * self._seconds
        return at


def _send_in_turn(sender: SmsSender, chunk: Chunk, item: Item, way: _Way) -> Answer:
    """Waits for the message's turn and sends it; a batch that is stopped meanwhile is not waited for."""
    due = chunk.committed + chunk.starts_in + item.offset
    while (left := due - time.monotonic()) > 0 and way.is_open_for(item):
        time.sleep(min(left, 0.1))
    at = way.turn(item, due)
    if at is None:
        return None
    time.sleep(max(0.0, at - time.monotonic()))
    return _send(sender, chunk, item, way)


def _send(sender: SmsSender, chunk: Chunk, item: Item, way: _Way) -> Answer:
    """Sends one message, unless it must not be sent any more."""
    if not way.is_open_for(item) or time.monotonic() > chunk.committed + chunk.must_begin:
        return None
    try:
        return sender.send(item.request)
    except SenderError as problem:
        if isinstance(problem, SenderUnreachable) or (isinstance(problem, SenderRefused) and problem.is_account):
            way.is_closed = True  # no use in trying the others now
        return problem


class Releaser:
    """Sends by one number of a sender until told to end: while one chunk is on its way, the next is made ready.

    Args:
        number, per_second: the sender's number and the segments it takes a second; shared with every other process by `rate`.
        threads: how many requests may be under way; 0 sends one after the other in the clock's own time.
    """

    def __init__(
        self,
        session_factory: SessionFactory,
        sender: SmsSender,
        clock: Clock,
        *,
        number: str = "",
        per_second: float = 0.0,
        threads: int = 8,
    ) -> None:
        self._open, self._sender, self._clock = session_factory, sender, clock
        self._number, self._per_second = number, per_second or sender.segments_per_second
        self._pool = None if isinstance(clock, ManualClock) or threads == 0 else ThreadPoolExecutor(threads, thread_name_prefix="send")
        self._way, self._under_way = _Way(self._per_second), deque[Sending]()
        self._most = max(1, min(MOST, int(self._per_second * CHUNK_SECONDS)))
        self._size = self._most
        self._advance_at = self._look_at = self._rest_until = 0.0
        self._failures = 0

    def run(self, is_over: Callable[[], bool]) -> int:
        """Releases until `is_over()` or nothing more waits for now; returns how many were sent."""
        sent = 0
        try:
            while True:
                is_ending = is_over()
                is_idle = not self._fill(is_ending=is_ending)
                if self._under_way:
                    sent += self._finish(self._under_way.popleft())
                elif is_ending or (is_idle and not self._linger()):
                    return sent
        finally:
            self._way.is_closed = True
            if self._pool is not None:
                self._pool.shutdown(wait=True)

    def _fill(self, *, is_ending: bool) -> bool:
        """Puts chunks on their way; whether there are any."""
        if not self._under_way:
            self._way.is_closed = False
        while not is_ending and len(self._under_way) < AHEAD and not self._way.is_closed and time.monotonic() >= self._rest_until:
            chunk = self._take()
            if not chunk.items:
                break
            self._under_way.append(self._start(chunk))
        return bool(self._under_way)

    def _take(self) -> Chunk:
        now = self._clock.now()
        with self._open() as session:
            if time.monotonic() >= self._advance_at or isinstance(self._clock, ManualClock):
                self._advance_at = time.monotonic() + ADVANCE_SECONDS
                advance_batches(session, now)
            return take_chunk(session, self._sender, self._number, self._per_second, now, self._size)

    def _start(self, chunk: Chunk) -> Sending:
        sending = Sending(chunk)
        if self._pool is None:
            self._clock.sleep(chunk.starts_in)
            sending.answers = [(item, _send(self._sender, chunk, item, self._way)) for item in chunk.items]
            self._clock.sleep(chunk.items[-1].offset)
        else:
            for item in chunk.items:
                future = self._pool.submit(_send_in_turn, self._sender, chunk, item, self._way)
                sending.futures[future] = item
        return sending

    def _finish(self, sending: Sending) -> int:
        """Waits for the answers, looks meanwhile whether somebody stopped a batch, and puts all on record."""
        began, left = time.monotonic(), set(sending.futures)
        while left:
            left = wait(left, timeout=LOOK_SECONDS / 2).not_done
            self._look(sending)
        sending.answers += [(item, future.result()) for future, item in sending.futures.items()]
        self._adapt(len(sending.chunk.items), time.monotonic() - began)
        with self._open() as session:
            sent, _ = record_answers(session, sending.chunk.token, sending.answers, self._clock.now())
        self._note_failures(answer for _, answer in sending.answers)
        return sent

    def _look(self, present: Sending) -> None:
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_SECONDS
        batches = {item.batch_id for sending in (present, *self._under_way) for item in sending.chunk.items}
        with self._open() as session:
            self._way.stopped = frozenset(stopped_batches(session, sorted(batches)))

    def _adapt(self, count: int, seconds: float) -> None:
        """Takes about a second's work at once from a provider that is slow and not held back."""
        if self._per_second >= UNLIMITED and seconds > 0:
            self._size = max(1, min(self._most, int(count / seconds) or 1))

    def _note_failures(self, answers: Iterable[Answer]) -> None:
        """Leaves a provider that does not answer alone for a while, longer each time."""
        told = list(answers)
        if any(isinstance(answer, SmsStatus) for answer in told):
            self._failures = 0
        if any(isinstance(answer, SenderUnreachable) for answer in told):
            self._failures += 1
            self._rest_until = time.monotonic() + min(LONGEST_REST, 2.0**self._failures)

    def _linger(self) -> bool:
        """Waits a moment where something is due soon; whether it is worth while to go on."""
        now = self._clock.now()
        with self._open() as session:
            due = next_due(session)
        if due is None or due > now + timedelta(seconds=30) or isinstance(self._clock, ManualClock):
            return False
        self._clock.sleep(min(0.5, max(0.05, (due - now).total_seconds())))
        return True


def record_answers(session: Session, token: str, answers: Iterable[tuple[Item, Answer]], now: datetime) -> tuple[int, int]:
    """Writes down what the provider said to each message of a chunk, in sets; returns how many went out or may have, and how many were
    put back."""
    told = [(item, answer) for item, answer in answers if isinstance(answer, SmsStatus)]
    lost: list[News] = []
    failed: list[News] = []
    unsent: list[int] = []
    paused: dict[int, str] = {}
    for item, answer in answers:
        if isinstance(answer, SmsStatus):
            continue
        if answer is None or isinstance(answer, SenderUnreachable):
            unsent.append(item.message_id)
        elif isinstance(answer, SenderRefused) and answer.is_account:
            unsent.append(item.message_id)
            paused[item.batch_id] = answer.code
        elif isinstance(answer, SenderRefused):
            failed.append(News(item.message_id, MessageState.FAILED, answer.code))
        else:
            lost.append(News(item.message_id, MessageState.UNKNOWN, answer.code))
    if told:
        keep_events(session, [(item.message_id, f"{item.request.reference}:answer", status) for item, status in told], now)
        tell(session, [News(item.message_id, status.state, status.reason, status.provider_id) for item, status in told], now)
    tell(session, [*failed, *lost], now, token=token)
    returned = put_back(session, unsent, token, now)
    for batch_id, code in paused.items():
        _pause(session, batch_id, code, now)
    if told or failed or lost:
        publish(session, "batch")
    return len(told) + len(lost), returned


def _pause(session: Session, batch_id: int, code: str, now: datetime) -> None:
    """Stops a batch for a reason that the provider gave; one that is stopped or over stays so."""
    if find_batch(session, batch_id, locks=True).state in OPEN_BATCHES:
        set_batch_state(session, batch_id, BatchState.PAUSED, now, reason=code)
        log.warning("batch_paused", batch_id=batch_id, code=code)
