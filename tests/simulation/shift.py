"""Runs the shift of a seed: the office in the database, the dialers, the people, the faults, until the last result is on record."""

from __future__ import annotations

import logging
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from unittest.mock import patch
from uuid import UUID

import psycopg
import structlog
from sqlalchemy.orm import Session

from callcenter.auth.models import Office, Role, User
from callcenter.core import faults as named_points
from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Attempt
from campaigns.compliance.documents import to_document
from campaigns.compliance.models import ContactPolicyVersion
from campaigns.compliance.presets import municipality
from campaigns.debtors.models import Debt, Debtor, PhoneNumber, Suppression
from campaigns.planning.service import create_campaign, set_status
from campaigns.planning.state import CampaignStatus
from campaigns.promises.models import Promise
from campaigns.worklist.models import WorkItem
from dialer.telephony.port import CarrierLimits
from dialer.worker import Dialer, DialerSettings
from tests.simulation.faults import Faults, Killed
from tests.simulation.log import NetworkLog
from tests.simulation.network import Network, Trunk
from tests.simulation.people import People
from tests.simulation.plan import BEFORE, OPENS, SHIFT, Person, ShiftPlan, Span
from tests.simulation.world import MachineClock, World

LONGEST_END = timedelta(minutes=25)
CLOCK_FORMAT = "%H:%M"


@dataclass(frozen=True)
class ShiftResult:
    """What is left of a shift for whoever judges it."""

    plan: ShiftPlan
    office_id: int
    log: NetworkLog
    passed: Counter[str]
    happened: Counter[tuple[str, str]]


class Wakings:
    """What NOTIFY would tell a dialer; may be silent."""

    def __init__(self, shift: Shift) -> None:
        self._shift, self._heard = shift, 0
        self.is_silent = False

    def offices(self) -> frozenset[int]:
        """Offices in which people did something since the last time."""
        told = self._shift.people.told
        news, self._heard = self._heard != told, told
        return frozenset({self._shift.office_id}) if news and not self.is_silent else frozenset()


class Process:
    """A dialer process: started, killed, started anew under the same name."""

    def __init__(self, shift: Shift, node: str, skew: float) -> None:
        self._shift, self.node = shift, node
        self.clock = MachineClock(shift.world, timedelta(seconds=skew))
        self.wakings = Wakings(shift)
        self._is_in_round = False
        self._dialer: Dialer | None = None
        self._trunk: Trunk | None = None

    def start(self) -> None:
        """A new process."""
        plan, shift = self._shift.plan, self._shift
        self._trunk = Trunk(shift.network, self.node)
        limits = CarrierLimits(calls_per_second=5.0, max_lines=plan.lines)
        offices, reap = (shift.office_id,), plan.reap_seconds
        settings = DialerSettings(self.node, "+81300000000", limits, office_ids=offices, round_seconds=30.0, reap_seconds=reap)
        self.clock.busy_until = shift.world.now
        self._dialer = Dialer(self._trunk, self.clock, settings, self.wakings)  # type: ignore[arg-type]
        shift.network.note("started", detail=self.node)
        self._guard(self._dialer.start)

    def round(self) -> bool:
        """One step; whether anything happened."""
        if self._dialer is None or self._is_in_round or self._shift.world.now < self.clock.busy_until:
            return False
        return self._guard(lambda: self._dialer.go_round(0))  # type: ignore[union-attr]

    def _guard(self, do: Callable[[], object]) -> bool:
        self._is_in_round = True
        try:
            return bool(do())
        except Killed:
            self._die()
            return True
        except Exception as problem:  # noqa: BLE001 - a start that fails is tried again by whoever watches the process
            self._shift.network.note("start_failed", detail=type(problem).__name__)
            self._die()
            return True
        finally:
            self._is_in_round = False

    def _die(self) -> None:
        assert self._trunk is not None
        self._trunk.die()
        self._shift.network.note("died", detail=self.node)
        self._dialer = self._trunk = None
        self._shift.world.later(self._shift.restart_after(), self.start)

    def next_at(self) -> datetime | None:
        """When it has something to do next, in true time."""
        if self._dialer is None or self._trunk is None:
            return None
        moments = [self.clock.true(self._dialer.next_at())]
        if (told := self._trunk.next_at()) is not None:
            moments.append(told)
        return max(min(moments), self.clock.busy_until)

    def end(self) -> None:
        """An orderly end."""
        if self._dialer is not None:
            self._dialer.stop()


