"""Sending one message at its turn: put on record as handed over just before, then asked of the provider, once.

Nothing of a message is at the provider before `Start` has committed that its hand-over began; a worker that dies earlier leaves a claim,
which comes back.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from math import ceil
from threading import Lock

from sqlalchemy.orm import Session

from callcenter.core.clock import Clock
from campaigns.messages.handover import MUST_BEGIN, Chunk, Item, begin
from campaigns.messages.rate import UNLIMITED
from campaigns.messages.senders.port import SenderError, SenderRefused, SenderUnreachable, SmsSender, SmsStatus

SessionFactory = Callable[[], AbstractContextManager[Session]]
Answer = SmsStatus | SenderError | None
"""What came of an item; None: it was not sent."""
LATE = 3.0
"""A turn missed by more seconds is lost."""
TOGETHER_SECONDS, TOGETHER = 0.1, 50
"""Messages are begun together whose turns fall into so many seconds, at most so many: all that a crash leaves to be asked about."""
LEAD = 0.05
"""Seconds before its turn at which a message is begun."""


class Start:
    """Some messages whose hand-over begins together, with the first of them; the others are told by it."""

    def __init__(self, session_factory: SessionFactory, clock: Clock, token: str, message_ids: Sequence[int]) -> None:
        self._open, self._clock, self._token, self._ids = session_factory, clock, token, message_ids
        self._lock, self._is_begun = Lock(), False
        self._mine: Collection[int] = ()
        self._at = 0.0

    def may_send(self, message_id: int) -> bool:
        """Whether the message is on record as handed over by us, and still may be sent."""
        with self._lock:
            if not self._is_begun:
                self._is_begun, self._at = True, time.monotonic()
                with self._open() as session:
                    mine = begin(session, self._ids, self._token, self._clock.now())
                self._mine = mine
        return message_id in self._mine and time.monotonic() < self._at + MUST_BEGIN


def starts_of(session_factory: SessionFactory, clock: Clock, chunk: Chunk) -> list[tuple[Item, Start]]:
    """The items of a chunk, each with those it is begun together with."""
    groups: list[list[Item]] = []
    for item in chunk.items:
        last = groups[-1] if groups else None
        if last is None or len(last) == TOGETHER or item.offset >= last[0].offset + TOGETHER_SECONDS:
            groups.append(last := [])
        last.append(item)
    paired = []
    for group in groups:
        start = Start(session_factory, clock, chunk.token, [item.message_id for item in group])
        paired += [(item, start) for item in group]
    return paired


class Way:
    """What one thread of sending tells the others: batches that were stopped, that the provider takes nothing more, and the last turns.

    Args:
        per_second: segments that the number takes, 0 where nothing is held back.
    """

    def __init__(self, per_second: float = 0.0) -> None:
        self.stopped: frozenset[int] = frozenset()
        self.is_closed = False
        self._most = ceil(per_second) if 0 < per_second < UNLIMITED else 0
        self._span = self._most / per_second if self._most else 0.0  # a second, for whole numbers
        self._lock, self._last, self._turns, self._segments = Lock(), 0.0, deque[tuple[float, int]](), 0

    def is_open_for(self, item: Item) -> bool:
        """Whether the message may still be sent."""
        return not self.is_closed and item.batch_id not in self.stopped

    def turn(self, item: Item, due: float, now: float) -> float | None:
        """When the message may be sent, None where that is too late; all of them monotonic moments.

        What a delay missed follows at once as far as no second has more than the number takes, wherever that second begins; what is later
        than `LATE` is put back for another turn.
        """
        if not self._most:
            return due
        with self._lock:
            at = max(due, now, self._last)
            self._forget(at)
            while self._segments >= self._most:
                at = max(at, self._turns[0][0] + self._span)
                self._forget(at)
            if at > due + LATE:
                return None
            self._last, self._segments = at, self._segments + item.segments
            self._turns.append((at, item.segments))
        return at

    def _forget(self, at: float) -> None:
        """Leaves out the turns that are a second back."""
        while self._turns and self._turns[0][0] + self._span <= at:
            self._segments -= self._turns.popleft()[1]


def send_in_turn(sender: SmsSender, chunk: Chunk, item: Item, start: Start, way: Way) -> Answer:
    """Waits for the message's turn and sends it; a batch that is stopped meanwhile is not waited for."""
    due = chunk.committed + chunk.starts_in + item.offset
    while (left := due - LEAD - time.monotonic()) > 0 and way.is_open_for(item):
        time.sleep(min(left, 0.1))
    if not way.is_open_for(item) or not start.may_send(item.message_id):
        return None
    at = way.turn(item, due, time.monotonic())
    if at is None:
        return None
    time.sleep(max(0.0, at - time.monotonic()))
    return send_now(sender, chunk, item, start, way)


def send_now(sender: SmsSender, chunk: Chunk, item: Item, start: Start, way: Way) -> Answer:
    """Sends one message, unless it must not be sent any more."""
    if not way.is_open_for(item) or time.monotonic() > chunk.committed + chunk.must_begin or not start.may_send(item.message_id):
        return None
    try:
        return sender.send(item.request)
    except SenderError as problem:
        if isinstance(problem, SenderUnreachable) or (isinstance(problem, SenderRefused) and problem.is_account):
            way.is_closed = True  # no use in trying the others now
        return problem
