"""Who is called now: for every free line the next case, claimed, asked at the gate, put on record, committed, and only then dialled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.clock import Clock
from callcenter.core.db import office_of, transaction
from campaigns.attempts.codes import Channel, LineResult
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.agents.state import AgentState
from dialer.calls import service as calls
from dialer.calls.models import Call
from dialer.calls.state import CallState
from dialer.ivr.service import plan_for, script_by_label, script_of
from dialer.sharing import CampaignShare
from dialer.telephony.errors import CarrierError, CarrierRefused, HandoverUnknown
from dialer.telephony.port import Carrier, CarrierLimits, OriginateRequest

log = structlog.get_logger(__name__)

LONGEST_BACK_OFF = 30.0


@dataclass(frozen=True, slots=True)
class Placement:
    """How many calls a round placed, and whether another round may place more at once."""

    placed: int
    has_more: bool = False


class Line:
    """The trunk as the dialer uses it: its caps, and the pause after it did not answer."""

    def __init__(self, carrier: Carrier, clock: Clock, node: str, limits: CarrierLimits, caller_id: str) -> None:
        self.carrier, self.clock, self.node, self.limits, self.caller_id = carrier, clock, node, limits, caller_id
        self.lines_in_use: dict[int, int] = {}
        self._tokens, self._filled_at = 1.0, clock.now()
        self._failures, self._closed_until = 0, clock.now()

    def is_open(self) -> bool:
        """Whether a call may be handed over now."""
        return self.carrier.is_connected() and self.clock.now() >= self._closed_until and self._fill() >= 1.0

    def opens_at(self) -> datetime | None:
        """When the next call may leave if only caps forbid it now."""
        if not self.carrier.is_connected():
            return None
        missing = max(0.0, 1.0 - self._fill()) / self.limits.calls_per_second
        return max(self._closed_until, self.clock.now() + timedelta(seconds=missing))

    def free_lines(self) -> int:
        """Lines of the trunk nobody uses."""
        return max(0, self.limits.max_lines - sum(self.lines_in_use.values()))

    def take(self) -> None:
        """One call leaves."""
        self._tokens -= 1.0

    def _fill(self) -> float:
        now = self.clock.now()
        gained = (now - self._filled_at).total_seconds() * self.limits.calls_per_second
        self._tokens, self._filled_at = min(max(1.0, self.limits.calls_per_second), self._tokens + gained), now
        return self._tokens

    def hand_over(self, request: OriginateRequest) -> CarrierError | None:
        """Asks the carrier; no transaction is open. Returns what went wrong."""
        try:
            self.carrier.originate(request)
        except HandoverUnknown as problem:
            log.warning("hand_over_unknown", error=problem.code)
            return problem
        except CarrierRefused as problem:
            log.warning("call_refused", error=problem.code)
            return problem
        except CarrierError as problem:
            self._failures += 1
            wait = min(LONGEST_BACK_OFF, 2.0**self._failures)
            self._closed_until = self.clock.now() + timedelta(seconds=wait)
            log.warning("carrier_unreachable", retry_in_seconds=wait)
            return problem
        self._failures = 0
        return None


def place_round(line: Line, share: CampaignShare) -> Placement:
    """Places what may be placed now for one campaign; each call in a transaction of its own, committed before the carrier is asked."""
    line.lines_in_use[share.office_id], snapshot = _look(line, share)
    decision = decide(snapshot)
    placed = _place_requested(line, share)
    wanted = [(_for_operator, decision.operator_calls), (_for_robocall, decision.robocalls)]
    has_more = False
    for make, count in wanted:
        for index in range(count):
            if not line.is_open():
                has_more = has_more or index < count
                break
            request = _opened(line, share, make)
            if request is None:
                break
            _hand_over(line, share.office_id, request)
            placed += 1
    return Placement(placed, has_more)