class Shift:
    """See the module."""

    def __init__(self, plan: ShiftPlan, eyes: psycopg.Connection) -> None:
        self.plan, self._eyes = plan, eyes
        self.world = World(OPENS - BEFORE)
        self.network = Network(self.world, plan)
        self.faults = Faults(self.world, self.network, plan)
        self.office_id, self._campaign_id, self._debtor_ids, user_ids = make_office(plan)
        self.people = People(self.world, self.network, self.office_id, self._campaign_id, user_ids, eyes)
        self.processes = [Process(self, f"node{n}", plan.skew * n) for n in range(plan.nodes)]
        self._restarts = iter((2.0, 11.0, 4.0, 30.0, 7.0) * 20)

    def restart_after(self) -> float:
        """How long the watcher takes to start a process again."""
        return next(self._restarts)

    def run(self) -> ShiftResult:
        """From before the window opens until everything is settled after it has closed."""
        with listening(self.faults, self.network), named_by(self.plan.seed):
            self._set_agenda()
            for process in self.processes:
                process.start()
            self.people.begin_shift()
            self._go_on(OPENS + SHIFT + timedelta(seconds=15), lambda: False)
            self.people.end_shift()
            self._go_on(OPENS + SHIFT + timedelta(seconds=40), lambda: False)
            self.faults.is_over = self.network.is_calm = True
            self._go_on(OPENS + SHIFT + LONGEST_END, self._is_settled)
            self.people.write_overdue()
            for process in self.processes:
                process.end()
        return ShiftResult(self.plan, self.office_id, self.network.log, self.faults.passed, self.faults.happened)

    def _set_agenda(self) -> None:
        for index, seconds in self.plan.payments:
            person, debtor_id = self.plan.people[index], self._debtor_ids[index]
            self._at(seconds, lambda debtor_id=debtor_id, person=person: self.people.pay(debtor_id, f"{person.n:010d}"))
        for index, seconds in self.plan.holds:
            self._at(seconds, lambda debtor_id=self._debtor_ids[index]: self.people.hold(debtor_id))
        for span in self.plan.spans:
            self._plan_span(span)

    def _at(self, seconds: float, deed: Callable[[], None]) -> None:
        self.world.at(OPENS + timedelta(seconds=seconds), deed)

    def _plan_span(self, span: Span) -> None:
        network, faults, people = self.network, self.faults, self.people
        begin, end = {
            "carrier_down": (lambda: network.go_down(is_dead=False), network.come_up),
            "carrier_died": (lambda: network.go_down(is_dead=True), network.come_up),
            "failing_503": (lambda: setattr(network, "is_failing", True), lambda: setattr(network, "is_failing", False)),
            "swallowing": (lambda: setattr(network, "is_swallowing", True), lambda: setattr(network, "is_swallowing", False)),
            "silent": (lambda: self._silence(is_silent=True), lambda: self._silence(is_silent=False)),
            "database_away": (lambda: setattr(faults, "is_database_away", True), self._bring_database_back),
            "paused": (lambda: people.set_running(is_running=False), lambda: people.set_running(is_running=True)),
            "leg_lost": (people.lose_leg, None),
            "console_gone": (lambda: people.leave(span.lasts), None),
            "clock": (lambda: self._step_clock(span.size), None),
        }[span.kind]

        def start() -> None:
            network.note("begins", detail=span.kind)
            begin()

        self._at(span.begins, start)
        if end is not None:
            self._at(span.begins + span.lasts, end)

    def _bring_database_back(self) -> None:
        self.faults.is_database_away = False
        self.network.note("database_back")

    def _silence(self, *, is_silent: bool) -> None:
        for process in self.processes:
            process.wakings.is_silent = is_silent

    def _step_clock(self, seconds: float) -> None:
        self.world.offset += timedelta(seconds=seconds)
        self.network.note("clock_stepped", detail=f"{seconds:g}")

    def _go_on(self, end: datetime, is_done: Callable[[], bool]) -> None:
        world = self.world
        while world.now < end:
            self._settle()
            if is_done():
                return
            moments = [end, world.now + timedelta(seconds=15), world.next_at(), *(process.next_at() for process in self.processes)]
            soonest = min(moment for moment in moments if moment is not None)
            world.pass_to(max(soonest, world.now + timedelta(milliseconds=2)))

    def _settle(self) -> None:
        for _ in range(100):
            has_moved = sum(process.round() for process in self.processes) > 0
            if not self.people.look() and not has_moved:
                return

    def _is_settled(self) -> bool:
        if self.network.legs or any(call.ended_at is None for call in self.network.calls.values()):
            return False
        row = self._eyes.execute(
            """SELECT EXISTS (SELECT FROM agent_session WHERE office_id = %(o)s AND state <> 'ended')
                   OR EXISTS (SELECT FROM call WHERE office_id = %(o)s AND state <> 'ended')
                   OR EXISTS (SELECT FROM attempt WHERE office_id = %(o)s AND state = 'open')""",
            {"o": self.office_id},
        ).fetchone()
        return row is not None and not row[0]


@contextmanager
def listening(faults: Faults, network: Network) -> Iterator[None]:
    """The shift's faults happen at the product's named points; of its log only what nobody expected is kept."""

    def hear(_logger: object, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        problem = sys.exc_info()[1]
        network.note("unexpected", detail=f"{event.get('event')}: {type(problem).__name__}: {problem}"[:300])
        raise structlog.DropEvent

    os.environ[named_points.SWITCH] = "1"
    structlog.configure(
        processors=[hear], wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR), cache_logger_on_first_use=False
    )
    named_points.listen(faults)
    try:
        yield
    finally:
        named_points.listen(None)
        os.environ.pop(named_points.SWITCH)
        structlog.reset_defaults()


