"""What a verified person's case shows: what is owed by tax and term with the late charge of a day, and what happened so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import Debt
from campaigns.payments.charges import Rounding
from campaigns.payments.debt_charges import charges_of
from campaigns.payments.models import Payment
from campaigns.promises.models import InstalmentPlan, Promise
from campaigns.promises.schedule import LIVE


@dataclass(frozen=True, slots=True)
class DebtLine:
    """One open installment; yen. `charge` is the core system's where it has fixed one, else computed for the day."""

    id: int
    tax_code: str
    tax_name: str
    levy_year: int
    base_year: int
    term: int
    due_on: date
    principal: int
    fee: int
    charge: int
    is_charge_fixed: bool
    is_carried: bool

    @property
    def total(self) -> int:
        """Principal, fee and charge together."""
        return self.principal + self.fee + self.charge


@dataclass(frozen=True, slots=True)
class Debts:
    """All open installments of a debtor, oldest due date first.

    `unknown_charges` of them have no published rate yet, `unknown_parts` were paid in part on days nobody told.
    """

    lines: Sequence[DebtLine]
    as_of: date
    unknown_charges: int
    unknown_parts: int = 0

    @property
    def principal(self) -> int:
        """本税の計."""
        return sum(line.principal for line in self.lines)

    @property
    def fee(self) -> int:
        """督促手数料の計."""
        return sum(line.fee for line in self.lines)

    @property
    def charge(self) -> int:
        """延滞金の計."""
        return sum(line.charge for line in self.lines)

    @property
    def total(self) -> int:
        """All of it."""
        return self.principal + self.fee + self.charge


@dataclass(frozen=True, slots=True)
class PastAttempt:
    """One earlier attempt."""

    at: datetime
    channel: str
    line_result: str | None
    party: str | None
    outcome: str | None
    operator: str
    note: str


@dataclass(frozen=True, slots=True)
class PastPayment:
    """One posting of this debtor."""

    paid_on: date
    yen: int
    status: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`attempts` there were, by whatever channel; the newest day of payment posted in the office; whether the debtor keeps a plan."""

    attempts: int
    posted_on: date | None
    has_plan: bool


def read_debts(session: Session, debtor_id: int, paid_on: date, rounding: Rounding | None = None) -> Debts:
    """The open installments with the fee and the charge that are left if paid on `paid_on`, rounded as the office does unless said."""
    rows = session.scalars(
        select(Debt).where(Debt.debtor_id == debtor_id, Debt.status == "open").order_by(Debt.due_on, Debt.tax_code, Debt.term, Debt.id)
    )
    open_debts = rows.all()
    charges = charges_of(session, open_debts, paid_on, rounding)
    lines = [
        DebtLine(
            id=debt.id,
            tax_code=debt.tax_code,
            tax_name=debt.tax_name or debt.tax_code,
            levy_year=debt.levy_year,
            base_year=debt.base_year,
            term=debt.term,
            due_on=debt.due_on,
            principal=debt.outstanding,
            fee=charges[debt.id].fee,
            charge=charges[debt.id].charge,
            is_charge_fixed=charges[debt.id].is_fixed,
            is_carried=debt.vintage == "carried_over",
        )
        for debt in open_debts
    ]
    unknown = sum(charge.is_unknown for charge in charges.values())
    return Debts(lines, paid_on, unknown, sum(charge.has_unknown_parts for charge in charges.values()))


def past_attempts(session: Session, debtor_id: int, *, count: int = 10, but: int | None = None) -> list[PastAttempt]:
    """The newest closed attempts, newest first, without the one `but`."""
    rows = session.execute(
        select(Attempt, User.display_name)
        .outerjoin(User, (User.office_id == Attempt.office_id) & (User.id == Attempt.operator_id))
        .where(Attempt.debtor_id == debtor_id, Attempt.state == "closed", Attempt.id != (but or 0))
        .order_by(Attempt.began_at.desc(), Attempt.id.desc())
        .limit(count)
    )
    return [PastAttempt(row.began_at, row.channel, row.line_result, row.party, row.outcome, name or "", row.note) for row, name in rows]


def count_attempts(session: Session, debtor_id: int, since: datetime | None = None) -> int:
    """How many attempts there were, by whatever channel."""
    query = select(func.count()).select_from(Attempt).where(Attempt.debtor_id == debtor_id)
    return session.scalar(query if since is None else query.where(Attempt.began_at >= since)) or 0


def surroundings_of(session: Session, debtor_id: int) -> Surroundings:
    """What is counted or only yes or no of a debtor's case."""
    attempts = select(func.count()).where(Attempt.debtor_id == debtor_id).scalar_subquery()
    posted = select(func.max(Payment.paid_on)).where(~Payment.is_reversal).scalar_subquery()
    plan = select(InstalmentPlan.id).where(InstalmentPlan.debtor_id == debtor_id, InstalmentPlan.state.in_(LIVE)).exists()
    return Surroundings(*session.execute(select(attempts, posted, plan)).one())


def past_payments(session: Session, debtor_id: int, count: int = 10) -> list[PastPayment]:
    """The newest postings, newest first."""
    rows = session.scalars(
        select(Payment).where(Payment.debtor_id == debtor_id).order_by(Payment.paid_on.desc(), Payment.id.desc()).limit(count)
    )
    return [PastPayment(row.paid_on, row.principal + row.demand_fee + row.late_charge, row.status) for row in rows]


def past_promises(session: Session, debtor_id: int, count: int = 10) -> list[Promise]:
    """The newest promises, newest first."""
    query = select(Promise).where(Promise.debtor_id == debtor_id).order_by(Promise.made_at.desc(), Promise.id.desc())
    return list(session.scalars(query.limit(count)))


def latest_posting(session: Session) -> date | None:
    """The newest day of payment that has been posted in this office."""
    return session.scalar(select(func.max(Payment.paid_on)).where(~Payment.is_reversal))
