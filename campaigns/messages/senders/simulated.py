"""A provider that sends nothing: accepts, then delivers at fixed rates, the same for the same reference and seed.

What it accepted is kept as JSON lines, as a provider's own log would be: it survives a crash of ours and can be checked independently.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from os import SEEK_END
from pathlib import Path
from threading import Lock

from campaigns.messages.senders.port import SenderRefused, SmsRequest, SmsStatus
from campaigns.messages.state import MessageState


@dataclass(frozen=True, slots=True)
class SimulatedRates:
    """Shares out of 1,000 messages; assumptions, no public figure was found for Japanese numbers."""

    invalid: int = 5
    undelivered: int = 45
    seconds: tuple[int, int] = (2, 20)


class SimulatedSender:
    """Fulfils `SmsSender`.

    Args:
        now: the clock; accelerated in simulations.
        log: file of what was accepted; None keeps it in memory.
    """

    name = "simulated"
    is_asked_for_receipts = True

    def __init__(
        self,
        now: Callable[[], datetime],
        *,
        seed: str = "",
        log: Path | None = None,
        rates: SimulatedRates | None = None,
        segments_per_second: float = 100.0,
    ) -> None:
        self._now, self._seed, self._log, self._rates = now, seed, log, rates or SimulatedRates()
        self.segments_per_second = segments_per_second
        self._lock = Lock()
        self._accepted: dict[str, datetime] = {}
        self._read_to = 0

    def send(self, request: SmsRequest) -> SmsStatus:
        if self._draw(request.reference, "invalid") % 1000 < self._rates.invalid:
            raise SenderRefused("The number is no mobile that takes messages.", code="invalid_number")
        at = self._now()
        with self._lock:
            self._accepted[request.reference] = at
            if self._log is not None:
                line = {"reference": request.reference, "to": request.e164, "body": request.body, "at": at.isoformat()}
                self._log.parent.mkdir(parents=True, exist_ok=True)
                with self._log.open("ab+") as file:
                    file.seek(max(0, file.seek(0, SEEK_END) - 1))
                    mended = b"" if file.read() in (b"", b"\n") else b"\n"  # after half a line of one who was killed
                    file.write(mended + json.dumps(line, ensure_ascii=False).encode() + b"\n")
        return SmsStatus(self._id(request.reference), MessageState.ACCEPTED, "queued")

    def find(self, request: SmsRequest, since: datetime) -> SmsStatus | None:
        at = self._accepted_at(request.reference)
        if at is None:
            return None
        shortest, longest = self._rates.seconds
        takes = shortest + self._draw(request.reference, "time") % max(1, longest - shortest)
        if self._now() < at + timedelta(seconds=takes):
            return SmsStatus(self._id(request.reference), MessageState.ACCEPTED, "sent")
        is_lost = self._draw(request.reference, "delivery") % 1000 < self._rates.undelivered
        state = MessageState.UNDELIVERED if is_lost else MessageState.DELIVERED
        return SmsStatus(self._id(request.reference), state, state.value)

    def _accepted_at(self, reference: str) -> datetime | None:
        with self._lock:
            if reference not in self._accepted and self._log is not None and self._log.exists():
                with self._log.open("rb") as file:
                    file.seek(self._read_to)
                    for line in file:
                        if not line.endswith(b"\n"):
                            break  # still being written
                        self._read_to += len(line)
                        with suppress(ValueError):  # cut off by a crash: never acknowledged
                            row = json.loads(line)
                            self._accepted.setdefault(row["reference"], datetime.fromisoformat(row["at"]))
            return self._accepted.get(reference)

    def _draw(self, reference: str, what: str) -> int:
        return int.from_bytes(hashlib.sha256(f"{self._seed}:{what}:{reference}".encode()).digest()[:4])

    def _id(self, reference: str) -> str:
        return "SIM" + hashlib.sha256(reference.encode()).hexdigest()[:31]
