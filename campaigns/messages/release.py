"""Releasing prepared messages inside the window: claim, ask the gate again, commit, send, record.

No transaction stays open while the provider answers. Messages are claimed some at a time; each is marked as handed over and committed
just before its turn (`sending`). Whatever then stays without an answer is unknown, and `settling` asks the provider. Nothing is ever sent
a second time. Where it may break off:

- before the claim is committed: nothing happened, the message is ready;
- claimed, not begun: nothing has left; the claim's lease ends and the message is ready again, its attempt never happened;
- begun, before or while it is sent, or before the answer is on record: its lease ends, it becomes unknown, and the provider is asked;
- a worker that was held up longer than `MUST_BEGIN` does not send any more but puts back what it has, if that is still its own.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
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
from campaigns.messages.rate import UNLIMITED, rates_of
from campaigns.messages.senders.port import SenderRefused, SenderUnreachable, SmsSender, SmsStatus
from campaigns.messages.sending import Answer, SessionFactory, Way, send_in_turn, send_now, starts_of
from campaigns.messages.state import OPEN_BATCHES, BatchState, MessageState

__all__ = ["Released", "Releaser", "SessionFactory", "advance_batches", "release_all", "release_step", "sweep_messages"]

log = structlog.get_logger(__name__)

MOST, AHEAD = 200, 2  # messages in a chunk, chunks under way
CHUNK_SECONDS = 0.4
LOOK_SECONDS = 0.5  # how often it is looked whether a batch was stopped
SLOW_SECONDS = 2.0  # an answer waits at most so long for the others of its chunk before it is on record
ADVANCE_SECONDS = 2.0
LONGEST_REST = 30.0
MOST_THREADS = 24


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
    way, clock = Way(), ManualClock(now)
    answers = [(item, send_now(sender, chunk, item, start, way)) for item, start in starts_of(session_factory, clock, chunk)]
    with session_factory() as session:
        sent, returned = record_answers(session, chunk.token, answers, now)
    is_left = any(answer is None for _, answer in answers)
    return Released(sent, chunk.refused, returned, chunk.taken == limit and not is_left, chunk.segments)


def release_all(
    session_factory: SessionFactory, sender: SmsSender, clock: Clock, is_over: Callable[[], bool], *, most_threads: int = MOST_THREADS
) -> int:
    """Releases by all numbers of a sender at a time until `is_over()` or none of them finds anything; returns how many were sent."""
    busy = Busy()
    releasers = [
        Releaser(
            session_factory,
            sender,
            clock,
            number=number,
            per_second=per_second,
            threads=min(most_threads, 4 + int(per_second / 4)),
            busy=busy,
        )
        for number, per_second in rates_of(sender).items()
    ]
    if len(releasers) == 1:
        return releasers[0].run(is_over)
    for releaser in releasers:
        busy.note(releaser, has_work=True)  # until it has looked: none leaves before all have
    with ThreadPoolExecutor(len(releasers), thread_name_prefix="number") as pool:
        return sum(pool.map(lambda releaser: releaser.run(is_over), releasers))


class Busy:
    """Which of the numbers that release side by side have work: one without waits while another has some, since there may be more."""

    def __init__(self) -> None:
        self._lock, self._at_work = Lock(), set[object]()

    def note(self, who: object, *, has_work: bool) -> None:
        """Takes note of who has work, and who has none or is through."""
        with self._lock:
            (self._at_work.add if has_work else self._at_work.discard)(who)

    def is_any(self) -> bool:
        """Whether anybody has work."""
        with self._lock:
            return bool(self._at_work)


class Releaser:
    """Sends by one number of a sender until told to end: while one chunk is on its way, the next is made ready.

    Args:
        number, per_second: the sender's number and the segments it takes a second; shared with every other process by `rate`.
        threads: how many requests may be under way; 0 sends one after the other in the clock's own time.
        busy: shared with the releasers of the sender's other numbers.
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
        busy: Busy | None = None,
    ) -> None:
        self._open, self._sender, self._clock = session_factory, sender, clock
        self._number, self._per_second = number, per_second or sender.segments_per_second
        self._pool = None if isinstance(clock, ManualClock) or threads == 0 else ThreadPoolExecutor(threads, thread_name_prefix="send")
        self._way, self._under_way = Way(self._per_second), deque[Sending]()
        self._busy = busy or Busy()
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
                self._busy.note(self, has_work=not is_idle)
                if self._under_way:
                    sent += self._finish(self._under_way.popleft())
                elif is_ending or (is_idle and not self._linger()):
                    return sent
        finally:
            self._busy.note(self, has_work=False)
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
        paired = starts_of(self._open, self._clock, chunk)
        if self._pool is None:
            self._clock.sleep(chunk.starts_in)
            sending.answers = [(item, send_now(self._sender, chunk, item, start, self._way)) for item, start in paired]
            self._clock.sleep(chunk.items[-1].offset)
        else:
            for item, start in paired:
                sending.futures[self._pool.submit(send_in_turn, self._sender, chunk, item, start, self._way)] = item
        return sending

    def _finish(self, sending: Sending) -> int:
        """Waits for the answers, looks meanwhile whether somebody stopped a batch, and puts all on record.

        A failure of our own is raised once the answers that came are on record; what it concerned is swept like what a dead worker left.
        """
        began, left, sent, failures = time.monotonic(), set(sending.futures), 0, list[BaseException]()
        tell_at = began + SLOW_SECONDS
        while left:
            left = wait(left, timeout=LOOK_SECONDS / 2).not_done
            self._look(sending)
            if left and time.monotonic() >= tell_at:
                sent += sum(self._record(each, failures) for each in (sending, *self._under_way))
                tell_at = time.monotonic() + SLOW_SECONDS
        sent += self._record(sending, failures)
        self._adapt(len(sending.chunk.items), time.monotonic() - began)
        if failures:
            raise failures[0]
        return sent

    def _record(self, sending: Sending, failures: list[BaseException]) -> int:
        """Puts on record what has come; failures of our own are kept for the caller. Returns how many were sent."""
        answers, sending.answers = sending.answers, []
        for future in [future for future in sending.futures if future.done()]:
            item = sending.futures.pop(future)
            if (problem := future.exception()) is not None:
                failures.append(problem)
            else:
                answers.append((item, future.result()))
        if not answers:
            return 0
        with self._open() as session:
            sent, _ = record_answers(session, sending.chunk.token, answers, self._clock.now())
        self._note_failures(answer for _, answer in answers)
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
        """Waits a moment where something is due soon, or another number has work; whether it is worth while to go on."""
        if isinstance(self._clock, ManualClock):
            return False
        now = self._clock.now()
        with self._open() as session:
            due = next_due(session)
        soon = due is not None and due <= now + timedelta(seconds=30)
        if not soon and not self._busy.is_any():
            return False
        self._clock.sleep(min(0.5, max(0.05, (due - now).total_seconds())) if soon and due is not None else CHUNK_SECONDS)
        return True


def record_answers(session: Session, token: str, answers: Collection[tuple[Item, Answer]], now: datetime) -> tuple[int, int]:
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
