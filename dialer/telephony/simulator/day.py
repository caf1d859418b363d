"""Whole days in virtual time: the real worker, the real database, a simulated town and operators who work by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from callcenter.core.clock import ManualClock
from callcenter.core.db import transaction
from callcenter.core.errors import Conflict, InvalidInput
from campaigns.attempts.codes import PROMISE_OUTCOMES, Channel, LineResult
from campaigns.attempts.models import Attempt
from campaigns.compliance.gate import load_policy
from campaigns.compliance.windows import next_open, open_spans
from campaigns.planning.models import Campaign
from campaigns.worklist.models import WorkItem
from dialer.telephony.port import CarrierLimits
from dialer.telephony.simulator.carrier import SimulatedCarrier
from dialer.telephony.simulator.operators import SimulatedOperators, ensure_operators
from dialer.telephony.simulator.town import TownBehaviour
from dialer.worker import Dialer, DialerSettings

NODE = "simulation"
LOOK_AGAIN = timedelta(minutes=1)
LONGEST_CALL = timedelta(hours=2)
Progress = Callable[[datetime, int], None]


@dataclass(frozen=True)
class DayPlan:
    """What is simulated: shifts are the contact hours of operator calls, from `start` to `until`.

    Attributes:
        lines, calls_per_second: the trunk.
    """

    office_id: int
    campaign_id: int
    start: datetime
    until: datetime
    operators: int = 4
    seed: int = 1
    lines: int = 16
    calls_per_second: float = 10.0
    caller_id: str = "+81300000000"
    town: TownBehaviour | None = None


@dataclass(frozen=True, slots=True)
class DayReport:
    """What happened, counted from the database; `carrier_calls` is the carrier's own count."""

    calls: int
    answered: int
    promises: int
    operator_calls: int
    robocalls: int
    carrier_calls: int
    began: datetime
    ended: datetime


