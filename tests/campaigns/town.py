"""A small town for tests: debtors, debts, numbers and history in a line each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import Debt, Debtor, PhoneNumber, Suppression
from campaigns.payments.models import Payment
from campaigns.planning.models import Campaign
from campaigns.planning.service import create_campaign
from campaigns.promises.models import Promise

JST = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 11, 18, 10, 0, tzinfo=JST)
TODAY = NOW.date()
MOBILE, LANDLINE = "+819012345678", "+81312345678"


@dataclass
class Town:
    """Makes rows in one transaction; numbers are handed out in order."""

    session: Session

    def __post_init__(self) -> None:
        self.numbers = count(1)

    def debtor(
        self, *, owes: int = 38_500, mobile: bool = True, landline: bool = False, due: date = TODAY - timedelta(days=80), **fields: Any
    ) -> Debtor:
        """A listed debtor with one debt of `owes` yen (none when 0) and the numbers asked for."""
        n = next(self.numbers)
        hold = fields.pop("hold", 0)
        debtor = Debtor(debtor_no=f"{n:010d}", name="見本 佳代", **fields)
        self.session.add(debtor)
        self.session.flush()
        if owes:
            self.debt(debtor, owes, due=due, hold=hold)
        if landline:
            self.phone(debtor, LANDLINE, "fixed")
        if mobile:
            self.phone(debtor, f"+8190{n:08d}", "mobile")
        return debtor

    def debt(self, debtor: Debtor, owes: int, *, due: date = TODAY - timedelta(days=80), hold: int = 0, **fields: Any) -> Debt:
        """One open instalment."""
        row = Debt(
            debtor_id=debtor.id,
            tax_code=fields.pop("tax_code", "10"),
            levy_year=due.year,
            base_year=due.year,
            term=1 + next(self.numbers) % 90,
            notice_no=f"{next(self.numbers):08d}",
            due_on=due,
            assessed=owes,
            outstanding=owes,
            hold=hold,
            **fields,
        )
        self.session.add(row)
        self.session.flush()
        return row

    def phone(self, debtor: Debtor, e164: str, line_type: str, **fields: Any) -> PhoneNumber:
        """One number."""
        row = PhoneNumber(debtor_id=debtor.id, original=e164, e164=e164, line_type=line_type, **fields)
        self.session.add(row)
        self.session.flush()
        return row

    def attempt(self, debtor: Debtor, channel: Channel, at: datetime, line_result: str | None = "no_answer", **fields: Any) -> Attempt:
        """A closed attempt of the past."""
        row = Attempt(
            debtor_id=debtor.id,
            channel=channel.value,
            state=fields.pop("state", "closed"),
            began_at=at,
            handed_over_at=at,
            line_result=line_result,
            **fields,
        )
        self.session.add(row)
        self.session.flush()
        return row

    def promise(self, debtor: Debtor, due: date, *, amount: int = 10_000, made: datetime = NOW, **fields: Any) -> Promise:
        """A promise to pay."""
        row = Promise(debtor_id=debtor.id, amount=amount, made_on=made.date(), made_at=made, due_on=due, **fields)
        self.session.add(row)
        self.session.flush()
        return row

    def payment(self, debtor: Debtor, yen: int, paid_on: date, **fields: Any) -> Payment:
        """A matched payment; the debts stay as they are."""
        row = Payment(
            source_ref=fields.pop("source_ref", f"p{next(self.numbers)}"),
            debtor_no=debtor.debtor_no,
            tax_code="10",
            levy_year=2026,
            base_year=2026,
            term=1,
            notice_no="1",
            debtor_id=debtor.id,
            paid_on=paid_on,
            principal=yen,
            status=fields.pop("status", "matched"),
            recorded_at=NOW,
            **fields,
        )
        self.session.add(row)
        self.session.flush()
        return row

    def suppress(self, debtor: Debtor, reason: str, ends_at: datetime | None = None, **fields: Any) -> Suppression:
        """A reason not to contact."""
        row = Suppression(debtor_id=debtor.id, reason=reason, starts_at=NOW - timedelta(days=1), ends_at=ends_at, **fields)
        self.session.add(row)
        self.session.flush()
        return row

    def campaign(self, name: str = "11月", **fields: Any) -> Campaign:
        """A campaign under the standard rule set."""
        return create_campaign(self.session, name, NOW, **fields)
