"""Small towns for the reports' tests: debtors, calls, operators' spans, promises, payments, written straight into the tables."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from callcenter.auth.models import User
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import Debt, Debtor
from campaigns.payments.models import Payment
from campaigns.planning.models import Campaign, RuleSet
from campaigns.promises.models import Promise
from campaigns.segmentation.models import ChannelAssignment
from dialer.agents.models import AgentSession, AgentStateSpan

TOKYO = ZoneInfo("Asia/Tokyo")
NUMBERS = count(1)


def at(text: str) -> datetime:
    """A moment of the office's day: `2026-09-01 09:30[:15]`."""
    return datetime.fromisoformat(text).replace(tzinfo=TOKYO)


def add(session: Session, row: Any) -> Any:
    session.add(row)
    session.flush()
    return row


def debtor(session: Session, *taxes: tuple[str, str]) -> int:
    """A debtor with one debt per (tax code, vintage)."""
    found: Debtor = add(session, Debtor(debtor_no=f"{next(NUMBERS):010d}", name="見本 花子"))
    for code, vintage in taxes:
        debt = Debt(debtor_id=found.id, tax_code=code, levy_year=2026, base_year=2026, term=next(NUMBERS) % 99 + 1, outstanding=1000)
        debt.notice_no, debt.due_on, debt.vintage = f"{next(NUMBERS)}", date(2026, 6, 30), vintage
        session.add(debt)
    session.flush()
    return found.id


def operator(session: Session, name: str, team: str = "") -> int:
    """An operator who signs in as `name`."""
    found: User = add(session, User(sign_in_name=name, display_name=name.upper(), role="operator", team=team))
    return found.id


def campaign(session: Session, name: str = "第1期", document: dict[str, Any] | None = None) -> int:
    """A running campaign."""
    now = at("2026-09-01 08:00")
    rules: RuleSet = add(session, RuleSet(name=f"rules {name}", version=1, status="active", document=document or {}, created_at=now))
    found: Campaign = add(session, Campaign(name=name, status="running", rule_set_id=rules.id, created_at=now))
    return found.id


def assignment(session: Session, campaign_id: int, debtor_id: int, rule_code: str) -> None:
    rules = session.get_one(Campaign, (session.info["office_id"], campaign_id)).rule_set_id
    row = ChannelAssignment(campaign_id=campaign_id, debtor_id=debtor_id, channel="operator_call", reason_codes=[], rule_code=rule_code)
    row.rule_set_id, row.as_of, row.assigned_at = rules, at("2026-09-01 00:00"), at("2026-09-01 00:00")
    add(session, row)


def attempt(
    session: Session, debtor_id: int, when: str | datetime, line: str | None = "no_answer", party: str | None = None, **more: Any
) -> int:
    """A closed operator call, handed over at the moment it began."""
    began = at(when) if isinstance(when, str) else when
    fields: dict[str, Any] = {"channel": "operator_call", "state": "closed", "handed_over_at": began} | more
    found: Attempt = add(session, Attempt(debtor_id=debtor_id, began_at=began, line_result=line, party=party, **fields))
    return found.id


def spans(session: Session, user_id: int, *parts: tuple[str, str, str | None], campaign_id: int | None = None) -> None:
    """A signed-in time of (state, from, to)."""
    first, last = at(parts[0][1]), parts[-1][2]
    ended = None if last is None else at(last)
    agent: AgentSession = add(
        session,
        AgentSession(
            user_id=user_id,
            campaign_id=campaign_id,
            state="ended" if ended else parts[-1][0],
            state_since=ended or first,
            leg_id=f"leg-{next(NUMBERS)}",
            signed_in_at=first,
            last_seen_at=ended or first,
            ended_at=ended,
        ),
    )
    for state, began, end in parts:
        span = AgentStateSpan(agent_session_id=agent.id, user_id=user_id, state=state, began_at=at(began))
        span.ended_at = None if end is None else at(end)
        session.add(span)
    session.flush()


def promise(session: Session, debtor_id: int, made: str, due_on: date, amount: int, **more: Any) -> int:
    """A promise made at `made`, with its call in `attempt_id` when there was one."""
    moment = at(made)
    found: Promise = add(session, Promise(debtor_id=debtor_id, made_at=moment, made_on=moment.date(), due_on=due_on, amount=amount, **more))
    return found.id


def payment(session: Session, debtor_id: int | None, paid_on: date, principal: int, **more: Any) -> str:
    """A posting of `principal` yen; returns its reference."""
    fields: dict[str, Any] = {"source_ref": f"P{next(NUMBERS)}", "status": "matched", "is_reversal": False} | more
    row = Payment(
        debtor_id=debtor_id,
        debtor_no="x",
        tax_code="10",
        levy_year=2026,
        base_year=2026,
        term=1,
        notice_no="1",
        paid_on=paid_on,
        posted_on=paid_on + timedelta(days=3),
        principal=principal,
        recorded_at=at("2026-09-30 00:00"),
        **fields,
    )
    add(session, row)
    return str(fields["source_ref"])