class SimulatedDay:
    """Runs a plan; the carrier keeps its own log of what truly happened in `carrier.calls`."""

    def __init__(self, plan: DayPlan, *, watch: Callable[[], None] | None = None, pace: Callable[[float], None] | None = None) -> None:
        self.plan = plan
        self.clock = ManualClock(plan.start)
        self.carrier = SimulatedCarrier(self.clock, plan.seed, plan.town, is_scripted=False)
        limits = CarrierLimits(calls_per_second=plan.calls_per_second, max_lines=plan.lines)
        settings = DialerSettings(
            node=NODE,
            caller_id=plan.caller_id,
            limits=limits,
            office_ids=(plan.office_id,),
            campaign_id=plan.campaign_id,
            round_seconds=60.0,
            reap_seconds=60.0,
        )
        self.dialer = Dialer(self.carrier, self.clock, settings)
        self._watch = watch
        self._pace = pace
        self.operators = self._hire()

    def _hire(self) -> SimulatedOperators:
        plan = self.plan
        with transaction(plan.office_id) as session:
            campaign = session.scalars(select(Campaign).where(Campaign.id == plan.campaign_id)).one()
            if campaign.status != "running":
                raise Conflict(f"The campaign '{campaign.name}' is {campaign.status}.", hint="Start it: `callcenter campaign start`.")
            user_ids = ensure_operators(session, plan.operators)
            self._is_preview = campaign.dial_mode == "preview"
        return SimulatedOperators(
            self.carrier,
            self.clock,
            plan.office_id,
            user_ids,
            campaign_id=plan.campaign_id,
            seed=plan.seed,
            town=plan.town,
            is_preview=self._is_preview,
        )

    def run(self, on_progress: Progress | None = None) -> DayReport:
        """Simulates every shift between start and until, or until there is no more work."""
        self.dialer.start()
        self.dialer.step(0)
        if not self.dialer.holds_campaigns():
            raise Conflict("Another dialer works this campaign.", hint="Stop it, or simulate another campaign.", code="campaign_held")
        try:
            for opens, closes in self._shifts():
                self.clock.move_to(opens)
                self.operators.begin_shift()
                self.dialer.notice(self.plan.office_id, wishes=True)
                self._work(closes, on_progress)
                self.operators.end_shift()
                self._wind_up(on_progress)
                if not self._has_work_before(self.plan.until):
                    break
        finally:
            self.dialer.stop()
        return self.report()

    def _shifts(self) -> Iterator[tuple[datetime, datetime]]:
        with transaction(self.plan.office_id) as session:
            hours = load_policy(session).hours
        for opens, closes in open_spans(hours, Channel.OPERATOR_CALL, self.plan.start):
            if opens >= self.plan.until:
                return
            yield max(opens, self.plan.start), min(closes, self.plan.until)

    def _work(self, closes: datetime, on_progress: Progress | None) -> None:
        while self.clock.now() < closes:
            self._round(on_progress)
            if self.clock.now() < closes and self._is_quiet() and not self._has_work_before(closes):
                return
            self._let_pass(closes)

    def _wind_up(self, on_progress: Progress | None) -> None:
        """Calls under way end and results are written; nothing new begins, since nobody is ready and the window is closed."""
        limit = self.clock.now() + LONGEST_CALL
        while self.clock.now() < limit:
            self._round(on_progress)
            if self._is_quiet():
                return
            self._let_pass(limit)

    def _round(self, on_progress: Progress | None) -> None:
        """Everything that is due now, until nothing more comes of it."""
        while True:
            has_events = self.dialer.step(0)
            if self._watch is not None:
                self._watch()
            has_deeds = self.operators.step(has_news=self.dialer.take_moved() or self._is_preview)
            if has_deeds:
                self.dialer.notice(self.plan.office_id)
            if not (has_events or has_deeds):
                break
        if on_progress is not None:
            on_progress(self.clock.now(), len(self.carrier.calls))

    def _let_pass(self, limit: datetime) -> None:
        moments = [limit, self.dialer.next_at(), self.carrier.next_at(), self.operators.next_at()]
        was = self.clock.now()
        self.clock.move_to(max(was + timedelta(milliseconds=1), min(moment for moment in moments if moment is not None)))
        if self._pace is not None:
            self._pace((self.clock.now() - was).total_seconds())

    def _is_quiet(self) -> bool:
        return self.operators.is_idle() and not self.carrier.is_busy()

    def _has_work_before(self, moment: datetime) -> bool:
        with transaction(self.plan.office_id) as session:
            waiting = select(WorkItem.id).where(
                WorkItem.campaign_id == self.plan.campaign_id,
                WorkItem.state.in_(("ready", "claimed")),
                WorkItem.channel.in_((Channel.OPERATOR_CALL, Channel.AUTO_CALL)),
                WorkItem.not_before < moment,
            )
            return session.scalar(waiting.limit(1)) is not None

    def report(self) -> DayReport:
        """Counts what this run put on record."""
        plan, counted = self.plan, Attempt.line_result.is_distinct_from(LineResult.FAILED)
        promised = Attempt.outcome.in_([outcome.value for outcome in PROMISE_OUTCOMES])
        with transaction(plan.office_id) as session:
            row = session.execute(
                select(
                    func.count().filter(counted),
                    func.count().filter(Attempt.line_result == LineResult.ANSWERED),
                    func.count().filter(promised),
                    func.count().filter(counted, Attempt.channel == Channel.OPERATOR_CALL),
                    func.count().filter(counted, Attempt.channel == Channel.AUTO_CALL),
                ).where(
                    Attempt.campaign_id == plan.campaign_id,
                    Attempt.source == "live",
                    Attempt.handed_over_at.is_not(None),
                    Attempt.began_at >= plan.start,
                    Attempt.began_at < plan.until,
                )
            ).one()
        made = sum(1 for call in self.carrier.calls.values() if call.line_result is not LineResult.FAILED)
        return DayReport(*row, carrier_calls=made, began=plan.start, ended=self.clock.now())


def next_working_morning(office_id: int, now: datetime) -> datetime:
    """The beginning of the next contact window of operator calls that has not begun yet."""
    with transaction(office_id) as session:
        hours = load_policy(session).hours
    for opens, _ in open_spans(hours, Channel.OPERATOR_CALL, now):
        if opens >= now:
            return opens
    opening = next_open(hours, Channel.OPERATOR_CALL, now)
    if opening is None:
        raise InvalidInput("The office has no contact hours in sight.", hint="Check its calendar and contact rules.")
    return opening


def end_of_days(office_id: int, start: datetime, days: int) -> datetime:
    """The end of the contact window of the `days`-th working day from `start` on."""
    with transaction(office_id) as session:
        hours = load_policy(session).hours
    end = start
    for index, (_, closes) in enumerate(open_spans(hours, Channel.OPERATOR_CALL, start)):
        if index >= days:
            break
        end = closes
    return end