@contextmanager
def named_by(seed: int) -> Iterator[None]:
    """Channels get the same names each time: what is sorted by name comes in the same order."""
    draw = Random(f"names/{seed}")

    def name() -> UUID:
        return UUID(int=draw.getrandbits(128), version=4)

    with patch("dialer.calls.service.uuid4", name), patch("dialer.agents.service.uuid4", name):
        yield


def make_office(plan: ShiftPlan) -> tuple[int, int, list[int], list[int]]:
    """The office, its campaign, its debtors (ids in the order of the plan) and its operators."""
    now = OPENS - timedelta(hours=1)
    with transaction(None) as session:
        office = Office(code=f"s{plan.seed}-{os.urandom(4).hex()}", name="架空市", phone="+81300000000")
        session.add(office)
        session.flush()
        office_id = office.id
    with transaction(office_id) as session:
        session.add(ContactPolicyVersion(version=1, document=_rules(plan), is_active=True, created_at=now, activated_at=now, note="短い窓"))
        options = {
            "ring_seconds": plan.ring_seconds,
            "wrap_up_seconds": 30,
            "retry": {"busy": {"minutes": 1, "soon": 3}, "no_answer": {"minutes": 1}, "failed": {"minutes": 1, "soon": 6}},
        }
        campaign = create_campaign(session, "11月", now, dial_mode=plan.mode, options=options)
        set_status(session, campaign.id, CampaignStatus.RUNNING, now)
        users = [User(sign_in_name=f"op{n}", display_name=f"担当{n}", role=Role.OPERATOR) for n in range(1, plan.operators + 1)]
        session.add_all(users)
        session.flush()
        debtors = []
        for person in plan.people:
            debtor = Debtor(
                debtor_no=f"{person.n:010d}",
                name="見本 佳代",
                birth_date=date(1970, 1, 2),
                address="架空市本町1-2-3",
                household_no=person.household,
                do_not_contact=person.state == "do_not_contact",
            )
            session.add(debtor)
            debtors.append(debtor)
        session.flush()
        for person, debtor in zip(plan.people, debtors, strict=True):
            _add_case(session, person, debtor.id, campaign.id, now)
        return office_id, campaign.id, [debtor.id for debtor in debtors], [user.id for user in users]


def _rules(plan: ShiftPlan) -> dict[str, object]:
    document = to_document(replace(municipality(), max_per_day=plan.max_per_day, gap_minutes=plan.gap_minutes))
    window = f"{OPENS:{CLOCK_FORMAT}}-{OPENS + SHIFT:{CLOCK_FORMAT}}"
    document["weekly"] = {channel: {str(day): window for day in range(5)} for channel in ("operator_call", "auto_call")}
    return document


def _add_case(session: Session, person: Person, debtor_id: int, campaign_id: int, now: datetime) -> None:
    """Debt, numbers, what forbids contact, past calls, and the work item of one debtor."""
    add = session.add
    is_paid = person.state == "paid"
    add(
        Debt(
            debtor_id=debtor_id,
            tax_code="10",
            levy_year=2026,
            base_year=2026,
            term=1,
            notice_no=f"{person.n:010d}",
            due_on=now.date() - timedelta(days=90),
            assessed=30_000,
            received=30_000 if is_paid else 0,
            outstanding=0 if is_paid else 30_000,
            hold=4 if person.state == "hold" else 0,
        )
    )
    for suffix in person.numbers:
        e164 = f"+8190{suffix}5678"
        status = "dead" if person.state == "dead_number" else "unverified"
        add(PhoneNumber(debtor_id=debtor_id, original=e164, e164=e164, line_type="mobile", status=status))
    if person.state == "suppressed":
        add(Suppression(debtor_id=debtor_id, reason="complaint", starts_at=now - timedelta(days=2)))
    if person.state == "promised":
        add(
            Promise(
                debtor_id=debtor_id,
                amount=30_000,
                due_on=now.date() + timedelta(days=3),
                made_on=now.date() - timedelta(days=2),
                made_at=now - timedelta(days=2),
            )
        )
    for days in person.past_days:
        add(
            Attempt(
                debtor_id=debtor_id,
                channel=Channel.OPERATOR_CALL.value,
                state="closed",
                source="imported",
                source_key=f"{person.n}-{days}",
                began_at=now - timedelta(days=days),
                line_result="no_answer",
                party="nobody",
                outcome="no_result",
            )
        )
    add(
        WorkItem(
            campaign_id=campaign_id,
            debtor_id=debtor_id,
            channel=person.channel,
            not_before=now,
            created_at=now,
            updated_at=now,
        )
    )
