"""A call centre for tests: debtors with numbers, a running campaign with work, operators, a dialer on the simulated carrier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import Role, User
from callcenter.core.clock import ManualClock
from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import Debt, Debtor, PhoneNumber
from campaigns.planning.models import Campaign
from campaigns.planning.service import create_campaign, set_status
from campaigns.planning.state import CampaignStatus
from campaigns.worklist.models import WorkItem
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.calls.models import Call
from dialer.telephony.port import CarrierLimits
from dialer.telephony.simulator.carrier import SimulatedCarrier
from dialer.worker import Dialer, DialerSettings

JST = ZoneInfo("Asia/Tokyo")
MORNING = datetime(2026, 11, 18, 9, 0, tzinfo=JST)  # a Wednesday


def add_debtor(session: Session, n: int, suffix: str = "", *, owes: int = 30_000) -> Debtor:
    """A debtor with one debt and one mobile number; `suffix` are the number's last four digits."""
    debtor = Debtor(debtor_no=f"{n:010d}", name="見本 佳代", birth_date=date(1970, 1, 2), address="架空市本町1-2-3")
    session.add(debtor)
    session.flush()
    due = MORNING.date() - timedelta(days=90)
    session.add(
        Debt(
            debtor_id=debtor.id,
            tax_code="10",
            levy_year=2026,
            base_year=2026,
            term=1,
            notice_no=f"{n:08d}",
            due_on=due,
            assessed=owes,
            outstanding=owes,
        )
    )
    e164 = f"+81901{n:03d}{suffix}" if suffix else f"+81902{n:07d}"
    session.add(PhoneNumber(debtor_id=debtor.id, original=e164, e164=e164, line_type="mobile"))
    return debtor


def add_work(session: Session, campaign_id: int, debtor_ids: Sequence[int], channel: Channel, at: datetime = MORNING) -> None:
    """A ready item for each debtor."""
    for debtor_id in debtor_ids:
        session.add(
            WorkItem(campaign_id=campaign_id, debtor_id=debtor_id, channel=channel.value, not_before=at, created_at=at, updated_at=at)
        )
    session.flush()


@dataclass
class Hall:
    """One office at work, in virtual time."""

    office_id: int
    suffixes: Sequence[str] = ()
    operators: int = 1
    channel: Channel = Channel.OPERATOR_CALL
    dial_mode: str = "progressive"
    options: dict[str, Any] = field(default_factory=dict)
    lines: int = 8

    def __post_init__(self) -> None:
        self.clock = ManualClock(MORNING + timedelta(minutes=30))
        self.carrier = SimulatedCarrier(self.clock, seed=7)
        with transaction(self.office_id) as session:
            campaign = create_campaign(session, "11月", MORNING, dial_mode=self.dial_mode, options=self.options)
            set_status(session, campaign.id, CampaignStatus.RUNNING, MORNING)
            self.campaign_id = campaign.id
            debtors = [add_debtor(session, n, suffix) for n, suffix in enumerate(self.suffixes, 1)]
            session.flush()
            add_work(session, campaign.id, [debtor.id for debtor in debtors], self.channel)
            users = [
                User(sign_in_name=f"op{n}", display_name=f"担当{n}", role=Role.OPERATOR, phone_address=f"phone{n}")
                for n in range(1, self.operators + 1)
            ]
            session.add_all(users)
            session.flush()
            self.user_ids = [user.id for user in users]
        self.dialer = self.new_dialer()

    def new_dialer(self, carrier: SimulatedCarrier | None = None) -> Dialer:
        """A dialer process; another one after a crash has the same name."""
        self.carrier = carrier or self.carrier
        limits = CarrierLimits(calls_per_second=50, max_lines=self.lines)
        self.dialer = Dialer(self.carrier, self.clock, DialerSettings("node1", "+81300000000", limits, round_seconds=5.0))
        return self.dialer

    def staff(self, *, ready: bool = True) -> None:
        """Everybody signs in and is ready."""
        with transaction(self.office_id) as session:
            for user_id in self.user_ids:
                agents.sign_in(session, user_id, now=self.clock.now())
                if ready:
                    agents.ready(session, user_id, self.clock.now())

    def pass_time(self, seconds: float) -> None:
        """Lets time pass event by event, the consoles staying open."""
        end = self.clock.now() + timedelta(seconds=seconds)
        while True:
            self.settle()
            next_at = min(moment for moment in (end, self.dialer.next_at(), self.carrier.next_at()) if moment is not None)
            if self.clock.now() >= end:
                return
            self.clock.move_to(max(next_at, self.clock.now() + timedelta(milliseconds=1)))

    def settle(self) -> None:
        """Everything that is due now."""
        with transaction(self.office_id) as session:
            for user_id in self.user_ids:
                agents.heartbeat(session, user_id, self.clock.now())
        self.dialer.notice(self.office_id, wishes=True)
        while self.dialer.step(0):
            continue

    def agent(self, index: int = 0) -> AgentSession:
        """The newest session of an operator."""
        with transaction(self.office_id) as session:
            query = select(AgentSession).where(AgentSession.user_id == self.user_ids[index])
            return session.scalars(query.order_by(AgentSession.id.desc()).limit(1)).one()

    def calls(self) -> list[Call]:
        """All calls, oldest first."""
        with transaction(self.office_id) as session:
            return list(session.scalars(select(Call).order_by(Call.id)))

    def attempts(self) -> list[Attempt]:
        """All attempts, oldest first."""
        with transaction(self.office_id) as session:
            return list(session.scalars(select(Attempt).order_by(Attempt.id)))

    def items(self) -> list[WorkItem]:
        """All work items."""
        with transaction(self.office_id) as session:
            return list(session.scalars(select(WorkItem).order_by(WorkItem.id)))

    def campaign(self) -> Campaign:
        """The campaign."""
        with transaction(self.office_id) as session:
            return session.scalars(select(Campaign).where(Campaign.id == self.campaign_id)).one()
