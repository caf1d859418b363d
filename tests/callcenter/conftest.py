"""A console without a network: the real application on a real PostgreSQL, a person of each role, and ready-made cases."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from callcenter.app import create_app
from callcenter.auth import passwords, throttling
from callcenter.auth.models import Office, Role, User
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import Debt, Debtor, PhoneNumber
from campaigns.planning.service import create_campaign
from dialer.agents.models import AgentSession
from dialer.calls.models import Call

PASSWORD = "correct horse battery"
CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


@lru_cache(maxsize=1)
def stored_password() -> str:
    """Hashing takes its time: once is enough."""
    return passwords.hash_password(PASSWORD)


@pytest.fixture(autouse=True)
def fresh_counters() -> None:
    throttling.reset()


@pytest.fixture(scope="session")
def app(database_url: str) -> Iterator[FastAPI]:
    """The application, running."""
    application = create_app()
    with TestClient(application):
        yield application


@pytest.fixture
def web(app: FastAPI, office_id: int) -> TestClient:
    """A browser that has not signed in."""
    return TestClient(app, follow_redirects=False)


def add_user(office_id: int, name: str, role: Role) -> int:
    with transaction(office_id) as session:
        user = User(sign_in_name=name, display_name=name, role=role, password_hash=stored_password(), phone_address="sim:1")
        session.add(user)
        session.flush()
        return user.id


@dataclass
class Person:
    """Somebody signed in, in a browser of their own."""

    client: TestClient
    user_id: int
    office_id: int
    role: Role
    console: str = field(default_factory=lambda: uuid4().hex)

    @property
    def csrf(self) -> str:
        found = CSRF.search(self.client.get("/account").text)
        assert found is not None
        return found[1]

    def get(self, path: str, **more: Any) -> Response:
        return self.client.get(path, **more)

    def fragment(self, path: str, **more: Any) -> Response:
        return self.client.get(path, headers={"HX-Request": "true", "X-Console": self.console}, **more)

    def post(
        self, path: str, data: dict[str, Any] | None = None, *, key: str | None = None, console: str | None = None, **more: Any
    ) -> Response:
        headers = {
            "X-CSRF-Token": self.csrf,
            "HX-Request": "true",
            "X-Console": console or self.console,
            "Idempotency-Key": key or uuid4().hex,
        }
        return self.client.post(path, data=data, headers=headers, **more)


def sign_in(client: TestClient, name: str, office: str = "", password: str = PASSWORD, **more: Any) -> Response:
    found = CSRF.search(client.get("/login").text)
    assert found is not None
    return client.post("/login", data={"sign_in_name": name, "password": password, "office": office, "csrf_token": found[1], **more})


@pytest.fixture
def person(app: FastAPI, web: TestClient, office_id: int) -> Callable[..., Person]:
    """Makes somebody of a role and signs them in."""

    def make(role: Role = Role.OPERATOR, name: str = "", office: int | None = None, office_code: str = "") -> Person:
        office = office or office_id
        name = name or f"{role.value}{uuid4().hex[:6]}"
        user_id = add_user(office, name, role)
        client = TestClient(app, follow_redirects=False)
        assert sign_in(client, name, office_code).status_code == 303
        return Person(client, user_id, office, role)

    return make


@dataclass(frozen=True)
class Case:
    """A debtor with two debts, in a running campaign."""

    debtor_id: int
    campaign_id: int
    debtor_no: str = "00012345"
    name: str = "見本 佳代"


def add_case(office_id: int, *, name: str = "見本 佳代", number: str = "00012345", now: datetime | None = None) -> Case:
    now = now or utc_now()
    with transaction(office_id) as session:
        debtor = Debtor(
            debtor_no=number,
            name=name,
            name_kana="ミホン カヨ",
            name_key=name,
            kana_key="ミホンカヨ",
            birth_date=date(1980, 4, 3),
            address="架空市本町二丁目3番4号",
        )
        session.add(debtor)
        session.flush()
        campaign = create_campaign(session, "十一月", now)
        campaign.status = "running"
        session.add(PhoneNumber(debtor_id=debtor.id, original="03-0000-0142", e164="+81300000142", line_type="fixed"))
        for term, yen in ((1, 36_000), (2, 38_200)):
            session.add(
                Debt(
                    debtor_id=debtor.id,
                    tax_code="01",
                    tax_name="市県民税",
                    levy_year=2026,
                    base_year=2026,
                    term=term,
                    notice_no=f"N{term}",
                    due_on=date(2026, 6, 30) + timedelta(days=60 * (term - 1)),
                    assessed=yen,
                    outstanding=yen,
                )
            )
        session.flush()
        return Case(debtor.id, campaign.id, number, name)


def put_on_the_line(office_id: int, user_id: int, case: Case, *, state: str = "talking", now: datetime | None = None) -> int:
    """An operator with a call, as the dialer would leave it; returns the attempt."""
    now = now or utc_now()
    with transaction(office_id) as session:
        attempt = Attempt(
            debtor_id=case.debtor_id,
            campaign_id=case.campaign_id,
            channel="operator_call",
            phone_text="03-0000-0142",
            operator_id=user_id,
            began_at=now,
            handed_over_at=now,
            answered_at=now if state in ("talking", "wrap_up") else None,
            state="wrap_up" if state == "wrap_up" else "open",
            line_result="answered" if state == "wrap_up" else None,
            ended_at=now if state == "wrap_up" else None,
            wrap_up_until=now + timedelta(seconds=90) if state == "wrap_up" else None,
        )
        session.add(attempt)
        session.flush()
        agent = AgentSession(
            user_id=user_id,
            campaign_id=case.campaign_id,
            state=state,
            state_since=now,
            attempt_id=attempt.id,
            leg_id=f"leg-{uuid4().hex}",
            is_leg_up=True,
            signed_in_at=now,
            last_seen_at=now,
        )
        session.add(agent)
        session.flush()
        session.add(
            Call(
                attempt_id=attempt.id,
                campaign_id=case.campaign_id,
                agent_session_id=agent.id,
                carrier="simulator",
                channel_id=f"o{office_id}-c-{uuid4().hex[:20]}",
                mode="progressive",
                state={"talking": "bridged", "wrap_up": "ended", "ringing": "ringing"}[state],
                placed_at=now,
                answered_at=attempt.answered_at,
                ended_at=attempt.ended_at,
            )
        )
        return attempt.id


@pytest.fixture
def two_offices(clean_database: None) -> tuple[int, int]:
    with transaction(None) as session:
        offices = [Office(code="one", name="一の市"), Office(code="two", name="二の市")]
        session.add_all(offices)
        session.flush()
        return offices[0].id, offices[1].id
